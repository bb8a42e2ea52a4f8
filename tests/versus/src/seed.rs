//! Where all that is random comes from: one number, spread by hashing, the same on every machine.

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): mixes 64 bits so that each depends on all.
pub fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One number out of several, in this order.
pub fn mix_all(values: &[u64]) -> u64 {
    values.iter().fold(0, |state, value| mix(state ^ mix(*value)))
}

/// Thirty-two bytes out of several numbers.
pub fn bytes(values: &[u64]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut state = mix_all(values);
    for part in out.chunks_exact_mut(8) {
        state = mix(state);
        part.copy_from_slice(&state.to_le_bytes());
    }
    out
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream that these numbers name.
    pub fn new(values: &[u64]) -> Self {
        Self(mix_all(values))
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// One of `0..count`; 0 if there is none.
    pub fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(count)) >> 64) as u64
    }

    /// True in `millionths` of a million cases.
    pub fn chance(&mut self, millionths: u64) -> bool {
        millionths > 0 && self.below(1_000_000) < millionths
    }

    /// Brings `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_stay_below_and_reach_everything() {
        let mut dice = Dice::new(&[1]);
        let mut seen = [false; 7];
        for _ in 0..200 {
            seen[dice.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn equal_names_give_equal_streams() {
        assert_eq!(Dice::new(&[1, 2]).roll(), Dice::new(&[1, 2]).roll());
        assert_ne!(Dice::new(&[1, 2]).roll(), Dice::new(&[2, 1]).roll());
        assert_ne!(bytes(&[1])[..8], bytes(&[1])[8..16]);
    }
}
