//! What an app can be told.

use std::path::PathBuf;

use msec_crdt_store::StorageError;
use msec_identity::{KeyFileError, ManifestError, ParseRightsError, PathError};

use super::withholding::CollectionWithheld;
use crate::net::BindError;
use crate::node::{ConfigError, PublishError};

/// A peer that does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The peer belongs to no space.
    #[error(
        "this peer belongs to no space yet: found one with `msec found`, or take an invitation in with `msec join`"
    )]
    NoSpace,
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Store(#[from] StorageError),
    /// The socket cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The settings cannot work.
    #[error("the settings cannot work")]
    Config(#[from] ConfigError),
    /// The rules of retention cannot be meant.
    #[cfg(feature = "index")]
    #[error("the rules of what is kept cannot be meant")]
    Keep(#[from] super::retaining::KeepError),
    /// The storage thread ended at once.
    #[error("the storage thread has ended: look at what it logged, and start the peer again")]
    Ended,
    /// The system starts no thread.
    #[error("cannot start the storage thread")]
    Thread(#[source] std::io::Error),
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The identity cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key lies under a passphrase, and nobody could be asked for it.
    #[error("the key at {} lies under a passphrase", path.display())]
    Passphrase {
        /// Where it is.
        path: PathBuf,
        /// Why nobody said it.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{} is not a {what} of this version", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// The peer is in another space already.
    #[error(
        "this peer is in another space already: use a data directory of its own for each space; `msec join … --data-dir NEW --key-of DIR` \
         makes one for the same peer"
    )]
    OtherSpace,
    /// The file system refuses.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// An invitation that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// There is no such file.
    #[error("there is no invitation at {}: whoever owns the space writes one with `msec grant`", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is something else, damaged, or of another version.
    #[error("{} is damaged, or no invitation of this version: ask for one that `msec grant` wrote", path.display())]
    Malformed {
        /// Where it is.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot read {}", path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What an owner of a space cannot do.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// This identity is not a root of the space.
    #[error("this peer does not own the space: run `msec grant` where `msec found` was run")]
    NotARoot,
    /// The name of a collection is refused.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The rights are refused.
    #[error(transparent)]
    Rights(#[from] ParseRightsError),
}

/// The peer was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer was closed")]
pub struct PeerClosed;

/// Readings that were not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum PublishFailed {
    /// They were refused, and nothing of them is kept.
    #[error(transparent)]
    Refused(#[from] PublishError),
    /// The peer was closed before they were on disk.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}

/// A query without an answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFailed {
    /// This peer is not fresh enough to show it.
    #[error(transparent)]
    Withheld(#[from] CollectionWithheld),
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StorageError),
    /// The peer was closed.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}

/// Entries that were not erased, or not all of them. What was begun is gone on with when the peer starts again.
#[cfg(any(feature = "index", feature = "documents"))]
#[derive(Debug, thiserror::Error)]
pub enum EraseFailed {
    /// The store did not do it.
    #[error(
        "the entries may not all be erased: make room on the disk, and start the peer again, or erase them again"
    )]
    Store(#[source] StorageError),
    /// The peer was closed.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}

/// A registry that cannot be read.
#[cfg(feature = "documents")]
#[derive(Debug, thiserror::Error)]
pub enum RegistryFailed {
    /// This peer is not fresh enough to show it.
    #[error(transparent)]
    Withheld(#[from] CollectionWithheld),
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StorageError),
    /// The document cannot be shown.
    #[error(transparent)]
    Document(#[from] msec_crdt_store::DocumentError),
    /// The peer was closed.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}

/// An edit of a registry that was not acknowledged.
#[cfg(feature = "documents")]
#[derive(Debug, thiserror::Error)]
pub enum EditFailed {
    /// The registry refuses it, and nothing of it is kept.
    #[error(transparent)]
    Thing(#[from] msec_crdt_store::ThingError),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryFailed),
    /// The peer refuses it, or was closed before it was on disk.
    #[error(transparent)]
    Publish(#[from] PublishFailed),
    /// The stream went on in another log each time.
    #[error(
        "the log of this peer's edits changes again and again: is its data directory used by another peer too?"
    )]
    LogKeepsChanging,
    /// Others bring more values of what is edited than this peer can overwrite.
    #[error(
        "others write faster to it than it can be overwritten: try again, or go on in a collection where they have no grant"
    )]
    Outwritten,
}

/// A registry that was not compacted, or not erased. Nothing of it is lost.
#[cfg(feature = "documents")]
#[derive(Debug, thiserror::Error)]
pub enum CompactFailed {
    /// One of the two cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryFailed),
    /// The other one cannot be written.
    #[error(transparent)]
    Edit(#[from] EditFailed),
    /// All is in the other one, and the old one is not erased.
    #[error(transparent)]
    Erase(#[from] EraseFailed),
    /// It is to go on in itself.
    #[error("a registry goes on in another collection than its own: name one below it, such as COLLECTION/2")]
    Itself,
    /// Not all of it is shown, and what is not would be lost.
    #[error(
        "not all of the registry is shown: {left_out} things have no room, and {held} changes wait for others; remove some, or link with a peer that has the rest"
    )]
    NotWhole {
        /// Things that have no room.
        left_out: usize,
        /// Changes that wait for others.
        held: usize,
    },
    /// The other one has such a thing, and says something else of it.
    #[error(
        "the other registry says something else of `{id}`: name a collection that has none, or set it alike in both"
    )]
    Differs {
        /// The thing.
        id: String,
    },
}

#[cfg(feature = "documents")]
impl From<PeerClosed> for EditFailed {
    fn from(error: PeerClosed) -> Self {
        Self::Publish(error.into())
    }
}
