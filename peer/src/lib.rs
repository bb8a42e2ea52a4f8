//! The node, its drivers, the SDK and the command line `msec`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`node`] | [`node::Node`]: a peer without sockets, clock and disk; all that it does is its input and output |
//! | [`wire`] | what a link is on the wire, whoever carries it |
//! | `net` | the drivers that carry a node on a real machine: QUIC, the storage thread, the loop |
//! | `control` | how commands reach a running peer |
//! | `sdk` | `Peer`, for apps: open, publish, subscribe, query; `Registry`, the registry of things |
//! | `cli` | the command line `msec`, as a function |
//!
//! `node` needs nothing but `std`. The rest is behind features: `net`, `documents` (the registry of things) and `index` (queries over a
//! large store, and what people need who grant, revoke and explain), on by default, and `iroh`, for links over a wide area.
//!
//! # An app in thirty lines
//!
//! Two peers of one space: a sensor that publishes, and a citizen that is told.
//!
#![cfg_attr(
    feature = "net",
    doc = r#"
```
use msec_peer::{Membership, Owner, Peer, PeerConfig, Reading, StreamSpec, identity::UnixMillis};

# tokio::runtime::Runtime::new()?.block_on(async {
# let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
# let (sensor_dir, citizen_dir) = (one.path(), two.path());
// Whoever founds the space decides who may do what in it.
let owner = Owner::found("harbour")?;
let sensor = PeerConfig::new(sensor_dir)?;
let citizen = PeerConfig::new(citizen_dir)?;
let may_write = owner.grant(sensor.peer(), "parks", "write,relay", 30)?;
let may_read = owner.grant(citizen.peer(), "parks", "read", 30)?;

let sensor = Peer::open(sensor.join(Membership::new(owner.manifest(), [may_write]))).await?;
let citizen = citizen.join(Membership::new(owner.manifest(), [may_read])).contact(sensor.address());
let citizen = Peer::open(citizen).await?;
let mut readings = citizen.subscribe();

let noise = StreamSpec::new("parks/noise", "mic-1")?.unit("dB");
sensor.publish(&noise, &[Reading::new(UnixMillis(1_700_000_000_000), 48.5)]).await?;

let row = readings.reading().await.expect("a verified reading");
assert_eq!((row.stream(), row.reading.value), ("mic-1", 48.5));
# sensor.close().await; citizen.close().await;
# Ok::<(), Box<dyn std::error::Error>>(())
# })?;
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
)]

pub mod guest;
pub mod node;
pub mod outbox;
pub mod wire;

#[cfg(feature = "net")]
pub mod cli;
#[cfg(feature = "net")]
pub mod control;
#[cfg(feature = "net")]
pub mod net;
#[cfg(feature = "net")]
mod sdk;

pub use msec_crdt_store as store;
pub use msec_crdt_store::{Area, Near, Place, Query, Reading, Row, ValueQuality};
#[cfg(feature = "index")]
pub use msec_crdt_store::{Bucket, ClaimView, Resolution, Retention, RollUpQuery, RollUpRow};
#[cfg(feature = "documents")]
pub use msec_crdt_store::{
    Conflict, Held, Thing, ThingError, ThingField, ThingPatch, ThingView, Things, WaitsFor,
};
pub use msec_gossip as gossip;
pub use msec_identity as identity;
pub use node::{Event, Measured, Receipt, Refused, RefusedKind, StreamName, StreamSpec};
#[cfg(any(feature = "index", not(feature = "net")))]
pub use node::{SealedView, Waits};

#[cfg(feature = "net")]
pub use net::{BindError, Remote};
#[cfg(feature = "iroh")]
pub use net::{IrohAddress, ParseIrohAddressError};
#[cfg(all(feature = "net", any(feature = "index", feature = "documents")))]
pub use sdk::EraseFailed;
#[cfg(all(feature = "net", feature = "index"))]
pub use sdk::{
    AccessFailed, AccessTree, BenchCode, BenchTerms, ClassTerms, ClassView, Confirmed, CutTerms, EndView,
    ErasedBy, ErasedStream, ErasurePlan, ErasureTerms, ErasureView, Explanation, GrantHolder, GrantTerms,
    GrantView, HolderView, INVITE_LASTS_MAX, InviteEvent, InviteFailed, InviteTerms, Inviting, Issued,
    Limits, LinkView, Ordered, PlannedEnd, PlannedGrant, PlannedStream, Question, ReaderView, ReplaceTerms,
    Replaced, ReplacementPlan, RestoreTerms, Restored, RevocationPlan, RevokeTerms, RevokedGrant,
    RevokedView, SignedExplanation, Standing, VoicesView,
};
#[cfg(feature = "net")]
pub use sdk::{
    COMMANDS_MAX, CollectionWithheld, DataDir, DataDirError, EVENTS_MAX, Fault, Found, Granted,
    InvitationError, JoinFailed, Kept, LeaseStatus, Membership, Neighbour, Notice, OpenError, Over, Owner,
    OwnerError, Peer, PeerClosed, PeerConfig, Pending, PublishFailed, QueryFailed, Served, Status,
    Subscription, Welcomed, join_with_code,
};
#[cfg(all(feature = "net", feature = "index"))]
pub use sdk::{
    Claims, KEEP_COPIES_MAX, KEEP_RULES_MAX, Keep, KeepError, KeyRestored, STATEMENTS_MAX, key_on_paper,
};
#[cfg(all(feature = "net", feature = "documents"))]
pub use sdk::{CompactFailed, Compacted, EditFailed, Registry, RegistryFailed, RegistryWatch};
