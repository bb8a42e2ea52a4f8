//! A scenario from a seed.

use std::time::Duration;

use super::{erasures, rights};
use crate::disk::{Damage, DiskFault, Kept};
use crate::fault::{Fault, Planned, Who};
use crate::hostile::Behaviour;
use crate::link::Degradation;
use crate::paths::Broken;
use crate::peer::PeerIndex;
use crate::scenario::{
    CheckSpec, CitySpec, ClassifySpec, JoinSpec, LeaseSpec, MapChoice, MoveSpec, PlainSpec, PopulationSpec,
    PublishSpec, RecordSpec, Role, RouteSpec, Scenario, SiteSpec, Values,
};
use crate::seed::{Dice, Seed};

/// Faults begin and end while sensors publish.
pub(super) const PUBLISH_S: u64 = 40;

/// A neighbour that answered badly is believed again after at most ten minutes.
const DRAIN_S: u64 = 700;

/// The most faults.
const FAULTS_MAX: u64 = 8;

/// The most peers, hostile ones not counted.
const PEERS_MAX: u64 = 34;

/// The chance that a hostile peer lives for as long as the city does.
const STUBBORN: f64 = 0.2;

/// A random small city with random faults.
pub fn draw(seed: u64) -> Scenario {
    let mut dice = Seed(seed).dice("swarm", 0);
    let peers = 4 + dice.below(PEERS_MAX - 4) as usize;
    let plain = dice.chance(0.5);
    let mut populations =
        vec![gateways(&mut dice, plain), sensors(&mut dice, plain), readers(&mut dice, plain)];
    let mut faults: Vec<Planned> = (0..1 + dice.below(FAULTS_MAX)).map(|_| fault(&mut dice, plain)).collect();
    let hostiles = dice.below(3) as usize;
    for nth in 0..hostiles {
        let it = hostile(&mut dice, peers, nth);
        // Those that write are gone in time for the rest to agree; of the others some stay.
        let writes = matches!(it.hostile, Some(Behaviour::Fork { .. } | Behaviour::ForgedGrants));
        if writes || !dice.chance(STUBBORN) {
            let who = Who::population(&it.name);
            let fault = Fault::Crash { who, kept: Kept::Synced, damage: None, within_s: 0.0 };
            faults.push(Planned { from_s: PUBLISH_S as f64, until_s: None, fault });
        }
        populations.push(it);
    }
    if dice.chance(0.2) {
        populations.push(latecomers(&mut dice));
    }
    if dice.chance(0.25) {
        faults.push(let_go(&mut dice));
    }
    let maps = ["grid", "radial", "small_world"];
    let mut scenario = Scenario {
        name: format!("swarm-{seed}"),
        description: String::new(),
        publish: Duration::from_secs(PUBLISH_S),
        drain: Duration::from_secs(DRAIN_S),
        city: CitySpec {
            map: MapChoice::named(maps[dice.index(maps.len())]).expect("these are maps"),
            peers: peers + hostiles,
            districts: Some(1 + dice.index(3)),
            move_every: Duration::from_secs(1),
        },
        populations,
        links: Default::default(),
        plain: plain_link(&mut dice),
        faults,
        revokes: Vec::new(),
        leases: LeaseSpec::default(),
        erases: Vec::new(),
        // What one neighbour holds against another is forgotten within ten minutes.
        check: CheckSpec { agree_within: Duration::from_secs(DRAIN_S - 20), ..CheckSpec::default() },
        record: RecordSpec { spread: 0, ..RecordSpec::default() },
    };
    erasures::order(&mut scenario, &mut Seed(seed).dice("erasures", 0));
    rights::end(&mut scenario, &mut Seed(seed).dice("rights", 0));
    leases(&mut scenario, &mut Seed(seed).dice("leases", 0));
    scenario
}

/// The chance that what sensors write has a class, where the root is there to say so.
const CLASSIFIED: f64 = 0.4;

/// Some collections are withheld by peers that have not heard from an issuer for long.
fn leases(scenario: &mut Scenario, dice: &mut Dice) {
    if scenario.root().is_none() || !dice.chance(CLASSIFIED) {
        return;
    }
    let class = ["personal", "actuation"][dice.index(2)].to_owned();
    let at_s = dice.below(PUBLISH_S) as f64;
    scenario.leases = LeaseSpec {
        classify: vec![ClassifySpec { collection: "noise".into(), class, at_s }],
        policy: vec!["personal=45s".into(), "actuation=15s".into()],
    };
}

/// A population of a role, with nothing special about it.
pub(super) fn population(name: &str, role: Role, share: f64) -> PopulationSpec {
    PopulationSpec {
        name: name.into(),
        role,
        share: Some(share),
        count: None,
        site: SiteSpec::default(),
        interfaces: Vec::new(),
        interest: None,
        dials: None,
        relay: None,
        discovers: false,
        moves: None,
        joins: None,
        publishes: None,
        commit_ms: 5.0,
        issues: None,
        granted_by: None,
        entered: true,
        hostile: None,
    }
}

fn gateways(dice: &mut Dice, plain: bool) -> PopulationSpec {
    let mut it = population("gateways", Role::Gateway, 0.2);
    if !plain {
        it.interfaces = vec![["ethernet", "fibre"][dice.index(2)].into(), "wifi".into()];
        it.discovers = true;
    }
    it
}

fn sensors(dice: &mut Dice, plain: bool) -> PopulationSpec {
    let mut it = population("sensors", Role::Sensor, 0.6);
    if !plain {
        it.interfaces = vec![["dsl", "lte", "ethernet"][dice.index(3)].into(), "wifi".into()];
        it.discovers = dice.chance(0.5);
        it.moves =
            dice.chance(0.3).then_some(MoveSpec { route: RouteSpec::Bus, speed_kmh: 20.0, home_after: None });
    }
    it.commit_ms = [0.0, 5.0, 100.0][dice.index(3)];
    it.publishes = Some(PublishSpec {
        collection: "noise".into(),
        unit: "dB".into(),
        every: Duration::from_millis(500 + dice.below(5_000)),
        readings: 1 + dice.index(3),
        values: Values::Walk,
    });
    it
}

fn readers(dice: &mut Dice, plain: bool) -> PopulationSpec {
    let role = [Role::Phone, Role::Office][dice.index(2)];
    let mut it = population("readers", role, 0.2);
    if !plain {
        it.interfaces = vec!["lte".into(), "wifi".into()];
        it.discovers = dice.chance(0.5);
        it.moves =
            dice.chance(0.5).then_some(MoveSpec { route: RouteSpec::Walk, speed_kmh: 5.0, home_after: None });
    }
    it
}

/// Readers who come late, all within two seconds.
fn latecomers(dice: &mut Dice) -> PopulationSpec {
    let mut it = population("latecomers", Role::Phone, 0.2);
    let from = Duration::from_secs(5 + dice.below(PUBLISH_S - 10));
    it.joins = Some(JoinSpec { from, within: Duration::from_secs(2) });
    it
}

/// Gateways, or readers, let go of what is old: some while after it began, so that they hear what others hold.
fn let_go(dice: &mut Dice) -> Planned {
    let population = ["gateways", "gateways", "readers"][dice.index(3)];
    let from_s = (5 + dice.below(20)) as f64;
    let fault =
        Fault::LetGo { who: Who::population(population), copies: 1 + dice.index(2), keep: dice.below(4) };
    Planned { from_s, until_s: Some(from_s + 20.0 + dice.below(14) as f64), fault }
}

/// One peer that means harm.
fn hostile(dice: &mut Dice, peers: usize, nth: usize) -> PopulationSpec {
    let (behaviour, role) = match dice.below(6) {
        0 => {
            let of = PeerIndex(dice.index(peers));
            (Behaviour::Fork { of, after_s: 5 + dice.below(20) }, Role::Sensor)
        }
        1 => (Behaviour::Replay, Role::Gateway),
        2 => (Behaviour::Flood, Role::Gateway),
        3 => (Behaviour::ForgedGrants, [Role::Phone, Role::Gateway][dice.index(2)]),
        4 => (Behaviour::Garbage, Role::Gateway),
        _ => (Behaviour::Silence, Role::Gateway),
    };
    let mut it = population(&format!("hostile-{nth}"), role, 0.0);
    (it.share, it.count, it.hostile) = (None, Some(1), Some(behaviour));
    it
}

/// A link that is fair, lossy, or harsher than QUIC.
fn plain_link(dice: &mut Dice) -> PlainSpec {
    let reliable = dice.chance(0.5);
    let harsh = if reliable { 0.0 } else { 0.1 };
    PlainSpec {
        latency_ms: 1.0 + dice.below(80) as f64,
        jitter_ms: dice.below(20) as f64,
        loss: dice.below(20) as f64 / 100.0,
        duplication: harsh,
        reordering: harsh,
        bytes_per_s: dice.chance(0.2).then_some(50_000),
        reliable,
    }
}

/// A fault that is over soon after publishing is. Not among them: a disk that loses what it has synced and looks as if
/// nothing were missing. Its peer goes on in a log of which others hold more; that is a known limit.
fn fault(dice: &mut Dice, plain: bool) -> Planned {
    let from_s = 2 + dice.below(PUBLISH_S - 15);
    let until_s = from_s + 1 + dice.below(12);
    let one = |dice: &mut Dice| {
        let population = ["gateways", "sensors", "readers"][dice.index(3)];
        Who { count: Some(1 + dice.index(3)), ..Who::population(population) }
    };
    let kept = [Kept::Synced, Kept::Torn, Kept::All][dice.index(3)];
    let damages = [Damage::Wiped, Damage::Flipped, Damage::Page];
    let fault = match dice.below(13) {
        0 | 1 => Fault::Crash { who: one(dice), kept, damage: None, within_s: dice.below(3) as f64 },
        2 => Fault::Crash { who: one(dice), kept, damage: Some(damages[dice.index(3)]), within_s: 0.0 },
        3 => Fault::Disk { who: one(dice), how: DiskFault::Fails },
        4 => Fault::Partition { who: Who::default().share(0.5) },
        5 => Fault::PowerCut { who: Who::default().share(0.3), kept },
        6 => Fault::ClockJump { who: one(dice), by_s: [-86_400, -60, 60, 86_400][dice.index(4)] },
        7 => Fault::ClockDrift { who: one(dice), ppm: [-200, 200, 10_000][dice.index(3)] },
        8 => Fault::ClockUnset { who: one(dice) },
        9 => Fault::Damage { who: one(dice), damage: Damage::Page },
        10 => {
            let (latency_factor, extra_loss) = (1.0 + dice.below(20) as f64, dice.below(40) as f64 / 100.0);
            let by = Degradation { latency_factor, extra_loss, ..Degradation::default() };
            let (class, who) =
                if plain || dice.chance(0.5) { (None, Some(one(dice))) } else { (Some("wifi".into()), None) };
            Fault::Degrade { class, who, by }
        }
        how => {
            let how = if how == 11 { Broken::Drops } else { Broken::Corrupts };
            let population = ["sensors", "readers"][dice.index(2)];
            let between = Who { count: Some(1 + dice.index(3)), ..Who::population(population) };
            Fault::BreakLinks { between, and: Who::population("gateways"), how }
        }
    };
    Planned { from_s: from_s as f64, until_s: Some(until_s as f64), fault }
}
