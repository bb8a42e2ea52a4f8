//! What peers say about freshness, and the records of beats and classes. The first byte says which.

use crate::record;
use msec_identity::{Beat, Classified};

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 3 {
        0 => {
            if let Some(again) = msec_peer::node::freshness_again(bytes) {
                assert_eq!(again, bytes, "one encoding of each message");
            }
        }
        1 => record::check::<Beat>(bytes, |beat| beat.issuer),
        _ => record::check::<Classified>(bytes, |said| said.issuer),
    }
}
