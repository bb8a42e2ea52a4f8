//! Zones: what each part of a city is used for, as it was drawn. Districts are laid over them.

use super::district::DistrictKind;
use super::point::{Point, along, encloses};
use super::streets::Segment;

/// How far from the middle of a street one looks for what lies beside it. Chosen: less than half a block.
const VERGE_M: f64 = 15.0;

/// An area of one use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zone {
    pub(crate) kind: DistrictKind,
    pub(crate) outline: Vec<Point>,
}

/// All zones of a map. Where several overlap the first counts; where there is none, people live.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zones(Vec<(Bounds, Zone)>);

/// The smallest and the largest coordinates.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: Point,
    high: Point,
}

impl Zones {
    pub(crate) fn new(zones: impl IntoIterator<Item = Zone>) -> Self {
        Self(zones.into_iter().map(|zone| (Bounds::of(&zone.outline), zone)).collect())
    }

    /// What that point is used for.
    pub(crate) fn kind_at(&self, at: Point) -> DistrictKind {
        self.find(at).unwrap_or(DistrictKind::Residential)
    }

    /// What a street is used for. One on the edge of the city has something on one of its sides only.
    pub(crate) fn kind_of(&self, street: &Segment) -> DistrictKind {
        let Some((middle, [a, b])) = along(&street.line, street.length_m / 2.0) else {
            return DistrictKind::Residential;
        };
        let sides = [0.0, VERGE_M, -VERGE_M].map(|away_m| middle.beside(a, b, away_m));
        sides.into_iter().find_map(|at| self.find(at)).unwrap_or(DistrictKind::Residential)
    }

    fn find(&self, at: Point) -> Option<DistrictKind> {
        let zone = self.0.iter().find(|(bounds, zone)| bounds.holds(at) && encloses(&zone.outline, at));
        zone.map(|(_, zone)| zone.kind)
    }

    /// The outlines of one kind.
    pub(crate) fn of(&self, kind: DistrictKind) -> impl Iterator<Item = &[Point]> {
        self.0.iter().filter(move |(_, zone)| zone.kind == kind).map(|(_, zone)| zone.outline.as_slice())
    }
}

impl Bounds {
    fn of(outline: &[Point]) -> Self {
        let start = Bounds {
            low: Point::new(f64::INFINITY, f64::INFINITY),
            high: Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY),
        };
        outline.iter().fold(start, |bounds, at| Bounds {
            low: Point::new(bounds.low.x_m.min(at.x_m), bounds.low.y_m.min(at.y_m)),
            high: Point::new(bounds.high.x_m.max(at.x_m), bounds.high.y_m.max(at.y_m)),
        })
    }

    fn holds(&self, at: Point) -> bool {
        (self.low.x_m..=self.high.x_m).contains(&at.x_m) && (self.low.y_m..=self.high.y_m).contains(&at.y_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_holds_a_point_counts() {
        let square = |kind, side: f64| Zone {
            kind,
            outline: [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)]
                .map(|(x, y)| Point::new(x, y))
                .to_vec(),
        };
        let zones = Zones::new([square(DistrictKind::Park, 5.0), square(DistrictKind::Centre, 10.0)]);
        assert_eq!(zones.kind_at(Point::new(2.0, 2.0)), DistrictKind::Park);
        assert_eq!(zones.kind_at(Point::new(7.0, 2.0)), DistrictKind::Centre);
        assert_eq!(zones.kind_at(Point::new(17.0, 2.0)), DistrictKind::Residential);
        assert_eq!(zones.of(DistrictKind::Park).count(), 1);
    }
}
