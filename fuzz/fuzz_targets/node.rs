//! The node: messages on links that are admitted and on links that are not, and all else that can happen in between.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::{node, script};

fuzz_target!(|bytes: &[u8]| node::check(script::steps(bytes)));
