//! What arrives where, told to [`Deliveries`] as it happens.

use msec_peer::node::{Measured, Receipt, Ticket};

use super::World;
use crate::deliveries::Deliveries;
use crate::peer::PeerIndex;

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
        let peers = &self.peers;
        let collection = &submission.stream.collection;
        let wanting =
            || peers.iter().filter(|it| it.is_honest() && it.wants(collection)).map(|it| it.index());
        let readers = self.deliveries.readers(collection, || wanting().collect());
        let readers = readers.len() - usize::from(readers.binary_search(&submission.peer).is_ok());
        self.deliveries.acknowledged(submission, receipt, readers, self.peers.len());
    }

    /// A peer shows an entry as verified.
    pub(super) fn note_verified(&mut self, peer: PeerIndex, measured: &Measured) {
        let it = &self.peers[peer.0];
        if it.is_honest() && measured.header.author() != it.id() && it.wants(measured.header.collection()) {
            self.deliveries.verified(self.time, peer, measured);
        }
    }
}
