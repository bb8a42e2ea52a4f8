//! Readings, and the columns that carry many of them in one entry.
//!
//! The body of a readings entry is the CBOR array `[1, times, values, qualities]`: the first time in milliseconds and then
//! the differences, the values (the shortest of integer, single and double that is exact), and one quality for all or one
//! for each. The leading number is the version of the layout.

use std::hash::{Hash, Hasher};

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use msec_identity::UnixMillis;

use crate::error::ReadingError;

/// The most readings in one entry. More are refused, on writing and on reading.
pub const READINGS_PER_ENTRY_MAX: usize = 4_096;

const LAYOUT: u8 = 1;

/// How good a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueQuality {
    /// As measured.
    #[default]
    Good,
    /// Measured, but doubtful.
    Uncertain,
    /// Known to be wrong; kept because it was measured.
    Bad,
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When it was measured, by the writer's clock.
    pub time: UnixMillis,
    /// The value, in the unit of its log. Never a NaN.
    pub value: f64,
    /// How good it is.
    pub quality: ValueQuality,
}

/// By the bits of the value: there is no NaN among them.
impl Hash for Reading {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.time, self.value.to_bits(), self.quality).hash(state);
    }
}

impl Reading {
    /// A good reading.
    pub fn new(time: UnixMillis, value: f64) -> Self {
        Self { time, value, quality: ValueQuality::Good }
    }
}

impl ValueQuality {
    fn code(self) -> u8 {
        self as u8
    }

    fn from_code(code: u8) -> Result<Self, ReadingError> {
        match code {
            0 => Ok(Self::Good),
            1 => Ok(Self::Uncertain),
            2 => Ok(Self::Bad),
            _ => Err(ReadingError::Malformed),
        }
    }
}

/// Writes readings as columns.
pub fn encode_readings(readings: &[Reading]) -> Result<Vec<u8>, ReadingError> {
    if readings.is_empty() || readings.len() > READINGS_PER_ENTRY_MAX {
        return Err(ReadingError::Count { count: readings.len() });
    }
    if readings.iter().any(|r| r.value.is_nan()) {
        return Err(ReadingError::NotANumber);
    }
    let mut e = Encoder::new(Vec::new());
    write_columns(&mut e, readings).expect("writing to a Vec cannot fail");
    Ok(e.into_writer())
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write_columns(e: &mut Encoder<Vec<u8>>, readings: &[Reading]) -> Written {
    let count = readings.len() as u64;
    e.array(4)?.u8(LAYOUT)?.array(count)?;
    let mut before = 0i64;
    for reading in readings {
        e.i64(reading.time.0.wrapping_sub(before))?;
        before = reading.time.0;
    }
    e.array(count)?;
    for reading in readings {
        write_value(e, reading.value)?;
    }
    let first = readings.first().map_or(ValueQuality::Good, |r| r.quality);
    if readings.iter().all(|r| r.quality == first) {
        e.u8(first.code())?;
    } else {
        e.array(count)?;
        for reading in readings {
            e.u8(reading.quality.code())?;
        }
    }
    Ok(())
}

/// The shortest of integer, single and double that gives back the same bits.
fn write_value(e: &mut Encoder<Vec<u8>>, value: f64) -> Written {
    let integer = value as i64;
    let single = value as f32;
    let is_single = f64::from(single).to_bits() == value.to_bits();
    // A larger integer takes nine bytes, a single five.
    let integer_max = if is_single { u32::MAX.into() } else { (1 << 53) - 1 };
    if (integer as f64).to_bits() == value.to_bits() && integer.unsigned_abs() <= integer_max {
        e.i64(integer)?;
    } else if is_single {
        e.f32(single)?;
    } else {
        e.f64(value)?;
    }
    Ok(())
}

/// Reads columns back. Refuses what is not one layout's whole body: too many, a NaN, columns of unequal length.
pub fn decode_readings(body: &[u8]) -> Result<Vec<Reading>, ReadingError> {
    let mut d = Decoder::new(body);
    if d.array()? != Some(4) || d.u8()? != LAYOUT {
        return Err(ReadingError::Malformed);
    }
    let count = column(&mut d, None)?;
    let mut readings = Vec::with_capacity(count);
    let mut before = 0i64;
    for _ in 0..count {
        before = before.wrapping_add(d.i64()?);
        readings.push(Reading::new(UnixMillis(before), 0.0));
    }
    column(&mut d, Some(count))?;
    for reading in &mut readings {
        reading.value = read_value(&mut d)?;
    }
    if d.datatype()? == Type::Array {
        column(&mut d, Some(count))?;
        for reading in &mut readings {
            reading.quality = ValueQuality::from_code(d.u8()?)?;
        }
    } else {
        let quality = ValueQuality::from_code(d.u8()?)?;
        readings.iter_mut().for_each(|r| r.quality = quality);
    }
    if d.position() != body.len() {
        return Err(ReadingError::Malformed);
    }
    Ok(readings)
}

/// The length of the column that starts here.
fn column(d: &mut Decoder<'_>, expected: Option<usize>) -> Result<usize, ReadingError> {
    let count = d.array()?.and_then(|n| usize::try_from(n).ok()).ok_or(ReadingError::Malformed)?;
    if count == 0 || count > READINGS_PER_ENTRY_MAX {
        return Err(ReadingError::Count { count });
    }
    if expected.is_some_and(|expected| expected != count) {
        return Err(ReadingError::Malformed);
    }
    Ok(count)
}

fn read_value(d: &mut Decoder<'_>) -> Result<f64, ReadingError> {
    let value = match d.datatype()? {
        Type::F64 => d.f64()?,
        Type::F32 => f64::from(d.f32()?),
        _ => d.i64()? as f64,
    };
    if value.is_nan() { Err(ReadingError::NotANumber) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading() -> impl Strategy<Value = Reading> {
        let value = prop_oneof![
            any::<f64>().prop_filter("not a NaN", |v| !v.is_nan()),
            (-5_000i64..5_000).prop_map(|v| v as f64),
            (-500i64..500).prop_map(|v| v as f64 / 10.0),
        ];
        (any::<i64>(), value, 0u8..3).prop_map(|(time, value, quality)| Reading {
            time: UnixMillis(time),
            value,
            quality: ValueQuality::from_code(quality).expect("a quality"),
        })
    }

    proptest! {
        #[test]
        fn exact_values_back(readings in proptest::collection::vec(reading(), 1..50)) {
            let back = decode_readings(&encode_readings(&readings).expect("encodes")).expect("decodes");
            prop_assert_eq!(back.len(), readings.len());
            for (a, b) in back.iter().zip(&readings) {
                prop_assert_eq!((a.time, a.value.to_bits(), a.quality), (b.time, b.value.to_bits(), b.quality));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode_readings(&bytes);
        }

        #[test]
        fn damaged_bodies_never_panic(at in 0usize..60, byte in any::<u8>()) {
            let mut body = encode_readings(&[Reading::new(UnixMillis(1_700_000_000_000), 48.5); 5]).expect("encodes");
            let at = at % body.len();
            body[at] = byte;
            let _ = decode_readings(&body);
        }
    }

    #[test]
    fn an_hourly_count_takes_few_bytes() {
        let one = encode_readings(&[Reading::new(UnixMillis(1_700_000_000_000), 480.0)]).expect("encodes");
        assert!(one.len() <= 18, "{} bytes", one.len());
    }

    /// Found by the fuzz target: a large integer that a single holds took nine bytes.
    #[test]
    fn a_large_integer_takes_no_more_than_a_single() {
        let length = |value| encode_readings(&[Reading::new(UnixMillis(0), value)]).expect("encodes").len();
        assert_eq!((length(2f64.powi(40)), length(2f64.powi(40) + 1.0)), (length(0.5), length(0.1)));
    }

    #[test]
    fn refuses_nothing_too_many_and_nan() {
        assert!(matches!(encode_readings(&[]), Err(ReadingError::Count { count: 0 })));
        let many = vec![Reading::new(UnixMillis(0), 1.0); READINGS_PER_ENTRY_MAX + 1];
        assert!(matches!(encode_readings(&many), Err(ReadingError::Count { .. })));
        let nan = [Reading::new(UnixMillis(0), f64::NAN)];
        assert!(matches!(encode_readings(&nan), Err(ReadingError::NotANumber)));
    }
}
