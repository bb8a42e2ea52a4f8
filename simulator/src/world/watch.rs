//! What a world sees of its nodes, for those who check them.

use msec_crdt_store::VerifiedRun;
use msec_identity::LogId;
use msec_peer::node;

use super::World;
#[cfg(test)]
use crate::ledger::Ledger;
use crate::peer::PeerIndex;
#[cfg(test)]
use crate::peer::PeerSpec;
use crate::witness::Witness;

impl World {
    /// Who sees what is stored and shown, if anybody does.
    pub(crate) fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// Lets nobody look at what is stored and shown: to measure what looking costs. Before any peer is added.
    #[must_use]
    pub fn unwatched(mut self) -> Self {
        self.witness = None;
        self
    }

    /// A node hands runs to its disk.
    pub(super) fn saw_commit(&mut self, peer: PeerIndex, runs: &[VerifiedRun]) {
        for state in runs.iter().map(VerifiedRun::state) {
            self.ledger.saw_log(state.log(), state.header());
            if self.peers[peer.0].hostile.is_some() && state.header().author() == self.peers[peer.0].id() {
                self.intruded.insert(state.log(), self.time);
            }
        }
        if let Some(witness) = &mut self.witness {
            let it = &self.peers[peer.0];
            let promised = |log: &LogId| it.disk.promised().get(log).map_or(0, |(size, _)| *size);
            witness.commits(peer, it.id(), runs, promised);
        }
    }

    /// A node tells something.
    pub(super) fn saw_event(&mut self, peer: PeerIndex, event: &node::Event) {
        if let (node::Event::Verified(shown), Some(witness)) = (event, &mut self.witness) {
            witness.shows(peer, shown);
        }
        if let node::Event::Verified(shown) = event {
            self.may_show(peer, shown);
            self.lease_may_show(peer, shown);
            self.note_verified(peer, shown);
        }
        self.ledger.happened(peer, event);
    }

    /// What a peer is said to be; for tests of checkers.
    #[cfg(test)]
    pub(crate) fn spec_mut(&mut self, peer: PeerIndex) -> &mut PeerSpec {
        self.peers[peer.0].spec_mut()
    }

    /// What apps asked for; for tests of checkers.
    #[cfg(test)]
    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The event that a checker would be told; for tests of checkers, which plant what no node does.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, peer: PeerIndex, event: &node::Event) {
        self.saw_event(peer, event);
    }

    /// The commit that a disk would be handed; likewise.
    #[cfg(test)]
    pub(crate) fn pretend_commit(&mut self, peer: PeerIndex, runs: &[VerifiedRun]) {
        self.saw_commit(peer, runs);
    }
}
