//! The store's file: garbage behind a right header, and right frames that were damaged, cut, repeated or mixed up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::{disk, script};

fuzz_target!(|bytes: &[u8]| disk::check(script::steps(bytes)));
