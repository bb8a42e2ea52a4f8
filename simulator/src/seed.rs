//! One seed for a run, and from it one for each use. A use that draws more or less than before disturbs no other.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const CONTEXT: &str = "msec-simulator/seed/1";

/// Whence all randomness of a run comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed for one use: what for, and for which one of those.
    pub fn derive(self, purpose: &str, index: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.0.to_le_bytes()).update(&index.to_le_bytes()).update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// A generator for one use.
    pub fn dice(self, purpose: &str, index: u64) -> Dice {
        Dice(ChaCha8Rng::from_seed(self.derive(purpose, index)))
    }
}

/// A seeded generator, with the few draws that a simulation needs.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// One of `0..below`; 0 if there are none. The bias is below `below / 2^64`.
    pub fn below(&mut self, below: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(below)) >> 64) as u64
    }

    /// An index into something of that length; 0 if it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True with that probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 random bits make an evenly spaced number in 0..1, the same on every machine.
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64) < probability
    }

    /// A time from nothing up to and without `max`.
    pub fn duration(&mut self, max: Duration) -> Duration {
        Duration::from_nanos(self.below(u64::try_from(max.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// 32 random bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_has_its_own_seed() {
        assert_eq!(Seed(1).derive("node", 3), Seed(1).derive("node", 3));
        assert_ne!(Seed(1).derive("node", 3), Seed(1).derive("node", 4));
        assert_ne!(Seed(1).derive("node", 3), Seed(1).derive("link", 3));
        assert_ne!(Seed(1).derive("node", 3), Seed(2).derive("node", 3));
    }

    #[test]
    fn draws_stay_in_range() {
        let mut dice = Seed(1).dice("test", 0);
        assert!((0..1_000).all(|_| dice.below(3) < 3));
        assert_eq!((dice.below(0), dice.index(0)), (0, 0));
        let heads = (0..1_000).filter(|_| dice.chance(0.25)).count();
        assert!((150..350).contains(&heads), "{heads} of 1,000");
        assert!(!dice.chance(0.0) && dice.chance(1.0));
    }
}
