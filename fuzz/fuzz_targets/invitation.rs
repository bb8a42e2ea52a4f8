//! An invitation, as it is read from a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::town;
use msec_peer::Membership;

fuzz_target!(|bytes: &[u8]| {
    if let Some(membership) = Membership::from_bytes(bytes) {
        let root = town::root().peer();
        assert!(membership.grants().iter().all(|grant| grant.issuer == root), "signed by nobody");
        let again = Membership::from_bytes(&membership.to_bytes());
        assert_eq!(again, Some(membership), "what was read is written, and read again");
    }
});
