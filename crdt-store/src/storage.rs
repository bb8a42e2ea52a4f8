//! Where logs lie between two runs, as an effect that the node asks for.
//!
//! The node never waits for a disk: a thread in production, or the simulator inline, calls [`Storage`] and tells the node
//! what became of it. [`Store`] is the one implementation; it writes to a [`Medium`], a directory on disk or in memory.
//!
//! ```text
//! segment = "MSECLOG" format:u8 epoch:8 before:u64 c0:8 frame*
//!                                               before = the number of the last run before it; c0 = first 8 bytes of
//!                                               BLAKE3(what stands before it)
//! frame   = length:u32 c1:u32 c2:u64 payload    little endian; c1 = first 4 bytes of BLAKE3(length), c2 = first 8 of
//!                                               BLAKE3(payload)
//! payload = mark:u8 run                         0: received, 1: written here; 2: "cut back here", without a run; 3: "so many
//!                                               runs were let go here", a u64
//! run     = log:32 signature:64 time size from count rest:32* entry*
//!                                               the head's time and size, the first position and how many entries, in
//!                                               CBOR; the subtrees up to the size; the entries as on the wire. The root
//!                                               that was signed is that of the entries
//! ```
//!
//! Segments are `00000001.msec` and so on. Frames are only ever appended, to the last one, and one sync makes a batch of
//! them durable; at 16 MiB there is a next one. That is all the truth there is. `index.redb` is a fold over it, as of a
//! checkpoint: what each log was, and where its entries lie. It can be thrown away, and is when it cannot be read.
//!
//! Opening without an index reads all segments, fits every run onto what came before it, and checks the signature of each
//! log's last head, so that a store holds what verifies, whoever wrote to it meanwhile. With an index it reads what came
//! after the checkpoint in that way, checks the heads that the index holds, and compares the checks of frames in the
//! checkpoint's segment. What lies before is checked when it is read: by a hash that was taken when it was verified. Where
//! it differs, a file `doubt` makes the next opening read everything.
//!
//! Runs are numbered from 1 on, in the order in which they lie. A number means one run, and all before it, as long as the
//! store's [`Epoch`] is the same: it is another one once durable runs may be missing. A store that lost whole frames at its
//! end can't know it; then its numbers go back. A note lies beside the runs, in `note.0` or `note.1`, and is not given back
//! when they do. Snapshots of documents lie there too, and can be thrown away.
//!
//! What of the segments does not count any more stands in the `ledger`, which is read first: logs that were let go up to a
//! place, and how often segments were rewritten, which is how an index is told from one that fits them. So does the evidence that
//! logs were forked, which no segment has.
//!
//! At the first frame of a segment that does not fit, the segment is cut back, and what was cut is set aside once in
//! `aside.msec`; the rest of the city has it. Runs that then lack their predecessors are passed over. Before anything is
//! cut, a new segment is begun with the mark that says so.

mod answer;
#[cfg(feature = "index")]
mod blocks;
mod check;
mod claims;
mod compact;
mod contested;
mod control;
mod epoch;
mod erase;
mod file;
mod forget;
mod frame;
mod held;
mod index;
mod ledger;
mod medium;
mod memory;
mod note;
mod opening;
mod prune;
#[cfg(feature = "index")]
mod redb;
mod relocate;
mod replay;
mod retain;
mod roll_ups;
#[cfg(feature = "index")]
mod rolled_row;
#[cfg(feature = "index")]
mod row;
mod segments;
mod shared;
mod sight;
#[cfg(feature = "documents")]
mod snapshots;
mod store;
mod stored;
mod stretch;
mod tend;
#[cfg(feature = "index")]
mod threads;
#[cfg(feature = "index")]
mod unseal;
mod usage;
mod view;
mod wear;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use msec_identity::LogId;

pub use check::{Checked, Damage, check};
pub use compact::Compacted;
pub use contested::CONTESTED_MAX;
pub use epoch::Epoch;
pub use file::FileDir;
pub use medium::Medium;
pub use memory::{Breakage, MemoryDir, Unsynced};
pub use retain::{Outdated, Retained, Retention, RetentionTerms};
pub use roll_ups::{CLAIM_ENTRIES_MAX, Due, DueQuery, ROLL_UPS_STREAM, Says, Statement};
pub use shared::Queries;
pub use sight::Bound;
pub use store::Store;
#[cfg(feature = "index")]
pub use unseal::UNSEALED_ENTRIES_MAX;
pub use usage::{LetGo, Usage};
pub use wear::{Wear, WearGauge};

#[cfg(feature = "documents")]
use crate::changes::Snapshot;
use crate::changes::{ChangesPage, ChangesQuery};
use crate::error::StorageError;
use crate::log::{Fork, LogState, VerifiedRun};
use crate::query::{Query, Row};
use crate::rollup::{RollUpQuery, RollUpRow};

/// The most bytes of entries that one read gives, unless a single entry is longer.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// The longest note that a store keeps. A longer one is refused.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// How a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// At so many bytes, up to 512 MiB, a segment is full: the next commit begins another one. Default: 16 MiB, which is read within half a
    /// second from an SD card when the store is opened.
    pub segment_bytes: u64,
    /// After so many bytes of segments the index takes what is in memory. Default: 64 MiB.
    pub checkpoint_bytes: u64,
    /// Whether there is an index. Without the feature `index` there is none. Default: no.
    pub index: bool,
    /// Whether the readings of each log are rolled up as they come. Without an index all buckets are in memory, up to a
    /// megabyte a log. Default: no, and whoever asks for roll-ups is told so.
    pub roll_ups: bool,
    /// Drawn at random by who opens the store, for the epoch that begins if this is a new store, or one that lost something.
    /// Default: zeros, for tests.
    pub fresh: [u8; 8],
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            checkpoint_bytes: 64 << 20,
            index: false,
            roll_ups: false,
            fresh: [0; 8],
        }
    }
}

/// Entries of which salt and body were erased: stretches of positions, by log.
pub type Erasures = Vec<(LogId, Range<u64>)>;

/// Claims of roll-ups over entries of logs that are not held, which an order says are to be gone. Whose logs those are is not known: where
/// the claims themselves stand is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct About {
    /// The hash of the order.
    pub order: [u8; 32],
    /// The entries that it names of logs that are not held.
    pub entries: Erasures,
    /// The logs in which claims over them are to go: those in which the order counts.
    pub makers: Arc<BTreeSet<LogId>>,
}

/// What a node wants to be gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ToErase {
    /// Entries, of logs that are held.
    pub entries: Erasures,
    /// And what is said of entries of others.
    pub about: Vec<About>,
}

/// What a node asks of its storage.
pub trait Storage {
    /// Takes the runs of commit `seq`, whose numbers follow the last one's; they are durable after the next `sync`. On an error nothing of the commit is kept.
    /// What is read in between may be lost again, so that a driver reads for neighbours only after the sync.
    fn apply(&mut self, seq: u64, runs: &[VerifiedRun]) -> Result<(), StorageError>;

    /// Makes all that was applied durable, and returns the last commit that is. On an error nothing that was applied since
    /// the last one is kept.
    fn sync(&mut self) -> Result<u64, StorageError>;

    /// Reads entries of `log` from `from` on, at most `bytes_max` of them and at least one; `None` if there are none. Where those were
    /// let go: what stands for them, as [`Self::prefix`] has it.
    fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Result<Option<Chunk>, StorageError>;

    /// Lets go of the entries of each log below that place, durably, but for its header and its last entry: queries don't find them, nobody is served
    /// them, and their bytes go when segments are rewritten. What is held of the log beyond is verified, read and continued as
    /// before. Nothing comes back: only what others hold, or nobody wants any more, is let go. Returns how many entries went.
    fn prune(&mut self, logs: &[(LogId, u64)]) -> Result<u64, StorageError>;

    /// What stands for the entries of a log that were let go, ready to be sent: a [`crate::Prefix`], under the log's head. `None`: none
    /// were.
    fn prefix(&self, log: &LogId) -> Result<Option<Vec<u8>>, StorageError>;

    /// Lets go of what is old, or has no room, as [`Self::prune`] does.
    fn retain(&mut self, terms: &RetentionTerms<'_>) -> Result<Retained, StorageError>;

    /// Rewrites the first segment from that number on, if so many hundredths of it are dead, or more; or removes it, if it is dead
    /// altogether and the first one of all. Nobody is answered while it takes the place of the old one. Returns the number to go on
    /// with, if there may be more.
    fn compact_next(
        &mut self,
        dead_percent_min: u8,
        from: u32,
    ) -> Result<(Compacted, Option<u32>), StorageError>;

    /// As [`Self::compact_next`], with all segments.
    fn compact(&mut self, dead_percent_min: u8) -> Result<Compacted, StorageError> {
        let (mut all, mut next) = (Compacted::default(), Some(0));
        while let Some(from) = next {
            let (done, after) = self.compact_next(dead_percent_min, from)?;
            all.add(done);
            next = after;
        }
        Ok(all)
    }

    /// Erases salt and body of these entries, held or not, for good: on return nothing of them is left in any file, and whoever brings
    /// them again, they are kept without. Headers stay. All segments are read, and the index is made again. On an error the next
    /// opening goes on with it. Returns what was erased: these, and claims that were over some of them.
    fn erase_all(&mut self, entries: &[(LogId, Range<u64>)]) -> Result<Erasures, StorageError>;

    /// As [`Self::erase_all`], for entries of one log.
    fn erase(&mut self, log: &LogId, range: Range<u64>) -> Result<Erasures, StorageError> {
        self.erase_all(&[(*log, range)])
    }

    /// Erases claims over entries of logs that are not held, and sees to it that nothing lies in its files of logs that are not, for good: what
    /// was set aside, and runs that are passed over. Returns what was erased, and the orders of which claims are left, in other
    /// logs.
    fn erase_about(&mut self, about: &[About]) -> Result<(Erasures, Vec<[u8; 32]>), StorageError>;

    /// As [`Self::erase_all`] and [`Self::erase_about`].
    fn erase_ordered(&mut self, order: &ToErase) -> Result<(Erasures, Vec<[u8; 32]>), StorageError> {
        let mut entries = self.erase_all(&order.entries)?;
        if order.about.is_empty() {
            return Ok((entries, Vec::new()));
        }
        let (more, left) = self.erase_about(&order.about)?;
        entries.extend(more);
        Ok((entries, left))
    }

    /// Keeps the evidence that a log was forked, durably. What is held of the log stays, and is shown as contested where it is not known
    /// to be in both histories. What the store
    /// has of that log's forks already stays as it is. Fails where there are [`CONTESTED_MAX`] such logs.
    fn contest(&mut self, fork: &Arc<Fork>) -> Result<(), StorageError>;

    /// Says up to where a log counts, held or not; `None`: all of it does. What lies beyond is neither shown nor served, and comes back when
    /// this is taken back. Not durable: whoever opens the store says it again. `false`: what is held is another history than the bound
    /// is about, and nothing of it counts.
    fn bound(&mut self, log: &LogId, bound: Option<Bound>) -> Result<bool, StorageError>;

    /// Leaves a note beside the runs, durably, in place of the one before. The next opening gives it back, unless something
    /// is missing by then that is durable now.
    fn keep(&mut self, note: &[u8]) -> Result<(), StorageError>;

    /// Keeps what an app folded beside the runs, in place of what was kept for that stream before, durably. `false`: it is not
    /// kept, since something of it is gone, or it is longer than [`crate::SNAPSHOT_BYTES_MAX`].
    #[cfg(feature = "documents")]
    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<bool, StorageError>;

    /// What shows how much was written.
    fn gauge(&self) -> WearGauge;

    /// What answers apps, on any thread, while this one commits.
    fn queries(&self) -> Queries;

    /// Leaves the store so that it opens quickly. A store that is dropped without it loses nothing.
    fn close(&mut self);

    /// As [`Queries::query`].
    fn query(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        self.queries().query(query)
    }

    /// As [`Queries::latest`].
    fn latest(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        self.queries().latest(query)
    }

    /// As [`Queries::roll_ups`].
    fn roll_ups(&self, query: &RollUpQuery) -> Result<Vec<RollUpRow>, StorageError> {
        self.queries().roll_ups(query)
    }

    /// As [`Queries::changes`].
    fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, StorageError> {
        self.queries().changes(query)
    }
}

/// Entries that were read: an encoded run, ready to be sent; or the encoded [`crate::Prefix`] that stands for those that were let go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// The position of the first entry.
    pub from: u64,
    /// The position after the last.
    pub end: u64,
    /// The run, or the prefix.
    pub bytes: Vec<u8>,
}

/// What was found when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// As long as it is the same, so is what the numbers of runs mean.
    pub epoch: Epoch,
    /// The number of the last run; 0 if there is none.
    pub run: u64,
    /// All logs that verify, in the order of their ids.
    pub logs: Vec<LogState>,
    /// The number of the last run of each of them.
    pub runs: Vec<u64>,
    /// Those of them of which every entry was written here and none can be missing: their author may continue them. A
    /// log that was received again, after the store had lost it, is never among them.
    pub continuable: BTreeSet<LogId>,
    /// The logs that were forked, in the order of their ids.
    pub contested: Vec<Arc<Fork>>,
    /// The control entries, in the order of their logs' ids and their positions.
    pub control: Vec<ControlEntry>,
    /// The entries that were erased here, held or not, by log and position: whoever brings them, they are kept without their bodies.
    pub erased: Erasures,
    /// What was kept by [`Storage::keep`] last, if all is there that was durable then.
    pub note: Option<Vec<u8>>,
    /// Whether the store was cut back.
    pub cut: Option<Cut>,
}

/// A control entry that was found: a signed record of who may do what, still to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlEntry {
    /// Its log.
    pub log: LogId,
    /// Where in it.
    pub position: u64,
    /// The record.
    pub record: Vec<u8>,
}

/// A store that was cut back to what verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// In which segment, the first one if there are more.
    pub segment: u32,
    /// Where in it.
    pub at: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
    /// Whether it looks like an append that a crash interrupted: the last frame ends beyond the file. Nothing of such a
    /// frame was ever acknowledged. Otherwise durable entries may be missing, own ones among them.
    pub torn: bool,
}

#[cfg(test)]
mod tests;
