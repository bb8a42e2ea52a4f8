//! A city's geometry: streets, districts, places and routes. Pure: it knows no peer, and one seed gives one map.
//!
//! | module | what it holds |
//! |---|---|
//! | `point`, `angle`, `earth` | [`Point`], in metres; angles that are the same everywhere; where a map lies on Earth |
//! | `streets`, `draft` | [`Streets`], the graph; how it is drawn |
//! | `district`, `zone` | [`District`], what has a name; what lies where |
//! | `spec` | [`MapSpec`]: which map, as a scenario says it |
//! | `plan`, `warp`, `sketch` | a city as a planner draws it, and how it comes to look grown |
//! | `santander`, `fujisawa`, `parametric` | the generators |
//! | `import`, `geojson`, `compact` | real streets: central Helsinki, and files of users |
//! | `auckland` | real places in streets that are made up, and what was counted there |
//! | `site`, `lots` | where something can stand |
//! | `route`, `shortest` | where things go that move |
//!
//! ```
//! use msec_simulator::Seed;
//! use msec_simulator::map::{Map, MapSpec, RouteKind, Site};
//!
//! let mut dice = Seed(1).dice("map", 0);
//! let map = Map::build(&"helsinki".parse::<MapSpec>()?, 8, &mut dice)?;
//! let sensor = map.place(&Site::Street, None, &mut dice);
//! println!("a sensor in {} at {:?}", map.districts()[map.district_of(sensor)].name, map.wgs84(sensor).degrees());
//!
//! let bus = map.route(RouteKind::Bus, &mut dice);
//! assert_eq!(bus.at(0.0), bus.at(bus.length_m()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod angle;
mod auckland;
mod chance;
mod compact;
mod district;
mod draft;
mod earth;
mod error;
mod fujisawa;
mod geojson;
mod import;
mod lots;
mod parametric;
mod plan;
mod point;
mod route;
mod santander;
mod shortest;
mod site;
mod sketch;
mod spec;
mod streets;
mod warp;
mod zone;

use std::io::Read;
use std::path::Path;

use msec_crdt_store::Place;

pub use auckland::{AUCKLAND_PLACES, Auckland, CountedHour, Fortnight};
pub use compact::compact;
pub use district::{DISTRICTS_MAX, District, DistrictKind};
pub use error::MapError;
pub use fujisawa::Fujisawa;
pub use geojson::GEOJSON_BYTES_MAX;
pub use parametric::{Grid, Radial, SmallWorld};
pub use point::Point;
pub use route::{Route, RouteKind};
pub use santander::Santander;
pub use site::Site;
pub use spec::{MapSpec, UnknownMap};
pub use streets::{Segment, StreetClass, Streets};

use crate::seed::Dice;
use lots::Lots;
use sketch::Sketch;

/// A city's geometry.
///
/// - Made by [`Map::build`] or [`Map::import`].
/// - Getters: [`Map::streets`], [`Map::districts`] and the others that are named for what they give.
/// - Draws: [`Map::place`], where something can stand; [`Map::route`], where something can go.
#[derive(Debug, Clone)]
pub struct Map {
    sketch: Sketch,
    districts: Vec<District>,
    /// Their centres again, side by side, since they are searched often.
    centres: Vec<Point>,
    lots: Lots,
    depots: Vec<Point>,
    depot_junctions: Vec<usize>,
}

impl Map {
    /// The map that a scenario asks for, with that many districts. A file's path is taken from the working directory on.
    pub fn build(spec: &MapSpec, districts: usize, dice: &mut Dice) -> Result<Self, MapError> {
        let sketch = match spec {
            MapSpec::Santander(parameters) => parameters.draw(dice)?,
            MapSpec::Fujisawa(parameters) => parameters.draw(dice)?,
            MapSpec::Helsinki => import::helsinki()?,
            MapSpec::Auckland => auckland::draw(dice)?,
            MapSpec::Grid(parameters) => parameters.draw(dice)?,
            MapSpec::Radial(parameters) => parameters.draw(dice)?,
            MapSpec::SmallWorld(parameters) => parameters.draw(dice)?,
            MapSpec::File(path) => {
                let name = path.file_stem().map_or_else(|| "file".into(), |stem| stem.to_string_lossy());
                import::sketch(&name, &geojson::read(&read_file(path)?)?)?
            }
        };
        Self::survey(sketch, districts)
    }

    /// The streets of a GeoJSON FeatureCollection, whose middle counts as the centre.
    pub fn import(name: &str, geojson: &[u8], districts: usize) -> Result<Self, MapError> {
        Self::survey(import::sketch(name, &geojson::read(geojson)?)?, districts)
    }

    /// Lays districts over a sketch, and finds places for depots.
    fn survey(sketch: Sketch, count: usize) -> Result<Self, MapError> {
        if !(1..=DISTRICTS_MAX).contains(&count) {
            return Err(MapError::Districts { given: count, max: DISTRICTS_MAX });
        }
        if sketch.streets.segments().is_empty() {
            return Err(MapError::NoStreets);
        }
        let side_m = (sketch.width_m * sketch.height_m).sqrt();
        let districts = district::spread(&sketch.streets, &sketch.zones, count, side_m);
        let centres: Vec<Point> = districts.iter().map(|district| district.centre).collect();
        let mut lots = Lots::default();
        for (n, segment) in sketch.streets.segments().iter().enumerate() {
            let at = segment.middle();
            let kind = sketch.zones.kind_of(segment);
            let weight = segment.length_m * kind.density() as f64;
            lots.add(n, kind, district::nearest(&centres, at), weight as u64);
        }
        let depot_junctions = depots(&sketch);
        let depots = depot_junctions.iter().map(|n| sketch.streets.junctions()[*n]).collect();
        Ok(Self { sketch, districts, centres, lots, depots, depot_junctions })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.sketch.name
    }

    /// From the west to the east.
    pub fn width_m(&self) -> f64 {
        self.sketch.width_m
    }

    /// From the south to the north.
    pub fn height_m(&self) -> f64 {
        self.sketch.height_m
    }

    /// What has to stand wherever it is shown.
    pub fn attribution(&self) -> Option<&'static str> {
        self.sketch.attribution
    }

    /// The courses of all streets.
    pub fn streets(&self) -> impl Iterator<Item = &[Point]> {
        self.sketch.streets.segments().iter().map(|segment| segment.line.as_slice())
    }

    /// The streets as a graph.
    pub fn street_graph(&self) -> &Streets {
        &self.sketch.streets
    }

    /// The outlines of water.
    pub fn water(&self) -> impl Iterator<Item = &[Point]> {
        self.sketch.water.iter().map(Vec::as_slice)
    }

    /// The outlines of parks.
    pub fn parks(&self) -> impl Iterator<Item = &[Point]> {
        self.sketch.zones.of(DistrictKind::Park)
    }

    /// The districts. There are as many as were asked for, unless the streets are fewer.
    pub fn districts(&self) -> &[District] {
        &self.districts
    }

    /// In which district that point lies: the one whose centre is nearest.
    pub fn district_of(&self, at: Point) -> usize {
        district::nearest(&self.centres, at)
    }

    /// What is there, as the city was drawn. A district has one kind, and may have corners of others.
    pub fn kind_at(&self, at: Point) -> DistrictKind {
        self.sketch.zones.kind_at(at)
    }

    /// Places that have a name: see [`Site::Fixed`].
    pub fn fixed(&self) -> &[(String, Point)] {
        &self.sketch.fixed
    }

    /// Where vehicles are kept.
    pub fn depots(&self) -> &[Point] {
        &self.depots
    }

    /// Where that point lies on Earth.
    pub fn wgs84(&self, at: Point) -> Place {
        self.sketch.corner.place(at)
    }

    fn middle(&self) -> Point {
        Point::new(self.width_m() / 2.0, self.height_m() / 2.0)
    }
}

/// As many junctions as the city has depots, far from each other: where work is done, or, where there is no such zone, anywhere.
fn depots(sketch: &Sketch) -> Vec<usize> {
    let junctions = sketch.streets.junctions();
    let mut yards: Vec<usize> = (0..junctions.len())
        .filter(|n| sketch.zones.kind_at(junctions[*n]) == DistrictKind::Industrial)
        .collect();
    if yards.is_empty() {
        yards = (0..junctions.len()).collect();
    }
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < sketch.depots {
        // The first lies farthest from the middle.
        let middle = Point::new(sketch.width_m / 2.0, sketch.height_m / 2.0);
        let apart = |n: usize| {
            let from = chosen.iter().map(|other| junctions[*other]);
            let from = from.chain(chosen.is_empty().then_some(middle));
            from.map(|other| other.distance2(junctions[n])).fold(f64::INFINITY, f64::min)
        };
        let next = yards.iter().rev().copied().max_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        match next {
            Some(next) if !chosen.contains(&next) => chosen.push(next),
            _ => break,
        }
    }
    chosen
}

fn read_file(path: &Path) -> Result<Vec<u8>, MapError> {
    let because = |source| MapError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(because)?;
    let mut bytes = Vec::new();
    // One byte more than may be there tells that there is more.
    file.take(GEOJSON_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(because)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
