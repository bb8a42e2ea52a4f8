//! Bends a plan that was drawn with a ruler, so that it looks grown. Nothing that is joined comes apart, since a point
//! moves by where it lies alone.

use super::chance;
use super::point::Point;
use crate::seed::Dice;

/// A smooth field of displacements: noise on a lattice, with smooth steps between.
#[derive(Debug, Clone)]
pub(crate) struct Warp {
    cell_m: f64,
    columns: usize,
    rows: usize,
    lattice: Vec<(f64, f64)>,
}

impl Warp {
    /// Moves points of a map of that size by up to `reach_m`, over waves of about `cell_m`.
    pub(crate) fn new(width_m: f64, height_m: f64, cell_m: f64, reach_m: f64, dice: &mut Dice) -> Self {
        let cells = |length_m: f64| (length_m / cell_m).ceil().max(1.0) as usize + 2;
        let (columns, rows) = (cells(width_m), cells(height_m));
        let mut shift = || (chance::share(dice) * 2.0 - 1.0) * reach_m;
        let lattice = (0..columns * rows).map(|_| (shift(), shift())).collect();
        Self { cell_m, columns, rows, lattice }
    }

    /// Where that point comes to lie.
    pub(crate) fn bend(&self, at: Point) -> Point {
        let (column, x) = Self::split(at.x_m / self.cell_m, self.columns);
        let (row, y) = Self::split(at.y_m / self.cell_m, self.rows);
        let corner = |dx: usize, dy: usize| self.lattice[(row + dy) * self.columns + column + dx];
        let mix = |of: fn((f64, f64)) -> f64| {
            let south = of(corner(0, 0)) * (1.0 - x) + of(corner(1, 0)) * x;
            let north = of(corner(0, 1)) * (1.0 - x) + of(corner(1, 1)) * x;
            south * (1.0 - y) + north * y
        };
        at.moved(mix(|shift| shift.0), mix(|shift| shift.1))
    }

    /// The cell, and how far into it, eased.
    fn split(place: f64, cells: usize) -> (usize, f64) {
        let place = place.clamp(0.0, (cells - 1) as f64);
        let cell = (place.floor() as usize).min(cells - 2);
        let share = place - cell as f64;
        (cell, share * share * (3.0 - 2.0 * share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn moves_neighbours_together_and_nobody_far() {
        let warp = Warp::new(5_000.0, 3_000.0, 800.0, 50.0, &mut Seed(1).dice("test", 0));
        for n in -2..60 {
            let at = Point::new(f64::from(n) * 100.0, f64::from(n) * 61.0);
            let near = at.moved(1.0, 1.0);
            assert!(warp.bend(at).distance_m(at) <= 50.0 * 1.5);
            assert!((warp.bend(at).distance_m(warp.bend(near)) - at.distance_m(near)).abs() < 0.5);
        }
    }
}
