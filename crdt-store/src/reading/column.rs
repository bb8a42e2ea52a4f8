//! A column of integers: differences of the first or second order, in few bits.
//!
//! ```text
//! column  = order:2 seed{max(order, 1)} [ rice:6 residuals ]     order 0, 1, 2; without brackets if there are only seeds
//!         | 3:2 number:64 ...                                    as they are
//! seed    = bits:7 low:(bits - 1)                                a residual without its highest bit, which is one; 0: zero
//! ```
//!
//! A residual is the difference to what is expected (order 0: zero; 1: the number before; 2: as far beyond it as that one
//! is beyond the one before), with its sign in the lowest bit. `rice` is what [`super::residuals`] starts with; 63 says
//! that all are zero. All arithmetic wraps at 64 bits. The writer takes the order whose residuals have the fewest bits.

use super::bits::{BitReader, BitWriter};
use super::residuals::{self, RICE_MAX, Residuals};
use crate::error::ReadingError;

/// The order that says that numbers stand as they are.
const VERBATIM: u64 = 3;
/// The start of the residuals that says that there are none but zeros.
const ZEROS: u64 = RICE_MAX as u64 + 1;

/// Guesses the next number.
#[derive(Debug, Clone, Copy, Default)]
struct Guess {
    order: u64,
    number: i64,
    step: i64,
}

impl Guess {
    fn of(order: u64) -> Self {
        Self { order, ..Self::default() }
    }

    fn next(self) -> i64 {
        match self.order {
            0 => 0,
            1 => self.number,
            _ => self.number.wrapping_add(self.step),
        }
    }

    fn came(&mut self, number: i64) {
        self.step = number.wrapping_sub(self.number);
        self.number = number;
    }

    /// The first number says nothing of how fast they grow.
    fn began(&mut self, number: i64) {
        self.number = number;
    }
}

fn seeds(order: u64, count: usize) -> usize {
    (order.max(1) as usize).min(count)
}

fn fold(difference: i64) -> u64 {
    (difference << 1 ^ difference >> 63) as u64
}

fn unfold(residual: u64) -> i64 {
    (residual >> 1) as i64 ^ -((residual & 1) as i64)
}

fn bits_of(residual: u64) -> u32 {
    64 - residual.leading_zeros()
}

fn residuals_of(order: u64, numbers: &[i64]) -> impl Iterator<Item = u64> {
    let mut guess = Guess::of(order);
    numbers.iter().enumerate().map(move |(at, &number)| {
        let residual = fold(number.wrapping_sub(guess.next()));
        if at == 0 {
            guess.began(number)
        } else {
            guess.came(number)
        }
        residual
    })
}

/// Writes numbers as a column.
pub(crate) fn write(w: &mut BitWriter, numbers: &[i64]) {
    let start = w.mark();
    let cost = |order: &u64| residuals_of(*order, numbers).map(|it| u64::from(bits_of(it))).sum::<u64>();
    let order = (0..VERBATIM).min_by_key(cost).unwrap_or_default();
    let residuals: Vec<_> = residuals_of(order, numbers).collect();
    let (first, rest) = residuals.split_at(seeds(order, numbers.len()));
    w.put(order, 2);
    for seed in first {
        w.put(bits_of(*seed).into(), 7);
        w.put(*seed, bits_of(*seed).saturating_sub(1));
    }
    if rest.iter().any(|it| *it != 0) {
        let rice = rice_for(rest);
        w.put(rice.into(), 6);
        residuals::write(w, rest, rice);
    } else if !rest.is_empty() {
        w.put(ZEROS, 6);
    }
    if w.bits_since(start) > 2 + 64 * numbers.len() {
        w.back_to(start);
        w.put(VERBATIM, 2);
        numbers.iter().for_each(|number| w.put(*number as u64, 64));
    }
}

/// With what these residuals start: the logarithm of their mean.
fn rice_for(residuals: &[u64]) -> u32 {
    let sum: u128 = residuals.iter().map(|it| u128::from(*it)).sum();
    let mean = sum / residuals.len().max(1) as u128;
    bits_of(mean as u64).saturating_sub(1).min(RICE_MAX)
}

/// Reads a column of so many numbers.
pub(crate) fn read(r: &mut BitReader<'_>, count: usize) -> Result<Vec<i64>, ReadingError> {
    let mut numbers = Vec::with_capacity(count);
    let order = r.take(2)?;
    if order == VERBATIM {
        for _ in 0..count {
            numbers.push(r.take(64)? as i64);
        }
        return Ok(numbers);
    }
    let mut guess = Guess::of(order);
    for at in 0..seeds(order, count) {
        let bits = r.take(7)? as u32;
        let residual = match bits {
            0 => 0,
            1..=64 => 1 << (bits - 1) | r.take(bits - 1)?,
            _ => return Err(ReadingError::Malformed),
        };
        let number = guess.next().wrapping_add(unfold(residual));
        if at == 0 {
            guess.began(number)
        } else {
            guess.came(number)
        }
        numbers.push(number);
    }
    if numbers.len() == count {
        return Ok(numbers);
    }
    let rice = r.take(6)?;
    let mut residuals = Residuals::new(rice as u32);
    while numbers.len() < count {
        let residual = if rice == ZEROS { 0 } else { residuals.next(r)? };
        let number = guess.next().wrapping_add(unfold(residual));
        guess.came(number);
        numbers.push(number);
    }
    Ok(numbers)
}

/// Writes a column of zeros and ones.
pub(crate) fn write_flags(w: &mut BitWriter, flags: impl Iterator<Item = bool>) {
    write(w, &flags.map(i64::from).collect::<Vec<_>>());
}

/// Reads a column of so many zeros and ones.
pub(crate) fn read_flags(r: &mut BitReader<'_>, count: usize) -> Result<Vec<bool>, ReadingError> {
    let flag = |number| match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ReadingError::Malformed),
    };
    read(r, count)?.into_iter().map(flag).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(numbers: &[i64]) -> (usize, Vec<u8>) {
        let mut w = BitWriter::default();
        let start = w.mark();
        write(&mut w, numbers);
        (w.bits_since(start), w.finish(0))
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            start in any::<i64>(),
            step in -3_600_000i64..3_600_000,
            noise in proptest::collection::vec(prop_oneof![Just(0), -9i64..9, any::<i64>()], 1..200),
        ) {
            let numbers: Vec<_> = (0..).zip(&noise).map(|(i, noise)| {
                start.wrapping_add(step * i).wrapping_add(*noise)
            }).collect();
            for numbers in [&numbers, &noise] {
                let (bits, bytes) = written(numbers);
                prop_assert!(bits <= 2 + 64 * numbers.len(), "no column is longer than its numbers");
                let mut r = BitReader::new(&bytes);
                prop_assert_eq!(&read(&mut r, numbers.len()).expect("it is there"), numbers);
                prop_assert_eq!(r.zeros_left(), Some(0));
            }
        }
    }

    #[test]
    fn what_goes_on_evenly_takes_no_bits() {
        let even = |n: i64| written(&(0..n).map(|i| 1_700_000_000_123 + 60_000 * i).collect::<Vec<_>>()).0;
        assert_eq!(even(3), even(4_096));
        assert!(even(3) <= 80, "{} bits", even(3));
    }

    #[test]
    fn each_order_is_best_at_something() {
        let orders = [
            written(&[5, -4, 3, -6, 5, -4, 4, -5]),
            written(&[100, 101, 99, 100, 102, 101, 100, 99]),
            written(&[100, 200, 300, 401, 500, 600, 700, 800]),
            written(&[i64::MIN, 1 << 62, -1 << 61, i64::MAX]),
        ]
        .map(|(_, bytes)| u64::from(bytes[0] >> 6));
        assert_eq!(orders, [0, 1, 2, VERBATIM]);
    }
}
