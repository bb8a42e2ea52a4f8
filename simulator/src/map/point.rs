//! A point on the plane of a map, and the few things that are done with points.

use serde::{Deserialize, Serialize};

/// Metres east and north of the map's south-west corner.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Metres east.
    pub x_m: f64,
    /// Metres north.
    pub y_m: f64,
}

impl Point {
    /// The point so far east and north of the corner.
    pub const fn new(x_m: f64, y_m: f64) -> Self {
        Self { x_m, y_m }
    }

    /// The straight distance.
    pub fn distance_m(self, other: Point) -> f64 {
        // `hypot` differs from one C library to the next; a square root does not.
        self.distance2(other).sqrt()
    }

    /// The square of the distance: enough to compare.
    pub(crate) fn distance2(self, other: Point) -> f64 {
        let (dx, dy) = (other.x_m - self.x_m, other.y_m - self.y_m);
        dx * dx + dy * dy
    }

    /// The point at that share of the way to `other`.
    pub(crate) fn towards(self, other: Point, share: f64) -> Point {
        Point::new(self.x_m + (other.x_m - self.x_m) * share, self.y_m + (other.y_m - self.y_m) * share)
    }

    /// The point so far east and north of this one.
    pub(crate) fn moved(self, east_m: f64, north_m: f64) -> Point {
        Point::new(self.x_m + east_m, self.y_m + north_m)
    }

    /// The point so far to the left of this one for somebody who walks from `a` to `b`; to the right if it is negative.
    pub(crate) fn beside(self, a: Point, b: Point, left_m: f64) -> Point {
        let length = a.distance_m(b);
        if length == 0.0 {
            return self;
        }
        self.moved(-(b.y_m - a.y_m) / length * left_m, (b.x_m - a.x_m) / length * left_m)
    }
}

/// The length of a polyline.
pub(crate) fn length_m(line: &[Point]) -> f64 {
    line.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum()
}

/// The point so far along a polyline, with the piece that it lies on; the nearer end if it is not that long.
pub(crate) fn along(line: &[Point], mut along_m: f64) -> Option<(Point, [Point; 2])> {
    let mut last = None;
    for pair in line.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = a.distance_m(b);
        if along_m <= length {
            let share = if length > 0.0 { (along_m / length).max(0.0) } else { 0.0 };
            return Some((a.towards(b, share), [a, b]));
        }
        along_m -= length;
        last = Some((b, [a, b]));
    }
    last
}

/// Whether a point lies within a closed outline, by the even-odd rule.
pub(crate) fn encloses(outline: &[Point], at: Point) -> bool {
    let mut inside = false;
    for (n, a) in outline.iter().enumerate() {
        let b = outline[(n + 1) % outline.len()];
        if (a.y_m > at.y_m) != (b.y_m > at.y_m) {
            let x_m = a.x_m + (at.y_m - a.y_m) / (b.y_m - a.y_m) * (b.x_m - a.x_m);
            inside ^= at.x_m < x_m;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn along_a_line_and_beside_it() {
        let line = [Point::new(0.0, 0.0), Point::new(30.0, 0.0), Point::new(30.0, 40.0)];
        assert_eq!(length_m(&line), 70.0);
        let (at, [a, b]) = along(&line, 50.0).expect("on the line");
        assert_eq!((at, a, b), (Point::new(30.0, 20.0), line[1], line[2]));
        assert_eq!(at.beside(a, b, 5.0), Point::new(25.0, 20.0));
        assert_eq!(along(&line, 99.0).map(|(at, _)| at), Some(line[2]));
        assert_eq!(along(&line[..1], 1.0), None);
    }

    #[test]
    fn inside_and_outside_of_an_outline_with_a_dent() {
        let dented = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 4.0), (0.0, 10.0)];
        let dented = dented.map(|(x, y)| Point::new(x, y));
        assert!(encloses(&dented, Point::new(5.0, 2.0)) && encloses(&dented, Point::new(1.0, 7.0)));
        assert!(!encloses(&dented, Point::new(5.0, 7.0)) && !encloses(&dented, Point::new(11.0, 2.0)));
        assert!(!encloses(&[], Point::default()));
    }
}
