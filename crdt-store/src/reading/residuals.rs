//! Small numbers in few bits: the adaptive run-length and Golomb-Rice code (RLGR).
//!
//! H. S. Malvar, "Adaptive run-length / Golomb-Rice encoding of quantized generalized Gaussian sources with unknown
//! statistics", DCC 2006, with the constants of MS-RDPRFX, 3.1.8.1.7.3 (RLGR1). Both ends keep two numbers in eighths, and
//! change them in the same way; `rice` starts as the column says, and `run` at 1 if that is 0, else at 0.
//!
//! | state | what is written | then |
//! |---|---|---|
//! | `run` < 1 | the number in Rice code | zero: `run` += 3/8; else `run` -= 3/8 |
//! | `run` >= 1, 2^`run` zeros come, or zeros up to the end | `0` | `run` += 4/8 |
//! | `run` >= 1, fewer come | `1`, how many in `run` bits, the number after them, less one, in Rice code | `run` -= 6/8 |
//!
//! The Rice code of a number is `number >> rice` in ones, a zero, and the low `rice` bits; [`ONES_MAX`] ones stand for a
//! number that follows in 64 bits. No ones: `rice` -= 2/8; one: it stays; more: `rice` += ones/8.

use super::bits::{BitReader, BitWriter};
use crate::error::ReadingError;

/// The ones after which a number stands in full: no number takes more than 96 bits.
const ONES_MAX: u32 = 32;
/// Zeros that one bit stands for, at most: two to this power.
const RUN_MAX: u32 = 10;
/// The most low bits that stand as they are.
pub(super) const RICE_MAX: u32 = 62;
const STEPS: u32 = 8;

/// The two numbers that adapt, in eighths.
#[derive(Debug, Clone, Copy)]
struct State {
    run: u32,
    rice: u32,
}

impl State {
    fn new(rice: u32) -> Self {
        Self { run: if rice == 0 { STEPS } else { 0 }, rice: rice.min(RICE_MAX) * STEPS }
    }

    fn run_bits(self) -> u32 {
        self.run / STEPS
    }

    fn coded_alone(&mut self, number: u64) {
        self.run = if number == 0 { self.run + 3 } else { self.run.saturating_sub(3) };
    }

    fn coded_run(&mut self) {
        self.run = (self.run + 4).min(RUN_MAX * STEPS);
    }

    fn coded_end_of_run(&mut self) {
        self.run = self.run.saturating_sub(6);
    }

    fn coded_ones(&mut self, ones: u32) {
        self.rice = match ones {
            0 => self.rice.saturating_sub(2),
            1 => self.rice,
            _ => (self.rice + ones).min(RICE_MAX * STEPS),
        };
    }
}

/// Writes numbers; `rice` is how many low bits of them are noise, at first.
pub(super) fn write(w: &mut BitWriter, numbers: &[u64], rice: u32) {
    let mut state = State::new(rice);
    let mut rest = numbers;
    while let Some((&number, after)) = rest.split_first() {
        let run_bits = state.run_bits();
        if run_bits == 0 {
            write_rice(w, number, &mut state);
            state.coded_alone(number);
            rest = after;
            continue;
        }
        let zeros = rest.iter().take(1 << run_bits).take_while(|it| **it == 0).count();
        match rest.get(zeros) {
            Some(&number) if zeros < 1 << run_bits => {
                w.put(1, 1);
                w.put(zeros as u64, run_bits);
                write_rice(w, number - 1, &mut state);
                state.coded_end_of_run();
                rest = &rest[zeros + 1..];
            }
            _ => {
                w.put(0, 1);
                state.coded_run();
                rest = &rest[zeros..];
            }
        }
    }
}

fn write_rice(w: &mut BitWriter, number: u64, state: &mut State) {
    let rice = state.rice / STEPS;
    let ones = (number >> rice).min(ONES_MAX.into()) as u32;
    w.put(u64::MAX, ones);
    if ones == ONES_MAX {
        w.put(number, 64);
    } else {
        w.put(0, 1);
        w.put(number, rice);
    }
    state.coded_ones(ones);
}

/// Numbers that are read.
#[derive(Debug)]
pub(super) struct Residuals {
    state: State,
    /// Zeros that come before anything else is read.
    zeros: u32,
    /// What comes after them.
    after: Option<u64>,
}

impl Residuals {
    pub(super) fn new(rice: u32) -> Self {
        Self { state: State::new(rice), zeros: 0, after: None }
    }

    /// The next number.
    pub(super) fn next(&mut self, r: &mut BitReader<'_>) -> Result<u64, ReadingError> {
        loop {
            if self.zeros > 0 {
                self.zeros -= 1;
                return Ok(0);
            }
            if let Some(number) = self.after.take() {
                return Ok(number);
            }
            let run_bits = self.state.run_bits();
            if run_bits == 0 {
                let number = read_rice(r, &mut self.state)?;
                self.state.coded_alone(number);
                return Ok(number);
            }
            if r.take(1)? == 0 {
                self.zeros = 1 << run_bits;
                self.state.coded_run();
            } else {
                self.zeros = r.take(run_bits)? as u32;
                let number = read_rice(r, &mut self.state)?.checked_add(1).ok_or(ReadingError::Malformed)?;
                self.after = Some(number);
                self.state.coded_end_of_run();
            }
        }
    }
}

fn read_rice(r: &mut BitReader<'_>, state: &mut State) -> Result<u64, ReadingError> {
    let rice = state.rice / STEPS;
    let ones = r.take_ones(ONES_MAX)?;
    state.coded_ones(ones);
    if ones == ONES_MAX {
        return r.take(64);
    }
    let high = u64::from(ones);
    if high > u64::MAX >> rice {
        return Err(ReadingError::Malformed);
    }
    Ok(high << rice | r.take(rice)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(
            numbers in proptest::collection::vec(prop_oneof![
                4 => Just(0u64), 4 => 0u64..9, 1 => 0u64..100_000, 1 => any::<u64>()
            ], 0..400),
            rice in 0..=RICE_MAX,
        ) {
            let mut w = BitWriter::default();
            write(&mut w, &numbers, rice);
            let bytes = w.finish(0);
            let (mut r, mut residuals) = (BitReader::new(&bytes), Residuals::new(rice));
            for number in &numbers {
                prop_assert_eq!(residuals.next(&mut r).expect("it is there"), *number);
            }
            prop_assert_eq!(r.zeros_left(), Some(0));
        }

        #[test]
        fn arbitrary_bits_end(bytes in proptest::collection::vec(any::<u8>(), 0..64), rice in any::<u32>()) {
            let (mut r, mut residuals) = (BitReader::new(&bytes), Residuals::new(rice));
            // A bit stands for 1,024 zeros at most.
            let most = bytes.len() * 8 * (1 << RUN_MAX);
            prop_assert!((0..=most).any(|_| residuals.next(&mut r).is_err()));
        }
    }

    #[test]
    fn zeros_take_less_than_a_bit() {
        let mut w = BitWriter::default();
        let start = w.mark();
        write(&mut w, &[0; 1_000], 0);
        assert!(w.bits_since(start) < 30, "{} bits", w.bits_since(start));
    }
}
