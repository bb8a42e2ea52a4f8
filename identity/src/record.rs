//! Signed records: one canonical encoding, a domain and a version in front, and two types that keep apart what has been
//! checked from what has not.
//!
//! A record on the wire is the CBOR array (RFC 8949, definite lengths, shortest integers)
//! `[domain, body, signature]`. What is signed is the array `[domain, body]`, so that a signature under one domain says
//! nothing under another. Bytes that decode but are not what we would have written are refused: there is one
//! encoding of a record, and with it one hash.

use std::fmt;
use std::ops::Deref;

use minicbor::{Decode, Encode, Encoder};

use crate::error::RecordError;
use crate::id::PeerId;
use crate::verifier::Verifier;

/// The longest signed record, in bytes. A longer one is refused before it is parsed.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Room for most records, so that encoding one allocates once.
const RECORD_BYTES_USUAL: usize = 256;

/// Something that a key signs.
pub trait Record: Sized + Encode<()> + for<'b> Decode<'b, ()> {
    /// Kind and version, for instance `msec/head/1`.
    const DOMAIN: &'static str;

    /// The hash of what the record says: BLAKE3 over domain and body, without the signature.
    fn hash(&self) -> [u8; 32] {
        *blake3::hash(&signed_bytes(self)).as_bytes()
    }
}

/// What the signature covers.
fn signed_bytes<R: Record>(record: &R) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(RECORD_BYTES_USUAL));
    let done = e.array(2).and_then(|e| e.str(R::DOMAIN)).and_then(|e| e.encode(record)).is_ok();
    debug_assert!(done, "writing to a Vec cannot fail");
    e.into_writer()
}

/// A record and a signature that nobody has checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Unverified<R> {
    record: R,
    signature: [u8; 64],
}

impl<R: Record> Unverified<R> {
    /// Parses one record that fills all of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { bytes: bytes.len() });
        }
        let mut d = minicbor::Decoder::new(bytes);
        if d.array()? != Some(3) {
            return Err(RecordError::NotARecord);
        }
        let domain = d.str()?;
        if domain != R::DOMAIN {
            return Err(RecordError::Domain {
                expected: R::DOMAIN,
                found: domain.chars().take(64).collect(),
            });
        }
        let record = d.decode()?;
        let signature = d.bytes()?.try_into().map_err(|_| RecordError::NotARecord)?;
        let parsed = Self { record, signature };
        // Also refuses trailing bytes, long integers and unknown fields.
        if parsed.to_bytes() != bytes {
            return Err(RecordError::NotCanonical);
        }
        Ok(parsed)
    }

    /// The encoding that `from_bytes` accepts.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::with_capacity(RECORD_BYTES_USUAL));
        let done = e
            .array(3)
            .and_then(|e| e.str(R::DOMAIN))
            .and_then(|e| e.encode(&self.record))
            .and_then(|e| e.bytes(&self.signature))
            .is_ok();
        debug_assert!(done, "writing to a Vec cannot fail");
        e.into_writer()
    }

    /// What the record claims. Use it to find out who should have signed, and for nothing else.
    pub fn claims(&self) -> &R {
        &self.record
    }

    /// Checks the signature against `signer`, as [`Verifier::strict`] does.
    pub fn verify(self, signer: &PeerId) -> Result<Verified<R>, RecordError> {
        self.verify_by(&Verifier::strict(), signer)
    }

    /// Checks the signature against `signer`, as this verifier does.
    pub fn verify_by(self, verifier: &Verifier, signer: &PeerId) -> Result<Verified<R>, RecordError> {
        if verifier.accepts(signer, &signed_bytes(&self.record), &self.signature) {
            Ok(Verified(self))
        } else {
            Err(RecordError::BadSignature)
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Unverified<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unverified").field(&self.record).finish()
    }
}

/// A record whose signature was checked, or which this peer signed itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Verified<R>(Unverified<R>);

impl<R: Record> Verified<R> {
    /// Signs `record`. Only [`crate::Identity`] holds a key to do so.
    pub(crate) fn sign(record: R, key: &ed25519_dalek::SigningKey) -> Self {
        use ed25519_dalek::Signer;
        let signature = key.sign(&signed_bytes(&record)).to_bytes();
        Self(Unverified { record, signature })
    }

    /// The encoding that [`Unverified::from_bytes`] accepts.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
}

impl<R: PartialEq> Verified<R> {
    /// Whether `other` is this very record, under this very signature.
    pub fn is(&self, other: &Unverified<R>) -> bool {
        self.0 == *other
    }
}

impl<R> Deref for Verified<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.0.record
    }
}

impl<R> From<Verified<R>> for Unverified<R> {
    fn from(verified: Verified<R>) -> Self {
        verified.0
    }
}

impl<R: fmt::Debug> fmt::Debug for Verified<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.0.record).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::Identity;

    #[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
    struct Note {
        #[n(0)]
        text: String,
        #[n(1)]
        number: u64,
    }

    impl Record for Note {
        const DOMAIN: &'static str = "msec/note/1";
    }

    #[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
    struct OtherNote {
        #[n(0)]
        text: String,
        #[n(1)]
        number: u64,
    }

    impl Record for OtherNote {
        const DOMAIN: &'static str = "msec/other/1";
    }

    fn note() -> Note {
        Note { text: "all quiet".into(), number: 7 }
    }

    #[test]
    fn bytes_and_back_then_verified() {
        let author = Identity::from_seed([3; 32]);
        let signed = author.sign(note());
        let parsed = Unverified::<Note>::from_bytes(&signed.to_bytes()).expect("parses");
        assert_eq!(*parsed.verify(&author.peer()).expect("verifies"), note());
    }

    #[test]
    fn another_signer_another_text_and_another_domain_are_refused() {
        let author = Identity::from_seed([3; 32]);
        let signed = author.sign(note());
        let parsed = Unverified::<Note>::from_bytes(&signed.to_bytes()).expect("parses");
        assert!(matches!(
            parsed.clone().verify(&Identity::from_seed([4; 32]).peer()),
            Err(RecordError::BadSignature)
        ));

        let forged = Unverified { record: Note { number: 8, ..note() }, signature: parsed.signature };
        assert!(matches!(forged.verify(&author.peer()), Err(RecordError::BadSignature)));

        let moved = Unverified {
            record: OtherNote { text: note().text, number: note().number },
            signature: parsed.signature,
        };
        assert!(matches!(moved.verify(&author.peer()), Err(RecordError::BadSignature)));
        assert!(matches!(
            Unverified::<OtherNote>::from_bytes(&signed.to_bytes()),
            Err(RecordError::Domain { .. })
        ));
    }

    #[test]
    fn one_encoding_only() {
        let bytes = Identity::from_seed([3; 32]).sign(note()).to_bytes();
        let mut trailing = bytes.clone();
        trailing.push(0);
        assert!(matches!(Unverified::<Note>::from_bytes(&trailing), Err(RecordError::NotCanonical)));
        // 7 written in two bytes instead of one.
        let at = bytes.iter().position(|b| *b == 7).expect("the number");
        let mut long = bytes.clone();
        long.splice(at..=at, [0x18, 7]);
        assert!(matches!(Unverified::<Note>::from_bytes(&long), Err(RecordError::NotCanonical)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Unverified::<Note>::from_bytes(&bytes);
        }

        #[test]
        fn no_flipped_bit_verifies(at in 0usize..100, bit in 0u8..8) {
            let author = Identity::from_seed([3; 32]);
            let mut bytes = author.sign(note()).to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(parsed) = Unverified::<Note>::from_bytes(&bytes) {
                prop_assert!(parsed.verify(&author.peer()).is_err());
            }
        }
    }
}
