//! Logs for the tests of roll-ups.

use msec_identity::UnixMillis;
use proptest::prelude::*;

use crate::log::{Body, Entry, EntryKind, TimeQuality};
use crate::merkle::CompactRange;
use crate::reading::{Reading, ValueQuality, encode_readings};

pub(super) const START: i64 = 1_699_920_000_000;

/// An entry of readings.
pub(super) fn entry(readings: &[Reading]) -> Entry {
    Entry {
        kind: EntryKind::Readings,
        time: UnixMillis(START),
        quality: TimeQuality::Synchronised,
        body: Body::Kept { salt: [1; 16], bytes: encode_readings(readings).expect("readings") },
    }
}

/// The same without its body.
pub(crate) fn erased(entry: &Entry) -> Entry {
    let commitment = match &entry.body {
        Body::Kept { salt, bytes } => {
            let mut hasher = blake3::Hasher::new_derive_key("msec/commitment/1");
            *hasher.update(salt).update(bytes).finalize().as_bytes()
        }
        Body::Erased { commitment } => *commitment,
    };
    let gone = Entry { body: Body::Erased { commitment }, ..entry.clone() };
    assert_eq!(gone.leaf(), entry.leaf());
    gone
}

/// Good readings, one every so many milliseconds.
pub(super) fn every(millis: i64, values: impl IntoIterator<Item = f64>) -> Vec<Reading> {
    (0..).zip(values).map(|(n, value)| Reading::new(UnixMillis(START + millis * n), value)).collect()
}

/// The range that stands for entries from the first on.
pub(super) fn range(entries: &[Entry]) -> CompactRange {
    let mut range = CompactRange::empty(0);
    entries.iter().for_each(|entry| range.push(entry.leaf()));
    range
}

fn reading() -> impl Strategy<Value = Reading> {
    let value = prop_oneof![
        6 => (-500i32..500).prop_map(|value| f64::from(value) / 10.0),
        2 => any::<f64>().prop_filter("not a NaN", |value| !value.is_nan()),
        1 => prop_oneof![Just(-0.0), Just(0.0), Just(f64::MAX), Just(f64::MIN), Just(f64::INFINITY), Just(1.0 / 3.0)],
    ];
    let time = prop_oneof![8 => (0i64..400_000_000).prop_map(|time| START + time), 1 => any::<i64>()];
    let quality = prop_oneof![
        8 => Just(ValueQuality::Good), 1 => Just(ValueQuality::Uncertain), 1 => Just(ValueQuality::Bad)
    ];
    (time, value, quality)
        .prop_map(|(time, value, quality)| Reading { quality, ..Reading::new(UnixMillis(time), value) })
}

/// An entry of any kind.
pub(super) fn any_entry() -> impl Strategy<Value = Entry> {
    let of_readings = prop::collection::vec(reading(), 1..12).prop_map(|readings| entry(&readings));
    (of_readings, 0u8..12).prop_map(|(it, fate)| match fate {
        0 => erased(&it),
        1 => Entry { body: Body::Kept { salt: [1; 16], bytes: vec![7; 5] }, ..it },
        2 => Entry { quality: TimeQuality::Unsynchronised, ..it },
        3 => Entry { kind: EntryKind::Change, ..it },
        _ => it,
    })
}
