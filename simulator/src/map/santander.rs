//! A city on a bay, after Santander, where 12,000 sensors were to be deployed.
//!
//! Sources. Sizes of the populations: SmartSantander's descriptions of its testbed (smartsantander.eu, "Testbeds", and "Santander
//! summary") plan 12,000 sensors for Santander, and name about 2,000 devices that monitor the environment, almost 400 parking
//! sensors in the centre and 50 devices in two parks; Sanchez et al., "SmartSantander: IoT experimentation over a smart
//! city testbed", Computer Networks 61, 2014; Lanza et al., "Large-Scale Mobile Sensing Enabled Internet-of-Things Testbed for
//! Smart City Services", 2015: 140 buses, taxis and vans. The shape is drawn by hand after the city, not measured: a waterfront of
//! seven kilometres along the bay in the south with the port in its west, a dense centre behind it, a long avenue on the ridge,
//! suburbs and open land down to the sea in the north, a peninsula with a park in the east.

use serde::{Deserialize, Serialize};

use super::error::MapError;
use super::plan::{Plan, outline};
use super::point::Point;
use super::sketch::Sketch;
use super::spec::check;
use super::warp::Warp;
use crate::seed::Dice;

/// Parameters of `santander`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Santander {
    /// All lengths are multiplied by it; blocks keep their size, so that there are fewer. Default: 1, as large as the city. With
    /// `n` of 12,000 sensors the square root of `n / 12,000` keeps them as far from each other. From 0.1 to 3.
    pub scale: f64,
}

impl Default for Santander {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

const WIDTH_M: f64 = 7_700.0;
const HEIGHT_M: f64 = 5_000.0;

/// The south-west corner: latitude and longitude. Chosen so that the centre lies at 43.46 N, 3.81 W, where Santander's does.
const CORNER_DEG: (f64, f64) = (43.4420, -3.8610);

/// From the sea in the north to the bay in the south.
const CORNERS: [[(f64, f64); 9]; 5] = [
    [
        (0.0, 4_150.0),
        (1_300.0, 4_250.0),
        (2_450.0, 4_300.0),
        (3_400.0, 4_350.0),
        (4_300.0, 4_400.0),
        (5_200.0, 4_450.0),
        (5_800.0, 4_520.0),
        (6_350.0, 4_560.0),
        (7_500.0, 4_600.0),
    ],
    [
        (0.0, 3_000.0),
        (1_300.0, 3_050.0),
        (2_400.0, 3_200.0),
        (3_350.0, 3_450.0),
        (4_250.0, 3_600.0),
        (5_150.0, 3_700.0),
        (5_850.0, 3_760.0),
        (6_450.0, 3_820.0),
        (7_500.0, 3_800.0),
    ],
    [
        (0.0, 2_000.0),
        (1_300.0, 2_100.0),
        (2_350.0, 2_350.0),
        (3_300.0, 2_650.0),
        (4_200.0, 2_800.0),
        (5_100.0, 2_900.0),
        (5_900.0, 3_000.0),
        (6_530.0, 3_120.0),
        (7_500.0, 3_100.0),
    ],
    [
        (0.0, 1_000.0),
        (1_250.0, 1_150.0),
        (2_300.0, 1_500.0),
        (3_250.0, 1_900.0),
        (4_200.0, 2_080.0),
        (5_100.0, 2_200.0),
        (5_950.0, 2_350.0),
        (6_580.0, 2_520.0),
        (7_420.0, 2_480.0),
    ],
    [
        (0.0, 300.0),
        (1_300.0, 520.0),
        (2_200.0, 880.0),
        (3_200.0, 1_350.0),
        (4_200.0, 1_550.0),
        (5_100.0, 1_680.0),
        (5_950.0, 1_850.0),
        (6_600.0, 2_030.0),
        (7_300.0, 2_150.0),
    ],
];

const LETTERS: [&str; 4] = ["..hhhpp~", "hhhrprr~", "irrcrrr~", "iHHccrrp"];

/// Beyond the edges of the map.
const BEYOND_M: f64 = 900.0;

/// Streets bend by up to so much, over waves of so much. Chosen by eye.
const BEND_M: f64 = 75.0;
const WAVE_M: f64 = 850.0;

impl Santander {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Result<Sketch, MapError> {
        check("scale", self.scale, 0.1, 3.0)?;
        let rows: Vec<&[(f64, f64)]> = CORNERS.iter().map(|row| row.as_slice()).collect();
        let plan = Plan::new(&rows, &LETTERS, self.scale);
        let (width, height) = (WIDTH_M * self.scale, HEIGHT_M * self.scale);
        let mut drawn = plan.draw(dice);
        drawn.water.extend(seas(&plan, width, height));
        let warp = Warp::new(width, height, WAVE_M * self.scale.min(1.0), BEND_M * self.scale.min(1.0), dice);
        Ok(Sketch::of("santander", CORNER_DEG, (width, height), drawn, &warp))
    }
}

/// The sea in the north, and the bay with the sea in the east.
fn seas(plan: &Plan, width: f64, height: f64) -> [Vec<Point>; 2] {
    let mut north: Vec<Point> = plan.corners[0].clone();
    north.extend([Point::new(width + BEYOND_M, height + BEYOND_M), Point::new(-BEYOND_M, height + BEYOND_M)]);
    north.push(Point::new(-BEYOND_M, plan.corners[0][0].y_m));
    let mut bay: Vec<Point> = plan.corners[plan.corners.len() - 1].clone();
    bay.extend(plan.corners.iter().rev().skip(1).filter_map(|row| row.last().copied()));
    bay.extend([
        Point::new(width + BEYOND_M, height + BEYOND_M),
        Point::new(width + BEYOND_M, -BEYOND_M),
        Point::new(-BEYOND_M, -BEYOND_M),
        Point::new(-BEYOND_M, plan.corners[plan.corners.len() - 1][0].y_m),
    ]);
    [outline(&north), outline(&bay)]
}
