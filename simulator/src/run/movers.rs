//! What moves, and where it is.

use std::time::Duration;

use crate::map::{Point, Route};
use crate::peer::PeerIndex;
use crate::scenario::Scenario;
use crate::world::World;

use super::Residents;

/// Everybody who moves. Where each is is a function of the time alone.
#[derive(Debug)]
pub(super) struct Movers {
    all: Vec<Mover>,
    every: Duration,
    next: Duration,
}

#[derive(Debug)]
struct Mover {
    peer: PeerIndex,
    route: Route,
    speed_m_s: f64,
    /// How far along its route it is at the beginning.
    ahead_m: f64,
    /// How far it goes at most, counted in the same way: to where its route begins.
    home_m: f64,
}

impl Movers {
    pub(super) fn new(scenario: &Scenario, residents: &Residents) -> Self {
        let mut all = Vec::new();
        for (peer, resident) in residents.iter() {
            let moves = scenario.populations[resident.population].moves;
            let (Some(moves), Some((route, ahead_m))) = (moves, resident.route.clone()) else { continue };
            let speed_m_s = moves.speed_kmh / 3.6;
            let rounds = |after: Duration| {
                ((ahead_m + speed_m_s * after.as_secs_f64()) / route.length_m().max(1.0)).ceil()
            };
            let home_m = moves.home_after.map_or(f64::INFINITY, |after| rounds(after) * route.length_m());
            all.push(Mover { peer, route, speed_m_s, ahead_m, home_m });
        }
        Self { all, every: scenario.city.move_every, next: Duration::ZERO }
    }

    /// When somebody moves next.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.all.is_empty()).then_some(self.next)
    }

    /// Lets everybody move who does.
    pub(super) fn step(&mut self, world: &mut World) {
        let now = world.time();
        if self.next > now {
            return;
        }
        self.next = now + self.every;
        for mover in &self.all {
            if mover.peer.0 < world.peer_count() {
                world.move_peer(mover.peer, mover.at(now));
            }
        }
    }

    /// Where everybody who moves is.
    pub(super) fn positions(&self, now: Duration) -> impl Iterator<Item = (PeerIndex, Point)> + '_ {
        self.all.iter().map(move |mover| (mover.peer, mover.at(now)))
    }
}

impl Mover {
    fn at(&self, now: Duration) -> Point {
        self.route.at((self.ahead_m + self.speed_m_s * now.as_secs_f64()).min(self.home_m))
    }
}
