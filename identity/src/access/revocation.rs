//! The end of a grant before its time, and what is put right afterwards.

use minicbor::{Decode, Encode};

use super::cuts::Cuts;
use super::text::ShortText;
use crate::id::{GrantId, PeerId, SpaceId};
use crate::record::Record;
use crate::time::UnixMillis;

/// The longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 256;

/// "That grant is over, and of the logs under it this much counts", signed by its issuer or by the issuer of a link above
/// it. Logs under the grant that are not named are cut at 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Revocation {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// What is over.
    #[n(2)]
    pub grant: GrantId,
    /// Up to where logs under it count. The grant's control log is one of them: what its holder granted goes on where it is
    /// entered below the cut.
    #[n(3)]
    pub cuts: Cuts,
    /// When it was signed, by the issuer's clock: for people, it proves nothing.
    #[n(4)]
    pub at: UnixMillis,
    /// Why, for people.
    #[n(5)]
    pub reason: ShortText<REASON_BYTES_MAX>,
}

impl Record for Revocation {
    const DOMAIN: &'static str = "msec/revocation/1";
}

/// "That revocation should have named these logs too", signed by its issuer or by the issuer of a link above that one's.
/// What the revocation names stays as it is, and the grant stays over: whoever is to go on gets a new one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Restoration {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The hash of the revocation ([`Record::hash`]).
    #[cbor(n(2), with = "minicbor::bytes")]
    pub revocation: [u8; 32],
    /// Up to where logs count that the revocation does not name.
    #[n(3)]
    pub cuts: Cuts,
    /// When it was signed, by the issuer's clock: for people, it proves nothing.
    #[n(4)]
    pub at: UnixMillis,
}

impl Record for Restoration {
    const DOMAIN: &'static str = "msec/restoration/1";
}
