//! A long city between two rivers and the sea, after Fujisawa, where 100 garbage trucks carry sensors.
//!
//! Sources. Area 69.56 km2, 12 km from north to south and 6.5 km from east to west, the rivers Sakai and Hikiji from north to
//! south into Sagami Bay: the city's own outline (city.fujisawa.kanagawa.jp, "Outline", 2024). About 100 trucks whose sensors send
//! 100 times a second: an interview with J. Nakazawa (Mynavi Tech+, 31 August 2016); Chen, Nakazawa, Yonezawa et al., "Cruisers:
//! an automotive sensing platform for smart cities", 2016. The shape is drawn by hand after the city, not measured: a beach with
//! a harbour in its east, two centres (around Fujisawa's station, and Shonandai's in the north), works in the west, and fields.

use serde::{Deserialize, Serialize};

use super::error::MapError;
use super::plan::{Plan, outline};
use super::point::Point;
use super::sketch::Sketch;
use super::spec::check;
use super::warp::Warp;
use crate::seed::Dice;

/// Parameters of `fujisawa`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fujisawa {
    /// All lengths are multiplied by it; blocks keep their size, so that there are fewer. Default: 1, as large as the city.
    /// From 0.1 to 3.
    pub scale: f64,
    /// Depots of garbage trucks. Default: 4, chosen: one for 25 of the 100 trucks. From 1 to 32.
    pub depots: usize,
}

impl Default for Fujisawa {
    fn default() -> Self {
        Self { scale: 1.0, depots: 4 }
    }
}

const WIDTH_M: f64 = 6_600.0;
const HEIGHT_M: f64 = 12_600.0;

/// The south-west corner: latitude and longitude. Chosen so that the beach lies at 35.31 N, where Fujisawa's does.
const CORNER_DEG: (f64, f64) = (35.3030, 139.4300);

/// Main roads from the west to the east. The third and the fourth are the banks of one river, the seventh and the eighth those
/// of the other.
const COLUMNS_M: [f64; 9] = [60.0, 1_300.0, 2_300.0, 2_370.0, 3_500.0, 4_700.0, 5_600.0, 5_680.0, 6_540.0];

/// Main roads from the north to the south.
const ROWS_M: [f64; 9] = [12_500.0, 10_900.0, 9_300.0, 7_700.0, 6_100.0, 4_700.0, 3_200.0, 1_900.0, 800.0];

/// How far the two rivers lie to the east, row by row.
const RIVERS_EAST_M: [(f64, f64); 9] = [
    (-350.0, 200.0),
    (-150.0, 250.0),
    (120.0, 60.0),
    (220.0, -160.0),
    (60.0, -90.0),
    (-120.0, 60.0),
    (40.0, 130.0),
    (230.0, -20.0),
    (330.0, -150.0),
];

const LETTERS: [&str; 8] =
    ["..~hp.~.", ".h~rri~.", "hr~cri~h", "ir~rhr~h", "ii~rrr~h", "rr~rcr~r", "rr~rrr~r", "pr~rrH~h"];

const BEYOND_M: f64 = 900.0;

/// Streets bend by up to so much, over waves of so much. Chosen by eye.
const BEND_M: f64 = 110.0;
const WAVE_M: f64 = 1_000.0;

impl Fujisawa {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Result<Sketch, MapError> {
        check("scale", self.scale, 0.1, 3.0)?;
        check("depots", self.depots as f64, 1.0, 32.0)?;
        let corners: Vec<Vec<(f64, f64)>> = ROWS_M.iter().zip(RIVERS_EAST_M).map(corners_of_row).collect();
        let rows: Vec<&[(f64, f64)]> = corners.iter().map(Vec::as_slice).collect();
        let plan = Plan::new(&rows, &LETTERS, self.scale);
        let (width, height) = (WIDTH_M * self.scale, HEIGHT_M * self.scale);
        let mut drawn = plan.draw(dice);
        drawn.water.push(sea(&plan, width));
        let warp = Warp::new(width, height, WAVE_M * self.scale.min(1.0), BEND_M * self.scale.min(1.0), dice);
        let sketch = Sketch::of("fujisawa", CORNER_DEG, (width, height), drawn, &warp);
        Ok(Sketch { depots: self.depots, ..sketch })
    }
}

fn corners_of_row((y, (hikiji, sakai)): (&f64, (f64, f64))) -> Vec<(f64, f64)> {
    let east = |column: usize| match column {
        2 | 3 => hikiji,
        6 | 7 => sakai,
        _ => 0.0,
    };
    COLUMNS_M.iter().enumerate().map(|(column, x)| (x + east(column), *y)).collect()
}

/// South of the last row.
fn sea(plan: &Plan, width: f64) -> Vec<Point> {
    let mut sea: Vec<Point> = plan.corners[plan.corners.len() - 1].clone();
    let shore_m = sea[0].y_m;
    sea.extend([
        Point::new(width + BEYOND_M, shore_m),
        Point::new(width + BEYOND_M, -BEYOND_M),
        Point::new(-BEYOND_M, -BEYOND_M),
        Point::new(-BEYOND_M, shore_m),
    ]);
    outline(&sea)
}
