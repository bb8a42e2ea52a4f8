//! Classes and peers whose links do worse than usual.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::class::ClassId;
use crate::error::LinkError;
use crate::peer::PeerIndex;

/// By how much links are worse than their class says. The default is: not at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Degradation {
    /// Times under way are so many times as long.
    pub latency_factor: f64,
    /// So many packets are lost beside those that are lost anyway, as a probability.
    pub extra_loss: f64,
    /// What is left of the bandwidth.
    pub bandwidth_factor: f64,
}

/// Whose links are degraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strained {
    /// All links of a class.
    Class(ClassId),
    /// All interfaces of a peer; one that has none has all its links degraded.
    Peer(PeerIndex),
}

impl Default for Degradation {
    fn default() -> Self {
        Self { latency_factor: 1.0, extra_loss: 0.0, bandwidth_factor: 1.0 }
    }
}

impl Degradation {
    /// The factors that a degradation may have.
    const FACTORS: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), LinkError> {
        if !(0.0..=1.0).contains(&self.extra_loss) {
            return Err(LinkError::NotAProbability { name: "extra_loss", value: self.extra_loss });
        }
        for (name, value) in
            [("latency_factor", self.latency_factor), ("bandwidth_factor", self.bandwidth_factor)]
        {
            if !Self::FACTORS.contains(&value) {
                return Err(LinkError::NotAFactor { name, value });
            }
        }
        Ok(())
    }

    /// This, and another on top.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            latency_factor: self.latency_factor * other.latency_factor,
            extra_loss: self.loss(other.extra_loss),
            bandwidth_factor: self.bandwidth_factor * other.bandwidth_factor,
        }
    }

    /// What a time under way becomes.
    pub(crate) fn delay(&self, delay: Duration) -> Duration {
        delay.mul_f64(self.latency_factor)
    }

    /// What the time to send becomes.
    pub(crate) fn takes(&self, takes: Duration) -> Duration {
        takes.div_f64(self.bandwidth_factor)
    }

    /// What a loss becomes.
    pub(crate) fn loss(&self, loss: f64) -> f64 {
        1.0 - (1.0 - loss) * (1.0 - self.extra_loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degradations_add_up_and_nonsense_is_refused() {
        let bad = Degradation { latency_factor: 3.0, extra_loss: 0.5, bandwidth_factor: 0.1 };
        assert_eq!(bad.check(), Ok(()));
        let twice = bad.and(bad);
        assert_eq!((twice.latency_factor, twice.extra_loss), (9.0, 0.75));
        assert_eq!(bad.delay(Duration::from_millis(10)), Duration::from_millis(30));
        assert_eq!(bad.takes(Duration::from_millis(10)), Duration::from_millis(100));
        assert_eq!(bad.and(Degradation::default()), bad);
        assert!(Degradation { bandwidth_factor: 0.0, ..bad }.check().is_err());
        assert!(Degradation { extra_loss: f64::NAN, ..bad }.check().is_err());
    }
}
