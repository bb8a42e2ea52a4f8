//! What collections and streams are called where their names are sealed: keyed hashes, under a secret of the collection.
//!
//! The secret outlives epochs, since a stream keeps its log. So who could read once can tell names ever after, of things that it
//! knew or guesses; what is said under them it cannot read.

use std::fmt;

use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::context;
use crate::id::SpaceId;
use crate::path::CollectionPath;

const COLLECTION: &str = "msec/sealed-names/1 collection";
const STREAM: &str = "msec/sealed-names/1 stream";
const COMMITMENT: &str = "msec/sealed-names/1 commitment";

/// Names things of one sealed collection. Drawn once, and wrapped anew with each epoch.
#[derive(Clone)]
pub struct NamesSecret(Zeroizing<[u8; 32]>);

/// What stands for a name: 128 bits, shown as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealedName(pub [u8; 16]);

impl NamesSecret {
    /// A new one.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What stands for the collection in the ids of its logs.
    pub fn collection(&self, space: &SpaceId, collection: &CollectionPath) -> SealedName {
        self.name(COLLECTION, &context(&(space, collection)))
    }

    /// What stands for one of its streams.
    pub fn stream(&self, space: &SpaceId, collection: &CollectionPath, stream: &str) -> SealedName {
        self.name(STREAM, &context(&(space, collection, stream)))
    }

    /// What an epoch record says of the secret, so that a holder knows a wrong one.
    pub(super) fn commitment(&self) -> [u8; 32] {
        blake3::derive_key(COMMITMENT, self.0.as_slice())
    }

    fn name(&self, kind: &str, what: &[u8]) -> SealedName {
        let mut hasher = blake3::Hasher::new_derive_key(kind);
        hasher.update(self.0.as_slice()).update(what);
        let mut name = [0; 16];
        hasher.finalize_xof().fill(&mut name);
        SealedName(name)
    }
}

impl fmt::Debug for NamesSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamesSecret").finish_non_exhaustive()
    }
}

impl fmt::Display for SealedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
