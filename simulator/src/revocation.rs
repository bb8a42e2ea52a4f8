//! Rights that end: who issues that, how fast it is known, and what was read meanwhile.
//!
//! | module | what it holds |
//! |---|---|
//! | `plan` | [`Revoke`]: what a scenario says |
//! | `issued` | [`Revoked`], one revocation, and [`Revocations`], the truth about all of them that checkers hold the nodes against |
//! | `carried` | what a message carries of which log |
//!
//! A revocation is an entry that the issuer's own node publishes; nothing else tells anybody. Whether a peer knows it is read
//! from what its node holds of the issuer's control log, and what follows is computed here, from what was issued: no node's
//! word counts.

mod carried;
mod issued;
mod plan;

pub(crate) use carried::{beyond, carried};
pub(crate) use issued::{Eyes, Granted, Restored, Revocations};
pub use issued::{Reached, Revoked};
pub use plan::{CutAt, Issuer, Revoke};

/// Why somebody cannot revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// There is nothing to revoke.
    #[error("peer {holder} was granted nothing, so that nothing can be revoked: name one that has a grant")]
    NoGrant {
        /// Whose grant it would be.
        holder: crate::PeerIndex,
    },
    /// It would bind nobody.
    #[error(
        "peer {by} does not stand above the grant of peer {holder}: let the root revoke it, or whoever granted it"
    )]
    NotAbove {
        /// Who would issue it.
        by: crate::PeerIndex,
        /// Whose grant it is.
        holder: crate::PeerIndex,
    },
    /// Nothing was revoked before.
    #[error("nothing was revoked of peer {holder}, so that nothing can be restored")]
    NotRevoked {
        /// Whose grant it is.
        holder: crate::PeerIndex,
    },
}
