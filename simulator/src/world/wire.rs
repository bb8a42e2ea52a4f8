//! What the world does for its wire.

use super::World;
use crate::PeerIndex;
use crate::wire::Datagrams;
#[cfg(feature = "quic")]
use crate::wire::Wired;

impl World {
    /// The datagrams that were sent. `None`: the wire is modelled, and has none.
    pub fn datagrams(&self) -> Option<Datagrams> {
        #[cfg(feature = "quic")]
        return self.network.quic().map(|quic| quic.datagrams());
        #[cfg(not(feature = "quic"))]
        None
    }

    /// Bytes that wait at a peer for another, where links are modelled and narrow.
    pub fn waiting_bytes(&self, from: PeerIndex, to: PeerIndex) -> usize {
        self.network.waiting_bytes(from, to)
    }

    /// Something happens on the wire, and a node is told.
    #[cfg(feature = "quic")]
    pub(super) fn wired(&mut self, what: Wired) {
        let peers = &self.peers;
        let is_up = |peer: PeerIndex| peers.get(peer.0).is_some_and(|it| it.node.is_some());
        let Some((peer, heard)) = self.network.wired(self.time, &mut self.queue, what, is_up) else { return };
        for input in heard {
            self.tell(peer, input);
        }
    }

    /// Lets virtual time begin at another instant of the machine; for a test that it makes no difference.
    #[cfg(all(test, feature = "quic"))]
    pub(crate) fn begin_later(&mut self, by: std::time::Duration) {
        if let Some(quic) = self.network.quic_mut() {
            quic.begin_later(by);
        }
    }
}
