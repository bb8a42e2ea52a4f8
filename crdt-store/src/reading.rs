//! Readings, and the columns that carry many of them in one entry.
//!
//! The body of a readings entry, in bits, the highest of each byte first:
//!
//! ```text
//! body      = 1:8 (count - 1):12 times values qualities places zeros
//! times     = unit:3 column                     in milliseconds since 1970, divided by 1, 10, 100, 1 s, 10 s, 1 min,
//!                                               15 min, 1 h: the longest unit that divides all of them
//! values    = see `values`
//! qualities = quality:2                         0 good, 1 uncertain, 2 bad: of all readings
//!           | 3:2 column                        of each reading
//! places    = 0:2                               none has a place
//!           | 1:2 column column                 latitudes and longitudes, in 1e-7 degrees
//!           | 2:2 column column column          whether each reading has one (1) or not (0), then those
//! column    = see `column`
//! zeros     = up to the end of the byte; then whole bytes, so that there is one for four readings
//! ```
//!
//! The first byte is the version of the layout. One writer gives equal bytes for equal readings; a reader takes any unit,
//! order and scale, and no more bytes than needed. What stands once for a stream is not in here: the unit and a fixed place
//! are in its log's header, and what is known of the clock in the entry.

pub(crate) mod bits;
pub(crate) mod column;
mod residuals;
pub(crate) mod values;

use std::hash::{Hash, Hasher};

use msec_identity::UnixMillis;
use serde::{Deserialize, Serialize};

use self::bits::{BitReader, BitWriter};
use crate::error::ReadingError;
use crate::log::Place;

/// The most readings in one entry. More are refused, on writing and on reading.
pub const READINGS_PER_ENTRY_MAX: usize = 1 << COUNT_BITS;
/// The most readings in a byte of a body, so that what a peer can make others unpack is bounded by what it sends. Readings
/// that need less are followed by zeros.
const READINGS_PER_BYTE_MAX: usize = 4;

const LAYOUT: u64 = 1;
const COUNT_BITS: u32 = 12;
/// What times are divided by, in milliseconds.
const UNITS_MS: [i64; 8] = [1, 10, 100, 1_000, 10_000, 60_000, 900_000, 3_600_000];
/// Stands for qualities, where they differ.
const MIXED_QUALITIES: u64 = 3;
/// Which readings have a place.
const NO_PLACES: u64 = 0;
const ALL_PLACES: u64 = 1;
const SOME_PLACES: u64 = 2;

/// How good a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The value, in the unit of its log, and what is read is what was written to the last bit: "54.30" is the double 54.3.
    /// Never a NaN.
    pub value: f64,
    /// How good it is.
    pub quality: ValueQuality,
    /// Where it was measured, if the sensor moves. It counts where the log's header names no place.
    pub place: Option<Place>,
}

/// By the bits of the value: there is no NaN among them.
impl Hash for Reading {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.time, self.value.to_bits(), self.quality, self.place).hash(state);
    }
}

impl Reading {
    /// A good reading.
    pub fn new(time: UnixMillis, value: f64) -> Self {
        Self { time, value, quality: ValueQuality::Good, place: None }
    }

    /// The same, measured there.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }
}

impl ValueQuality {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Good, Self::Uncertain, Self::Bad];

    /// Whether it is as measured.
    pub fn is_good(&self) -> bool {
        *self == Self::Good
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Bad => "bad",
        }
    }

    /// The one of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.name() == name)
    }

    fn of_code(code: i64) -> Result<Self, ReadingError> {
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
    if readings.iter().filter_map(|r| r.place).any(|place| !place.is_on_earth()) {
        return Err(ReadingError::OffEarth);
    }
    let mut w = BitWriter::default();
    w.put(LAYOUT, 8);
    w.put(readings.len() as u64 - 1, COUNT_BITS);
    write_times(&mut w, readings);
    values::write(&mut w, &readings.iter().map(|r| r.value).collect::<Vec<_>>());
    write_qualities(&mut w, readings);
    write_places(&mut w, readings);
    Ok(w.finish(readings.len().div_ceil(READINGS_PER_BYTE_MAX)))
}

fn write_times(w: &mut BitWriter, readings: &[Reading]) {
    let divides = |unit: &i64| readings.iter().all(|r| r.time.0 % unit == 0);
    let which = UNITS_MS.iter().rposition(divides).unwrap_or_default();
    w.put(which as u64, 3);
    let times: Vec<_> = readings.iter().map(|r| r.time.0 / UNITS_MS[which]).collect();
    column::write(w, &times);
}

fn write_qualities(w: &mut BitWriter, readings: &[Reading]) {
    let codes: Vec<_> = readings.iter().map(|r| r.quality as i64).collect();
    match codes.split_first() {
        Some((first, rest)) if rest.iter().all(|code| code == first) => w.put(*first as u64, 2),
        _ => {
            w.put(MIXED_QUALITIES, 2);
            column::write(w, &codes);
        }
    }
}

fn write_places(w: &mut BitWriter, readings: &[Reading]) {
    let places: Vec<_> = readings.iter().filter_map(|r| r.place).collect();
    if places.is_empty() {
        return w.put(NO_PLACES, 2);
    }
    if places.len() == readings.len() {
        w.put(ALL_PLACES, 2);
    } else {
        w.put(SOME_PLACES, 2);
        column::write_flags(w, readings.iter().map(|r| r.place.is_some()));
    }
    for degrees in [|place: &Place| place.latitude_e7, |place: &Place| place.longitude_e7] {
        column::write(w, &places.iter().map(|place| degrees(place).into()).collect::<Vec<_>>());
    }
}

/// Reads columns back. Refuses what is not one layout's whole body: another count of bytes, a NaN, a place off the Earth.
pub fn decode_readings(body: &[u8]) -> Result<Vec<Reading>, ReadingError> {
    let mut r = BitReader::new(body);
    if r.take(8)? != LAYOUT {
        return Err(ReadingError::Malformed);
    }
    let count = r.take(COUNT_BITS)? as usize + 1;
    let bytes_min = count.div_ceil(READINGS_PER_BYTE_MAX);
    if body.len() < bytes_min {
        return Err(ReadingError::Malformed);
    }
    let times = read_times(&mut r, count)?;
    let values = values::read(&mut r, count)?;
    let mut readings: Vec<_> =
        times.into_iter().zip(values).map(|(time, value)| Reading::new(UnixMillis(time), value)).collect();
    read_qualities(&mut r, &mut readings)?;
    read_places(&mut r, &mut readings)?;
    let left = r.zeros_left().ok_or(ReadingError::Malformed)?;
    if body.len() != (body.len() - left).max(bytes_min) {
        return Err(ReadingError::Malformed);
    }
    Ok(readings)
}

fn read_times(r: &mut BitReader<'_>, count: usize) -> Result<Vec<i64>, ReadingError> {
    let unit = UNITS_MS[r.take(3)? as usize];
    let time = |number: i64| number.checked_mul(unit).ok_or(ReadingError::Malformed);
    column::read(r, count)?.into_iter().map(time).collect()
}

fn read_qualities(r: &mut BitReader<'_>, readings: &mut [Reading]) -> Result<(), ReadingError> {
    let code = r.take(2)?;
    if code != MIXED_QUALITIES {
        let quality = ValueQuality::of_code(code as i64)?;
        readings.iter_mut().for_each(|reading| reading.quality = quality);
        return Ok(());
    }
    let codes = column::read(r, readings.len())?;
    for (reading, code) in readings.iter_mut().zip(codes) {
        reading.quality = ValueQuality::of_code(code)?;
    }
    Ok(())
}

fn read_places(r: &mut BitReader<'_>, readings: &mut [Reading]) -> Result<(), ReadingError> {
    let have = match r.take(2)? {
        NO_PLACES => return Ok(()),
        ALL_PLACES => vec![true; readings.len()],
        SOME_PLACES => column::read_flags(r, readings.len())?,
        _ => return Err(ReadingError::Malformed),
    };
    let count = have.iter().filter(|it| **it).count();
    let (latitudes, longitudes) = (column::read(r, count)?, column::read(r, count)?);
    let there = readings.iter_mut().zip(have).filter_map(|(reading, have)| have.then_some(reading));
    for (reading, (latitude, longitude)) in there.zip(latitudes.into_iter().zip(longitudes)) {
        let degrees = |number: i64| i32::try_from(number).map_err(|_| ReadingError::OffEarth);
        let place = Place { latitude_e7: degrees(latitude)?, longitude_e7: degrees(longitude)? };
        if !place.is_on_earth() {
            return Err(ReadingError::OffEarth);
        }
        reading.place = Some(place);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
