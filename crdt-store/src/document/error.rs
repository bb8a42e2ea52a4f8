//! What can go wrong with a document, an enum for each operation.

use automerge::AutomergeError;

use super::registry::{THING_ID_BYTES_MAX, THING_TEXT_BYTES_MAX, THINGS_MAX, ThingField};
use super::{DOCUMENT_LOGS_MAX, DOCUMENT_OPS_MAX, LOG_OPS_MAX};

/// A change that is not applied. Its author is to blame, unless it is of a later version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Not a change.
    #[error("not a change of Automerge")]
    Malformed,
    /// It would have to be decompressed, or is of another kind.
    #[error("not an uncompressed change")]
    Compressed,
    /// There is another way to write it, and Automerge takes that one.
    #[error("not written as Automerge writes it")]
    NotCanonical,
    /// Something in it is too large.
    #[error("{what} is more than {max}")]
    OverBound {
        /// What.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// It changes nothing.
    #[error("no operation")]
    Empty,
    /// Its actor is not the log that it stands in, or it names one that is no log.
    #[error("an actor that is not its log")]
    ForeignActor,
    /// It does something else than setting and deleting in maps.
    #[error("an operation that this version does not fold: it folds maps")]
    NotAMap,
    /// It overwrites or deletes what is not in that place.
    #[error("it overwrites what is elsewhere, or nothing")]
    OverwritesElsewhere,
    /// It does not build on its log's change before it, or names what is not there.
    #[error("it does not build on its log's change before it, or names what is not there")]
    DoesNotContinue,
    /// Its log has brought too much.
    #[error("its log brings more than {LOG_OPS_MAX} operations")]
    LogFull,
}

/// A document that cannot be folded or shown.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It has too many logs or operations.
    #[error(
        "the document is too large to be shown: it has more than {DOCUMENT_LOGS_MAX} logs or {DOCUMENT_OPS_MAX} operations; start a new one in another collection"
    )]
    TooLarge,
    /// Automerge refused what was checked. A bug.
    #[error("the changes cannot be applied")]
    Engine(#[source] Box<AutomergeError>),
    /// It could not be folded before.
    #[error("the document could not be folded: open it again")]
    Broken,
}

/// A change that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The document cannot be shown.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Own changes wait for changes of others.
    #[error("own changes still wait for changes of others: try again once this peer has met them")]
    OwnChangesHeld,
    /// Changes of the own log were erased.
    #[error(
        "changes that this peer wrote to the document were erased, and nothing can be built on them: go on in another collection"
    )]
    OwnChangesErased,
    /// This peer's log has brought as much as one may.
    #[error(
        "this peer has edited the document as often as one may, {LOG_OPS_MAX} operations: let another peer edit it, or go on in another collection"
    )]
    LogFull,
    /// The change breaks a rule for all changes.
    #[error("the change would be refused by all: make it smaller")]
    Change(#[source] ChangeError),
    /// Automerge refuses the edit.
    #[error("the document cannot be edited so")]
    Edit(#[source] Box<AutomergeError>),
    /// Automerge made no change. A bug.
    #[error("the edit made no change")]
    Engine,
}

/// An edit of the registry that is refused. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum ThingError {
    /// There is such a thing already.
    #[error("`{id}` is in the registry already: change it with `set`")]
    Exists {
        /// Its id.
        id: String,
    },
    /// There is no such thing.
    #[error("there is no thing `{id}` here: `msec things show` lists those that there are")]
    NotFound {
        /// The id.
        id: String,
    },
    /// The id is refused.
    #[error(
        "a thing's id has 1 to {THING_ID_BYTES_MAX} bytes and no control characters, as COLLECTION/STREAM: this one has {bytes} bytes"
    )]
    Id {
        /// Its length.
        bytes: usize,
    },
    /// A field is refused.
    #[error(
        "a thing's {field} has at most {THING_TEXT_BYTES_MAX} bytes and no control characters: shorten it"
    )]
    Text {
        /// Which.
        field: ThingField,
    },
    /// The place is not on Earth.
    #[error("the thing's place is not on Earth: latitudes are -90 to 90, longitudes -180 to 180")]
    OffEarth,
    /// The registry is full.
    #[error("the registry holds {THINGS_MAX} things already: remove some, or use another collection")]
    Full,
    /// The change cannot be made.
    #[error(transparent)]
    Draft(#[from] DraftError),
}

impl From<AutomergeError> for DraftError {
    fn from(error: AutomergeError) -> Self {
        Self::Edit(Box::new(error))
    }
}

impl From<AutomergeError> for ThingError {
    fn from(error: AutomergeError) -> Self {
        Self::Draft(error.into())
    }
}

impl From<DocumentError> for ThingError {
    fn from(error: DocumentError) -> Self {
        Self::Draft(error.into())
    }
}
