//! Where peers are, and who comes near whom.
//!
//! Peers that announce themselves stand in a grid whose cells are as wide as announcements reach: whoever hears a peer is
//! in its cell or in one of the eight around it, so that a move costs what is near and not what the city holds.

use std::collections::BTreeMap;

use crate::PeerIndex;
use crate::link::Lines;
use crate::map::Point;

/// The narrowest cell, in metres, so that a map has not more cells than it needs.
const CELL_MIN_M: f64 = 10.0;

/// All positions.
#[derive(Debug, Default)]
pub(crate) struct Places {
    positions: Vec<Point>,
    /// The peers that announce themselves, by their cells.
    grid: BTreeMap<Cell, Vec<PeerIndex>>,
    /// Whom each peer hears, with the number of their meeting; in the order of their indices.
    near: Vec<Vec<(PeerIndex, u64)>>,
    /// Whether each announces itself.
    announces: Vec<bool>,
    cell_m: f64,
    meetings: u64,
}

type Cell = (i64, i64);

impl Places {
    /// A world in which announcements reach that far at most.
    pub(crate) fn new(reach_m: f64) -> Self {
        Self { cell_m: reach_m.max(CELL_MIN_M), ..Self::default() }
    }

    /// Gives the next peer its place.
    pub(crate) fn settle(&mut self, at: Point, announces: bool, lines: &Lines) {
        let peer = PeerIndex(self.positions.len());
        self.positions.push(at);
        self.near.push(Vec::new());
        self.announces.push(announces);
        if announces {
            self.grid.entry(self.cell(at)).or_default().push(peer);
            self.look_around(peer, lines);
        }
    }

    pub(crate) fn position(&self, peer: PeerIndex) -> Option<Point> {
        self.positions.get(peer.0).copied()
    }

    /// How far it is from one peer to another, in metres.
    pub(crate) fn distance_m(&self, a: PeerIndex, b: PeerIndex) -> f64 {
        match (self.position(a), self.position(b)) {
            (Some(a), Some(b)) => a.distance_m(b),
            _ => f64::INFINITY,
        }
    }

    /// Moves a peer. Returns whom it hears now and did not before.
    pub(crate) fn go(&mut self, peer: PeerIndex, to: Point, lines: &Lines) -> Vec<PeerIndex> {
        let Some(at) = self.positions.get_mut(peer.0) else { return Vec::new() };
        let (from, announces) = (std::mem::replace(at, to), self.announces[peer.0]);
        if !announces {
            return Vec::new();
        }
        let (old, new) = (self.cell(from), self.cell(to));
        if old != new {
            if let Some(cell) = self.grid.get_mut(&old) {
                cell.retain(|other| *other != peer);
                if cell.is_empty() {
                    self.grid.remove(&old);
                }
            }
            self.grid.entry(new).or_default().push(peer);
        }
        self.look_around(peer, lines)
    }

    /// Whom a peer hears, while they announce themselves.
    pub(crate) fn near(&self, peer: PeerIndex) -> impl Iterator<Item = PeerIndex> + '_ {
        self.near.get(peer.0).into_iter().flatten().map(|(other, _)| *other)
    }

    /// Whether two still meet as when their meeting had that number.
    pub(crate) fn still_meet(&self, a: PeerIndex, b: PeerIndex, meeting: u64) -> bool {
        self.near.get(a.0).is_some_and(|near| near.binary_search(&(b, meeting)).is_ok())
    }

    /// Two that are near each other meet anew, as when one of them has started again. Returns the number of that.
    pub(crate) fn meet(&mut self, a: PeerIndex, b: PeerIndex) -> u64 {
        self.meetings += 1;
        for (one, other) in [(a, b), (b, a)] {
            let near = &mut self.near[one.0];
            let at = near.partition_point(|(peer, _)| *peer < other);
            match near.get_mut(at) {
                Some((peer, meeting)) if *peer == other => *meeting = self.meetings,
                _ => near.insert(at, (other, self.meetings)),
            }
        }
        self.meetings
    }

    /// Finds out whom a peer hears. Returns those whom it did not hear before.
    fn look_around(&mut self, peer: PeerIndex, lines: &Lines) -> Vec<PeerIndex> {
        let (x, y) = self.cell(self.positions[peer.0]);
        let around = (x - 1..=x + 1).flat_map(|x| (y - 1..=y + 1).map(move |y| (x, y)));
        let there = around.filter_map(|cell| self.grid.get(&cell)).flatten().copied();
        let mut now: Vec<_> = there
            .filter(|other| *other != peer && lines.hear(peer, *other, self.distance_m(peer, *other)))
            .collect();
        now.sort_unstable();
        let gone: Vec<_> = self.near(peer).filter(|other| now.binary_search(other).is_err()).collect();
        for other in gone {
            self.near[peer.0].retain(|(it, _)| *it != other);
            self.near[other.0].retain(|(it, _)| *it != peer);
        }
        now.retain(|other| self.near[peer.0].binary_search_by_key(other, |(it, _)| *it).is_err());
        for other in &now {
            self.meet(peer, *other);
        }
        now
    }

    fn cell(&self, at: Point) -> Cell {
        ((at.x_m / self.cell_m).floor() as i64, (at.y_m / self.cell_m).floor() as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::link::{ClassId, LinkClass};
    use crate::seed::Seed;

    #[test]
    fn who_is_near_is_who_would_be_found_by_asking_everybody() {
        let mut dice = Seed(1).dice("test", 0);
        let mut lines = Lines::new(&LinkClass::built_in(), Duration::from_secs(20), Seed(1).dice("lines", 0));
        let mut places = Places::new(lines.announcements_reach_m());
        let mut anywhere = || Point { x_m: dice.below(1_000) as f64 - 300.0, y_m: dice.below(1_000) as f64 };
        for n in 0..120 {
            let class = [ClassId::WIFI, ClassId::MESH, ClassId::LORA][n % 3];
            lines.settle(&[class]);
            places.settle(anywhere(), !n.is_multiple_of(4), &lines);
        }
        for n in 0..600 {
            let peer = PeerIndex(n % 120);
            let before: Vec<_> = places.near(peer).collect();
            let entered = places.go(peer, anywhere(), &lines);
            let hears = |other: &PeerIndex| {
                *other != peer
                    && !peer.0.is_multiple_of(4)
                    && !other.0.is_multiple_of(4)
                    && lines.hear(peer, *other, places.distance_m(peer, *other))
            };
            let expected: Vec<_> = (0..120).map(PeerIndex).filter(hears).collect();
            assert_eq!(places.near(peer).collect::<Vec<_>>(), expected);
            assert!(expected.iter().all(|other| places.near(*other).any(|it| it == peer)), "both ways");
            let new: Vec<_> = expected.into_iter().filter(|other| !before.contains(other)).collect();
            assert_eq!(entered, new);
        }
        assert!((0..120).any(|n| places.near(PeerIndex(n)).next().is_some()), "some are near somebody");
    }

    #[test]
    fn a_meeting_has_a_number_until_it_is_over() {
        let mut lines = Lines::new(&[LinkClass::wifi()], Duration::ZERO, Seed(1).dice("lines", 0));
        let mut places = Places::new(lines.announcements_reach_m());
        let (a, b) = (PeerIndex(0), PeerIndex(1));
        for x_m in [0.0, 500.0] {
            lines.settle(&[ClassId(0)]);
            places.settle(Point { x_m, y_m: 0.0 }, true, &lines);
        }
        assert_eq!(places.go(b, Point { x_m: 50.0, y_m: 0.0 }, &lines), [a]);
        let meeting = places.meet(a, b);
        assert!(places.still_meet(a, b, meeting) && places.still_meet(b, a, meeting));
        assert!(places.go(b, Point { x_m: 60.0, y_m: 0.0 }, &lines).is_empty());
        assert!(places.still_meet(a, b, meeting));
        places.go(b, Point { x_m: 500.0, y_m: 0.0 }, &lines);
        assert!(!places.still_meet(a, b, meeting));
    }
}
