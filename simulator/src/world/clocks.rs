//! The clocks of peers, and what can be done to them.

use msec_crdt_store::Reading;
use msec_identity::UnixMillis;

use super::World;
use crate::error::ClockError;
use crate::peer::{Peer, PeerIndex};

impl World {
    /// What a peer's civil clock shows.
    pub fn wall_of(&self, peer: PeerIndex) -> UnixMillis {
        self.peers.get(peer.0).map_or(self.wall(), |it| it.now(self.time).wall)
    }

    /// A reading that a peer takes now, by its own clock.
    pub fn reading_of(&self, peer: PeerIndex, value: f64) -> Reading {
        Reading::new(self.wall_of(peer), value)
    }

    /// Lets the civil clock of a peer jump, forward or back.
    pub fn jump_clock(&mut self, peer: PeerIndex, by_s: i64) -> Result<(), ClockError> {
        let time = self.time;
        self.change_clock(peer, |it| it.clock.jump(time, by_s))
    }

    /// Lets both clocks of a peer run too fast from now on, by that many parts per million; too slowly, if it is negative.
    pub fn drift_clock(&mut self, peer: PeerIndex, ppm: i32) -> Result<(), ClockError> {
        let time = self.time;
        self.change_clock(peer, |it| it.clock.drift(time, ppm))
    }

    /// Lets the civil clock of a peer show 1970, as if nothing had set it since it started; so it will after each start.
    pub fn unset_clock(&mut self, peer: PeerIndex) {
        let time = self.time;
        let _ = self.change_clock(peer, |it| {
            it.clock.unset(time);
            Ok(())
        });
    }

    /// Sets the clocks of a peer right, and lets them run as they should.
    pub fn correct_clock(&mut self, peer: PeerIndex) {
        let time = self.time;
        let _ = self.change_clock(peer, |it| {
            it.clock.correct(time);
            Ok(())
        });
    }

    fn change_clock(
        &mut self,
        peer: PeerIndex,
        change: impl FnOnce(&mut Peer) -> Result<(), ClockError>,
    ) -> Result<(), ClockError> {
        let Some(it) = self.peers.get_mut(peer.0) else { return Ok(()) };
        change(it)?;
        // What it waits for comes at another time of the world now.
        it.forget_wake();
        self.obey(peer);
        self.faults_until = self.time;
        Ok(())
    }
}
