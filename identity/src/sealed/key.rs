//! The key of an identity that epochs are wrapped for.
//!
//! It is a key of its own and not the identity's, moved to the other curve: one key signs, another is sealed to, and neither
//! says anything about the other. It derives from the identity's seed, so that a backup of the seed brings it back; a higher
//! number is another key, for when one has to be given up.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::suite::{SealingPublic, SealingSecret};
use crate::id::{PeerId, SpaceId};
use crate::keys::Identity;
use crate::record::{Record, Verified};
use crate::time::UnixMillis;

const CONTEXT: &str = "msec/sealing-key/1 seed and number to key";

/// "What is sealed to this key I can open, until then", signed by the identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SealingEndorsement {
    /// The space in which it says so.
    #[n(0)]
    pub space: SpaceId,
    /// The identity that signs.
    #[n(1)]
    pub peer: PeerId,
    /// Which of its keys: of two that are valid the higher number counts.
    #[n(2)]
    pub number: u32,
    /// The key.
    #[n(3)]
    pub public: SealingPublic,
    /// The end of its validity, inclusive.
    #[n(4)]
    pub not_after: UnixMillis,
}

impl Record for SealingEndorsement {
    const DOMAIN: &'static str = "msec/sealing-key/1";
}

impl SealingEndorsement {
    /// Whether `at` lies in its validity. A peer whose clock was never set passes `None`, and is not kept out by it.
    pub fn is_valid(&self, at: Option<UnixMillis>) -> bool {
        at.is_none_or(|at| at <= self.not_after)
    }
}

/// A sealing key with its endorsement. The private half is zeroised when it is dropped.
#[derive(Clone)]
pub struct SealingKey {
    secret: SealingSecret,
    endorsement: Verified<SealingEndorsement>,
}

impl SealingKey {
    /// What the identity says of this key.
    pub fn endorsement(&self) -> &Verified<SealingEndorsement> {
        &self.endorsement
    }

    pub(super) fn secret(&self) -> &SealingSecret {
        &self.secret
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("endorsement", &self.endorsement).finish_non_exhaustive()
    }
}

impl Identity {
    /// The sealing key of that number, endorsed in a space until `not_after`. The first is 0; each time the same key.
    pub fn sealing_key(&self, space: SpaceId, number: u32, not_after: UnixMillis) -> SealingKey {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(self.seed().as_slice()).update(&number.to_be_bytes());
        let material = Zeroizing::new(*hasher.finalize().as_bytes());
        let secret = SealingSecret::derive(&material);
        let public = secret.public();
        let endorsement =
            self.sign(SealingEndorsement { space, peer: self.peer(), number, public, not_after });
        SealingKey { secret, endorsement }
    }
}
