//! The secret in a code, and what derives from it.

use std::fmt;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const PSK: &str = "msec/pairing/1 psk";
const TAG: &str = "msec/pairing/1 tag";

/// 160 random bits: whoever knows them may ask to join. Zeroised when it is dropped.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct InviteSecret(#[cbor(n(0), with = "bytes")] Zeroizing<[u8; 20]>);

/// What a joiner says in clear, so that the inviter knows which secret to try. It says nothing of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteTag(pub [u8; 8]);

impl InviteSecret {
    /// How long it is.
    pub(super) const BYTES: usize = 20;

    /// A new one.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; Self::BYTES]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The pre-shared key of the handshake.
    pub(super) fn psk(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(PSK, self.0.as_slice()))
    }

    /// Its tag.
    pub fn tag(&self) -> InviteTag {
        let [a, b, c, d, e, f, g, h, ..] = blake3::derive_key(TAG, self.0.as_slice());
        InviteTag([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InviteSecret").field(&self.tag()).finish()
    }
}

/// A byte string of 20 bytes.
mod bytes {
    use minicbor::decode::{Decoder, Error};
    use minicbor::encode::{self, Encoder, Write};
    use zeroize::Zeroizing;

    use super::InviteSecret;

    pub(super) fn encode<C, W: Write>(
        secret: &Zeroizing<[u8; InviteSecret::BYTES]>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(secret.as_slice())?.ok()
    }

    pub(super) fn decode<C>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Zeroizing<[u8; InviteSecret::BYTES]>, Error> {
        let bytes = d.bytes()?.try_into().map_err(|_| Error::message("a secret has 20 bytes"))?;
        Ok(Zeroizing::new(bytes))
    }
}
