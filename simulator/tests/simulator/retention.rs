//! Gateways that let go of what is old, and peers that come late, or were away meanwhile.

use msec_simulator::scenario::JoinSpec;
use msec_simulator::{Checkers, Kept, NetworkModel, PeerIndex, PeerSpec, World};

use crate::rig::{assert_agree, assert_good, city, noise, seconds, small};

/// Three gateways that know each other, and a sensor.
struct Town {
    world: World,
    gateways: [PeerIndex; 3],
    sensor: PeerIndex,
    checkers: Checkers,
}

impl Town {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed, NetworkModel::default()).expect("a world");
        let mut add = |contacts: &[PeerIndex], spec: PeerSpec| {
            let spec = contacts.iter().fold(spec, |spec, contact| spec.contact(*contact));
            world.add_peer(spec).expect("a peer")
        };
        let a = add(&[], PeerSpec::gateway());
        let b = add(&[a], PeerSpec::gateway());
        let c = add(&[a, b], PeerSpec::gateway());
        let sensor = add(&[a, b], PeerSpec::sensor());
        world.run_for(seconds(2));
        Self { world, gateways: [a, b, c], sensor, checkers: Checkers::default() }
    }

    fn publish(&mut self, values: std::ops::Range<u32>) {
        for value in values {
            let reading = self.world.reading(f64::from(value));
            self.world.publish(self.sensor, &noise(), &[reading]).expect("the sensor is up");
            self.run(1);
        }
    }

    fn run(&mut self, n: u64) {
        for _ in 0..n {
            self.world.run_for(seconds(1));
            self.checkers.during(&self.world);
        }
    }

    /// All gateways let go of what two others hold, but for the last entry of each log.
    fn let_go(&mut self) -> u64 {
        self.gateways.into_iter().for_each(|gateway| self.world.mark_held(gateway));
        self.run(40);
        self.gateways.into_iter().map(|gateway| self.world.let_go(gateway, 2, 0)).sum()
    }

    /// The values that a peer shows, oldest first.
    fn shown(&self, peer: PeerIndex) -> Vec<f64> {
        self.world.readings_of(peer).iter().rev().map(|row| row.reading.value).collect()
    }

    #[track_caller]
    fn is_well(&mut self) {
        self.checkers.at_end(&self.world);
        assert_eq!(self.checkers.count(), 0, "{:#?}", self.checkers.found());
        assert_agree(&self.world);
    }
}

fn values(range: std::ops::Range<u32>) -> Vec<f64> {
    range.map(f64::from).collect()
}

#[test]
fn who_comes_late_begins_where_the_gateways_do_and_nothing_is_missed() {
    let mut town = Town::new(1);
    town.publish(0..30);
    assert_eq!(town.let_go(), 3 * 29, "each keeps the header and the last entry");
    town.publish(30..40);
    let [a, b, _] = town.gateways;
    let late = town.world.add_peer(PeerSpec::citizen().contact(a).contact(b)).expect("a peer");
    town.run(60);
    assert_eq!(town.shown(late), values(29..40));
    assert_eq!(town.shown(a), values(29..40));
    town.is_well();
    // It is as good as they are to who comes later still, and its power may fail.
    town.world.crash(late, Kept::Torn);
    town.run(2);
    town.world.restart(late).expect("starts");
    town.publish(40..43);
    town.run(60);
    assert_eq!(town.shown(late), values(29..43));
    town.is_well();
}

#[test]
fn who_was_cut_off_for_long_goes_on_behind_what_is_gone() {
    let mut town = Town::new(2);
    let [a, b, c] = town.gateways;
    let away = town.world.add_peer(PeerSpec::citizen().contact(a).contact(b)).expect("a peer");
    town.publish(0..10);
    town.run(20);
    town.world.partition(&[vec![away]]);
    town.publish(10..40);
    assert!(town.let_go() > 0);
    town.world.crash(c, Kept::Synced);
    town.run(5);
    town.world.restart(c).expect("starts");
    town.publish(40..44);
    assert_eq!(town.shown(away), values(0..10));
    town.world.heal();
    town.run(60);
    assert_eq!(town.shown(away), values(39..44), "what it held before goes with the gap");
    town.is_well();
}

/// A whole city whose gateways let go in the middle of a partition and a power cut, with readers that come afterwards.
#[test]
fn a_city_that_lets_go_loses_nothing_to_partitions_and_power_cuts() {
    let faults = r#"fault=[
        { kind = "let_go", who = { population = "gateways" }, copies = 1, from_s = 10, until_s = 34 },
        { kind = "partition", who = { share = 0.5 }, from_s = 36, until_s = 45 },
        { kind = "power_cut", who = { population = "gateways", count = 2 }, kept = "torn", from_s = 40, until_s = 44 },
    ]"#
    .replace('\n', " ");
    let mut scenario = small(&["publish_s=50", "drain_s=400", "check.agree_within_s=390", &faults]);
    let mut late = scenario.populations[2].clone();
    (late.name, late.share, late.count) = ("latecomers".into(), None, Some(3));
    late.joins = Some(JoinSpec { from: seconds(38), within: seconds(8) });
    scenario.populations.push(late);
    scenario.city.peers += 3;
    let mut city = city(scenario, 1);
    city.run_until(seconds(35)).expect("it runs");
    assert!(city.world.entries_let_go() > 0);
    let report = city.run(|_| {}).expect("it runs");
    assert_good(&report);
}
