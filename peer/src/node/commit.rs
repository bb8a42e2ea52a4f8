//! Group commit: what waits for the disk, one commit at a time.
//!
//! A commit starts when the commit before it has ended and something has waited for its window:
//!
//! | what waits | how long |
//! |---|---|
//! | own entries | not at all |
//! | runs of others | [`super::Config::store_window`] |
//! | either, in a thrifty collection | [`super::Config::thrifty_window`], or until [`super::Config::thrifty_entries`] wait |
//! | [`FULL_BYTES`] of others | not at all |
//!
//! It takes all that waits. What others say is asked for as far as there is room for it ([`GossipInput::Room`]). Own entries are signed when it starts, with one signature a log. Nothing own is acknowledged or
//! leaves before it is durable; a crash then never leaves a head in the world that its author does not remember.

use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{EntryKind, VerifiedRun};
use msec_gossip::Input as GossipInput;
use msec_identity::{CollectionPath, LogId};

use super::logs::{key_of, origin_of};
use super::{Event, Measured, Node, Output, Receipt, Ticket};

/// The longest pause before a failed commit is tried again.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Bytes of runs of others that wait for no more company. Chosen: a sync costs a flash card few pages beside that many, and while
/// the disk writes them, the next ones are verified.
const FULL_BYTES: usize = 256 * 1024;

/// What waits for the disk.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// The number of the last commit.
    last: u64,
    /// The number of the last durable run, as the store counts them.
    run: u64,
    in_flight: Option<InFlight>,
    /// Verified runs of others.
    waiting: Vec<VerifiedRun>,
    waiting_bytes: usize,
    /// Bytes of own entries that wait to be signed.
    own_bytes: usize,
    /// How many readings of others are in them.
    waiting_readings: u64,
    /// Entries that wait, of others and own.
    waiting_entries: usize,
    /// When the next commit is to start.
    due: Option<Duration>,
    /// Set while the commit that is under way has failed.
    retry: Option<Retry>,
}

#[derive(Debug)]
struct Retry {
    /// When it is to be tried again; `None` while it is being tried.
    at: Option<Duration>,
    /// The pause before that.
    pause: Duration,
}

#[derive(Debug)]
struct InFlight {
    runs: Arc<Vec<VerifiedRun>>,
    /// The first so many are this peer's own.
    own: usize,
    receipts: Vec<(Ticket, Receipt)>,
    /// Of runs of others.
    bytes: usize,
    own_bytes: usize,
    readings: u64,
}

impl Commits {
    /// The store holds so many runs.
    pub(super) fn begin_after(&mut self, run: u64) {
        self.run = run;
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Duration> {
        match &self.in_flight {
            Some(_) => self.retry.as_ref().and_then(|retry| retry.at),
            None => self.due,
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.retry.is_some()
    }

    /// Whether nothing waits for the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.due.is_none()
    }

    /// Whether no more runs of others are taken.
    pub(super) fn is_full(&self, bytes_max: usize) -> bool {
        self.room(bytes_max) == 0
    }

    /// Bytes of runs of others that there is room for.
    fn room(&self, bytes_max: usize) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |commit| commit.bytes);
        bytes_max.saturating_sub(self.waiting_bytes + in_flight)
    }

    /// Whether no more own entries are taken. Counted apart: what others send never keeps this peer from writing.
    pub(super) fn is_full_of_own(&self, bytes_max: usize) -> bool {
        self.own_bytes + self.in_flight.as_ref().map_or(0, |commit| commit.own_bytes) >= bytes_max
    }

    /// Bytes that wait, of others and own, those of the commit under way among them.
    pub(super) fn waiting_bytes(&self) -> (usize, usize) {
        let (others, own) = self.in_flight.as_ref().map_or((0, 0), |commit| (commit.bytes, commit.own_bytes));
        (self.waiting_bytes + others, self.own_bytes + own)
    }

    /// Own entries of so many bytes wait to be signed.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.own_bytes += bytes;
    }

    /// Answers for an entry of a log when the commit under way is durable, if it brings that. `false`: it does not.
    pub(super) fn answer_with(&mut self, ticket: Ticket, receipt: Receipt) -> bool {
        let Some(commit) = &mut self.in_flight else { return false };
        let brings = |run: &VerifiedRun| {
            run.state().log() == receipt.log && (run.from()..run.state().size()).contains(&receipt.position)
        };
        let brought = commit.runs[..commit.own].iter().any(brings);
        if brought {
            commit.receipts.push((ticket, receipt));
        }
        brought
    }

    /// Whether something of a log waits for the disk.
    pub(super) fn brings(&self, log: &LogId) -> bool {
        let in_flight = self.in_flight.iter().flat_map(|commit| commit.runs.iter());
        in_flight.chain(&self.waiting).any(|run| run.state().log() == *log)
    }

    /// A verified run of another peer waits, which took so many bytes and holds so many readings.
    pub(super) fn add(&mut self, run: VerifiedRun, bytes: usize, readings: u64) {
        self.waiting.push(run);
        self.waiting_readings += readings;
        self.waiting_bytes += bytes;
    }
}

impl Node {
    /// Tells gossip how much it may ask for.
    pub(super) fn tell_room(&mut self) {
        let bytes = self.commits.room(self.config.waiting_bytes_max);
        self.tell_gossip(GossipInput::Room { bytes });
    }

    /// So many entries of a collection wait for the disk, and need not wait longer than `window` unless that is a thrifty one.
    pub(super) fn await_commit(&mut self, collection: &CollectionPath, entries: usize, window: Duration) {
        let config = &self.config;
        self.commits.waiting_entries += entries;
        let is_thrifty = config.thrifty.iter().any(|thrifty| thrifty.covers(collection));
        let window = match is_thrifty {
            true if self.commits.waiting_entries >= config.thrifty_entries => Duration::ZERO,
            true => config.thrifty_window,
            false => window,
        };
        let window = if self.commits.waiting_bytes >= FULL_BYTES { Duration::ZERO } else { window };
        let due = self.now.mono + window;
        self.commits.due = Some(self.commits.due.map_or(due, |before| before.min(due)));
    }

    /// Starts or repeats a commit if it is time.
    pub(super) fn commit_due(&mut self) {
        if self.commits.due().is_none_or(|due| due > self.now.mono) {
            return;
        }
        if let Some(commit) = &self.commits.in_flight {
            let (seq, runs) = (self.commits.last, commit.runs.clone());
            if let Some(retry) = &mut self.commits.retry {
                retry.at = None;
            }
            return self.output(Output::Commit { seq, runs });
        }
        self.commits.due = None;
        self.commits.waiting_entries = 0;
        let (mut runs, receipts) = self.sign_own();
        let own = runs.len();
        let own_bytes = std::mem::take(&mut self.commits.own_bytes);
        runs.append(&mut self.commits.waiting);
        if runs.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.commits.waiting_bytes);
        let readings = std::mem::take(&mut self.commits.waiting_readings);
        let runs = Arc::new(runs);
        self.commits.in_flight =
            Some(InFlight { runs: runs.clone(), own, receipts, bytes, own_bytes, readings });
        self.commits.last += 1;
        self.output(Output::Commit { seq: self.commits.last, runs });
    }

    pub(super) fn durable(&mut self, through: u64) {
        if through < self.commits.last {
            return;
        }
        let Some(commit) = self.commits.in_flight.take() else { return };
        if self.commits.retry.take().is_some() {
            self.event(Event::StorageRecovered);
        }
        self.tell_room();
        for (ticket, receipt) in commit.receipts {
            self.output(Output::Published { ticket, result: Ok(receipt) });
        }
        for run in &commit.runs[..commit.own] {
            for (position, entry) in (run.from()..).zip(run.entries()) {
                if let Some(measured) = Measured::of(run.state(), position, entry) {
                    self.event(Event::Written(measured));
                }
            }
        }
        for run in &commit.runs[..commit.own] {
            self.entered(run.state(), run.from(), run.entries());
        }
        for run in &commit.runs[..commit.own] {
            let state = run.state();
            // What was cut while it was written goes to nobody.
            let payload = self.logs.ending(&state.log()).is_none().then(|| run.to_bytes());
            if self.forks.get(&state.log()).is_some() {
                // It was forked while this was written: nobody takes it any more.
                continue;
            }
            let Some((topic, version)) = self.logs.told(&state.log()) else { continue };
            let key = key_of(&state.log());
            let origin = Some(origin_of(state.header()));
            self.tell_gossip(GossipInput::Accepted { key, topic, version, from: None, origin, payload });
        }
        for run in commit.runs.iter() {
            let changes =
                (run.from()..).zip(run.entries()).filter(|(_, entry)| entry.kind == EntryKind::Change);
            if let Some((position, _)) = changes.last() {
                let (log, header) = (run.state().log(), run.state().header().clone());
                self.event(Event::Changed { log, header, position });
            }
        }
        for run in commit.runs.iter() {
            let sealed =
                (run.from()..).zip(run.entries()).filter(|(_, entry)| entry.kind == EntryKind::Sealed);
            let mut positions = sealed.map(|(position, _)| position);
            let (header, me) = (run.state().header(), self.peer());
            let is_told = header.author() == me || !self.is_withheld(header.collection());
            if let Some(from) = positions.next().filter(|_| is_told) {
                let end = positions.last().unwrap_or(from) + 1;
                let (log, header) = (run.state().log(), run.state().header().clone());
                self.event(Event::Sealed { log, header, from, end });
            }
        }
        for state in commit.runs.iter().map(VerifiedRun::state) {
            self.commits.run += 1;
            let version = self.logs.told_of(state);
            let (key, number) = (key_of(&state.log()), Some(self.commits.run));
            self.tell_gossip(GossipInput::Durable { key, version, number });
        }
        for run in commit.runs.iter() {
            self.ask_again(&run.state().log());
        }
        if commit.readings > 0 {
            self.event(Event::Stored { readings: commit.readings });
        }
        self.keep_forks();
    }

    pub(super) fn commit_failed(&mut self, seq: u64) {
        if self.commits.in_flight.is_none() || seq != self.commits.last {
            return;
        }
        let pause = match &self.commits.retry {
            Some(before) => (before.pause * 2).min(RETRY_MAX),
            None => {
                self.event(Event::StorageFailing);
                self.config.commit_retry
            }
        };
        self.commits.retry = Some(Retry { at: Some(self.now.mono + pause), pause });
    }
}
