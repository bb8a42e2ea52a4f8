//! Documents: the fold over the change entries of a collection.
//!
//! A document is what all [`crate::EntryKind::Change`] entries of all logs with one (collection, stream) make together. Each
//! entry's body is one change of Automerge; its actor is the log that it stands in, so that nobody speaks with another's
//! sequence numbers. What each file holds:
//!
//! | file | what |
//! |---|---|
//! | `columns`, `change` | a foreign change, read with bounds; the one way in |
//! | `index` | whether it fits: never on what else was applied, so that order changes nothing |
//! | `draft` | own edits: a change each, or several |
//! | `fold` | [`Document`]: takes entries, holds what waits, applies the rest in one batch |
//! | `snapshot` | the same in bytes, so that it opens quickly |
//! | `registry` | the registry of things in a document: [`Thing`], [`ThingView`] |
//! | `carry` | all things of one as the first changes of another |
//!
//! Neither time nor randomness is drawn here: both the actor and the time of a change are arguments. (Automerge's
//! constructor does draw an actor; it is replaced before anything is made with it.)

mod carry;
mod change;
mod columns;
mod draft;
mod error;
mod fold;
mod index;
mod registry;
mod snapshot;

pub use carry::things_in_a_change;
pub use change::{CHANGE_OPS_MAX, KEY_BYTES_MAX};
pub use draft::{DRAFT_PREDS_MAX, Draft};
pub use error::{ChangeError, DocumentError, DraftError, ThingError};
pub use fold::{Document, Folded, Held};
pub use index::WaitsFor;
pub use registry::{
    CONFLICT_VALUES_MAX, Conflict, REGISTRY_STREAM, THING_ID_BYTES_MAX, THING_TEXT_BYTES_MAX, THINGS_MAX,
    Thing, ThingField, ThingPatch, ThingView, Things,
};

/// The most logs that a document is folded from. With more it is no longer shown: [`crate::DocumentError::TooLarge`].
pub const DOCUMENT_LOGS_MAX: usize = 1_000;
/// The most operations of a document, about 250 MB of memory. With more it is no longer shown:
/// [`crate::DocumentError::TooLarge`].
pub const DOCUMENT_OPS_MAX: usize = 1 << 20;
/// The most operations that one log brings. Its further changes are refused, so that one writer alone does not fill a
/// document.
pub const LOG_OPS_MAX: usize = 1 << 16;
/// Bytes of changes that wait for others. Beyond it a change that must wait is not taken: it is read again when the fold
/// has come on.
pub const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
