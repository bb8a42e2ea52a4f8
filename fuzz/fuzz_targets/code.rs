//! A code, as somebody scanned or typed it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::pairing;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        pairing::code(text);
    }
});
