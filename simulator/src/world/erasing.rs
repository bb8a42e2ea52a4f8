//! Who has what erased in a world.

use msec_crdt_store::{Body, Run};
use msec_identity::{ControlRecord, ControlStream, Erasure, Stretch, Stretches};

use super::World;
use crate::erasure::{ErasureOrder, ErasureOrders};
use crate::peer::PeerIndex;
use crate::revocation::RevokeError;

/// How much is read at once of what was to be erased.
const READ_BYTES: usize = 256 * 1024;

impl World {
    /// Lets somebody have the first half erased of what it then holds of an author's logs: that author itself, or whoever stands above
    /// its grant. One that is down says it when it is up.
    pub fn erase(&mut self, author: PeerIndex, by: PeerIndex) -> Result<usize, RevokeError> {
        let id = self.id(author).ok_or(RevokeError::NoGrant { holder: author })?;
        let granted = self.revocations.granted.get(&id).ok_or(RevokeError::NoGrant { holder: author })?;
        let above = || self.stands_above(by, granted).ok_or(RevokeError::NotAbove { by, holder: author });
        let under = if by == author { ControlStream::Own } else { above()? };
        self.erasures.0.push(ErasureOrder { by, author, stretches: Vec::new(), place: None });
        let which = self.erasures.0.len() - 1;
        self.order_erasure(by, under, which);
        Ok(which)
    }

    /// All that was ordered to be erased.
    pub fn erasures(&self) -> &ErasureOrders {
        &self.erasures
    }

    /// The order, as its issuer signs it; `None`: it holds nothing of it.
    pub(super) fn erasure_record(&self, which: usize) -> Option<ControlRecord> {
        let ErasureOrder { by, author, .. } = self.erasures.0[which];
        let (identity, author) = (self.peers[by.0].identity(), self.id(author)?);
        let of_author = self.frontier(by).into_iter().filter(|(log, ..)| {
            self.ledger
                .log(log)
                .is_some_and(|known| known.author == author && !known.collection.is_reserved())
        });
        let half = of_author.map(|(log, size, _)| Stretch { log, first: 1, end: 1 + size / 2 });
        let what = Stretches::new(half).ok()?;
        let (space, issuer, at) = (self.space.id(), identity.peer(), self.wall_of(by));
        let reason = "simulated".parse().expect("a short reason");
        Some(identity.sign(Erasure { space, issuer, what, at, reason }).into())
    }

    /// What an order names is known from here on.
    pub(super) fn signed_erasure(&mut self, which: usize, record: &ControlRecord) {
        if let ControlRecord::Erasure(it) = record {
            self.erasures.0[which].stretches = it.claims().what.as_slice().to_vec();
        }
    }

    /// Whether a peer that is up holds an order: its node has verified that entry.
    pub(crate) fn knows_erasure(&self, peer: PeerIndex, order: &ErasureOrder) -> bool {
        let held = |place: msec_peer::node::Receipt| {
            self.node(peer).is_some_and(|node| node.size_of(&place.log) > place.position)
        };
        order.place.is_some_and(held)
    }

    /// The first entry in a stretch of which a peer's disk has the body, as its store gives it.
    pub(crate) fn body_in(&self, peer: PeerIndex, stretch: &Stretch) -> Option<u64> {
        let mut at = stretch.first;
        while at < stretch.end {
            let chunk = self.peers.get(peer.0)?.disk.read(&stretch.log, at, READ_BYTES)?;
            if chunk.end <= at {
                return None;
            }
            // What stands for entries that were let go has no bodies.
            let entries = Run::from_bytes(&chunk.bytes).map(|run| run.entries).unwrap_or_default();
            let mut kept =
                (chunk.from..).zip(entries).filter(|(_, entry)| matches!(entry.body, Body::Kept { .. }));
            if let Some((position, _)) = kept.find(|(it, _)| (at..stretch.end).contains(it)) {
                return Some(position);
            }
            at = chunk.end;
        }
        None
    }
}

#[cfg(test)]
impl World {
    /// For tests of checkers, which plant what no node does.
    pub(crate) fn erasures_mut(&mut self) -> &mut ErasureOrders {
        &mut self.erasures
    }
}
