//! Bits in bytes, the highest of a byte first.

use crate::error::ReadingError;

/// The most bits that the writer holds back, and that one step of it takes.
const STEP_BITS: u32 = 32;

/// Bits that are written.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that are not in `bytes` yet, lowest.
    held: u64,
    held_bits: u32,
}

/// How far a writer was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    bytes: usize,
    held: u64,
    held_bits: u32,
}

impl BitWriter {
    /// Appends the lowest `bits` bits of `value`: 64 at most.
    pub(crate) fn put(&mut self, value: u64, bits: u32) {
        if bits > STEP_BITS {
            self.step(value >> STEP_BITS, bits - STEP_BITS);
        }
        self.step(value, bits.min(STEP_BITS));
    }

    fn step(&mut self, value: u64, bits: u32) {
        self.held = self.held << bits | value & ((1 << bits) - 1);
        self.held_bits += bits;
        if self.held_bits >= STEP_BITS {
            self.held_bits -= STEP_BITS;
            self.bytes.extend_from_slice(&((self.held >> self.held_bits) as u32).to_be_bytes());
        }
    }

    /// Where it is.
    pub(crate) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), held: self.held, held_bits: self.held_bits }
    }

    /// How many bits were written since.
    pub(crate) fn bits_since(&self, mark: Mark) -> usize {
        (self.bytes.len() - mark.bytes) * 8 + self.held_bits as usize - mark.held_bits as usize
    }

    /// Takes back what was written since.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        (self.held, self.held_bits) = (mark.held, mark.held_bits);
    }

    /// The bytes, filled up with zeros, at least `bytes_min` of them.
    pub(crate) fn finish(mut self, bytes_min: usize) -> Vec<u8> {
        let left = self.held_bits.div_ceil(8);
        self.put(0, left * 8 - self.held_bits);
        let held = (self.held as u32).to_be_bytes();
        // None are left when the last ones filled a step.
        self.bytes.extend_from_slice(&held[4 - self.held_bits as usize / 8..]);
        self.bytes.resize(self.bytes.len().max(bytes_min), 0);
        self.bytes
    }
}

/// Bits that are read. Beyond the end there is an error, and no bit.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    rest: &'a [u8],
    /// The bits that come next, highest; zeros behind them.
    held: u64,
    held_bits: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, held: 0, held_bits: 0 }
    }

    /// Holds 57 bits at least, or all that are left.
    fn fill(&mut self) {
        while self.held_bits <= 56 {
            let Some((byte, rest)) = self.rest.split_first() else { break };
            self.held |= u64::from(*byte) << (56 - self.held_bits);
            self.held_bits += 8;
            self.rest = rest;
        }
    }

    /// The next `bits` bits: 64 at most.
    pub(crate) fn take(&mut self, bits: u32) -> Result<u64, ReadingError> {
        if bits > STEP_BITS {
            return Ok(self.step(bits - STEP_BITS)? << STEP_BITS | self.step(STEP_BITS)?);
        }
        self.step(bits)
    }

    fn step(&mut self, bits: u32) -> Result<u64, ReadingError> {
        if self.held_bits < bits {
            self.fill();
        }
        if bits == 0 {
            return Ok(0);
        }
        let value = self.held >> (64 - bits);
        self.skip(bits)?;
        Ok(value)
    }

    /// The ones that come next, up to `max` of them: 32 at most. The zero after them goes with them, if they are fewer.
    pub(crate) fn take_ones(&mut self, max: u32) -> Result<u32, ReadingError> {
        if self.held_bits <= max {
            self.fill();
        }
        let ones = self.held.leading_ones().min(max);
        self.skip(ones + u32::from(ones < max))?;
        Ok(ones)
    }

    fn skip(&mut self, bits: u32) -> Result<(), ReadingError> {
        self.held_bits = self.held_bits.checked_sub(bits).ok_or(ReadingError::Malformed)?;
        self.held <<= bits;
        Ok(())
    }

    /// The whole bytes that are left; `None` if a bit that is left is not zero.
    pub(crate) fn zeros_left(mut self) -> Option<usize> {
        self.fill();
        let is_zero = self.held == 0 && self.rest.iter().all(|byte| *byte == 0);
        is_zero.then_some(self.held_bits as usize / 8 + self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back(
            values in proptest::collection::vec((any::<u64>(), 0u32..65, any::<bool>()), 0..40),
            padding in 0usize..12,
        ) {
            let mut writer = BitWriter::default();
            let start = writer.mark();
            let mut written = 0;
            for (value, bits, kept) in &values {
                let before = writer.mark();
                writer.put(*value, *bits);
                prop_assert_eq!(writer.bits_since(before), *bits as usize);
                if *kept { written += *bits as usize } else { writer.back_to(before) }
            }
            prop_assert_eq!(writer.bits_since(start), written);
            let bytes = writer.finish(padding);
            prop_assert_eq!(bytes.len(), written.div_ceil(8).max(padding));
            let mut reader = BitReader::new(&bytes);
            for (value, bits, _) in values.iter().filter(|(_, _, kept)| *kept) {
                let mask = if *bits == 64 { u64::MAX } else { (1 << bits) - 1 };
                prop_assert_eq!(reader.take(*bits).expect("they are there"), value & mask);
            }
            prop_assert_eq!(reader.zeros_left(), Some(bytes.len() - written.div_ceil(8)));
        }

        #[test]
        fn ones_come_back(runs in proptest::collection::vec(0u32..40, 0..20), max in 1u32..33) {
            let mut writer = BitWriter::default();
            for ones in &runs {
                let ones = (*ones).min(max);
                writer.put(u64::MAX, ones);
                writer.put(0, u32::from(ones < max));
            }
            let bytes = writer.finish(0);
            let mut reader = BitReader::new(&bytes);
            for ones in &runs {
                prop_assert_eq!(reader.take_ones(max).expect("they are there"), (*ones).min(max));
            }
        }
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        let mut reader = BitReader::new(&[0xff]);
        assert_eq!(reader.take(6).expect("eight are there"), 0b11_1111);
        assert!(reader.take(3).is_err());
        assert!(BitReader::new(&[0xff]).take_ones(9).is_err());
        assert!(BitReader::new(&[]).take(1).is_err());
        assert_eq!(
            [BitReader::new(&[0, 1]).zeros_left(), BitReader::new(&[0, 0]).zeros_left()],
            [None, Some(2)]
        );
    }
}
