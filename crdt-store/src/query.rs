//! What an app asks of the store.

use msec_identity::{CollectionPath, LogId, PeerId, UnixMillis};

use crate::log::{LogHeader, Place};
use crate::reading::Reading;

/// The most rows that one query gives, whatever its limit says. Page with `until`.
pub const QUERY_ROWS_MAX: usize = 100_000;

/// Which readings; the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Of this collection and those below it.
    pub collection: CollectionPath,
    /// Of streams with this name only.
    pub stream: Option<String>,
    /// Of this author only.
    pub author: Option<PeerId>,
    /// Measured at this time or later.
    pub since: UnixMillis,
    /// Measured before this time.
    pub until: UnixMillis,
    /// At most so many, and at most [`QUERY_ROWS_MAX`].
    pub limit: usize,
}

impl Default for Query {
    /// Everything, up to the limit.
    fn default() -> Self {
        Self {
            collection: CollectionPath::everything(),
            stream: None,
            author: None,
            since: UnixMillis(i64::MIN),
            until: UnixMillis(i64::MAX),
            limit: QUERY_ROWS_MAX,
        }
    }
}

impl Query {
    /// Whether readings of this log are wanted.
    pub(crate) fn wants(&self, header: &LogHeader) -> bool {
        self.collection.covers(header.collection())
            && self.stream.as_ref().is_none_or(|stream| stream == header.stream())
            && self.author.is_none_or(|author| author == header.author())
    }

    /// Whether this reading is wanted.
    pub(crate) fn wants_reading(&self, reading: &Reading) -> bool {
        (self.since..self.until).contains(&reading.time)
    }
}

/// One reading and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The log.
    pub log: LogId,
    /// The position of its entry.
    pub position: u64,
    /// Who wrote it.
    pub author: PeerId,
    /// The collection.
    pub collection: CollectionPath,
    /// The stream.
    pub stream: String,
    /// The unit of the value.
    pub unit: String,
    /// Where it was measured.
    pub place: Option<Place>,
    /// The reading.
    pub reading: Reading,
}

impl Row {
    /// The row for a reading of that log.
    pub fn of(header: &LogHeader, log: LogId, position: u64, reading: Reading) -> Self {
        Self {
            log,
            position,
            author: header.author(),
            collection: header.collection().clone(),
            stream: header.stream().to_owned(),
            unit: header.unit().to_owned(),
            place: header.place(),
            reading,
        }
    }
}
