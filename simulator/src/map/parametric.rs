//! Cities by a formula: a grid, rings with spokes, and a small world. They stand at no place on Earth, so at 0 N, 0 E.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::angle;
use super::chance;
use super::district::DistrictKind;
use super::draft::Draft;
use super::earth::Corner;
use super::error::MapError;
use super::point::Point;
use super::sketch::Sketch;
use super::spec::check;
use super::streets::StreetClass;
use super::zone::{Zone, Zones};
use crate::seed::Dice;

/// Points nearer than this are one.
const SNAP_M: f64 = 1.0;

/// Parameters of `grid`: blocks in rows, as in a planned city.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// Blocks from the west to the east. Default: 12. From 2 to 200.
    pub blocks_x: usize,
    /// Blocks from the south to the north. Default: 10. From 2 to 200.
    pub blocks_y: usize,
    /// From the middle of one street to the middle of the next. Default: 133 m, as in Barcelona's Eixample: blocks of 113 m, and
    /// streets of 20 m. From 20 to 1,000.
    pub block_m: f64,
    /// How many pieces of street are left out, from 0 to 0.3. Default: 0.04. Chosen: a planned city has few gaps.
    pub gaps: f64,
}

impl Default for Grid {
    fn default() -> Self {
        Self { blocks_x: 12, blocks_y: 10, block_m: 133.0, gaps: 0.04 }
    }
}

/// Every so many streets of a grid one is a main road.
const GRID_MAIN: usize = 4;

impl Grid {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Result<Sketch, MapError> {
        check("blocks_x", self.blocks_x as f64, 2.0, 200.0)?;
        check("blocks_y", self.blocks_y as f64, 2.0, 200.0)?;
        check("block_m", self.block_m, 20.0, 1_000.0)?;
        check("gaps", self.gaps, 0.0, 0.3)?;
        let (width, height) = (self.blocks_x as f64 * self.block_m, self.blocks_y as f64 * self.block_m);
        let rect = |kind, (west, east): (f64, f64), (south, north): (f64, f64)| Zone {
            kind,
            outline: [(west, south), (east, south), (east, north), (west, north)]
                .map(|(x, y)| Point::new(x * width, y * height))
                .to_vec(),
        };
        let zones = Zones::new([
            rect(DistrictKind::Park, (0.62, 0.88), (0.62, 0.85)),
            rect(DistrictKind::Centre, (0.32, 0.7), (0.3, 0.68)),
            rect(DistrictKind::Harbour, (0.0, 1.0), (-0.01, 0.16)),
            rect(DistrictKind::Industrial, (-0.01, 0.22), (0.16, 0.5)),
        ]);
        let at = |i: usize, j: usize| Point::new(i as f64 * self.block_m, j as f64 * self.block_m);
        let mut draft = Draft::new(SNAP_M);
        let mut piece = |a: Point, b: Point, main: bool| {
            let class = class_in(zones.kind_at(a.towards(b, 0.5)), main);
            if main || !dice.chance(self.gaps) {
                draft.line([a, b], class);
            }
        };
        let is_main = |n: usize, of: usize| n.is_multiple_of(GRID_MAIN) || n == of;
        for j in 0..=self.blocks_y {
            (0..self.blocks_x).for_each(|i| piece(at(i, j), at(i + 1, j), is_main(j, self.blocks_y)));
        }
        for i in 0..=self.blocks_x {
            (0..self.blocks_y).for_each(|j| piece(at(i, j), at(i, j + 1), is_main(i, self.blocks_x)));
        }
        Ok(sketch("grid", (width, height), draft, zones))
    }
}

/// Parameters of `radial`: rings around a centre, and roads that lead out of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Radial {
    /// Rings. Default: 12. From 2 to 100.
    pub rings: usize,
    /// Main roads out of the centre. Default: 8. Chosen: one to each of the winds. From 3 to 64.
    pub spokes: usize,
    /// From one ring to the next. Default: 180 m. Chosen: two blocks of 90 m. From 20 to 1,000.
    pub ring_m: f64,
}

impl Default for Radial {
    fn default() -> Self {
        Self { rings: 12, spokes: 8, ring_m: 180.0 }
    }
}

/// Every so many rings one is a main road.
const RADIAL_MAIN: usize = 4;

impl Radial {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Result<Sketch, MapError> {
        check("rings", self.rings as f64, 2.0, 100.0)?;
        check("spokes", self.spokes as f64, 3.0, 64.0)?;
        check("ring_m", self.ring_m, 20.0, 1_000.0)?;
        let radius = self.rings as f64 * self.ring_m;
        // The first spoke leads anywhere.
        let start = chance::share(dice);
        let at = |ring: f64, turns: f64| {
            let (east, north) = angle::unit(start + turns);
            Point::new(radius + east * ring * self.ring_m, radius + north * ring * self.ring_m)
        };
        let zones = self.zones(at);
        let mut draft = Draft::new(SNAP_M);
        // So many streets lead out at a ring that they lie at most two rings apart.
        let streets = |ring: usize| {
            let wanted = (TAU * ring as f64 / 2.0).max(1.0);
            let mut streets = self.spokes;
            while (streets as f64) < wanted {
                streets *= 2;
            }
            streets
        };
        for ring in 1..=self.rings {
            let (inner, count) = (ring - 1, streets(ring));
            for n in 0..count {
                let (here, next) = (n as f64 / count as f64, (n + 1) as f64 / count as f64);
                // Rings are bent between two streets.
                let arc = (0..=2).map(|step| at(ring as f64, here + (next - here) * f64::from(step) / 2.0));
                let main = ring.is_multiple_of(RADIAL_MAIN) || ring == self.rings;
                draft.line(arc, class_in(zones.kind_at(at(ring as f64, (here + next) / 2.0)), main));
                let spoke = n.is_multiple_of(count / self.spokes);
                // A street that begins at this ring has none before it.
                if spoke || (inner > 0 && n.is_multiple_of(count / streets(inner))) {
                    let class = class_in(zones.kind_at(at(inner as f64 + 0.5, here)), spoke);
                    draft.line([at(inner as f64, here), at(ring as f64, here)], class);
                }
            }
        }
        Ok(sketch("radial", (2.0 * radius, 2.0 * radius), draft, zones))
    }

    /// A round centre, and three sectors around it.
    fn zones(&self, at: impl Fn(f64, f64) -> Point) -> Zones {
        let rings = self.rings as f64;
        let arc = |ring: f64, from: f64, to: f64| {
            (0..=32).map(|n| at(ring, from + (to - from) * f64::from(n) / 32.0)).collect::<Vec<_>>()
        };
        let sector = |kind, (inner, outer): (f64, f64), (from, to): (f64, f64)| {
            let mut outline = arc(outer * rings, from, to);
            outline.extend(arc(inner * rings, to, from));
            Zone { kind, outline }
        };
        Zones::new([
            Zone { kind: DistrictKind::Centre, outline: arc(rings * 0.3, 0.0, 1.0) },
            sector(DistrictKind::Park, (0.45, 0.75), (0.06, 0.17)),
            sector(DistrictKind::Harbour, (0.7, 1.01), (0.64, 0.86)),
            sector(DistrictKind::Industrial, (0.7, 1.01), (0.42, 0.56)),
        ])
    }
}

/// Parameters of `small_world`: a band of places that know their neighbours, and a few roads across. After Watts and Strogatz,
/// "Collective dynamics of 'small-world' networks", Nature 393, 1998: a ring lattice of which some edges are rewired at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmallWorld {
    /// Places on the ring. Default: 200. From 10 to 20,000. Watts and Strogatz drew 1,000.
    pub places: usize,
    /// To how many places each is joined, half on each side; an odd one counts as one less. Default: 4. From 2 to 16. Watts and Strogatz had 10.
    pub neighbours: usize,
    /// How many of these streets lead to any place instead, from 0 to 1. Default: 0.1. Between 0.01 and 0.1 paths are short
    /// and neighbourhoods still close (their figure 2).
    pub rewired: f64,
    /// From one place to the next along the ring. Default: 100 m. Chosen: a block. From 20 to 1,000.
    pub spacing_m: f64,
}

impl Default for SmallWorld {
    fn default() -> Self {
        Self { places: 200, neighbours: 4, rewired: 0.1, spacing_m: 100.0 }
    }
}

impl SmallWorld {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Result<Sketch, MapError> {
        check("places", self.places as f64, 10.0, 20_000.0)?;
        check("neighbours", self.neighbours as f64, 2.0, 16.0_f64.min(self.places as f64 - 1.0))?;
        check("rewired", self.rewired, 0.0, 1.0)?;
        check("spacing_m", self.spacing_m, 20.0, 1_000.0)?;
        let radius = self.places as f64 * self.spacing_m / TAU;
        let half = self.spacing_m;
        let around = |distance: f64, turns: f64| {
            let (east, north) = angle::unit(turns);
            Point::new(radius + half + east * distance, radius + half + north * distance)
        };
        // Neighbours lie on two rails in turn, so that the streets between them do not lie on each other.
        let rail = |n: usize| if n.is_multiple_of(2) { -half } else { half };
        let at = |n: usize| around(radius + rail(n) * 0.9, n as f64 / self.places as f64);
        let mut draft = Draft::new(SNAP_M);
        let points: Vec<usize> = (0..self.places).map(|n| draft.point(at(n))).collect();
        for n in 0..self.places {
            for step in 1..=self.neighbours / 2 {
                if dice.chance(self.rewired) {
                    draft.edge(points[n], points[dice.index(self.places)], StreetClass::Arterial);
                } else {
                    draft.edge(points[n], points[(n + step) % self.places], StreetClass::Street);
                }
            }
        }
        let arc = |kind, from: f64, to: f64| {
            let line = |distance: f64, from: f64, to: f64| {
                (0..=32).map(move |n| around(distance, from + (to - from) * f64::from(n) / 32.0))
            };
            let outline =
                line(radius + 2.0 * half, from, to).chain(line((radius - 2.0 * half).max(0.0), to, from));
            Zone { kind, outline: outline.collect() }
        };
        let zones = Zones::new([
            arc(DistrictKind::Centre, 0.15, 0.35),
            arc(DistrictKind::Park, 0.45, 0.52),
            arc(DistrictKind::Industrial, 0.58, 0.66),
            arc(DistrictKind::Harbour, 0.7, 0.8),
        ]);
        let side = 2.0 * (radius + half);
        Ok(sketch("small_world", (side, side), draft, zones))
    }
}

/// What a street is in a zone.
fn class_in(kind: DistrictKind, main: bool) -> StreetClass {
    match kind {
        _ if main => StreetClass::Arterial,
        DistrictKind::Park => StreetClass::Path,
        DistrictKind::Harbour | DistrictKind::Industrial => StreetClass::Service,
        DistrictKind::Centre | DistrictKind::Residential => StreetClass::Street,
    }
}

fn sketch(name: &str, (width_m, height_m): (f64, f64), draft: Draft, zones: Zones) -> Sketch {
    Sketch {
        name: name.to_owned(),
        width_m,
        height_m,
        corner: Corner::new(0.0, 0.0, height_m),
        attribution: None,
        streets: draft.finish(|at| at),
        zones,
        water: Vec::new(),
        fixed: Vec::new(),
        depots: 1,
    }
}
