//! What is done to the nodes, and what is measured.

use rustix::time::{ClockId, clock_gettime};

use crate::figures::Line;
use crate::flood::flood;
use crate::network::{Death, NodeId};
use crate::protocol::Protocol;
use crate::queue::{Micros, SECOND};
use crate::seed::Dice;
use crate::setup::{Idle, Setup};
use crate::world::World;

/// How long after the last message of a scenario a delivery still counts.
const DRAIN: Micros = 15 * SECOND;

/// The same where messages are lost: the time within which nothing may be missed.
const DRAIN_LOSSY: Micros = 60 * SECOND;

/// Of this many parts of all rounds, the first does not count.
const SKIPPED_PART: u32 = 3;

/// What a run of one protocol has gone through so far.
#[derive(Debug)]
pub struct Bench<P: Protocol> {
    setup: Setup,
    world: World<P>,
    idle: Idle,
    dials: f64,
    /// What was measured.
    pub lines: Vec<Line>,
}

impl<P: Protocol> Bench<P> {
    /// Lets the nodes join and warm up.
    pub fn new(setup: Setup) -> Self {
        let (world, idle) = setup.grow();
        let dials = world.traffic.dials as f64 / f64::from(setup.nodes);
        Self { setup, world, idle, dials, lines: Vec::new() }
    }

    /// From now on messages are so long.
    pub fn set_payload_bytes(&mut self, bytes: u32) {
        self.world.payload_bytes = bytes;
    }

    /// Messages from random nodes, or all from one.
    pub fn rounds(&mut self, scenario: &str, one_sender: bool, loss_millionths: u64) {
        let mut dice = self.setup.dice(u64::from(one_sender) + loss_millionths);
        let only = one_sender.then(|| self.world.random_node(&mut dice));
        let (first, setup) = (self.world.deliveries.rounds(), self.setup);
        let counted = first + setup.rounds / SKIPPED_PART..first + setup.rounds;
        self.world.network.loss_millionths = loss_millionths;
        let (mut floods, mut before, mut cpu) = (Vec::new(), self.world.traffic, cpu_seconds());
        for _ in 0..setup.rounds {
            if self.world.deliveries.rounds() == counted.start {
                (before, cpu) = (self.world.traffic, cpu_seconds());
            }
            let sender = only.unwrap_or_else(|| self.world.random_node(&mut dice));
            floods.push(flood(&self.world, sender).0);
            self.world.publish(sender);
            self.world.run_until(self.world.now + setup.interval);
        }
        let (sent, cpu) = (self.world.traffic - before, cpu_seconds() - cpu);
        let drain = if loss_millionths > 0 { DRAIN_LOSSY } else { DRAIN };
        self.world.run_until(self.world.now + drain);
        self.world.network.loss_millionths = 0;

        let (deliveries, network) = (&self.world.deliveries, &self.world.network);
        let latencies = deliveries.latencies(counted.clone(), network);
        let made = counted.clone().map(|round| deliveries.count(round, network)).sum::<u64>().max(1) as f64;
        let floods = &floods[(counted.start - first) as usize..];
        let flood_ms = floods.iter().sum::<Micros>() as f64 / floods.len().max(1) as f64 / 1_000.0;
        let missed = deliveries.missed(counted, network) as f64;
        let figures = vec![
            ("p50_ms", latencies.p50_ms),
            ("p99_ms", latencies.p99_ms),
            ("last_ms", latencies.last_ms),
            ("worst_ms", latencies.worst_ms),
            ("flood_ms", flood_ms),
            ("last_to_flood", latencies.last_ms / flood_ms),
            ("rmr", sent.copies as f64 / made - 1.0),
            ("payload_bytes", sent.payload_bytes as f64 / made),
            ("control_bytes", sent.control_bytes as f64 / made),
            ("bytes", sent.bytes() as f64 / made),
            ("messages", sent.messages as f64 / made),
            ("missed", missed),
            ("idle_bytes_s", self.idle.bytes_s),
            ("idle_events_s", self.idle.events_s),
            ("dials_node", self.dials),
            ("events_cpu_s", sent.events as f64 / cpu.max(1e-9)),
        ];
        self.note(scenario, figures);
    }

    /// Some vanish at once; the others go on publishing.
    pub fn vanish(&mut self, scenario: &str, percent: u32, death: Death) {
        let mut dice = self.setup.dice(0x9a4e + u64::from(percent));
        let mut nodes: Vec<NodeId> = (0..self.setup.nodes).collect();
        dice.shuffle(&mut nodes);
        nodes.truncate((u64::from(self.setup.nodes) * u64::from(percent) / 100) as usize);
        let dials = self.world.traffic.dials;
        self.world.vanish(&nodes, death);
        let start = self.world.now;
        let rounds = self.publish_each_second(&mut dice, 60);
        self.world.run_until(self.world.now + DRAIN);
        let share = |round: &(Micros, u32)| self.world.deliveries.share(round.1, &self.world.network, DRAIN);
        let late: Vec<f64> = rounds.iter().filter(|(at, _)| *at - start >= 30 * SECOND).map(share).collect();
        // After the last message that did not reach all.
        let whole = rounds.iter().rev().find(|round| share(round) < 1.0);
        let whole = whole.map_or(0.0, |(at, _)| (*at - start) as f64 / SECOND as f64 + 1.0);
        let survivors = f64::from(self.setup.nodes) - nodes.len() as f64;
        let figures = vec![
            ("survivors", survivors),
            ("share_from_30_s", late.iter().sum::<f64>() / late.len() as f64),
            ("least_share", late.iter().copied().fold(1.0, f64::min)),
            ("whole_after_s", if whole > 60.0 { f64::INFINITY } else { whole }),
            ("dials_survivor", (self.world.traffic.dials - dials) as f64 / survivors),
        ];
        self.note(scenario, figures);
    }

    /// Two halves that hear nothing of each other for ten minutes, with a message every ten seconds.
    pub fn partition(&mut self, scenario: &str) {
        let mut dice = self.setup.dice(0x9a47);
        let first = self.world.deliveries.rounds();
        self.world.cut();
        for _ in 0..60 {
            let sender = self.world.random_node(&mut dice);
            self.world.publish(sender);
            self.world.run_until(self.world.now + 10 * SECOND);
        }
        let during = first..self.world.deliveries.rounds();
        let owed = self.owed(during.clone());
        let before = self.world.traffic;
        self.world.heal();
        let start = self.world.now;
        let (mut equal, mut after_60) = (f64::INFINITY, 0);
        for second in 1..=180 {
            self.world.run_until(start + second * SECOND);
            let missed = self.world.deliveries.missed(during.clone(), &self.world.network);
            if second == 60 {
                after_60 = missed;
            }
            if missed == 0 && equal.is_infinite() {
                equal = second as f64;
            }
            if !equal.is_infinite() && second >= 60 {
                break;
            }
        }
        let bytes = (self.world.traffic - before).bytes() as f64 / owed.max(1) as f64;
        let rounds = self.publish_each_second(&mut dice, 10);
        self.world.run_until(self.world.now + DRAIN);
        let share = |round: &(Micros, u32)| self.world.deliveries.share(round.1, &self.world.network, DRAIN);
        let figures = vec![
            ("owed", owed as f64),
            ("equal_after_s", equal),
            ("missed_after_60_s", after_60 as f64),
            ("bytes_owed", bytes),
            ("share_of_new", rounds.iter().map(share).sum::<f64>() / rounds.len() as f64),
        ];
        self.note(scenario, figures);
    }

    fn owed(&self, rounds: std::ops::Range<u32>) -> u64 {
        self.world.deliveries.missed(rounds, &self.world.network)
    }

    /// When each was published, and its round.
    fn publish_each_second(&mut self, dice: &mut Dice, seconds: u32) -> Vec<(Micros, u32)> {
        let mut rounds = Vec::new();
        for _ in 0..seconds {
            self.world.run_until(self.world.now + SECOND);
            let sender = self.world.random_node(dice);
            rounds.push((self.world.now, self.world.publish(sender)));
        }
        rounds
    }

    fn note(&mut self, scenario: &str, figures: Vec<(&'static str, f64)>) {
        let (scenario, seed) = (scenario.to_owned(), self.setup.seed);
        self.lines.push(Line { scenario, protocol: P::NAME, seed, figures });
    }
}

/// What this thread has computed for.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
