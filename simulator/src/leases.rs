//! Leases: which collections have a class, and whether peers withhold what they must: the truth that a checker holds the nodes against.
//!
//! How fresh a peer is nobody asks it. No answer of an issuer can be fresher than when it came: a peer to which none came for longer
//! than a lease, since it was started or since the last one, must have given up whatever it thinks of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_identity::{Class, CollectionPath};
use msec_peer::node::{Leases as Policy, Receipt};

use crate::ledger::keep;
use crate::peer::PeerIndex;

/// By how much more than a lease a peer may be late, for clocks that run too slowly.
const SLACK: f64 = 1.01;

/// What an answer of an issuer begins with, see `docs/wire.md`.
const ANSWER: [u8; 2] = [0x82, 2];

/// Something that was said of a collection.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) collection: CollectionPath,
    pub(crate) class: Class,
    /// Where it stands, once it is signed and on disk.
    pub(crate) place: Option<Receipt>,
}

/// Of one peer, in this life of it.
#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// When the last answer came.
    answered: Option<Duration>,
}

/// All that was classified, and how peers keep to it.
#[derive(Debug, Default)]
pub struct Leases {
    /// What every peer is to keep to, whatever its own settings say.
    pub(crate) policy: Policy,
    pub(crate) said: Vec<Said>,
    peers: BTreeMap<PeerIndex, State>,
    /// How often a peer was linked that was not fresh, held something of a class that fails closed, and gave nothing of it until an
    /// answer came.
    pub refused: u64,
    /// How often a peer sent or showed something of such a class although no answer had come for longer than its lease.
    pub served_stale: u64,
    /// That, in words, the first 10,000.
    pub(crate) seen: Vec<String>,
    /// Bytes of messages about freshness that were sent, each message once.
    pub bytes: u64,
}

impl Leases {
    /// Whether nothing has a class: then nobody has to look.
    pub(crate) fn is_idle(&self) -> bool {
        self.said.is_empty()
    }

    /// A peer is started, and has heard of nobody.
    pub(crate) fn starts(&mut self, peer: PeerIndex) {
        self.peers.insert(peer, State::default());
    }

    /// Whether a message is an answer of an issuer.
    pub(crate) fn is_answer(bytes: &[u8]) -> bool {
        bytes.starts_with(&ANSWER)
    }

    /// An answer came to a peer. `refused`: it held what it had to withhold if it was not fresh.
    pub(crate) fn answered(&mut self, now: Duration, peer: PeerIndex, withholds: impl FnOnce(&Self) -> bool) {
        if withholds(self) {
            self.refused += 1;
        }
        self.peers.entry(peer).or_default().answered = Some(now);
    }

    /// Whether a peer must withhold what is of a class, by the time.
    pub(crate) fn must_withhold(&self, now: Duration, peer: PeerIndex, class: Class) -> bool {
        let lease = self.policy.of(class);
        let answered = self.peers.get(&peer).and_then(|state| state.answered);
        lease.closed && answered.is_none_or(|at| at + lease.max_age.mul_f64(SLACK) < now)
    }

    /// The class of a collection, by what a peer holds of what was said.
    pub(crate) fn class_of(&self, collection: &CollectionPath, holds: impl Fn(&Receipt) -> bool) -> Class {
        let known = self.said.iter().filter(|it| it.collection.covers(collection));
        let known = known.filter(|it| it.place.as_ref().is_some_and(&holds));
        known.map(|it| it.class).max().unwrap_or_default()
    }

    pub(crate) fn note(&mut self, what: String) {
        self.served_stale += 1;
        keep(&mut self.seen, what);
    }
}
