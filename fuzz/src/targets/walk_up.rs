//! The messages of somebody who walks up: off the wire, and inside of Noise. The first byte says which.

use crate::walk_up;

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 4 {
        0 => walk_up::first(bytes),
        1 => walk_up::second(bytes),
        2 => walk_up::papers(bytes),
        _ => walk_up::answer(bytes),
    }
}
