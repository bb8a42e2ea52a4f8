//! A peer's disk: the store that ships, on a medium that a power cut and a bad sector can be done to.
//!
//! Jobs are done one after the other, as by the storage thread of a real peer, each when its time has passed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{
    Bound, Chunk, Fork, LogState, Medium, MemoryDir, Opened, Query, Row, Storage, StorageError, Store,
    StoreConfig, ToErase, TreeHash, VerifiedRun,
};
use msec_identity::LogId;
use msec_peer::node::{Input, Ticket};
use serde::{Deserialize, Serialize};

use crate::seed::Dice;

/// How long a disk takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskModel {
    /// From a commit to its sync. Default: 5 ms, an SD card on a good day.
    pub commit: Duration,
    /// For a read. Default: 0.2 ms.
    pub read: Duration,
}

impl Default for DiskModel {
    fn default() -> Self {
        Self { commit: Duration::from_millis(5), read: Duration::from_micros(200) }
    }
}

/// What goes bad at once when a page does, in bytes.
const PAGE_BYTES: usize = 4096;

/// Damages that wait for one power cut. A disk that has gone bad so often is bad enough.
const DAMAGES_MAX: usize = 8;

/// How a disk is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFault {
    /// It refuses to write, and reads nothing.
    Fails,
    /// It says that it has written, and has not. Nothing can be built on such a disk: this is how a test makes a checker
    /// find something.
    Lies,
    /// It says that it has synced, and has not: a power cut takes all that came since. So do cards that answer from their
    /// cache. What is acknowledged on such a disk alone is lost, and forfeited.
    Forgets,
}

/// What a crash leaves of a commit that was under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Nothing that was not synced.
    Synced,
    /// A part of it, drawn at random: a torn tail.
    #[default]
    Torn,
    /// All of it, though nobody was told.
    All,
}

/// Damage to what lies on a disk. While the peer is up, it reads what it has in memory, and finds out at its next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// All is gone, as with a new card.
    Wiped,
    /// One bit is another, anywhere.
    Flipped,
    /// A page of 4 KiB, anywhere, is garbage.
    Page,
    /// Only the first half is left, though all of it was synced: as after a file system was repaired, or an old copy put
    /// back.
    Shortened,
}

impl Damage {
    /// Whether the peer cannot tell it from a torn tail. It goes on where it should not, until a neighbour shows more.
    pub(crate) fn is_silent(self) -> bool {
        self == Self::Shortened
    }
}

/// What the node asks of its disk.
#[derive(Debug)]
pub(crate) enum Job {
    Commit { seq: u64, runs: Arc<Vec<VerifiedRun>> },
    Contest { fork: Arc<Fork> },
    Bound { log: LogId, bound: Option<Bound> },
    Erase { order: Arc<ToErase> },
    Keep { note: Vec<u8> },
    Read { ticket: Ticket, log: LogId, from: u64, bytes_max: usize },
}

/// What a disk said it holds of a log, and holds no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) log: LogId,
    /// The entries that are left.
    pub(crate) left: u64,
    /// Those that there were.
    pub(crate) had: u64,
}

/// How much of a log the disk said it holds.
pub(crate) type Promised = BTreeMap<LogId, (u64, TreeHash)>;

#[derive(Debug)]
pub(crate) struct Disk {
    model: DiskModel,
    dir: MemoryDir,
    /// The store on it, while the peer is up.
    store: Option<Store>,
    jobs: VecDeque<Job>,
    pub(crate) fault: Option<DiskFault>,
    promised: Promised,
    /// What has gone bad beneath a peer that is up.
    damages: Vec<Damage>,
    /// Whether a log on it may lack its beginning.
    pub(crate) has_let_go: bool,
}

impl Disk {
    pub(crate) fn new(model: DiskModel) -> Self {
        Self {
            model,
            dir: MemoryDir::default(),
            store: None,
            jobs: VecDeque::new(),
            fault: None,
            promised: Promised::new(),
            damages: Vec::new(),
            has_let_go: false,
        }
    }

    /// A disk with a copy of what was synced on another, as of a card that was copied.
    pub(crate) fn copy_of(other: &Self) -> Self {
        let dir = other.dir.copy();
        dir.crash(0);
        Self { dir, has_let_go: other.has_let_go, ..Self::new(other.model) }
    }

    /// Opens the store, as a peer that starts does, with random bytes. Returns also what was promised and is gone, though nothing was done to
    /// the disk that is known.
    pub(crate) fn open(&mut self, fresh: [u8; 8]) -> Result<(Opened, Vec<Lost>), StorageError> {
        self.store = None;
        let config = StoreConfig { fresh, ..StoreConfig::default() };
        let (store, opened) = Store::open_with(self.dir.clone(), config)?;
        self.store = Some(store);
        let lost = self.replace_promises(&opened.logs);
        Ok((opened, lost))
    }

    /// Adds a job. Returns when it is done, if it is the only one.
    pub(crate) fn ask(&mut self, job: Job) -> Option<Duration> {
        let takes = self.takes(&job);
        self.jobs.push_back(job);
        (self.jobs.len() == 1).then_some(takes)
    }

    /// The first job is done. Returns the answer, and how long the next one takes.
    pub(crate) fn done(&mut self) -> (Option<Input>, Option<Duration>) {
        let input = self.jobs.pop_front().and_then(|job| match job {
            Job::Commit { seq, runs } => Some(self.commit(seq, &runs)),
            Job::Contest { fork } => {
                let store = self.store.as_mut().filter(|_| self.fault.is_none());
                let kept = store.is_some_and(|store| store.contest(&fork).is_ok());
                kept.then(|| Input::Contested { log: fork.log() })
            }
            Job::Bound { log, bound } => {
                let fits = self.store.as_mut().is_some_and(|store| store.bound(&log, bound).unwrap_or(false));
                Some(Input::Bounded { log, bound, fits })
            }
            Job::Erase { order } => {
                let store = self.store.as_mut().filter(|_| self.fault.is_none());
                let erased = store.and_then(|store| store.erase_ordered(&order).ok());
                let done = erased.is_some();
                let (entries, left) = erased.unwrap_or_else(|| (order.entries.clone(), Vec::new()));
                Some(Input::Erased { entries, left, done, ordered: true })
            }
            Job::Keep { note } => {
                // What is not kept costs a meeting of strangers.
                self.store.as_mut().filter(|_| self.fault.is_none()).map(|store| store.keep(&note));
                None
            }
            Job::Read { ticket, log, from, bytes_max } => {
                Some(Input::ReadDone { ticket, chunk: self.read(&log, from, bytes_max) })
            }
        });
        (input, self.jobs.front().map(|job| self.takes(job)))
    }

    /// Commits that are under way or wait, and reads.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let count = |of: fn(&Job) -> bool| self.jobs.iter().filter(|job| of(job)).count();
        (count(|job| matches!(job, Job::Commit { .. })), count(|job| matches!(job, Job::Read { .. })))
    }

    /// Whether it is to be told up to where a log counts, and has not been.
    pub(crate) fn is_bounding(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job, Job::Bound { .. }))
    }

    fn takes(&self, job: &Job) -> Duration {
        match job {
            Job::Commit { .. } | Job::Contest { .. } | Job::Keep { .. } | Job::Erase { .. } => {
                self.model.commit
            }
            Job::Read { .. } | Job::Bound { .. } => self.model.read,
        }
    }

    fn commit(&mut self, seq: u64, runs: &[VerifiedRun]) -> Input {
        self.has_let_go |= runs.iter().any(|run| run.prefix().is_some());
        let written = match (&mut self.store, self.fault) {
            (_, Some(DiskFault::Fails)) | (None, _) => None,
            (Some(_), Some(DiskFault::Lies)) => Some(seq),
            (Some(store), Some(DiskFault::Forgets)) => store.apply(seq, runs).ok().map(|()| seq),
            (Some(store), None) => store.apply(seq, runs).and_then(|()| store.sync()).ok(),
        };
        match written {
            Some(through) => {
                self.promised.extend(runs.iter().map(VerifiedRun::state).map(promise));
                Input::Durable { through }
            }
            None => Input::CommitFailed { seq },
        }
    }

    pub(crate) fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Option<Chunk> {
        match (&self.store, self.fault) {
            (None, _) | (_, Some(DiskFault::Fails)) => None,
            (Some(store), _) => store.read(log, from, bytes_max).ok().flatten(),
        }
    }

    /// Whether an entry lies there, even if the disk gives nothing out just now.
    pub(crate) fn holds(&self, log: &LogId, position: u64) -> bool {
        let read = self.store.as_ref().map(|store| store.read(log, position, 1));
        // What stands for entries that were let go begins with the first one.
        read.is_some_and(|read| read.is_ok_and(|chunk| chunk.is_some_and(|chunk| chunk.from == position)))
    }

    /// Lets go of the beginning of logs, up to those entries, as retention does between two commits; if the disk takes it. Returns
    /// how many entries went.
    pub(crate) fn let_go(&mut self, logs: &[(LogId, u64)]) -> u64 {
        let store = self.store.as_mut().filter(|_| self.fault.is_none());
        let entries = store.and_then(|store| store.prune(logs).ok()).unwrap_or(0);
        self.has_let_go |= entries > 0;
        entries
    }

    /// The first entry of a log that was not let go, but for its header.
    pub(crate) fn begin(&self, log: &LogId) -> u64 {
        let store = self.store.as_ref();
        let beginning = store.and_then(|store| store.read(log, 1, 1).ok().flatten());
        beginning.map_or(0, |chunk| if chunk.from == 0 { chunk.end } else { 0 })
    }

    /// What an app is shown.
    pub(crate) fn query(&self, query: &Query) -> Vec<Row> {
        let rows = self.store.as_ref().and_then(|store| store.query(query).ok());
        rows.unwrap_or_default()
    }

    /// What it said it holds.
    pub(crate) fn promised(&self) -> &Promised {
        &self.promised
    }

    /// The power is cut: a commit under way may have left a part of itself. Returns what was promised and is gone, with
    /// what has gone bad meanwhile.
    pub(crate) fn crash(&mut self, kept: Kept, dice: &mut Dice) -> Vec<Lost> {
        let Some(mut store) = self.store.take() else { return Vec::new() };
        if let (Some(Job::Commit { seq, runs }), None | Some(DiskFault::Forgets)) =
            (self.jobs.front(), self.fault)
        {
            // One that is refused leaves nothing.
            let _ = store.apply(*seq, runs);
        }
        self.jobs.clear();
        drop(store);
        let unsynced = self.dir.unsynced();
        self.dir.crash(match kept {
            Kept::Synced => 0,
            Kept::Torn => dice.index(unsynced + 1),
            Kept::All => unsynced,
        });
        let damages = std::mem::take(&mut self.damages);
        damages.iter().for_each(|damage| self.spoil(*damage, dice));
        let honest = damages.is_empty() && self.fault != Some(DiskFault::Forgets);
        if honest { Vec::new() } else { self.take_stock() }
    }

    /// Damages what lies there: at once while the peer is down, at its next power cut while it is up. Returns what was
    /// promised and is gone.
    pub(crate) fn damage(&mut self, damage: Damage, dice: &mut Dice) -> Vec<Lost> {
        if self.store.is_some() {
            if self.damages.len() < DAMAGES_MAX {
                self.damages.push(damage);
            }
            return Vec::new();
        }
        self.spoil(damage, dice);
        self.take_stock()
    }

    /// Whether the next power cut takes what was promised, so that the peer cannot know.
    pub(crate) fn loses_silently(&self) -> bool {
        self.fault == Some(DiskFault::Forgets) || self.damages.iter().any(|damage| damage.is_silent())
    }

    /// Damages what lies there, in one of the segments: what was set aside is nobody's any more.
    fn spoil(&mut self, damage: Damage, dice: &mut Dice) {
        let lengths = self.dir.lengths();
        let segments = || lengths.iter().filter(|(name, _)| name.starts_with('0'));
        // Each byte is as likely as any other.
        let mut at = dice.index(segments().map(|(_, len)| *len).sum());
        let here = segments().find(|(_, len)| {
            let is_here = at < **len;
            at -= if is_here { 0 } else { **len };
            is_here
        });
        match (damage, here) {
            (Damage::Wiped, _) => self.dir = MemoryDir::default(),
            (_, None) => {}
            (Damage::Flipped, Some((name, _))) => self.dir.flip(name, at, dice.below(8) as u8),
            (Damage::Page, Some((name, _))) => {
                let garbage: Vec<u8> = (0..PAGE_BYTES / 32).flat_map(|_| dice.bytes()).collect();
                self.dir.overwrite(name, at / PAGE_BYTES * PAGE_BYTES, &garbage);
            }
            // Memory can be cut.
            (Damage::Shortened, Some((name, len))) => drop(self.dir.set_len(name, (*len / 2) as u64)),
        }
    }

    /// Looks at what is still there, of a disk that is not what it was. Nobody knows before it is opened: a copy is.
    fn take_stock(&mut self) -> Vec<Lost> {
        if self.store.is_some() {
            return Vec::new();
        }
        // A store that does not open holds nothing.
        let left = Store::open(self.dir.copy()).map(|(_, opened)| opened.logs).unwrap_or_default();
        self.replace_promises(&left)
    }

    /// From now on it has promised what is left. Returns what that lacks.
    fn replace_promises(&mut self, left: &[LogState]) -> Vec<Lost> {
        let had = std::mem::replace(&mut self.promised, left.iter().map(promise).collect());
        let lost = had.into_iter().map(|(log, (had, _))| {
            let left = self.promised.get(&log).map_or(0, |(size, _)| *size);
            Lost { log, left, had }
        });
        lost.filter(|lost| lost.left < lost.had).collect()
    }
}

fn promise(state: &LogState) -> (LogId, (u64, TreeHash)) {
    (state.log(), (state.size(), state.root()))
}
