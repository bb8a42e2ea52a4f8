//! Who a peer is.
mod id;
pub use id::{GrantId, LogId, ParseIdError, PeerId, SpaceId};
