//! An index over the segments: a fold that is kept beside them, and can be thrown away.
//!
//! It says where the entries of each log lie, and what the log was, as of a checkpoint: a place in the segments. What
//! came after the checkpoint is in memory, and is replayed when the store is opened. Without an index all of it is. Where roll-ups
//! are kept, it has those of the entries up to the checkpoint, and memory those of the others: an answer joins them.

use std::fmt::Debug;
use std::sync::Arc;

use msec_identity::LogId;

use super::claims::{ClaimFacts, ClaimKey, Claims};
use super::held::{Facts, HeldLog};
use super::stretch::Stretch;
use crate::merkle::TreeHash;
use crate::rollup::{ClaimHash, LeftOut, Resolution, RollUps, Row};

/// An index that cannot be read or written, or does not hold what it should.
pub(super) type IndexError = Box<dyn std::error::Error + Send + Sync>;

/// A place in the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) segment: u32,
    pub(super) offset: u64,
    /// The check of the frame that ends there: other segments were put beside this index if it differs.
    pub(super) last: [u8; 8],
    /// The number of its run.
    pub(super) run: u64,
    /// How often segments had been rewritten: where entries lie is of then.
    pub(super) rewritten: u64,
    /// Whether roll-ups are kept.
    pub(super) roll_ups: bool,
}

/// What an index says of the entries of a log, beside their buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rolled {
    /// The position after the last entry.
    pub(super) end: u64,
    /// As [`RollUps::gone`].
    pub(super) gone: u64,
    pub(super) left_out: LeftOut,
}

impl Rolled {
    /// Goes on with what memory has.
    pub(super) fn joined(mut self, newer: &RollUps) -> Self {
        if self.gone == self.end {
            self.gone = newer.gone();
        }
        self.end = newer.end();
        self.left_out.join(&newer.left_out());
        self
    }
}

/// What an index says of all logs.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) checkpoint: Checkpoint,
    /// With what the index calls them, and where they begin there.
    pub(super) logs: Vec<(u32, Facts, u64)>,
}

/// An index, if the build has one.
#[cfg(feature = "index")]
pub(super) type AnyIndex = Arc<dyn Index>;

/// This build has none: what would use it is not compiled in.
#[cfg(not(feature = "index"))]
pub(super) type AnyIndex = Never;

/// Where the index lies.
#[cfg(feature = "index")]
pub(super) trait Index: Debug + Send + Sync {
    /// All logs as of the checkpoint; `None` if there is none yet.
    fn load(&self) -> Result<Option<Loaded>, IndexError>;

    /// The stretch of that log that holds `position`, and those before it, at most `max`; the last one first.
    fn back(&self, log: u32, position: u64, max: usize) -> Result<Vec<Stretch>, IndexError>;

    /// The root of the subtree of `2^level` leaves that starts at `start`.
    fn node(&self, log: u32, level: u32, start: u64) -> Result<Option<TreeHash>, IndexError>;

    /// What the entries of a log come to.
    fn rolled(&self, log: u32) -> Result<Rolled, IndexError>;

    /// The rows of buckets of a log, the newest first, down to the row `oldest`.
    fn rows(&self, log: u32, resolution: Resolution, oldest: i64) -> Result<Vec<(i64, Row)>, IndexError>;

    /// The claims of the log of that key, from there on, those that begin first: as many as are looked at.
    fn claims(&self, from: &ClaimKey) -> Result<Vec<(ClaimKey, ClaimFacts)>, IndexError>;

    /// The entries that countersign a claim, from there on, as many as are looked at.
    fn countersigning(&self, claim: &ClaimHash, from: (LogId, u64)) -> Result<Vec<(LogId, u64)>, IndexError>;

    /// Adds what the logs that changed have in memory, and the claims, at once and durably. All of it lies before the
    /// checkpoint.
    fn commit(
        &self,
        checkpoint: Checkpoint,
        logs: &[Arc<HeldLog>],
        claims: &Claims,
    ) -> Result<(), IndexError>;

    /// Puts stretches in the place of others, durably: each with its log's number, and where it began before. All that the checkpoint
    /// has is in the index.
    fn relocate(&self, checkpoint: Checkpoint, moved: &[(u32, u64, Stretch)]) -> Result<(), IndexError>;

    /// Puts these roll-ups in place of a log's, durably.
    fn replace(&self, log: u32, with: &RollUps) -> Result<(), IndexError>;

    /// Lets go of the file: nothing is read or written from here on.
    fn detach(&self);
}

/// An index that there is not.
#[cfg(not(feature = "index"))]
#[derive(Debug, Clone)]
pub(super) enum Never {}

#[cfg(not(feature = "index"))]
impl Never {
    pub(super) fn load(&self) -> Result<Option<Loaded>, IndexError> {
        match *self {}
    }

    pub(super) fn back(&self, _: u32, _: u64, _: usize) -> Result<Vec<Stretch>, IndexError> {
        match *self {}
    }

    pub(super) fn node(&self, _: u32, _: u32, _: u64) -> Result<Option<TreeHash>, IndexError> {
        match *self {}
    }

    pub(super) fn rolled(&self, _: u32) -> Result<Rolled, IndexError> {
        match *self {}
    }

    pub(super) fn rows(&self, _: u32, _: Resolution, _: i64) -> Result<Vec<(i64, Row)>, IndexError> {
        match *self {}
    }

    pub(super) fn claims(&self, _: &ClaimKey) -> Result<Vec<(ClaimKey, ClaimFacts)>, IndexError> {
        match *self {}
    }

    pub(super) fn countersigning(
        &self,
        _: &ClaimHash,
        _: (LogId, u64),
    ) -> Result<Vec<(LogId, u64)>, IndexError> {
        match *self {}
    }

    pub(super) fn commit(&self, _: Checkpoint, _: &[Arc<HeldLog>], _: &Claims) -> Result<(), IndexError> {
        match *self {}
    }

    pub(super) fn replace(&self, _: u32, _: &RollUps) -> Result<(), IndexError> {
        match *self {}
    }

    pub(super) fn relocate(&self, _: Checkpoint, _: &[(u32, u64, Stretch)]) -> Result<(), IndexError> {
        match *self {}
    }

    pub(super) fn detach(&self) {
        match *self {}
    }
}
