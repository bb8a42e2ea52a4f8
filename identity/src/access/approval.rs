//! A root agrees with what another one says.

use minicbor::{Decode, Encode};

use crate::id::{PeerId, SpaceId};
use crate::record::Record;

/// "I stand behind that record too", signed by the approver. What a root says in the name of its space counts when as many
/// different roots stand behind it as the threshold of the space asks for: the issuer, and those who approve.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Approval {
    /// The space in which the record counts.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub approver: PeerId,
    /// The hash of the record ([`Record::hash`]): a grant, a revocation, a restoration or a succession.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub of: [u8; 32],
}

impl Record for Approval {
    const DOMAIN: &'static str = "msec/approval/1";
}
