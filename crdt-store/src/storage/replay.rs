//! Reading segments back, through the same checks as what comes from the network.

use std::collections::BTreeMap;
use std::sync::Arc;

use msec_identity::{LogId, Verifier};

use super::claims::{Claims, Stated};
use super::frame::{FILE_HEADER_BYTES, FRAME_HEADER_BYTES, Found, Frames, Mark};
use super::held::{Base, Facts, HeldLog, SignedHead};
use super::index::{AnyIndex, Checkpoint, Loaded};
use super::ledger::Told;
use super::segments::{self, Start, name_of};
use super::stored::StoredRun;
use super::stretch::Laid;
use super::{Epoch, Medium};
use crate::error::StorageError;
use crate::log::{Entry, Laid as LaidRun, Lay};
use crate::rollup::Told as Said;

/// Bytes of memory that roll-ups and claims take, about, before the index takes them.
pub(super) const ROLLED_BYTES_MAX: usize = 20_000_000;
/// About what a claim takes there.
pub(super) const CLAIM_BYTES: usize = 200;

/// Where in a segment it cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) segment: u32,
    pub(super) at: u64,
    /// How long the segment is.
    pub(super) len: u64,
    /// Whether it looks like an append that a crash interrupted.
    pub(super) torn: bool,
}

/// What was read back so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) logs: BTreeMap<LogId, Arc<HeldLog>>,
    pub(super) bad: Vec<Bad>,
    /// Whether runs were found whose predecessors are missing, or a segment was not found, and nothing says that the store
    /// was cut back since.
    pub(super) gaps: bool,
    /// The last segment, how long it is, and the check of its last frame.
    pub(super) end: (u32, u64, [u8; 8]),
    /// That of the last segment that says one.
    pub(super) epoch: Option<Epoch>,
    /// The number of the last run.
    pub(super) run: u64,
    /// Claims that the index does not have.
    pub(super) claims: Claims,
    /// Bytes of memory that roll-ups take which the index does not have.
    rolled_bytes: usize,
    /// Whether roll-ups are kept.
    roll_ups: bool,
    next_number: u32,
    /// What does not count any more.
    pub(super) told: Arc<Told>,
    /// Whether each head is checked when it comes. Otherwise the last one of each log is, when all is read: it covers all
    /// that lies below it.
    strict: bool,
}

impl Replay {
    /// One of everything that counts.
    pub(super) fn of(told: Arc<Told>, roll_ups: bool) -> Self {
        Self { end: (told.first - 1, 0, [0; 8]), told, roll_ups, ..Self::default() }
    }

    /// One that checks every head.
    pub(super) fn strict(told: Arc<Told>, roll_ups: bool) -> Self {
        Self { strict: true, ..Self::of(told, roll_ups) }
    }

    /// One that goes on from what an index says; `None` if the segments are not those that it was made of.
    pub(super) fn from_index(
        medium: &dyn Medium,
        loaded: Loaded,
        told: Arc<Told>,
    ) -> Result<Option<Self>, StorageError> {
        let Loaded { checkpoint, logs } = loaded;
        if checkpoint.rewritten != told.rewritten || checkpoint.segment < told.first {
            return Ok(None);
        }
        let Some(epoch) = ends_with(medium, checkpoint)? else { return Ok(None) };
        let roll_ups = checkpoint.roll_ups;
        let mut replay = Self { epoch: Some(epoch), run: checkpoint.run, told, roll_ups, ..Self::default() };
        for (number, facts, begin) in logs {
            replay.next_number = replay.next_number.max(number.saturating_add(1));
            let mut log = HeldLog::new(number, facts, roll_ups);
            (log.changed, log.has_row) = (false, true);
            match replay.told.bases.get(&log.id()) {
                Some(base) if base.end() <= log.size() => log.let_go(base.clone()),
                // Its index is of before.
                Some(_) => return Ok(None),
                None => {}
            }
            if log.begin() < begin {
                // The ledger has lost what stands for entries that the index does not have any more.
                return Ok(None);
            }
            replay.logs.insert(log.id(), Arc::new(log));
        }
        replay.end = (checkpoint.segment, checkpoint.offset, checkpoint.last);
        Ok(Some(replay))
    }

    /// Reads all from where it is. Where there is an index, it takes what was read, `every` so many bytes, so that memory
    /// stays bounded. It takes nothing once something was found missing: that has to be written down first.
    pub(super) fn run(
        &mut self,
        medium: &dyn Medium,
        index: Option<&AnyIndex>,
        every: u64,
    ) -> Result<(), StorageError> {
        let (first, from, _) = self.end;
        let mut behind = 0;
        let counts = |number: &u32| *number >= first.max(self.told.first);
        let numbers: Vec<_> = segments::list(medium)?.into_iter().filter(counts).collect();
        for number in numbers {
            // The first of all is the first one that counts; after that, one follows the other.
            let expected = if number == first { first } else { self.end.0 + 1 };
            self.gaps |= number != expected;
            let start = if number == first { from } else { 0 };
            self.end = (number, start, self.end.2);
            self.segment(medium, number, start, index)?;
            behind += self.end.1 - start;
            if let Some(index) = index.filter(|_| behind >= every && self.may_commit()) {
                self.commit(index).map_err(StorageError::Index)?;
                behind = 0;
            }
        }
        // Only the end of the last one can be torn: the others were synced before there was a next one.
        let last = self.end.0;
        for bad in &mut self.bad {
            bad.torn &= bad.segment == last;
        }
        self.take_bases();
        Ok(())
    }

    /// Takes in the logs of which nothing lies in the segments any more.
    fn take_bases(&mut self) {
        let told = self.told.clone();
        for base in told.bases.values() {
            if !self.logs.contains_key(&base.log()) {
                self.begin(base);
            }
            // Whatever cuts the store back begins an epoch.
            let log = self.logs.get_mut(&base.log()).filter(|log| log.facts.continuable);
            if let Some(log) = log.filter(|_| self.epoch != Some(base.epoch)) {
                let log = Arc::make_mut(log);
                (log.facts.continuable, log.changed) = (false, true);
            }
        }
    }

    /// Begins a log with what stands for its beginning, if its author signed that.
    fn begin(&mut self, base: &Arc<Base>) {
        let mut log = HeldLog::from_base(self.next_number, base, self.roll_ups);
        if self.strict {
            let Some(facts) = base.verified() else { return };
            log.facts = facts;
        }
        self.next_number += 1;
        self.logs.insert(base.log(), Arc::new(log));
    }

    /// Whether nothing was found missing that is not written down.
    fn may_commit(&self) -> bool {
        self.bad.is_empty() && !self.gaps
    }

    fn commit(&mut self, index: &AnyIndex) -> Result<(), super::index::IndexError> {
        let (segment, offset, last) = self.end;
        let logs: Vec<_> = self.logs.values().cloned().collect();
        let (run, rewritten) = (self.run, self.told.rewritten);
        let checkpoint = Checkpoint { segment, offset, last, run, rewritten, roll_ups: self.roll_ups };
        index.commit(checkpoint, &logs, &self.claims)?;
        drop(logs);
        (self.claims, self.rolled_bytes) = (Claims::default(), 0);
        self.logs.values_mut().filter(|log| log.changed).for_each(|log| Arc::make_mut(log).forget_indexed());
        Ok(())
    }

    /// Reads one segment from `start` on, up to its end or to where it cannot be read.
    fn segment(
        &mut self,
        medium: &dyn Medium,
        number: u32,
        start: u64,
        index: Option<&AnyIndex>,
    ) -> Result<(), StorageError> {
        let len = medium.len(&name_of(number))?.unwrap_or(0);
        if let Some((at, torn)) = self.frames(medium, number, (start, len), index)? {
            self.bad.push(Bad { segment: number, at, len, torn });
        }
        Ok(())
    }

    /// Takes in the frames of a segment. Returns where it cannot be read on, and whether it looks torn there.
    fn frames(
        &mut self,
        medium: &dyn Medium,
        number: u32,
        (start, len): (u64, u64),
        index: Option<&AnyIndex>,
    ) -> Result<Option<(u64, bool)>, StorageError> {
        let mut at = start;
        if at == 0 {
            self.end.2 = [0; 8];
            match segments::start_of(medium, number, len)? {
                Start::Right(epoch, before) => {
                    at = FILE_HEADER_BYTES;
                    self.epoch = Some(epoch);
                    // What was lost before it has numbers, too.
                    self.run = self.run.max(before);
                }
                Start::Empty => return Ok(None),
                Start::Torn => return Ok(Some((0, true))),
                Start::Corrupt => return Ok(Some((0, false))),
            }
        }
        let mut frames = Frames::of(medium, name_of(number), len);
        loop {
            (self.end.0, self.end.1) = (number, at);
            if let Some(index) = index.filter(|_| self.unindexed() >= ROLLED_BYTES_MAX && self.may_commit()) {
                self.commit(index).map_err(StorageError::Index)?;
            }
            let (payload, check) = match frames.read(at)? {
                Found::Payload(payload, check) => (payload, check),
                Found::End => return Ok(None),
                Found::Torn => return Ok(Some((at, true))),
                Found::Corrupt(_) => return Ok(Some((at, false))),
            };
            if !self.take(number, at + FRAME_HEADER_BYTES as u64, &payload) {
                return Ok(Some((at, false)));
            }
            self.end.2 = check;
            at += (FRAME_HEADER_BYTES + payload.len()) as u64;
        }
    }

    /// Takes in what a frame says; `false` if it cannot be true. The check of a frame is no secret, so that bytes which
    /// somebody else put there are found out here.
    fn take(&mut self, segment: u32, offset: u64, payload: &[u8]) -> bool {
        let mark = payload.first().and_then(|mark| Mark::of(*mark));
        match mark {
            Some(Mark::Cut) if payload.len() == 1 => {
                // What was missing then is known, and what is missing since is told by what follows.
                self.gaps = false;
                self.distrust_logs();
                true
            }
            Some(mark @ (Mark::Received | Mark::Written)) => {
                self.run = self.run.saturating_add(1);
                let run = StoredRun::read(payload).ok();
                run.and_then(|run| self.lay(run, mark == Mark::Written, (segment, offset), payload)).is_some()
            }
            Some(Mark::Gone) => {
                let count = payload.get(1..).and_then(|rest| <[u8; 8]>::try_from(rest).ok());
                self.run = self.run.saturating_add(count.map_or(0, u64::from_le_bytes));
                count.is_some()
            }
            _ => false,
        }
    }

    /// Adds a run that continues what was read before.
    fn lay(
        &mut self,
        mut run: StoredRun,
        written: bool,
        (segment, offset): (u32, u64),
        payload: &[u8],
    ) -> Option<()> {
        if let Some(base) = self.told.bases.get(&run.log).filter(|_| !self.logs.contains_key(&run.log)) {
            self.begin(&base.clone());
        }
        let held = self.logs.get(&run.log);
        let ground = held.map(|log| (&log.facts.header, &log.facts.held));
        let (entries, rest) = (std::mem::take(&mut run.entries), std::mem::take(&mut run.rest));
        let laid = match LaidRun::onto(ground, &run.log, run.from, entries, rest, run.size).ok()? {
            Lay::Laid(laid) => laid,
            // Written again after a cut, which left the first one behind.
            Lay::Known => return Some(()),
            Lay::Gap { .. } => {
                self.gaps = true;
                return Some(());
            }
        };
        let head = run.head(laid.root)?;
        // A catch-up brings the same head with every chunk.
        let known = held.map(|log| &log.facts.head).filter(|known| known.is(&head)).cloned();
        let is_known = known.is_some();
        let mut facts = Facts::new(laid.header, known.unwrap_or(SignedHead::Read(head)));
        if self.strict && !is_known {
            facts.verify(&Verifier::strict()).ok()?;
        }
        let head = facts.head.clone();
        let (next_number, roll_ups) = (&mut self.next_number, self.roll_ups);
        let log = self.logs.entry(run.log).or_insert_with(|| {
            *next_number += 1;
            Arc::new(HeldLog::new(*next_number - 1, facts, roll_ups))
        });
        let log = Arc::make_mut(log);
        log.facts.continuable &= written;
        let known = (laid.from - run.from) as usize;
        let readings: Vec<_> = laid.entries.iter().map(Entry::readings).collect();
        let at = Laid {
            log: run.log,
            run: self.run,
            segment,
            offset,
            bytes: payload,
            places: &run.places[known..],
            entries: &laid.entries,
            readings: &readings,
        };
        log.add(&at, &laid.leaves, laid.rest, head);
        if roll_ups {
            let said: Vec<_> = laid.entries.iter().zip(readings).map(|(it, of)| Said::of(it, of)).collect();
            self.rolled_bytes = self.rolled_bytes.saturating_add_signed(log.roll_up(&said));
            let entries = laid.entries.iter().zip(laid.from..);
            entries.filter_map(|(it, at)| Stated::by(it, run.log, at)).for_each(|it| self.claims.add(it));
        }
        Some(())
    }

    /// The store was cut back: of no log that it holds by now is it known whether all is there.
    pub(super) fn distrust_logs(&mut self) {
        for log in self.logs.values_mut().filter(|log| log.facts.continuable) {
            let log = Arc::make_mut(log);
            (log.facts.continuable, log.changed) = (false, true);
        }
    }

    /// Checks the last head of each log. `false` if one is not its author's.
    pub(super) fn verify_heads(&mut self) -> bool {
        let mut logs: Vec<_> = self.logs.values_mut().map(Arc::make_mut).collect();
        let verify = |logs: &mut [&mut HeldLog]| {
            let verifier = Verifier::strict();
            logs.iter_mut().all(|log| log.facts.verify(&verifier).is_ok())
        };
        #[cfg(feature = "index")]
        {
            super::threads::all_in_parallel(&mut logs, verify)
        }
        #[cfg(not(feature = "index"))]
        {
            verify(&mut logs)
        }
    }

    /// About how many bytes of memory roll-ups and claims take which the index does not have.
    pub(super) fn unindexed(&self) -> usize {
        self.rolled_bytes + self.claims.len() * CLAIM_BYTES
    }

    pub(super) fn next_number(&self) -> u32 {
        self.next_number
    }
}

/// The epoch, if the frames of a segment up to there are as they were written, and the last one is the one that the index
/// was made with. What lies before is checked when it is read.
fn ends_with(medium: &dyn Medium, checkpoint: Checkpoint) -> Result<Option<Epoch>, StorageError> {
    let name = name_of(checkpoint.segment);
    let len = medium.len(&name)?.unwrap_or(0);
    let Start::Right(epoch, _) = segments::start_of(medium, checkpoint.segment, len)? else {
        return Ok(None);
    };
    if len < checkpoint.offset {
        return Ok(None);
    }
    let (mut at, mut last) = (FILE_HEADER_BYTES, [0; 8]);
    let mut frames = Frames::of(medium, name, len);
    while at < checkpoint.offset {
        let Found::Payload(payload, check) = frames.read(at)? else { return Ok(None) };
        last = check;
        at += (FRAME_HEADER_BYTES + payload.len()) as u64;
    }
    Ok((at == checkpoint.offset && last == checkpoint.last).then_some(epoch))
}
