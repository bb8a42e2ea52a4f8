//! A run: a city that publishes for a while, goes through its faults, and is then given time to agree.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::node::RefusedKind;

use crate::checkers::{Checkers, Violation};
use crate::disk::Kept;
use crate::error::ScenarioError;
use crate::fault::{Schedule, Strike};
use crate::link::LinkModel;
use crate::metrics::Metrics;
use crate::network::NetworkModel;
use crate::peer::{PEERS_MAX, PeerIndex};
use crate::stopwatch::Stopwatch;
use crate::topology::{NODES_MIN, Population};
use crate::wire::Wire;
use crate::workload::Workload;
use crate::world::World;

/// How long a city is given to agree after the last fault. A link that is cut is noticed after 20 s, redialled after at
/// most 19 s, and reconciled within 12.5 s (`idle_timeout`, `redial_max`, `reconcile_interval`, with their jitter).
pub const AGREE_WITHIN: Duration = Duration::from_secs(60);

/// How often checkers look.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long a peer that crashes stays down.
const DOWN_FOR: Duration = Duration::from_secs(5);

/// What is simulated. Start from `Default`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Peers. Default: 50.
    pub nodes: usize,
    /// Whence all randomness comes. Default: 1.
    pub seed: u64,
    /// How long sensors publish. Default: 60 s.
    pub publish: Duration,
    /// How long the city is given after that, so that everything can arrive. Default: [`AGREE_WITHIN`].
    pub drain: Duration,
    /// Time between two readings of a sensor. Default: 1 s.
    pub period: Duration,
    /// All links.
    pub link: LinkModel,
    /// What carries messages. Default: a model.
    pub wire: Wire,
    /// So many peers crash, one after the other in the middle third of the publishing, and start again after 5 s. What
    /// their disks had not synced is torn. Default: none.
    pub crash: usize,
    /// Half of the city is cut from the other half for so long, from a third of the publishing on. Default: not.
    pub partition: Duration,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            nodes: 50,
            seed: 1,
            publish: Duration::from_secs(60),
            drain: AGREE_WITHIN,
            period: Duration::from_secs(1),
            link: LinkModel::default(),
            wire: Wire::default(),
            crash: 0,
            partition: Duration::ZERO,
        }
    }
}

impl Scenario {
    /// When the run ends.
    pub fn end(&self) -> Duration {
        self.publish + self.drain
    }

    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), ScenarioError> {
        if !(NODES_MIN..=PEERS_MAX).contains(&self.nodes) {
            return Err(ScenarioError::Nodes { nodes: self.nodes });
        }
        if self.period.is_zero() || self.period > self.publish {
            return Err(ScenarioError::NothingToPublish { period: self.period, publish: self.publish });
        }
        if self.crash > self.nodes {
            return Err(ScenarioError::Crash { crash: self.crash, nodes: self.nodes });
        }
        let partition = if self.partition.is_zero() { None } else { Some(self.publish / 3 + self.partition) };
        let crash = if self.crash == 0 { None } else { Some(self.publish / 3 * 2 + DOWN_FOR) };
        let until = partition.max(crash).unwrap_or_default();
        if until > Duration::ZERO && until + AGREE_WITHIN > self.end() {
            return Err(ScenarioError::FaultTooLate { until: until.as_secs(), end: self.end().as_secs() });
        }
        Ok(self.link.check()?)
    }

    /// Its faults, as a plan for this population.
    fn plan(&self, world: &World, population: &Population) -> Vec<(Duration, Strike)> {
        let mut dice = world.seed().dice("plan", 0);
        let third = self.publish / 3;
        let mut plan = Vec::new();
        if !self.partition.is_zero() {
            let half = world.peers().filter(|_| dice.chance(0.5)).collect();
            plan.push((third, Strike::Partition(vec![half])));
            plan.push((third + self.partition, Strike::Heal));
        }
        let mut peers: Vec<PeerIndex> = population.all().collect();
        for n in 0..self.crash {
            let peer = peers.swap_remove(dice.index(peers.len()));
            let at = third + third * n as u32 / self.crash as u32;
            plan.push((at, Strike::Crash(peer, Kept::Torn)));
            plan.push((at + DOWN_FOR, Strike::Restart(peer)));
        }
        plan
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Virtual time.
    pub simulated: Duration,
    /// When the run ends.
    pub end: Duration,
    /// Inputs that nodes have handled.
    pub events: u64,
    /// Time on the clock on the wall.
    pub wall: Duration,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was counted.
    pub metrics: Metrics,
    /// What checkers found, the first 100.
    pub violations: Vec<Violation>,
    /// What nodes refused, by kind.
    pub refused: BTreeMap<RefusedKind, u64>,
    /// Acknowledged readings that were lost with the only disk that held them.
    pub forfeited: usize,
}

/// A run under way.
pub struct City {
    /// Its world.
    pub world: World,
    /// Who lives there.
    pub population: Population,
    scenario: Scenario,
    workload: Workload,
    plan: Schedule,
    checkers: Checkers,
    stopwatch: Stopwatch,
    next_check: Duration,
}

impl City {
    /// Builds a city. No time has passed in it.
    pub fn new(scenario: Scenario) -> Result<Self, ScenarioError> {
        scenario.check()?;
        let stopwatch = Stopwatch::start();
        let model = NetworkModel { link: scenario.link, wire: scenario.wire, ..NetworkModel::default() };
        let mut world = World::new(scenario.seed, model)?;
        let population = Population::settle(&mut world, scenario.nodes)?;
        let workload = Workload::new(world.seed(), &population.sensors, scenario.period);
        let plan = scenario.plan(&world, &population);
        let mut city = Self {
            world,
            population,
            scenario,
            workload,
            plan: Schedule::default(),
            checkers: Checkers::default(),
            stopwatch,
            next_check: CHECK_EVERY,
        };
        plan.into_iter().for_each(|(at, strike)| city.plan(at, strike));
        Ok(city)
    }

    /// Lets something go wrong at that time, after what is planned for the same time already.
    pub fn plan(&mut self, at: Duration, strike: Strike) {
        self.plan.add(at, strike);
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, time: Duration) {
        while let Some(next) = self.due().filter(|next| *next <= time) {
            self.world.run_until(next);
            self.act();
        }
        self.world.run_until(time);
    }

    /// Runs to the end, and tells about once a second of virtual time how far it has come.
    pub fn run(mut self, mut progress: impl FnMut(Progress)) -> Report {
        let end = self.scenario.end();
        while self.world.time() < end {
            self.run_until((self.world.time() + CHECK_EVERY).min(end));
            progress(Progress {
                simulated: self.world.time(),
                end,
                events: self.world.inputs(),
                wall: self.stopwatch.wall(),
            });
        }
        self.finish()
    }

    /// Looks at what has become of it.
    pub fn finish(&mut self) -> Report {
        self.checkers.at_end(&self.world);
        let ledger = self.world.ledger();
        let (refused, forfeited) = (ledger.refused().clone(), ledger.forfeited());
        let (wall, cpu) = (self.stopwatch.wall(), self.stopwatch.cpu());
        let metrics = Metrics::of(&self.world, self.checkers.count(), wall, cpu);
        Report { metrics, violations: self.checkers.found().to_vec(), refused, forfeited }
    }

    fn due(&self) -> Option<Duration> {
        let fault = self.plan.due();
        let measure = self.workload.due().filter(|at| *at < self.scenario.publish);
        [fault, measure, Some(self.next_check)].into_iter().flatten().min()
    }

    /// Does all that is due.
    fn act(&mut self) {
        let now = self.world.time();
        for failed in self.plan.strike(&mut self.world) {
            self.checkers.note(&self.world, "faults", failed);
        }
        if now < self.scenario.publish {
            self.workload.measure(&mut self.world);
        }
        if self.next_check <= now {
            self.next_check = now + CHECK_EVERY;
            // What was measured and not taken is published even after the sensors stop measuring.
            self.workload.flush(&mut self.world);
            self.checkers.during(&self.world);
        }
    }
}
