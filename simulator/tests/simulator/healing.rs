//! Most of a city is gone at once, or cut off for long: who is left hears of everything again soon.

use std::time::Duration;

use msec_peer::node::StreamSpec;
use msec_simulator::{Kept, NetworkModel, PeerIndex, PeerSpec, World};

use crate::rig::{assert_agree, seconds};

const GATEWAYS: usize = 30;

/// So many gateways, each with one before it as its contact, who know each other for half a minute.
fn city(gateways: usize) -> (World, Vec<PeerIndex>) {
    let mut world = World::new(11, NetworkModel::default()).expect("a world");
    let mut all: Vec<PeerIndex> = Vec::new();
    for n in 0..gateways {
        let mut spec = PeerSpec::gateway();
        if n > 0 {
            spec = spec.contact(all[n * 7 / 10]);
        }
        all.push(world.add_peer(spec).expect("a peer"));
    }
    (world, all)
}

fn publish(world: &mut World, sensor: PeerIndex, value: u32) {
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB");
    let reading = world.reading(f64::from(value));
    world.publish(sensor, &stream, &[reading]).expect("the sensor is up");
}

/// All gateways but each `left`th vanish. A sensor of one that is left writes on.
fn vanish(left: usize) {
    let (mut world, gateways) = city(GATEWAYS);
    let sensor = world.add_peer(PeerSpec::sensor().contact(gateways[0])).expect("a peer");
    world.run_for(seconds(30));
    let mut stay = Vec::new();
    for (n, gateway) in gateways.into_iter().enumerate() {
        if n.is_multiple_of(left) {
            stay.push(gateway);
        } else {
            world.crash(gateway, Kept::Synced);
        }
    }
    for value in 0..30 {
        publish(&mut world, sensor, value);
        world.run_for(seconds(1));
    }
    for value in 30..40 {
        publish(&mut world, sensor, value);
        // A header, and an entry for each.
        let size = u64::from(value) + 2;
        let has = |world: &World, gateway: &PeerIndex| world.frontier(*gateway).iter().any(|it| it.1 == size);
        let soon = Duration::from_millis(1_500);
        world.run_until_true(soon, |world| stay.iter().all(|gateway| has(world, gateway)));
        let lack = stay.iter().filter(|gateway| !has(&world, gateway)).count();
        assert_eq!(lack, 0, "of {} that are left, who lack what was written {value} s after it", stay.len());
    }
}

#[test]
fn four_of_five_vanish_and_the_rest_hears_everything() {
    vanish(5);
}

#[test]
fn nine_of_ten_vanish_and_the_rest_hears_everything() {
    vanish(10);
}

#[test]
fn halves_that_were_apart_for_ten_minutes_are_equal_within_one() {
    let (mut world, gateways) = city(10);
    let sensors =
        [0, 9].map(|near| world.add_peer(PeerSpec::sensor().contact(gateways[near])).expect("a peer"));
    world.run_for(seconds(20));
    let half = |n: usize| [&gateways[5 * n..5 * n + 5], &sensors[n..=n]].concat();
    world.partition(&[half(0), half(1)]);
    for value in 0..20 {
        sensors.iter().for_each(|sensor| publish(&mut world, *sensor, value));
        world.run_for(seconds(30));
    }
    assert!(gateways.iter().all(|gateway| world.frontier(*gateway).len() == 1), "each half has its own");
    world.heal();
    let all = world.frontier(sensors[0]).len() + world.frontier(sensors[1]).len();
    let done = |world: &World| {
        let first = world.frontier(gateways[0]);
        first.len() == all && gateways.iter().all(|gateway| world.frontier(*gateway) == first)
    };
    assert!(world.run_until_true(seconds(60), done));
    assert_agree(&world);
}
