//! What somebody needs to be in a space, in one file: the manifest, and grants.
//!
//! ```text
//! invitation = ["msec/invitation/2", manifest: bytes, [grant: bytes, ...], check: 8 bytes]   CBOR, one encoding
//! check      = the first 8 bytes of BLAKE3 over all that stands before them
//! ```
//!
//! The check proves nothing to anybody: it is for files that were damaged on their way. Version 1 had none, and a single bit
//! made an invitation with one grant into one with none.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use msec_identity::{Grant, Manifest, Unverified, Verified};

use super::error::InvitationError;

const DOMAIN: &str = "msec/invitation/2";
/// The longest invitation that is read.
const INVITATION_BYTES_MAX: u64 = 256 * 1024;
/// The most grants in one. Further ones are refused: no handshake shows that many.
const GRANTS_MAX: usize = 64;
/// How long the check is.
const CHECK_BYTES: usize = 8;

/// The space that a peer belongs to, and what it may do there. As a file it is an invitation: whoever is named in its
/// grants can join with it, and nobody else has a use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub(crate) manifest: Manifest,
    pub(crate) grants: Vec<Verified<Grant>>,
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

impl Membership {
    /// In the space of that manifest, with these grants.
    pub fn new(manifest: &Manifest, grants: impl IntoIterator<Item = Verified<Grant>>) -> Self {
        Self { manifest: manifest.clone(), grants: grants.into_iter().collect() }
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
        let invitation: Invitation = minicbor::decode(bytes).ok()?;
        if invitation.domain != DOMAIN || invitation.grants.len() > GRANTS_MAX {
            return None;
        }
        let manifest = Manifest::from_bytes(&invitation.manifest).ok()?;
        let space = manifest.space();
        let verified = |bytes: &ByteVec| {
            let grant = Unverified::<Grant>::from_bytes(bytes).ok()?;
            let issuer = grant.claims().issuer;
            grant.verify(&issuer).ok().filter(|grant| grant.space == space)
        };
        let grants = invitation.grants.iter().map(verified).collect::<Option<_>>()?;
        // With the check, and without anything behind it.
        Some(Self { manifest, grants }).filter(|read| read.to_bytes() == bytes)
    }

    /// The invitation that [`Membership::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let invitation = Invitation {
            domain: DOMAIN.into(),
            manifest: self.manifest.to_bytes().into(),
            grants: self.grants.iter().map(|grant| grant.to_bytes().into()).collect(),
            check: [0; CHECK_BYTES],
        };
        let mut bytes = minicbor::to_vec(invitation).expect("writing to a Vec cannot fail");
        let (before, check) = bytes.split_last_chunk_mut().expect("the check is its end");
        *check = check_of(before);
        bytes
    }
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use msec_identity::PeerId;
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
