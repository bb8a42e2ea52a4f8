//! What it came to.

use std::fmt;
use std::time::Duration;

use msec_peer::Refused;
use serde_json::json;

use super::DRAIN;
use super::ledger::Ledger;

/// The numbers at the end. What is counted is readings.
#[derive(Debug)]
pub(super) struct Summary {
    peers: usize,
    published: usize,
    /// In the stores of all readers, read back from disk.
    pub(super) replicated: usize,
    verified: usize,
    refused: Vec<Refused>,
    planted: usize,
    /// Published, and after the drain not verified by all readers.
    pub(super) lost: usize,
    p50: Duration,
    p99: Duration,
    wall: Duration,
}

impl Summary {
    pub(super) fn new(
        ledger: &Ledger,
        peers: usize,
        replicated: usize,
        planted: usize,
        wall: Duration,
    ) -> Self {
        let (counts, latencies) = (ledger.counts(), ledger.latencies());
        Self {
            peers,
            published: counts.published,
            replicated,
            verified: counts.verified,
            refused: ledger.refused(),
            planted,
            lost: counts.published - counts.verified,
            p50: percentile(&latencies, 0.50),
            p99: percentile(&latencies, 0.99),
            wall,
        }
    }

    /// Nothing was lost, everything lies on disk, and what was refused is what was planted.
    pub(super) fn is_good(&self) -> bool {
        self.lost == 0 && self.replicated == self.published && self.refused.len() == self.planted
    }

    pub(super) fn to_json(&self) -> String {
        json!({
            "peers": self.peers,
            "published": self.published,
            "replicated": self.replicated,
            "verified": self.verified,
            "refused": self.refused.len(),
            "lost": self.lost,
            "p50_ms": millis(self.p50),
            "p99_ms": millis(self.p99),
            "wall_s": (self.wall.as_secs_f64() * 10.0).round() / 10.0,
        })
        .to_string()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peers, published, replicated, verified, lost, planted, .. } = self;
        writeln!(f, "{peers} peers, {:.1} s", self.wall.as_secs_f64())?;
        writeln!(f, "published   {published:>6}  readings, signed and on their sensor's disk")?;
        writeln!(f, "verified    {verified:>6}  by each of the 3 gateways and the citizen")?;
        writeln!(f, "replicated  {replicated:>6}  read back from all four of their stores")?;
        writeln!(
            f,
            "lost        {lost:>6}  not verified by all four within {} s of the last",
            DRAIN.as_secs()
        )?;
        writeln!(f, "refused     {:>6}  of {planted} that were planted", self.refused.len())?;
        for refused in &self.refused {
            writeln!(f, "                    {}", refused.detail)?;
        }
        write!(
            f,
            "from publishing until the last of the four has verified: p50 {} ms, p99 {} ms, the sensor's own sync included",
            millis(self.p50),
            millis(self.p99),
        )
    }
}

/// The duration below which that part of the sorted ones lies.
pub(super) fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 0.5), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 0.99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}
