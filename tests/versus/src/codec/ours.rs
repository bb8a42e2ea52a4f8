//! Ours: bodies of as many readings as one may hold.

use msec_crdt_store::{READINGS_PER_ENTRY_MAX, Reading, decode_readings, encode_readings};
use msec_identity::UnixMillis;

/// Bodies, each with its length before it if there are several.
pub(super) fn write(readings: &[Reading]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for body in readings.chunks(READINGS_PER_ENTRY_MAX) {
        let body = encode_readings(body).expect("not too many, and no NaN");
        if readings.len() > READINGS_PER_ENTRY_MAX {
            bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        }
        bytes.extend_from_slice(&body);
    }
    bytes
}

pub(super) fn read(mut bytes: &[u8], count: usize) -> anyhow::Result<Vec<Reading>> {
    if count <= READINGS_PER_ENTRY_MAX {
        return Ok(decode_readings(bytes)?);
    }
    let mut readings = Vec::with_capacity(count);
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        readings.extend(decode_readings(&rest[..len])?);
        bytes = &rest[len..];
    }
    Ok(readings)
}

pub(super) fn write_times(times: &[i64]) -> Vec<u8> {
    write(&times.iter().map(|time| Reading::new(UnixMillis(*time), 0.0)).collect::<Vec<_>>())
}

pub(super) fn read_times(bytes: &[u8], count: usize) -> anyhow::Result<Vec<i64>> {
    Ok(read(bytes, count)?.into_iter().map(|reading| reading.time.0).collect())
}

pub(super) fn write_values(values: &[f64]) -> Vec<u8> {
    write(&values.iter().map(|value| Reading::new(UnixMillis(0), *value)).collect::<Vec<_>>())
}

pub(super) fn read_values(bytes: &[u8], count: usize) -> anyhow::Result<Vec<f64>> {
    Ok(read(bytes, count)?.into_iter().map(|reading| reading.value).collect())
}
