//! How long after a reading was taken others had it.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::node::Event;

use crate::space::EPOCH;

/// Counts of delays, in milliseconds: what the time of a reading has. There are as many counts as different delays, and no
/// delay is longer than the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays {
    counts: BTreeMap<u64, u64>,
}

impl Delays {
    /// How many deliveries were counted: each reading, once for each peer that was shown it.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The delay that this share of the deliveries took at most, in milliseconds. `None`: there was none.
    pub fn quantile_ms(&self, share: f64) -> Option<u64> {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        self.counts.iter().find_map(|(delay, count)| {
            below += count;
            (below >= wanted).then_some(*delay)
        })
    }

    /// Counts what a peer is shown of others.
    pub(crate) fn happened(&mut self, now: Duration, event: &Event) {
        let Event::Verified(measured) = event else { return };
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        for reading in &measured.readings {
            let taken = u64::try_from(reading.time.0.saturating_sub(EPOCH.0)).unwrap_or_default();
            *self.counts.entry(now.saturating_sub(taken)).or_default() += 1;
        }
    }

    #[cfg(test)]
    pub(crate) fn of(delays_ms: impl IntoIterator<Item = u64>) -> Self {
        let mut delays = Self::default();
        delays_ms.into_iter().for_each(|delay| *delays.counts.entry(delay).or_default() += 1);
        delays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_delay_that_so_many_did_not_exceed() {
        let delays = Delays::of((1..=100).rev());
        let quantiles = [0.0, 0.5, 0.99, 1.0].map(|share| delays.quantile_ms(share));
        assert_eq!(quantiles, [Some(1), Some(50), Some(99), Some(100)]);
        assert_eq!(Delays::of([7, 7, 9]).quantile_ms(0.5), Some(7));
        assert_eq!(Delays::default().quantile_ms(0.5), None);
    }
}
