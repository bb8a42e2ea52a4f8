//! Small cities with faults and hostile peers drawn at random. `MSEC_SWARM_SEEDS=1000` looks further than a test run has time
//! for, `MSEC_SWARM_FROM=42` begins at another seed; a seed that fails is printed, and fails again.

use std::time::Duration;

use msec_identity::{Right, Rights};
use msec_simulator::{
    Behaviour, Broken, Census, Checkers, Damage, Degradation, Dice, DiskFault, Fault, Kept, LinkModel,
    NetworkModel, PeerIndex, PeerSpec, Planned, Population, Schedule, Seed, Strike, Who, Workload, World,
};

use crate::rig::{seconds, setting};

const FAULTS: usize = 8;
/// Faults begin and end while sensors publish.
const PUBLISH_S: u64 = 40;
/// A neighbour that answered badly is believed again after at most ten minutes.
const DRAIN_S: u64 = 700;
/// The chance that a hostile peer which writes nothing lives for as long as the city does. The others give up when sensors
/// do.
const STUBBORN: f64 = 0.2;

/// Who lives there, as faults name them.
struct Small {
    population: Population,
    peers: usize,
}

impl Census for Small {
    fn peers(&self) -> usize {
        self.peers
    }

    fn population(&self, name: &str) -> Option<Vec<PeerIndex>> {
        let population = &self.population;
        let all = [
            ("gateways", &population.gateways),
            ("sensors", &population.sensors),
            ("citizens", &population.citizens),
        ];
        all.into_iter().find(|(known, _)| *known == name).map(|(_, peers)| peers.clone())
    }

    /// The city has three.
    fn district(&self, name: &str) -> Option<Vec<PeerIndex>> {
        let which = ["north", "harbour", "hill"].iter().position(|known| *known == name)?;
        Some(self.population.all().filter(|peer| peer.0 % 3 == which).collect())
    }

    fn newcomers(&self, population: &str, count: usize, dice: &mut Dice) -> Option<Vec<PeerSpec>> {
        let gateways = &self.population.gateways;
        let mut one = || PeerSpec::citizen().contact(gateways[dice.index(gateways.len())]);
        (population == "citizens").then(|| (0..count).map(|_| one()).collect())
    }
}

/// Whom a fault strikes.
fn who(dice: &mut Dice, city: &Small) -> Who {
    let any = PeerIndex(dice.index(city.peers));
    match dice.below(6) {
        0 => Who::population(["gateways", "sensors", "citizens"][dice.index(3)]).share(0.5),
        1 => Who::district(["north", "harbour", "hill"][dice.index(3)]),
        _ => Who::peers([any]),
    }
}

/// A fault and its end, for a city that is whole by [`PUBLISH_S`]. Not among them: a disk that loses what it has synced and
/// looks as if nothing were missing. Its peer goes on in a log of which others hold more; that is a known limit.
fn draw(dice: &mut Dice, city: &Small) -> Planned {
    let from = 2 + dice.below(PUBLISH_S - 15);
    let until = from + 1 + dice.below(12);
    let kept = [Kept::Synced, Kept::Torn, Kept::All][dice.index(3)];
    let damage = [Damage::Wiped, Damage::Flipped, Damage::Page][dice.index(3)];
    let who = who(dice, city);
    let fault = match dice.below(13) {
        0 | 1 => Fault::Crash { who, kept, damage: None, within_s: dice.below(3) as f64 },
        2 => Fault::Crash { who, kept, damage: Some(damage), within_s: 0.0 },
        3 => Fault::PowerCut { who: Who::district("harbour"), kept },
        4 => Fault::Damage { who, damage: Damage::Page },
        5 => Fault::Disk { who, how: DiskFault::Fails },
        6 => Fault::Partition { who: Who::default().share(0.5) },
        7 => {
            let how = [Broken::Drops, Broken::Corrupts][dice.index(2)];
            let between = Who::population(["sensors", "citizens"][dice.index(2)]).share(0.5);
            Fault::BreakLinks { between, and: Who::population("gateways"), how }
        }
        8 => {
            let days = dice.below(100) as i64 - 50;
            Fault::ClockJump { who, by_s: days * 86_400 + dice.below(7_200) as i64 - 3_600 }
        }
        9 => Fault::ClockDrift { who, ppm: dice.below(200_000) as i32 - 100_000 },
        10 => Fault::ClockUnset { who },
        11 => {
            let (latency_factor, extra_loss) = (1.0 + dice.below(20) as f64, dice.below(40) as f64 / 100.0);
            let by = Degradation { latency_factor, extra_loss, ..Degradation::default() };
            Fault::Degrade { class: None, who: Some(who), by }
        }
        _ => Fault::JoinStorm { population: "citizens".into(), count: 1 + dice.index(10), within_s: 2.0 },
    };
    Planned { from_s: from as f64, until_s: Some(until as f64), fault }
}

/// A hostile peer at two gateways, and a sensor and a citizen who dial it as well as an honest gateway.
fn add_hostile(dice: &mut Dice, city: &mut Small, world: &mut World) -> (PeerIndex, Behaviour) {
    let (gateways, sensors) = (&city.population.gateways, &city.population.sensors);
    let behaviour = match dice.below(6) {
        0 => Behaviour::Fork { of: sensors[dice.index(sensors.len())], after_s: 5 + dice.below(20) },
        1 => Behaviour::Replay,
        2 => Behaviour::Flood,
        3 => Behaviour::ForgedGrants,
        4 => Behaviour::Garbage,
        _ => Behaviour::Silence,
    };
    let spec = match behaviour {
        Behaviour::ForgedGrants => PeerSpec::gateway().on("", Rights::of([Right::Read, Right::Relay])),
        Behaviour::Fork { .. } => PeerSpec::sensor(),
        _ => PeerSpec::gateway(),
    };
    let mut any = || gateways[dice.index(gateways.len())];
    let [one, two, three, four] = [any(), any(), any(), any()];
    let hostile = world.add_peer(spec.contact(one).contact(two).behaves(behaviour.clone())).expect("a peer");
    if !matches!(behaviour, Behaviour::Fork { .. }) {
        let sensor = PeerSpec::sensor().contact(hostile).contact(three);
        city.population.sensors.push(world.add_peer(sensor).expect("a peer"));
        let citizen = PeerSpec::citizen().contact(hostile).contact(four);
        city.population.citizens.push(world.add_peer(citizen).expect("a peer"));
    }
    city.peers = world.peers().count();
    (hostile, behaviour)
}

/// Runs the city of a seed. Returns its digest.
fn swarm(seed: u64) -> String {
    let mut dice = Seed(seed).dice("swarm", 0);
    let link = LinkModel {
        loss: dice.below(20) as f64 / 100.0,
        duplication: 0.1,
        reordering: 0.1,
        reliable: dice.chance(0.5),
        ..LinkModel::default()
    };
    let mut world = World::new(seed, NetworkModel { link, ..NetworkModel::default() }).expect("a world");
    let nodes = 4 + dice.index(30);
    let population = Population::settle(&mut world, nodes).expect("a city");
    let (mut city, mut schedule) = (Small { population, peers: nodes }, Schedule::default());
    let faults: Vec<_> = (0..FAULTS).map(|_| draw(&mut dice, &city)).collect();
    schedule.plan(&faults, &city, Seed(seed)).expect("a plan");
    println!("seed {seed}: {nodes} peers, {link:?}");
    for fault in &faults {
        println!("{}", serde_json::to_string(fault).expect("JSON"));
    }
    for _ in 0..dice.below(3) {
        let (hostile, behaviour) = add_hostile(&mut dice, &mut city, &mut world);
        println!("peer {hostile}: {behaviour:?}");
        let writes = matches!(behaviour, Behaviour::Fork { .. } | Behaviour::ForgedGrants);
        if !dice.chance(STUBBORN) || writes {
            schedule.add(seconds(PUBLISH_S), Strike::Crash(hostile, Kept::Synced));
        }
    }
    live(&mut world, &city, &mut schedule);
    world.digest()
}

/// Lets a city publish, go through its faults, and agree.
fn live(world: &mut World, city: &Small, schedule: &mut Schedule) {
    let mut checkers = Checkers::agree_within(seconds(DRAIN_S));
    let mut workload = Workload::new(world.seed(), &city.population.sensors, seconds(1));
    let mut next_check = seconds(1);
    while world.time() < seconds(PUBLISH_S + DRAIN_S) {
        let measure = workload.due().filter(|at| *at < seconds(PUBLISH_S));
        let due = [schedule.due(), measure, Some(next_check)].into_iter().flatten().min();
        world.run_until(due.unwrap_or(next_check));
        assert_eq!(schedule.strike(world), Vec::<String>::new());
        if world.time() < seconds(PUBLISH_S) {
            workload.measure(world);
        }
        if next_check <= world.time() {
            // Little happens once all have agreed.
            let every = if world.time() < seconds(2 * PUBLISH_S) { 1 } else { 10 };
            next_check += Duration::from_secs(every);
            workload.flush(world);
            checkers.during(world);
        }
    }
    checkers.at_end(world);
    let verdicts = checkers.verdicts();
    assert_eq!(checkers.count(), 0, "{verdicts:#?}\n{:#?}", checkers.found());
    assert!(world.ledger().acknowledged_count() > 0);
    // What was measured before a fault ended is agreed on after each.
    let agreements = checkers.agreements();
    let open = agreements.iter().filter(|it| it.ended.is_some() && it.agreed_after.is_none()).count();
    assert!(agreements.len() == FAULTS && open == 0, "{agreements:#?}");
}

#[test]
fn random_faults_and_hostile_peers_break_nothing() {
    let from = setting("MSEC_SWARM_FROM", 1);
    let seeds = from..from + setting("MSEC_SWARM_SEEDS", 4);
    let failed: Vec<_> = seeds.filter(|seed| std::panic::catch_unwind(|| swarm(*seed)).is_err()).collect();
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
}

#[test]
fn one_seed_goes_wrong_in_one_way() {
    // Peers that replay what they heard, and a copied card.
    assert_eq!(swarm(3), swarm(3));
}
