//! What the tests share.

use std::time::Duration;

use msec_peer::node::{RefusedKind, StreamSpec, Ticket};
use msec_simulator::scenario::{Override, built_in};
use msec_simulator::{
    City, NetworkModel, Options, Outcome, PeerIndex, PeerSpec, Report, Scenario, World, disagreements,
};

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The town that comes with the program, with some of its values replaced.
#[track_caller]
pub(crate) fn town(set: &[&str]) -> Scenario {
    let set: Vec<Override> = set.iter().map(|set| set.parse().expect("a path and a value")).collect();
    Scenario::parse_with(built_in("town").expect("it is built in").text, &set).expect("a scenario")
}

/// A city that is small enough for tests that run it twice.
#[track_caller]
pub(crate) fn small(set: &[&str]) -> Scenario {
    town(&[&["city.peers=20", "publish_s=15", "plain.loss=0"], set].concat())
}

/// A city, built with that seed.
pub(crate) fn city(scenario: Scenario, seed: u64) -> City {
    City::new(scenario, Options::seed(seed)).expect("a city")
}

/// What became of it.
pub(crate) fn run(scenario: Scenario, seed: u64) -> Report {
    city(scenario, seed).run(|_| {}).expect("it runs")
}

/// Nothing missed, all agree, nothing found.
#[track_caller]
pub(crate) fn assert_good(report: &Report) {
    let bad = !report.metrics.is_good() || report.metrics.published == 0;
    assert!(!bad, "{:#?}\n{:#?}", report.metrics, report.violations);
}

#[track_caller]
pub(crate) fn assert_agree(world: &World) {
    let found = disagreements(world);
    assert!(found.is_empty(), "{found:?}");
}

/// Two gateways that are linked, and a sensor at the first.
pub(crate) fn two_gateways_and_a_sensor(seed: u64) -> (World, [PeerIndex; 3]) {
    let mut world = World::new(seed, NetworkModel::default()).expect("a world");
    let near = add(&mut world, PeerSpec::gateway());
    let far = add(&mut world, PeerSpec::gateway().contact(near));
    let sensor = add(&mut world, PeerSpec::sensor().contact(near));
    (world, [near, far, sensor])
}

/// Adds a peer that finds no way but those to its contacts.
fn add(world: &mut World, mut spec: PeerSpec) -> PeerIndex {
    spec.settings.hearsay_max = 0;
    world.add_peer(spec).expect("a peer")
}

/// Two gateways that are linked, a sensor at the first and a citizen at the second.
pub(crate) struct Chain {
    pub(crate) world: World,
    pub(crate) near: PeerIndex,
    pub(crate) far: PeerIndex,
    pub(crate) sensor: PeerIndex,
    pub(crate) citizen: PeerIndex,
}

impl Chain {
    pub(crate) fn new(seed: u64) -> Self {
        let (mut world, [near, far, sensor]) = two_gateways_and_a_sensor(seed);
        let citizen = add(&mut world, PeerSpec::citizen().contact(far));
        world.run_for(seconds(2));
        Self { world, near, far, sensor, citizen }
    }

    pub(crate) fn publish(&mut self, value: f64) -> Ticket {
        let reading = self.world.reading(value);
        self.world.publish(self.sensor, &noise(), &[reading]).expect("the sensor is up")
    }

    /// Publishes values one by one, half a second apart.
    pub(crate) fn publish_all(&mut self, values: impl IntoIterator<Item = u32>) {
        for value in values {
            self.publish(f64::from(value));
            self.world.run_for(Duration::from_millis(500));
        }
    }

    /// The values that a peer shows, oldest first.
    pub(crate) fn shown(&self, peer: PeerIndex) -> Vec<f64> {
        self.world.readings_of(peer).iter().rev().map(|row| row.reading.value).collect()
    }

    pub(crate) fn is_acknowledged(&self, ticket: Ticket) -> bool {
        let outcome = self.world.ledger().submission(ticket).map(|s| &s.outcome);
        matches!(outcome, Some(Outcome::Acknowledged { .. }))
    }

    pub(crate) fn refused(&self, kind: RefusedKind) -> u64 {
        self.world.ledger().refused().get(&kind).copied().unwrap_or(0)
    }
}

/// A number from the environment.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

pub(crate) fn noise() -> StreamSpec {
    StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB")
}
