//! Ours: the overlay and the gossip of `msec-gossip`, as a peer's node joins them.
//!
//! Nothing is verified here, as nothing is in the other protocol's adapter: what is delivered is accepted and durable at
//! once, and a record that a neighbour tells of is taken for good. Each message is a key of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_gossip::overlay::{self, ContactId, DialFailure, Lost, Overlay, Role, Source};
use msec_gossip::{Config, DecodeError, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;

use crate::network::NodeId;
use crate::payload::Payload;
use crate::protocol::{In, Out, Protocol, Wire};
use crate::queue::Micros;
use crate::seed;

/// What a signed address record takes: key, addresses, time and signature.
const RECORD_BYTES: usize = 160;

/// A link's frames carry their length in four bytes.
const LENGTH_BYTES: u64 = 4;

/// The two high bits of a frame's first byte: whose it is.
const CHANNEL: u8 = 0b1100_0000;

/// What messages are called in the profile, as `docs/wire.md` numbers them; a frame counts as its first one.
const OVERLAY_KINDS: [&str; 10] =
    ["hello", "welcome", "full", "leave", "ping", "pong", "newcomer", "shuffle", "shuffle reply", "record"];
const GOSSIP_KINDS: [&str; 11] =
    ["push", "reconcile", "list", "have", "want", "chunk", "unserved", "tree", "ihave", "fetch", "feed"];
const RECONCILE: u8 = 1;
const RECONCILE_KINDS: [&str; 7] = ["root", "agreed", "changes", "summary", "listing", "codes", "more"];
const TREE: u8 = 7;
const TREE_KINDS: [&str; 3] = ["vector", "check", "retell"];
const OTHER: &str = "other";

/// A node that runs this project's gossip.
#[derive(Debug)]
pub struct Ours {
    overlay: Overlay,
    gossip: Gossip,
    topic: Topic,
    me: NodeId,
    /// What it holds: enough to make the bytes again.
    held: BTreeMap<u32, Payload>,
    neighbours: BTreeSet<NodeId>,
}

impl Protocol for Ours {
    const NAME: &'static str = "ours";
    /// A frame.
    type Message = Vec<u8>;
    type Timer = ();

    fn new(me: NodeId, seed: u64) -> Self {
        let seed = |purpose| seed::bytes(&[seed, purpose, u64::from(me)]);
        Self {
            overlay: Overlay::new(overlay::Config::default(), peer_id(me), Role::Relay, seed(0x0e)),
            gossip: Gossip::new(Config::default(), peer_id(me), Interest::all(), seed(0x60)),
            topic: Topic::new("parks/noise").expect("a plain path"),
            me,
            held: BTreeMap::new(),
            neighbours: BTreeSet::new(),
        }
    }

    fn handle(&mut self, now: Micros, input: In<Self>, out: &mut Vec<Out<Self>>) {
        let at = Duration::from_micros(now);
        match input {
            In::Join(through) => {
                self.overlay.handle(at, overlay::Input::OwnRecord { record: record(self.me) });
                if let Some(through) = through {
                    let contact = ContactId(u64::from(through));
                    let (source, peer, record) = (Source::Configured, None, None);
                    self.overlay.handle(at, overlay::Input::Contact { contact, source, peer, record });
                }
            }
            In::Publish(payload) => self.accept(at, payload, None, true),
            In::Message { from, message } => self.received(at, peer_id(from), message),
            In::Timer(()) => {}
            In::Wake => {
                self.overlay.handle(at, overlay::Input::Timeout);
                self.gossip.handle(at, Input::Timeout);
            }
            In::LinkUp { peer, dialled } => {
                let contact = dialled.then_some(ContactId(u64::from(peer)));
                let input = overlay::Input::LinkUp { peer: peer_id(peer), contact, expense: Duration::ZERO };
                self.overlay.handle(at, input);
            }
            In::LinkDown { peer, timed_out } => {
                let why = if timed_out { Lost::TimedOut } else { Lost::Closed };
                self.overlay.handle(at, overlay::Input::LinkDown { peer: peer_id(peer), why });
            }
            In::DialFailed { peer, timed_out } => {
                let why = if timed_out { DialFailure::TimedOut } else { DialFailure::Unreachable };
                let contact = ContactId(u64::from(peer));
                self.overlay.handle(at, overlay::Input::DialFailed { contact, why });
            }
        }
        self.pump(at, out);
    }

    fn wake(&self) -> Option<Micros> {
        let next = self.overlay.poll_timeout().into_iter().chain(self.gossip.poll_timeout()).min()?;
        // Never before it.
        Some(next.as_nanos().div_ceil(1_000) as Micros)
    }

    fn wire(message: &Self::Message) -> Wire {
        Wire { bytes: message.len() as u64 + LENGTH_BYTES, copies: Payload::count_in(message) }
    }

    fn kind(message: &Self::Message) -> &'static str {
        let names: &[&str] = match (message.as_slice(), message.first().map_or(0, |first| first & CHANNEL)) {
            ([_, _, ..], 0b0100_0000) => &OVERLAY_KINDS,
            ([_, TREE, ..], 0) => return *TREE_KINDS.get(usize::from(message[2])).unwrap_or(&OTHER),
            ([_, RECONCILE, ..], 0) => {
                return *RECONCILE_KINDS.get(usize::from(message[2])).unwrap_or(&OTHER);
            }
            ([_, _, ..], 0) => &GOSSIP_KINDS,
            _ => &[],
        };
        message.get(1).and_then(|kind| names.get(usize::from(*kind))).unwrap_or(&OTHER)
    }

    fn neighbours(&self) -> Vec<NodeId> {
        self.neighbours.iter().copied().collect()
    }

    fn configuration() -> String {
        format!("{:?}; {:?}", overlay::Config::default(), Config::default())
    }
}

impl Ours {
    fn received(&mut self, at: Duration, from: PeerId, bytes: Vec<u8>) {
        if bytes.first().is_some_and(|first| first & CHANNEL == 0) {
            self.overlay.handle(at, overlay::Input::Heard { peer: from });
            self.gossip.handle(at, Input::Received { from, bytes });
        } else {
            self.overlay.handle(at, overlay::Input::Received { from, bytes });
        }
    }

    /// Does what both machines say until they say nothing more.
    fn pump(&mut self, at: Duration, out: &mut Vec<Out<Self>>) {
        loop {
            if let Some(output) = self.overlay.poll_output() {
                self.linked(at, output, out);
            } else if let Some(output) = self.gossip.poll_output() {
                self.told(at, output, out);
            } else {
                return;
            }
        }
    }

    fn linked(&mut self, at: Duration, output: overlay::Output, out: &mut Vec<Out<Self>>) {
        match output {
            overlay::Output::Dial { contact } => out.push(Out::Dial(contact.0 as NodeId)),
            overlay::Output::Disconnect { peer, .. } => out.push(Out::Close(node_id(peer))),
            overlay::Output::Send { to, bytes } => out.push(Out::Send(node_id(to), bytes)),
            overlay::Output::Check { record, .. } => {
                if let Some(node) = told_by(&record) {
                    let (contact, peer) = (ContactId(u64::from(node)), Some(peer_id(node)));
                    let (source, record) = (Source::Hearsay, Some(record));
                    self.overlay.handle(at, overlay::Input::Contact { contact, source, peer, record });
                }
            }
            overlay::Output::Forget { .. } => {}
            overlay::Output::Up { peer, leaf } => {
                self.neighbours.insert(node_id(peer));
                self.gossip.handle(at, Input::NeighbourUp { peer, interest: Interest::all(), leaf });
            }
            overlay::Output::Leaving { peer } => self.gossip.handle(at, Input::Leaving { peer }),
            overlay::Output::Down { peer } => {
                self.neighbours.remove(&node_id(peer));
                self.gossip.handle(at, Input::NeighbourDown { peer });
            }
            overlay::Output::Cost { peer, cost } => self.gossip.handle(at, Input::Cost { peer, cost }),
            overlay::Output::Violation { from, error } => self.violation(at, from, error, out),
        }
    }

    fn told(&mut self, at: Duration, output: Output, out: &mut Vec<Out<Self>>) {
        match output {
            Output::Send { to, bytes, .. } => out.push(Out::Send(node_id(to), bytes)),
            Output::Deliver { from, payload, live, .. } => {
                let payload = Payload::parse(&payload).expect("only payloads are published");
                if !self.held.contains_key(&payload.round) {
                    out.push(Out::Deliver(payload));
                    self.accept(at, payload, Some(from), live);
                }
            }
            Output::Serve { to, key, from, .. } => {
                let held = self.held.get(&round_of(key)).filter(|_| from == 0);
                let chunk = held.map(Payload::bytes);
                self.gossip.handle(at, Input::Served { to, key, from, chunk });
            }
            Output::Conflict { key, .. } => unreachable!("nobody publishes {key:?} twice"),
            Output::Violation { from, error } => self.violation(at, from, error, out),
        }
    }

    /// Nobody misbehaves here, so this is a bug, or what a lost message leads to: it is told, and done as a node does.
    fn violation(&mut self, at: Duration, from: PeerId, error: DecodeError, out: &mut Vec<Out<Self>>) {
        eprintln!("node {} lets go of node {}: {error}", self.me, node_id(from));
        out.push(Out::Close(node_id(from)));
        self.overlay.handle(at, overlay::Input::LinkDown { peer: from, why: Lost::Misbehaved });
    }

    fn accept(&mut self, at: Duration, payload: Payload, from: Option<PeerId>, live: bool) {
        self.held.insert(payload.round, payload);
        let key = key_of(payload.round);
        let version = Version { size: 1, digest: key.0 };
        let (topic, payload) = (self.topic.clone(), live.then(|| payload.bytes()));
        self.gossip.handle(at, Input::Accepted { key, topic, version, from, origin: None, payload });
        self.gossip.handle(at, Input::Durable { key, version, number: None });
    }
}

/// Spread like keys are, with the number at the end.
fn peer_id(node: NodeId) -> PeerId {
    PeerId(named(0x1d, node))
}

fn node_id(peer: PeerId) -> NodeId {
    number(&peer.0)
}

fn key_of(round: u32) -> Key {
    Key(named(0x6e, round))
}

fn round_of(key: Key) -> u32 {
    number(&key.0)
}

fn named(purpose: u64, number: u32) -> [u8; 32] {
    let mut bytes = seed::bytes(&[purpose, u64::from(number)]);
    bytes[28..].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn number(bytes: &[u8; 32]) -> u32 {
    u32::from_le_bytes([bytes[28], bytes[29], bytes[30], bytes[31]])
}

/// What a node tells about itself.
fn record(node: NodeId) -> Vec<u8> {
    let mut record = node.to_le_bytes().to_vec();
    while record.len() < RECORD_BYTES {
        record.extend(seed::bytes(&[0x4ec0, u64::from(node), record.len() as u64]));
    }
    record.truncate(RECORD_BYTES);
    record
}

fn told_by(bytes: &[u8]) -> Option<NodeId> {
    let node = NodeId::from_le_bytes(*bytes.first_chunk::<4>()?);
    (record(node) == bytes).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers() {
        assert_eq!(node_id(peer_id(9_999)), 9_999);
        assert_eq!(round_of(key_of(77)), 77);
        assert_eq!(record(5).len(), RECORD_BYTES);
        assert_eq!(told_by(&record(5)), Some(5));
        assert_eq!(told_by(&record(5)[1..]), None);
    }
}
