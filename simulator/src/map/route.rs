//! Where things go that move: closed courses along streets.

use super::Map;
use super::district::DistrictKind;
use super::point::{Point, along, length_m};
use super::shortest::{self, Cost, Way};
use super::streets::StreetClass;
use crate::seed::Dice;

/// What goes along a route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RouteKind {
    /// A bus line: along main roads from one end of the city through the centre to another, and back.
    Bus,
    /// A collection round: from a depot (its number; round again past the last) to a neighbourhood, along both sides of so
    /// many of its streets, and back.
    Round {
        /// From which depot.
        depot: usize,
        /// How many pieces of street.
        streets: usize,
    },
    /// A walk that wanders about for so long and then goes home.
    Walk {
        /// How far before it turns home.
        length_m: f64,
    },
}

/// From one bus stop to the next. Chosen: city buses stop every 300 to 500 m.
const STOPS_M: f64 = 400.0;

/// Of so many lines through the centre the longest is taken.
const BUS_LINES_TRIED: usize = 6;

/// The most pieces of street of a round, and of a walk.
const PIECES_MAX: usize = 20_000;

/// A closed course.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Route {
    points: Vec<Point>,
    /// How far each point lies along it.
    upto_m: Vec<f64>,
    stops_m: Vec<f64>,
}

impl Route {
    /// How long one turn is. 0 if it leads nowhere.
    pub fn length_m(&self) -> f64 {
        self.upto_m.last().copied().unwrap_or(0.0)
    }

    /// Where one is that far along it; past the end it begins again.
    pub fn at(&self, along_m: f64) -> Point {
        let length = self.length_m();
        let Some(first) = self.points.first() else { return Point::default() };
        if length <= 0.0 || !along_m.is_finite() {
            return *first;
        }
        let along_m = along_m.rem_euclid(length);
        let next = self.upto_m.partition_point(|upto| *upto <= along_m).clamp(1, self.points.len() - 1);
        let piece = [self.points[next - 1], self.points[next]];
        along(&piece, along_m - self.upto_m[next - 1]).map_or(*first, |(at, _)| at)
    }

    /// Its course. The last point is the first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How far along it the stops lie: a bus line's. Others have none.
    pub fn stops_m(&self) -> &[f64] {
        &self.stops_m
    }

    fn new(points: Vec<Point>) -> Self {
        let mut upto = 0.0;
        let mut upto_m = Vec::with_capacity(points.len());
        for (n, at) in points.iter().enumerate() {
            upto += if n == 0 { 0.0 } else { points[n - 1].distance_m(*at) };
            upto_m.push(upto);
        }
        Self { points, upto_m, stops_m: Vec::new() }
    }
}

impl Map {
    /// A route of that kind.
    pub fn route(&self, kind: RouteKind, dice: &mut Dice) -> Route {
        match kind {
            RouteKind::Bus => self.bus_line(dice),
            RouteKind::Round { depot, streets } => self.round(depot, streets, dice),
            RouteKind::Walk { length_m } => self.walk(length_m, dice),
        }
    }

    fn bus_line(&self, dice: &mut Dice) -> Route {
        let mut longest = (0.0, Vec::new());
        for _ in 0..BUS_LINES_TRIED {
            let middle = self.segment(Some(DistrictKind::Centre), None, dice).from;
            let ends = [self.any_main_junction(dice), self.any_main_junction(dice)];
            let mut way = self.drive(ends[0], middle);
            way.extend(self.drive(middle, ends[1]));
            let points = self.trace(ends[0], &way);
            // A line that doubles back on its way would pass the same houses twice.
            let gain = length_m(&points).min(
                2.0 * points
                    .first()
                    .map_or(0.0, |first| points.last().map_or(0.0, |last| first.distance_m(*last))),
            );
            if gain >= longest.0 {
                longest = (gain, points);
            }
        }
        let mut points = longest.1;
        let there = length_m(&points);
        points.extend(points.clone().into_iter().rev().skip(1));
        let between = (there / STOPS_M).round().max(1.0);
        let mut route = Route::new(points);
        // There and back, and each end once.
        route.stops_m = (0..(2.0 * between) as u32).map(|n| f64::from(n) * there / between).collect();
        route
    }

    fn round(&self, depot: usize, streets: usize, dice: &mut Dice) -> Route {
        let yard = depot.checked_rem(self.depot_junctions.len()).map_or(0, |n| self.depot_junctions[n]);
        let start = self.segment(Some(DistrictKind::Residential), None, dice).from;
        let mut way = self.drive(yard, start);
        way.extend(self.both_sides(start, streets.min(PIECES_MAX)));
        way.extend(self.drive(start, yard));
        Route::new(self.trace(yard, &way))
    }

    /// The nearest so many streets around a junction, each there and back, and so back to the junction: down each street that is
    /// new, and up again once all beyond it is done.
    fn both_sides(&self, start: usize, count: usize) -> Way {
        let streets = &self.sketch.streets;
        let mut wanted = vec![false; streets.segments().len()];
        let (mut near, mut seen) =
            (std::collections::VecDeque::from([start]), vec![false; streets.junctions().len()]);
        let mut left = count;
        seen[start] = true;
        while let Some(here) = near.pop_front().filter(|_| left > 0) {
            for segment in streets.around(here).iter().copied() {
                let street = &streets.segments()[segment];
                if street.class == StreetClass::Path || wanted[segment] || left == 0 {
                    continue;
                }
                wanted[segment] = true;
                left -= 1;
                let there = street.other(here);
                if !std::mem::replace(&mut seen[there], true) {
                    near.push_back(there);
                }
            }
        }
        let (mut way, mut back, mut here) = (Way::new(), Vec::new(), start);
        loop {
            let next = streets.around(here).iter().copied().find(|segment| wanted[*segment]);
            if let Some(segment) = next {
                wanted[segment] = false;
                way.push((segment, here));
                back.push(segment);
                here = streets.segments()[segment].other(here);
            } else if let Some(segment) = back.pop() {
                way.push((segment, here));
                here = streets.segments()[segment].other(here);
            } else {
                return way;
            }
        }
    }

    fn walk(&self, length_m: f64, dice: &mut Dice) -> Route {
        let streets = &self.sketch.streets;
        let start = self.segment(None, None, dice).from;
        let (mut way, mut here, mut length) = (Way::new(), start, 0.0);
        while length < length_m && way.len() < PIECES_MAX {
            let last = way.last().map(|(segment, _)| *segment);
            let mut ahead: Vec<usize> = streets.around(here).to_vec();
            // Nobody turns round but at the end of a street.
            if ahead.len() > 1 {
                ahead.retain(|segment| Some(*segment) != last);
            }
            let Some(segment) = ahead.get(dice.index(ahead.len())).copied() else { break };
            way.push((segment, here));
            length += streets.segments()[segment].length_m;
            here = streets.segments()[segment].other(here);
        }
        way.extend(shortest::way(streets, here, start, shortest::on_foot));
        Route::new(self.trace(start, &way))
    }

    fn any_main_junction(&self, dice: &mut Dice) -> usize {
        // Some are drawn by how much there is around them, until one lies on a main road.
        let mut segment = self.segment(None, None, dice);
        for _ in 0..BUS_LINES_TRIED {
            if segment.class == StreetClass::Arterial {
                break;
            }
            segment = self.segment(None, None, dice);
        }
        segment.from
    }

    fn drive(&self, from: usize, to: usize) -> Way {
        let cost: Cost = shortest::driving;
        shortest::way(&self.sketch.streets, from, to, cost)
    }

    /// The points of a way that begins at that junction.
    fn trace(&self, start: usize, way: &Way) -> Vec<Point> {
        let streets = &self.sketch.streets;
        let mut points: Vec<Point> = streets.junctions().get(start).copied().into_iter().collect();
        for (segment, entered) in way {
            let street = &streets.segments()[*segment];
            if street.from == *entered {
                points.extend(street.line.iter().skip(1));
            } else {
                points.extend(street.line.iter().rev().skip(1));
            }
        }
        points
    }
}
