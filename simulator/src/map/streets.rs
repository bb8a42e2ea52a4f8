//! Streets as a graph: junctions, and segments between them. It is connected, so that everybody can go everywhere.

use super::point::{Point, along};

/// What a street is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreetClass {
    /// Main roads, where buses go.
    Arterial,
    /// Where people live and work.
    Street,
    /// Quays, yards and drives.
    Service,
    /// For feet and bicycles.
    Path,
}

impl StreetClass {
    /// The class of a `highway` value of OpenStreetMap.
    pub fn of_highway(value: &str) -> Self {
        match value {
            "motorway" | "trunk" | "primary" | "secondary" | "tertiary" | "motorway_link" | "trunk_link"
            | "primary_link" | "secondary_link" | "tertiary_link" => Self::Arterial,
            "service" | "track" => Self::Service,
            "footway" | "path" | "trail" | "cycleway" | "pedestrian" | "steps" | "crossing" | "bridleway"
            | "corridor" => Self::Path,
            _ => Self::Street,
        }
    }

    /// From the middle of the street to its edge, where lamp posts stand. Chosen: four lanes of 3 m, three,
    /// and a path of 4 m.
    pub fn half_width_m(self) -> f64 {
        match self {
            Self::Arterial => 6.0,
            Self::Street | Self::Service => 4.5,
            Self::Path => 2.0,
        }
    }

    /// What a metre costs a driver, in thousandths of a metre of main road. A path costs so much that it is driven only where
    /// nothing else leads on.
    pub(crate) fn driver_cost(self) -> u64 {
        match self {
            Self::Arterial => 1_000,
            Self::Street => 1_600,
            Self::Service => 2_200,
            Self::Path => 12_000,
        }
    }
}

/// A street between two junctions.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The junction where its line begins.
    pub from: usize,
    /// The junction where it ends.
    pub to: usize,
    /// What it is for.
    pub class: StreetClass,
    /// Its course, both junctions included.
    pub line: Vec<Point>,
    /// The length of its line.
    pub length_m: f64,
}

impl Segment {
    /// The junction at its other end.
    pub fn other(&self, junction: usize) -> usize {
        if junction == self.from { self.to } else { self.from }
    }

    /// The point halfway.
    pub fn middle(&self) -> Point {
        along(&self.line, self.length_m / 2.0).map_or_else(Point::default, |(at, _)| at)
    }
}

/// All streets of a map.
#[derive(Debug, Clone, Default)]
pub struct Streets {
    pub(super) junctions: Vec<Point>,
    pub(super) segments: Vec<Segment>,
    pub(super) around: Vec<Vec<usize>>,
}

impl Streets {
    /// Where streets meet or end.
    pub fn junctions(&self) -> &[Point] {
        &self.junctions
    }

    /// The streets between them.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segments that meet at a junction; none if there is no such junction.
    pub fn around(&self, junction: usize) -> &[usize] {
        self.around.get(junction).map_or(&[], Vec::as_slice)
    }

    /// All segments together.
    pub fn length_m(&self) -> f64 {
        self.segments.iter().map(|segment| segment.length_m).sum()
    }
}
