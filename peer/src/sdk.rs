//! A peer for apps: open it, publish, subscribe, query.

mod config;
mod data_dir;
mod error;
mod owner;
mod peer;
mod subscription;

pub use config::{Membership, PeerConfig};
pub use data_dir::DataDir;
pub(crate) use data_dir::{read_grant, read_manifest};
pub use error::{DataDirError, OpenError, OwnerError, PeerClosed, PublishFailed, QueryFailed};
pub use owner::Owner;
pub use peer::Peer;
pub use subscription::{EVENTS_MAX, Notice, Subscription};
