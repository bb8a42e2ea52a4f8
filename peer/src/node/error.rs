//! Why something is not published.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use msec_crdt_store::EntryError;
use msec_identity::{CollectionPath, LogId, PeerId, SealError};

use super::io::StreamName;

/// An entry that was not published. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The peer has no grant.
    #[error("{peer} has no grant to write to `{collection}`: ask an owner of the space for one")]
    NotAuthorised {
        /// Who would write.
        peer: PeerId,
        /// Where.
        collection: CollectionPath,
    },
    /// The collection is the mesh's own.
    #[error("`{collection}` begins with a dot and is the mesh's own: publish to another collection")]
    Reserved {
        /// Where.
        collection: CollectionPath,
    },
    /// The stream goes on in another log than the one that a change was made for.
    #[error(
        "the stream no longer goes on in log {log}: make the change again for the log that it writes now"
    )]
    LogChanged {
        /// The log that the change was made for.
        log: LogId,
    },
    /// The stream was begun in another unit.
    #[error("{}/{} was begun in `{own}`: publish what is in `{asked}` to another stream", stream.collection, stream.stream)]
    OtherUnit {
        /// Which stream.
        stream: StreamName,
        /// Its unit.
        own: String,
        /// The unit that was asked for.
        asked: String,
    },
    /// The stream was begun at a place where all of it is measured.
    #[error(
        "{}/{} was begun at a fixed place: publish what moves to another stream, or leave its place out", stream.collection, stream.stream
    )]
    FixedPlace {
        /// Which stream.
        stream: StreamName,
    },
    /// The grant allows no further log there.
    #[error(
        "the grant of {peer} to write to `{}` allows no further log, or no further one of this stream: ask an owner of the space for a wider one", stream.collection
    )]
    LogsUsedUp {
        /// Who would write.
        peer: PeerId,
        /// Which stream would begin a new log.
        stream: StreamName,
    },
    /// The grant is limited to a place where the stream is not measured.
    #[error(
        "the grant of {peer} to write to `{}` is limited to a place: say where {} is measured, within that", stream.collection, stream.stream
    )]
    Elsewhere {
        /// Who would write.
        peer: PeerId,
        /// Which stream.
        stream: StreamName,
    },
    /// What the grant allows in a minute or in a day is used up.
    #[error("what the grant allows in a minute or a day is used up: try again in {} s", again_in.as_secs() + 1)]
    OverLimit {
        /// When there is room for an entry again.
        again_in: Duration,
    },
    /// The collection is sealed, and this peer was not told its names yet.
    #[error(
        "`{collection}` is sealed, and nothing was wrapped for this peer yet: let it and a manager's peer run and find each other, and try again"
    )]
    NotWrapped {
        /// Where.
        collection: CollectionPath,
    },
    /// The collection was sealed once, or this peer was told so, and no epoch of it counts here.
    #[error(
        "`{sealed}` is sealed, and no epoch of it counts that is known here: nothing goes there in clear. Let this peer and that of somebody who manages and reads it run and find each other, and try again"
    )]
    NoEpoch {
        /// What is sealed.
        sealed: CollectionPath,
    },
    /// A collection above is sealed.
    #[error(
        "`{sealed}` is sealed, with all below it: publish to `{sealed}` itself, and tell streams apart by their names"
    )]
    BelowSealed {
        /// Where.
        collection: CollectionPath,
        /// What is sealed.
        sealed: CollectionPath,
    },
    /// Something else than readings, for a sealed collection.
    #[error(
        "`{collection}` is sealed, and takes readings only: keep documents and claims in another collection"
    )]
    OnlyReadings {
        /// Where.
        collection: CollectionPath,
    },
    /// More readings at once than a sealed collection takes.
    #[error(
        "{count} readings are too many at a time for a sealed collection: publish at most {} at a time",
        super::SEALED_READINGS_MAX
    )]
    TooManySealed {
        /// How many.
        count: usize,
    },
    /// The log that it was sealed for is left behind.
    #[error("the stream goes on in another log than {log}: publish it again")]
    SealedForOther {
        /// The log.
        log: LogId,
    },
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is sealed already.
    #[error("`{collection}` is sealed already: `msec epochs` shows its epochs")]
    IsSealed {
        /// Which.
        collection: CollectionPath,
    },
    /// Something lies there in clear.
    #[error(
        "`{collection}` holds {logs} logs in clear, which sealing would not hide: seal an empty collection of another name, and publish there from now on"
    )]
    InClear {
        /// Which.
        collection: CollectionPath,
        /// How many logs.
        logs: usize,
    },
    /// This peer does not manage and read it.
    #[error(
        "{peer} may not seal `{collection}`: that takes one grant to manage it and to read it, so that it can wrap its epochs for others; where several roots must agree, from an everyday issuer"
    )]
    NotManaged {
        /// Who.
        peer: PeerId,
        /// Which.
        collection: CollectionPath,
    },
    /// The clock was never set.
    #[error("the clock is not set, so that nobody can tell who may read now: set it, and try again")]
    ClockUnset,
    /// The readings or the names are refused.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Too much waits for the disk.
    #[error("too much waits for the disk: slow down, and try again once what was published is acknowledged")]
    Busy,
    /// The disk refuses to write.
    #[error(
        "the store cannot be written to: free some space, or look at the disk; what waits is kept and tried again. If a sync has failed, start the peer again"
    )]
    StorageFailing,
}

impl PublishError {
    /// Whether the same may be published after a pause.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::StorageFailing
                | Self::OverLimit { .. }
                | Self::NotWrapped { .. }
                | Self::NoEpoch { .. }
                | Self::SealedForOther { .. }
                | Self::Entry(EntryError::Busy)
        )
    }
}

/// By what it says: an output is told apart by what it tells.
impl Hash for PublishError {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}
