//! What can be done to a world. [`crate::Fault`] names the same as values, for a plan in time.

use msec_crdt_store::{Cut, Reading, StorageError};

use super::World;
use crate::disk::{Damage, DiskFault, Kept};
use crate::error::{LinkError, RestartError};
use crate::link::LinkModel;
use crate::paths::Broken;
use crate::peer::PeerIndex;

impl World {
    /// Cuts the groups from each other, and all of them from the rest. What was cut before is not any more.
    pub fn partition(&mut self, groups: &[Vec<PeerIndex>]) {
        self.network.paths.partition(groups);
        self.paths_changed();
    }

    /// Ends a partition.
    pub fn heal(&mut self) {
        self.partition(&[]);
    }

    /// Breaks the link between two peers, whoever dialled it, and whenever.
    pub fn break_link(&mut self, a: PeerIndex, b: PeerIndex, how: Broken) {
        self.network.paths.set_broken(a, b, Some(how));
        self.paths_changed();
    }

    /// Mends it.
    pub fn mend_link(&mut self, a: PeerIndex, b: PeerIndex) {
        self.network.paths.set_broken(a, b, None);
        self.paths_changed();
    }

    /// Gives the link between two peers a model of its own.
    pub fn set_link(&mut self, a: PeerIndex, b: PeerIndex, model: LinkModel) -> Result<(), LinkError> {
        model.check()?;
        self.network.paths.set_model(a, b, model);
        Ok(())
    }

    /// Cuts the power of a peer. Its neighbours are not told. One that is down already stays as it is.
    pub fn crash(&mut self, peer: PeerIndex, kept: Kept) {
        if !self.is_up(peer) {
            return;
        }
        let it = &mut self.peers[peer.0];
        it.stop();
        it.disk.crash(kept, &mut self.dice);
        self.network.crash(self.time, &mut self.queue, peer);
        self.ledger.crashed(peer);
        self.faults_until = self.time;
    }

    /// Starts a peer again, on what its disk held. Returns how the store was cut back, if it was.
    pub fn restart(&mut self, peer: PeerIndex) -> Result<Option<Cut>, RestartError> {
        if self.is_up(peer) {
            return Err(RestartError::Up);
        }
        self.faults_until = self.time;
        self.start(peer).map_err(RestartError::Store)
    }

    /// Damages what lies on the disk of a peer that is down; nothing happens to one that is up. What was acknowledged and
    /// lies on no other disk is forfeited: nobody can hold it any more.
    pub fn damage(&mut self, peer: PeerIndex, damage: Damage) -> Result<(), StorageError> {
        if self.is_up(peer) {
            return Ok(());
        }
        let it = &mut self.peers[peer.0];
        it.disk.damage(damage, &mut self.dice)?;
        it.damaged = Some(self.time);
        let peers = &self.peers;
        self.ledger.forfeit(|receipt| {
            let promises = |size: &(u64, _)| size.0 > receipt.position;
            peers.iter().any(|it| it.disk.promised().get(&receipt.log).is_some_and(promises))
        });
        self.faults_until = self.time;
        Ok(())
    }

    /// Puts a disk out of order, or in order again.
    pub fn set_disk_fault(&mut self, peer: PeerIndex, fault: Option<DiskFault>) {
        if let Some(it) = self.peers.get_mut(peer.0) {
            it.disk.fault = fault;
            self.faults_until = self.time;
        }
    }

    /// A reading that is taken now.
    pub fn reading(&self, value: f64) -> Reading {
        Reading::new(self.wall(), value)
    }

    fn paths_changed(&mut self) {
        self.network.paths_changed(self.time, &mut self.queue);
        self.faults_until = self.time;
    }
}
