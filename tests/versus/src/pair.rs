//! Two of our gossip machines, and what they say to each other until they hold the same.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;

use crate::payload::{PAYLOAD_BYTES, Payload};
use crate::queue::{MILLISECOND, Micros, Queue, SECOND};
use crate::seed::{self, Dice};
use crate::sets::{Sets, Shape, is_first, places};

/// One way. What is counted does not depend on it.
const LATENCY: Micros = 20 * MILLISECOND;

/// Within this time all must be equal.
const PATIENCE: Micros = 600 * SECOND;

/// How long they stay together after that, before they part.
const SETTLE: Micros = 30 * SECOND;

/// How long what a reconnection costs is counted: less than the time to the next round.
const IDLE: Micros = 5 * SECOND;

/// What one meeting cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// All bytes both ways, without the items themselves: without payloads and what is around them.
    pub bytes: u64,
    /// With what is around them: all but the payloads.
    pub bytes_with_heads: u64,
    /// What both said after all was there, and before they parted.
    pub bytes_after: u64,
    /// Round trips until both sides knew all that they lacked.
    pub round_trips: u64,
    /// Whether they became equal.
    pub is_equal: bool,
}

#[derive(Debug)]
struct Side {
    gossip: Gossip,
    peer: PeerId,
    held: BTreeMap<Key, u64>,
    /// The longest chain of messages that led here.
    depth: u64,
    /// What it lacks of what the other side holds.
    lacks: u64,
    /// It knows all of that by now.
    knows: bool,
    wake: Option<Micros>,
}

#[derive(Debug)]
enum Event {
    Message { to: usize, depth: u64, bytes: Vec<u8> },
    Wake { to: usize },
}

/// Two machines.
#[derive(Debug)]
pub struct Pair {
    sides: [Side; 2],
    keys: Vec<Key>,
    topic: Topic,
    queue: Queue<Event>,
    now: Micros,
    /// When they met.
    met: Micros,
    cost: Cost,
}

impl Pair {
    /// Both hold their sets, on disk, and have never met.
    pub fn new(sets: &Sets, seed: u64) -> Self {
        let side = |number: u64| {
            let peer = PeerId(seed::bytes(&[seed, 0x51de, number]));
            let gossip = Gossip::new(Config::default(), peer, Interest::all(), seed::bytes(&[seed, number]));
            Side { gossip, peer, held: BTreeMap::new(), depth: 0, lacks: 0, knows: true, wake: None }
        };
        let mut pair = Self {
            sides: [side(0), side(1)],
            keys: sets.all.iter().map(|id| Key(*id)).collect(),
            topic: Topic::new("parks/noise").expect("a plain path"),
            queue: Queue::default(),
            now: 0,
            met: 0,
            cost: Cost::default(),
        };
        for side in 0..2 {
            for (place, _) in sets.side(side == 0) {
                pair.hold(side, pair.keys[place], 1, None);
            }
        }
        pair
    }

    /// Some keys that both hold get a new version, by turns on either side, while they are apart.
    pub fn publish(&mut self, differences: usize, shape: Shape, dice: &mut Dice) {
        for (turn, place) in places(self.keys.len(), differences, shape, dice).into_iter().enumerate() {
            let (key, side) = (self.keys[place], usize::from(!is_first(turn, differences, shape)));
            let size = self.sides[side].held.get(&key).copied().unwrap_or(0) + 1;
            self.hold(side, key, size, None);
        }
    }

    /// They meet, and reconcile until both hold the same; then they part.
    pub fn meet(&mut self) -> Cost {
        let [one, other] = &self.sides;
        let newer = |side: &Side, than: &Side| {
            let newer = |(key, size): &(&Key, &u64)| than.held.get(key).is_none_or(|held| held < size);
            side.held.iter().filter(newer).count() as u64
        };
        let lacks = [newer(other, one), newer(one, other)];
        self.link(lacks);
        let until = self.now + PATIENCE;
        while self.owed() > 0 && self.step(until) {}
        self.part()
    }

    /// They meet, with nothing new, and part after a few seconds.
    pub fn greet(&mut self) -> Cost {
        self.link([0, 0]);
        let until = self.now + IDLE;
        while self.step(until) {}
        self.part()
    }

    fn owed(&self) -> u64 {
        self.sides.iter().map(|side| side.lacks).sum()
    }

    fn link(&mut self, lacks: [u64; 2]) {
        self.cost = Cost::default();
        self.met = self.now;
        for (side, lacks) in self.sides.iter_mut().zip(lacks) {
            (side.depth, side.lacks, side.knows) = (0, lacks, lacks == 0);
        }
        for side in 0..2 {
            let peer = self.sides[1 - side].peer;
            self.handle(side, Input::NeighbourUp { peer, interest: Interest::all(), leaf: false });
        }
    }

    fn part(&mut self) -> Cost {
        let cost = self.cost;
        let until = self.now + SETTLE;
        while self.step(until) {}
        let bytes_after = self.cost.bytes - cost.bytes;
        for side in 0..2 {
            let peer = self.sides[1 - side].peer;
            self.handle(side, Input::NeighbourDown { peer });
        }
        self.queue = Queue::default();
        self.sides.iter_mut().for_each(|side| side.wake = None);
        self.now += SECOND;
        Cost { is_equal: self.owed() == 0, bytes_after, ..cost }
    }

    /// One event. False if there is none until then.
    fn step(&mut self, until: Micros) -> bool {
        let Some((time, event)) = self.queue.pop(until) else {
            self.now = until;
            return false;
        };
        self.now = time;
        match event {
            Event::Message { to, depth, bytes } => {
                self.sides[to].depth = self.sides[to].depth.max(depth);
                let from = self.sides[1 - to].peer;
                self.handle(to, Input::Received { from, bytes });
            }
            Event::Wake { to } => {
                if self.sides[to].wake == Some(self.now) {
                    self.sides[to].wake = None;
                    self.handle(to, Input::Timeout);
                }
            }
        }
        true
    }

    fn handle(&mut self, side: usize, input: Input) {
        let at = Duration::from_micros(self.now);
        self.sides[side].gossip.handle(at, input);
        while let Some(output) = self.sides[side].gossip.poll_output() {
            self.output(side, output);
        }
        self.look(side);
        let it = &mut self.sides[side];
        if let Some(next) = it.gossip.poll_timeout() {
            let wake = (next.as_nanos().div_ceil(1_000) as Micros).max(self.now + 1);
            if it.wake.is_none_or(|queued| wake < queued) {
                it.wake = Some(wake);
                self.queue.push(wake, Event::Wake { to: side });
            }
        }
    }

    /// A side knows what it lacks when it wants all of it. Both chatter and delays make that look later than it need be:
    /// the chain of messages and the time are two bounds, and the lower one counts.
    fn look(&mut self, side: usize) {
        let it = &mut self.sides[side];
        if !it.knows && it.gossip.table_sizes().wants as u64 >= it.lacks {
            it.knows = true;
            let by_time = (self.now - self.met).div_ceil(2 * LATENCY);
            self.cost.round_trips = self.cost.round_trips.max(it.depth.div_ceil(2).min(by_time));
        }
    }

    fn output(&mut self, side: usize, output: Output) {
        match output {
            Output::Send { bytes, .. } => {
                let payloads = Payload::count_in(&bytes) * u64::from(PAYLOAD_BYTES);
                self.cost.bytes_with_heads += bytes.len() as u64 - payloads;
                // A frame that brings items brings nothing else, and its first byte is not theirs.
                self.cost.bytes += if payloads == 0 { bytes.len() as u64 } else { 1 };
                let depth = self.sides[side].depth + 1;
                self.queue.push(self.now + LATENCY, Event::Message { to: 1 - side, depth, bytes });
            }
            Output::Deliver { from, key: asked, payload, .. } => {
                // What was asked for by its name: a real payload says the rest, this one is looked up where it came from.
                let mut held = self.sides[1 - side].held.range(asked..).map(|(key, _)| *key);
                let key = held.next().filter(|key| asked.names(key)).expect("it was served there");
                let payload = Payload::parse(&payload).expect("only payloads are served");
                let size = u64::from(payload.sender);
                if self.sides[side].held.get(&key).is_none_or(|held| *held < size) {
                    self.hold(side, key, size, Some(from));
                    self.sides[side].lacks = self.sides[side].lacks.saturating_sub(1);
                }
            }
            Output::Serve { to, key, from, .. } => {
                let held = self.sides[side].held.get(&key).filter(|held| **held > from);
                let chunk =
                    held.map(|held| Payload { round: 0, sender: *held as u32, bytes: PAYLOAD_BYTES }.bytes());
                self.handle(side, Input::Served { to, key, from, chunk });
            }
            Output::Conflict { key, .. } => unreachable!("{key:?} has one version of each size"),
            Output::Violation { error, .. } => unreachable!("neither side misbehaves: {error}"),
        }
    }

    fn hold(&mut self, side: usize, key: Key, size: u64, from: Option<PeerId>) {
        self.sides[side].held.insert(key, size);
        let mut digest = key.0;
        digest[..8].copy_from_slice(&size.to_le_bytes());
        let (version, topic) = (Version { size, digest }, self.topic.clone());
        self.handle(side, Input::Accepted { key, topic, version, from, origin: None, payload: None });
        self.handle(side, Input::Durable { key, version, number: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn become_equal_and_stay_so() {
        let sets = Sets::new(500, 20, Shape::Spread, 1);
        let mut pair = Pair::new(&sets, 1);
        let stranger = pair.meet();
        assert!(stranger.is_equal && stranger.bytes > 20 * 8 && stranger.round_trips > 0, "{stranger:?}");
        // The message's kind, the want's number, and how long the payload is.
        assert_eq!(stranger.bytes_with_heads, stranger.bytes + 20 * (1 + 1 + 2));
        assert_eq!(pair.sides[0].held, pair.sides[1].held);
        pair.publish(10, Shape::Spread, &mut Dice::new(&[1]));
        assert_ne!(pair.sides[0].held, pair.sides[1].held);
        assert!(pair.meet().is_equal);
        assert_eq!(pair.sides[0].held, pair.sides[1].held);
        assert!(pair.greet().is_equal);
    }
}
