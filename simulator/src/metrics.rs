//! What is counted in a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkers::{Deliveries, deliveries, disagreements};
use crate::world::World;

/// The result of a run, as `--json` prints it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// Half of all deliveries took no longer, in milliseconds, from publishing to where it is verified.
    pub p50_ms: f64,
    /// 99 in 100 took no longer.
    pub p99_ms: f64,
    /// None took longer.
    pub last_ms: f64,
    /// What nodes refused.
    pub refused: u64,
    /// Whether all who want the same hold the same.
    pub converged: bool,
    /// What checkers found.
    pub violations: u64,
    /// Grants that were revoked.
    #[serde(default)]
    pub revoked: u64,
    /// Within so many seconds 99 in 100 of the peers that could be reached knew of each revocation. `None`: nothing was
    /// revoked, or of one so many never knew.
    #[serde(default)]
    pub revoked_p99_s: Option<f64>,
    /// And all of them.
    #[serde(default)]
    pub revoked_all_s: Option<f64>,
    /// How long after its start the last of those knew that came, or came back, after one was issued. `None`: none did.
    #[serde(default)]
    pub revoked_returned_s: Option<f64>,
    /// Bytes that reached a revoked holder after that was issued, or that lie beyond a cut and reached somebody who did not know
    /// of it.
    #[serde(default)]
    pub exposed_bytes: u64,
    /// How long after a revocation was issued the last of them did.
    #[serde(default)]
    pub exposed_s: f64,
    /// How often a peer was linked that was not fresh enough, held something of a class that fails closed, and gave nothing of it until an
    /// issuer answered.
    #[serde(default)]
    pub lease_refused: u64,
    /// How often a peer sent or showed something of such a class although its lease was over.
    #[serde(default)]
    pub lease_served_stale: u64,
    /// Bytes of messages about freshness that were sent, each message once.
    #[serde(default)]
    pub freshness_bytes: u64,
    /// Bytes sent, each message once; over QUIC, those of datagrams.
    pub bytes: u64,
    /// Messages sent.
    pub messages: u64,
    /// Bytes on the lines of all interfaces, with the overhead of packets and frames and what was sent again. 0 where
    /// peers have none.
    pub line_bytes: u64,
    /// Signature checks that another peer had made before.
    pub checks_remembered: u64,
    /// Signature checks that were made.
    pub checks_made: u64,
}

impl Metrics {
    /// Counts, at the end of a run.
    pub fn of(world: &World, violations: u64, wall: Duration, cpu: Duration) -> Self {
        let Deliveries { published, delivered, missed } = deliveries(world);
        let traffic = world.traffic();
        let latency = world.deliveries().latency();
        let revoked = Ends::of(world);
        let within = |share| latency.quantile(share).map_or(0.0, millis);
        let checks = world.signature_checks();
        Self {
            peers: world.peer_count(),
            simulated_s: world.time().as_secs_f64(),
            wall_s: rounded(wall),
            cpu_s: rounded(cpu),
            events: world.inputs(),
            digest: world.digest(),
            published,
            delivered,
            missed,
            p50_ms: within(0.5),
            p99_ms: within(0.99),
            last_ms: latency.max().map_or(0.0, millis),
            refused: world.ledger().refused().values().sum(),
            converged: disagreements(world).is_empty(),
            violations,
            revoked: revoked.count,
            revoked_p99_s: revoked.p99,
            revoked_all_s: revoked.all,
            revoked_returned_s: revoked.returned,
            exposed_bytes: revoked.exposed_bytes,
            exposed_s: revoked.exposed,
            lease_refused: world.leases().refused,
            lease_served_stale: world.leases().served_stale,
            freshness_bytes: world.leases().bytes,
            bytes: world.datagrams().map_or(traffic.bytes, |it| it.bytes),
            messages: traffic.messages,
            line_bytes: world.traffic_by_class().iter().map(|class| class.wire_bytes).sum(),
            checks_remembered: checks.remembered,
            checks_made: checks.computed,
        }
    }

    /// Whether nothing was missed and nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.missed == 0 && self.converged && self.violations == 0
    }

    /// How many inputs were handled in a second of computing.
    pub fn events_per_cpu_s(&self) -> f64 {
        self.events as f64 / self.cpu_s.max(0.001)
    }

    /// How many seconds of how many peers were simulated in a second of computing.
    pub fn peer_seconds_per_cpu_s(&self) -> f64 {
        self.peers as f64 * self.simulated_s / self.cpu_s.max(0.001)
    }
}

/// All revocations of a run: the slowest counts.
#[derive(Debug, Default)]
struct Ends {
    count: u64,
    p99: Option<f64>,
    all: Option<f64>,
    returned: Option<f64>,
    exposed_bytes: u64,
    exposed: f64,
}

impl Ends {
    fn of(world: &World) -> Self {
        let mut it = Self { p99: Some(0.0), all: Some(0.0), ..Self::default() };
        let issued = world.revocations().iter().filter_map(|revoked| Some((revoked, revoked.issued?)));
        for (revoked, issued) in issued {
            let reached = revoked.reached();
            let slower = |before: Option<f64>, share| Some(before?.max(rounded(reached.within(share)?)));
            (it.p99, it.all) = (slower(it.p99, 0.99), slower(it.all, 1.0));
            let returned = reached.returned.last().map(|last| rounded(*last));
            it.returned = it.returned.into_iter().chain(returned).reduce(f64::max);
            it.exposed_bytes += revoked.exposed_bytes;
            let exposed = revoked.exposed_until.map_or(Duration::ZERO, |until| until.saturating_sub(issued));
            it.exposed = it.exposed.max(rounded(exposed));
            it.count += 1;
        }
        if it.count == 0 { Self::default() } else { it }
    }
}

/// Seconds, to the millisecond.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1_000.0
}
