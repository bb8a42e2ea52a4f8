//! Bits in bytes, for those that have no library of their own.

use anyhow::Context;

/// Bits that are written, the highest of a byte first.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    held: u128,
    bits: u32,
}

impl Writer {
    /// Appends the lowest `bits` bits: 64 at most.
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        let mask = (1u128 << bits) - 1;
        self.held = self.held << bits | u128::from(value) & mask;
        self.bits += bits;
        while self.bits >= 8 {
            self.bits -= 8;
            self.bytes.push((self.held >> self.bits) as u8);
        }
    }

    /// The bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.bits) % 8);
        self.bytes
    }
}

/// Bits that are read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    held: u128,
    bits: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, held: 0, bits: 0 }
    }

    /// The next bits: 64 at most.
    pub(super) fn take(&mut self, bits: u32) -> anyhow::Result<u64> {
        while self.bits < bits {
            let (byte, rest) = self.rest.split_first().context("cut short")?;
            (self.held, self.rest) = (self.held << 8 | u128::from(*byte), rest);
            self.bits += 8;
        }
        self.bits -= bits;
        Ok((self.held >> self.bits & ((1 << bits) - 1)) as u64)
    }

    /// How many ones come, up to `max`; the zero after fewer goes with them.
    pub(super) fn ones(&mut self, max: u32) -> anyhow::Result<u32> {
        for ones in 0..max {
            if self.take(1)? == 0 {
                return Ok(ones);
            }
        }
        Ok(max)
    }
}
