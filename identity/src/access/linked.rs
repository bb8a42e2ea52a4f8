//! The manifest of another space, for those who are to know its roots.

use minicbor::{Decode, Encode};

use crate::error::ManifestError;
use crate::id::{PeerId, SpaceId};
use crate::manifest::Manifest;
use crate::record::Record;

/// "These are the roots of a space that holds a grant of ours", signed by whoever granted it. The manifest proves itself, since
/// the grant names its hash: the signature only says who filled the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Linked {
    /// The space in which the grant counts.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The other space's manifest, as [`Manifest::to_bytes`] has it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
}

impl Linked {
    /// The other space's manifest.
    pub fn manifest(&self) -> Result<Manifest, ManifestError> {
        Manifest::from_bytes(&self.manifest)
    }
}

impl Record for Linked {
    const DOMAIN: &'static str = "msec/linked/1";
}
