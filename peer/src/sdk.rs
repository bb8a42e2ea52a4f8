//! A peer for apps: open it, publish, subscribe, query.

mod config;
mod data_dir;
mod error;
mod invitation;
mod owner;
mod peer;
mod pending;
mod status;
mod subscription;

pub use config::PeerConfig;
pub use data_dir::DataDir;
pub use error::{
    DataDirError, InvitationError, OpenError, OwnerError, PeerClosed, PublishFailed, QueryFailed,
};
pub use invitation::Membership;
pub use owner::Owner;
pub use peer::{COMMANDS_MAX, Peer};
pub use pending::Pending;
pub use status::{Found, Neighbour, Status};
pub use subscription::{EVENTS_MAX, Notice, Subscription};
