//! Classes that the root gives collections, and whether peers that are not fresh withhold them.

use std::time::Duration;

use msec_identity::{Class, Classified, CollectionPath, ControlStream, LogId};
use msec_peer::node::{Leases as Policy, Measured};
use msec_peer::wire::is_of_freshness;

use super::World;
use crate::leases::{Leases, Said};
use crate::peer::PeerIndex;
use crate::revocation::carried;

impl World {
    /// Lets the root say what a collection holds, at that time or as soon as its peer is up. `false`: its key lies on no peer.
    pub fn classify(&mut self, collection: CollectionPath, class: Class, at: Duration) -> bool {
        let Some(root) = self.root_peer() else { return false };
        let identity = crate::peer::identity(self.seed, root);
        let which = self.leases.said.len();
        let (space, issuer, number) = (self.space.id(), identity.peer(), which as u64 + 1);
        let record = Classified { space, issuer, collection: collection.clone(), class, number };
        self.leases.said.push(Said { collection, class, place: None });
        self.order_class(root, ControlStream::Root, which, identity.sign(record).into(), at);
        true
    }

    /// Which leases every peer is held to, whatever its settings say. Default: those of [`msec_peer::node::Config`].
    pub fn hold_to(&mut self, policy: Policy) {
        self.leases.policy = policy;
    }

    /// What has a class, and how peers keep to it.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// A message comes to a peer.
    pub(super) fn lease_hears(&mut self, peer: PeerIndex, bytes: &[u8]) {
        if self.leases.is_idle() || !Leases::is_answer(bytes) {
            return;
        }
        let mut leases = std::mem::take(&mut self.leases);
        leases.answered(self.time, peer, |leases| {
            let logs = self.frontier(peer);
            self.is_bound(peer) && logs.iter().any(|(log, ..)| self.must_keep(leases, peer, log).is_some())
        });
        self.leases = leases;
    }

    /// A peer sends something.
    pub(super) fn lease_may_say(&mut self, peer: PeerIndex, bytes: &[u8]) {
        if is_of_freshness(bytes) {
            self.leases.bytes += bytes.len() as u64;
            return;
        }
        if self.leases.is_idle() || !self.is_bound(peer) {
            return;
        }
        for carried in carried(bytes) {
            if let Some(class) = self.must_keep(&self.leases, peer, &carried.log) {
                let log = carried.log;
                self.leases.note(format!(
                    "peer {peer} sent entries of log {log}, which is {class} data, and no issuer answered it for longer than its lease"
                ));
            }
        }
    }

    /// A peer shows what it has just verified.
    pub(super) fn lease_may_show(&mut self, peer: PeerIndex, shown: &Measured) {
        if self.leases.is_idle() || !self.is_bound(peer) {
            return;
        }
        if let Some(class) = self.must_keep(&self.leases, peer, &shown.log) {
            let (position, log) = (shown.position, shown.log);
            self.leases.note(format!(
                "peer {peer} showed entry {position} of log {log}, which is {class} data, and no issuer answered it for longer than its lease"
            ));
        }
    }

    /// Whether leases bind a peer: it is honest, no issuer itself, and wants something of others.
    fn is_bound(&self, peer: PeerIndex) -> bool {
        let it = &self.peers[peer.0];
        let issues = it.spec().issuer.is_some() || self.root_peer() == Some(peer);
        it.is_honest() && !issues && it.node.is_some() && !it.spec().settings.interest.is_empty()
    }

    /// The class for which a peer must give nothing of a log now. `None`: it may.
    fn must_keep(&self, leases: &Leases, peer: PeerIndex, log: &LogId) -> Option<Class> {
        let (known, node) = (self.ledger.log(log)?, self.node(peer)?);
        if known.collection.is_reserved() || known.author == node.peer() {
            return None;
        }
        let class = leases.class_of(&known.collection, |at| node.size_of(&at.log) > at.position);
        leases.must_withhold(self.time, peer, class).then_some(class)
    }
}
