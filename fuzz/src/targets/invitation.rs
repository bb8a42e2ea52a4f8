//! An invitation, as it is read from a file.

use crate::town;
use msec_peer::Membership;

pub(super) fn check(bytes: &[u8]) {
    if let Some(membership) = Membership::from_bytes(bytes) {
        let root = town::root().peer();
        assert!(membership.grants().iter().all(|grant| grant.issuer == root), "signed by nobody");
        let again = Membership::from_bytes(&membership.to_bytes());
        assert_eq!(again, Some(membership), "what was read is written, and read again");
    }
}
