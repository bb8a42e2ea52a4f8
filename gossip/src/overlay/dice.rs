//! The machine's own randomness: from its seed, in whole numbers.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    pub(super) fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub(super) fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// One of `0..count`, or 0 if there is none.
    pub(super) fn index(&mut self, count: usize) -> usize {
        ((u64::from(self.u32()) * count as u64) >> 32) as usize
    }

    /// One of these; `None` if there is none.
    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.index(all.len())).copied()
    }

    /// Leaves at most `count` of these, drawn at random.
    pub(super) fn draw<T>(&mut self, all: &mut Vec<T>, count: usize) {
        for drawn in 0..count.min(all.len()) {
            let other = drawn + self.index(all.len() - drawn);
            all.swap(drawn, other);
        }
        all.truncate(count);
    }

    /// Between 3/4 and 5/4 of `delay`, so that neighbours don't beat in time. At least some of a millisecond, so that
    /// time goes on.
    pub(super) fn about(&mut self, delay: Duration) -> Duration {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX).max(1_000);
        let half = u128::from(micros / 2);
        let part = u64::try_from((half * u128::from(self.u32())) >> 32).unwrap_or(u64::MAX);
        Duration::from_micros((micros - micros / 4).saturating_add(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_is_within_a_quarter() {
        let mut dice = Dice::new([3; 32]);
        let drawn: Vec<_> = (0..1_000).map(|_| dice.about(Duration::from_secs(20))).collect();
        let (min, max) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(*min >= Duration::from_secs(15) && *min < Duration::from_millis(15_100), "{min:?}");
        assert!(*max <= Duration::from_secs(25) && *max > Duration::from_millis(24_900), "{max:?}");
        assert!(dice.about(Duration::from_nanos(1)) > Duration::ZERO);
        assert!(dice.about(Duration::MAX) > Duration::from_secs(1), "and nothing overflows");
    }

    #[test]
    fn draws_are_distinct() {
        let mut dice = Dice::new([3; 32]);
        let mut all: Vec<_> = (0..9).collect();
        dice.draw(&mut all, 4);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
    }
}
