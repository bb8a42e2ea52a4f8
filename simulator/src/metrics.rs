//! What is counted in a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkers::{Deliveries, deliveries, disagreements};
use crate::world::World;

/// The result of a run, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Peers.
    pub peers: usize,
    /// Virtual time.
    pub simulated_s: f64,
    /// Time on the clock on the wall.
    pub wall_s: f64,
    /// Time that the run was computing.
    pub cpu_s: f64,
    /// Inputs that nodes have handled.
    pub events: u64,
    /// Over all outputs of all nodes.
    pub digest: String,
    /// Readings that were acknowledged.
    pub published: u64,
    /// Of those, how many each reader other than their author holds, summed up.
    pub delivered: u64,
    /// And how many each does not hold.
    pub missed: u64,
    /// What nodes refused.
    pub refused: u64,
    /// Whether all who want the same hold the same.
    pub converged: bool,
    /// What checkers found.
    pub violations: u64,
    /// Bytes sent, each message once.
    pub bytes: u64,
    /// Messages sent.
    pub messages: u64,
}

impl Metrics {
    /// Counts, at the end of a run.
    pub fn of(world: &World, violations: u64, wall: Duration, cpu: Duration) -> Self {
        let Deliveries { published, delivered, missed } = deliveries(world);
        let traffic = world.traffic();
        Self {
            peers: world.peers().count(),
            simulated_s: world.time().as_secs_f64(),
            wall_s: rounded(wall),
            cpu_s: rounded(cpu),
            events: world.inputs(),
            digest: world.digest(),
            published,
            delivered,
            missed,
            refused: world.ledger().refused().values().sum(),
            converged: disagreements(world).is_empty(),
            violations,
            bytes: traffic.bytes,
            messages: traffic.messages,
        }
    }

    /// Whether nothing was missed and nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.missed == 0 && self.converged && self.violations == 0
    }
}

/// Seconds, to the millisecond.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}
