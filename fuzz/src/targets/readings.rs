//! The body of a readings entry.

use msec_crdt_store::{READINGS_PER_ENTRY_MAX, decode_readings, encode_readings};

pub(super) fn check(bytes: &[u8]) {
    let Ok(readings) = decode_readings(bytes) else { return };
    assert!((1..=READINGS_PER_ENTRY_MAX).contains(&readings.len()));
    let written = encode_readings(&readings).expect("what was read can be written");
    // Times, values, latitudes and longitudes at 64 bits each, values and places of two kinds, qualities.
    assert!(written.len() <= 32 + 37 * readings.len(), "no column is longer than its numbers");
    let again = decode_readings(&written).expect("what was written");
    let bits = |it: &msec_crdt_store::Reading| (it.time, it.value.to_bits(), it.quality, it.place);
    assert!(readings.iter().map(bits).eq(again.iter().map(bits)), "bit for bit");
}
