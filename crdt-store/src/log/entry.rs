//! One leaf of a log, and the body that lies beside it.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder, encode};
use msec_identity::UnixMillis;

use super::TimeQuality;
use crate::merkle::{TreeHash, leaf_hash};
use crate::reading::{Reading, decode_readings};

/// The length of the salt of a commitment. 128 random bits keep a body from being guessed back, even one that has few
/// possible values.
pub const COMMITMENT_SALT_BYTES: usize = 16;
/// What an entry takes beside its body, at most: kind, time, quality and salt.
pub(super) const ENTRY_OVERHEAD_BYTES: usize = 48;

const DOMAIN: &str = "msec/entry/1";
const COMMITMENT_DOMAIN: &str = "msec/commitment/1";
/// What BLAKE3 makes of that domain before it hashes anything under it: the same for all entries.
static COMMITMENT_KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context(COMMITMENT_DOMAIN));

/// What an entry says. Kinds that this version does not know are kept and forwarded, and not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// The header of the log; entry 0 and no other.
    Header,
    /// Readings in columns.
    Readings,
    /// One change of a document.
    Change,
    /// What the entries of a log come to: a [`crate::RollUpClaim`].
    Claim,
    /// The hash of a claim that this log's author recomputed from the entries.
    Countersignature,
    /// A signed record of who may do what: a `msec_identity::ControlRecord`.
    Control,
    /// The key of a day, sealed to an epoch: a `msec_identity::sealed::SealedDataKey`.
    DataKey,
    /// Something that only readers of an epoch open: a `msec_identity::sealed::SealedBody`.
    Sealed,
    /// Something that a later version knows.
    Other(u16),
}

impl EntryKind {
    fn code(self) -> u16 {
        match self {
            Self::Header => 0,
            Self::Readings => 1,
            Self::Change => 2,
            Self::Claim => 3,
            Self::Countersignature => 4,
            Self::Control => 5,
            Self::DataKey => 6,
            Self::Sealed => 7,
            Self::Other(code) => code,
        }
    }

    fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Header,
            1 => Self::Readings,
            2 => Self::Change,
            3 => Self::Claim,
            4 => Self::Countersignature,
            5 => Self::Control,
            6 => Self::DataKey,
            7 => Self::Sealed,
            other => Self::Other(other),
        }
    }
}

/// What an entry commits to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Body {
    /// The bytes, and the salt of their commitment.
    Kept {
        /// Random, one for each entry.
        salt: [u8; COMMITMENT_SALT_BYTES],
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Erased: the commitment is all that is left.
    Erased {
        /// What the leaf commits to.
        commitment: [u8; 32],
    },
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it says.
    pub kind: EntryKind,
    /// When it was written, by its author's clock.
    pub time: UnixMillis,
    /// What is known of that clock.
    pub quality: TimeQuality,
    /// What it commits to.
    pub body: Body,
}

impl Body {
    /// The commitment: BLAKE3 in key derivation mode over salt and bytes.
    pub(crate) fn commitment(&self) -> [u8; 32] {
        match self {
            Self::Erased { commitment } => *commitment,
            Self::Kept { salt, bytes } => {
                let mut hasher = blake3::Hasher::new_from_context_key(&COMMITMENT_KEY);
                *hasher.update(salt).update(bytes).finalize().as_bytes()
            }
        }
    }

    /// The bytes, unless they were erased.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Kept { bytes, .. } => Some(bytes),
            Self::Erased { .. } => None,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept { bytes, .. } => write!(f, "Kept({} bytes)", bytes.len()),
            Self::Erased { .. } => f.write_str("Erased"),
        }
    }
}

impl Entry {
    /// The hash of the leaf: the CBOR array `[domain, kind, time, quality, commitment]`, hashed as in RFC 9162.
    pub fn leaf(&self) -> TreeHash {
        let mut e = Encoder::new(Vec::with_capacity(64));
        let done = e
            .array(5)
            .and_then(|e| e.str(DOMAIN))
            .and_then(|e| e.u16(self.kind.code()))
            .and_then(|e| e.i64(self.time.0))
            .and_then(|e| e.u8(self.quality.code()))
            .and_then(|e| e.bytes(&self.body.commitment()))
            .is_ok();
        debug_assert!(done, "writing to a Vec cannot fail");
        leaf_hash(e.writer())
    }

    /// Forgets salt and body. The commitment is left, and so is the leaf.
    pub(crate) fn erase(&mut self) {
        self.body = Body::Erased { commitment: self.body.commitment() };
    }

    /// When it was written, if it is of readings, sealed or not, and the clock was set.
    pub(crate) fn read_at(&self) -> Option<UnixMillis> {
        (matches!(self.kind, EntryKind::Readings | EntryKind::Sealed) && self.quality.is_set())
            .then_some(self.time)
    }

    /// The readings in it. A signed entry may still hold nonsense: it is kept and forwarded, and shown to nobody.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        match (self.kind, self.body.bytes()) {
            (EntryKind::Readings, Some(body)) => decode_readings(body).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Bytes that the body takes.
    pub fn body_len(&self) -> usize {
        self.body.bytes().map_or(0, <[u8]>::len)
    }
}

/// On the wire and on disk: `[kind, time, quality, salt, bytes]`, or `[kind, time, quality, commitment]` once erased.
impl<C> Encode<C> for Entry {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(match self.body {
            Body::Kept { .. } => 5,
            Body::Erased { .. } => 4,
        })?;
        e.u16(self.kind.code())?.i64(self.time.0)?.u8(self.quality.code())?;
        match &self.body {
            Body::Kept { salt, bytes } => e.bytes(salt)?.bytes(bytes)?.ok(),
            Body::Erased { commitment } => e.bytes(commitment)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Entry {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let fields = d.array()?;
        let kind = EntryKind::from_code(d.u16()?);
        let time = UnixMillis(d.i64()?);
        let quality = TimeQuality::from_code(d.u8()?);
        let exact = |_| DecodeError::message("a salt or commitment of the wrong length");
        let body = match fields {
            Some(5) => Body::Kept { salt: d.bytes()?.try_into().map_err(exact)?, bytes: d.bytes()?.to_vec() },
            Some(4) => Body::Erased { commitment: d.bytes()?.try_into().map_err(exact)? },
            _ => return Err(DecodeError::message("an entry has four or five fields")),
        };
        Ok(Self { kind, time, quality, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: &[u8]) -> Entry {
        Entry {
            kind: EntryKind::Readings,
            time: UnixMillis(5),
            quality: TimeQuality::Synchronised,
            body: Body::Kept { salt: [1; 16], bytes: bytes.to_vec() },
        }
    }

    #[test]
    fn an_erased_entry_keeps_its_leaf() {
        let kept = entry(b"48.5");
        let erased = Entry { body: Body::Erased { commitment: kept.body.commitment() }, ..kept.clone() };
        assert_eq!(erased.leaf(), kept.leaf());
        for entry in [kept, erased] {
            let bytes = minicbor::to_vec(&entry).expect("encodes");
            assert_eq!(minicbor::decode::<Entry>(&bytes).expect("decodes"), entry);
        }
    }

    #[test]
    fn the_leaf_depends_on_everything() {
        let leaf = entry(b"48.5").leaf();
        assert_ne!(entry(b"48.6").leaf(), leaf);
        assert_ne!(Entry { kind: EntryKind::Change, ..entry(b"48.5") }.leaf(), leaf);
        assert_ne!(Entry { time: UnixMillis(6), ..entry(b"48.5") }.leaf(), leaf);
        assert_ne!(Entry { quality: TimeQuality::Unsynchronised, ..entry(b"48.5") }.leaf(), leaf);
        let salted = Body::Kept { salt: [2; 16], bytes: b"48.5".to_vec() };
        assert_ne!(Entry { body: salted, ..entry(b"48.5") }.leaf(), leaf);
    }
}
