//! What came of a run without nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// What came of a run without nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GossipOnlyReport {
    /// Machines.
    pub peers: usize,
    /// Links between them.
    pub links: usize,
    /// Virtual time.
    pub simulated_s: f64,
    /// Time that the run was computing, its setting up included.
    pub cpu_s: f64,
    /// Inputs that machines have handled.
    pub events: u64,
    /// Over all outputs of all machines.
    pub digest: String,
    /// Entries published.
    pub published: u64,
    /// How many of them each peer but their author holds, summed up.
    pub deliveries: u64,
    /// And how many each does not hold.
    pub missed: u64,
    /// From publishing to delivery, half of all deliveries.
    pub p50_ms: u64,
    /// 99 of 100.
    pub p99_ms: u64,
    /// The last one.
    pub last_ms: u64,
    /// Messages sent.
    pub messages: u64,
    /// Of those, lost.
    pub lost: u64,
    /// Messages that did not fit into the queue of their link.
    pub shed: u64,
    /// Bytes sent, with what each message costs beside its own.
    pub bytes: u64,
    /// Bytes for each delivery: everything that was sent, divided.
    pub bytes_per_delivery: f64,
    /// Messages that made a machine complain of a neighbour. There should be none.
    pub complaints: u64,
}

/// How long deliveries took, to the millisecond.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    counts: BTreeMap<u64, u64>,
    all: u64,
}

impl Delays {
    pub(crate) fn add(&mut self, delay: Duration) {
        *self.counts.entry(delay.as_millis() as u64).or_default() += 1;
        self.all += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.all
    }

    /// So long or less took that many of 100; 0 if there are none.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.all * percent).div_ceil(100);
        let mut counted = 0;
        for (delay_ms, count) in &self.counts {
            counted += count;
            if counted >= wanted {
                return *delay_ms;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut delays = Delays::default();
        assert_eq!(delays.percentile(50), 0);
        (1..=200).for_each(|ms| delays.add(Duration::from_millis(ms)));
        assert_eq!([50, 99, 100].map(|percent| delays.percentile(percent)), [100, 198, 200]);
        assert_eq!(delays.count(), 200);
    }
}
