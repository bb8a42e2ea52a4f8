//! What minutes, hours and days come to, as it is asked for and answered.

use msec_crdt_store::{CLAIM_BUCKETS_MAX, Place, Query, Resolution, RollUpQuery, RollUpRow};
use msec_identity::PeerId;
use serde::{Deserialize, Serialize};

use super::message::Answer;
use super::server::in_full;
use crate::sdk::{Peer, QueryFailed};

/// Rows that are read from the store at a time, so that few are in memory.
const PAGE: usize = CLAIM_BUCKETS_MAX;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, of UTC.
    Day,
}

/// One bucket of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollUpLine {
    /// When it begins, in milliseconds since 1970.
    pub begin_ms: i64,
    /// When the next one begins.
    pub end_ms: i64,
    /// Readings that count: good ones.
    pub count: u64,
    /// The least value; `None` if none counts.
    pub min: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
    /// The sum; `None` if it is larger than a number can be.
    pub sum: Option<f64>,
    /// The unit of the values.
    pub unit: String,
    /// Readings whose value is doubtful, which are not counted.
    pub uncertain: u64,
    /// Readings that are known to be wrong, which are not counted.
    pub bad: u64,
    /// The collection.
    pub collection: String,
    /// The stream.
    pub stream: String,
    /// Where it is measured: degrees north and east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
    /// Who wrote it.
    pub author: PeerId,
    /// How many claims went into it, where the readings themselves are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<u32>,
    /// How many peers say so, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers: Option<u32>,
    /// Whether the writer signed two histories, and some of it is of one of them only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contested: bool,
}

impl From<Every> for Resolution {
    fn from(every: Every) -> Self {
        match every {
            Every::Minute => Self::Minute,
            Every::Hour => Self::Hour,
            Every::Day => Self::Day,
        }
    }
}

impl From<&RollUpRow> for RollUpLine {
    fn from(row: &RollUpRow) -> Self {
        let bucket = &row.bucket;
        Self {
            begin_ms: row.begin.0,
            end_ms: row.end().0,
            count: bucket.count(),
            min: bucket.min(),
            mean: bucket.mean(),
            max: bucket.max(),
            sum: Some(bucket.sum()).filter(|sum| sum.is_finite()),
            unit: row.of.unit.clone(),
            uncertain: bucket.uncertain(),
            bad: bucket.bad(),
            collection: row.of.collection.to_string(),
            stream: row.of.stream.clone(),
            place: row.place.map(Place::degrees),
            author: row.of.author,
            claims: row.claimed.map(|it| it.claims),
            vouchers: row.claimed.map(|it| it.vouchers),
            contested: row.contested,
        }
    }
}

/// The answers to a query that asks what its readings come to, but for the last line.
pub(super) async fn answer(peer: &Peer, query: Query, every: Every) -> Result<Vec<Answer>, String> {
    let limit = query.limit;
    let Query { collection, stream, near, within, since, until, .. } = query;
    let all = RollUpQuery::every(every.into());
    let mut query = RollUpQuery { collection, stream, near, within, since, until, ..all };
    let mut answers = Vec::new();
    while answers.len() < limit {
        query.limit = PAGE.min(limit - answers.len());
        let rows = match peer.roll_ups(query.clone()).await {
            Ok(rows) => rows,
            Err(QueryFailed::Closed(error)) => return Err(error.to_string()),
            Err(error) => return Err(in_full(&error)),
        };
        let Some(last) = rows.last() else { break };
        query.after = Some(last.cursor());
        answers.extend(rows.iter().map(|row| Answer::RollUp(row.into())));
    }
    Ok(answers)
}
