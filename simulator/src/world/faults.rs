//! What can be done to a world. [`crate::Strike`] names the same as values, and [`crate::Fault`] what a scenario says.

use msec_crdt_store::{Cut, Reading};

use super::World;
use crate::disk::{Damage, DiskFault, Kept, Lost};
use crate::error::{LinkError, RestartError};
use crate::fault::Struck;
use crate::link::LinkModel;
use crate::paths::Broken;
use crate::peer::{Peer, PeerIndex};

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
        let silent = it.disk.loses_silently();
        let lost = it.disk.crash(kept, &mut self.dice);
        self.network.crash(self.time, &mut self.queue, peer);
        self.ledger.crashed(peer);
        self.revocations_at_crash(peer);
        self.lost(peer, &lost, silent);
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

    /// Damages what lies on the disk of a peer; one that is up finds out when it starts next. What was acknowledged and lies
    /// on no other disk is forfeited: nobody can hold it any more.
    pub fn damage(&mut self, peer: PeerIndex, damage: Damage) {
        let Some(it) = self.peers.get_mut(peer.0) else { return };
        let lost = it.disk.damage(damage, &mut self.dice);
        self.lost(peer, &lost, damage.is_silent());
        self.faults_until = self.time;
    }

    /// Something goes wrong from now on, for a time; see [`World::struck`]. Returns which it is.
    pub(crate) fn fault_begins(&mut self, what: String) -> usize {
        self.struck.push(Struck { what, from: self.time, until: None });
        self.faults_until = self.time;
        self.struck.len() - 1
    }

    /// It is over.
    pub(crate) fn fault_ends(&mut self, which: usize) {
        if let Some(struck) = self.struck.get_mut(which) {
            struck.until = Some(self.time);
        }
        self.faults_until = self.time;
    }

    /// The planned faults that have begun, in that order.
    pub fn struck(&self) -> &[Struck] {
        &self.struck
    }

    /// What was on a disk is gone, and this is known: what nobody else holds is forfeited. `silent`: the peer cannot know.
    fn lost(&mut self, peer: PeerIndex, lost: &[Lost], silent: bool) {
        if lost.is_empty() {
            return;
        }
        self.peers[peer.0].damaged = Some(self.time);
        let id = self.peers[peer.0].id();
        if let (Some(witness), true) = (&mut self.witness, silent) {
            witness.may_fork(id);
        }
        for Lost { log, left, had } in lost {
            let held = |it: &Peer| it.disk.promised().get(log).map_or(0, |(size, _)| *size);
            let honest = self.peers.iter().filter(|it| it.hostile.is_none());
            let held = honest.map(held).max().unwrap_or(0);
            self.ledger.forfeit(log, held.max(*left)..*had);
        }
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
