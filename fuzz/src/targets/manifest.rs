//! A manifest, whose bytes name the space.

use msec_identity::Manifest;

pub(super) fn check(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::from_bytes(bytes) {
        assert_eq!(manifest.to_bytes(), bytes, "one encoding, and with it one space");
        let again = Manifest::from_bytes(bytes).expect("what was read once");
        assert_eq!((again.space(), again.threshold()), (manifest.space(), manifest.threshold()));
    }
}
