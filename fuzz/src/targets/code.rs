//! A code, as somebody scanned or typed it.

use crate::pairing;

pub(super) fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        pairing::code(text);
    }
}
