//! The store: segments that are written, and what is known of the logs in them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use msec_identity::LogId;

use super::claims::Stated;
use super::control;
use super::frame::{self, Mark};
use super::held::{Facts, HeldLog, Sight, SignedHead};
use super::ledger::Ledger;
use super::note::Notes;
use super::opening::{self, Reopened};
use super::replay::CLAIM_BYTES;
use super::segments::{self, Segment};
use super::shared::Shared;
use super::stretch::Laid;
use super::wear::{Metered, Wear, WearGauge};
use super::{
    About, Bound, Chunk, Compacted, Erasures, Medium, NOTE_BYTES_MAX, Opened, Queries, Retained,
    RetentionTerms, Storage, StoreConfig, stored,
};
#[cfg(feature = "documents")]
use crate::changes::Snapshot;
use crate::error::StorageError;
use crate::log::{Entry, Fork, LogState, VerifiedRun};
use crate::rollup::Told;

/// Readings of runs that are not durable, and are rolled up when they are. Beyond it a sync is made unasked.
const UNROLLED_MAX: usize = 200_000;

/// Larger than this no segment is, whatever the settings say: places in it have 32 bits.
const SEGMENT_BYTES_MAX: u64 = 1 << 29;

/// A segment is so many times as long as it should be before it is synced unasked.
const UNSYNCED_SEGMENTS_MAX: u64 = 4;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Through {
    /// The last commit, as its caller counts them.
    seq: u64,
    /// The number of its last run.
    pub(super) run: u64,
}

/// Logs on a medium.
#[derive(Debug)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
    pub(super) config: StoreConfig,
    pub(super) segment: Segment,
    pub(super) applied: Through,
    pub(super) durable: Through,
    notes: Notes,
    pub(super) ledger: Ledger,
    pub(super) next_number: u32,
    /// What the logs were before each run that is not durable, the last one last.
    undo: Vec<(LogId, Option<Facts>)>,
    /// What each of them adds to the roll-ups once it is durable.
    unrolled: Vec<(LogId, Vec<Told>)>,
    /// And to the claims.
    unstated: Vec<Stated>,
    /// Readings in them.
    unrolled_readings: usize,
    /// Readings in runs that are not durable.
    waiting_readings: u64,
    pub(super) gauge: WearGauge,
    /// Whether a sync failed, and what it left is not cut off yet.
    pub(super) failed: bool,
    /// Whether segments were rewritten, and are to be read again.
    pub(super) is_stale: bool,
    /// Bytes and stretches that the index does not know.
    pub(super) behind: (u64, usize),
    /// About how many bytes of memory roll-ups and claims take which it does not know.
    pub(super) unindexed: usize,
    /// Up to where logs count, held or not.
    pub(super) bounds: BTreeMap<LogId, Bound>,
}

impl Store {
    /// Opens what lies on `medium`, cutting it back to what verifies. All logs are in memory: there is no index.
    pub fn open(medium: impl Medium + 'static) -> Result<(Self, Opened), StorageError> {
        Self::open_with(medium, StoreConfig::default())
    }

    /// Opens what lies on `medium`, as the settings say.
    pub fn open_with(
        medium: impl Medium + 'static,
        mut config: StoreConfig,
    ) -> Result<(Self, Opened), StorageError> {
        config.segment_bytes = config.segment_bytes.clamp(1, SEGMENT_BYTES_MAX);
        let gauge = WearGauge::default();
        let medium: Arc<dyn Medium> = Arc::new(Metered { medium, gauge: gauge.clone() });
        let Reopened { replay, index, segment, ledger, cut } = opening::open(&medium, &config)?;
        let next_number = replay.next_number();
        let stretches = replay.logs.values().map(|log| log.tail.len()).sum();
        let (notes, note) = Notes::open(medium.clone(), segment.epoch, replay.run);
        let mut opened = Opened { epoch: segment.epoch, run: replay.run, note, cut, ..Opened::default() };
        for (id, log) in &replay.logs {
            opened.logs.push(log.state());
            opened.runs.push(log.facts.run);
            if log.facts.continuable {
                opened.continuable.insert(*id);
            }
        }
        gauge.add(ledger.told.wear);
        let through = Through { seq: 0, run: replay.run };
        let unindexed = replay.unindexed();
        let shared = Arc::new(Shared::new(medium, replay.logs, replay.claims, index));
        shared.set_tombstones(ledger.told.erased.clone());
        opened.erased = ledger.told.erased.iter().collect();
        opened.contested = ledger.told.contested.values().cloned().collect();
        let mut store = Self {
            shared,
            config,
            segment,
            applied: through,
            durable: through,
            notes,
            ledger,
            next_number,
            undo: Vec::new(),
            unrolled: Vec::new(),
            unstated: Vec::new(),
            unrolled_readings: 0,
            waiting_readings: 0,
            gauge,
            failed: false,
            is_stale: false,
            behind: (0, stretches),
            unindexed,
            bounds: BTreeMap::new(),
        };
        if store.ledger.told.is_erasing {
            store.finish_erasing()?;
        }
        store.mark_forks();
        opened.control = store.shared.note(control::entries(&store.shared))?;
        Ok((store, opened))
    }

    /// Something showed that runs are missing which were durable, such as an own entry that only somebody else holds. Of no log
    /// that is held is it known from here on whether all is there, so that its author does not continue it; and an epoch begins.
    pub fn distrust(&mut self) -> Result<(), StorageError> {
        self.sync()?;
        let Segment { number, epoch, .. } = self.segment;
        let (next, run) = (epoch.next(self.config.fresh), self.applied.run);
        self.segment = segments::begin_with_cut(&self.shared.medium, number + 1, next, run)?;
        for log in self.shared.logs_mut().values_mut().filter(|log| log.facts.continuable) {
            let log = Arc::make_mut(log);
            (log.facts.continuable, log.changed) = (false, true);
        }
        Ok(())
    }

    /// What a log is, and whether its author may continue it; `None` if nothing of it is held.
    pub(crate) fn held(&self, log: &LogId) -> Option<(LogState, bool)> {
        let logs = self.shared.logs();
        let log = logs.get(log).filter(|log| log.size() > 0)?;
        Some((log.state(), log.facts.continuable))
    }

    /// The first entry of a log that was not let go.
    pub(crate) fn begin(&self, log: &LogId) -> u64 {
        self.shared.logs().get(log).map_or(0, |log| log.begin())
    }

    /// How many logs are held.
    pub(crate) fn logs_len(&self) -> usize {
        self.shared.logs().len()
    }

    /// The logs that are wanted, in the order of their ids.
    pub(crate) fn logs_that(&self, wants: impl Fn(&LogState) -> bool) -> Vec<LogId> {
        let logs = self.shared.logs();
        let wanted = logs.iter().filter(|(_, log)| log.size() > 0 && wants(&log.state()));
        wanted.map(|(id, _)| *id).collect()
    }

    /// Whether each run starts where its log ends, those before it in the same commit included.
    fn continued_by(&self, runs: &[VerifiedRun]) -> bool {
        let logs = self.shared.logs();
        let mut sizes = BTreeMap::new();
        runs.iter().all(|run| {
            let log = run.state.log();
            let size = sizes.entry(log).or_insert_with(|| logs.get(&log).map_or(0, |log| log.size()));
            let continues = run.from == *size || (run.from > *size && run.prefix.is_some());
            *size = run.state.size();
            continues
        })
    }

    /// A run as it is kept: without the bodies that were erased before it came, and without claims that still count some of those.
    fn without_erased<'a>(&self, run: &'a VerifiedRun) -> Cow<'a, VerifiedRun> {
        let (erased, log) = (&self.ledger.told.erased, run.state.log());
        let counts_erased = |entry: &Entry| matches!(Stated::by(entry, log, 0), Some(Stated::Claim(of, facts)) if facts.erased < erased.count_in(&of.log, of.from..of.to));
        let is_touched = erased.touch(&log, run.from..run.state.size());
        if !is_touched && (erased.is_empty() || !run.entries.iter().any(counts_erased)) {
            return Cow::Borrowed(run);
        }
        let mut run = run.clone();
        erased.erase_in(&log, run.from, &mut run.entries);
        run.entries.iter_mut().filter(|entry| counts_erased(entry)).for_each(Entry::erase);
        Cow::Owned(run)
    }

    /// Goes on in a new segment where a sync has failed. What it was to make durable may be on the disk or not, and the
    /// kernel may take it for written though it is not (Rebello et al., USENIX ATC 2020): it is cut off.
    fn recover(&mut self) -> Result<(), StorageError> {
        if self.is_stale {
            self.read_again()?;
        }
        if self.failed {
            let next = self.segment.number + 1;
            let recovered = self.segment.cut_unsynced();
            let (medium, epoch) = (self.shared.medium.clone(), self.segment.epoch);
            let recovered = recovered.and_then(|()| Segment::create(medium, next, epoch, self.durable.run));
            self.segment = recovered.map_err(|_| StorageError::SyncFailed)?;
            self.failed = false;
        }
        Ok(())
    }

    /// Forgets what was applied since the last sync.
    fn go_back(&mut self) {
        let mut logs = self.shared.logs_mut();
        for (log, facts) in self.undo.drain(..).rev() {
            // One that was new stays, with nothing in it.
            if let Some(log) = logs.get_mut(&log).map(Arc::make_mut) {
                let nothing = || Facts::new(log.facts.header.clone(), log.facts.head.clone());
                log.go_back(facts.unwrap_or_else(nothing));
            }
        }
        self.shared.begin_generation();
        (self.unrolled, self.unstated, self.unrolled_readings) = (Vec::new(), Vec::new(), 0);
        (self.applied, self.waiting_readings) = (self.durable, 0);
    }

    /// Rolls up what has become durable.
    fn roll_up(&mut self) {
        self.unrolled_readings = 0;
        if self.unrolled.is_empty() {
            return;
        }
        let mut logs = self.shared.logs_mut();
        for (log, told) in self.unrolled.drain(..) {
            if let Some(log) = logs.get_mut(&log).map(Arc::make_mut) {
                self.unindexed = self.unindexed.saturating_add_signed(log.roll_up(&told));
            }
        }
        let mut claims = self.shared.claims_mut();
        self.unindexed += self.unstated.len() * CLAIM_BYTES;
        self.unstated.drain(..).for_each(|stated| claims.add(stated));
    }

    /// Begins the next segment if this one is full. The last one is synced before there is a next one: at once, where nobody
    /// has asked for it for long.
    fn roll(&mut self) -> Result<(), StorageError> {
        let unsynced = self.segment.len >= UNSYNCED_SEGMENTS_MAX * self.config.segment_bytes;
        if unsynced || self.unrolled_readings >= UNROLLED_MAX {
            self.sync()?;
        }
        if self.segment.len >= self.config.segment_bytes && self.undo.is_empty() {
            let Segment { number, epoch, .. } = self.segment;
            self.segment = Segment::create(self.shared.medium.clone(), number + 1, epoch, self.applied.run)?;
        }
        Ok(())
    }

    /// Adds a run that lies in `bytes`, which begin at `offset` of the segment, its entries at `places` of them.
    fn hold(&mut self, run: &VerifiedRun, offset: u64, bytes: &[u8], places: &[Range<usize>]) {
        let state = &run.state;
        let head = SignedHead::Verified(state.head.clone());
        let mut logs = self.shared.logs_mut();
        let held = logs.get(&state.log());
        self.undo.push((state.log(), held.map(|log| log.facts.clone())));
        let log = logs.entry(state.log()).or_insert_with(|| {
            self.next_number += 1;
            let facts = Facts::new(state.header.clone(), head.clone());
            Arc::new(HeldLog::new(self.next_number - 1, facts, self.config.roll_ups))
        });
        let log = Arc::make_mut(log);
        if let Some(bound) = self.bounds.get(&state.log()).filter(|_| log.sight.is_none()) {
            log.sight = Some(Sight { end: bound.size, newest: None });
        }
        let before = log.tail.len();
        log.facts.continuable &= run.written;
        let entries = &run.entries;
        self.applied.run += 1;
        let (number, segment) = (self.applied.run, self.segment.number);
        let readings: Vec<_> = entries.iter().map(Entry::readings).collect();
        let log_id = state.log();
        let laid =
            Laid { log: log_id, run: number, segment, offset, bytes, places, entries, readings: &readings };
        self.waiting_readings += log.add(&laid, &run.leaves, state.rest.clone(), head);
        self.behind.1 += log.tail.len() - before;
        if self.config.roll_ups {
            let told: Vec<_> = entries.iter().zip(readings).map(|(it, of)| Told::of(it, of)).collect();
            self.unrolled_readings += told.iter().map(Told::len).sum::<usize>();
            self.unrolled.push((state.log(), told));
            let stated = entries.iter().zip(run.from..);
            self.unstated.extend(stated.filter_map(|(entry, at)| Stated::by(entry, state.log(), at)));
        }
    }
}

impl Storage for Store {
    fn apply(&mut self, seq: u64, runs: &[VerifiedRun]) -> Result<(), StorageError> {
        self.recover()?;
        if !self.continued_by(runs) {
            return Err(StorageError::NotNext);
        }
        self.roll()?;
        self.adopt(runs)?;
        let start = self.segment.len;
        let runs: Vec<_> = runs.iter().map(|run| self.without_erased(run)).collect();
        let mut frames = Vec::new();
        let mut written = Vec::with_capacity(runs.len());
        let mut last = self.segment.last;
        for run in &runs {
            let at = frames.len();
            let mark = if run.written { Mark::Written } else { Mark::Received };
            written.push((run, frame::write(&mut frames, mark, |frames| stored::write(frames, run))));
            last = segments::check_of(&frames, at);
        }
        if let Err(error) = self.segment.append(&frames) {
            // What a failed append left behind would be taken for a torn store.
            if self.segment.cut(start).is_err() {
                self.go_back();
                self.failed = true;
            }
            return Err(error.into());
        }
        self.segment.last = last;
        for (run, places) in written {
            self.hold(run, start, &frames, &places);
        }
        self.behind.0 += frames.len() as u64;
        self.applied.seq = seq;
        Ok(())
    }

    fn sync(&mut self) -> Result<u64, StorageError> {
        self.recover()?;
        if self.durable != self.applied {
            if let Err(error) = self.segment.sync() {
                tracing::error!(%error, "the disk failed to sync");
                self.go_back();
                self.failed = true;
                // Whether or not it works now: this commit is not kept.
                let _ = self.recover();
                return Err(StorageError::SyncFailed);
            }
            self.durable = self.applied;
            let grown: Vec<_> = self.undo.drain(..).map(|(log, _)| log).collect();
            self.look_at_grown(grown);
            self.roll_up();
            self.gauge.add(Wear { bytes: 0, readings: std::mem::take(&mut self.waiting_readings) });
            self.tend_index();
        }
        Ok(self.durable.seq)
    }

    fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Result<Option<Chunk>, StorageError> {
        self.shared.read(log, from, bytes_max)
    }

    fn prune(&mut self, logs: &[(LogId, u64)]) -> Result<u64, StorageError> {
        self.let_go(logs)
    }

    fn prefix(&self, log: &LogId) -> Result<Option<Vec<u8>>, StorageError> {
        let _stay = self.shared.files_stay();
        let Some(log) = self.shared.log(log) else { return Ok(None) };
        self.shared.note(self.shared.prefix_of(&log))
    }

    fn retain(&mut self, terms: &RetentionTerms<'_>) -> Result<Retained, StorageError> {
        self.let_go_by(terms)
    }

    fn compact_next(
        &mut self,
        dead_percent_min: u8,
        from: u32,
    ) -> Result<(Compacted, Option<u32>), StorageError> {
        self.sift(dead_percent_min, from)
    }

    fn erase_all(&mut self, entries: &[(LogId, Range<u64>)]) -> Result<Erasures, StorageError> {
        self.erase_bodies(entries)
    }

    fn erase_about(&mut self, about: &[About]) -> Result<(Erasures, Vec<[u8; 32]>), StorageError> {
        self.erase_claims(about)
    }

    fn contest(&mut self, fork: &Arc<Fork>) -> Result<(), StorageError> {
        self.keep_evidence(fork)
    }

    fn bound(&mut self, log: &LogId, bound: Option<Bound>) -> Result<bool, StorageError> {
        self.set_bound(log, bound)
    }

    fn keep(&mut self, note: &[u8]) -> Result<(), StorageError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(StorageError::NoteTooLong { bytes: note.len() });
        }
        Ok(self.notes.write(self.segment.epoch, self.durable.run, note)?)
    }

    #[cfg(feature = "documents")]
    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<bool, StorageError> {
        self.keep_fold(snapshot)
    }

    fn gauge(&self) -> WearGauge {
        self.gauge.clone()
    }

    fn queries(&self) -> Queries {
        Queries::new(self.shared.clone())
    }

    fn close(&mut self) {
        if self.sync().is_err() {
            return;
        }
        if let Some(index) = self.shared.index() {
            self.checkpoint(&index);
        }
        self.keep_wear();
    }
}
