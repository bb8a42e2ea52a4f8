//! What control logs carry.
//!
//! Whoever issues keeps a *control log* for each grant with `manage` under which it does: in the collection
//! [`CollectionPath::control`], in the stream that [`ControlStream`] names. Its entries are records that the log's author
//! issued, as bytes.

use std::fmt;
use std::str::FromStr;

use minicbor::Decoder;

use super::approval::Approval;
use super::grant::Grant;
use super::linked::Linked;
use super::receipt::Receipt;
use super::revocation::{Restoration, Revocation};
use super::succession::Succession;
use crate::error::RecordError;
use crate::id::{GrantId, ParseIdError, PeerId, SpaceId};
use crate::record::{RECORD_BYTES_MAX, Record, Unverified, Verified};

/// The longest domain of a record that this version does not know, in bytes. One with a longer domain is refused.
pub const UNKNOWN_DOMAIN_BYTES_MAX: usize = 64;

/// What every domain of ours begins with.
const FAMILY: &str = "msec/";
const ROOT_STREAM: &str = "root";

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
    /// A peer knows of an end. It stands in logs in [`crate::CollectionPath::receipts`], and changes nothing.
    Receipt(Unverified<Receipt>),
    /// A kind that this version does not know: kept and forwarded, and taken for nothing.
    Unknown(UnknownRecord),
}

/// A record of a kind that this version does not know.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownRecord {
    domain: String,
    bytes: Vec<u8>,
}

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
        Ok(match d.str()? {
            Grant::DOMAIN => Self::Grant(Unverified::from_bytes(bytes)?),
            Approval::DOMAIN => Self::Approval(Unverified::from_bytes(bytes)?),
            Revocation::DOMAIN => Self::Revocation(Unverified::from_bytes(bytes)?),
            Restoration::DOMAIN => Self::Restoration(Unverified::from_bytes(bytes)?),
            Succession::DOMAIN => Self::Succession(Unverified::from_bytes(bytes)?),
            Linked::DOMAIN => Self::Linked(Unverified::from_bytes(bytes)?),
            Receipt::DOMAIN => Self::Receipt(Unverified::from_bytes(bytes)?),
            domain => Self::Unknown(UnknownRecord::parse(domain, d, bytes)?),
        })
    }

    /// The encoding that `from_bytes` accepts.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Grant(it) => it.to_bytes(),
            Self::Approval(it) => it.to_bytes(),
            Self::Revocation(it) => it.to_bytes(),
            Self::Restoration(it) => it.to_bytes(),
            Self::Succession(it) => it.to_bytes(),
            Self::Linked(it) => it.to_bytes(),
            Self::Receipt(it) => it.to_bytes(),
            Self::Unknown(it) => it.bytes.clone(),
        }
    }

    /// The hash of what it says ([`Record::hash`]); `None` where this version cannot tell.
    pub fn hash(&self) -> Option<[u8; 32]> {
        match self {
            Self::Grant(it) => Some(it.claims().hash()),
            Self::Approval(it) => Some(it.claims().hash()),
            Self::Revocation(it) => Some(it.claims().hash()),
            Self::Restoration(it) => Some(it.claims().hash()),
            Self::Succession(it) => Some(it.claims().hash()),
            Self::Linked(it) => Some(it.claims().hash()),
            Self::Receipt(it) => Some(it.claims().hash()),
            Self::Unknown(_) => None,
        }
    }

    /// Whether whoever it claims to be from signed it, as [`crate::Verifier::strict`] checks it. What this version does not know, nobody can check.
    pub fn is_signed(&self) -> bool {
        let Some(issuer) = self.issuer() else { return false };
        match self.clone() {
            Self::Grant(it) => it.verify(&issuer).is_ok(),
            Self::Approval(it) => it.verify(&issuer).is_ok(),
            Self::Revocation(it) => it.verify(&issuer).is_ok(),
            Self::Restoration(it) => it.verify(&issuer).is_ok(),
            Self::Succession(it) => it.verify(&issuer).is_ok(),
            Self::Linked(it) => it.verify(&issuer).is_ok(),
            Self::Receipt(it) => it.verify(&issuer).is_ok(),
            Self::Unknown(_) => false,
        }
    }

    /// Who claims to have signed it; `None` where this version cannot tell.
    pub fn issuer(&self) -> Option<PeerId> {
        match self {
            Self::Grant(it) => Some(it.claims().issuer),
            Self::Approval(it) => Some(it.claims().approver),
            Self::Revocation(it) => Some(it.claims().issuer),
            Self::Restoration(it) => Some(it.claims().issuer),
            Self::Succession(it) => Some(it.claims().issuer),
            Self::Linked(it) => Some(it.claims().issuer),
            Self::Receipt(it) => Some(it.claims().issuer),
            Self::Unknown(_) => None,
        }
    }

    /// The space of which it speaks; `None` where this version cannot tell.
    pub fn space(&self) -> Option<SpaceId> {
        match self {
            Self::Grant(it) => Some(it.claims().space),
            Self::Approval(it) => Some(it.claims().space),
            Self::Revocation(it) => Some(it.claims().space),
            Self::Restoration(it) => Some(it.claims().space),
            Self::Succession(it) => Some(it.claims().space),
            Self::Linked(it) => Some(it.claims().space),
            Self::Receipt(it) => Some(it.claims().space),
            Self::Unknown(_) => None,
        }
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

macro_rules! from {
    ($($kind:ident),*) => {$(
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
    )*};
}

from!(Grant, Approval, Revocation, Restoration, Succession, Linked, Receipt);

/// The stream of a control log: under what its author issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStream {
    /// As a root of the space.
    Root,
    /// Under this grant.
    Under(GrantId),
}

impl ControlStream {
    /// The grant; `None` for a root.
    pub fn under(self) -> Option<GrantId> {
        match self {
            Self::Root => None,
            Self::Under(grant) => Some(grant),
        }
    }
}

impl fmt::Display for ControlStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str(ROOT_STREAM),
            Self::Under(grant) => grant.fmt(f),
        }
    }
}

impl FromStr for ControlStream {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text == ROOT_STREAM {
            return Ok(Self::Root);
        }
        let under: GrantId = text.parse()?;
        // One name for each: hexadecimal digits have another case.
        if under.to_string() == text { Ok(Self::Under(under)) } else { Err(ParseIdError::of(text)) }
    }
}
