//! A peer's addresses, as neighbours tell them of others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::record;
use msec_identity::AddressRecord;

fuzz_target!(|bytes: &[u8]| record::check::<AddressRecord>(bytes, |address| address.peer));
