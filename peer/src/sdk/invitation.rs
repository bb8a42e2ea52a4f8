//! What somebody needs to be in a space, in one file: the manifest, and grants.
//!
//! ```text
//! invitation = ["msec/invitation/1", manifest: bytes, [grant: bytes, ...]]   CBOR
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use msec_identity::{Grant, Manifest, Unverified, Verified};

use super::error::InvitationError;

const DOMAIN: &str = "msec/invitation/1";
/// The longest invitation that is read.
const INVITATION_BYTES_MAX: u64 = 256 * 1024;
/// The most grants in one. Further ones are refused: no handshake shows that many.
const GRANTS_MAX: usize = 64;

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

    /// Parses an invitation, and checks that the grants are for its space and signed by their issuers. `None`: it is not
    /// one of this version. What the grants are worth is decided by whoever is shown them.
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
        Some(Self { manifest, grants })
    }

    /// The invitation that [`Membership::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let invitation = Invitation {
            domain: DOMAIN.into(),
            manifest: self.manifest.to_bytes().into(),
            grants: self.grants.iter().map(|grant| grant.to_bytes().into()).collect(),
        };
        minicbor::to_vec(invitation).expect("writing to a Vec cannot fail")
    }
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

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert_eq!(Membership::from_bytes(&bytes), None);
        }

        #[test]
        fn a_damaged_one_is_refused_or_says_the_same(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let whole = invitation();
            let mut bytes = whole.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Membership::from_bytes(&bytes).is_none_or(|read| read.grants == whole.grants));
        }
    }
}
