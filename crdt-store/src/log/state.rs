//! What a peer keeps in memory of each log that it holds.

use std::sync::Arc;

use msec_identity::{LogId, UnixMillis, Verified};

use super::{Head, LogHeader};
use crate::merkle::{CompactRange, TreeHash};

/// A verified log, without its entries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogState {
    pub(crate) header: Arc<LogHeader>,
    /// Leaves `0..size`.
    pub(crate) held: CompactRange,
    /// Leaves `size..head.size`: not empty while a catch-up is under way.
    pub(crate) rest: CompactRange,
    pub(crate) head: Verified<Head>,
    pub(crate) latest: Option<UnixMillis>,
}

impl LogState {
    /// The log's id.
    pub fn log(&self) -> LogId {
        self.head.log
    }

    /// The log's header.
    pub fn header(&self) -> &Arc<LogHeader> {
        &self.header
    }

    /// How many entries are held.
    pub fn size(&self) -> u64 {
        self.held.end()
    }

    /// The root over the entries that are held.
    pub fn root(&self) -> TreeHash {
        // Most logs are held as far as their head goes, and the head was compared with the leaves when it came.
        if self.rest.is_empty() { self.head.root } else { self.held.root() }
    }

    /// When the last entry that is held was written, if it is of readings and the clock that said so was set.
    pub fn latest(&self) -> Option<UnixMillis> {
        self.latest
    }

    /// The newest head that is held. It may cover more entries than are held.
    pub fn head(&self) -> &Verified<Head> {
        &self.head
    }
}
