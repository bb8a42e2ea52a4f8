//! Which interfaces join two peers.

use super::Lines;
use crate::link::ClassId;
use crate::peer::PeerIndex;

/// The interfaces of who dialled and of who was dialled, by their places among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) ends: [u32; 2],
    /// They are radios that hear each other; otherwise both lead to the city's network.
    pub(crate) radio: bool,
}

impl Route {
    /// The lines that something crosses: one on a radio, two over the city's network.
    pub(super) fn lines(self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        std::iter::once(from).chain((!self.radio).then_some(to))
    }
}

impl Lines {
    /// Whether a peer names no interface.
    pub(crate) fn is_plain(&self, peer: PeerIndex) -> bool {
        self.interfaces_of(peer).is_empty()
    }

    pub(super) fn interfaces_of(&self, peer: PeerIndex) -> std::ops::Range<u32> {
        match self.of_peer.get(peer.0..peer.0 + 2) {
            Some([first, end]) => *first..*end,
            _ => 0..0,
        }
    }

    /// How `a` reaches `b`, over the fastest way there is; over a radio where two are equally fast. Nobody is reached who
    /// is out of range, or behind a NAT.
    pub(crate) fn route(&self, a: PeerIndex, b: PeerIndex, distance_m: f64) -> Option<Route> {
        let mut best: Option<(f64, Route)> = None;
        let mut consider = |ends: [u32; 2], radio: bool| {
            let route = Route { ends, radio };
            let speed = self.speed(route);
            // The first of equals: the order in which interfaces are named.
            if best
                .is_none_or(|(fastest, other)| speed > fastest || (speed >= fastest && radio && !other.radio))
            {
                best = Some((speed, route));
            }
        };
        for from in self.interfaces_of(a) {
            for to in self.interfaces_of(b) {
                let (one, other) = (self.medium(from), self.medium(to));
                if one.is_radio() && self.class(from) == self.class(to) && one.reaches(distance_m) {
                    consider([from, to], true);
                } else if !one.is_radio() && !other.is_radio() && !other.nat {
                    consider([from, to], false);
                }
            }
        }
        best.map(|(_, route)| route)
    }

    /// Whether a route still holds at that distance.
    pub(crate) fn holds(&self, route: Route, distance_m: f64) -> bool {
        !route.radio || self.medium(route.ends[0]).reaches(distance_m)
    }

    /// Whether two peers hear each other's announcements.
    pub(crate) fn hear(&self, a: PeerIndex, b: PeerIndex, distance_m: f64) -> bool {
        self.interfaces_of(a).any(|one| {
            let medium = self.medium(one);
            let same = |other: u32| self.class(one) == self.class(other);
            medium.announces && medium.reaches(distance_m) && self.interfaces_of(b).any(same)
        })
    }

    /// The farthest that an announcement is heard in any class.
    pub(crate) fn announcements_reach_m(&self) -> f64 {
        let ranges = self.media.iter().filter(|medium| medium.announces).filter_map(|medium| medium.range_m);
        ranges.fold(0.0, f64::max)
    }

    /// The class that makes a route what it is: the slower of the two.
    pub(crate) fn class_of(&self, route: Route) -> ClassId {
        let [a, b] = route.ends;
        let slower = |n: u32| self.medium(n).up.speed().min(self.medium(n).down.speed());
        let end = if slower(b) < slower(a) { b } else { a };
        self.interfaces[end as usize].class
    }

    /// Bytes a second in the slower direction.
    fn speed(&self, route: Route) -> f64 {
        let [a, b] = route.ends.map(|end| self.medium(end));
        a.up.speed().min(b.down.speed()).min(b.up.speed()).min(a.down.speed())
    }
}
