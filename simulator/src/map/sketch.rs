//! What a generator or an import hands over: a city without districts.

use super::earth::Corner;
use super::plan::Drawn;
use super::point::Point;
use super::streets::Streets;
use super::warp::Warp;
use super::zone::Zones;

/// A city without districts.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    pub(crate) name: String,
    pub(crate) width_m: f64,
    pub(crate) height_m: f64,
    pub(crate) corner: Corner,
    pub(crate) attribution: Option<&'static str>,
    pub(crate) streets: Streets,
    pub(crate) zones: Zones,
    pub(crate) water: Vec<Vec<Point>>,
    /// Places that have a name.
    pub(crate) fixed: Vec<(String, Point)>,
    /// How many depots it has.
    pub(crate) depots: usize,
}

impl Sketch {
    /// A city of that size, drawn from a plan and bent. It has one depot.
    pub(crate) fn of(name: &str, corner: (f64, f64), size_m: (f64, f64), drawn: Drawn, warp: &Warp) -> Self {
        let bent = |outline: Vec<Point>| outline.into_iter().map(|at| warp.bend(at)).collect::<Vec<_>>();
        let zones = drawn.zones.into_iter().map(|mut zone| {
            zone.outline = bent(zone.outline);
            zone
        });
        Self {
            name: name.to_owned(),
            width_m: size_m.0,
            height_m: size_m.1,
            corner: Corner::new(corner.0, corner.1, size_m.1),
            attribution: None,
            zones: Zones::new(zones),
            water: drawn.water.into_iter().map(bent).collect(),
            streets: drawn.draft.finish(|at| warp.bend(at)),
            fixed: Vec::new(),
            depots: 1,
        }
    }
}
