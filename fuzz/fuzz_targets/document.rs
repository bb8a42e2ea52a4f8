//! The changes of a document, and the fold over them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::{document, script};

fuzz_target!(|bytes: &[u8]| document::check(script::steps(bytes)));
