//! One machine under test, whose neighbours and node are the test itself.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Priority, Topic, Version};
use msec_identity::PeerId;

use crate::wire::{Step, Wire, WireItem, stand_in, unnamed};

pub(crate) const A: PeerId = PeerId([0xa; 32]);
pub(crate) const B: PeerId = PeerId([0xb; 32]);
pub(crate) const C: PeerId = PeerId([0xc; 32]);

pub(crate) struct Rig {
    pub(crate) gossip: Gossip,
    pub(crate) now: Duration,
    /// What the machine last called its want of a key, or of a name, with each neighbour.
    asked: BTreeMap<(PeerId, Key), u64>,
    /// What came out and was not looked at yet.
    came: Vec<Output>,
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn topic(path: &str) -> Topic {
    Topic::new(path).unwrap()
}

pub(crate) fn parks() -> Interest {
    Interest::of(["parks"]).unwrap()
}

pub(crate) fn version(size: u64) -> Version {
    Version { size, digest: [size as u8; 32] }
}

/// The nth key: spread over the whole range, as hashes are.
pub(crate) fn key(n: u64) -> Key {
    Key(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

pub(crate) fn item(key: Key, path: &str, size: u64) -> WireItem {
    WireItem { key, topic: topic(path), version: version(size) }
}

/// To whom, with which salt, and each name with its size.
pub(crate) type Offered = (PeerId, [u8; 8], Vec<(u64, u64)>);

/// Which of the first keys is meant, if it is named.
fn in_full(named: Key) -> Key {
    (0..400).map(key).find(|key| stand_in(key) == named).unwrap_or(named)
}

/// The items of keys 0 to `count`, in the order of the wire.
pub(crate) fn items(count: u64, path: &str, size: u64) -> Vec<WireItem> {
    let mut items: Vec<WireItem> = (0..count).map(|n| item(key(n), path, size)).collect();
    items.sort_by_key(|item| item.key);
    items
}

/// A push of the first key.
pub(crate) fn push(size: u64, payload: &[u8]) -> Wire {
    Wire::Push { tree: [0; 4], key: key(1), size, payload: payload.to_vec() }
}

/// A want of the key, called as its size says.
pub(crate) fn want(key: Key, from: u64) -> Wire {
    Wire::Want { id: from, key, from, kib_max: 4 }
}

/// A chunk that answers that want.
pub(crate) fn chunk(id: u64) -> Wire {
    Wire::Chunk { id, payload: b"chunk".to_vec() }
}

/// A machine that wants everything, with neighbours that do.
pub(crate) fn rig_of(peers: &[PeerId]) -> Rig {
    let mut rig = Rig::new(Interest::all());
    peers.iter().for_each(|peer| rig.up(*peer, Interest::all()));
    rig
}

/// The steps of reconciliation among what was sent.
pub(crate) fn steps(rig: &mut Rig) -> Vec<Step> {
    let sent = rig.sent().into_iter().filter_map(|(_, message)| match message {
        Wire::Reconcile(step) => Some(step),
        _ => None,
    });
    sent.collect()
}

impl Rig {
    pub(crate) fn new(interest: Interest) -> Self {
        Self::with(Config::default(), interest)
    }

    pub(crate) fn with(config: Config, interest: Interest) -> Self {
        let gossip = Gossip::new(config, PeerId([0xff; 32]), interest, [7; 32]);
        Self { gossip, now: Duration::ZERO, asked: BTreeMap::new(), came: Vec::new() }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.gossip.handle(self.now, input);
    }

    /// A neighbour comes up, and what that makes us say is of no interest.
    pub(crate) fn up(&mut self, peer: PeerId, interest: Interest) {
        self.input(Input::NeighbourUp { peer, interest, leaf: false });
        self.outputs();
    }

    pub(crate) fn receive(&mut self, from: PeerId, message: &Wire) {
        self.input(Input::Received { from, bytes: message.encode() });
    }

    /// What the machine last called its want of `key` with `peer`: in full, or by its name.
    pub(crate) fn asked(&mut self, peer: PeerId, key: Key) -> u64 {
        self.collect();
        let asked = |key| self.asked.get(&(peer, key)).copied();
        asked(key).max(asked(stand_in(&key))).unwrap_or_else(|| panic!("{peer:?} was not asked for {key:?}"))
    }

    /// `from` answers what it was last asked of the first key.
    pub(crate) fn answer(&mut self, from: PeerId) {
        self.answer_of(from, key(1), b"chunk".to_vec());
    }

    pub(crate) fn answer_of(&mut self, from: PeerId, key: Key, payload: Vec<u8>) {
        let id = self.asked(from, key);
        self.receive(from, &Wire::Chunk { id, payload });
    }

    /// `from` says that it will not answer what it was last asked of the first key.
    pub(crate) fn refuse(&mut self, from: PeerId) {
        let id = self.asked(from, key(1));
        self.receive(from, &Wire::Unserved { id });
    }

    pub(crate) fn have(&mut self, from: PeerId, items: &[WireItem]) {
        self.receive(from, &Wire::Have { ask: false, items: items.to_vec() });
    }

    pub(crate) fn accept(&mut self, key: Key, path: &str, size: u64, from: Option<PeerId>) {
        self.accepted(key, path, size, from, None);
    }

    pub(crate) fn accept_live(
        &mut self,
        key: Key,
        path: &str,
        size: u64,
        from: Option<PeerId>,
        bytes: &[u8],
    ) {
        self.accepted(key, path, size, from, Some(bytes.to_vec()));
    }

    fn accepted(&mut self, key: Key, path: &str, size: u64, from: Option<PeerId>, payload: Option<Vec<u8>>) {
        let (topic, version) = (topic(path), version(size));
        self.input(Input::Accepted { key, topic, version, from, origin: None, payload });
    }

    pub(crate) fn durable(&mut self, key: Key, size: u64) {
        self.input(Input::Durable { key, version: version(size), number: None });
    }

    /// We find `items` on our disk.
    pub(crate) fn load(&mut self, items: &[WireItem]) {
        for item in items {
            self.accept(item.key, item.topic.as_str(), item.version.size, None);
            self.durable(item.key, item.version.size);
        }
        self.outputs();
    }

    /// Lets time pass, meeting every deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.gossip.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        self.collect();
        std::mem::take(&mut self.came)
    }

    fn collect(&mut self) {
        while let Some(output) = self.gossip.poll_output() {
            if let Output::Send { to, bytes, .. } = &output {
                for message in Wire::decode(bytes) {
                    if let Wire::Want { id, key, .. } = message {
                        self.asked.insert((*to, key), id);
                    }
                }
            }
            self.came.push(output);
        }
    }

    /// What was sent since the last look; other outputs are dropped.
    pub(crate) fn sent(&mut self) -> Vec<(PeerId, Wire)> {
        self.sent_at().into_iter().map(|(to, _, message)| (to, message)).collect()
    }

    pub(crate) fn sent_at(&mut self) -> Vec<(PeerId, Priority, Wire)> {
        let mut sent = Vec::new();
        for output in self.outputs() {
            if let Output::Send { to, priority, bytes } = output {
                let messages = Wire::decode(&bytes).into_iter();
                // Trees have tests of their own.
                let messages = messages.filter(|message| !matches!(message, Wire::Tree(_)));
                sent.extend(messages.map(|message| (to, priority, message)));
            }
        }
        sent
    }

    /// The wants among what was sent.
    pub(crate) fn wants(&mut self) -> Vec<(PeerId, Key, u64)> {
        let wants = self.sent().into_iter().filter_map(|(to, message)| match message {
            Wire::Want { key, from, .. } => Some((to, in_full(key), from)),
            _ => None,
        });
        wants.collect()
    }

    /// The offers among what was sent.
    pub(crate) fn offered(&mut self) -> Vec<Offered> {
        let offers = self.sent().into_iter().filter_map(|(to, message)| match message {
            Wire::Offer { salt, items } => Some((to, salt, unnamed(&items))),
            _ => None,
        });
        offers.collect()
    }

    /// The items announced among what was sent.
    pub(crate) fn announced(&mut self) -> Vec<(PeerId, bool, Vec<WireItem>)> {
        let haves = self.sent().into_iter().filter_map(|(to, message)| match message {
            Wire::Have { ask, items } => Some((to, ask, items)),
            _ => None,
        });
        haves.collect()
    }
}
