//! Which readings a program asks for.

use msec_crdt_store::{Area, Place, Query};
use msec_identity::{PathError, UnixMillis};
use serde::{Deserialize, Serialize};

/// Readings that are held, or what they come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// Of this collection and those below it.
    pub collection: String,
    /// Of streams with this name only.
    #[serde(default)]
    pub stream: Option<String>,
    /// Measured at this time or later.
    #[serde(default)]
    pub since: Option<UnixMillis>,
    /// Measured before this time.
    #[serde(default)]
    pub until: Option<UnixMillis>,
    /// Measured near this place.
    #[serde(default)]
    pub near: Option<Near>,
    /// Measured in this area.
    #[serde(default)]
    pub within: Option<Within>,
    /// At most so many.
    pub limit: usize,
    /// What the readings of each minute, hour or day come to, instead of the readings. A bucket counts whole: since and until
    /// when is asked of buckets, and where of streams.
    #[cfg(feature = "index")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<super::Every>,
}

/// The places within so many metres of one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres.
    pub radius_m: f64,
}

/// The places in a box on the map, in degrees. An eastern edge that lies west of the western one is beyond the date line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The southern edge, north positive.
    pub south: f64,
    /// The western edge, east positive.
    pub west: f64,
    /// The northern edge.
    pub north: f64,
    /// The eastern edge.
    pub east: f64,
}

impl QueryRequest {
    /// What the store is asked.
    pub(super) fn to_query(&self) -> Result<Query, String> {
        let query = streams(&self.collection, self.stream.as_ref(), self.near, self.within)?;
        Ok(Query {
            since: self.since.unwrap_or(query.since),
            until: self.until.unwrap_or(query.until),
            limit: self.limit,
            ..query
        })
    }
}

/// All readings of these streams and places.
pub(super) fn streams(
    collection: &str,
    stream: Option<&String>,
    near: Option<Near>,
    within: Option<Within>,
) -> Result<Query, String> {
    Ok(Query {
        collection: collection.parse().map_err(|error: PathError| error.to_string())?,
        stream: stream.cloned(),
        near: near.map(Near::of_store).transpose()?,
        within: within.map(Within::area).transpose()?,
        ..Query::default()
    })
}

/// A place on Earth, from degrees north and east.
pub(super) fn place((latitude, longitude): (f64, f64)) -> Result<Place, String> {
    Place::from_degrees(latitude, longitude)
        .ok_or_else(|| format!("{latitude},{longitude} is not on Earth: write LAT,LON in degrees"))
}

impl Near {
    fn of_store(self) -> Result<msec_crdt_store::Near, String> {
        let Self { latitude, longitude, radius_m } = self;
        Place::from_degrees(latitude, longitude)
            .and_then(|place| msec_crdt_store::Near::new(place, radius_m))
            .ok_or_else(|| format!("{latitude},{longitude},{radius_m} is no place and radius in metres"))
    }
}

impl Within {
    fn area(self) -> Result<Area, String> {
        let Self { south, west, north, east } = self;
        let (south_west, north_east) = (place((south, west))?, place((north, east))?);
        Area::new(south_west, north_east).ok_or_else(|| {
            format!("{south},{west},{north},{east} is no area: its south lies north of its north")
        })
    }
}
