//! The shortest way between two junctions (Dijkstra 1959). Costs are whole millimetres, and of ways that cost the same the
//! one through lower numbers is taken, so that a map has one answer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::streets::{Segment, Streets};

/// A way: each segment with the junction at which it is entered.
pub(crate) type Way = Vec<(usize, usize)>;

/// What it costs to go along a street.
pub(crate) type Cost = fn(&Segment) -> u64;

/// For walkers all streets are alike.
pub(crate) fn on_foot(segment: &Segment) -> u64 {
    (segment.length_m * 1_000.0) as u64
}

/// Drivers prefer main roads.
pub(crate) fn driving(segment: &Segment) -> u64 {
    (segment.length_m * segment.class.driver_cost() as f64) as u64
}

/// The cheapest way; empty if there is none, or none is needed.
pub(crate) fn way(streets: &Streets, from: usize, to: usize, cost: Cost) -> Way {
    let junctions = streets.junctions().len();
    if from >= junctions || to >= junctions {
        return Way::new();
    }
    // From the far end to the near one, so that the way can be read off in order.
    let mut best = vec![u64::MAX; junctions];
    let mut next: Vec<Option<usize>> = vec![None; junctions];
    let mut open = BinaryHeap::from([Reverse((0, to))]);
    best[to] = 0;
    while let Some(Reverse((cost_here, here))) = open.pop() {
        if here == from {
            break;
        }
        if cost_here > best[here] {
            continue;
        }
        for segment in streets.around(here) {
            let street = &streets.segments()[*segment];
            let there = street.other(here);
            let cost_there = cost_here.saturating_add(cost(street).max(1));
            if cost_there < best[there] {
                best[there] = cost_there;
                next[there] = Some(*segment);
                open.push(Reverse((cost_there, there)));
            }
        }
    }
    let (mut way, mut at) = (Way::new(), from);
    while let Some(segment) = next[at].filter(|_| at != to) {
        way.push((segment, at));
        at = streets.segments()[segment].other(at);
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::draft::Draft;
    use crate::map::point::Point;
    use crate::map::streets::StreetClass;

    /// A square with a diagonal path.
    fn square() -> Streets {
        let at = |x, y| Point::new(x, y);
        let mut draft = Draft::new(1.0);
        draft.line([at(0.0, 0.0), at(100.0, 0.0)], StreetClass::Arterial);
        draft.line([at(100.0, 0.0), at(100.0, 100.0)], StreetClass::Street);
        draft.line([at(0.0, 0.0), at(100.0, 100.0)], StreetClass::Path);
        draft.finish(|at| at)
    }

    fn find(streets: &Streets, x: f64, y: f64) -> usize {
        streets.junctions().iter().position(|at| *at == Point::new(x, y)).expect("a junction")
    }

    #[test]
    fn walkers_cut_the_corner_and_drivers_do_not() {
        let streets = square();
        let (from, to) = (find(&streets, 0.0, 0.0), find(&streets, 100.0, 100.0));
        let classes = |cost| {
            way(&streets, from, to, cost)
                .iter()
                .map(|(n, _)| streets.segments()[*n].class)
                .collect::<Vec<_>>()
        };
        assert_eq!(classes(on_foot), [StreetClass::Path]);
        assert_eq!(classes(driving), [StreetClass::Arterial, StreetClass::Street]);
        assert_eq!(way(&streets, from, from, on_foot), []);
        assert_eq!(way(&streets, from, 99, on_foot), []);
    }
}
