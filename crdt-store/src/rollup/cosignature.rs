//! What a gateway signs that recomputed a claim.

use minicbor::{Decode, Encode};
use msec_identity::{PeerId, Record, RecordError, Unverified, Verified, Verifier};

use super::claim::RollUpClaim;

/// "I had these entries, and they come to this." Only [`super::Recomputed::countersign`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct RollUpCosignature {
    #[cbor(n(0), with = "minicbor::bytes")]
    claim: [u8; 32],
    #[n(1)]
    gateway: PeerId,
}

impl Record for RollUpCosignature {
    const DOMAIN: &'static str = "msec/rollup-cosignature/1";
}

impl RollUpCosignature {
    pub(super) fn new(claim: [u8; 32], gateway: PeerId) -> Self {
        Self { claim, gateway }
    }

    /// The hash of the claim.
    pub fn claim(&self) -> [u8; 32] {
        self.claim
    }

    /// Who recomputed it.
    pub fn gateway(&self) -> PeerId {
        self.gateway
    }

    /// Whether it is about this claim.
    pub fn covers(&self, claim: &RollUpClaim) -> bool {
        self.claim == claim.hash()
    }

    /// Checks that the gateway signed which it names. Whether it is one whose word counts is for the caller to know.
    ///
    /// # Errors
    ///
    /// If somebody else signed, or something else.
    pub fn verify(signed: Unverified<Self>, verifier: &Verifier) -> Result<Verified<Self>, RecordError> {
        let gateway = signed.claims().gateway;
        signed.verify_by(verifier, &gateway)
    }
}
