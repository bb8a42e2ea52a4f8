//! Signed logs, their proofs, and the storage that holds them.
//!
//! | module | what it holds |
//! |---|---|
//! | `merkle` | [`Tree`] and [`CompactRange`]: hash trees as in RFC 9162, whole and as their edge, and proofs of both kinds |
//! | `log` | [`LogHeader`], [`Entry`], [`Head`], [`Run`]: what a log is made of; [`Run::verify`] is the one way in; [`ForkEvidence`] convicts who signed two; [`Prefix`] stands for entries that were let go |
//! | `reading` | [`Reading`] and the columns that carry many of them in one entry |
//! | `rollup` | [`RollUps`]: what a minute, an hour and a day come to; [`RollUpClaim`] says so when the readings are gone |
//! | `query` | [`Query`] and its answer |
//! | `changes` | [`ChangesQuery`]: the change entries of a document, page by page |
//! | `document` | behind the feature `documents`: `Document`, the fold over change entries; the registry of things |
//! | `sealed` | [`SealedContent`]: what readers find in sealed entries; [`Unseal`], who opens them |
//! | `export` | [`export`] and [`import`]: logs in a file that is carried by hand |
//! | `storage` | [`Storage`], the effect that the node asks for; [`Store`] on a [`Medium`]: [`FileDir`] or [`MemoryDir`] |
//!
//! ```
//! use msec_crdt_store::{LogHeader, MemoryDir, OwnLog, Query, Reading, Storage, Store, TimeQuality};
//! use msec_identity::{Identity, SpaceId, UnixMillis};
//!
//! let sensor = Identity::from_seed([7; 32]);
//! let header = LogHeader::new(SpaceId([0; 32]), "parks/noise".parse()?, "mic-1", sensor.peer(), [1; 16]).with_unit("dB");
//! let (mut log, now) = (OwnLog::create(header), UnixMillis(1_700_000_000_000));
//! log.append_readings(now, TimeQuality::Synchronised, [2; 16], &[Reading::new(now, 48.5)])?;
//! let run = log.sign(&sensor, now).expect("something to sign");
//!
//! let (mut store, _) = Store::open(MemoryDir::default())?;
//! store.apply(1, &[run])?;
//! assert_eq!(store.sync()?, 1);
//! assert_eq!(store.query(&Query::default())?[0].reading.value, 48.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
#[cfg(feature = "documents")]
mod document;
mod error;
mod export;
mod log;
mod merkle;
mod query;
mod reading;
mod rollup;
mod sealed;
mod storage;

pub use changes::{CHANGES_BYTES_MAX, ChangeEntry, ChangesPage, ChangesQuery};
#[cfg(feature = "documents")]
pub use changes::{SNAPSHOT_BYTES_MAX, Snapshot};
#[cfg(feature = "documents")]
pub use document::*;
pub use error::{
    ClaimError, ConfirmError, EntryError, EvidenceError, ExportError, ImportError, LogNameError,
    ReadingError, RollUpError, RunError, StorageError,
};
pub use export::{Exported, ImportTerms, Imported, export, import};
pub use log::{
    BODY_BYTES_MAX, Body, COMMITMENT_SALT_BYTES, ClockBound, EVIDENCE_BYTES_MAX, Entry, EntryKind, Fork,
    ForkEvidence, ForkTrace, HEADER_GRANTS_MAX, Head, LogHeader, LogState, OwnLog, Place, Prefix,
    RUN_BYTES_MAX, Run, STREAM_BYTES_MAX, TimeQuality, Traced, Verdict, VerifiedPrefix, VerifiedRun,
};
pub use merkle::{
    CompactRange, PROOF_HASHES_MAX, Roots, Tree, TreeHash, leaf_hash, node_hash, root_from_inclusion,
    roots_from_consistency,
};
pub use query::{Area, Near, QUERY_ROWS_MAX, Query, Row, RowCursor};
pub use reading::{READINGS_PER_ENTRY_MAX, Reading, ValueQuality, decode_readings, encode_readings};
pub use rollup::{
    Bucket, CLAIM_BUCKETS_MAX, CLAIM_BYTES_MAX, CLAIM_COLUMNS_BYTES_MAX, ClaimHash, ClaimView, Claimed,
    Confirmed, DAY_ROWS_KEPT, HOUR_ROWS_KEPT, LeftOut, ROLL_UP_ROWS_MAX, Recompute, Recomputed, Resolution,
    RollUpClaim, RollUpCursor, RollUpQuery, RollUpRow, RollUps, RolledStream,
};
pub use sealed::{Label, SealedContent, Unseal};
#[cfg(feature = "index")]
pub use storage::UNSEALED_ENTRIES_MAX;
pub use storage::{
    About, Bound, Breakage, CHUNK_BYTES_MAX, CLAIM_ENTRIES_MAX, CONTESTED_MAX, Checked, Chunk, Compacted,
    ControlEntry, Cut, Damage, Due, DueQuery, Epoch, Erasures, FileDir, LetGo, Medium, MemoryDir,
    NOTE_BYTES_MAX, Opened, Outdated, Queries, ROLL_UPS_STREAM, Retained, Retention, RetentionTerms, Says,
    Statement, Storage, Store, StoreConfig, ToErase, Unsynced, Usage, Wear, WearGauge, check,
};
