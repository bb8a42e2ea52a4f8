//! A peer confirms that it has learnt of the end of a grant, or that it has erased.

use minicbor::{Decode, Encode};

use super::grant::Rights;
use crate::id::{PeerId, SpaceId};
use crate::record::Record;
use crate::time::UnixMillis;

/// "I know of that revocation since then", or "of that erasure nothing is left with me", signed by a peer that holds what others
/// write. It ends no right and gives none: it is for whoever asks later how long somebody could still read, and who has not erased yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Receipt {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The hash of the revocation, or of the erasure ([`Record::hash`]).
    #[cbor(n(2), with = "minicbor::bytes")]
    pub of: [u8; 32],
    /// When it learnt of the end, or when its disk had nothing left of what was erased, by its own clock: for people, it proves nothing.
    #[n(3)]
    pub at: UnixMillis,
    /// What it is there for: of `read`, `relay` and `manage` those that it holds.
    #[n(4)]
    pub role: Rights,
    /// Bytes of data, at most, that it gave to the holder of the grant between the time that the revocation names and `at`;
    /// 0 where it has erased.
    #[n(5)]
    pub served: u64,
}

impl Record for Receipt {
    const DOMAIN: &'static str = "msec/receipt/1";
}
