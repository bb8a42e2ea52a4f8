//! Roll-ups: what the readings of a minute, an hour and a day come to, log by log.
//!
//! A roll-up is a fold over a log's entries, and a claim says what it comes to over a stretch of them, so that it outlives
//! their bodies. Where no entry before some position has its body any more, the answers of the store hold what claims say of
//! them, each entry once: first what most is known of, that is, what the log's author said, and then what most peers did. What
//! counts:
//!
//! | reading | where it is |
//! |---|---|
//! | good, finite, of a writer whose clock was set | in count, least, greatest and sum |
//! | uncertain | counted apart in its bucket |
//! | bad, or infinite | counted apart in its bucket |
//! | of a writer whose clock was not set | counted apart for the whole stretch: nobody knows its bucket |
//! | in a body that was erased, or cannot be read | such entries are counted apart for the whole stretch |
//!
//! Sums are exact, so that buckets that were cut anywhere are joined without loss, and everybody comes to the same bytes.

mod bucket;
mod claim;
mod columns;
mod confirmed;
mod fold;
mod query;
#[cfg(test)]
mod samples;
mod shelf;
mod sum;
mod tally;

pub use bucket::{Bucket, Resolution};
pub use claim::{
    CLAIM_BUCKETS_MAX, CLAIM_BYTES_MAX, CLAIM_COLUMNS_BYTES_MAX, ClaimHash, Recompute, Recomputed,
    RollUpClaim,
};
pub use confirmed::Confirmed;
pub use fold::{DAY_ROWS_KEPT, HOUR_ROWS_KEPT, RollUps};
pub(crate) use fold::{Row, row_of};
#[cfg(feature = "index")]
pub(crate) use fold::{read_row, write_row};
pub use query::{ClaimView, Claimed, ROLL_UP_ROWS_MAX, RollUpCursor, RollUpQuery, RollUpRow, RolledStream};
#[cfg(test)]
pub(crate) use samples::erased as without_body;
pub use tally::LeftOut;
pub(crate) use tally::{Tally, Told};
