//! A small city in virtual time: toy nodes with append-only logs, and links that lose, double, delay and part.
//!
//! A payload is a key and a range (from, to) of its log's entries, and a digest is a hash of (key, size), so that logs of one key
//! and size are equal. A node's own entries leave once they are durable; those of others are forwarded at once, become
//! durable later, and are lost in a restart before that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Entries in one chunk: small, so that catching up takes several.
const CHUNK_ENTRIES: u64 = 8;
const DISK_DELAY: Duration = Duration::from_millis(30);
const READ_DELAY: Duration = Duration::from_millis(5);

/// What links do to messages, in percent of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u32,
    /// Dropped by the driver, which says so.
    pub(crate) shed: u32,
    pub(crate) doubled: u32,
    /// Each message takes up to this long: over a few milliseconds, they overtake each other.
    pub(crate) delay_max: Duration,
}

pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) faults: Faults,
    pub(crate) nodes: Vec<Node>,
    config: Config,
    links: BTreeMap<(usize, usize), Link>,
    topics: BTreeMap<Key, (Topic, usize)>,
    queue: BTreeMap<(Duration, u64), Event>,
    events: u64,
    rng: ChaCha8Rng,
    trace: blake3::Hasher,
}

pub(crate) struct Node {
    pub(crate) interest: Interest,
    pub(crate) gossip: Gossip,
    pub(crate) logs: BTreeMap<Key, Log>,
    /// Payloads handed over, and those of them that held nothing new.
    pub(crate) delivered: u64,
    pub(crate) useless: u64,
    /// Bytes that it sent.
    pub(crate) sent: u64,
    life: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log {
    pub(crate) size: u64,
    pub(crate) durable: u64,
}

struct Link {
    /// Loses everything, and tells nobody.
    cut: bool,
    /// Counts its goings down: messages of an earlier life of the link are lost.
    life: u64,
}

enum Event {
    Message { from: usize, to: usize, life: u64, bytes: Vec<u8> },
    Up { at: usize, other: usize, life: u64 },
    Own { node: usize, life: u64, key: Key },
    Durable { node: usize, life: u64, key: Key, size: u64 },
    Served { node: usize, life: u64, to: PeerId, key: Key, from: u64 },
}

pub(crate) fn version(key: Key, size: u64) -> Version {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&key.0).update(&size.to_le_bytes());
    Version { size, digest: *hasher.finalize().as_bytes() }
}

fn peer(node: usize) -> PeerId {
    PeerId(*blake3::hash(&node.to_le_bytes()).as_bytes())
}

fn payload(key: &Key, from: u64, to: u64) -> Vec<u8> {
    [&key.0[..], &from.to_le_bytes(), &to.to_le_bytes()].concat()
}

fn parse(payload: &[u8]) -> Option<(Key, u64, u64)> {
    let (key, rest) = payload.split_first_chunk()?;
    let (from, to) = rest.split_at_checked(8)?;
    Some((Key(*key), u64::from_le_bytes(from.try_into().ok()?), u64::from_le_bytes(to.try_into().ok()?)))
}

fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl World {
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        Self {
            now: Duration::ZERO,
            faults: Faults { delay_max: Duration::from_millis(5), ..Faults::default() },
            nodes: Vec::new(),
            config,
            links: BTreeMap::new(),
            topics: BTreeMap::new(),
            queue: BTreeMap::new(),
            events: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            trace: blake3::Hasher::new(),
        }
    }

    /// A digest of all that all machines put out so far, in order.
    pub(crate) fn trace(&self) -> blake3::Hash {
        self.trace.finalize()
    }

    pub(crate) fn node(&mut self, interest: Interest) -> usize {
        let node = self.nodes.len();
        let gossip = self.machine(node, 0, &interest);
        self.nodes.push(Node {
            interest,
            gossip,
            logs: BTreeMap::new(),
            delivered: 0,
            useless: 0,
            sent: 0,
            life: 0,
        });
        node
    }

    pub(crate) fn link(&mut self, a: usize, b: usize) {
        if a != b && !self.links.contains_key(&ordered(a, b)) {
            self.links.insert(ordered(a, b), Link { cut: false, life: 0 });
            self.link_up(a, b);
        }
    }

    /// The links, in order.
    pub(crate) fn links(&self) -> Vec<(usize, usize)> {
        self.links.keys().copied().collect()
    }

    /// Parts two nodes without telling them, or joins them again.
    pub(crate) fn cut(&mut self, a: usize, b: usize, cut: bool) {
        if let Some(link) = self.links.get_mut(&ordered(a, b)) {
            link.cut = cut;
        }
    }

    /// The link goes down and comes back.
    pub(crate) fn flap(&mut self, a: usize, b: usize) {
        if self.links.contains_key(&ordered(a, b)) {
            self.input(a, Input::NeighbourDown { peer: peer(b) });
            self.input(b, Input::NeighbourDown { peer: peer(a) });
            self.link_up(a, b);
        }
    }

    /// The log that `author` keeps under `topic`.
    pub(crate) fn log(&mut self, author: usize, topic: &str) -> Key {
        let topic = Topic::new(topic).unwrap();
        let key = Key(*blake3::hash(format!("{author} {topic}").as_bytes()).as_bytes());
        self.topics.insert(key, (topic, author));
        key
    }

    /// `author` appends an entry, which leaves once it is durable.
    pub(crate) fn append(&mut self, author: usize, topic: &str) -> Key {
        let key = self.log(author, topic);
        let life = self.nodes[author].life;
        self.after(DISK_DELAY, Event::Own { node: author, life, key });
        key
    }

    /// `node` finds `size` entries on its disk.
    pub(crate) fn load(&mut self, node: usize, key: Key, size: u64) {
        self.nodes[node].logs.insert(key, Log { size, durable: size });
        self.accepted(node, key, size, None, None);
        self.input(node, Input::Durable { key, version: version(key, size), number: None });
    }

    /// Power cut: what is not durable is gone, and all links fall and rise.
    pub(crate) fn restart(&mut self, node: usize) {
        self.nodes[node].life += 1;
        let (life, interest) = (self.nodes[node].life, self.nodes[node].interest.clone());
        self.nodes[node].gossip = self.machine(node, life, &interest);
        let logs = std::mem::take(&mut self.nodes[node].logs);
        for (key, log) in logs.into_iter().filter(|(_, log)| log.durable > 0) {
            self.load(node, key, log.durable);
        }
        for (a, b) in self.links() {
            if a == node || b == node {
                self.flap(a, b);
            }
        }
    }

    /// `node` is started from a backup in which `key` was shorter.
    pub(crate) fn restore(&mut self, node: usize, key: Key, size: u64) {
        self.nodes[node].logs.insert(key, Log { size, durable: size });
        self.restart(node);
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let event = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timer = self.nodes.iter().filter_map(|node| node.gossip.poll_timeout()).min();
            let Some(at) = event.into_iter().chain(timer).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if event == Some(at) {
                let (_, event) = self.queue.pop_first().unwrap();
                self.happen(event);
            } else {
                for node in 0..self.nodes.len() {
                    if self.nodes[node].gossip.poll_timeout() == timer {
                        self.input(node, Input::Timeout);
                    }
                }
            }
        }
        self.now = end;
    }

    /// What every node should hold: all logs that reach it from their author over nodes which are interested in them.
    pub(crate) fn expected(&self) -> Vec<BTreeMap<Key, u64>> {
        let mut expected = vec![BTreeMap::new(); self.nodes.len()];
        for (key, (topic, author)) in &self.topics {
            let Some(log) = self.nodes[*author].logs.get(key) else { continue };
            let mut reached = BTreeSet::from([*author]);
            let mut next = VecDeque::from([*author]);
            while let Some(node) = next.pop_front() {
                expected[node].insert(*key, log.size);
                for (a, b) in self.links.keys().filter(|(a, b)| *a == node || *b == node) {
                    let other = if *a == node { *b } else { *a };
                    if self.nodes[other].interest.covers(topic) && reached.insert(other) {
                        next.push_back(other);
                    }
                }
            }
        }
        expected
    }

    pub(crate) fn held(&self) -> Vec<BTreeMap<Key, u64>> {
        let sizes = |node: &Node| node.logs.iter().map(|(key, log)| (*key, log.durable)).collect();
        self.nodes.iter().map(sizes).collect()
    }

    /// (node, key, what it holds, what it should hold), where the two differ.
    pub(crate) fn lagging(&self) -> Vec<(usize, Key, u64, u64)> {
        let mut lagging = Vec::new();
        for (node, (held, expected)) in self.held().into_iter().zip(self.expected()).enumerate() {
            for (key, size) in expected {
                let has = held.get(&key).copied().unwrap_or(0);
                if has != size {
                    lagging.push((node, key, has, size));
                }
            }
        }
        lagging
    }

    /// Runs until all hold what they should, and says how long that took; `None` after `limit`.
    pub(crate) fn converge(&mut self, limit: Duration) -> Option<Duration> {
        let start = self.now;
        while self.now - start < limit {
            if self.held() == self.expected() {
                return Some(self.now - start);
            }
            self.run_for(Duration::from_millis(100));
        }
        None
    }

    fn machine(&self, node: usize, life: u64, interest: &Interest) -> Gossip {
        let seed = *blake3::hash(&[node.to_le_bytes(), life.to_le_bytes()].concat()).as_bytes();
        // Who wants nothing only uploads.
        let config = Config { leaf: interest.is_empty(), ..self.config.clone() };
        Gossip::new(config, peer(node), interest.clone(), seed)
    }

    fn link_up(&mut self, a: usize, b: usize) {
        let Some(link) = self.links.get_mut(&ordered(a, b)) else { return };
        link.life += 1;
        let life = link.life;
        for (at, other) in [(a, b), (b, a)] {
            let delay = self.random_delay() + Duration::from_millis(50);
            self.after(delay, Event::Up { at, other, life });
        }
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.events += 1;
        self.queue.insert((self.now + delay, self.events), event);
    }

    fn happens(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    fn random_delay(&mut self) -> Duration {
        let micros = self.faults.delay_max.as_micros() as u64 + 1;
        Duration::from_micros(self.rng.next_u64() % micros)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Message { from, to, life, bytes } => {
                if self.links[&ordered(from, to)].life == life {
                    self.input(to, Input::Received { from: peer(from), bytes });
                }
            }
            Event::Up { at, other, life } => {
                if self.links[&ordered(at, other)].life == life {
                    let interest = self.nodes[other].interest.clone();
                    self.input(
                        at,
                        Input::NeighbourUp { peer: peer(other), leaf: interest.is_empty(), interest },
                    );
                }
            }
            Event::Own { node, life, key } if self.nodes[node].life == life => {
                let log = self.nodes[node].logs.entry(key).or_default();
                log.size += 1;
                log.durable = log.size;
                let size = log.size;
                self.accepted(node, key, size, None, Some(payload(&key, size - 1, size)));
                self.input(node, Input::Durable { key, version: version(key, size), number: None });
            }
            Event::Durable { node, life, key, size } if self.nodes[node].life == life => {
                let log = self.nodes[node].logs.get_mut(&key).unwrap();
                log.durable = log.durable.max(size);
                self.input(node, Input::Durable { key, version: version(key, size), number: None });
            }
            Event::Served { node, life, to, key, from } if self.nodes[node].life == life => {
                let size = self.nodes[node].logs.get(&key).map_or(0, |log| log.size);
                let chunk = (size > from).then(|| payload(&key, from, size.min(from + CHUNK_ENTRIES)));
                self.input(node, Input::Served { to, key, from, chunk });
            }
            Event::Own { .. } | Event::Durable { .. } | Event::Served { .. } => {}
        }
    }

    fn accepted(&mut self, node: usize, key: Key, size: u64, from: Option<PeerId>, payload: Option<Vec<u8>>) {
        let topic = self.topics[&key].0.clone();
        self.input(
            node,
            Input::Accepted { key, topic, version: version(key, size), from, origin: None, payload },
        );
    }

    fn input(&mut self, node: usize, input: Input) {
        self.nodes[node].gossip.handle(self.now, input);
        while let Some(output) = self.nodes[node].gossip.poll_output() {
            self.trace.update(format!("{:?} {node} {output:?}", self.now).as_bytes());
            self.act(node, output);
        }
    }

    fn act(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { to, bytes, .. } => self.send(node, to, bytes),
            Output::Deliver { from, key, payload, live } => self.deliver(node, from, key, payload, live),
            Output::Serve { to, key, from, .. } => {
                let life = self.nodes[node].life;
                self.after(READ_DELAY, Event::Served { node, life, to, key, from });
            }
            Output::Conflict { .. } | Output::Violation { .. } => panic!("all are honest here: {output:?}"),
        }
    }

    fn send(&mut self, from: usize, to: PeerId, bytes: Vec<u8>) {
        let to = (0..self.nodes.len()).find(|node| peer(*node) == to).unwrap();
        self.nodes[from].sent += bytes.len() as u64;
        let link = &self.links[&ordered(from, to)];
        let (life, cut) = (link.life, link.cut);
        if cut || self.happens(self.faults.lost) {
            return;
        }
        if self.happens(self.faults.shed) {
            return self.nodes[from].gossip.handle(self.now, Input::Shed { peer: peer(to), frame: bytes });
        }
        for _ in 0..1 + u32::from(self.happens(self.faults.doubled)) {
            let delay = self.random_delay();
            self.after(delay, Event::Message { from, to, life, bytes: bytes.clone() });
        }
    }

    /// The node's part: verify, keep, answer.
    fn deliver(&mut self, node: usize, from: PeerId, asked: Key, bytes: Vec<u8>, live: bool) {
        let (key, first, last) = parse(&bytes).expect("all are honest here");
        assert!(asked.names(&key), "an answer to another question");
        let (topic, author) = self.topics[&key].clone();
        let this = &mut self.nodes[node];
        assert!(this.interest.covers(&topic) || author == node, "node {node} was sent {topic}");
        this.delivered += 1;
        let held = this.logs.get(&key).map_or(0, |log| log.size);
        if first > held {
            return self.input(node, Input::Gap { key, topic: Some(topic), from, have: held });
        }
        if last <= held {
            this.useless += 1;
            return;
        }
        this.logs.entry(key).or_default().size = last;
        let life = this.life;
        self.accepted(node, key, last, Some(from), live.then_some(bytes));
        self.after(DISK_DELAY, Event::Durable { node, life, key, size: last });
    }
}
