//! Epochs of a sealed collection: a key pair each, named by the hash of a signed record.

use std::fmt;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::names::NamesSecret;
use super::suite::{SealingPublic, SealingSecret};
use crate::id::{EpochId, PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::Record;
use crate::time::UnixMillis;

/// "From then on, what is written there is sealed to this key", signed by somebody who manages the collection. Whether the
/// signer does is for [`crate::Authority`] to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct EpochRecord {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The collection that is sealed, with those below it.
    #[n(2)]
    pub collection: CollectionPath,
    /// Counts epochs, from 0.
    #[n(3)]
    pub number: u32,
    /// What writers seal to.
    #[n(4)]
    pub public: SealingPublic,
    /// A commitment to the [`NamesSecret`]: the same in each epoch of a collection.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub names: [u8; 32],
    /// The epoch that this one ends.
    #[n(6)]
    pub previous: Option<EpochId>,
    /// When it began, by its issuer's clock: whose grant to read begins later is given the next one. Writers use an epoch from when they
    /// know of it, whatever their clocks show.
    #[n(7)]
    pub not_before: UnixMillis,
}

impl Record for EpochRecord {
    const DOMAIN: &'static str = "msec/epoch/1";
}

impl EpochRecord {
    /// The epoch's id.
    pub fn id(&self) -> EpochId {
        EpochId(self.hash())
    }
}

/// What a reader holds of an epoch: its private half, and the secret behind the names. Zeroised when it is dropped.
#[derive(Clone)]
pub struct EpochSecret {
    secret: SealingSecret,
    names: NamesSecret,
}

impl EpochSecret {
    /// A new epoch. The first of a collection draws its names' secret too, by [`NamesSecret::draw`]; the others keep it.
    pub fn draw(names: NamesSecret, rng: &mut impl CryptoRng) -> Self {
        let mut material = Zeroizing::new([0; 32]);
        rng.fill_bytes(material.as_mut_slice());
        Self { secret: SealingSecret::derive(&material), names }
    }

    /// What there is to sign of it.
    pub fn record(
        &self,
        (space, issuer): (SpaceId, PeerId),
        collection: CollectionPath,
        previous: Option<&EpochRecord>,
        not_before: UnixMillis,
    ) -> EpochRecord {
        EpochRecord {
            space,
            issuer,
            collection,
            number: previous.map_or(0, |it| it.number.saturating_add(1)),
            public: self.secret.public(),
            names: self.names.commitment(),
            previous: previous.map(EpochRecord::id),
            not_before,
        }
    }

    /// Whether this is what the record speaks of.
    pub fn is_of(&self, epoch: &EpochRecord) -> bool {
        self.secret.public() == epoch.public && self.names.commitment() == epoch.names
    }

    /// The secret behind the names.
    pub fn names(&self) -> &NamesSecret {
        &self.names
    }

    pub(super) fn secret(&self) -> &SealingSecret {
        &self.secret
    }

    /// Private half and names' secret, in the clear: for a test that searches for them where they must not be.
    #[doc(hidden)]
    pub fn reveal(&self) -> Zeroizing<[u8; 64]> {
        self.to_bytes()
    }

    /// Both secrets, for a wrap.
    pub(super) fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut bytes = Zeroizing::new([0; 64]);
        bytes[..32].copy_from_slice(self.secret.as_bytes());
        bytes[32..].copy_from_slice(self.names.as_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut secret, mut names) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        secret.copy_from_slice(&bytes[..32]);
        names.copy_from_slice(&bytes[32..]);
        Self { secret: SealingSecret::from_bytes(*secret), names: NamesSecret::from_bytes(*names) }
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochSecret").field("public", &self.secret.public()).finish_non_exhaustive()
    }
}
