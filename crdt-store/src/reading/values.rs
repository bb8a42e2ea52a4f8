//! A column of doubles, as the decimals that they were.
//!
//! ```text
//! values    = single:1 how:2 [exponent:4] ...         how = 0: regular            a column
//!                                                           1: irregular          a column; no exponent
//!                                                           2: some are irregular a column of 0 (regular) and 1, then both
//! regular   = n / 10^exponent, rounded to the nearest double, or to the nearest single if `single` is set
//! irregular = the bits of the double, or of the single, as a number in the order of the values
//! ```
//!
//! A sensor's 54.3 is 543 / 10, to the last bit: of the doubles, 54.3 means the nearest one, and IEEE 754 divides to the
//! nearest one. Singles that were widened are told apart, since the nearest double of their decimals is another one. The
//! rest (infinities, minus zero, what was computed to the last bit) stands as it is.

use super::bits::{BitReader, BitWriter};
use super::column;
use crate::error::ReadingError;

/// Decimals of a regular value, at most. These powers of ten are doubles, exactly.
const EXPONENT_MAX: usize = 15;
const POWERS: [f64; EXPONENT_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// 2^53: below it doubles are less than one apart.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// Decimals beyond which doubles may be singles that were widened.
const SINGLE_DIGITS: usize = 6;
/// What an irregular double is taken to cost, in bits, when a scale is chosen.
const DOUBLE_BITS: u64 = 60;
/// The same for a single.
const SINGLE_BITS: u64 = 28;

/// Which values are regular.
const ALL_REGULAR: u64 = 0;
const ALL_IRREGULAR: u64 = 1;
const MIXED: u64 = 2;

/// How integers stand for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale {
    single: bool,
    exponent: usize,
}

impl Scale {
    fn value(self, number: i64) -> f64 {
        let value = number as f64 / POWERS[self.exponent];
        if self.single { f64::from(value as f32) } else { value }
    }

    /// The integer that stands for `value`, if one does.
    fn number(self, value: f64) -> Option<i64> {
        let scaled = value * POWERS[self.exponent];
        let number = (scaled + 0.5f64.copysign(scaled)) as i64;
        (self.value(number).to_bits() == value.to_bits()).then_some(number)
    }

    /// The scale for these values, and about how many bits they take. The least exponent that shows all of them is not the
    /// best one where a few have many more digits than the others.
    fn best(single: bool, values: &[f64]) -> (Self, u64) {
        let scale = |exponent| Self { single, exponent };
        let mut having = [0u64; EXPONENT_MAX + 1];
        for value in values {
            if let Some(least) = (0..=EXPONENT_MAX).find(|it| scale(*it).number(*value).is_some()) {
                having[least] += 1;
            }
        }
        let most = having.iter().rposition(|it| *it > 0).unwrap_or_default();
        let bits_at_most = scale(most).mean_bits(values);
        let irregular_bits = if single { SINGLE_BITS } else { DOUBLE_BITS };
        let mut irregular = values.len() as u64;
        let mut best = (scale(0), u64::MAX);
        for (exponent, having) in having.iter().enumerate().take(most + 1) {
            irregular -= having;
            // A decimal is 3.3 bits.
            let bits = bits_at_most.saturating_sub((most - exponent) as u64 * 10 / 3).max(1);
            let cost = irregular * irregular_bits + (values.len() as u64 - irregular) * bits;
            if cost < best.1 {
                best = (scale(exponent), cost);
            }
        }
        best
    }

    /// The mean length of the differences between regular values.
    fn mean_bits(self, values: &[f64]) -> u64 {
        let (mut before, mut bits, mut count) = (None, 0, 0);
        for number in values.iter().filter_map(|value| self.number(*value)) {
            if let Some(before) = before.replace(number) {
                bits += u64::from(64 - number.wrapping_sub(before).unsigned_abs().leading_zeros());
                count += 1;
            }
        }
        bits / u64::max(count, 1) + 1
    }

    fn of(values: &[f64]) -> Self {
        let (double, cost) = Self::best(false, values);
        let all_single = || values.iter().all(|it| f64::from(*it as f32).to_bits() == it.to_bits());
        let all_short =
            || double.exponent <= SINGLE_DIGITS && values.iter().all(|it| double.number(*it).is_some());
        if all_short() || !all_single() {
            return double;
        }
        let (single, single_cost) = Self::best(true, values);
        if single_cost < cost { single } else { double }
    }

    /// An irregular value as an integer, in the order of the values.
    fn bits(self, value: f64) -> i64 {
        if self.single {
            let bits = (value as f32).to_bits() as i32;
            (bits ^ (bits >> 31 & i32::MAX)).into()
        } else {
            let bits = value.to_bits() as i64;
            bits ^ (bits >> 63 & i64::MAX)
        }
    }

    fn of_bits(self, number: i64) -> Result<f64, ReadingError> {
        let value = if self.single {
            let bits = i32::try_from(number).map_err(|_| ReadingError::Malformed)?;
            f32::from_bits((bits ^ (bits >> 31 & i32::MAX)) as u32).into()
        } else {
            f64::from_bits((number ^ (number >> 63 & i64::MAX)) as u64)
        };
        if f64::is_nan(value) { Err(ReadingError::NotANumber) } else { Ok(value) }
    }
}

/// The least decimals that show all of these values; `None` where there are none.
pub(crate) fn decimals(values: &[f64]) -> Option<usize> {
    let shows = |exponent: &usize| {
        let scale = Scale { single: false, exponent: *exponent };
        values.iter().all(|value| scale.number(*value).is_some())
    };
    (0..=EXPONENT_MAX).find(shows)
}

/// The decimal with so many digits behind its point that lies near a finite value; the value itself, where doubles lie further
/// apart than such decimals.
pub(crate) fn near_decimal(value: f64, decimals: usize) -> f64 {
    let scaled = value * POWERS[decimals];
    if scaled.abs() >= WHOLE_MAX {
        return value;
    }
    Scale { single: false, exponent: decimals }.value((scaled + 0.5f64.copysign(scaled)) as i64)
}

/// Writes values; none is a NaN.
pub(crate) fn write(w: &mut BitWriter, values: &[f64]) {
    let scale = Scale::of(values);
    let numbers: Vec<_> = values.iter().map(|value| scale.number(*value)).collect();
    let regular: Vec<_> = numbers.iter().copied().flatten().collect();
    let are_irregular = values.iter().zip(&numbers).filter(|(_, number)| number.is_none());
    let irregular: Vec<_> = are_irregular.map(|(value, _)| scale.bits(*value)).collect();
    let how = match (regular.is_empty(), irregular.is_empty()) {
        (_, true) => ALL_REGULAR,
        (true, false) => ALL_IRREGULAR,
        (false, false) => MIXED,
    };
    w.put(scale.single.into(), 1);
    w.put(how, 2);
    if how != ALL_IRREGULAR {
        w.put(scale.exponent as u64, 4);
    }
    if how == MIXED {
        column::write_flags(w, numbers.iter().map(Option::is_none));
    }
    for column in [regular, irregular].iter().filter(|it| !it.is_empty()) {
        column::write(w, column);
    }
}

/// Reads so many values.
pub(crate) fn read(r: &mut BitReader<'_>, count: usize) -> Result<Vec<f64>, ReadingError> {
    let single = r.take(1)? == 1;
    let how = r.take(2)?;
    let exponent = if how == ALL_IRREGULAR { 0 } else { r.take(4)? as usize };
    let scale = Scale { single, exponent };
    match how {
        ALL_REGULAR => Ok(column::read(r, count)?.into_iter().map(|it| scale.value(it)).collect()),
        ALL_IRREGULAR => column::read(r, count)?.into_iter().map(|it| scale.of_bits(it)).collect(),
        MIXED => {
            let which = column::read_flags(r, count)?;
            let ones = which.iter().filter(|it| **it).count();
            let mut regular = column::read(r, count - ones)?.into_iter();
            let mut irregular = column::read(r, ones)?.into_iter();
            let next = |is_irregular: bool| {
                let value = if is_irregular {
                    scale.of_bits(irregular.next()?)
                } else {
                    Ok(scale.value(regular.next()?))
                };
                Some(value)
            };
            which.into_iter().filter_map(next).collect()
        }
        _ => Err(ReadingError::Malformed),
    }
}
