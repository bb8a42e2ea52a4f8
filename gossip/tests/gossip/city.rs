//! A city of machines in virtual time, larger than `world`'s: each message is a key of its own, links have latencies,
//! and nodes verify and store at once. Counts when each message comes to each node, and what that costs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::wire::Wire;

pub(crate) struct City {
    pub(crate) now: u64,
    /// Percent of frames.
    pub(crate) lost: u32,
    pub(crate) nodes: Vec<Node>,
    /// Latencies in microseconds, both ways.
    pub(crate) links: BTreeMap<(usize, usize), u64>,
    peers: BTreeMap<PeerId, usize>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    events: u64,
    rng: ChaCha8Rng,
    /// For each message: who has it, and when it came.
    pub(crate) came: BTreeMap<Key, BTreeMap<usize, u64>>,
    pub(crate) pushes: u64,
    pub(crate) push_bytes: u64,
    pub(crate) bytes: u64,
    pub(crate) trace: blake3::Hasher,
}

pub(crate) struct Node {
    pub(crate) peer: PeerId,
    pub(crate) gossip: Gossip,
    pub(crate) interest: Interest,
    pub(crate) alive: bool,
    wake: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Frame { from: usize, to: usize, bytes: Vec<u8> },
    Wake(usize),
}

/// How a message spread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    pub(crate) reached: usize,
    pub(crate) last: Duration,
}

impl City {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: 0,
            lost: 0,
            nodes: Vec::new(),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            queue: BinaryHeap::new(),
            events: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            came: BTreeMap::new(),
            pushes: 0,
            push_bytes: 0,
            bytes: 0,
            trace: blake3::Hasher::new(),
        }
    }

    /// `count` relays, each with about five links of 10 to 50 ms: one random, the others the quickest of a few.
    pub(crate) fn of_relays(seed: u64, count: usize, config: &Config) -> Self {
        let mut city = Self::new(seed);
        for _ in 0..count {
            city.add(config.clone(), Interest::all());
        }
        let mut pairs: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let mut degree = vec![0; count];
        // A ring keeps it in one piece; then links are offered, and the quicker ones taken first.
        let mut add = |a: usize, b: usize, micros: u64, degree: &mut Vec<usize>| {
            if a != b && pairs.insert((a.min(b), a.max(b)), micros).is_none() {
                degree[a] += 1;
                degree[b] += 1;
            }
        };
        for a in 0..count {
            let micros = city.latency();
            add(a, (a + 1) % count, micros, &mut degree);
        }
        let mut offers: Vec<(u64, usize, usize)> = (0..count * 12)
            .map(|n| (city.latency(), n % count, city.rng.next_u64() as usize % count))
            .collect();
        offers.sort_unstable();
        for (micros, a, b) in offers {
            if degree[a] < 5 && degree[b] < 5 {
                add(a, b, micros, &mut degree);
            }
        }
        for ((a, b), micros) in pairs {
            city.link(a, b, micros, [false; 2]);
        }
        city
    }

    fn latency(&mut self) -> u64 {
        10_000 + self.rng.next_u64() % 40_000
    }

    pub(crate) fn random(&mut self, count: usize) -> usize {
        self.rng.next_u64() as usize % count
    }

    pub(crate) fn add(&mut self, config: Config, interest: Interest) -> usize {
        let node = self.nodes.len();
        let peer = PeerId(*blake3::hash(&(node as u64).to_le_bytes()).as_bytes());
        let gossip = Gossip::new(config, peer, interest.clone(), *peer.as_bytes());
        self.peers.insert(peer, node);
        self.nodes.push(Node { peer, gossip, interest, alive: true, wake: u64::MAX });
        node
    }

    /// Links two nodes, and says which of them are leaves.
    pub(crate) fn link(&mut self, a: usize, b: usize, micros: u64, leaf: [bool; 2]) {
        self.links.insert((a.min(b), a.max(b)), micros);
        for (at, other, leaf) in [(a, b, leaf[1]), (b, a, leaf[0])] {
            let (peer, interest) = (self.nodes[other].peer, self.nodes[other].interest.clone());
            self.input(at, Input::NeighbourUp { peer, interest, leaf });
            self.input(at, Input::Cost { peer, cost: Duration::from_micros(2 * micros) });
        }
        self.drain(a);
        self.drain(b);
    }

    pub(crate) fn unlink(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))).is_some() {
            for (at, other) in [(a, b), (b, a)] {
                let peer = self.nodes[other].peer;
                self.input(at, Input::NeighbourDown { peer });
                self.drain(at);
            }
        }
    }

    /// It is gone, and its neighbours notice.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].alive = false;
        for other in self.neighbours(node) {
            self.unlink(node, other);
        }
    }

    pub(crate) fn neighbours(&self, node: usize) -> Vec<usize> {
        let ends = self.links.keys().filter(|(a, b)| *a == node || *b == node);
        ends.map(|(a, b)| if *a == node { *b } else { *a }).collect()
    }

    /// `node` says something of 200 bytes.
    pub(crate) fn publish(&mut self, node: usize, topic: &str) -> Key {
        let key = Key(*blake3::hash(&(self.came.len() as u64).to_le_bytes()).as_bytes());
        self.came.insert(key, BTreeMap::new());
        let mut payload = format!("{topic} ").into_bytes();
        payload.resize(200, b'.');
        self.accept(node, key, None, Some(payload));
        self.drain(node);
        key
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time.as_micros() as u64;
        while self.queue.peek().is_some_and(|Reverse((at, ..))| *at <= end) {
            let Some(Reverse((at, _, event))) = self.queue.pop() else { break };
            self.now = at;
            match event {
                Event::Frame { from, to, bytes } => {
                    if self.links.contains_key(&(from.min(to), from.max(to))) {
                        let from = self.nodes[from].peer;
                        self.input(to, Input::Received { from, bytes });
                        self.drain(to);
                    }
                }
                Event::Wake(node) => {
                    if self.nodes[node].wake == at {
                        self.nodes[node].wake = u64::MAX;
                        self.input(node, Input::Timeout);
                        self.drain(node);
                    }
                }
            }
        }
        self.now = end;
    }

    /// When the last of those who are alive got `key`, counted from when it was published.
    pub(crate) fn spread(&self, key: &Key) -> Spread {
        let came = &self.came[key];
        let first = came.values().min().copied().unwrap_or(0);
        let alive = came.iter().filter(|(node, _)| self.nodes[**node].alive);
        Spread {
            reached: alive.count(),
            last: Duration::from_micros(came.values().max().map_or(0, |last| last - first)),
        }
    }

    /// What an ideal flood from `node` would take to reach everybody.
    pub(crate) fn flood(&self, node: usize) -> Duration {
        let mut near: Vec<Vec<(usize, u64)>> = vec![Vec::new(); self.nodes.len()];
        for ((a, b), micros) in &self.links {
            near[*a].push((*b, *micros));
            near[*b].push((*a, *micros));
        }
        let mut best = vec![u64::MAX; self.nodes.len()];
        let mut queue = BinaryHeap::from([Reverse((0, node))]);
        let mut last = 0;
        while let Some(Reverse((at, node))) = queue.pop() {
            if at < best[node] {
                best[node] = at;
                last = last.max(at);
                queue.extend(near[node].iter().map(|(other, micros)| Reverse((at + micros, *other))));
            }
        }
        Duration::from_micros(last)
    }

    pub(crate) fn sum(&self, of: impl Fn(msec_gossip::Stats) -> u64) -> u64 {
        self.nodes.iter().map(|node| of(node.gossip.stats())).sum()
    }

    pub(crate) fn alive(&self) -> usize {
        self.nodes.iter().filter(|node| node.alive).count()
    }

    fn input(&mut self, node: usize, input: Input) {
        self.nodes[node].gossip.handle(Duration::from_micros(self.now), input);
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].gossip.poll_output() {
            match output {
                Output::Send { to, bytes, .. } => self.send(node, self.peers[&to], bytes),
                Output::Deliver { from, key: asked, payload, live } => {
                    // What was asked for by its name is the first key of that name: there are few.
                    let key = *self.came.range(asked..).next().unwrap().0;
                    assert!(asked.names(&key));
                    if !self.came[&key].contains_key(&node) {
                        self.accept(node, key, Some(from), live.then_some(payload));
                    }
                }
                Output::Serve { to, key, from, bytes_max: _ } => {
                    let chunk = self.came[&key].contains_key(&node).then(|| b"parks ".to_vec());
                    self.input(node, Input::Served { to, key, from, chunk });
                }
                Output::Conflict { .. } | Output::Violation { .. } => panic!("all are honest: {output:?}"),
            }
        }
        // Never earlier than it says.
        let timeout = self.nodes[node].gossip.poll_timeout();
        let timeout = timeout.map_or(u64::MAX, |at| at.as_nanos().div_ceil(1_000) as u64);
        let timeout = timeout.max(self.now);
        if self.nodes[node].alive && timeout < self.nodes[node].wake {
            self.nodes[node].wake = timeout;
            self.push(timeout, Event::Wake(node));
        }
    }

    fn accept(&mut self, node: usize, key: Key, from: Option<PeerId>, payload: Option<Vec<u8>>) {
        let now = self.now;
        self.came.get_mut(&key).unwrap().insert(node, now);
        let text = payload
            .as_deref()
            .map_or("parks", |payload| std::str::from_utf8(payload).unwrap().split(' ').next().unwrap());
        let (topic, version) = (Topic::new(text).unwrap(), Version { size: 1, digest: key.0 });
        self.input(node, Input::Accepted { key, topic, version, from, origin: None, payload });
        self.input(node, Input::Durable { key, version, number: None });
    }

    fn send(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        self.trace.update(&(from as u64).to_le_bytes()).update(&bytes);
        self.bytes += bytes.len() as u64;
        // A push is at least this long, and nothing else is while nobody joins.
        if bytes.len() > 200 {
            for message in Wire::decode(&bytes) {
                if let Wire::Push { .. } = message {
                    self.pushes += 1;
                    self.push_bytes += 242;
                }
            }
        }
        let Some(micros) = self.links.get(&(from.min(to), from.max(to))).copied() else { return };
        if self.lost > 0 && self.rng.next_u32() % 100 < self.lost {
            return;
        }
        self.push(self.now + micros, Event::Frame { from, to, bytes });
    }

    fn push(&mut self, at: u64, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((at, self.events, event)));
    }
}
