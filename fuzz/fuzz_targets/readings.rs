//! The body of a readings entry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_crdt_store::{READINGS_PER_ENTRY_MAX, decode_readings, encode_readings};

fuzz_target!(|bytes: &[u8]| {
    let Ok(readings) = decode_readings(bytes) else { return };
    assert!((1..=READINGS_PER_ENTRY_MAX).contains(&readings.len()));
    let written = encode_readings(&readings).expect("what was read can be written");
    assert!(written.len() <= bytes.len(), "what is written is as short as it can be");
    let again = decode_readings(&written).expect("what was written");
    let bits = |it: &msec_crdt_store::Reading| (it.time, it.value.to_bits(), it.quality);
    assert!(readings.iter().map(bits).eq(again.iter().map(bits)), "bit for bit");
});
