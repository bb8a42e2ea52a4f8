//! Where logs lie between two runs, as an effect that the node asks for.
//!
//! The node never waits for a disk: a thread in production, or the simulator inline, calls [`Storage`] and tells the node
//! what became of it. [`Store`] is the one implementation; it writes to a [`Medium`], which is a file or memory.
//!
//! ```text
//! file    = "MSECLOG" format:u8 c0:u64 frame*   c0 = first 8 bytes of BLAKE3(what stands before it)
//! frame   = length:u32 c1:u32 c2:u64 payload    little endian; c1 = first 4 bytes of BLAKE3(length), c2 = first 8 of
//!                                               BLAKE3(payload)
//! payload = mark:u8 run                         0: received, 1: written here, 2: "cut back here", without a run;
//!                                               a run as on the wire (`Run`)
//! ```
//!
//! Frames are only ever appended, and one sync makes a batch of them durable. Opening reads them all, fits every run
//! onto what came before it and checks the signature of each log's last head, so that a store holds what verifies,
//! whoever wrote to the file meanwhile. At the first frame that does not fit, the file is cut back; what was cut is set
//! aside once, and the rest of the city has it.

mod file;
mod frame;
mod index;
mod medium;
mod store;

use std::collections::BTreeSet;

use msec_identity::LogId;

pub use file::FileMedium;
pub use medium::{Medium, MemoryMedium};
pub use store::Store;

use crate::changes::{ChangesPage, ChangesQuery};
use crate::error::StorageError;
use crate::log::{LogState, VerifiedRun};
use crate::query::{Query, Row};

/// The most bytes of entries that one read gives, unless a single entry is longer.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// What a node asks of its storage.
pub trait Storage {
    /// Takes the runs of commit `seq`; they are durable after the next `sync`. On an error nothing of the commit is kept.
    /// What is read in between may be lost again, so that a driver reads for neighbours only after the sync.
    fn apply(&mut self, seq: u64, runs: &[VerifiedRun]) -> Result<(), StorageError>;

    /// Makes all that was applied durable, and returns the last commit that is.
    fn sync(&mut self) -> Result<u64, StorageError>;

    /// Reads entries of `log` from `from` on, at most `bytes_max` of them and at least one; `None` if there are none.
    fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Result<Option<Chunk>, StorageError>;

    /// Answers a query of an app, the newest readings first.
    fn query(&self, query: &Query) -> Result<Vec<Row>, StorageError>;

    /// Reads change entries for an app that folds a document, a page at a time.
    fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, StorageError>;
}

/// Entries that were read: an encoded run, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// The position of the first entry.
    pub from: u64,
    /// The position after the last.
    pub end: u64,
    /// The run.
    pub bytes: Vec<u8>,
}

/// What was found when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// All logs that verify, in the order of their ids.
    pub logs: Vec<LogState>,
    /// Those of them of which every entry was written here and none can be missing: their author may continue them. A
    /// log that was received again, after the store had lost it, is never among them.
    pub continuable: BTreeSet<LogId>,
    /// Whether the store was cut back.
    pub cut: Option<Cut>,
}

/// A store that was cut back to what verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Where.
    pub at: u64,
    /// How many bytes were set aside.
    pub bytes: u64,
    /// Whether it looks like an append that a crash interrupted: the last frame ends beyond the file. Nothing of such a
    /// frame was ever acknowledged. Otherwise durable entries may be missing, own ones among them.
    pub torn: bool,
}

#[cfg(test)]
mod tests;
