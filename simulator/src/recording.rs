//! What is left of a run: all that a report shows, as plain values in one JSON file.
//!
//! A run fills a [`Recording`] and writes it ([`Recording::write`]); `msec-sim report` reads it again, on any machine
//! ([`Recording::read`]), and needs nothing else. Places are in metres east and north of the map's south-west corner,
//! times in seconds of virtual time since the start, and peers, districts and link classes go by their index. Every
//! vector is bounded ([`bounds`](Recording::bound)); what did not fit is named in `left_out` and on the report.

mod bounds;
mod error;
mod file;
mod measured;
mod thinned;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use bounds::{
    ARRIVALS_MAX, CLASSES_MAX, DISTRICTS_MAX, FAULTS_MAX, FIRST_MAX, LATENCY_MAX, LINKS_MAX,
    RECORDED_PEERS_MAX, REVOCATIONS_MAX, SERIES_MAX, SPREAD_MAX, STREET_POINTS_MAX, TEXT_BYTES_MAX,
    TOML_BYTES_MAX, TRACK_MAX, TRACK_POINTS_MAX, VERDICTS_MAX,
};
pub use error::RecordingError;
pub use file::{RECORDING_BYTES_MAX, VERSION};
pub use measured::{
    ClassRecord, FaultRecord, LatencyRecord, LeftOut, RevocationRecord, SeriesRow, VerdictRecord,
    WireComparison,
};
use serde::{Deserialize, Serialize};
pub use thinned::Thinned;

use crate::metrics::Metrics;

/// The district of a peer that lies in none.
pub const NO_DISTRICT: u16 = u16::MAX;

/// A run, as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Of the format: [`VERSION`].
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What it is about, in a sentence or two.
    pub description: String,
    /// Whence all randomness came.
    pub seed: u64,
    /// The scenario as it ran, with all that was set on the command line.
    pub toml: String,
    /// What was counted in all.
    pub metrics: Metrics,
    /// Where it took place.
    pub map: MapRecord,
    /// Who lived there.
    pub peers: Vec<PeerRecord>,
    /// Who was connected with whom, and when.
    pub links: Vec<LinkRecord>,
    /// A few messages, followed through the city.
    pub spread: Vec<SpreadRecord>,
    /// How long readings took to those who read them, by population.
    pub latency: Vec<LatencyRecord>,
    /// What was counted over time, in order.
    pub series: Vec<SeriesRow>,
    /// What each class of links carried.
    pub classes: Vec<ClassRecord>,
    /// What went wrong, on purpose.
    pub faults: Vec<FaultRecord>,
    /// Whose rights were ended, and how that spread.
    #[serde(default)]
    pub revocations: Vec<RevocationRecord>,
    /// What the checkers found.
    pub verdicts: Vec<VerdictRecord>,
    /// How the same run went over real QUIC connections, if it was asked for.
    pub wires: Option<WireComparison>,
    /// What was more than a recording holds.
    pub left_out: Vec<LeftOut>,
}

/// The city.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MapRecord {
    /// Its name.
    pub name: String,
    /// From west to east.
    pub width_m: f64,
    /// From south to north.
    pub height_m: f64,
    /// Whose data it is, if somebody has to be named.
    pub attribution: Option<String>,
    /// Lines along streets.
    pub streets: Vec<Vec<[f32; 2]>>,
    /// Outlines of water.
    pub water: Vec<Vec<[f32; 2]>>,
    /// Outlines of parks.
    pub parks: Vec<Vec<[f32; 2]>>,
    /// Its parts.
    pub districts: Vec<DistrictRecord>,
}

/// A part of the city.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DistrictRecord {
    /// Its name.
    pub name: String,
    /// What it is: a park, a harbour, a centre.
    pub kind: String,
    /// Where its name goes on the map.
    pub centre: [f32; 2],
}

/// A peer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerRecord {
    /// The population that it belongs to, by the scenario's name for it.
    pub population: String,
    /// What it is for the others: `gateway`, `sensor` or `citizen`.
    pub role: String,
    /// Where it is; for one that moves, where it starts.
    pub at: [f32; 2],
    /// In which district: an index, or [`NO_DISTRICT`].
    pub district: u16,
    /// Whether it is there to do harm.
    pub hostile: bool,
    /// Where it was when, for one that moves: seconds and place, in order.
    pub track: Vec<(f32, [f32; 2])>,
}

/// A connection between two peers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// One end.
    pub a: u32,
    /// The other end.
    pub b: u32,
    /// The name of its class.
    pub class: String,
    /// When it came up.
    pub up_s: f64,
    /// When it went; `None`: it stood at the end.
    pub down_s: Option<f64>,
}

/// A message on its way through the city.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpreadRecord {
    /// Who published it.
    pub author: u32,
    /// In which stream.
    pub stream: String,
    /// When.
    pub published_s: f64,
    /// How many want it, without the author.
    pub readers: u32,
    /// Who had verified it how many seconds later.
    pub arrivals: Vec<(u32, f32)>,
}
