//! Runs, and the messages of gossip that carry them, true and false.
//!
//! Messages are made by the machine that honest peers use: what is false is what they carry.

use std::time::Duration;

use msec_peer::gossip::overlay::{self, ContactId, Overlay, Role};
use msec_peer::gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_peer::identity::{Grant, Identity, LogId, PeerId, SpaceId, Verified};
use msec_peer::net::random_seed;
use msec_peer::store::{Body, LogHeader, OwnLog, Run, TimeQuality};

use crate::town::reading;

/// Two who talk: which they are does not matter.
const A: PeerId = PeerId([1; 32]);
const B: PeerId = PeerId([2; 32]);

/// A log that somebody writes by hand.
#[derive(Debug)]
pub struct Forge<'a> {
    /// The space.
    pub space: SpaceId,
    /// The collection.
    pub collection: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// Who writes and signs.
    pub author: &'a Identity,
    /// The grants that the header shows.
    pub grants: Vec<Verified<Grant>>,
}

impl Forge<'_> {
    /// A new log with the readings of these numbers, an entry each, all signed by one head: nothing is wrong with it.
    ///
    /// # Panics
    ///
    /// If the names cannot stand in a header.
    pub fn run(&self, numbers: impl IntoIterator<Item = u64>) -> Run {
        self.runs([numbers.into_iter().collect()]).pop().expect("one run")
    }

    /// A new log with these changes of a document, an entry each, all signed by one head.
    ///
    /// # Panics
    ///
    /// If the names cannot stand in a header.
    pub fn changes(&self, bodies: impl IntoIterator<Item = Vec<u8>>) -> Run {
        let (mut log, now) = (self.log(""), reading(0).time);
        for body in bodies {
            log.append_change(now, TimeQuality::Synchronised, [7; 16], body).expect("appended");
        }
        let run = log.sign(self.author, now).expect("something to sign");
        Run::from_bytes(&run.to_bytes()).expect("what was written can be read")
    }

    fn log(&self, unit: &str) -> OwnLog {
        let incarnation = *random_seed().first_chunk().expect("sixteen of thirty-two bytes");
        let collection = self.collection.parse().expect("a collection");
        let header = LogHeader::new(self.space, collection, self.stream, self.author.peer(), incarnation)
            .with_unit(unit)
            .with_grants(&self.grants);
        OwnLog::create(header)
    }

    /// As [`Forge::run`], signed after each of several batches.
    ///
    /// # Panics
    ///
    /// If the names cannot stand in a header.
    pub fn runs(&self, batches: impl IntoIterator<Item = Vec<u64>>) -> Vec<Run> {
        let mut log = self.log("dB");
        let sign = |numbers: Vec<u64>| {
            let mut now = reading(0).time;
            for n in numbers {
                let reading = reading(n);
                now = reading.time;
                log.append_readings(now, TimeQuality::Synchronised, [7; 16], &[reading]).expect("appended");
            }
            let run = log.sign(self.author, now).expect("something to sign");
            Run::from_bytes(&run.to_bytes()).expect("what was written can be read")
        };
        batches.into_iter().map(sign).collect()
    }
}

/// Changes the last byte of the last entry: another value.
///
/// # Panics
///
/// If the run has no entry.
pub fn tamper(run: &mut Run) {
    match run.entries.last_mut().map(|entry| &mut entry.body) {
        Some(Body::Kept { bytes, .. }) => {
            // The quality comes last, and the value before it.
            let at = bytes.len() - 2;
            bytes[at] ^= 1;
        }
        other => panic!("no reading to tamper with: {other:?}"),
    }
}

/// A live message with that run.
pub fn push(run: &Run) -> Vec<u8> {
    push_as(run.log, run.head.claims().size, run)
}

/// A live message that says of that run that it belongs to another log, or ends at another size.
///
/// # Panics
///
/// If gossip does not push, which it does.
pub fn push_as(log: LogId, size: u64, run: &Run) -> Vec<u8> {
    let mut gossip = Gossip::new(Config::default(), A, Interest::none(), [0; 32]);
    gossip.handle(Duration::ZERO, Input::NeighbourUp { peer: B, interest: Interest::all(), leaf: false });
    let version = Version { size, digest: run.head.claims().root };
    let (key, payload) = (Key(log.0), Some(run.to_bytes()));
    gossip.handle(
        Duration::ZERO,
        Input::Accepted { key, topic: topic("any"), version, from: None, origin: None, payload },
    );
    sent(&mut gossip).pop().expect("gossip pushes what was accepted")
}

/// A message that asks for a whole log, for a neighbour who holds more than nothing of it.
///
/// # Panics
///
/// If gossip does not ask, which it does.
pub fn want(log: LogId) -> Vec<u8> {
    let mut asker = Gossip::new(Config::default(), A, Interest::all(), [0; 32]);
    let mut holder = Gossip::new(Config::default(), B, Interest::all(), [1; 32]);
    let (key, version) = (Key(log.0), Version { size: 9, digest: [9; 32] });
    let accepted =
        Input::Accepted { key, topic: topic("any"), version, from: None, origin: None, payload: None };
    holder.handle(Duration::ZERO, accepted);
    holder.handle(Duration::ZERO, Input::Durable { key, version, number: None });
    asker.handle(Duration::ZERO, Input::NeighbourUp { peer: B, interest: Interest::all(), leaf: false });
    holder.handle(Duration::ZERO, Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    for second in 0..10 {
        let now = Duration::from_secs(second);
        for (bytes, from_asker) in sent(&mut asker)
            .into_iter()
            .map(|m| (m, true))
            .chain(sent(&mut holder).into_iter().map(|m| (m, false)))
        {
            if !from_asker {
                asker.handle(now, Input::Received { from: B, bytes });
                continue;
            }
            holder.handle(now, Input::Received { from: A, bytes: bytes.clone() });
            let mut answers = std::iter::from_fn(|| holder.poll_output()).collect::<Vec<_>>();
            if answers.iter().any(|output| matches!(output, Output::Serve { .. })) {
                return bytes;
            }
            for output in answers.drain(..) {
                if let Output::Send { bytes, .. } = output {
                    asker.handle(now, Input::Received { from: B, bytes });
                }
            }
        }
        asker.handle(now, Input::Timeout);
        holder.handle(now, Input::Timeout);
    }
    panic!("gossip did not ask for what its neighbour holds")
}

/// The greeting of a relay that wants a place, and tells this record as its own.
///
/// # Panics
///
/// If the overlay does not greet whom it has dialled, which it does.
pub fn hello(record: &[u8]) -> Vec<u8> {
    let mut overlay = Overlay::new(overlay::Config::default(), A, Role::Relay, [0; 32]);
    let (contact, source) = (ContactId(0), overlay::Source::Configured);
    for input in [
        overlay::Input::OwnRecord { record: record.to_vec() },
        overlay::Input::Contact { contact, source, peer: Some(B), record: None },
        overlay::Input::LinkUp { peer: B, contact: Some(contact), expense: Duration::ZERO },
    ] {
        overlay.handle(Duration::ZERO, input);
    }
    let sent = std::iter::from_fn(|| overlay.poll_output()).find_map(|output| match output {
        overlay::Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    sent.expect("who dials says why")
}

fn topic(path: &str) -> Topic {
    Topic::new(path).expect("a topic")
}

fn sent(gossip: &mut Gossip) -> Vec<Vec<u8>> {
    let outputs = std::iter::from_fn(|| gossip.poll_output());
    outputs
        .filter_map(|output| match output {
            Output::Send { bytes, .. } => Some(bytes),
            _ => None,
        })
        .collect()
}
