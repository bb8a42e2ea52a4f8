//! How long a packet is under way: a fixed time, and a lognormal one on top.
//!
//! Times over the internet have one peak and a long tail on the right (Acharya and Saltz, "A study of internet round-trip
//! delay", UMIACS-TR-96-97, 1996). Which curve fits best differs from one study to the next; the lognormal one is chosen
//! because two of its quantiles give it, which anybody can read off a ping. It is drawn from a table of all quantiles, as
//! Linux' `netem` does.

use std::time::Duration;

use super::maths::{exp, ln, normal_quantile};
use crate::seed::Dice;

/// Cells of the table, each as probable as the others.
const CELLS: usize = 1 << CELL_BITS;
const CELL_BITS: u32 = 10;

/// The tail ends here: once in 8,192 packets a longer one would be drawn.
const TAIL: f64 = 1.0 / 8_192.0;

/// And it is no longer than an hour, in nanoseconds.
const LONGEST_NS: f64 = 3.6e12;

/// The 99th percentile of the normal distribution.
const Z_99: f64 = 2.326347874;

/// A distribution of times.
#[derive(Debug, Clone)]
pub(super) struct Delay {
    least: Duration,
    /// The quantiles of what comes on top, in nanoseconds. Empty: nothing does.
    quantiles: Vec<u64>,
}

impl Delay {
    /// `least_ms`, and on top a lognormal time with that median and that 99th percentile.
    pub(super) fn new(least_ms: f64, median_ms: f64, p99_ms: f64) -> Self {
        let least = Duration::from_secs_f64(least_ms / 1e3);
        if median_ms <= 0.0 {
            return Self { least, quantiles: Vec::new() };
        }
        let sigma = ln(p99_ms / median_ms) / Z_99;
        let quantile = |p: f64| (median_ms * 1e6 * exp(sigma * normal_quantile(p))).min(LONGEST_NS) as u64;
        let p = |n: usize| (n as f64 / CELLS as f64).clamp(TAIL, 1.0 - TAIL);
        Self { least, quantiles: (0..=CELLS).map(|n| quantile(p(n))).collect() }
    }

    /// Draws one.
    pub(super) fn draw(&self, dice: &mut Dice) -> Duration {
        if self.quantiles.is_empty() {
            return self.least;
        }
        let drawn = dice.below(1 << 32);
        let cell = (drawn >> (32 - CELL_BITS)) as usize;
        let within = drawn & ((1 << (32 - CELL_BITS)) - 1);
        let (low, high) = (self.quantiles[cell], self.quantiles[cell + 1]);
        // Tails of hours would not fit otherwise.
        let part = (u128::from(high - low) * u128::from(within)) >> (32 - CELL_BITS);
        self.least + Duration::from_nanos(low + part as u64)
    }

    /// What QUIC's estimate of a round trip would come to, with four times its variation (RFC 9002, section 6.2.1), if
    /// both ways are like this. The variation is the way from the median to the 84th percentile.
    pub(super) fn timeout_part(&self) -> Duration {
        let Some(median) = self.quantiles.get(CELLS / 2) else { return self.least * 2 };
        let variation = self.quantiles[CELLS * 84 / 100] - median;
        (self.least + Duration::from_nanos(*median)) * 2 + Duration::from_nanos(variation) * 4
    }

    /// Half a round trip, as it mostly is.
    pub(super) fn median(&self) -> Duration {
        self.least + Duration::from_nanos(self.quantiles.get(CELLS / 2).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn the_least_the_median_and_the_99th_percentile_are_what_was_asked_for() {
        let delay = Delay::new(30.0, 10.0, 80.0);
        let mut dice = Seed(1).dice("test", 0);
        let mut drawn: Vec<_> = (0..20_000).map(|_| delay.draw(&mut dice).as_secs_f64() * 1e3).collect();
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn[(share * drawn.len() as f64) as usize];
        assert!(drawn[0] >= 30.0);
        assert!((39.5..40.5).contains(&at(0.5)), "{}", at(0.5));
        assert!((102.0..118.0).contains(&at(0.99)), "{}", at(0.99));
        // And in between as a lognormal distribution has it: ln 8 / 2.326 of a step from the median.
        let expected = 30.0 + 10.0 * (8f64.ln() / 2.326).exp();
        assert!((at(0.8413) / expected - 1.0).abs() < 0.03, "{} instead of {expected}", at(0.8413));
    }

    #[test]
    fn a_tail_beyond_all_reason_is_cut() {
        let delay = Delay::new(0.0, 1e-300, 3_600_000.0);
        let mut dice = Seed(1).dice("test", 0);
        assert!((0..10_000).all(|_| delay.draw(&mut dice) <= Duration::from_secs(3_600)));
    }

    #[test]
    fn without_jitter_every_packet_takes_the_same() {
        let delay = Delay::new(7.0, 0.0, 0.0);
        let mut dice = Seed(1).dice("test", 0);
        assert!((0..100).all(|_| delay.draw(&mut dice) == Duration::from_millis(7)));
    }
}
