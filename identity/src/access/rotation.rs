//! A peer has another Noise key, and the old ones count no more.

use minicbor::{Decode, Encode};

use crate::id::{PeerId, SpaceId};
use crate::record::Record;
use crate::time::UnixMillis;

/// "Noise keys that I endorsed before then are mine no more", signed by the identity. So whoever stole one is refused before its
/// endorsement ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Rotation {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs, and whose keys they are.
    #[n(1)]
    pub issuer: PeerId,
    /// What was endorsed earlier by the issuer's own clock counts no more ([`crate::Endorsement::since`]). Of several, the latest.
    #[n(2)]
    pub since: UnixMillis,
}

impl Record for Rotation {
    const DOMAIN: &'static str = "msec/rotation/1";
}
