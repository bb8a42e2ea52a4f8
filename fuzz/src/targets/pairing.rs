//! The four messages of a pairing: off the wire, and inside of Noise by somebody who has the code. The first byte says which.

use crate::pairing;

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 5 {
        0 => pairing::first(bytes),
        1 => pairing::second(bytes),
        2 => pairing::third(bytes),
        3 => pairing::papers(bytes),
        _ => pairing::answer(bytes),
    }
}
