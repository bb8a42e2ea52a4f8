//! Losses that come in bursts, after Gilbert ("Capacity of a burst-noise channel", Bell System Technical Journal 39,
//! 1960) and Elliott ("Estimates of error rates for codes on burst-noise channels", ibid. 42, 1963).
//!
//! A channel is good or bad, each for an exponentially distributed time; packets are lost with one probability in the one
//! state and with another in the other. Theirs changes from bit to bit, this one in time: a packet that is sent again a
//! second later meets another channel, one that follows at once meets the same.

use std::time::Duration;

use super::maths::exp;
use crate::seed::Dice;

/// How often a channel is bad, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bursts {
    /// The probability that a packet is lost while the channel is bad.
    pub(super) loss: f64,
    /// The share of the time in which it is bad.
    share: f64,
    /// How fast the state is forgotten, by the second: one over the mean times of both states, added.
    rate: f64,
}

/// The state of one channel when it was looked at last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel {
    is_bad: bool,
    at: Duration,
}

impl Bursts {
    /// Bad for that share of the time, for `mean_ms` on average. `None`: never.
    pub(super) fn new(loss: f64, share: f64, mean_ms: f64) -> Option<Self> {
        if loss <= 0.0 || share <= 0.0 || mean_ms <= 0.0 {
            return None;
        }
        // Good periods last (1 - share) / share times as long as bad ones.
        let rate = (1e3 / mean_ms) * (1.0 + share / (1.0 - share).max(1e-9));
        Some(Self { loss, share, rate })
    }

    /// Whether a channel is bad at that time. Looks that go back in time find what was seen last.
    pub(super) fn is_bad(&self, channel: &mut Channel, at: Duration, dice: &mut Dice) -> bool {
        if at > channel.at || channel.at.is_zero() {
            let passed = (at.saturating_sub(channel.at)).as_secs_f64();
            let was = if channel.is_bad { 1.0 } else { 0.0 };
            // Nothing is known of a channel that was never looked at.
            let known = if channel.at.is_zero() { 0.0 } else { exp(-self.rate * passed) };
            channel.is_bad = dice.chance(self.share + (was - self.share) * known);
            channel.at = at.max(Duration::from_nanos(1));
        }
        channel.is_bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn it_is_bad_for_its_share_of_the_time_and_for_its_mean_time() {
        let bursts = Bursts::new(1.0, 0.05, 200.0).expect("bursts");
        let (mut channel, mut dice) = (Channel::default(), Seed(1).dice("test", 0));
        // A look every ten milliseconds, for more than two hours.
        let looks = 800_000;
        let (mut bad, mut begun, mut was) = (0u32, 0u32, false);
        for n in 1..=looks {
            let is = bursts.is_bad(&mut channel, Duration::from_millis(10) * n, &mut dice);
            bad += u32::from(is);
            begun += u32::from(is && !was);
            was = is;
        }
        let share = f64::from(bad) / f64::from(looks);
        assert!((0.045..0.055).contains(&share), "bad for {share} of the time");
        let mean_ms = f64::from(bad) / f64::from(begun) * 10.0;
        // Bursts of less than ten milliseconds are missed, and gaps as well: 205 ms are to be expected.
        assert!((185.0..225.0).contains(&mean_ms), "bad for {mean_ms} ms on average");
    }

    #[test]
    fn what_is_sent_rarely_is_lost_independently() {
        let bursts = Bursts::new(1.0, 0.2, 50.0).expect("bursts");
        let (mut channel, mut dice) = (Channel::default(), Seed(2).dice("test", 0));
        let states: Vec<_> =
            (1..20_000).map(|n| bursts.is_bad(&mut channel, Duration::from_secs(n), &mut dice)).collect();
        let share = |states: &[bool]| states.iter().filter(|bad| **bad).count() as f64 / states.len() as f64;
        let after_bad: Vec<_> = states.windows(2).filter(|w| w[0]).map(|w| w[1]).collect();
        assert!((0.19..0.21).contains(&share(&states)));
        assert!((0.18..0.22).contains(&share(&after_bad)), "{}", share(&after_bad));
        assert_eq!(Bursts::new(1.0, 0.0, 50.0), None);
    }
}
