//! Where something is.

use serde::{Deserialize, Serialize};

/// A place on a map: metres east and north of the map's south-west corner.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Metres east.
    pub x_m: f64,
    /// Metres north.
    pub y_m: f64,
}

impl Point {
    /// How far it is to another, as the crow flies.
    pub fn distance_m(self, other: Point) -> f64 {
        let (x, y) = (self.x_m - other.x_m, self.y_m - other.y_m);
        (x * x + y * y).sqrt()
    }
}
