use proptest::prelude::*;

use super::*;

const START: i64 = 1_700_000_000_000;

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("not a NaN", |v| !v.is_nan()),
        (-5_000i64..5_000).prop_map(|v| v as f64),
        (-500i64..500).prop_map(|v| v as f64 / 10.0),
        (-500i16..500).prop_map(|v| f64::from(f32::from(v) / 10.0)),
        any::<f32>().prop_filter("not a NaN", |v| !v.is_nan()).prop_map(f64::from),
        Just(-0.0),
        Just(f64::NEG_INFINITY),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let place = (-900_000_000i32..=900_000_000, -1_800_000_000i32..=1_800_000_000)
        .prop_map(|(latitude_e7, longitude_e7)| Place { latitude_e7, longitude_e7 });
    let time = prop_oneof![any::<i64>(), (0i64..9_999).prop_map(|n| START + 1_000 * n)];
    (time, value(), 0i64..3, proptest::option::of(place)).prop_map(|(time, value, quality, place)| Reading {
        time: UnixMillis(time),
        value,
        quality: ValueQuality::of_code(quality).expect("a quality"),
        place,
    })
}

/// Readings that have something in common, or nothing.
fn readings() -> impl Strategy<Value = Vec<Reading>> {
    let common = || proptest::option::of(reading());
    (proptest::collection::vec(reading(), 1..50), common(), common(), common()).prop_map(
        |(mut readings, value, quality, place)| {
            for reading in &mut readings {
                reading.value = value.map_or(reading.value, |it| it.value);
                reading.quality = quality.map_or(reading.quality, |it| it.quality);
                reading.place = place.map_or(reading.place, |it| it.place);
            }
            readings
        },
    )
}

fn bits(reading: &Reading) -> (UnixMillis, u64, ValueQuality, Option<Place>) {
    (reading.time, reading.value.to_bits(), reading.quality, reading.place)
}

proptest! {
    #[test]
    fn all_comes_back_to_the_last_bit(readings in readings()) {
        let body = encode_readings(&readings).expect("encodes");
        // Four columns of 64 bits, qualities and flags.
        prop_assert!(body.len() <= 24 + 37 * readings.len());
        let back = decode_readings(&body).expect("decodes");
        prop_assert!(back.iter().map(bits).eq(readings.iter().map(bits)));
        prop_assert_eq!(encode_readings(&back).expect("encodes"), body);
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 1..256)) {
        bytes[0] = LAYOUT as u8;
        if let Ok(readings) = decode_readings(&bytes) {
            prop_assert!(readings.len() <= READINGS_PER_BYTE_MAX * bytes.len());
            let again = decode_readings(&encode_readings(&readings).expect("encodes")).expect("decodes");
            prop_assert!(again.iter().map(bits).eq(readings.iter().map(bits)));
        }
    }

    #[test]
    fn a_damaged_body_is_refused_or_says_something_else(readings in readings(), at in any::<u16>(), bit in 0u8..8) {
        let mut body = encode_readings(&readings).expect("encodes");
        let at = usize::from(at) % body.len();
        body[at] ^= 1 << bit;
        if let Ok(back) = decode_readings(&body) {
            // An order, a unit or a scale may differ and say the same.
            let written = encode_readings(&back).expect("encodes");
            prop_assert!(decode_readings(&written).expect("decodes").iter().map(bits).eq(back.iter().map(bits)));
        }
    }
}

fn len(readings: &[Reading]) -> usize {
    encode_readings(readings).expect("encodes").len()
}

fn hourly(values: impl IntoIterator<Item = f64>) -> Vec<Reading> {
    let time = |n: i64| UnixMillis(1_699_999_200_000 + 3_600_000 * n);
    (0..).zip(values).map(|(n, value)| Reading::new(time(n), value)).collect()
}

/// The bytes that other implementations have to agree with.
#[test]
fn a_body_is_these_bytes() {
    let mut readings = hourly([54.0, 54.3, 53.9, 54.3]);
    readings[2].quality = ValueQuality::Uncertain;
    let place = Place { latitude_e7: 434_623_000, longitude_e7: -38_100_000 };
    let moving: Vec<_> = readings.iter().map(|r| r.at(place)).collect();
    let hex =
        |readings: &[Reading]| data_encoding::HEXLOWER.encode(&encode_readings(readings).expect("encodes"));
    assert_eq!(hex(&hourly([480.0])), "01000e14cd2780015c00");
    assert_eq!(hex(&readings), "01003f14cd27809f8145870155e30001c0");
    assert_eq!(hex(&moving), "01003f14cd27809f8145870155e30001c53d3cfa430fd36455c1ffe0");
}

#[test]
fn few_bytes_are_enough() {
    assert_eq!(len(&hourly([480.0])), 10, "an hourly count");
    assert_eq!(len(&[Reading::new(UnixMillis(START + 123), 48.5)]), 13, "a measurement at any time");
    let counts = [4.0, 10.0, 10.0, 14.0, 27.0, 31.0, 58.0, 41.0, 29.0, 33.0, 40.0, 52.0];
    assert_eq!(len(&hourly(counts)), 20, "twelve hourly counts");
    assert_eq!(len(&hourly((0..4_096).map(|_| 0.0))), 4_096 / READINGS_PER_BYTE_MAX, "nothing ever happens");
}

#[test]
fn a_value_with_many_digits_does_not_cost_those_around_it() {
    let short = hourly((0..60).map(|n| f64::from(n % 7) + 0.5));
    let mut odd = short.clone();
    odd[30].value = 1.0 / 3.0;
    odd[31].value = -0.0;
    assert!(len(&odd) <= len(&short) + 24, "{} bytes, not {}", len(&odd), len(&short));
}

#[test]
fn singles_take_no_more_than_their_decimals() {
    let double = hourly((0..60i16).map(|n| f64::from(n % 7 * 10 + 1) / 10.0));
    let single = hourly((0..60i16).map(|n| f64::from(f32::from(n % 7 * 10 + 1) / 10.0)));
    assert_eq!(len(&single), len(&double));
    let computed = hourly((0..60i16).map(|n| f64::from(1.0 / f32::from(n + 3))));
    assert!(len(&computed) <= 60 * 4, "{} bytes", len(&computed));
}

#[test]
fn refuses_nothing_too_many_nan_and_off_earth() {
    assert!(matches!(encode_readings(&[]), Err(ReadingError::Count { count: 0 })));
    let many = vec![Reading::new(UnixMillis(0), 1.0); READINGS_PER_ENTRY_MAX + 1];
    assert!(matches!(encode_readings(&many), Err(ReadingError::Count { .. })));
    assert!(encode_readings(&many[1..]).is_ok());
    let nan = [Reading::new(UnixMillis(0), f64::NAN)];
    assert!(matches!(encode_readings(&nan), Err(ReadingError::NotANumber)));
    let nowhere = Place { latitude_e7: 0, longitude_e7: 1_800_000_001 };
    let off_earth = [Reading::new(UnixMillis(0), 1.0).at(nowhere)];
    assert!(matches!(encode_readings(&off_earth), Err(ReadingError::OffEarth)));
}

#[test]
fn refuses_what_is_cut_longer_or_of_another_layout() {
    let body = encode_readings(&hourly([480.0, 500.0])).expect("encodes");
    for end in 0..body.len() {
        assert!(decode_readings(&body[..end]).is_err(), "cut at {end}");
    }
    assert!(decode_readings(&[&body[..], &[0]].concat()).is_err());
    assert!(decode_readings(&[&[2], &body[1..]].concat()).is_err());
}

/// What a peer can make another unpack is bounded by what it sends.
#[test]
fn refuses_many_readings_in_few_bytes() {
    let body = encode_readings(&hourly((0..4_096).map(|_| 0.0))).expect("encodes");
    let needed = body.len() - body.iter().rev().take_while(|byte| **byte == 0).count();
    assert!(needed < 20);
    assert!((needed..body.len()).all(|end| decode_readings(&body[..end]).is_err()));
}
