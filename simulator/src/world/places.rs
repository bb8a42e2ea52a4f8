//! Where peers are, whom they hear, and what their links carry.
//!
//! A peer that discovers others does as `peer::net::mdns` does: it is told of somebody when it comes near, and again
//! every half minute for as long as it is; of two that hear each other one dials first, and the other a second later if
//! they are not linked by then. Whoever is linked already is not dialled.

use std::time::Duration;

use msec_peer::node::Input;

use super::World;
use crate::error::LinkError;
use crate::happening::{Happening, Life};
use crate::link::{ClassTraffic, Degradation, Strained};
use crate::map::Point;
use crate::network::{LinkEvent, LinkView};
use crate::peer::PeerIndex;

/// How often a peer is told again of one that it hears; as `peer::net::mdns` does.
const REMIND_EVERY: Duration = Duration::from_secs(30);

/// How long the one of two waits whose announcement sorts last; as there.
const POLITENESS: Duration = Duration::from_secs(1);

impl World {
    /// Moves a peer. Its radio links are cut where they do not reach any more, and go on where they reach again in time.
    /// Nothing happens for a peer that there is not.
    pub fn move_peer(&mut self, peer: PeerIndex, to: Point) {
        for other in self.network.go(self.time, &mut self.queue, peer, to) {
            self.meet(peer, other);
        }
    }

    /// Where a peer is.
    pub fn position(&self, peer: PeerIndex) -> Option<Point> {
        self.network.places.position(peer)
    }

    /// The connections that both ends know of now, in the order in which they were made.
    pub fn links(&self) -> impl Iterator<Item = LinkView> + '_ {
        self.network.views()
    }

    /// The connections that came and went, the first [`crate::LINK_EVENTS_MAX`] of those, and how many were more.
    pub fn link_events(&self) -> (&[LinkEvent], u64) {
        self.network.events()
    }

    /// What the links of each class carried, in the order of [`crate::NetworkModel::classes`]. What went between peers
    /// without interfaces is in [`World::traffic`] only.
    pub fn traffic_by_class(&self) -> Vec<ClassTraffic> {
        self.network.traffic_by_class(self.time)
    }

    /// Makes the links of a class or a peer worse than usual, instead of how they were degraded before.
    pub fn degrade(&mut self, whose: Strained, degradation: Degradation) -> Result<(), LinkError> {
        degradation.check()?;
        if let Strained::Class(class) = whose {
            self.network.model().check_interfaces(&[class])?;
        }
        self.network.degrade(whose, Some(degradation));
        self.faults_until = self.time;
        Ok(())
    }

    /// Links are as usual again.
    pub fn restore(&mut self, whose: Strained) {
        self.network.degrade(whose, None);
        self.faults_until = self.time;
    }

    /// A peer has started, and announces itself to all who hear it.
    pub(super) fn announce(&mut self, peer: PeerIndex) {
        for other in self.network.places.near(peer).collect::<Vec<_>>() {
            self.meet(peer, other);
        }
    }

    /// Two peers hear each other, from now on.
    fn meet(&mut self, a: PeerIndex, b: PeerIndex) {
        let meeting = self.network.places.meet(a, b);
        let (first, second) = if self.announced_name(a) < self.announced_name(b) { (a, b) } else { (b, a) };
        for (one, other, wait) in [(first, second, Duration::ZERO), (second, first, POLITENESS)] {
            let life = self.peers[one.0].life();
            self.queue.push(self.time + wait, Happening::Hear { life, of: other, meeting });
        }
    }

    /// The random name in a peer's announcements, another one each time that it starts.
    fn announced_name(&self, peer: PeerIndex) -> [u8; 32] {
        let Life { peer, boot } = self.peers[peer.0].life();
        self.seed.derive("announcement", (peer.0 as u64) << 32 | u64::from(boot))
    }

    /// A peer hears another. One that is down is heard again when it starts.
    pub(super) fn hear(&mut self, life: Life, of: PeerIndex, meeting: u64) {
        let peer = life.peer;
        if !self.lives(life) || !self.network.places.still_meet(peer, of, meeting) {
            return;
        }
        self.queue.push(self.time + REMIND_EVERY, Happening::Hear { life, of, meeting });
        if self.is_up(of) && self.network.paths.is_open(peer, of) && !self.network.is_linked(peer, of) {
            self.tell(peer, Input::Discovered { address: of.address() });
        }
    }
}
