//! A peer's disk: the store that ships, on a medium that a power cut and a bad sector can be done to.
//!
//! Jobs are done one after the other, as by the storage thread of a real peer, each when its time has passed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{
    Chunk, LogState, Medium, MemoryMedium, Opened, Query, Row, Storage, StorageError, Store, TreeHash,
    VerifiedRun,
};
use msec_identity::LogId;
use msec_peer::node::{Input, Ticket};

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

/// How a disk is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskFault {
    /// It refuses to write, and reads nothing.
    Fails,
    /// It says that it has written, and has not. Nothing can be built on such a disk: this is how a test makes a checker
    /// find something.
    Lies,
}

/// What a crash leaves of a commit that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Nothing that was not synced.
    Synced,
    /// A part of it, drawn at random: a torn tail.
    Torn,
    /// All of it, though nobody was told.
    All,
}

/// Damage to what lies on the disk of a peer that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// All is gone, as with a new card.
    Wiped,
    /// One bit is another, anywhere.
    Flipped,
    /// Only the first half is left, though all of it was synced: as after a file system was repaired, or an old copy put
    /// back.
    Shortened,
}

/// What the node asks of its disk.
#[derive(Debug)]
pub(crate) enum Job {
    Commit { seq: u64, runs: Arc<Vec<VerifiedRun>> },
    Read { ticket: Ticket, log: LogId, from: u64, bytes_max: usize },
}

/// How much of a log the disk said it holds.
pub(crate) type Promised = BTreeMap<LogId, (u64, TreeHash)>;

#[derive(Debug)]
pub(crate) struct Disk {
    model: DiskModel,
    state: State,
    jobs: VecDeque<Job>,
    pub(crate) fault: Option<DiskFault>,
    promised: Promised,
}

#[derive(Debug)]
enum State {
    Open(Store<MemoryMedium>),
    Closed(MemoryMedium),
}

impl Disk {
    pub(crate) fn new(model: DiskModel) -> Self {
        Self {
            model,
            state: State::Closed(MemoryMedium::default()),
            jobs: VecDeque::new(),
            fault: None,
            promised: Promised::new(),
        }
    }

    /// Opens the store, as a peer that starts does.
    pub(crate) fn open(&mut self) -> Result<Opened, StorageError> {
        let medium = match &self.state {
            State::Open(_) => MemoryMedium::default(),
            State::Closed(medium) => medium.clone(),
        };
        let (store, opened) = Store::open(medium)?;
        self.state = State::Open(store);
        self.promised = opened.logs.iter().map(promise).collect();
        Ok(opened)
    }

    /// Adds a job. Returns when it is done, if it is the only one.
    pub(crate) fn ask(&mut self, job: Job) -> Option<Duration> {
        let takes = self.takes(&job);
        self.jobs.push_back(job);
        (self.jobs.len() == 1).then_some(takes)
    }

    /// The first job is done. Returns the answer, and how long the next one takes.
    pub(crate) fn done(&mut self) -> (Option<Input>, Option<Duration>) {
        let input = self.jobs.pop_front().map(|job| match job {
            Job::Commit { seq, runs } => self.commit(seq, &runs),
            Job::Read { ticket, log, from, bytes_max } => {
                Input::ReadDone { ticket, chunk: self.read(&log, from, bytes_max) }
            }
        });
        (input, self.jobs.front().map(|job| self.takes(job)))
    }

    /// Commits that are under way or wait, and reads.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let commits = self.jobs.iter().filter(|job| matches!(job, Job::Commit { .. })).count();
        (commits, self.jobs.len() - commits)
    }

    fn takes(&self, job: &Job) -> Duration {
        match job {
            Job::Commit { .. } => self.model.commit,
            Job::Read { .. } => self.model.read,
        }
    }

    fn commit(&mut self, seq: u64, runs: &[VerifiedRun]) -> Input {
        let written = match (&mut self.state, self.fault) {
            (_, Some(DiskFault::Fails)) | (State::Closed(_), _) => None,
            (State::Open(_), Some(DiskFault::Lies)) => Some(seq),
            (State::Open(store), None) => store.apply(seq, runs).and_then(|()| store.sync()).ok(),
        };
        match written {
            Some(through) => {
                self.promised.extend(runs.iter().map(VerifiedRun::state).map(promise));
                Input::Durable { through }
            }
            None => Input::CommitFailed { seq },
        }
    }

    fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Option<Chunk> {
        match (&self.state, self.fault) {
            (State::Open(store), None | Some(DiskFault::Lies)) => {
                store.read(log, from, bytes_max).ok().flatten()
            }
            _ => None,
        }
    }

    /// Whether an entry lies there, even if the disk gives nothing out just now.
    pub(crate) fn holds(&self, log: &LogId, position: u64) -> bool {
        match &self.state {
            State::Open(store) => store.read(log, position, 1).is_ok_and(|chunk| chunk.is_some()),
            State::Closed(_) => false,
        }
    }

    /// What an app is shown.
    pub(crate) fn query(&self, query: &Query) -> Vec<Row> {
        match &self.state {
            State::Open(store) => store.query(query).unwrap_or_default(),
            State::Closed(_) => Vec::new(),
        }
    }

    /// What it said it holds.
    pub(crate) fn promised(&self) -> &Promised {
        &self.promised
    }

    /// The power is cut: a commit under way may have left a part of itself.
    pub(crate) fn crash(&mut self, kept: Kept, dice: &mut Dice) {
        let State::Open(store) = std::mem::replace(&mut self.state, State::Closed(MemoryMedium::default()))
        else {
            return;
        };
        let mut store = store;
        if let (Some(Job::Commit { seq, runs }), None) = (self.jobs.front(), self.fault) {
            // One that is refused leaves nothing.
            let _ = store.apply(*seq, runs);
        }
        self.jobs.clear();
        let mut medium = store.into_medium();
        let unsynced = medium.unsynced();
        medium.crash(match kept {
            Kept::Synced => 0,
            Kept::Torn => dice.index(unsynced + 1),
            Kept::All => unsynced,
        });
        self.state = State::Closed(medium);
    }

    /// Damages what lies there. Only of a disk whose peer is down.
    pub(crate) fn damage(&mut self, damage: Damage, dice: &mut Dice) -> Result<(), StorageError> {
        let State::Closed(medium) = &mut self.state else { return Ok(()) };
        match damage {
            Damage::Wiped => *medium = MemoryMedium::default(),
            Damage::Flipped => {
                let len = usize::try_from(medium.len()).unwrap_or(usize::MAX);
                medium.flip(dice.index(len), dice.below(8) as u8);
            }
            Damage::Shortened => medium.truncate(medium.len() / 2)?,
        }
        // What is still there, nobody knows before it is opened: open a copy.
        let (_, left) = Store::open(medium.clone())?;
        self.promised = left.logs.iter().map(promise).collect();
        Ok(())
    }
}

fn promise(state: &LogState) -> (LogId, (u64, TreeHash)) {
    (state.log(), (state.size(), state.root()))
}
