//! What apps asked for and what came of it: the truth that checkers hold the nodes against.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_crdt_store::{LogHeader, Reading};
use msec_identity::{CollectionPath, LogId, PeerId};
use msec_peer::node::{Event, Measured, PublishError, Receipt, Refused, RefusedKind, StreamName, Ticket};

use crate::PeerIndex;

/// Refusals and the like that are kept word for word; further ones are only counted.
const NOTES_MAX: usize = 10_000;

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
    stream: usize,
}

/// The value of a reading, as something that can be looked up.
type Value = (i64, u64);

/// All that was asked and answered.
#[derive(Debug, Default)]
pub struct Ledger {
    submissions: Vec<Submission>,
    /// Those that were acknowledged, in the order in which they were.
    acknowledged: Vec<usize>,
    /// Acknowledged ones that lay on one disk only when that was damaged: nobody can hold them any more.
    forfeited: BTreeSet<usize>,
    streams: BTreeMap<(PeerId, StreamName), usize>,
    written: Vec<BTreeSet<Value>>,
    logs: BTreeMap<LogId, KnownLog>,
    refused: BTreeMap<RefusedKind, u64>,
    refusals: Vec<(PeerIndex, Refused)>,
    incarnations: Vec<(PeerIndex, LogId)>,
    fabricated: Vec<String>,
}

impl Ledger {
    /// What was published, by ticket.
    pub fn submission(&self, ticket: Ticket) -> Option<&Submission> {
        self.submissions.get(ticket.0 as usize)
    }

    /// All that was acknowledged, in the order in which it was, from the `from`th on.
    pub fn acknowledged(&self, from: usize) -> impl Iterator<Item = (&Submission, Receipt)> {
        self.acknowledged.iter().skip(from).filter_map(|at| {
            let submission = &self.submissions[*at];
            match submission.outcome {
                Outcome::Acknowledged { receipt, .. } if !self.forfeited.contains(at) => {
                    Some((submission, receipt))
                }
                _ => None,
            }
        })
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

    /// Readings that a node showed as verified and that nobody ever published. The first 10,000.
    pub fn fabricated(&self) -> &[String] {
        &self.fabricated
    }

    pub(crate) fn submit(&mut self, author: PeerId, submission: Submission) -> Ticket {
        let stream = self.stream(author, &submission.stream);
        self.written[stream].extend(submission.readings.iter().map(value));
        self.submissions.push(submission);
        Ticket(self.submissions.len() as u64 - 1)
    }

    pub(crate) fn answered(&mut self, ticket: Ticket, at: Duration, result: Result<Receipt, PublishError>) {
        let index = ticket.0 as usize;
        let Some(submission) = self.submissions.get_mut(index) else { return };
        submission.outcome = match result {
            Ok(receipt) => {
                self.acknowledged.push(index);
                Outcome::Acknowledged { receipt, at }
            }
            Err(error) => Outcome::Refused(error),
        };
    }

    /// The peer crashed: what it was asked is not answered any more.
    pub(crate) fn crashed(&mut self, peer: PeerIndex) {
        for submission in self.submissions.iter_mut().filter(|s| s.peer == peer) {
            if matches!(submission.outcome, Outcome::Waiting) {
                submission.outcome = Outcome::Crashed;
            }
        }
    }

    /// Gives up what nobody holds any more, by `is_held`.
    pub(crate) fn forfeit(&mut self, mut is_held: impl FnMut(Receipt) -> bool) {
        for at in &self.acknowledged {
            if let Outcome::Acknowledged { receipt, .. } = self.submissions[*at].outcome
                && !is_held(receipt)
            {
                self.forfeited.insert(*at);
            }
        }
    }

    /// Somebody holds a log with this header.
    pub(crate) fn saw_log(&mut self, log: LogId, header: &LogHeader) {
        if !self.logs.contains_key(&log) {
            let stream =
                StreamName { collection: header.collection().clone(), stream: header.stream().to_owned() };
            let stream = self.stream(header.author(), &stream);
            let collection = header.collection().clone();
            self.logs.insert(log, KnownLog { author: header.author(), collection, stream });
        }
    }

    pub(crate) fn happened(&mut self, peer: PeerIndex, event: &Event) {
        match event {
            Event::Verified(Measured { log, header, position, readings, .. }) => {
                self.saw_log(*log, header);
                let written = self.logs.get(log).map(|log| &self.written[log.stream]);
                let unknown = readings.iter().find(|r| !written.is_some_and(|all| all.contains(&value(r))));
                if let Some(reading) = unknown {
                    let note = format!("peer {peer} was shown {reading:?} at {position} of log {log}");
                    keep(&mut self.fabricated, note);
                }
            }
            Event::Refused(refused) => {
                *self.refused.entry(refused.kind).or_default() += 1;
                keep(&mut self.refusals, (peer, refused.clone()));
            }
            Event::NewIncarnation { before, .. } => keep(&mut self.incarnations, (peer, *before)),
            Event::Written(_)
            | Event::NeighbourUp { .. }
            | Event::NeighbourDown { .. }
            | Event::Stored { .. }
            | Event::Changed { .. }
            | Event::StorageFailing
            | Event::StorageRecovered
            | Event::ClockUnset { .. } => {}
        }
    }

    fn stream(&mut self, author: PeerId, name: &StreamName) -> usize {
        let next = self.written.len();
        let stream = *self.streams.entry((author, name.clone())).or_insert(next);
        if stream == next {
            self.written.push(BTreeSet::new());
        }
        stream
    }
}

fn value(reading: &Reading) -> Value {
    (reading.time.0, reading.value.to_bits())
}

fn keep<T>(notes: &mut Vec<T>, note: T) {
    if notes.len() < NOTES_MAX {
        notes.push(note);
    }
}
