//! A small world: overlays, links with latencies, and one queue of events. Equal seeds give equal worlds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use msec_identity::PeerId;

use super::super::message::{Message, ToldList};
use super::super::*;

/// Dials that nobody answers fail after this.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Links on which nothing is heard end after this.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

const RECORD_BYTES: usize = 160;

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake(usize),
    Dialled { from: usize, to: usize },
    DialFailed { from: usize, to: usize, silent: bool },
    Message { from: usize, to: usize, link: u64, bytes: Vec<u8> },
    Broken { at: usize, from: usize, link: u64, silent: bool },
}

pub(super) struct Node {
    pub(super) overlay: Overlay,
    pub(super) alive: bool,
    wake: Option<Duration>,
    links: BTreeMap<usize, u64>,
    /// Who is up, as the outputs say.
    pub(super) up: BTreeSet<usize>,
}

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) nodes: Vec<Node>,
    pub(super) config: Config,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    count: u64,
    links: u64,
    seed: u64,
    /// The dead say nothing, and dials to them are not answered.
    pub(super) silent: bool,
    /// Whether there is no way between two nodes.
    pub(super) cut: fn(usize, usize) -> bool,
    /// Of a hundred messages, so many vanish.
    pub(super) loss: u64,
    /// The node verifies what it is told.
    pub(super) verify: fn(&[u8]) -> bool,
    pub(super) handled: u64,
    pub(super) dials: u64,
    pub(super) violations: u64,
}

pub(super) fn peer(index: usize) -> PeerId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&mix(index as u64).to_be_bytes());
    id[8..16].copy_from_slice(&(index as u64).to_be_bytes());
    PeerId(id)
}

pub(super) fn index_of(peer: &PeerId) -> usize {
    u64::from_be_bytes(*peer.0[8..].first_chunk().unwrap()) as usize
}

pub(super) fn record(index: usize) -> Vec<u8> {
    let mut record = vec![0x5a; RECORD_BYTES];
    record[..8].copy_from_slice(&(index as u64).to_be_bytes());
    record
}

/// A relay says yes, and no more.
pub(super) fn welcome() -> Message {
    let told = ToldList::default();
    Message::Welcome { role: Role::Relay, far: false, record: None, instead: None, told }
}

pub(super) fn mix(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            nodes: Vec::new(),
            config: Config::default(),
            events: BinaryHeap::new(),
            count: 0,
            links: 0,
            seed,
            silent: false,
            cut: |_, _| false,
            loss: 0,
            verify: |_| true,
            handled: 0,
            dials: 0,
            violations: 0,
        }
    }

    /// One way, 10 to 50 ms, drawn once for each pair.
    pub(super) fn latency(&self, a: usize, b: usize) -> Duration {
        let pair = mix(mix(self.seed ^ a.min(b) as u64) ^ a.max(b) as u64);
        Duration::from_micros(10_000 + pair % 40_000)
    }

    pub(super) fn add(&mut self, role: Role) -> usize {
        let index = self.nodes.len();
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&mix(self.seed ^ mix(index as u64)).to_be_bytes());
        let overlay = Overlay::new(self.config.clone(), peer(index), role, seed);
        self.nodes.push(Node {
            overlay,
            alive: true,
            wake: None,
            links: BTreeMap::new(),
            up: BTreeSet::new(),
        });
        if role == Role::Relay {
            self.input(index, Input::OwnRecord { record: record(index) });
        }
        index
    }

    pub(super) fn know(&mut self, at: usize, whom: usize, source: Source) {
        let contact = ContactId(whom as u64);
        self.input(at, Input::Contact { contact, source, peer: None, record: None });
    }

    /// `count` relays, one each `pace`, that know one of those before: what `through` says.
    pub(super) fn join(&mut self, count: usize, pace: Duration, through: impl Fn(usize) -> usize) {
        for _ in 0..count {
            let index = self.add(Role::Relay);
            if index > 0 {
                self.know(index, through(index), Source::Configured);
            }
            self.run(pace);
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.events.peek().is_some_and(|Reverse((at, _, _))| *at <= end) {
            let Reverse((at, _, event)) = self.events.pop().unwrap();
            self.now = at;
            self.handled += 1;
            self.happen(event);
        }
        self.now = end;
    }

    pub(super) fn input(&mut self, at: usize, input: Input) {
        if !self.nodes[at].alive {
            return;
        }
        self.nodes[at].overlay.handle(self.now, input);
        while let Some(output) = self.nodes[at].overlay.poll_output() {
            self.output(at, output);
        }
        let due = self.nodes[at].overlay.poll_timeout();
        if let Some(due) = due.filter(|due| self.nodes[at].wake.is_none_or(|wake| *due < wake)) {
            self.nodes[at].wake = Some(due);
            self.push(due.max(self.now), Event::Wake(at));
        }
    }

    /// These vanish at once.
    pub(super) fn kill(&mut self, dead: impl Fn(usize) -> bool) {
        for index in (0..self.nodes.len()).filter(|index| dead(*index)) {
            self.nodes[index].alive = false;
            for (other, link) in std::mem::take(&mut self.nodes[index].links) {
                let after = if self.silent { IDLE_TIMEOUT } else { self.latency(index, other) };
                let silent = self.silent;
                self.push(self.now + after, Event::Broken { at: other, from: index, link, silent });
            }
        }
    }

    /// No way across from now on; what stood across breaks when it has been idle.
    pub(super) fn partition(&mut self, cut: fn(usize, usize) -> bool) {
        self.cut = cut;
        for index in 0..self.nodes.len() {
            for (other, link) in self.nodes[index].links.clone() {
                if cut(index, other) {
                    let broken = Event::Broken { at: index, from: other, link, silent: true };
                    self.push(self.now + IDLE_TIMEOUT, broken);
                }
            }
        }
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.count += 1;
        self.events.push(Reverse((at, self.count, event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(at) => {
                let node = &mut self.nodes[at];
                if node.wake.is_some_and(|wake| wake <= self.now) {
                    node.wake = None;
                    self.input(at, Input::Timeout);
                }
            }
            Event::Dialled { from, to } => self.dialled(from, to),
            Event::DialFailed { from, to, silent } => {
                let why = if silent { DialFailure::TimedOut } else { DialFailure::Unreachable };
                self.input(from, Input::DialFailed { contact: ContactId(to as u64), why });
            }
            Event::Message { from, to, link, bytes } => {
                if self.nodes[to].links.get(&from) == Some(&link) && !(self.cut)(from, to) {
                    self.input(to, Input::Received { from: peer(from), bytes });
                }
            }
            Event::Broken { at, from, link, silent } => {
                if self.nodes[at].links.get(&from) == Some(&link) {
                    self.nodes[at].links.remove(&from);
                    let why = if silent { Lost::TimedOut } else { Lost::Closed };
                    self.input(at, Input::LinkDown { peer: peer(from), why });
                }
            }
        }
    }

    fn dialled(&mut self, from: usize, to: usize) {
        let contact = ContactId(to as u64);
        if !self.nodes[from].alive || !self.nodes[to].alive || (self.cut)(from, to) {
            let silent = self.silent || (self.cut)(from, to);
            let after = if silent { DIAL_TIMEOUT } else { Duration::ZERO };
            return self.push(self.now + after, Event::DialFailed { from, to, silent });
        }
        if self.nodes[from].links.contains_key(&to) || self.nodes[to].links.contains_key(&from) {
            return self.input(from, Input::DialFailed { contact, why: DialFailure::Refused });
        }
        self.links += 1;
        self.nodes[from].links.insert(to, self.links);
        self.nodes[to].links.insert(from, self.links);
        let expense = Duration::ZERO;
        self.input(to, Input::LinkUp { peer: peer(from), contact: None, expense });
        self.input(from, Input::LinkUp { peer: peer(to), contact: Some(contact), expense });
    }

    fn output(&mut self, at: usize, output: Output) {
        match output {
            Output::Dial { contact } => {
                self.dials += 1;
                let to = contact.0 as usize;
                let after = self.latency(at, to) * 2;
                self.push(self.now + after, Event::Dialled { from: at, to });
            }
            Output::Disconnect { peer, .. } | Output::Violation { from: peer, .. }
                if index_of(&peer) >= self.nodes.len() => {}
            Output::Violation { from, .. } => {
                self.violations += 1;
                self.disconnect(at, index_of(&from));
            }
            Output::Disconnect { peer, .. } => self.disconnect(at, index_of(&peer)),
            Output::Send { to, bytes } => {
                let to = index_of(&to);
                let vanishes = mix(self.seed ^ self.count) % 100 < self.loss;
                if let Some(&link) = self.nodes[at].links.get(&to).filter(|_| !vanishes) {
                    self.count += 1;
                    let after = self.latency(at, to);
                    self.push(self.now + after, Event::Message { from: at, to, link, bytes });
                }
            }
            Output::Check { record, .. } => {
                let whom = u64::from_be_bytes(*record.first_chunk().unwrap());
                let (contact, peer) = (ContactId(whom), Some(peer(whom as usize)));
                let input = if (self.verify)(&record) {
                    Input::Contact { contact, source: Source::Hearsay, peer, record: Some(record) }
                } else {
                    Input::Checked { record, is_true: false }
                };
                self.input(at, input);
            }
            Output::Up { peer, .. } => {
                assert!(self.nodes[at].up.insert(index_of(&peer)), "up twice");
            }
            Output::Down { peer } => {
                assert!(self.nodes[at].up.remove(&index_of(&peer)), "down, and was not up");
            }
            Output::Cost { peer, .. } => assert!(self.nodes[at].up.contains(&index_of(&peer))),
            Output::Leaving { peer } => assert!(self.nodes[at].up.contains(&index_of(&peer))),
            Output::Forget { .. } => {}
        }
    }

    fn disconnect(&mut self, at: usize, other: usize) {
        if let Some(link) = self.nodes[at].links.remove(&other) {
            let after = self.latency(at, other);
            self.push(self.now + after, Event::Broken { at: other, from: at, link, silent: false });
        }
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].alive)
    }

    /// Neighbours on whom both sides agree.
    pub(super) fn agreed(&self, of: usize) -> impl Iterator<Item = usize> {
        let up = &self.nodes[of].up;
        up.iter().copied().filter(move |other| {
            self.nodes[*other].alive && self.nodes[*other].up.contains(&of) && !(self.cut)(of, *other)
        })
    }

    /// How many of those who live are reached from the first of them.
    pub(super) fn reached(&self) -> usize {
        let first = self.alive().next().unwrap();
        let mut reached = BTreeSet::from([first]);
        let mut ahead = vec![first];
        while let Some(next) = ahead.pop() {
            ahead.extend(self.agreed(next).filter(|other| reached.insert(*other)));
        }
        reached.len()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.reached() == self.alive().count()
    }

    /// When the last one hears what `from` says, if everybody floods.
    pub(super) fn flood(&self, from: usize) -> Duration {
        let mut best = BTreeMap::new();
        let mut ahead = BinaryHeap::from([Reverse((Duration::ZERO, from))]);
        let mut last = Duration::ZERO;
        while let Some(Reverse((at, index))) = ahead.pop() {
            if best.contains_key(&index) {
                continue;
            }
            best.insert(index, at);
            last = at;
            ahead.extend(self.agreed(index).map(|other| Reverse((at + self.latency(index, other), other))));
        }
        last
    }

    /// The mean latency of all links between relays.
    pub(super) fn mean_latency(&self) -> Duration {
        let links: Vec<_> =
            self.alive().flat_map(|a| self.agreed(a).map(move |b| self.latency(a, b))).collect();
        links.iter().sum::<Duration>() / u32::try_from(links.len().max(1)).unwrap()
    }

    /// Everybody's bounds hold.
    pub(super) fn assert_bounds(&self) {
        for index in self.alive() {
            assert_bounds(&self.nodes[index].overlay, &self.config);
        }
    }
}

pub(super) fn assert_bounds(overlay: &Overlay, config: &Config) {
    for (what, is, may) in overlay.table_sizes().bounds(config) {
        assert!(is <= may, "{is} {what}, at most {may} are allowed");
    }
}
