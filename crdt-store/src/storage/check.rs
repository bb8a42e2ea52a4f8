//! Looking at a store, and changing nothing.

use std::sync::Arc;

use msec_identity::Unverified;

use super::opening;
use super::segments;
use super::{Medium, StoreConfig};
use crate::error::StorageError;
use crate::log::{Fork, Head, LogState};

/// What a store holds, as all of its segments say, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many segments there are.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The logs, as far as they verify, in the order of their ids.
    pub logs: Vec<LogState>,
    /// How many entries at their beginnings were let go.
    pub let_go: u64,
    /// Where a segment cannot be read on, in their order.
    pub damage: Vec<Damage>,
    /// Whether a segment is missing, or runs whose predecessors are not there.
    pub gaps: bool,
    /// The logs that were forked, in the order of their ids.
    pub contested: Vec<Arc<Fork>>,
    /// The heads that were held of logs before those were begun behind them, since others had let go of what lies between. Where the
    /// log's author had signed two histories, they are half of the evidence.
    pub old_heads: Vec<Unverified<Head>>,
}

/// The end of a segment that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Of which segment.
    pub segment: u32,
    /// Where it begins.
    pub at: u64,
    /// How many bytes that is.
    pub bytes: u64,
    /// Whether it looks like an append that a crash interrupted: nothing of it was ever acknowledged.
    pub torn: bool,
}

impl Checked {
    /// Whether durable entries may be missing.
    pub fn is_damaged(&self) -> bool {
        self.gaps || self.damage.iter().any(|damage| !damage.torn)
    }

    /// The entries of all logs that are there.
    pub fn entries(&self) -> u64 {
        self.logs.iter().map(LogState::size).sum::<u64>().saturating_sub(self.let_go)
    }
}

/// Reads all segments of a store, through the same checks as what comes from the network. It takes 64 bytes of memory for each
/// stretch of entries. The index is not looked at: it can be made again.
pub fn check(medium: impl Medium + 'static) -> Result<Checked, StorageError> {
    let medium: Arc<dyn Medium> = Arc::new(medium);
    let (replay, _) = opening::read(&medium, &StoreConfig::default())?;
    let numbers = segments::list(medium.as_ref())?;
    let bytes = segments::bytes_of(medium.as_ref(), &numbers)?;
    let damage = replay.bad.iter().map(|bad| Damage {
        segment: bad.segment,
        at: bad.at,
        bytes: bad.len.saturating_sub(bad.at),
        torn: bad.torn,
    });
    Ok(Checked {
        segments: numbers.len(),
        bytes,
        damage: damage.collect(),
        gaps: replay.gaps,
        contested: replay.told.contested.values().cloned().collect(),
        old_heads: replay.told.behind.values().cloned().collect(),
        // Entry 0 stays.
        let_go: replay.logs.values().map(|log| log.begin().saturating_sub(1)).sum(),
        logs: replay.logs.values().map(|log| log.state()).collect(),
    })
}
