//! One entry's body, sealed.
//!
//! ```text
//! sealed body = [key: u64, commitment: 32 bytes, ciphertext: bytes]                           CBOR, one encoding; key = the
//!               position of the entry of the same log that holds the data key, sealed
//! place       = CBOR [epoch: 32 bytes, log: 32 bytes, day, key, position, salt: 16 bytes]      epoch and day: the data key's
//! key, nonce, commitment = 32, 12 and 32 bytes of BLAKE3 in key derivation mode, context "msec/sealed-body/1", over the data
//!               key and the place
//! ciphertext  = ChaCha20Poly1305 (RFC 8439) with that key and nonce over the padded content; aad = place
//! ```
//!
//! The salt is that of the entry's commitment, which lies in clear beside the body. It is drawn at random for each entry, so that no
//! key and nonce are used twice. The commitment stands for key and place as a collision-free hash does: a body that opens under
//! two keys would be a collision of BLAKE3.

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

use super::context;
use super::data_key::DataKey;
use super::padding;
use super::suite::TAG_BYTES;
use crate::error::{OpenError, SealError};
use crate::id::LogId;

/// The longest content, in bytes: padded and sealed it is just short of the 64 KiB that a body may have.
pub const SEALED_CONTENT_BYTES_MAX: usize = 31 * 2048 - 1;
/// The longest encoding: what is around the ciphertext takes 1, 9, 34 and 5 bytes at most.
const SEALED_BODY_BYTES_MAX: usize = SEALED_CONTENT_BYTES_MAX + 1 + TAG_BYTES + 49;

const CONTEXT: &str = "msec/sealed-body/1";

/// Where a body lies. It opens there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPlace {
    /// The log.
    pub log: LogId,
    /// The entry's position in it.
    pub position: u64,
    /// The salt of the entry's commitment.
    pub salt: [u8; 16],
}

/// A body that only readers of its epoch open.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SealedBody {
    #[n(0)]
    key: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    commitment: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

impl SealedBody {
    /// Seals `content` for that place, under the key that lies sealed at the position `key_at` of the log.
    pub fn seal(content: &[u8], key: &DataKey, key_at: u64, place: &BodyPlace) -> Result<Self, SealError> {
        if content.len() > SEALED_CONTENT_BYTES_MAX {
            return Err(SealError::TooLong { bytes: content.len() });
        }
        if place.log != key.log {
            return Err(SealError::Log);
        }
        let bound = bound(key, key_at, place);
        let keys = EntryKeys::derive(key, &bound);
        let padded = Zeroizing::new(padding::pad(content));
        let payload = Payload { msg: padded.as_slice(), aad: &bound };
        let ciphertext = keys.cipher().encrypt(&keys.nonce().into(), payload);
        let ciphertext = ciphertext.expect("ChaCha20Poly1305 takes messages of up to 256 GiB");
        Ok(Self { key: key_at, commitment: *keys.commitment(), ciphertext })
    }

    /// Opens it at that place. The commitment is compared first: under a wrong key nothing is decrypted.
    pub fn open(&self, key: &DataKey, place: &BodyPlace) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if place.log != key.log {
            return Err(OpenError::Log);
        }
        let bound = bound(key, self.key, place);
        let keys = EntryKeys::derive(key, &bound);
        // Compared in constant time, though it is no secret.
        if blake3::Hash::from_bytes(self.commitment) != *keys.commitment() {
            return Err(OpenError::WrongKey);
        }
        let payload = Payload { msg: self.ciphertext.as_slice(), aad: &bound };
        let padded = keys.cipher().decrypt(&keys.nonce().into(), payload);
        let mut content = Zeroizing::new(padded.map_err(|_| OpenError::Broken)?);
        let len = padding::content_len(&content).ok_or(OpenError::Malformed)?;
        content.truncate(len);
        Ok(content)
    }

    /// Where in the log the key lies that opens it.
    pub fn key_at(&self) -> u64 {
        self.key
    }

    /// The one encoding: what is stored, and what the entry's commitment is over.
    pub fn to_bytes(&self) -> Vec<u8> {
        context(self)
    }

    /// Parses what `to_bytes` wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        if bytes.len() > SEALED_BODY_BYTES_MAX {
            return Err(OpenError::Malformed);
        }
        let body: Self = minicbor::decode(bytes).map_err(|_| OpenError::Malformed)?;
        let whole = body.ciphertext.len() > TAG_BYTES && body.to_bytes() == bytes;
        if whole { Ok(body) } else { Err(OpenError::Malformed) }
    }
}

/// What key, nonce, commitment and ciphertext are bound to.
fn bound(key: &DataKey, key_at: u64, place: &BodyPlace) -> Vec<u8> {
    let salt = minicbor::bytes::ByteArray::from(place.salt);
    context(&(key.epoch, key.log, key.day, key_at, place.position, salt))
}

/// Key, nonce and commitment of one entry.
struct EntryKeys(Zeroizing<[u8; 76]>);

impl EntryKeys {
    fn derive(key: &DataKey, bound: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(key.key.as_slice()).update(bound);
        let mut keys = Zeroizing::new([0; 76]);
        hasher.finalize_xof().fill(keys.as_mut_slice());
        Self(keys)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        let key: &[u8; 32] = self.0.first_chunk().expect("76 bytes begin with 32");
        ChaCha20Poly1305::new(key.into())
    }

    fn nonce(&self) -> [u8; 12] {
        *self.0[32..].first_chunk().expect("44 bytes begin with 12")
    }

    fn commitment(&self) -> &[u8; 32] {
        self.0.last_chunk().expect("76 bytes end with 32")
    }
}

#[cfg(test)]
mod oracle;
