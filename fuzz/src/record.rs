//! What holds for every signed record, whatever it says.

use msec_identity::{PeerId, Record, Unverified};

use crate::town;

/// Parses a record of which `signer` says who should have signed it. Whatever is one has these bytes and no others, and
/// none verifies that was not signed with a key of the town: no key can be made up for which anything passes.
pub fn check<R: Record>(bytes: &[u8], signer: impl Fn(&R) -> PeerId) {
    let Ok(parsed) = Unverified::<R>::from_bytes(bytes) else { return };
    assert_eq!(parsed.to_bytes(), bytes, "one encoding of each record");
    let (signer, hash) = (signer(parsed.claims()), parsed.claims().hash());
    if let Ok(verified) = parsed.verify(&signer) {
        assert_eq!((verified.hash(), verified.to_bytes()), (hash, bytes.to_vec()));
        let keys = [town::root(), town::sensor(), town::gateway()].map(|key| key.peer());
        assert!(keys.contains(&signer), "signed by nobody");
    }
}
