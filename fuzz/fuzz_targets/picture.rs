//! A picture that may hold a code: a PNG, or an SVG.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    msec_peer::cli::is_picture_of_a_code(bytes);
});
