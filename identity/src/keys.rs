//! The keys of a peer: an Ed25519 identity for life, and a Noise key that it endorses for a while.

use std::fmt;

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use zeroize::Zeroizing;

use crate::id::PeerId;
use crate::record::{Record, Verified};
use crate::time::UnixMillis;

const NOISE_CONTEXT: &str = "msec/noise-key/1 seeds to key";

/// A peer's Ed25519 key. It never leaves the peer; `Debug` shows the public half.
pub struct Identity {
    signing: SigningKey,
}

impl Identity {
    /// The identity whose secret is `seed` (RFC 8032, section 5.1.5). The caller draws the seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self { signing: SigningKey::from_bytes(&seed) }
    }

    /// The public half.
    pub fn peer(&self) -> PeerId {
        PeerId(self.signing.verifying_key().to_bytes())
    }

    /// Signs a record. What a peer signed itself needs no further check.
    pub fn sign<R: Record>(&self, record: R) -> Verified<R> {
        Verified::sign(record, &self.signing)
    }

    /// The seed, for key stores of this crate.
    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes())
    }

    /// Makes the Noise key with this secret, endorsed until `not_after`. The caller draws the secret, and makes a new
    /// key well before the old one expires.
    pub fn endorse(&self, secret: [u8; 32], not_after: UnixMillis) -> NoiseKey {
        self.endorse_since(secret, None, not_after)
    }

    fn endorse_since(&self, secret: [u8; 32], since: Option<UnixMillis>, not_after: UnixMillis) -> NoiseKey {
        let secret = Zeroizing::new(secret);
        let noise = noise_public(&secret);
        let endorsement = self.sign(Endorsement { peer: self.peer(), noise, not_after, since });
        NoiseKey { secret, endorsement }
    }

    /// Makes the next Noise key, endorsed from `since` until `not_after`. The caller draws `seed`, anew each time, and keeps neither it nor
    /// the old key. The secret derives from the identity's seed as well, so that a poor source of randomness alone gives it to
    /// nobody; and who gets hold of the identity's seed later cannot tell what it was.
    pub fn rotate_noise(&self, seed: [u8; 32], since: UnixMillis, not_after: UnixMillis) -> NoiseKey {
        let seed = Zeroizing::new(seed);
        let mut hasher = blake3::Hasher::new_derive_key(NOISE_CONTEXT);
        hasher.update(self.seed().as_slice()).update(seed.as_slice());
        self.endorse_since(*hasher.finalize().as_bytes(), Some(since), not_after)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.peer()).finish()
    }
}

/// The public half of a Noise key: X25519 (RFC 7748).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct NoisePublic(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// "This Noise key is mine, until then", signed by the identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Endorsement {
    /// The identity that signs.
    #[n(0)]
    pub peer: PeerId,
    /// The key that it answers for.
    #[n(1)]
    pub noise: NoisePublic,
    /// The end of its validity.
    #[n(2)]
    pub not_after: UnixMillis,
    /// When it was endorsed, by the identity's own clock: a [`crate::Rotation`] ends those that are older. Keys of a peer that never says so are
    /// the oldest.
    #[n(3)]
    pub since: Option<UnixMillis>,
}

impl Record for Endorsement {
    const DOMAIN: &'static str = "msec/endorsement/1";
}

/// A Noise key with its endorsement.
#[derive(Clone)]
pub struct NoiseKey {
    secret: Zeroizing<[u8; 32]>,
    endorsement: Verified<Endorsement>,
}

impl NoiseKey {
    /// What the identity says of this key.
    pub fn endorsement(&self) -> &Verified<Endorsement> {
        &self.endorsement
    }

    /// The private half, for the handshake of this crate.
    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for NoiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseKey").field("endorsement", &self.endorsement).finish_non_exhaustive()
    }
}

/// The public half that snow computes for `secret`.
fn noise_public(secret: &[u8; 32]) -> NoisePublic {
    let mut dh = DefaultResolver
        .resolve_dh(&DHChoice::Curve25519)
        .expect("snow is built with Curve25519 in Cargo.toml");
    dh.set(secret);
    NoisePublic(dh.pubkey().try_into().expect("an X25519 public key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let identity = Identity::from_seed([0x5a; 32]);
        let noise = identity.endorse([0x6b; 32], UnixMillis(0));
        let shown = format!("{identity:?} {noise:?}");
        assert!(
            !shown.contains("5a5a") && !shown.contains("90, 90") && !shown.contains("107, 107"),
            "{shown}"
        );
    }

    #[test]
    fn a_rotated_key_is_another_for_each_seed_and_identity() {
        let key = |identity: u8, seed: u8| {
            let identity = Identity::from_seed([identity; 32]);
            identity.rotate_noise([seed; 32], UnixMillis(3), UnixMillis(7)).endorsement().noise
        };
        assert_eq!(key(1, 1), key(1, 1));
        assert_ne!(key(1, 1), key(1, 2));
        assert_ne!(key(1, 1), key(2, 1));
        assert_ne!(
            key(1, 1),
            Identity::from_seed([1; 32]).endorse([1; 32], UnixMillis(7)).endorsement().noise
        );
    }

    #[test]
    fn the_noise_key_is_that_of_rfc_7748() {
        // Alice's key pair, RFC 7748, section 6.1.
        let bytes = |text: &str| -> [u8; 32] {
            data_encoding::HEXLOWER
                .decode(text.as_bytes())
                .expect("hexadecimal")
                .try_into()
                .expect("32 bytes")
        };
        let secret = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let public = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        assert_eq!(noise_public(&secret), NoisePublic(public));
    }
}
