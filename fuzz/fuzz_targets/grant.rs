//! A grant, as it stands in invitations, claims and headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_fuzz::record;
use msec_identity::Grant;

fuzz_target!(|bytes: &[u8]| record::check::<Grant>(bytes, |grant| grant.issuer));
