//! Each in a world of an issuer, a gateway, a sensor, and two who read.

use std::time::Duration;

use msec_identity::Class;
use msec_peer::node::StreamSpec;

use super::*;
use crate::checkers::Checkers;
use crate::checkers::testing::NOTHING;
use crate::{Broken, Kept, NetworkModel, PeerIndex, PeerSpec};

const OWNER: PeerIndex = PeerIndex(0);
const GATEWAY: PeerIndex = PeerIndex(1);
const SENSOR: PeerIndex = PeerIndex(2);
const READER: PeerIndex = PeerIndex(3);
const LATE: PeerIndex = PeerIndex(4);

/// The root's key lies on a peer that is linked with the gateway only, and with it all others.
fn town(class: Class, gateway: PeerSpec) -> World {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    world.add_peer(PeerSpec::citizen().contact(GATEWAY)).expect("an owner");
    world.add_peer(gateway).expect("a gateway");
    world.add_peer(PeerSpec::sensor().contact(GATEWAY)).expect("a sensor");
    world.add_peer(PeerSpec::citizen().contact(GATEWAY)).expect("a reader");
    assert!(world.classify("parks".parse().expect("a path"), class, Duration::ZERO));
    world.run_for(Duration::from_secs(15));
    world
}

fn publish(world: &mut World, values: std::ops::Range<u32>) {
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
    for value in values {
        let reading = world.reading(value.into());
        world.publish(SENSOR, &stream, &[reading]).expect("the sensor is up");
        world.run_for(Duration::from_secs(1));
    }
}

fn held(world: &World, peer: PeerIndex) -> usize {
    world.readings_of(peer).len()
}

/// What all checkers find in half a minute, and then at the end.
fn found_by_all(world: &mut World) -> Vec<String> {
    let mut checkers = Checkers::default();
    for _ in 0..40 {
        world.run_for(Duration::from_secs(1));
        checkers.during(world);
    }
    checkers.at_end(world);
    checkers.found().iter().map(|it| format!("{}: {}", it.checker, it.what)).collect()
}

#[test]
fn who_is_linked_with_an_issuer_is_shown_and_given_what_moves_something() {
    let mut world = town(Class::Actuation, PeerSpec::gateway());
    publish(&mut world, 0..5);
    world.run_for(Duration::from_secs(120));
    publish(&mut world, 5..8);
    assert_eq!((held(&world, GATEWAY), held(&world, READER)), (8, 8));
    assert_eq!((found_by_all(&mut world), world.leases().served_stale), (NOTHING.to_vec(), 0));
}

#[test]
fn who_is_cut_off_gives_what_moves_something_for_a_minute_and_then_nothing_until_it_is_back() {
    let mut world = town(Class::Actuation, PeerSpec::gateway());
    publish(&mut world, 0..3);
    world.break_link(OWNER, GATEWAY, Broken::Drops);
    world.run_for(Duration::from_secs(20));
    publish(&mut world, 3..5);
    assert_eq!(held(&world, READER), 5, "within the lease");
    world.run_for(Duration::from_secs(50));
    publish(&mut world, 5..9);
    assert_eq!((held(&world, GATEWAY), held(&world, READER)), (9, 5), "it is stored, and not passed on");
    // Whoever comes now finds nothing there.
    world.add_peer(PeerSpec::citizen().contact(GATEWAY)).expect("a latecomer");
    world.run_for(Duration::from_secs(30));
    assert_eq!(held(&world, LATE), 0);
    let before = world.leases().refused;
    world.mend_link(OWNER, GATEWAY);
    world.run_for(Duration::from_secs(60));
    assert!(world.leases().refused > before, "the gateway refused until it was answered");
    assert_eq!((held(&world, READER), held(&world, LATE)), (9, 9));
    assert_eq!((found_by_all(&mut world), world.leases().served_stale), (NOTHING.to_vec(), 0));
}

#[test]
fn who_comes_back_refuses_until_an_issuer_has_answered() {
    let mut world = town(Class::Personal, PeerSpec::gateway());
    publish(&mut world, 0..3);
    world.crash(GATEWAY, Kept::Synced);
    world.run_for(Duration::from_secs(30));
    world.break_link(OWNER, GATEWAY, Broken::Drops);
    world.restart(GATEWAY).expect("starts");
    world.add_peer(PeerSpec::citizen().contact(GATEWAY)).expect("a latecomer");
    world.run_for(Duration::from_secs(60));
    assert_eq!(
        (held(&world, GATEWAY), held(&world, LATE)),
        (3, 0),
        "an hour is long, and nobody knows how long it was away"
    );
    world.mend_link(OWNER, GATEWAY);
    world.run_for(Duration::from_secs(40));
    assert!(held(&world, LATE) == 3 && world.leases().refused >= 1);
    assert_eq!((found_by_all(&mut world), world.leases().served_stale), (NOTHING.to_vec(), 0));
}

#[test]
fn a_gateway_that_keeps_no_lease_is_found() {
    let mut careless = PeerSpec::gateway();
    careless.settings.leases.actuation.closed = false;
    let mut world = town(Class::Actuation, careless);
    let mut checker = Lease::default();
    publish(&mut world, 0..3);
    assert_eq!(checker.during(&world), NOTHING);
    world.break_link(OWNER, GATEWAY, Broken::Drops);
    world.run_for(Duration::from_secs(90));
    publish(&mut world, 3..5);
    let found = checker.during(&world);
    let said = |what: &str| found.iter().any(|it| it.starts_with(what) && it.contains("actuation data"));
    assert!(said("peer 1 sent entries of log") && said("peer 1 showed entry"), "{found:?}");
    assert!(world.leases().served_stale >= 2);
    assert_eq!(checker.during(&world), NOTHING, "each is told once");
}
