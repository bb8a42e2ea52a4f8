//! Two machines and the link between them: what does it cost until they hold the same?

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;

use crate::wire::{Step, Wire};

/// One way.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

pub(crate) struct Pair {
    pub(crate) now: Duration,
    pub(crate) ends: [End; 2],
    on_the_way: VecDeque<(Duration, usize, Vec<u8>)>,
    /// Frames that still arrive; then the link goes down.
    pub(crate) lives_for: Option<usize>,
    is_up: bool,
}

pub(crate) struct End {
    pub(crate) gossip: Gossip,
    pub(crate) interest: Interest,
    pub(crate) held: BTreeMap<Key, (Topic, Version)>,
    /// The numbers of the last changes on disk, and of the last one of all.
    runs: BTreeMap<Key, u64>,
    run: u64,
    /// Bytes that it sent, without chunks.
    pub(crate) sent: u64,
    /// And those of chunks, payloads apart.
    pub(crate) chunk_headers: u64,
    pub(crate) conflicts: u64,
    /// When it last told something of what differs.
    pub(crate) told: Duration,
}

pub(crate) fn peer(end: usize) -> PeerId {
    PeerId([1 + end as u8; 32])
}

/// Of its store.
fn epoch(end: usize) -> [u8; 4] {
    [0x70 | end as u8; 4]
}

fn payload(key: &Key, topic: &Topic, version: &Version) -> Vec<u8> {
    postcard::to_allocvec(&(key, topic, version)).unwrap()
}

fn parse(payload: &[u8]) -> (Key, Topic, Version) {
    postcard::from_bytes(payload).unwrap()
}

impl Pair {
    pub(crate) fn new(config: &Config, interests: [Interest; 2]) -> Self {
        let mut end = 0;
        let ends = interests.map(|interest| {
            let gossip = Gossip::new(config.clone(), peer(end), interest.clone(), [end as u8; 32]);
            end += 1;
            let (held, runs) = (BTreeMap::new(), BTreeMap::new());
            let (sent, chunk_headers, conflicts, told) = (0, 0, 0, Duration::ZERO);
            End { gossip, interest, held, runs, run: 0, sent, chunk_headers, conflicts, told }
        });
        let mut pair =
            Self { now: Duration::ZERO, ends, on_the_way: VecDeque::new(), lives_for: None, is_up: false };
        for (end, it) in pair.ends.iter_mut().enumerate() {
            it.gossip.resume(epoch(end), 0, &[]);
        }
        pair
    }

    pub(crate) fn hold(&mut self, end: usize, key: Key, topic: &Topic, version: Version) {
        self.ends[end].held.insert(key, (topic.clone(), version));
        let topic = topic.clone();
        self.input(end, Input::Accepted { key, topic, version, from: None, origin: None, payload: None });
        self.durable(end, key, version);
    }

    /// It comes to the disk, with the next number.
    fn durable(&mut self, end: usize, key: Key, version: Version) {
        let it = &mut self.ends[end];
        it.run += 1;
        it.runs.insert(key, it.run);
        let number = Some(it.run);
        self.input(end, Input::Durable { key, version, number });
    }

    pub(crate) fn up(&mut self) {
        self.is_up = true;
        for end in 0..2 {
            let interest = self.ends[1 - end].interest.clone();
            self.input(end, Input::NeighbourUp { peer: peer(1 - end), interest, leaf: false });
        }
    }

    /// One end starts again, with what is on its disk, in another life. The link is down.
    pub(crate) fn restart(&mut self, end: usize, config: &Config) {
        let (interest, held) = (self.ends[end].interest.clone(), self.ends[end].held.clone());
        self.ends[end].gossip = Gossip::new(config.clone(), peer(end), interest, [0x80 | end as u8; 32]);
        for (key, (topic, version)) in held {
            self.hold(end, key, &topic, version);
        }
    }

    /// One end starts again, and its node has kept what it remembers. The link is down.
    pub(crate) fn restart_kept(&mut self, end: usize, config: &Config) {
        let it = &mut self.ends[end];
        let cursors = it.gossip.cursors();
        it.gossip = Gossip::new(config.clone(), peer(end), it.interest.clone(), [0x90 | end as u8; 32]);
        let mut runs: Vec<_> = it.runs.iter().map(|(key, run)| (*run, *key)).collect();
        runs.sort_unstable();
        let (held, run) = (it.held.clone(), it.run);
        for (number, key) in runs {
            let (topic, version) = held[&key].clone();
            self.input(end, Input::Accepted { key, topic, version, from: None, origin: None, payload: None });
            self.input(end, Input::Durable { key, version, number: Some(number) });
        }
        self.ends[end].gossip.resume(epoch(end), run, &cursors);
    }

    pub(crate) fn down(&mut self) {
        self.is_up = false;
        self.on_the_way.clear();
        for end in 0..2 {
            self.input(end, Input::NeighbourDown { peer: peer(1 - end) });
        }
    }

    /// Both ways, since the last look.
    pub(crate) fn bytes(&mut self) -> u64 {
        self.ends.iter_mut().map(|end| std::mem::take(&mut end.sent)).sum()
    }

    pub(crate) fn chunk_headers(&mut self) -> u64 {
        self.ends.iter_mut().map(|end| std::mem::take(&mut end.chunk_headers)).sum()
    }

    /// What `end` should hold when all is done: the larger version of what it wants, and of the rest what it has.
    pub(crate) fn expected(&self, end: usize) -> BTreeMap<Key, u64> {
        let mut sizes: BTreeMap<Key, u64> = BTreeMap::new();
        let mine = &self.ends[end];
        for (key, (topic, version)) in self.ends.iter().flat_map(|end| &end.held) {
            let held = mine.held.get(key).map(|(_, held)| held.size);
            if let Some(size) = if mine.interest.covers(topic) { Some(version.size) } else { held } {
                let most = sizes.entry(*key).or_default();
                *most = size.max(*most);
            }
        }
        sizes
    }

    pub(crate) fn is_equal(&self) -> bool {
        (0..2).all(|end| {
            let held = &self.ends[end].held;
            let expected = self.expected(end);
            held.len() == expected.len()
                && held.iter().all(|(key, (_, version))| expected[key] == version.size)
        })
    }

    /// How long it takes until both hold the same; `None` after `limit`.
    pub(crate) fn converge(&mut self, limit: Duration) -> Option<Duration> {
        let start = self.now;
        while self.now - start < limit {
            if self.is_equal() {
                return Some(self.now - start);
            }
            self.run_for(Duration::from_millis(100));
        }
        None
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let message = self.on_the_way.front().map(|(at, ..)| *at);
            let timer = self.ends.iter().filter_map(|end| end.gossip.poll_timeout()).min();
            let Some(at) = message.into_iter().chain(timer).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if message == Some(at) {
                let (_, to, bytes) = self.on_the_way.pop_front().unwrap();
                if self.lives_for == Some(0) {
                    self.lives_for = None;
                    self.down();
                    continue;
                }
                self.lives_for = self.lives_for.map(|frames| frames - 1);
                self.input(to, Input::Received { from: peer(1 - to), bytes });
            } else {
                (0..2).for_each(|end| self.input(end, Input::Timeout));
            }
        }
        self.now = end;
    }

    pub(crate) fn input(&mut self, end: usize, input: Input) {
        self.ends[end].gossip.handle(self.now, input);
        while let Some(output) = self.ends[end].gossip.poll_output() {
            self.act(end, output);
        }
    }

    fn act(&mut self, end: usize, output: Output) {
        let now = self.now;
        let this = &mut self.ends[end];
        match output {
            Output::Send { bytes, .. } => {
                let messages = Wire::decode(&bytes);
                let tells = |message: &Wire| match message {
                    Wire::Reconcile(step) => !matches!(step, Step::Root { .. } | Step::Agreed { .. }),
                    _ => false,
                };
                if messages.iter().any(tells) {
                    this.told = now;
                }
                let chunks: usize = messages.iter().map(|message| this.of_chunk(message)).sum();
                this.sent += (bytes.len() - chunks) as u64;
                if self.is_up {
                    self.on_the_way.push_back((now + LATENCY, 1 - end, bytes));
                }
            }
            Output::Serve { to, key, from, .. } => {
                let (topic, version) = &this.held[&key];
                let chunk = (version.size > from).then(|| payload(&key, topic, version));
                self.input(end, Input::Served { to, key, from, chunk });
            }
            Output::Deliver { from, key: asked, payload, .. } => {
                let (key, topic, version) = parse(&payload);
                assert!(asked.names(&key), "an answer to another question");
                if !this.interest.covers(&topic) && !this.held.contains_key(&key) {
                    return self.input(end, Input::Refused { key, from });
                }
                if this.held.get(&key).is_none_or(|(_, held)| held.size < version.size) {
                    this.held.insert(key, (topic.clone(), version));
                    self.input(
                        end,
                        Input::Accepted {
                            key,
                            topic,
                            version,
                            from: Some(from),
                            origin: None,
                            payload: None,
                        },
                    );
                    self.durable(end, key, version);
                }
            }
            Output::Conflict { .. } => this.conflicts += 1,
            Output::Violation { .. } => panic!("all are honest here: {output:?}"),
        }
    }
}

impl End {
    /// How many bytes of a message are of a chunk.
    fn of_chunk(&mut self, message: &Wire) -> usize {
        let Wire::Chunk { payload, .. } = message else { return 0 };
        let length = message.encode().len() - 1;
        self.chunk_headers += (length - payload.len()) as u64;
        length
    }
}
