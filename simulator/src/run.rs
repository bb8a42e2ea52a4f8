//! A run: a scenario that is lived through with one seed.
//!
//! | module | what it holds |
//! |---|---|
//! | `residents` | [`Residents`]: who lives where, and whom each dials |
//! | `movers` | what moves, and where it is |
//! | `recorder` | what is written down on the way |

mod movers;
mod recorder;
mod residents;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use msec_peer::node::{RefusedKind, StreamSpec};

use crate::checkers::{Checkers, Verdict, Violation};
use crate::fault::{Schedule, Strike};
use crate::link::LinkClass;
use crate::map::{AUCKLAND_PLACES, Auckland, Fortnight, Map};
use crate::metrics::Metrics;
use crate::network::NetworkModel;
use crate::peer::PeerIndex;
use crate::recording::Recording;
use crate::scenario::{InterestSpec, PublishSpec, Scenario, ScenarioError, Values};
use crate::seed::Seed;
use crate::stopwatch::Stopwatch;
use crate::wire::Wire;
use crate::workload::{Measures, Workload};
use crate::world::World;
use movers::Movers;
use recorder::{Looked, Recorder};
pub use residents::{Resident, Residents};

/// How a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whence all randomness comes. Default: 1.
    pub seed: u64,
    /// What links are made of. Default: the model.
    pub wire: Wire,
    /// Whether a check that is a pure function of its bytes is remembered across peers. Default: yes.
    pub memory: bool,
    /// Whether checkers look. Default: yes.
    pub checkers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, wire: Wire::default(), memory: true, checkers: true }
    }
}

impl Options {
    /// The usual ones, with that seed.
    pub fn seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
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
    /// Peers that are up.
    pub up: usize,
    /// Readings times readers that have not got them yet.
    pub lag: u64,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was counted.
    pub metrics: Metrics,
    /// What checkers found, the first 100.
    pub violations: Vec<Violation>,
    /// What each checker says.
    pub verdicts: Vec<Verdict>,
    /// What nodes refused, by kind.
    pub refused: BTreeMap<RefusedKind, u64>,
    /// Acknowledged readings that were lost with the only disk that held them.
    pub forfeited: usize,
    /// All that a page about it shows.
    pub recording: Recording,
}

/// A run under way.
pub struct City {
    /// Its world.
    pub world: World,
    /// Who lives there. Those who come later are in the list, and not yet in the world.
    pub residents: Residents,
    scenario: Scenario,
    classes: Vec<LinkClass>,
    map: Map,
    workload: Workload,
    movers: Movers,
    schedule: Schedule,
    /// The populations that are coming: which fault of the world that is, and how many are still to come.
    storms: BTreeMap<usize, (usize, usize)>,
    counts: Option<Arc<Auckland>>,
    checkers: Checkers,
    recorder: Recorder,
    stopwatch: Stopwatch,
    next_check: Duration,
}

impl City {
    /// Builds a city. No time has passed in it.
    pub fn new(scenario: Scenario, options: Options) -> Result<Self, ScenarioError> {
        let mut city = Self::planned(scenario, options)?;
        city.join()?;
        Ok(city)
    }

    /// A city to which nobody has come yet: they come as soon as time passes.
    pub fn planned(scenario: Scenario, options: Options) -> Result<Self, ScenarioError> {
        let stopwatch = Stopwatch::start();
        let seed = Seed(options.seed);
        let classes = scenario.link_classes()?;
        let map = Map::build(
            &scenario.city.map.scaled(scenario.city.peers),
            scenario.districts(),
            &mut seed.dice("map", 0),
        )?;
        let link = scenario.plain_link()?;
        let model =
            NetworkModel { link, wire: options.wire, classes: classes.clone(), ..NetworkModel::default() };
        let mut world = World::new(options.seed, model)?;
        world.remember_signatures(options.memory);
        if !options.checkers {
            world = world.unwatched();
        }
        let residents = Residents::settle(&scenario, &classes, &map, seed);
        check_interests(&scenario, &map)?;
        if let Some(root) = scenario.root().and_then(|root| residents.of(root).next()) {
            world = world.rooted_at(root);
        }
        world.hold_to(scenario.leases.leases());
        for it in &scenario.leases.classify {
            let class = it.class.parse().expect("classes are checked");
            for district in map.districts() {
                let collection =
                    format!("{}/{}", district.name, it.collection).parse().expect("names are checked");
                world.classify(collection, class, Duration::from_secs_f64(it.at_s));
            }
        }
        let movers = Movers::new(&scenario, &residents);
        let recorder = Recorder::new(&scenario);
        let mut schedule = Schedule::default();
        schedule.plan(&scenario.faults, &residents, seed)?;
        schedule.plan_revocations(&scenario.revokes, &residents, seed)?;
        schedule.plan_erasures(&scenario.erases, &residents, seed)?;
        Ok(Self {
            world,
            residents,
            classes,
            map,
            workload: Workload::default(),
            movers,
            schedule,
            storms: BTreeMap::new(),
            counts: None,
            checkers: if options.checkers {
                Checkers::agree_within(scenario.check.agree_within)
            } else {
                Checkers::of(Vec::new())
            },
            recorder,
            stopwatch,
            next_check: scenario.check.every,
            scenario,
        })
    }

    /// The scenario that it is a run of.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Lets something go wrong at that time, after what is planned for the same time already.
    pub fn plan(&mut self, at: Duration, strike: Strike) {
        self.schedule.add(at, strike);
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, time: Duration) -> Result<(), ScenarioError> {
        while let Some(next) = self.due().filter(|next| *next <= time) {
            self.world.run_until(next);
            self.act()?;
        }
        self.world.run_until(time);
        Ok(())
    }

    /// Runs to the end, and tells about once a second of virtual time how far it has come.
    pub fn run(mut self, mut progress: impl FnMut(Progress)) -> Result<Report, ScenarioError> {
        let end = self.scenario.end();
        while self.world.time() < end {
            self.run_until((self.world.time() + self.scenario.check.every).min(end))?;
            progress(self.progress());
        }
        Ok(self.finish())
    }

    /// Looks at what has become of it.
    pub fn finish(mut self) -> Report {
        self.checkers.at_end(&self.world);
        let (wall, cpu) = (self.stopwatch.wall(), self.stopwatch.cpu());
        let metrics = Metrics::of(&self.world, self.checkers.count(), wall, cpu);
        let looked = Looked {
            scenario: &self.scenario,
            world: &self.world,
            classes: &self.classes,
            map: &self.map,
            residents: &self.residents,
            checkers: &self.checkers,
        };
        let recording = self.recorder.finish(looked, metrics.clone());
        let ledger = self.world.ledger();
        Report {
            metrics,
            violations: self.checkers.found().to_vec(),
            verdicts: self.checkers.verdicts(),
            refused: ledger.refused().clone(),
            forfeited: ledger.forfeited(),
            recording,
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            simulated: self.world.time(),
            end: self.scenario.end(),
            events: self.world.inputs(),
            wall: self.stopwatch.wall(),
            up: self.world.up_count(),
            lag: self.world.deliveries().lag(),
        }
    }

    fn due(&self) -> Option<Duration> {
        let measure = self.workload.due().filter(|at| *at < self.scenario.publish);
        let join = self.residents.get(PeerIndex(self.world.peer_count())).map(|resident| resident.joins);
        [self.schedule.due(), measure, join, self.movers.due(), self.recorder.due(), Some(self.next_check)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does all that is due.
    fn act(&mut self) -> Result<(), ScenarioError> {
        let now = self.world.time();
        self.join()?;
        for failed in self.schedule.strike(&mut self.world) {
            self.checkers.note(&self.world, "faults", failed);
        }
        self.movers.step(&mut self.world);
        if now < self.scenario.publish {
            self.workload.measure(&mut self.world);
        }
        if self.next_check <= now {
            self.next_check = now + self.scenario.check.every;
            // What was measured and not taken is published even after the sensors stop measuring.
            self.workload.flush(&mut self.world);
            self.checkers.during(&self.world);
        }
        self.recorder.look(&mut self.world, &self.movers, self.stopwatch.wall());
        Ok(())
    }

    /// Adds all whose time has come.
    fn join(&mut self) -> Result<(), ScenarioError> {
        loop {
            let peer = PeerIndex(self.world.peer_count());
            let Some(resident) = self.residents.get(peer).filter(|it| it.joins <= self.world.time()) else {
                return Ok(());
            };
            let mut dice = self.world.seed().dice("contacts", peer.0 as u64);
            let spec = self.residents.spec(peer, &self.scenario, &mut dice);
            let population = &self.scenario.populations[resident.population];
            let (group, comes_late) = (resident.population, population.joins.is_some());
            if let Some(publishes) = &population.publishes {
                let place = population.moves.is_none().then(|| self.map.wgs84(resident.at));
                let collection = format!("{}/{}", self.residents.district(resident), publishes.collection);
                let stream = StreamSpec::new(&collection, &format!("{}-{}", population.name, resident.nth))
                    .expect("names are checked")
                    .unit(&publishes.unit)
                    .place(place);
                self.measure(peer, resident.nth, stream, publishes.clone());
            }
            self.world.add_peer(spec)?;
            self.world.deliveries_mut().put(peer, group);
            if comes_late {
                self.came(group);
            }
        }
    }

    /// One more of a population that comes late has come: all of them together are a fault, which ends with the last.
    fn came(&mut self, group: usize) {
        let world = &mut self.world;
        let (fault, left) = self.storms.entry(group).or_insert_with(|| {
            let size = self.scenario.sizes()[group];
            (world.fault_begins(format!("{size} {} join", self.scenario.populations[group].name)), size)
        });
        *left -= 1;
        if *left == 0 {
            world.fault_ends(*fault);
            self.storms.remove(&group);
        }
    }

    /// Lets a peer publish.
    fn measure(&mut self, peer: PeerIndex, nth: usize, stream: StreamSpec, publishes: PublishSpec) {
        let mut dice = self.world.seed().dice("sensor", peer.0 as u64);
        let first = self.world.time() + dice.duration(publishes.every);
        let measures = match publishes.values {
            Values::Walk => Measures::walk(dice),
            Values::Auckland => {
                let counts = self.counts.get_or_insert_with(|| Arc::new(Auckland::counts(Fortnight::Spring)));
                Measures::Counts { counts: counts.clone(), place: nth % AUCKLAND_PLACES }
            }
        };
        self.workload.add(peer, stream, measures, first, publishes.every, publishes.readings);
    }
}

/// Refuses collections that somebody wants and nobody writes: a name that is misspelt would look like a quiet city.
fn check_interests(scenario: &Scenario, map: &Map) -> Result<(), ScenarioError> {
    let collections =
        scenario.populations.iter().filter_map(|it| it.publishes.as_ref()).map(|it| &it.collection);
    let written: BTreeSet<String> = collections
        .flat_map(|collection| map.districts().iter().map(move |it| format!("{}/{collection}", it.name)))
        .collect();
    for population in &scenario.populations {
        let Some(InterestSpec::Collections(wanted)) = &population.interest else { continue };
        for wanted in wanted {
            let covers = |it: &String| it == wanted || it.starts_with(&format!("{wanted}/"));
            if !written.iter().any(covers) {
                let some: Vec<_> = written.iter().take(8).map(String::as_str).collect();
                return Err(ScenarioError::Interest {
                    population: population.name.clone(),
                    wanted: wanted.clone(),
                    written: some.join(", "),
                });
            }
        }
    }
    Ok(())
}
