//! What somebody needs to be in a space, in one file: the manifest, grants with all links above them, and what else these hang on.
//!
//! ```text
//! invitation = ["msec/invitation/2", manifest: bytes, [grant: bytes, ...], check: 8 bytes]   CBOR, one encoding
//!            | ["msec/invitation/3", manifest: bytes, [grant: bytes, ...], [record: bytes, ...], check: 8 bytes]
//! check      = the first 8 bytes of BLAKE3 over all that stands before them
//! ```
//!
//! The records are approvals of roots, successions, the manifests of linked spaces, whose place the holder takes, and an epoch of each sealed
//! collection that it may write to, each signed: who joins writes nothing there in clear, whomever it meets first. Where there are none the file is one of
//! version 2, which older programs read. The check proves nothing to anybody: it is for files that were damaged on their way. Version 1 had none, and a single bit
//! made an invitation with one grant into one with none.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use msec_identity::{Authority, ControlRecord, Grant, Manifest, PeerId, Unverified, Verified};

use super::error::InvitationError;

const DOMAIN: &str = "msec/invitation/2";
const DOMAIN_WITH_RECORDS: &str = "msec/invitation/3";
/// The longest invitation that is read.
const INVITATION_BYTES_MAX: u64 = 256 * 1024;
/// The most grants in one. Further ones are refused: no handshake shows that many.
const GRANTS_MAX: usize = 64;
/// The most other records in one. Further ones are refused.
const RECORDS_MAX: usize = 512;
/// How long the check is.
const CHECK_BYTES: usize = 8;

/// The space that a peer belongs to, and what it may do there. As a file it is an invitation: whoever is named in its
/// grants can join with it, and nobody else has a use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub(crate) manifest: Manifest,
    pub(crate) grants: Vec<Verified<Grant>>,
    /// Approvals, successions, linked spaces, epochs: each signed, and none of them a grant.
    pub(crate) records: Vec<ControlRecord>,
}

#[derive(Encode, Decode)]
struct Invitation {
    #[n(0)]
    domain: String,
    #[n(1)]
    manifest: ByteVec,
    #[n(2)]
    grants: Vec<ByteVec>,
    #[cbor(n(3), with = "minicbor::bytes")]
    check: [u8; CHECK_BYTES],
}

#[derive(Encode, Decode)]
struct WithRecords {
    #[n(0)]
    domain: String,
    #[n(1)]
    manifest: ByteVec,
    #[n(2)]
    grants: Vec<ByteVec>,
    #[n(3)]
    records: Vec<ByteVec>,
    #[cbor(n(4), with = "minicbor::bytes")]
    check: [u8; CHECK_BYTES],
}

/// Why a grant does not let its holder in yet, or never will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too few roots agree.
    #[error(
        "{missing} more of the space's roots must agree to it: have `msec approve FILE` run where another root lives, and join with \
         the file that it writes"
    )]
    Approvals {
        /// How many are missing.
        missing: usize,
    },
    /// A link is not there.
    #[error("a link of its chain is missing: ask for the invitation again, as `msec grant` wrote it")]
    Missing,
    /// A link allows what the one above it does not.
    #[error("a link of its chain allows more than the one above it: {0}")]
    Widened(#[from] msec_identity::Widened),
    /// A link was signed by somebody who had no right to.
    #[error(
        "its chain does not begin with a root of the space, or a link was signed by somebody else than the holder of the one above it"
    )]
    Foreign,
}

impl Membership {
    /// In the space of that manifest, with these grants.
    pub fn new(manifest: &Manifest, grants: impl IntoIterator<Item = Verified<Grant>>) -> Self {
        Self { manifest: manifest.clone(), grants: grants.into_iter().collect(), records: Vec::new() }
    }

    /// With what the grants hang on: approvals, successions, linked spaces. What nobody signed, and grants, are left out.
    #[must_use]
    pub fn with_records(mut self, records: impl IntoIterator<Item = ControlRecord>) -> Self {
        let space = self.manifest.space();
        for record in
            records.into_iter().filter(|record| is_beside(record, &self.manifest) && record.is_signed())
        {
            debug_assert_eq!(record.space(), Some(space));
            if self.records.len() < RECORDS_MAX && !self.records.contains(&record) {
                self.records.push(record);
            }
        }
        self
    }

    /// What the grants hang on.
    pub fn records(&self) -> &[ControlRecord] {
        &self.records
    }

    /// All of it, folded.
    pub fn authority(&self) -> Authority {
        let mut authority = Authority::new(self.manifest.clone());
        for record in self.papers() {
            // What does not count is found by whoever asks.
            let _ = authority.learn(record);
        }
        authority
    }

    /// Grants, and then all else: who the roots of other spaces are is taken from those only to whom a chain leads.
    pub(crate) fn papers(&self) -> Vec<ControlRecord> {
        let grants = self.grants.iter().cloned().map(ControlRecord::from);
        grants.chain(self.records.iter().cloned()).collect()
    }

    /// The grants that let a peer do something, or a space that it speaks for: not those which others hang on.
    pub fn grants_for<'a>(&'a self, peer: &'a PeerId) -> impl Iterator<Item = &'a Verified<Grant>> + 'a {
        let authority = self.authority();
        self.grants.iter().filter(move |grant| authority.speaks_for(&grant.holder, peer))
    }

    /// Whether a grant counts, by what is here; or why not.
    pub fn check(&self, grant: &Grant) -> Result<(), Fault> {
        let authority = self.authority();
        if authority.stands(&grant.id()) {
            return Ok(());
        }
        let chain = authority.chain(&grant.id());
        let first = chain.first().and_then(|id| authority.grant(id)).ok_or(Fault::Missing)?;
        if let Some(above) = first.parent {
            let above = authority.grant(&above).ok_or(Fault::Missing)?;
            above.allows_attenuation(first)?;
            return Err(Fault::Foreign);
        }
        match authority.voices(&first.id().0, &first.issuer).map(msec_identity::Voices::missing) {
            Some(missing @ 1..) => Err(Fault::Approvals { missing }),
            _ => Err(Fault::Foreign),
        }
    }

    /// The grants.
    pub fn grants(&self) -> &[Verified<Grant>] {
        &self.grants
    }

    /// The space's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads an invitation, as `msec grant` writes it.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, InvitationError> {
        let path = path.as_ref();
        let io = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => InvitationError::Missing { path: path.to_owned() },
            _ => InvitationError::Io { path: path.to_owned(), source },
        };
        let malformed = || InvitationError::Malformed { path: path.to_owned() };
        if fs::metadata(path).map_err(io)?.len() > INVITATION_BYTES_MAX {
            return Err(malformed());
        }
        Self::from_bytes(&fs::read(path).map_err(io)?).ok_or_else(malformed)
    }

    /// Parses an invitation, and checks that the grants are for its space and signed by their issuers. `None`: it is
    /// damaged, or not one of this version. What the grants are worth is decided by whoever is shown them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (manifest, grants, records) = parts(bytes)?;
        if grants.len() > GRANTS_MAX || records.len() > RECORDS_MAX {
            return None;
        }
        let manifest = Manifest::from_bytes(&manifest).ok()?;
        let space = manifest.space();
        let verified = |bytes: &ByteVec| {
            let grant = Unverified::<Grant>::from_bytes(bytes).ok()?;
            let issuer = grant.claims().issuer;
            grant.verify(&issuer).ok().filter(|grant| grant.space == space)
        };
        let grants = grants.iter().map(verified).collect::<Option<_>>()?;
        let signed = |bytes: &ByteVec| {
            let record = ControlRecord::from_bytes(bytes).ok()?;
            Some(record).filter(|record| is_beside(record, &manifest) && record.is_signed())
        };
        let records = records.iter().map(signed).collect::<Option<_>>()?;
        // With the check, and without anything behind it.
        Some(Self { manifest, grants, records }).filter(|read| read.to_bytes() == bytes)
    }

    /// The invitation that [`Membership::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifest: ByteVec = self.manifest.to_bytes().into();
        let grants: Vec<ByteVec> = self.grants.iter().map(|grant| grant.to_bytes().into()).collect();
        let check = [0; CHECK_BYTES];
        let written = if self.records.is_empty() {
            minicbor::to_vec(Invitation { domain: DOMAIN.into(), manifest, grants, check })
        } else {
            let records = self.records.iter().map(|record| record.to_bytes().into()).collect();
            let domain = DOMAIN_WITH_RECORDS.into();
            minicbor::to_vec(WithRecords { domain, manifest, grants, records, check })
        };
        let mut bytes = written.expect("writing to a Vec cannot fail");
        let (before, check) = bytes.split_last_chunk_mut().expect("the check is its end");
        *check = check_of(before);
        bytes
    }
}

/// Manifest, grants and other records, of whichever version.
fn parts(bytes: &[u8]) -> Option<(ByteVec, Vec<ByteVec>, Vec<ByteVec>)> {
    if let Ok(it) = minicbor::decode::<Invitation>(bytes) {
        return (it.domain == DOMAIN).then_some((it.manifest, it.grants, Vec::new()));
    }
    let it: WithRecords = minicbor::decode(bytes).ok()?;
    // One encoding of each: without records it is one of the version before.
    let is_one = it.domain == DOMAIN_WITH_RECORDS && !it.records.is_empty();
    is_one.then_some((it.manifest, it.grants, it.records))
}

/// Whether a record may lie beside the grants of a space.
fn is_beside(record: &ControlRecord, manifest: &Manifest) -> bool {
    let of_kind = matches!(
        record,
        ControlRecord::Approval(_)
            | ControlRecord::Succession(_)
            | ControlRecord::Linked(_)
            | ControlRecord::Replacement(_)
            | ControlRecord::EpochRecord(_)
    );
    of_kind && record.space() == Some(manifest.space())
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests;
