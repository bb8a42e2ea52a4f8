//! The machines, and what goes on between them.

use std::time::Duration;

use msec_identity::PeerId;
use msec_peer::gossip::{Gossip, Input, Interest, Output, Topic};

use super::config::{GossipOnlyConfig, GossipOnlyError};
use super::entries::{self, Entries, Published};
use super::links::Links;
use super::report::{Delays, GossipOnlyReport};
use crate::digest::Digest;
use crate::peer::PeerIndex;
use crate::queue::Queue;
use crate::seed::{Dice, Seed};
use crate::stopwatch::Stopwatch;

/// Many gossip machines in virtual time.
///
/// - Made by [`GossipOnly::new`]; [`GossipOnly::publish`] adds an entry now, [`GossipOnly::run_until`] lets time pass.
/// - Getters: [`GossipOnly::time`], [`GossipOnly::lacking`], [`GossipOnly::report`].
///
/// The queue is bounded by what it stands for: one wake for each machine and what the links hold.
#[derive(Debug)]
pub struct GossipOnly {
    config: GossipOnlyConfig,
    topic: Topic,
    time: Duration,
    queue: Queue<Happening>,
    machines: Vec<Machine>,
    links: Links,
    entries: Entries,
    dice: Dice,
    digest: Digest,
    delays: Delays,
    tally: Tally,
    stopwatch: Stopwatch,
}

#[derive(Debug)]
struct Machine {
    gossip: Gossip,
    /// The wake that counts; others in the queue are stale.
    wake: Option<Duration>,
}

#[derive(Debug)]
enum Happening {
    /// A link comes up at both of its ends.
    Up { a: u32, b: u32 },
    /// A message arrives.
    Arrives { from: u32, to: u32, bytes: Vec<u8> },
    /// A machine wanted to be woken.
    Wake(u32),
}

#[derive(Debug, Default)]
struct Tally {
    events: u64,
    messages: u64,
    lost: u64,
    shed: u64,
    bytes: u64,
    complaints: u64,
    published: u64,
}

/// The name of a peer. Its bits are reversed, so that neighbours in number are none in the order of names.
fn name(peer: u32) -> PeerId {
    let mut name = [0; 32];
    name[..4].copy_from_slice(&peer.reverse_bits().to_be_bytes());
    PeerId(name)
}

fn number(name: &PeerId) -> u32 {
    let [a, b, c, d, ..] = name.0;
    u32::from_be_bytes([a, b, c, d]).reverse_bits()
}

impl GossipOnly {
    /// A machine for each peer of these links. They come up within [`GossipOnlyConfig::join_within`].
    pub fn new(seed: Seed, links: Links, config: GossipOnlyConfig) -> Result<Self, GossipOnlyError> {
        config.check()?;
        let stopwatch = Stopwatch::start();
        let machine = |peer: usize| {
            let seed = seed.derive("gossip-only/machine", peer as u64);
            let gossip = Gossip::new(config.gossip.clone(), name(peer as u32), Interest::all(), seed);
            Machine { gossip, wake: None }
        };
        let mut queue = Queue::default();
        let mut dice = seed.dice("gossip-only", 0);
        for (a, lanes) in links.lanes.iter().enumerate() {
            for b in lanes.iter().map(|lane| lane.to).filter(|b| *b as usize > a) {
                queue.push(dice.duration(config.join_within), Happening::Up { a: a as u32, b });
            }
        }
        Ok(Self {
            machines: (0..links.peers()).map(machine).collect(),
            topic: Topic::new("city").expect("a name of letters"),
            time: Duration::ZERO,
            queue,
            links,
            entries: Entries::new(seed),
            dice,
            digest: Digest::default(),
            delays: Delays::default(),
            tally: Tally::default(),
            stopwatch,
            config,
        })
    }

    /// Virtual time.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// A peer publishes an entry of that many bytes, now. `None`: there is no such peer.
    pub fn publish(&mut self, peer: usize, bytes: usize) -> Option<Published> {
        if peer >= self.machines.len() {
            return None;
        }
        let author = peer as u32;
        let (key, version, payload) = self.entries.add(author, self.time, bytes);
        let topic = self.topic.clone();
        self.tally.published += 1;
        self.handle(
            author,
            Input::Accepted { key, topic, version, from: None, origin: None, payload: Some(payload) },
        );
        self.handle(author, Input::Durable { key, version, number: None });
        self.settle(author);
        Some(Published { author, position: version.size - 1 })
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, time: Duration) {
        while let Some((at, happening)) = self.queue.pop(time) {
            self.time = at;
            self.happen(happening);
        }
        self.time = self.time.max(time);
    }

    /// The peers that do not hold a message.
    pub fn lacking(&self, message: Published) -> impl Iterator<Item = usize> {
        let key = self.entries.key(message.author);
        let lacks = move |machine: &Machine| {
            machine.gossip.held(&key).is_none_or(|held| held.size <= message.position)
        };
        self.machines.iter().enumerate().filter(move |(_, machine)| lacks(machine)).map(|(peer, _)| peer)
    }

    /// What came of it so far.
    pub fn report(&self) -> GossipOnlyReport {
        let missed = self.entries.messages().map(|message| self.lacking(message).count() as u64).sum();
        let (deliveries, bytes) = (self.delays.count(), self.tally.bytes);
        GossipOnlyReport {
            peers: self.machines.len(),
            links: self.links.count(),
            simulated_s: self.time.as_secs_f64(),
            cpu_s: self.stopwatch.cpu().as_secs_f64(),
            events: self.tally.events,
            digest: self.digest.hex(),
            published: self.tally.published,
            deliveries,
            missed,
            p50_ms: self.delays.percentile(50),
            p99_ms: self.delays.percentile(99),
            last_ms: self.delays.percentile(100),
            messages: self.tally.messages,
            lost: self.tally.lost,
            shed: self.tally.shed,
            bytes,
            bytes_per_delivery: if deliveries == 0 { 0.0 } else { bytes as f64 / deliveries as f64 },
            complaints: self.tally.complaints,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Up { a, b } => {
                for (at, other) in [(a, b), (b, a)] {
                    self.handle(
                        at,
                        Input::NeighbourUp { peer: name(other), interest: Interest::all(), leaf: false },
                    );
                }
                // Nobody speaks before both know of the link.
                self.settle(a);
                self.settle(b);
            }
            Happening::Arrives { from, to, bytes } => {
                self.handle(to, Input::Received { from: name(from), bytes });
                self.settle(to);
            }
            Happening::Wake(peer) => {
                let machine = &mut self.machines[peer as usize];
                if machine.wake == Some(self.time) {
                    machine.wake = None;
                    self.handle(peer, Input::Timeout);
                    self.settle(peer);
                }
            }
        }
    }

    fn handle(&mut self, peer: u32, input: Input) {
        self.tally.events += 1;
        self.machines[peer as usize].gossip.handle(self.time, input);
    }

    /// Does what a machine asks for, and sees to it that it is woken.
    fn settle(&mut self, peer: u32) {
        while let Some(output) = self.machines[peer as usize].gossip.poll_output() {
            self.digest.add(self.time, PeerIndex(peer as usize), &output);
            match output {
                Output::Send { to, bytes, .. } => self.send(peer, number(&to), bytes),
                Output::Deliver { from, key, payload, live } => {
                    self.judge(peer, from, key, payload, live);
                }
                Output::Serve { to, key, from, .. } => {
                    let chunk = self.entries.author(&key).and_then(|author| {
                        let held = self.machines[peer as usize].gossip.held(&key)?;
                        self.entries.chunk(author, from, held.size)
                    });
                    self.handle(peer, Input::Served { to, key, from, chunk });
                }
                Output::Conflict { .. } | Output::Violation { .. } => self.tally.complaints += 1,
            }
        }
        let machine = &mut self.machines[peer as usize];
        let due = machine.gossip.poll_timeout().map(|due| due.max(self.time));
        if let Some(due) = due.filter(|due| machine.wake.is_none_or(|wake| *due < wake)) {
            machine.wake = Some(due);
            self.queue.push(due, Happening::Wake(peer));
        }
    }

    /// The node's part: is it new, and does it continue what is held?
    fn judge(
        &mut self,
        peer: u32,
        from: PeerId,
        asked: msec_peer::gossip::Key,
        payload: Vec<u8>,
        live: bool,
    ) {
        let Some((key, author)) = self.entries.meant(&asked) else { return };
        let held = self.machines[peer as usize].gossip.held(&key).map_or(0, |held| held.size);
        let Some((begin, end)) = entries::span(&payload) else { return };
        if begin > held {
            let topic = Some(self.topic.clone());
            return self.handle(peer, Input::Gap { key, topic, from, have: held });
        }
        let Some(version) = self.entries.version(author, end).filter(|_| end > held) else { return };
        for position in held..end {
            if let Some(published) = self.entries.published(author, position) {
                self.delays.add(self.time - published);
            }
        }
        let (topic, payload) = (self.topic.clone(), live.then_some(payload));
        self.handle(peer, Input::Accepted { key, topic, version, from: Some(from), origin: None, payload });
        self.handle(peer, Input::Durable { key, version, number: None });
    }

    fn send(&mut self, from: u32, to: u32, bytes: Vec<u8>) {
        let lanes = &mut self.links.lanes[from as usize];
        let Ok(at) = lanes.binary_search_by_key(&to, |lane| lane.to) else { return };
        let lane = &mut lanes[at];
        let size = bytes.len() as u64 + self.config.overhead_bytes;
        let mut left = self.time;
        if let Some(rate) = self.config.bandwidth {
            let takes = |bytes: u64| {
                Duration::from_nanos((u128::from(bytes) * 1_000_000_000 / u128::from(rate)) as u64)
            };
            let start = lane.free.max(self.time);
            // A message that is longer than the queue may go into an empty one.
            if start - self.time > takes(self.config.queue_bytes_max) {
                self.tally.shed += 1;
                return self.handle(from, Input::Shed { peer: name(to), frame: bytes });
            }
            left = start + takes(size);
            lane.free = left;
        }
        let arrives = left + lane.latency + self.dice.duration(self.config.jitter);
        self.tally.messages += 1;
        self.tally.bytes += size;
        if self.dice.chance(self.config.loss) {
            self.tally.lost += 1;
        } else {
            self.queue.push(arrives, Happening::Arrives { from, to, bytes });
        }
    }
}

#[cfg(test)]
mod tests;
