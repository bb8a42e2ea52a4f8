//! What is erased in a random city.
//!
//! Drawn apart from all else, so that a seed has the same city beside it.

use super::draw::PUBLISH_S;
use crate::erasure::Erase;
use crate::fault::Who;
use crate::scenario::Scenario;
use crate::seed::Dice;

/// The share of cities in which somebody has something erased.
const ERASING: f64 = 0.3;

/// The most orders of a city.
const ERASES_MAX: u64 = 3;

/// Lets writers have erased what they wrote, now and then.
pub(super) fn order(scenario: &mut Scenario, dice: &mut Dice) {
    if !dice.chance(ERASING) {
        return;
    }
    for _ in 0..1 + dice.below(ERASES_MAX) {
        let at_s = (5 + dice.below(PUBLISH_S - 6)) as f64;
        let who = Who { count: Some(1 + dice.index(2)), ..Who::population("sensors") };
        scenario.erases.push(Erase { at_s, who, by: None });
    }
}
