//! The four messages of a handshake: off the wire, and inside of Noise by somebody who has a right key. The first byte says
//! which.

use crate::noise;

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 5 {
        0 => noise::first(bytes),
        1 => noise::second(bytes),
        2 => noise::third(bytes),
        3 => noise::claim(bytes),
        _ => noise::answer(bytes),
    }
}
