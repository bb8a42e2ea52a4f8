//! Why something is not published.

use std::hash::{Hash, Hasher};

use msec_crdt_store::EntryError;
use msec_identity::{CollectionPath, PeerId};

/// Readings that were not published. Nothing of them is kept.
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
    /// The readings or the names are refused.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Too much waits for the disk.
    #[error("too much waits for the disk: slow down, and try again once what was published is acknowledged")]
    Busy,
    /// The disk refuses to write.
    #[error(
        "the store cannot be written to: free some space, or look at the disk; what waits is kept and tried again"
    )]
    StorageFailing,
}

/// By what it says: an output is told apart by what it tells.
impl Hash for PublishError {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}
