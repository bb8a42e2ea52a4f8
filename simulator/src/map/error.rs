//! Why there is no map.

use std::path::PathBuf;

/// A map that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Too few districts or too many.
    #[error("a map has 1 to {max} districts, not {given}")]
    Districts {
        /// How many were asked for.
        given: usize,
        /// The most.
        max: usize,
    },
    /// A parameter of a generator makes no city.
    #[error("`{name}` is {given}: give it a value from {min} to {max}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// Its value.
        given: f64,
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// The file cannot be read.
    #[error("`{}` cannot be read: give the path of a GeoJSON file, relative to where the simulator is started", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("the streets take more than {max} bytes: cut the extract to one city")]
    TooLarge {
        /// The most.
        max: usize,
    },
    /// Not GeoJSON.
    #[error("this is no GeoJSON FeatureCollection")]
    NotGeoJson(#[source] serde_json::Error),
    /// A position that is none.
    #[error("feature {feature} (counted from 0) has a position that is not [longitude, latitude] in degrees")]
    Position {
        /// Which.
        feature: usize,
    },
    /// More streets than a map holds.
    #[error("the file has more than {max} positions: cut the extract to one city")]
    TooMany {
        /// The most.
        max: usize,
    },
    /// No city.
    #[error("the streets span {span_km:.0} km, and a map at most {max_km} km: cut the extract to one city")]
    TooWide {
        /// How far they span.
        span_km: f64,
        /// The most.
        max_km: f64,
    },
    /// Nothing to draw.
    #[error("there is no street in it: give features whose geometry is a LineString or a MultiLineString")]
    NoStreets,
    /// An extract that is not what [`crate::map::compact`] writes.
    #[error("line {line} of the extract is no street: make the extract again")]
    Compact {
        /// Which, from 1.
        line: usize,
    },
}
