//! What somebody needs to be in a space, in one file: the manifest, grants with all links above them, and what else these hang on.
//!
//! ```text
//! invitation = ["msec/invitation/2", manifest: bytes, [grant: bytes, ...], check: 8 bytes]   CBOR, one encoding
//!            | ["msec/invitation/3", manifest: bytes, [grant: bytes, ...], [record: bytes, ...], check: 8 bytes]
//! check      = the first 8 bytes of BLAKE3 over all that stands before them
//! ```
//!
//! The records are approvals of roots, successions, and the manifests of linked spaces, each signed. Where there are none the file is one of
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
const RECORDS_MAX: usize = 256;
/// How long the check is.
const CHECK_BYTES: usize = 8;

/// The space that a peer belongs to, and what it may do there. As a file it is an invitation: whoever is named in its
/// grants can join with it, and nobody else has a use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub(crate) manifest: Manifest,
    pub(crate) grants: Vec<Verified<Grant>>,
    /// Approvals, successions, linked spaces: each signed, and none of them a grant.
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
        ControlRecord::Approval(_) | ControlRecord::Succession(_) | ControlRecord::Linked(_)
    );
    of_kind && record.space() == Some(manifest.space())
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use msec_identity::{Approval, Identity, PeerId};
    use proptest::prelude::*;

    use super::*;
    use crate::sdk::Owner;

    fn invitation() -> Membership {
        let owner = Owner::found("harbour").expect("a space");
        let grant = owner.grant(PeerId([7; 32]), "parks", "read", 30).expect("a grant");
        Membership::new(owner.manifest(), [grant])
    }

    #[test]
    fn reads_back_and_says_what_is_wrong_with_a_file() {
        let (invitation, dir) = (invitation(), tempfile::tempdir().expect("a directory"));
        let path = dir.path().join("sensor.invitation");
        assert!(matches!(Membership::from_file(&path), Err(InvitationError::Missing { .. })));
        fs::write(&path, invitation.to_bytes()).expect("written");
        assert_eq!(Membership::from_file(&path).expect("read"), invitation);
        fs::write(&path, b"hello").expect("written");
        let error = Membership::from_file(&path).expect_err("refused").to_string();
        assert!(error.contains("msec grant"), "{error}");
    }

    #[test]
    fn a_grant_for_another_space_spoils_it() {
        let (mut one, other) = (invitation(), invitation());
        one.grants.extend(other.grants);
        assert_eq!(Membership::from_bytes(&one.to_bytes()), None);
    }

    #[test]
    fn one_bit_does_not_take_the_grants_away() {
        let whole = invitation();
        let bytes = whole.to_bytes();
        // Where the list of one begins, before a grant of less than 256 bytes.
        let list = 1 + (1 + DOMAIN.len()) + (2 + whole.manifest.to_bytes().len());
        assert_eq!(bytes[list..list + 2], [0x81, 0x58]);
        let mut without = bytes.clone();
        without[list] ^= 1;
        assert_eq!(Membership::from_bytes(&without), None);
        // Nor does it when all that is behind it is gone, or the check is made anew.
        let cut = [&without[..=list], &bytes[bytes.len() - 9..]].concat();
        assert_eq!(Membership::from_bytes(&cut), None);
        without.truncate(without.len() - CHECK_BYTES);
        without.extend(check_of(&without));
        assert_eq!(Membership::from_bytes(&without), None);
    }

    #[test]
    fn no_other_bit_is_passed_over_either() {
        // Without a grant no signature covers the manifest.
        let bare = Membership::new(invitation().manifest(), []);
        for membership in [invitation(), bare] {
            let bytes = membership.to_bytes();
            assert_eq!(Membership::from_bytes(&bytes), Some(membership));
            for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(Membership::from_bytes(&damaged), None, "bit {bit} of byte {at}");
            }
        }
    }

    /// Two roots that must agree, a manager by one of them, and a phone by the manager.
    fn chain() -> (Membership, ControlRecord) {
        let key = |seed: u8| Identity::from_seed([seed; 32]);
        let owner = Owner::found_among("harbour", key(1), [key(2).peer()], 2).expect("a space");
        let all = owner.grant(key(3).peer(), "parks", "manage,read", 30).expect("a grant");
        let manager = key(1).sign(Grant { depth: 1, ..Grant::clone(&all) });
        let below =
            Grant { issuer: key(3).peer(), holder: key(4).peer().into(), depth: 0, ..Grant::clone(&manager) };
        let phone = key(3).sign(Grant { parent: Some(manager.id()), ..below });
        let space = owner.manifest().space();
        let approval = key(2).sign(Approval { space, approver: key(2).peer(), of: manager.id().0 });
        (Membership::new(owner.manifest(), [manager, phone]), approval.into())
    }

    #[test]
    fn what_a_grant_hangs_on_comes_with_it_and_without_it_the_file_is_as_it_always_was() {
        let (bare, approval) = chain();
        let phone = Identity::from_seed([4; 32]).peer();
        let mine: Vec<_> = bare.grants_for(&phone).cloned().collect();
        let [grant] = &mine[..] else { panic!("{mine:?}") };
        assert_eq!(bare.check(grant), Err(Fault::Approvals { missing: 1 }));
        assert!(bare.to_bytes()[2..].starts_with(DOMAIN.as_bytes()));
        let whole = bare.clone().with_records([approval.clone(), approval.clone()]);
        assert_eq!((whole.records(), whole.check(grant)), (&[approval][..], Ok(())));
        let bytes = whole.to_bytes();
        assert!(bytes[2..].starts_with(DOMAIN_WITH_RECORDS.as_bytes()));
        assert_eq!(Membership::from_bytes(&bytes), Some(whole));
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert_eq!(Membership::from_bytes(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn what_does_not_belong_there_is_left_out_or_spoils_it() {
        let (bare, approval) = chain();
        let space = bare.manifest().space();
        let (stranger, root) = (Identity::from_seed([9; 32]), Identity::from_seed([1; 32]).peer());
        let forged = stranger.sign(Approval { space, approver: root, of: [1; 32] });
        let elsewhere =
            Approval { space: msec_identity::SpaceId([7; 32]), approver: stranger.peer(), of: [1; 32] };
        let grant: ControlRecord = bare.grants()[0].clone().into();
        for record in [forged.into(), stranger.sign(elsewhere).into(), grant] {
            assert_eq!(bare.clone().with_records([record.clone()]).records(), []);
            // Nor is it read from a file that somebody else wrote.
            let mut spoilt = bare.clone().with_records([approval.clone()]);
            spoilt.records.push(record);
            assert_eq!(Membership::from_bytes(&spoilt.to_bytes()), None);
        }
    }

    #[test]
    fn a_chain_that_is_cut_widened_or_foreign_is_told_apart() {
        let (whole, approval) = chain();
        let whole = whole.with_records([approval]);
        let [manager, phone] = whole.grants() else { panic!("two links") };
        let without = Membership::new(whole.manifest(), [phone.clone()]);
        assert_eq!(without.check(phone), Err(Fault::Missing));
        let key = |seed: u8| Identity::from_seed([seed; 32]);
        let with = |grant: Verified<Grant>| {
            let membership = Membership::new(whole.manifest(), [manager.clone(), grant.clone()]);
            membership.with_records(whole.records().to_vec()).check(&grant)
        };
        let wider = Grant { resource: "harbour".parse().expect("a path"), ..Grant::clone(phone) };
        assert_eq!(with(key(3).sign(wider)), Err(Fault::Widened(msec_identity::Widened::Resource)));
        let by_other = Grant { issuer: key(5).peer(), ..Grant::clone(phone) };
        assert_eq!(with(key(5).sign(by_other.clone())), Err(Fault::Foreign));
        assert_eq!(with(key(5).sign(Grant { parent: None, ..by_other })), Err(Fault::Foreign));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert_eq!(Membership::from_bytes(&bytes), None);
        }

        #[test]
        fn a_damaged_one_is_refused(
            at in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
            with in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let whole = invitation().to_bytes();
            let at = at.index(whole.len());
            let end = at + cut.index(whole.len() - at);
            let damaged = [&whole[..at], &with, &whole[end..]].concat();
            prop_assume!(damaged != whole);
            prop_assert_eq!(Membership::from_bytes(&damaged), None);
        }
    }
}
