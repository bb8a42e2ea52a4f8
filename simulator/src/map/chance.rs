//! Draws that maps need beside those of [`Dice`].

use crate::seed::Dice;

/// Evenly from 0 up to and without 1: 53 bits, the same on every machine.
pub(crate) fn share(dice: &mut Dice) -> f64 {
    dice.below(1 << 53) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Evenly from `low` up to `high`.
pub(crate) fn between(low: f64, high: f64, dice: &mut Dice) -> f64 {
    low + (high - low) * share(dice)
}
