//! One hash over all that all nodes did: two runs with one digest did the same.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::PeerIndex;

/// BLAKE3 over each output with its time and its peer.
#[derive(Debug, Default)]
pub struct Digest {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl Digest {
    /// How much is collected before it is hashed. Hashing small pieces would cost more than all else here.
    const BUFFER_BYTES: usize = 64 * 1024;

    /// Takes in one output.
    pub fn add(&mut self, at: Duration, peer: PeerIndex, output: &impl Hash) {
        let mut stable = Stable(&mut self.buffer);
        (at.as_nanos(), peer.0).hash(&mut stable);
        output.hash(&mut stable);
        if self.buffer.len() >= Self::BUFFER_BYTES {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// The digest of what was taken in so far, in hexadecimal.
    pub fn hex(&self) -> String {
        self.hasher.clone().update(&self.buffer).finalize().to_hex().to_string()
    }
}

/// BLAKE3 over anything that has a `Hash`, the same on every machine.
pub(crate) fn stable_hash(what: &impl Hash) -> [u8; 32] {
    let mut bytes = Vec::new();
    what.hash(&mut Stable(&mut bytes));
    *blake3::hash(&bytes).as_bytes()
}

/// Writes what is hashed as bytes that depend on no machine: integers of any width are 64 bits (or 128), little endian.
/// A slice of integers wider than a byte would come as its bytes in memory; outputs hold none.
struct Stable<'a>(&'a mut Vec<u8>);

impl Stable<'_> {
    fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }
}

impl Hasher for Stable<'_> {
    fn finish(&self) -> u64 {
        // The trait asks for it; what counts is what was written.
        self.0.len() as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_u128(&mut self, n: u128) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn write_i8(&mut self, n: i8) {
        self.word(i64::from(n) as u64);
    }

    fn write_i16(&mut self, n: i16) {
        self.word(i64::from(n) as u64);
    }

    fn write_i32(&mut self, n: i32) {
        self.word(i64::from(n) as u64);
    }

    fn write_i64(&mut self, n: i64) {
        self.word(n as u64);
    }

    fn write_i128(&mut self, n: i128) {
        self.write_u128(n as u128);
    }

    fn write_isize(&mut self, n: isize) {
        self.word(n as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(what: &impl Hash) -> Vec<u8> {
        let mut bytes = Vec::new();
        what.hash(&mut Stable(&mut bytes));
        bytes
    }

    #[test]
    fn integers_of_any_width_are_little_endian_words() {
        let expected = [1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(written(&1u8), expected);
        assert_eq!(written(&1u32), expected);
        assert_eq!(written(&1usize), expected);
        assert_eq!(written(&-1i16), written(&-1isize));
        assert_eq!(written(&vec![7u8, 8]), [2, 0, 0, 0, 0, 0, 0, 0, 7, 8]);
    }

    #[test]
    fn time_peer_and_output_count_and_so_does_their_order() {
        let digest = |entries: &[(u64, usize, &str)]| {
            let mut digest = Digest::default();
            entries.iter().for_each(|(at, peer, what)| {
                digest.add(Duration::from_secs(*at), PeerIndex(*peer), what);
            });
            digest.hex()
        };
        let one = digest(&[(1, 1, "a"), (2, 2, "b")]);
        assert_eq!(one, digest(&[(1, 1, "a"), (2, 2, "b")]));
        assert_ne!(one, digest(&[(2, 2, "b"), (1, 1, "a")]));
        assert_ne!(one, digest(&[(1, 1, "a"), (3, 2, "b")]));
        assert_ne!(one, digest(&[(1, 1, "a"), (2, 3, "b")]));
        assert_ne!(one, digest(&[(1, 1, "a"), (2, 2, "c")]));
    }
}
