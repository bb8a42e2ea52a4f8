//! What arrives where, told to [`Deliveries`] as it happens.

use msec_identity::CollectionPath;
use msec_peer::node::{Measured, Receipt, Ticket};

use super::World;
use crate::deliveries::Deliveries;
use crate::peer::{Peer, PeerIndex};

impl World {
    /// What was delivered to whom, and how long it took.
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// To say which peers are told apart, and which messages are followed.
    pub fn deliveries_mut(&mut self) -> &mut Deliveries {
        &mut self.deliveries
    }

    /// Something that was published is acknowledged.
    pub(super) fn note_acknowledged(&mut self, ticket: Ticket, receipt: Receipt) {
        let Some(submission) = self.ledger.submission(ticket) else { return };
        let over = |it: &Peer| self.revocations.is_over(&it.id());
        let readers = readers(&mut self.deliveries, &self.peers, &submission.stream.collection, over);
        let others = readers.len() - usize::from(readers.binary_search(&submission.peer).is_ok());
        // What is written without a right is nobody's to have.
        let readers = if over(&self.peers[submission.peer.0]) { 0 } else { others };
        self.deliveries.acknowledged(submission, receipt, readers, self.peers.len());
    }

    /// A peer shows an entry as verified.
    pub(super) fn note_verified(&mut self, peer: PeerIndex, measured: &Measured) {
        let header = &measured.header;
        let over = |it: &Peer| self.revocations.is_over(&it.id());
        let readers = readers(&mut self.deliveries, &self.peers, header.collection(), over);
        let is_reader = readers.binary_search(&peer).is_ok();
        if is_reader && header.author() != self.peers[peer.0].id() {
            self.deliveries.verified(self.time, peer, measured);
        }
    }
}

/// The honest peers that want a collection and whose rights are not over, in order.
fn readers<'a>(
    deliveries: &'a mut Deliveries,
    peers: &[Peer],
    collection: &CollectionPath,
    over: impl Fn(&Peer) -> bool,
) -> &'a [PeerIndex] {
    let wanting = peers.iter().filter(|it| it.is_honest() && it.wants(collection) && !over(it));
    deliveries.readers(collection, || wanting.map(Peer::index).collect())
}
