//! What is asked, and what is answered.

use msec_crdt_store::{ClockBound, Place, Query, Reading, Row, ValueQuality};
use msec_identity::{LogId, PathError, PeerId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::query::{self, Near, QueryRequest, Within, place};
use crate::node::StreamSpec;
use crate::sdk::{Neighbour, Status};

/// One line that a program sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the peer is: one [`Answer::Status`].
    Status,
    /// Whom it is linked with: an [`Answer::Neighbour`] each.
    Peers,
    /// Publish readings as one entry: an [`Answer::Published`] once they are signed and on disk.
    Publish {
        /// Where to.
        stream: StreamLine,
        /// What.
        readings: Vec<ReadingLine>,
    },
    /// Readings that are held, the newest first: an [`Answer::Row`] each; or what those of minutes, hours or days come to: an
    /// [`Answer::RollUp`] each.
    Query(QueryRequest),
    /// Something about who may do what.
    #[cfg(feature = "index")]
    Access(super::AccessRequest),
    /// Begin to seal a collection in which nothing lies yet: one [`Answer::Sealed`].
    #[cfg(feature = "index")]
    Seal {
        /// Which.
        collection: String,
    },
    /// The sealed collections: an [`Answer::Sealed`] each.
    #[cfg(feature = "index")]
    Epochs {
        /// This one and those below it.
        #[serde(default)]
        collection: String,
    },
    /// Give out a code for one peer: an [`Answer::Invite`] each.
    #[cfg(feature = "index")]
    Invite(crate::sdk::InviteTerms),
    /// Hang up a walk-up code: one [`Answer::Bench`].
    #[cfg(feature = "index")]
    Bench(crate::sdk::BenchTerms),
    /// Something about the registry of things.
    #[cfg(feature = "documents")]
    Things(super::ThingsRequest),
    /// Readings from now on, until the program hangs up: an [`Answer::Row`] each, those of this peer included.
    Tail {
        /// Of this collection and those below it.
        collection: String,
        /// Of streams with this name only.
        #[serde(default)]
        stream: Option<String>,
        /// Measured near this place.
        #[serde(default)]
        near: Option<Near>,
        /// Measured in this area.
        #[serde(default)]
        within: Option<Within>,
    },
}

/// One line that comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Peers`].
    Neighbour(Neighbour),
    /// To [`Request::Publish`].
    Published {
        /// The log.
        log: LogId,
        /// The position of the entry.
        position: u64,
    },
    /// To [`Request::Query`] and [`Request::Tail`].
    Row(RowLine),
    /// To [`Request::Query`] with [`QueryRequest::every`].
    #[cfg(feature = "index")]
    RollUp(super::RollUpLine),
    /// To [`Request::Access`].
    #[cfg(feature = "index")]
    Access(super::AccessAnswer),
    /// To [`Request::Seal`] and [`Request::Epochs`].
    #[cfg(feature = "index")]
    Sealed(Box<super::SealedLine>),
    /// After the rows of [`Request::Query`]: what is held of what was asked for, and cannot be read here.
    #[cfg(feature = "index")]
    Unread(super::UnreadLine),
    /// To [`Request::Invite`].
    #[cfg(feature = "index")]
    Invite(super::InviteAnswer),
    /// To [`Request::Bench`].
    #[cfg(feature = "index")]
    Bench(crate::sdk::BenchCode),
    /// To [`Request::Things`].
    #[cfg(feature = "documents")]
    Thing(super::ThingLine),
    /// A collection is left out of the answer, since this peer was not told for too long who may read: which, and what to do.
    Withheld(String),
    /// So many rows of [`Request::Tail`] were dropped because the program reads too slowly; or so many things were left out.
    Missed(u64),
    /// That was all.
    Done,
    /// It cannot be done now, and why: the same may be asked again after a pause. [`Answer::Done`] follows.
    TryAgain(String),
    /// It cannot be done, and why.
    Error(String),
}

/// A stream of this peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamLine {
    /// The collection.
    pub collection: String,
    /// The name in the collection.
    pub stream: String,
    /// The unit of its values; `None`: the stream's own, or "1" for a new one.
    #[serde(default)]
    pub unit: Option<String>,
    /// Where they are measured: degrees north and east.
    #[serde(default)]
    pub place: Option<(f64, f64)>,
}

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingLine {
    /// When; `None`: now, by the peer's clock.
    #[serde(default)]
    pub time: Option<UnixMillis>,
    /// What.
    pub value: f64,
    /// How good it is.
    #[serde(default, skip_serializing_if = "ValueQuality::is_good")]
    pub quality: ValueQuality,
    /// Where, if the sensor moves: degrees north and east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
}

/// A reading and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowLine {
    /// When it was measured, by the writer's clock, in milliseconds since 1970.
    pub time_ms: i64,
    /// The value; `None` if it is not a finite number, which JSON cannot say.
    pub value: Option<f64>,
    /// The unit of the value.
    pub unit: String,
    /// How good the value is.
    #[serde(default)]
    pub quality: ValueQuality,
    /// Whether the writer's clock was set.
    pub synchronised: bool,
    /// How far that clock may have been off, in milliseconds, if the writer knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_within_ms: Option<u64>,
    /// The collection.
    pub collection: String,
    /// The stream.
    pub stream: String,
    /// Where it was measured: degrees north and east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
    /// Who wrote it.
    pub author: PeerId,
    /// The log.
    pub log: LogId,
    /// The position of its entry.
    pub position: u64,
    /// Whether the writer signed two histories of the log, and this is of one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contested: bool,
}

impl StreamLine {
    /// The stream, if its names are names and its place is on Earth.
    pub(super) fn spec(&self) -> Result<StreamSpec, String> {
        let spec = StreamSpec::new(&self.collection, &self.stream).map_err(|e: PathError| e.to_string())?;
        let place = self.place.map(place).transpose()?;
        Ok(StreamSpec { unit: self.unit.clone(), ..spec.place(place) })
    }
}

impl ReadingLine {
    /// The reading, if its place is on Earth.
    pub(super) fn reading(self, now: UnixMillis) -> Result<Reading, String> {
        let place = self.place.map(place).transpose()?;
        let Self { time, value, quality, .. } = self;
        Ok(Reading { time: time.unwrap_or(now), value, quality, place })
    }
}

impl Request {
    /// The query behind [`Request::Query`] and [`Request::Tail`]; `None` for other requests.
    pub(super) fn to_query(&self) -> Option<Result<Query, String>> {
        match self {
            Self::Query(request) => Some(request.to_query()),
            Self::Tail { collection, stream, near, within } => {
                Some(query::streams(collection, stream.as_ref(), *near, *within))
            }
            _ => None,
        }
    }
}

impl From<&Row> for RowLine {
    fn from(row: &Row) -> Self {
        Self {
            time_ms: row.reading.time.0,
            value: row.reading.value.is_finite().then_some(row.reading.value),
            unit: row.unit().to_owned(),
            quality: row.reading.quality,
            synchronised: row.clock.is_set(),
            clock_within_ms: row.clock.bound().map(ClockBound::ms),
            collection: row.collection().to_string(),
            stream: row.stream().to_owned(),
            place: row.place.map(Place::degrees),
            author: row.author(),
            log: row.log,
            position: row.position,
            contested: row.contested,
        }
    }
}
