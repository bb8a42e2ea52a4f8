//! Who learns of revocations when, what of it is read meanwhile, and whether those who know act by it.

use std::time::Duration;

use msec_peer::node::{LinkId, Measured};

use super::World;
use super::revocation::AGAIN;
use crate::happening::Happening;
use crate::peer::PeerIndex;
use crate::revocation::{Eyes, Revoked, beyond, carried};

impl World {
    /// A peer starts: what it knows is what its store held.
    pub(super) fn revocations_at_start(&mut self, peer: PeerIndex) {
        if self.office.up_since.len() <= peer.0 {
            self.office.up_since.resize(peer.0 + 1, Duration::ZERO);
        }
        self.office.up_since[peer.0] = self.time;
        self.learns(peer);
    }

    /// A peer is down: what its app asked for is asked again.
    pub(super) fn revocations_at_crash(&mut self, peer: PeerIndex) {
        self.revocations.all.iter_mut().for_each(|it| it.went(peer));
        let orders = self.office.orders.iter_mut().enumerate();
        for (which, order) in orders.filter(|(_, it)| it.by == peer && it.is_waiting) {
            order.is_waiting = false;
            self.queue.push(self.time + AGAIN, Happening::Issue(which));
        }
    }

    /// A peer has done what it was told: what it knows now.
    pub(super) fn learns(&mut self, peer: PeerIndex) {
        if self.revocations.is_idle() {
            return;
        }
        let Some(node) = &self.peers[peer.0].node else { return };
        let up_since = self.office.up_since.get(peer.0).copied().unwrap_or_default();
        for revoked in self.revocations.all.iter_mut().filter(|it| it.known_since(peer).is_none()) {
            if revoked.place.is_some_and(|at| node.size_of(&at.log) > at.position) {
                revoked.knows(self.time, peer, up_since);
            }
        }
    }

    /// A message comes to a peer: what of it is read that should not be.
    pub(super) fn exposes(&mut self, peer: PeerIndex, bytes: &[u8]) {
        let issued = |it: &&mut Revoked| it.issued.is_some();
        if !self.revocations.all.iter().any(|it| it.issued.is_some()) {
            return;
        }
        let (me, now) = (self.peers[peer.0].id(), self.time);
        if self.peers[peer.0].node.is_none() {
            return;
        }
        for carried in carried(bytes) {
            let Some(known) = self.ledger.log(&carried.log) else { continue };
            if known.collection.is_reserved() || known.author == me {
                continue;
            }
            for revoked in self.revocations.all.iter_mut().filter(issued) {
                if revoked.holder_id == me {
                    revoked.expose(now, carried.bytes);
                } else if revoked.holder_id == known.author && revoked.known_since(peer).is_none() {
                    let size = revoked.cuts.get(&carried.log).map_or(0, |cut| cut.size);
                    let bytes = beyond(&carried, size);
                    if bytes > 0 {
                        revoked.expose(now, bytes);
                    }
                }
            }
        }
    }

    /// An honest peer says something on a link: by what it knew when it was told what it answers to, it may.
    pub(super) fn may_say(&mut self, peer: PeerIndex, link: LinkId, bytes: &[u8]) {
        let it = &self.peers[peer.0];
        let (Some(node), true) = (&it.node, it.is_honest()) else { return };
        if !self.revocations.all.iter().any(|it| it.known_since(peer).is_some()) {
            return;
        }
        let to = self.network.other_end(link).map(|to| (to, self.peers[to.0].id()));
        let mut notes = Vec::new();
        for carried in carried(bytes) {
            let Some(known) = self.ledger.log(&carried.log) else { continue };
            let eyes = Eyes::Of(peer, node);
            if known.collection.is_reserved() {
                continue;
            }
            let cut = self.revocations.cut(&known.author, &carried.log, eyes);
            if let Some(cut) = cut.filter(|cut| cut.size < carried.end) {
                let (end, log, size) = (carried.end, carried.log, cut.size);
                notes.push(format!(
                    "peer {peer} sent {end} entries of log {log}, and knows that {size} of them count"
                ));
            }
            if let Some((to, id)) = to
                && self.revocations.known_over(&id, peer, node).is_some()
            {
                notes.push(format!(
                    "peer {peer} sent entries of log {} to peer {to}, and knows that its rights are over",
                    carried.log
                ));
            }
        }
        notes.into_iter().for_each(|note| self.revocations.note(note));
    }

    /// A peer shows what it has just verified.
    pub(super) fn may_show(&mut self, peer: PeerIndex, shown: &Measured) {
        if self.revocations.is_idle() || !self.is_honest(peer) {
            return;
        }
        let Some(cut) = self.counts_to_by(peer, &shown.log).filter(|cut| cut.size <= shown.position) else {
            return;
        };
        let (position, log, size) = (shown.position, shown.log, cut.size);
        self.revocations.note(format!(
            "peer {peer} took entry {position} of log {log}, and knew that its first {size} count"
        ));
    }
}
