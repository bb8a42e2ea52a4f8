//! What an app asks of the store to fold a document, and gives it to keep.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{CollectionPath, LogId};

use crate::log::LogHeader;

/// Bytes of entries that are read for one page, of whatever kind they are, unless a single entry is longer.
pub const CHANGES_BYTES_MAX: usize = 1024 * 1024;

/// The longest snapshot that is kept. A document with a longer one is folded from its changes whenever it is opened.
#[cfg(feature = "documents")]
pub const SNAPSHOT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Which change entries: those of all logs of one stream name, whoever wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesQuery {
    /// The collection, without those below it.
    pub collection: CollectionPath,
    /// The stream.
    pub stream: String,
    /// The position to go on from in each log; logs that are not named are read from their start.
    pub from: BTreeMap<LogId, u64>,
}

/// A change entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The log.
    pub log: LogId,
    /// The position.
    pub position: u64,
    /// The body: one change, in a form that the store does not read.
    pub body: Vec<u8>,
}

/// Part of the answer, at most [`CHANGES_BYTES_MAX`] of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangesPage {
    /// The entries, of each log in its order.
    pub entries: Vec<ChangeEntry>,
    /// Where to go on: the `from` of the next question.
    pub next: BTreeMap<LogId, u64>,
    /// Whether there is more.
    pub more: bool,
    /// Logs of which changes were erased, as far as they were read for this page.
    pub erased: BTreeSet<LogId>,
    /// Where it is not what it was, something of earlier pages was erased, or never became durable: what was folded of them is
    /// to be thrown away, and folded again from the start.
    pub generation: u64,
}

/// What an app folded of the changes of a stream, for the store to keep beside them. It can be made again from the changes.
#[cfg(feature = "documents")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The collection, without those below it.
    pub collection: CollectionPath,
    /// The stream.
    pub stream: String,
    /// In each log, the position from which on entries are not in it.
    pub covers: BTreeMap<LogId, u64>,
    /// That of the pages of which it was folded.
    pub generation: u64,
    /// What was folded, in a form that the store does not read.
    pub bytes: Vec<u8>,
}

impl ChangesQuery {
    /// Whether changes of this log are wanted.
    pub(crate) fn wants(&self, header: &LogHeader) -> bool {
        self.collection == *header.collection() && self.stream == header.stream()
    }
}
