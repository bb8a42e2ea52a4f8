//! A city as a planner draws it: a mesh of main roads, and for each mesh a letter that says what lies in it.
//!
//! | letter | what | blocks |
//! |---|---|---|
//! | `c` | centre | 90 x 65 m, now and then a green square |
//! | `r` | where people live | 130 x 85 m |
//! | `h` | where people live on a hill | 200 x 140 m, with gaps |
//! | `H` | harbour | 240 x 150 m |
//! | `i` | industry | 260 x 180 m |
//! | `p` | park | paths about every 200 m |
//! | `.` | open land | none |
//! | `~` | water | none; roads cross it if it is narrow |
//!
//! The sizes are chosen: blocks of old European centres are below 100 m long, those of suburbs from 100 to 200 m.

use super::district::DistrictKind;
use super::draft::Draft;
use super::point::Point;
use super::streets::StreetClass;
use super::zone::Zone;
use crate::seed::Dice;

/// The longest bridge.
const BRIDGE_M_MAX: f64 = 250.0;

/// Corners of blocks on two sides of a main road that are nearer than this are one junction.
pub(crate) const SNAP_M: f64 = 22.0;

/// Outlines get a point at least every so far, so that they bend with the streets.
const OUTLINE_STEP_M: f64 = 60.0;

/// One in so many blocks of a centre is a square.
const SQUARE_OF: u64 = 40;

/// A mesh with its letters. The first row of corners is the northernmost, as on paper.
pub(crate) struct Plan {
    /// Corners, row by row, each row from the west to the east.
    pub(crate) corners: Vec<Vec<Point>>,
    /// A letter for each mesh, row by row.
    pub(crate) letters: Vec<Vec<char>>,
}

/// What is drawn from a plan.
pub(crate) struct Drawn {
    pub(crate) draft: Draft,
    pub(crate) zones: Vec<Zone>,
    pub(crate) water: Vec<Vec<Point>>,
}

/// What a letter stands for.
struct Use {
    kind: DistrictKind,
    class: StreetClass,
    block_m: (f64, f64),
    /// How many of its streets are left out.
    gaps: f64,
}

impl Use {
    fn of(letter: char) -> Option<Self> {
        use DistrictKind::{Centre, Harbour, Industrial, Park, Residential};
        use StreetClass::{Path, Service, Street};
        let (kind, class, block_m, gaps) = match letter {
            'c' => (Centre, Street, (90.0, 65.0), 0.04),
            'r' => (Residential, Street, (130.0, 85.0), 0.10),
            'h' => (Residential, Street, (200.0, 140.0), 0.22),
            'H' => (Harbour, Service, (240.0, 150.0), 0.18),
            'i' => (Industrial, Service, (260.0, 180.0), 0.12),
            'p' => (Park, Path, (210.0, 190.0), 0.15),
            _ => return None,
        };
        Some(Self { kind, class, block_m, gaps })
    }
}

impl Plan {
    /// Corners in metres, all multiplied by `scale`, and the letters of each row in one word.
    pub(crate) fn new(corners: &[&[(f64, f64)]], letters: &[&str], scale: f64) -> Self {
        let point = |(x, y): &(f64, f64)| Point::new(x * scale, y * scale);
        Self {
            corners: corners.iter().map(|row| row.iter().map(point).collect()).collect(),
            letters: letters.iter().map(|row| row.chars().collect()).collect(),
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, dice: &mut Dice) -> Drawn {
        let mut drawn = Drawn { draft: Draft::new(SNAP_M), zones: Vec::new(), water: Vec::new() };
        let mut roads = Roads::new(self);
        let mut squares = Vec::new();
        for (row, letters) in self.letters.iter().enumerate() {
            for (column, letter) in letters.iter().enumerate() {
                let mesh = self.mesh(row, column);
                match Use::of(*letter) {
                    Some(what) => {
                        let outline = outline(&mesh.corners());
                        drawn.zones.push(Zone { kind: what.kind, outline });
                        let blocks = mesh.blocks(what.block_m);
                        roads.meet(row, column, blocks);
                        fill(&mesh, blocks, &what, &mut drawn.draft, &mut squares, dice);
                    }
                    None if *letter == '~' => drawn.water.push(outline(&mesh.corners())),
                    None => {}
                }
            }
        }
        roads.draw(self, &mut drawn.draft);
        // A square lies within a mesh, so it has to come first.
        drawn.zones.splice(0..0, squares);
        drawn
    }

    fn mesh(&self, row: usize, column: usize) -> Mesh {
        let corner = |row: usize, column: usize| self.corners[row][column];
        Mesh {
            north_west: corner(row, column),
            north_east: corner(row, column + 1),
            south_west: corner(row + 1, column),
            south_east: corner(row + 1, column + 1),
        }
    }

    fn is_built(&self, row: Option<usize>, column: Option<usize>) -> bool {
        let letter = row.zip(column).and_then(|(row, column)| self.letters.get(row)?.get(column));
        letter.is_some_and(|letter| Use::of(*letter).is_some())
    }
}

/// An outline with points between its corners.
pub(crate) fn outline(corners: &[Point]) -> Vec<Point> {
    let mut outline = Vec::new();
    for (n, a) in corners.iter().enumerate() {
        let b = corners[(n + 1) % corners.len()];
        let steps = (a.distance_m(b) / OUTLINE_STEP_M).ceil().max(1.0) as u32;
        outline.extend((0..steps).map(|step| a.towards(b, f64::from(step) / f64::from(steps))));
    }
    outline
}

#[derive(Clone, Copy)]
struct Mesh {
    north_west: Point,
    north_east: Point,
    south_west: Point,
    south_east: Point,
}

impl Mesh {
    fn corners(&self) -> [Point; 4] {
        [self.north_west, self.north_east, self.south_east, self.south_west]
    }

    /// How many blocks of about that size lie side by side, and how many one behind the other.
    fn blocks(&self, (wide_m, deep_m): (f64, f64)) -> (usize, usize) {
        let mean = |a: f64, b: f64| (a + b) / 2.0;
        let wide =
            mean(self.north_west.distance_m(self.north_east), self.south_west.distance_m(self.south_east));
        let deep =
            mean(self.north_west.distance_m(self.south_west), self.north_east.distance_m(self.south_east));
        ((wide / wide_m).round().max(1.0) as usize, (deep / deep_m).round().max(1.0) as usize)
    }

    /// The point at those shares of the way to the east and to the south.
    fn at(&self, east: f64, south: f64) -> Point {
        self.north_west
            .towards(self.north_east, east)
            .towards(self.south_west.towards(self.south_east, east), south)
    }
}

/// Draws the streets inside a mesh.
fn fill(
    mesh: &Mesh,
    (wide, deep): (usize, usize),
    what: &Use,
    draft: &mut Draft,
    squares: &mut Vec<Zone>,
    dice: &mut Dice,
) {
    let at = |i: usize, j: usize| mesh.at(i as f64 / wide as f64, j as f64 / deep as f64);
    let mut green = Vec::new();
    for (i, j) in (1..wide).flat_map(|i| (1..deep).map(move |j| (i, j))) {
        let lies_inside = i > 1 && j > 1 && i + 2 < wide && j + 2 < deep;
        if lies_inside && what.kind == DistrictKind::Centre && dice.below(SQUARE_OF) == 0 {
            green.push((i, j));
            let corners = [at(i - 1, j - 1), at(i + 1, j - 1), at(i + 1, j + 1), at(i - 1, j + 1)];
            squares.push(Zone { kind: DistrictKind::Park, outline: outline(&corners) });
        }
    }
    let mut piece = |from: (usize, usize), to: (usize, usize), draft: &mut Draft| {
        let class = if green.contains(&from) || green.contains(&to) { StreetClass::Path } else { what.class };
        if !dice.chance(what.gaps) {
            draft.line([at(from.0, from.1), at(to.0, to.1)], class);
        }
    };
    for j in 1..deep {
        (0..wide).for_each(|i| piece((i, j), (i + 1, j), draft));
    }
    for i in 1..wide {
        (0..deep).for_each(|j| piece((i, j), (i, j + 1), draft));
    }
}

/// The main roads along the meshes, and where streets meet them: shares of the way to the east, or to the south.
struct Roads {
    east: Vec<Vec<Vec<f64>>>,
    south: Vec<Vec<Vec<f64>>>,
}

impl Roads {
    fn new(plan: &Plan) -> Self {
        let (rows, columns) = (plan.letters.len(), plan.letters.first().map_or(0, Vec::len));
        Self {
            east: vec![vec![vec![0.0, 1.0]; columns]; rows + 1],
            south: vec![vec![vec![0.0, 1.0]; columns + 1]; rows],
        }
    }

    /// The streets of a mesh meet the four roads around it.
    fn meet(&mut self, row: usize, column: usize, (wide, deep): (usize, usize)) {
        let shares = |blocks: usize| (1..blocks).map(move |n| n as f64 / blocks as f64);
        self.east[row][column].extend(shares(wide));
        self.east[row + 1][column].extend(shares(wide));
        self.south[row][column].extend(shares(deep));
        self.south[row][column + 1].extend(shares(deep));
    }

    fn draw(&self, plan: &Plan, draft: &mut Draft) {
        let back = |n: usize| n.checked_sub(1);
        let built = |row, column| plan.is_built(row, column);
        // A corner is on land if anything is built around it.
        let on_land = |row: usize, column: usize| {
            [
                (back(row), back(column)),
                (back(row), Some(column)),
                (Some(row), back(column)),
                (Some(row), Some(column)),
            ]
            .into_iter()
            .any(|(row, column)| built(row, column))
        };
        let mut road = |a: Point, b: Point, shares: &[f64], beside: bool, bridge: bool| {
            if beside || (bridge && a.distance_m(b) <= BRIDGE_M_MAX) {
                let mut shares = shares.to_vec();
                shares.sort_by(f64::total_cmp);
                draft.line(shares.into_iter().map(|share| a.towards(b, share)), StreetClass::Arterial);
            }
        };
        for (row, columns) in self.east.iter().enumerate() {
            for (column, shares) in columns.iter().enumerate() {
                let beside = built(back(row), Some(column)) || built(Some(row), Some(column));
                let inside = row > 0 && row < plan.letters.len();
                let bridge = inside && on_land(row, column) && on_land(row, column + 1);
                road(plan.corners[row][column], plan.corners[row][column + 1], shares, beside, bridge);
            }
        }
        for (row, columns) in self.south.iter().enumerate() {
            for (column, shares) in columns.iter().enumerate() {
                let beside = built(Some(row), back(column)) || built(Some(row), Some(column));
                road(plan.corners[row][column], plan.corners[row + 1][column], shares, beside, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn corners(columns: &[f64], rows: &[f64]) -> Vec<Vec<(f64, f64)>> {
        rows.iter().map(|y| columns.iter().map(|x| (*x, *y)).collect()).collect()
    }

    #[test]
    fn streets_of_two_meshes_meet_on_the_road_between_them() {
        let corners = corners(&[0.0, 900.0, 1_800.0], &[800.0, 0.0]);
        let rows: Vec<&[(f64, f64)]> = corners.iter().map(Vec::as_slice).collect();
        let drawn = Plan::new(&rows, &["cr"], 1.0).draw(&mut Seed(1).dice("test", 0));
        assert_eq!(drawn.zones.iter().filter(|zone| zone.kind == DistrictKind::Centre).count(), 1);
        let streets = drawn.draft.finish(|at| at);
        assert!(streets.junctions().len() > 100, "{}", streets.junctions().len());
        let on_road = streets.junctions().iter().filter(|at| at.x_m == 900.0).count();
        assert!(on_road > 12, "{on_road}");
        assert!(streets.segments().iter().all(|segment| segment.length_m < 1_000.0));
    }

    #[test]
    fn narrow_water_is_crossed_and_wide_water_is_not() {
        for (wide, parts) in [(80.0, 2), (400.0, 1)] {
            let corners = corners(&[0.0, 900.0, 900.0 + wide, 1_800.0 + wide], &[1_600.0, 800.0, 0.0]);
            let rows: Vec<&[(f64, f64)]> = corners.iter().map(Vec::as_slice).collect();
            let drawn = Plan::new(&rows, &["r~r", "r~r"], 1.0).draw(&mut Seed(1).dice("test", 0));
            assert_eq!(drawn.water.len(), 2);
            let streets = drawn.draft.finish(|at| at);
            let west = streets.junctions().iter().any(|at| at.x_m < 900.0);
            let east = streets.junctions().iter().any(|at| at.x_m > 900.0 + wide);
            assert_eq!(usize::from(west) + usize::from(east), parts, "{wide} m");
        }
    }
}
