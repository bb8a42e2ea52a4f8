//! A peer for apps: open it, publish, subscribe, query.

#[cfg(feature = "index")]
mod access;
#[cfg(feature = "index")]
mod bench;
#[cfg(feature = "index")]
mod claiming;
#[cfg(feature = "documents")]
mod compaction;
mod config;
mod data_dir;
mod error;
mod invitation;
#[cfg(feature = "index")]
mod inviting;
mod joining;
#[cfg(feature = "index")]
mod key_care;
mod owner;
mod peer;
mod pending;
#[cfg(feature = "documents")]
mod registry;
#[cfg(feature = "index")]
mod retaining;
#[cfg(feature = "index")]
mod sealing;
mod status;
mod subscription;
#[cfg(feature = "index")]
mod unlocking;
mod withholding;

#[cfg(feature = "index")]
pub use access::{
    AccessFailed, AccessTree, ClassTerms, ClassView, Confirmed, CutTerms, EndView, ErasedBy, ErasedStream,
    ErasurePlan, ErasureTerms, ErasureView, Explanation, GrantHolder, GrantTerms, GrantView, HolderView,
    Issued, Limits, LinkView, Ordered, PlannedEnd, PlannedGrant, PlannedStream, Question, ReaderView,
    ReplaceTerms, Replaced, ReplacementPlan, RestoreTerms, Restored, RevocationPlan, RevokeTerms,
    RevokedGrant, RevokedView, SignedExplanation, Standing, VoicesView,
};
#[cfg(feature = "index")]
pub(crate) use access::{DIGITS_MIN, Name, Named};
#[cfg(feature = "index")]
pub use bench::{BenchCode, BenchTerms};
#[cfg(feature = "index")]
pub use claiming::{Claims, STATEMENTS_MAX};
#[cfg(feature = "documents")]
pub use compaction::Compacted;
pub use config::PeerConfig;
pub use data_dir::DataDir;
pub(crate) use data_dir::store_config;
#[cfg(any(feature = "index", feature = "documents"))]
pub use error::EraseFailed;
#[cfg(feature = "documents")]
pub use error::{CompactFailed, EditFailed, RegistryFailed};
pub use error::{
    DataDirError, InvitationError, OpenError, OwnerError, PeerClosed, PublishFailed, QueryFailed,
};
pub use invitation::{Fault, Membership};
#[cfg(feature = "index")]
pub(crate) use inviting::hints_of;
#[cfg(feature = "index")]
pub use inviting::{INVITE_LASTS_MAX, InviteEvent, InviteFailed, InviteTerms, Inviting};
pub use joining::{JoinFailed, Welcomed, join_with_code};
#[cfg(feature = "index")]
pub use key_care::{KeyRestored, key_on_paper};
pub use owner::Owner;
pub use peer::{COMMANDS_MAX, Peer};
pub use pending::Pending;
#[cfg(feature = "documents")]
pub use registry::{Registry, RegistryWatch};
#[cfg(feature = "index")]
pub use retaining::{KEEP_COPIES_MAX, KEEP_RULES_MAX, Keep, KeepError};
pub use status::{Found, Granted, Kept, LeaseStatus, Neighbour, Over, Served, Status};
pub use subscription::{EVENTS_MAX, Notice, Subscription};
pub use withholding::CollectionWithheld;
