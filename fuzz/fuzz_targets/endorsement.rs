//! An endorsement, as it stands in a claim.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::record;
use msec_identity::Endorsement;

fuzz_target!(|bytes: &[u8]| record::check::<Endorsement>(bytes, |endorsement| endorsement.peer));
