//! Who may do what, for people: grant, revoke, look at it, and explain it afterwards.
//!
//! | module | what it holds |
//! |---|---|
//! | `terms` | what is asked for: [`GrantTerms`], [`RevokeTerms`], [`RestoreTerms`], [`ErasureTerms`], [`Question`] |
//! | `granting` | [`Peer::grant`], [`Peer::approve`]: under which link, and what the holder needs to show |
//! | `revoking` | [`Peer::plan_revocation`], [`Peer::revoke`], [`Peer::restore`]: where logs are cut |
//! | `replacing` | [`Peer::plan_replacement`], [`Peer::replace`]: a new device for a lost one |
//! | `erasing` | [`Peer::plan_erasure`], [`Peer::erase`]: which entries are to be gone everywhere |
//! | `erasures` | [`Peer::erasures`]: who has erased them, and who has not said so |
//! | `tree` | [`Peer::grants`]: what counts, what does not, and who says so |
//! | `classifying` | [`Peer::classify`]: what kind of data a collection holds |
//! | `explain` | [`Peer::explain`]: who could read, until when, and what they were given after |
//! | `signed` | an explanation that can be shown to others |
//! | `names` | what is called by the first digits of its id |
//! | `read` | control entries and receipts, as they lie on disk |
//!
//! All of it is about what this peer holds, and needs no network. What is issued is acknowledged when it is signed and on disk.

mod classifying;
mod erasing;
mod erasures;
mod error;
mod explain;
mod granting;
mod hex;
mod names;
mod read;
mod replacing;
mod revoking;
mod signed;
mod terms;
mod tree;

#[cfg(test)]
mod tests;

pub use classifying::{ClassTerms, ClassView};
pub use erasing::{ErasurePlan, Ordered, PlannedStream};
pub use erasures::{ErasedBy, ErasedStream, ErasureView};
pub use error::AccessFailed;
pub use explain::{Confirmed, EndView, Explanation, LinkView, ReaderView};
pub use granting::{Issued, VoicesView};
pub(crate) use names::{DIGITS_MIN, Name, Named};
pub use replacing::{PlannedGrant, ReplaceTerms, Replaced, ReplacementPlan};
pub use revoking::{PlannedEnd, Restored, RevocationPlan, RevokedGrant};
pub use signed::SignedExplanation;
pub use terms::{
    CutTerms, ErasureTerms, GrantHolder, GrantTerms, Limits, Question, RestoreTerms, RevokeTerms,
};
pub use tree::{AccessTree, GrantView, HolderView, RevokedView, Standing};
