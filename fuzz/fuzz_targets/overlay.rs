//! The overlay's machine: messages, links, dials, and what the node tells of contacts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::{overlay, script};

fuzz_target!(|bytes: &[u8]| overlay::check(script::steps(bytes)));
