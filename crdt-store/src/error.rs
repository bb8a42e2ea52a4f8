//! What can go wrong, an enum for each operation. The variants say who is to blame.

use std::path::PathBuf;

use msec_identity::{CollectionPath, PeerId, RecordError, SpaceId};

use crate::log::{HEADER_GRANTS_MAX, RUN_BYTES_MAX, STREAM_BYTES_MAX};
use crate::reading::READINGS_PER_ENTRY_MAX;
use crate::rollup::{CLAIM_BUCKETS_MAX, CLAIM_COLUMNS_BYTES_MAX};
use crate::storage::{CONTESTED_MAX, NOTE_BYTES_MAX};

/// Readings that cannot be written, or a body that does not hold any.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// None, or too many.
    #[error("an entry holds 1 to {READINGS_PER_ENTRY_MAX} readings, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A value is a NaN.
    #[error("a reading's value is not a number: leave it out, or mark a value as bad")]
    NotANumber,
    /// A place is not on Earth.
    #[error("a reading's place is not on Earth: leave the place out where it is not known")]
    OffEarth,
    /// The body is not one layout's whole body. Its author is to blame, since it was signed.
    #[error("malformed readings")]
    Malformed,
}

/// A name that cannot stand in the header of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogNameError {
    /// The header is of another version.
    #[error("the log's header is of another version")]
    OtherVersion,
    /// The collection is the whole space.
    #[error("a log belongs to a collection, such as `parks/noise`")]
    NoCollection,
    /// A stream or a unit is too long or has control characters, or the stream has no name.
    #[error(
        "a stream and a unit have at most {STREAM_BYTES_MAX} bytes and no control characters, and a stream has a name"
    )]
    Name,
    /// The place is not on Earth.
    #[error("the log's place is not on Earth")]
    OffEarth,
    /// The header shows too many grants.
    #[error("a log's header shows at most {HEADER_GRANTS_MAX} grants, this one {count}")]
    Grants {
        /// How many.
        count: usize,
    },
}

/// An entry that cannot be appended.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The readings cannot be written.
    #[error(transparent)]
    Readings(#[from] ReadingError),
    /// The log's names are refused.
    #[error(transparent)]
    Name(#[from] LogNameError),
    /// The body is too long.
    #[error("an entry's body of {bytes} bytes is too long: publish fewer readings at a time")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Too much waits for the disk.
    #[error("too much waits for the disk: slow down, and try again once what was published is acknowledged")]
    Busy,
}

/// Evidence of a fork that shows none. Whoever passed it on should have checked.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Not the bytes of one evidence.
    #[error("not the evidence of a fork")]
    Malformed,
    /// A head is of a log that has another header.
    #[error("a head is of another log than the header")]
    OtherLog,
    /// A head was not signed by the log's author.
    #[error("a forged head")]
    Head(#[source] RecordError),
    /// The path does not lead to the longer head.
    #[error("the path does not lead to the longer head")]
    NoPath,
    /// The subtrees of the shorter log do not lead to its head.
    #[error("the subtrees of the shorter log do not lead to its head")]
    OtherSubtrees,
    /// The shorter head is the beginning of the longer one, as it should be.
    #[error("no fork: the shorter head is the beginning of the longer one")]
    NoFork,
}

/// Entries that a roll-up cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RollUpError {
    /// They do not go on where it ends. A bug of the caller.
    #[error(
        "a roll-up over {size} entries does not go on at {from}: give it the entries between, or make it anew"
    )]
    NotNext {
        /// How many entries it is over.
        size: u64,
        /// Where they begin.
        from: u64,
    },
}

/// A claim that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// There is no entry to claim something of.
    #[error("a claim is over one entry at least")]
    Empty,
    /// Too many buckets.
    #[error(
        "a claim has at most {CLAIM_BUCKETS_MAX} buckets: claim fewer entries at a time, or longer buckets"
    )]
    Buckets,
    /// The buckets take too many bytes.
    #[error(
        "the buckets of a claim take at most {CLAIM_COLUMNS_BYTES_MAX} bytes, these {bytes}: claim fewer entries at a time, or longer buckets"
    )]
    Bytes {
        /// How many they take.
        bytes: usize,
    },
}

/// A claim that is not what was recomputed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// It is over other entries, or of other buckets. A bug of the caller.
    #[error("the claim is over another stretch, or of another resolution: recompute what it is over")]
    OtherRange,
    /// The entries are not those of which something was claimed. The claim's maker is to blame, or the log was forked.
    #[error("the claim is over other entries than those held here: its maker lies, or the log was forked")]
    OtherEntries,
    /// Bodies were erased in between. Nobody is to blame.
    #[error(
        "the claim was made when {claimed} bodies were erased, and {here} are here: claim what is left, and drop what was claimed before"
    )]
    Erased {
        /// How many are erased here.
        here: u64,
        /// How many were when it was made.
        claimed: u64,
    },
    /// The entries come to something else. The claim's maker is to blame.
    #[error("the entries come to something else than was claimed: don't trust its maker")]
    Wrong,
}

/// A run that is refused.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Longer than [`RUN_BYTES_MAX`]. The sender is to blame.
    #[error("a run has at most {RUN_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a run. The sender is to blame.
    #[error("not a run of entries")]
    NotARun,
    /// Not CBOR. The sender is to blame.
    #[error("malformed run")]
    Malformed(#[from] minicbor::decode::Error),
    /// The head is malformed, or not signed by the log's author. The sender is to blame: it should have checked.
    #[error("forged or malformed head")]
    Head(#[source] RecordError),
    /// Entry 0 is not the header of this log, or another entry claims to be. The sender is to blame.
    #[error("the log's header is not the one that its id names")]
    Header,
    /// The log is of another space. The sender is to blame.
    #[error("the log belongs to another space")]
    OtherSpace,
    /// Nobody gave its author the right. The author is to blame, and the sender should have checked.
    #[error("{author} has no grant to write to `{collection}`")]
    NotAuthorised {
        /// Who wrote.
        author: PeerId,
        /// Where.
        collection: CollectionPath,
    },
    /// The entries, joined to those that are held, are not what the head signs. An entry was changed on the way, or the
    /// author signed two histories: the run alone convicts nobody.
    #[error("the entries are not what the head signs: one was changed, or the author forked its log")]
    DoesNotFit,
    /// An entry comes without its body, and no erasure is known that covers it. Somebody left it out on the way, or erased it for
    /// itself alone, or the erasure has not come yet.
    #[error("entry {position} comes without its body, and no erasure is known that covers it")]
    LacksBody {
        /// Where.
        position: u64,
    },
}

/// Storage that did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The medium refused. Nothing of the commit is kept, and it may be tried again.
    #[error("cannot write to the store")]
    Io(#[from] std::io::Error),
    /// Another process holds the directory.
    #[error("another process uses the store in {}: stop it, or give this peer a data directory of its own", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// What is read back is not what was written.
    #[error(
        "the disk gives back other bytes than were written: start the peer again, so that the store is checked and what is missing is fetched"
    )]
    Damaged,
    /// A sync failed. Nothing since the last one is kept, and it may be tried again.
    #[error("the disk failed to sync: nothing of this commit is kept, and it can be tried again")]
    SyncFailed,
    /// The index over the store cannot be read. It is made again.
    #[error("the store's index cannot be read: it is made again, ask in a while")]
    Index(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store keeps no roll-ups.
    #[error("the store keeps no roll-ups: open it with `roll_ups`")]
    NoRollUps,
    /// The directory holds a store as it was before there were segments.
    #[error(
        "the store in {} is of an earlier version, one file `logs.msec`, which this version does not read: move that file away to start anew",
        dir.display()
    )]
    OldStore {
        /// The directory.
        dir: PathBuf,
    },
    /// The store is of a version that this code does not read.
    #[error(
        "the store has format {found}, this version reads format {known}: update, or start with another directory"
    )]
    Format {
        /// What it is.
        found: u8,
        /// What it should be.
        known: u8,
    },
    /// A note that is longer than one may be. A bug of the caller.
    #[error("a note has {bytes} bytes, more than {NOTE_BYTES_MAX}")]
    NoteTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// There are as many erasures as a store keeps. The entries are there as before.
    #[error(
        "too many separate entries were erased one by one: erase those that lie beside each other together, or let their logs go"
    )]
    TooManyErasures,
    /// There is evidence of as many forks as a store keeps.
    #[error(
        "{CONTESTED_MAX} forked logs are known, and no more are kept: revoke the grants of those who forked them"
    )]
    TooManyForks,
    /// The commit does not continue what is stored. A bug of the caller.
    #[error("the commit does not continue what is stored")]
    NotNext,
}

/// Logs that were not written to a file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be written.
    #[error("the file cannot be written: make room for it, or name another place")]
    Write(#[source] std::io::Error),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Store(#[source] StorageError),
}

/// A file that was not taken in, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read on.
    #[error("the file cannot be read: what was read before is taken in; copy it anew, and import that too")]
    Read(#[source] std::io::Error),
    /// The store failed.
    #[error("the store failed: import the file again once it works")]
    Store(#[source] StorageError),
    /// Something else than an export.
    #[error("this is no export of a store: name a file that `msec store export` wrote")]
    NotAnExport,
    /// An export of a version that this code does not read.
    #[error(
        "the file has format {found}, this version reads format {known}: export it again with this version, or update"
    )]
    Format {
        /// What it is.
        found: u8,
        /// What it should be.
        known: u8,
    },
    /// An export of another space. Nothing of it could be verified.
    #[error(
        "the file is of space {theirs}, and this peer belongs to {ours}: import it with a peer of that space"
    )]
    OtherSpace {
        /// Of which.
        theirs: SpaceId,
        /// Of which this peer is.
        ours: SpaceId,
    },
}
