//! The gossip machine: messages, and all else that can happen in between.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::{gossip, script};

fuzz_target!(|bytes: &[u8]| gossip::check(script::steps(bytes)));
