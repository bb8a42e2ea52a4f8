//! What apps asked for and what came of it: the truth that checkers hold the nodes against.
//!
//! What is acknowledged is kept by log and position, so that a fault costs what it touches and no look at all the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_crdt_store::{LogHeader, Reading};
use msec_identity::{CollectionPath, LogId, PeerId};
use msec_peer::node::{Event, PublishError, Receipt, Refused, RefusedKind, StreamName, Ticket};

use crate::PeerIndex;

/// Refusals and the like that are kept word for word; further ones are only counted.
pub(crate) const NOTES_MAX: usize = 10_000;

/// Readings that an app published at once.
#[derive(Debug)]
pub struct Submission {
    /// Where.
    pub peer: PeerIndex,
    /// In which stream.
    pub stream: StreamName,
    /// What.
    pub readings: Vec<Reading>,
    /// When.
    pub at: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a submission.
#[derive(Debug)]
pub enum Outcome {
    /// No answer yet.
    Waiting,
    /// Signed and on disk, it was said.
    Acknowledged {
        /// Where.
        receipt: Receipt,
        /// When.
        at: Duration,
    },
    /// It was not taken.
    Refused(PublishError),
    /// The peer crashed before it answered.
    Crashed,
}

/// A log, as far as anybody told of it.
#[derive(Debug)]
pub struct KnownLog {
    /// Whose it is.
    pub author: PeerId,
    /// In which collection.
    pub collection: CollectionPath,
    /// And stream.
    pub stream: String,
}

/// All that was asked and answered.
#[derive(Debug, Default)]
pub struct Ledger {
    submissions: Vec<Submission>,
    /// Of each peer, what it has not answered.
    waiting: BTreeMap<PeerIndex, BTreeSet<usize>>,
    /// Those that were acknowledged, in the order in which they were.
    acknowledged: Vec<usize>,
    /// The same by log, in the order of positions.
    by_log: BTreeMap<LogId, Vec<(u64, usize)>>,
    /// Acknowledged ones that lay on one disk only when that was damaged: nobody can hold them any more.
    forfeited: BTreeSet<usize>,
    logs: BTreeMap<LogId, KnownLog>,
    refused: BTreeMap<RefusedKind, u64>,
    refusals: Vec<(PeerIndex, Refused)>,
    incarnations: Vec<(PeerIndex, LogId)>,
}

impl Ledger {
    /// What was published, by ticket.
    pub fn submission(&self, ticket: Ticket) -> Option<&Submission> {
        self.submissions.get(ticket.0 as usize)
    }

    /// All that was acknowledged, in the order in which it was, from the `from`th on.
    pub fn acknowledged(&self, from: usize) -> impl Iterator<Item = (&Submission, Receipt)> {
        self.acknowledged.iter().skip(from).filter_map(|at| self.standing(*at))
    }

    /// The logs with anything acknowledged, in the order of their ids.
    pub fn acknowledged_logs(&self) -> impl Iterator<Item = LogId> {
        self.by_log.keys().copied()
    }

    /// What was acknowledged in a log, in the order of positions, from one on.
    pub fn acknowledged_in(&self, log: &LogId, from: u64) -> impl Iterator<Item = (&Submission, Receipt)> {
        let entries = self.by_log.get(log).map_or([].as_slice(), Vec::as_slice);
        let first = entries.partition_point(|(position, _)| *position < from);
        entries[first..].iter().filter_map(|(_, at)| self.standing(*at))
    }

    /// How far a log is acknowledged: the position after the last entry that was, and is not forfeited.
    pub fn acknowledged_size(&self, log: &LogId) -> u64 {
        self.acknowledged_size_by(log, |_| true)
    }

    /// The same, of what these peers acknowledged.
    pub(crate) fn acknowledged_size_by(&self, log: &LogId, by: impl Fn(PeerIndex) -> bool) -> u64 {
        let entries = self.by_log.get(log).map_or([].as_slice(), Vec::as_slice);
        let counts = |at: &usize| !self.forfeited.contains(at) && by(self.submissions[*at].peer);
        let last = entries.iter().rev().find(|(_, at)| counts(at));
        last.map_or(0, |(position, _)| position + 1)
    }

    /// How many submissions were acknowledged, forfeited ones among them.
    pub fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    /// The readings that were acknowledged, and lost with the one disk that held them.
    pub fn forfeited(&self) -> usize {
        self.forfeited.iter().map(|at| self.submissions[*at].readings.len()).sum()
    }

    /// What is known of a log.
    pub fn log(&self, log: &LogId) -> Option<&KnownLog> {
        self.logs.get(log)
    }

    /// How often nodes refused what.
    pub fn refused(&self) -> &BTreeMap<RefusedKind, u64> {
        &self.refused
    }

    /// What was refused and where, the first 10,000.
    pub fn refusals(&self) -> &[(PeerIndex, Refused)] {
        &self.refusals
    }

    /// Streams that went on in a new log: where, and the log that was left. The first 10,000.
    pub fn incarnations(&self) -> &[(PeerIndex, LogId)] {
        &self.incarnations
    }

    pub(crate) fn submit(&mut self, submission: Submission) -> Ticket {
        let index = self.submissions.len();
        self.waiting.entry(submission.peer).or_default().insert(index);
        self.submissions.push(submission);
        Ticket(index as u64)
    }

    pub(crate) fn answered(&mut self, ticket: Ticket, at: Duration, result: Result<Receipt, PublishError>) {
        let index = ticket.0 as usize;
        let Some(submission) = self.submissions.get_mut(index) else { return };
        if let Some(waiting) = self.waiting.get_mut(&submission.peer) {
            waiting.remove(&index);
        }
        submission.outcome = match result {
            Ok(receipt) => {
                self.acknowledged.push(index);
                // Nearly always the last; two devices with one identity may acknowledge one position twice.
                let entries = self.by_log.entry(receipt.log).or_default();
                let place = entries.partition_point(|(position, _)| *position <= receipt.position);
                entries.insert(place, (receipt.position, index));
                Outcome::Acknowledged { receipt, at }
            }
            Err(error) => Outcome::Refused(error),
        };
    }

    /// The peer crashed: what it was asked is not answered any more.
    pub(crate) fn crashed(&mut self, peer: PeerIndex) {
        for index in self.waiting.remove(&peer).unwrap_or_default() {
            self.submissions[index].outcome = Outcome::Crashed;
        }
    }

    /// Nobody holds these entries of a log any more.
    pub(crate) fn forfeit(&mut self, log: &LogId, positions: std::ops::Range<u64>) {
        let entries = self.by_log.get(log).map_or([].as_slice(), Vec::as_slice);
        let lost = entries.iter().filter(|(position, _)| positions.contains(position));
        self.forfeited.extend(lost.map(|(_, at)| *at));
    }

    /// Somebody holds a log with this header.
    pub(crate) fn saw_log(&mut self, log: LogId, header: &LogHeader) {
        self.logs.entry(log).or_insert_with(|| KnownLog {
            author: header.author(),
            collection: header.collection().clone(),
            stream: header.stream().to_owned(),
        });
    }

    pub(crate) fn happened(&mut self, peer: PeerIndex, event: &Event) {
        match event {
            Event::Refused(refused) => {
                *self.refused.entry(refused.kind).or_default() += 1;
                keep(&mut self.refusals, (peer, refused.clone()));
            }
            Event::NewIncarnation { before, .. } => keep(&mut self.incarnations, (peer, *before)),
            Event::Verified(_)
            | Event::Written(_)
            | Event::NeighbourUp { .. }
            | Event::NeighbourDown { .. }
            | Event::Stored { .. }
            | Event::Changed { .. }
            | Event::Sealed { .. }
            | Event::Contested { .. }
            | Event::StorageFailing
            | Event::StorageRecovered
            | Event::Pairing { .. }
            | Event::PairingEnded { .. }
            | Event::Lease { .. }
            | Event::WalkUp { .. }
            | Event::ClockUnset { .. } => {}
        }
    }

    /// Pretends that an app asked for something else; for tests of checkers.
    #[cfg(test)]
    pub(crate) fn rewrite(&mut self, ticket: usize, readings: Vec<Reading>) {
        self.submissions[ticket].readings = readings;
    }

    /// A submission that was acknowledged and not forfeited.
    fn standing(&self, at: usize) -> Option<(&Submission, Receipt)> {
        let submission = &self.submissions[at];
        match submission.outcome {
            Outcome::Acknowledged { receipt, .. } if !self.forfeited.contains(&at) => {
                Some((submission, receipt))
            }
            _ => None,
        }
    }
}

/// Keeps a note, unless there are too many.
pub(crate) fn keep<T>(notes: &mut Vec<T>, note: T) {
    if notes.len() < NOTES_MAX {
        notes.push(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId([7; 32]);
    const PEER: PeerIndex = PeerIndex(3);

    fn ledger(answers: &[Option<u64>]) -> Ledger {
        let mut ledger = Ledger::default();
        for answer in answers {
            let stream =
                StreamName { collection: "parks/noise".parse().expect("a path"), stream: "a".into() };
            let (readings, at, outcome) = (Vec::new(), Duration::ZERO, Outcome::Waiting);
            let ticket = ledger.submit(Submission { peer: PEER, stream, readings, at, outcome });
            if let Some(position) = answer {
                ledger.answered(ticket, Duration::ZERO, Ok(Receipt { log: LOG, position: *position }));
            }
        }
        ledger
    }

    fn positions(ledger: &Ledger, from: u64) -> Vec<u64> {
        ledger.acknowledged_in(&LOG, from).map(|(_, receipt)| receipt.position).collect()
    }

    #[test]
    fn what_is_acknowledged_is_found_by_log_and_position() {
        let ledger = ledger(&[Some(1), Some(3), Some(2)]);
        assert_eq!(positions(&ledger, 2), [2, 3]);
        assert_eq!((ledger.acknowledged_size(&LOG), ledger.acknowledged_count()), (4, 3));
    }

    #[test]
    fn what_is_forfeited_counts_no_more() {
        let mut ledger = ledger(&[Some(1), Some(2), Some(3)]);
        ledger.forfeit(&LOG, 2..9);
        assert_eq!(positions(&ledger, 0), [1]);
        assert_eq!((ledger.acknowledged_size(&LOG), ledger.acknowledged_count()), (2, 3));
    }

    #[test]
    fn a_crash_ends_what_was_not_answered_and_nothing_else() {
        let mut ledger = ledger(&[Some(1), None]);
        ledger.crashed(PeerIndex(4));
        assert!(matches!(ledger.submissions[1].outcome, Outcome::Waiting));
        ledger.crashed(PEER);
        assert!(matches!(ledger.submissions[1].outcome, Outcome::Crashed));
        assert!(matches!(ledger.submissions[0].outcome, Outcome::Acknowledged { .. }));
    }
}
