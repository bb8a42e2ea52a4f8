//! Other roots from now on.

use minicbor::{Decode, Encode};

use super::cuts::Cuts;
use crate::error::ManifestError;
use crate::id::{PeerId, SpaceId};
use crate::manifest;
use crate::record::Record;
use crate::time::UnixMillis;

/// "These keys speak for the space now", agreed to by as many of the roots before it as their threshold asks for.
///
/// The manifests of a space form a chain: each names the hash of the one before it and has the next number. Where two of one
/// number were agreed to, the one with the lower hash counts, whichever was seen first: roots that agree to both make their
/// space change hands with the second. So that this stays rare, a threshold of one is for spaces of one person.
///
/// A record counts when as many of today's roots stand behind it as today's threshold asks for. A root that went speaks for
/// nothing but what is entered in its control log below the cut that the succession names, and for nothing at all where
/// none is named. Before a threshold is raised, what shall stay is approved by more roots.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Succession {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The hash of what it follows: of the succession before it ([`Record::hash`]), or the space's id, which is that of the
    /// manifest.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub previous: [u8; 32],
    /// Its number: the manifest has 0.
    #[n(3)]
    pub serial: u32,
    /// The roots, as in the manifest.
    #[n(4)]
    pub roots: Vec<PeerId>,
    /// How many of them must agree.
    #[n(5)]
    pub threshold: u8,
    /// Up to where the control logs of the roots that go count.
    #[n(6)]
    pub cuts: Cuts,
    /// When it was signed, by the issuer's clock: for people, it proves nothing.
    #[n(7)]
    pub at: UnixMillis,
}

impl Succession {
    /// Whether roots and threshold can found a space.
    pub fn check(&self) -> Result<(), ManifestError> {
        manifest::check_roots(&self.roots, self.threshold)
    }
}

impl Record for Succession {
    const DOMAIN: &'static str = "msec/succession/1";
}
