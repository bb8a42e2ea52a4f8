//! What control logs carry.
//!
//! Whoever issues keeps a *control log* for each grant with `manage` under which it does: in the collection
//! [`CollectionPath::control`], in the stream that [`ControlStream`] names. Its entries are records that the log's author
//! issued, as bytes.

use std::fmt;
use std::str::FromStr;

use minicbor::Decoder;

use super::approval::Approval;
use super::class::Classified;
use super::erasure::Erasure;
use super::grant::Grant;
use super::linked::Linked;
use super::receipt::Receipt;
use super::replacement::Replacement;
use super::revocation::{Restoration, Revocation};
use super::rotation::Rotation;
use super::succession::Succession;
use crate::error::RecordError;
use crate::id::{GrantId, ParseIdError, PeerId, SpaceId};
use crate::record::{RECORD_BYTES_MAX, Record, Unverified, Verified};
use crate::sealed::{EpochRecord, SealingEndorsement, Wraps};

/// The longest domain of a record that this version does not know, in bytes. One with a longer domain is refused.
pub const UNKNOWN_DOMAIN_BYTES_MAX: usize = 64;

/// What every domain of ours begins with.
const FAMILY: &str = "msec/";
const ROOT_STREAM: &str = "root";
const OWN_STREAM: &str = "own";

/// A record about rights, of whichever kind, and not checked by anybody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ControlRecord {
    /// A holder may.
    Grant(Unverified<Grant>),
    /// Another root agrees.
    Approval(Unverified<Approval>),
    /// A grant is over.
    Revocation(Unverified<Revocation>),
    /// Logs that a revocation did not name.
    Restoration(Unverified<Restoration>),
    /// Other roots.
    Succession(Unverified<Succession>),
    /// The roots of another space.
    Linked(Unverified<Linked>),
    /// Bodies are to be gone.
    Erasure(Unverified<Erasure>),
    /// A peer knows of an end, or has erased. It stands in logs in [`crate::CollectionPath::receipts`], and changes nothing.
    Receipt(Unverified<Receipt>),
    /// What kind of data a collection holds.
    Classified(Unverified<Classified>),
    /// A device takes the place of a lost one. It changes nothing.
    Replacement(Unverified<Replacement>),
    /// A peer has another Noise key.
    Rotation(Unverified<Rotation>),
    /// An epoch of a sealed collection.
    EpochRecord(Unverified<EpochRecord>),
    /// An epoch's secrets, sealed to its readers and writers.
    Wraps(Unverified<Wraps>),
    /// To which key a peer's wraps are sealed: it says so of itself.
    SealingEndorsement(Unverified<SealingEndorsement>),
    /// A kind that this version does not know: kept and forwarded, and taken for nothing.
    Unknown(UnknownRecord),
}

/// A record of a kind that this version does not know.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownRecord {
    domain: String,
    bytes: Vec<u8>,
}

/// What every kind says: in which space, and by whose signature.
trait Statement: Record {
    fn space(&self) -> SpaceId;
    fn issuer(&self) -> PeerId;
}

/// The kinds that this version knows, each with the field that names who signs.
macro_rules! kinds {
    ($($kind:ident signed by $issuer:ident),* $(,)?) => {
        $(
            impl Statement for $kind {
                fn space(&self) -> SpaceId {
                    self.space
                }

                fn issuer(&self) -> PeerId {
                    self.$issuer
                }
            }

            impl From<Unverified<$kind>> for ControlRecord {
                fn from(record: Unverified<$kind>) -> Self {
                    Self::$kind(record)
                }
            }

            impl From<Verified<$kind>> for ControlRecord {
                fn from(record: Verified<$kind>) -> Self {
                    Self::$kind(record.into())
                }
            }
        )*

        impl ControlRecord {
            /// Parses a record of a kind that is known; `None`: it is of another one.
            fn known(domain: &str, bytes: &[u8]) -> Option<Result<Self, RecordError>> {
                match domain {
                    $($kind::DOMAIN => Some(Unverified::from_bytes(bytes).map(Self::$kind)),)*
                    _ => None,
                }
            }

            /// The encoding that `from_bytes` accepts.
            pub fn to_bytes(&self) -> Vec<u8> {
                match self {
                    $(Self::$kind(it) => it.to_bytes(),)*
                    Self::Unknown(it) => it.bytes.clone(),
                }
            }

            /// The hash of what it says ([`Record::hash`]); `None` where this version cannot tell.
            pub fn hash(&self) -> Option<[u8; 32]> {
                match self {
                    $(Self::$kind(it) => Some(it.claims().hash()),)*
                    Self::Unknown(_) => None,
                }
            }

            /// Whether whoever it claims to be from signed it, as [`crate::Verifier::strict`] checks it. What this version
            /// does not know, nobody can check.
            pub fn is_signed(&self) -> bool {
                match self {
                    $(Self::$kind(it) => it.clone().verify(&it.claims().issuer()).is_ok(),)*
                    Self::Unknown(_) => false,
                }
            }

            /// Who claims to have signed it; `None` where this version cannot tell.
            pub fn issuer(&self) -> Option<PeerId> {
                match self {
                    $(Self::$kind(it) => Some(it.claims().issuer()),)*
                    Self::Unknown(_) => None,
                }
            }

            /// The space of which it speaks; `None` where this version cannot tell.
            pub fn space(&self) -> Option<SpaceId> {
                match self {
                    $(Self::$kind(it) => Some(it.claims().space()),)*
                    Self::Unknown(_) => None,
                }
            }
        }
    };
}

kinds!(
    Grant signed by issuer,
    Approval signed by approver,
    Revocation signed by issuer,
    Restoration signed by issuer,
    Succession signed by issuer,
    Linked signed by issuer,
    Erasure signed by issuer,
    Receipt signed by issuer,
    Classified signed by issuer,
    Replacement signed by issuer,
    Rotation signed by issuer,
    EpochRecord signed by issuer,
    Wraps signed by issuer,
    SealingEndorsement signed by peer,
);

impl ControlRecord {
    /// Parses one record that fills all of `bytes`, of the kind that its domain says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { bytes: bytes.len() });
        }
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(3) {
            return Err(RecordError::NotARecord);
        }
        let domain = d.str()?;
        Self::known(domain, bytes)
            .unwrap_or_else(|| UnknownRecord::parse(domain, d, bytes).map(Self::Unknown))
    }
}

impl ControlRecord {
    /// Whether the author of a log says that of itself alone: what its log [`ControlStream::Own`] may carry. Anything else counts
    /// for nothing there. An author erases what it wrote itself.
    pub fn is_of_itself(&self, author: &PeerId) -> bool {
        matches!(self, Self::Rotation(_) | Self::Erasure(_) | Self::SealingEndorsement(_))
            && self.issuer() == Some(*author)
    }
}

impl UnknownRecord {
    /// Its kind and version.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    fn parse(domain: &str, mut d: Decoder<'_>, bytes: &[u8]) -> Result<Self, RecordError> {
        if domain.len() > UNKNOWN_DOMAIN_BYTES_MAX || !domain.starts_with(FAMILY) {
            return Err(RecordError::NotARecord);
        }
        d.skip()?;
        if d.bytes()?.len() != 64 || d.position() != bytes.len() {
            return Err(RecordError::NotARecord);
        }
        Ok(Self { domain: domain.to_owned(), bytes: bytes.to_vec() })
    }
}

impl fmt::Debug for UnknownRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnknownRecord").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// The stream of a control log: under what its author issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStream {
    /// As a root of the space.
    Root,
    /// Under this grant.
    Under(GrantId),
    /// As anybody who holds a grant: what it says of itself, and of nobody else.
    Own,
}

impl ControlStream {
    /// The grant; `None` for a root, and for what a peer says of itself.
    pub fn under(self) -> Option<GrantId> {
        match self {
            Self::Root | Self::Own => None,
            Self::Under(grant) => Some(grant),
        }
    }
}

impl fmt::Display for ControlStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str(ROOT_STREAM),
            Self::Own => f.write_str(OWN_STREAM),
            Self::Under(grant) => grant.fmt(f),
        }
    }
}

impl FromStr for ControlStream {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text {
            ROOT_STREAM => return Ok(Self::Root),
            OWN_STREAM => return Ok(Self::Own),
            _ => {}
        }
        let under: GrantId = text.parse()?;
        // One name for each: hexadecimal digits have another case.
        if under.to_string() == text { Ok(Self::Under(under)) } else { Err(ParseIdError::of(text)) }
    }
}
