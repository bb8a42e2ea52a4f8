//! Where a map lies on Earth. A city is small: on a plane that touches the Earth in its middle a kilometre is off by
//! less than a metre.

use msec_crdt_store::Place;

use super::angle;
use super::point::Point;

/// Metres of one degree of latitude, on the sphere by which [`Place::distance_m`] measures.
const DEGREE_M: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// The south-west corner of a map, and what a degree of longitude measures there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Corner {
    south_deg: f64,
    west_deg: f64,
    degree_east_m: f64,
}

impl Corner {
    /// A map of that height, with this corner.
    pub(crate) fn new(south_deg: f64, west_deg: f64, height_m: f64) -> Self {
        let middle_deg = south_deg + height_m / DEGREE_M / 2.0;
        Self { south_deg, west_deg, degree_east_m: DEGREE_M * angle::unit(middle_deg / 360.0).0 }
    }

    /// A map that spans these latitudes.
    pub(crate) fn spanning(south_deg: f64, north_deg: f64, west_deg: f64) -> Self {
        Self::new(south_deg, west_deg, (north_deg - south_deg) * DEGREE_M)
    }

    /// Where that place lies on the map.
    pub(crate) fn point(&self, latitude_deg: f64, longitude_deg: f64) -> Point {
        Point::new(
            (longitude_deg - self.west_deg) * self.degree_east_m,
            (latitude_deg - self.south_deg) * DEGREE_M,
        )
    }

    /// Where that point of the map lies on Earth; what would lie off the Earth lies at its edge.
    pub(crate) fn place(&self, at: Point) -> Place {
        let latitude = (self.south_deg + at.y_m / DEGREE_M).clamp(-90.0, 90.0);
        let longitude = (self.west_deg + at.x_m / self.degree_east_m.max(1.0)).clamp(-180.0, 180.0);
        Place { latitude_e7: (latitude * 1e7).round() as i32, longitude_e7: (longitude * 1e7).round() as i32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_on_the_map_are_distances_on_earth() {
        let corner = Corner::new(43.43, -3.87, 4_600.0);
        let (a, b) = (Point::new(500.0, 900.0), Point::new(6_800.0, 4_100.0));
        let (on_map, on_earth) = (a.distance_m(b), corner.place(a).distance_m(corner.place(b)));
        assert!((on_map - on_earth).abs() < 2.0, "{on_map} {on_earth}");
    }

    #[test]
    fn there_and_back() {
        let corner = Corner::spanning(-36.86, -36.84, 174.75);
        let (latitude, longitude) = corner.place(corner.point(-36.85, 174.76)).degrees();
        assert!((latitude + 36.85).abs() < 1e-6 && (longitude - 174.76).abs() < 1e-6);
        assert_eq!(corner.place(Point::new(1e12, -1e12)).degrees(), (-90.0, 180.0));
    }
}
