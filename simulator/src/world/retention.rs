//! Peers that let go of the beginning of logs, as `peer`'s retention does: a moment is noted, and later goes what so many
//! neighbours have said since that they hold.

use std::collections::BTreeMap;

use msec_identity::{CollectionPath, LogId};

use super::World;
use crate::peer::PeerIndex;

impl World {
    /// Notes what a peer holds now.
    pub fn mark_held(&mut self, peer: PeerIndex) {
        if let Some(it) = self.peers.get_mut(peer.0) {
            it.mark = it.node.as_ref().map(|node| node.mark(&[CollectionPath::everything()]));
        }
    }

    /// Lets go of what it held when that was noted last, and so many neighbours have said since that they hold, but for the last
    /// entries of each log. Nothing goes that was noted in another life. Returns how many entries went.
    pub fn let_go(&mut self, peer: PeerIndex, copies: usize, keep: u64) -> u64 {
        let Some(it) = self.peers.get_mut(peer.0) else { return 0 };
        let Some((mark, node)) = it.mark.take().zip(it.node.as_ref()) else { return 0 };
        let vouched = node.vouched(&mark, copies);
        let logs: Vec<_> = vouched.into_iter().map(|(log, size)| (log, size.saturating_sub(keep))).collect();
        let entries = it.disk.let_go(&logs);
        self.let_go_entries += entries;
        entries
    }

    /// How many entries all peers have let go.
    pub fn entries_let_go(&self) -> u64 {
        self.let_go_entries
    }

    /// The first entry that a peer holds of each log of which it holds no beginning.
    pub fn begins(&self, peer: PeerIndex) -> BTreeMap<LogId, u64> {
        let Some(it) = self.peers.get(peer.0).filter(|it| it.disk.has_let_go) else { return BTreeMap::new() };
        let logs = it.disk.promised().keys().map(|log| (*log, it.disk.begin(log)));
        logs.filter(|(_, begin)| *begin > 0).collect()
    }
}
