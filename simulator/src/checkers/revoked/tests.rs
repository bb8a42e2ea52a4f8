//! Each in a world of an issuer that relays, a sensor, and two who read.

use std::time::Duration;

use msec_peer::node::StreamSpec;

use super::*;
use crate::checkers::testing::NOTHING;
use crate::checkers::{Acknowledged, Authentic, Convergence, Delivery, SameState};
use crate::{Behaviour, Broken, Checkers, CutAt, Kept, NetworkModel, PeerSpec, RevokeError};

const OWNER: PeerIndex = PeerIndex(0);
const SENSOR: PeerIndex = PeerIndex(1);
const READER: PeerIndex = PeerIndex(2);
const OTHER: PeerIndex = PeerIndex(3);

/// The root's key lies on the gateway.
fn town() -> World {
    town_with(PeerSpec::sensor())
}

fn town_with(sensor: PeerSpec) -> World {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    world.add_peer(PeerSpec::gateway()).expect("an owner");
    world.add_peer(sensor.contact(OWNER)).expect("a sensor");
    world.add_peer(PeerSpec::citizen().contact(OWNER)).expect("a reader");
    world.add_peer(PeerSpec::citizen().contact(OWNER)).expect("another");
    world.run_for(Duration::from_secs(2));
    world
}

fn publish(world: &mut World, values: impl IntoIterator<Item = u32>) {
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
    for value in values {
        let reading = world.reading_of(SENSOR, value.into());
        world.publish(SENSOR, &stream, &[reading]).expect("the sensor is up");
        world.run_for(Duration::from_secs(1));
    }
}

/// What a peer shows, the oldest first.
fn shown(world: &World, peer: PeerIndex) -> Vec<f64> {
    world.readings_of(peer).iter().rev().map(|row| row.reading.value).collect()
}

/// What all checkers find in half a minute, and then at the end.
fn found_by_all(world: &mut World) -> Vec<String> {
    let mut checkers = Checkers::default();
    for _ in 0..35 {
        world.run_for(Duration::from_secs(1));
        checkers.during(world);
    }
    checkers.at_end(world);
    checkers.found().iter().map(|it| format!("{}: {}", it.checker, it.what)).collect()
}

#[test]
fn what_is_revoked_is_known_at_once_and_what_the_sensor_goes_on_to_write_goes_nowhere() {
    let mut world = town();
    publish(&mut world, 1..=3);
    world.revoke(SENSOR, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(1));
    publish(&mut world, 4..=5);
    assert_eq!(found_by_all(&mut world), NOTHING);
    assert_eq!(
        (shown(&world, READER), shown(&world, SENSOR)),
        (vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 4.0, 5.0])
    );
    let reached = world.revocations().iter().next().expect("one").reached();
    assert_eq!((reached.reachable, reached.after.len()), (3, 3), "the sensor is not told");
    assert!(reached.within(1.0).is_some_and(|all| all < Duration::from_millis(500)), "{reached:?}");
    assert!(!world.node(OWNER).expect("up").neighbours().any(|it| Some(it.peer) == world.id(SENSOR)));
}

#[test]
fn of_a_log_that_is_not_named_nothing_counts_until_it_is_restored() {
    let mut world = town();
    publish(&mut world, 1..=3);
    world.revoke(SENSOR, OWNER, CutAt::None).expect("the root may");
    world.run_for(Duration::from_secs(2));
    assert_eq!((shown(&world, OWNER), shown(&world, READER)), (vec![], vec![]));
    assert_eq!(found_by_all(&mut world), NOTHING);
    world.restore_rights(SENSOR).expect("it was revoked");
    assert_eq!(found_by_all(&mut world), NOTHING);
    assert_eq!((shown(&world, OWNER), shown(&world, READER)), (vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]));
}

#[test]
fn a_card_that_was_stolen_long_ago_is_cut_where_it_was_and_backdating_helps_nobody() {
    let mut world = town_with(PeerSpec::sensor().behaves(Behaviour::Backdates));
    publish(&mut world, 1..=5);
    world.revoke(SENSOR, OWNER, CutAt::Stale).expect("the root may");
    world.run_for(Duration::from_secs(1));
    publish(&mut world, 6..=7);
    assert!(world.wall_of(SENSOR) < world.wall_of(OWNER));
    assert_eq!(found_by_all(&mut world), NOTHING);
    assert_eq!(shown(&world, READER), [1.0, 2.0]);
}

#[test]
fn who_was_away_knows_soon_after_it_is_back_and_what_was_read_meanwhile_is_counted() {
    let mut world = town();
    publish(&mut world, 1..=2);
    world.crash(OTHER, Kept::Synced);
    world.run_for(Duration::from_secs(1));
    world.revoke(OTHER, OWNER, CutAt::Now).expect("the root may");
    world.revoke(SENSOR, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(5));
    world.restart(OTHER).expect("starts");
    assert_eq!(found_by_all(&mut world), NOTHING);
    let all: Vec<_> =
        world.revocations().iter().map(|it| (it.reached().reachable, it.exposed_bytes)).collect();
    assert_eq!(all, [(2, 0), (2, 0)], "neither holder is told, and the last entry was there before");
}

#[test]
fn what_a_reader_is_given_before_its_neighbour_knows_is_exposed() {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("an owner");
    world.add_peer(PeerSpec::sensor().contact(OTHER)).expect("a sensor");
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("a reader");
    world.add_peer(PeerSpec::gateway()).expect("a gateway");
    world.run_for(Duration::from_secs(2));
    publish(&mut world, 1..=2);
    world.break_link(OWNER, OTHER, Broken::Drops);
    world.revoke(READER, OWNER, CutAt::Now).expect("the root may");
    publish(&mut world, 3..=5);
    world.mend_link(OWNER, OTHER);
    world.run_for(Duration::from_secs(60));
    let revoked = world.revocations().iter().next().expect("one");
    let window = revoked.exposed_until.zip(revoked.issued).map(|(until, issued)| (until - issued).as_secs());
    assert!(revoked.exposed_bytes > 300 && window == Some(2), "{} {window:?}", revoked.exposed_bytes);
}

#[test]
fn only_who_stands_above_revokes() {
    let mut world = town();
    let refused = |result: Result<usize, RevokeError>| result.expect_err("refused");
    let not_above = RevokeError::NotAbove { by: READER, holder: SENSOR };
    assert_eq!(refused(world.revoke(SENSOR, READER, CutAt::Now)), not_above);
    let stranger = world.add_peer(PeerSpec::stranger()).expect("a stranger");
    let nothing = RevokeError::NoGrant { holder: stranger };
    assert_eq!(refused(world.revoke(stranger, OWNER, CutAt::Now)), nothing);
    assert_eq!(world.restore_rights(SENSOR), Err(RevokeError::NotRevoked { holder: SENSOR }));
}

/// A manager lets two sensors in, and enters one of them: it revokes by itself, and its own end is the other's.
#[test]
fn what_a_manager_entered_outlives_it() {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    let manager = READER;
    world.add_peer(PeerSpec::gateway()).expect("an owner");
    let below = |entered| PeerSpec::sensor().granted_by(manager, entered).contact(OWNER);
    world.add_peer(below(true)).expect("a sensor");
    world.add_peer(PeerSpec::gateway().manages().contact(OWNER)).expect("a manager");
    let others: Vec<_> = [true, false].map(|it| world.add_peer(below(it)).expect("a sensor")).into();
    world.run_for(Duration::from_secs(5));
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
    let publish_all = |world: &mut World, value: f64| {
        for peer in [SENSOR, others[0], others[1]] {
            let reading = world.reading(value + peer.0 as f64 / 10.0);
            world.publish(peer, &stream, &[reading]).expect("up");
        }
        world.run_for(Duration::from_secs(3));
    };
    publish_all(&mut world, 1.0);
    world.revoke(SENSOR, manager, CutAt::Now).expect("it granted that");
    world.run_for(Duration::from_secs(3));
    publish_all(&mut world, 2.0);
    world.revoke(manager, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(3));
    publish_all(&mut world, 3.0);
    assert_eq!(found_by_all(&mut world), NOTHING);
    assert_eq!(shown(&world, OWNER), [1.1, 1.3, 2.3, 3.3]);
}

/// Pretends that a peer holds a revocation which it does not, so that it acts against what it knows.
fn plant(world: &mut World, peer: PeerIndex) {
    let now = world.time();
    world.revocations_mut().all.iter_mut().for_each(|it| it.knows(now, peer, Duration::ZERO));
}

/// The owner is cut off when it revokes: nobody else knows.
fn cut_off() -> World {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("an owner");
    world.add_peer(PeerSpec::sensor().contact(OTHER)).expect("a sensor");
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("a reader");
    world.add_peer(PeerSpec::gateway()).expect("a gateway");
    world.run_for(Duration::from_secs(2));
    publish(&mut world, 1..=2);
    world.break_link(OWNER, OTHER, Broken::Drops);
    world.revoke(SENSOR, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(1));
    world
}

#[test]
fn a_gateway_that_takes_and_sends_what_lies_beyond_a_cut_is_found() {
    let (mut world, mut checker) = (cut_off(), Revocation::default());
    assert_eq!(checker.during(&world), NOTHING);
    plant(&mut world, OTHER);
    publish(&mut world, [3]);
    let found = checker.during(&world);
    let said = |what: &str| found.iter().any(|it| it.starts_with(what));
    assert!(said("peer 3 took entry 3 of log"), "{found:?}");
    assert!(said("peer 3 sent 4 entries of log"), "{found:?}");
    assert!(said("peer 3 shows entry 3 of log"), "{found:?}");
    assert!(said("peer 3 holds that the grant of peer 1 is revoked, and does not say so"), "{found:?}");
}

#[test]
fn a_gateway_that_serves_a_revoked_reader_and_keeps_it_as_a_neighbour_is_found() {
    let mut world = World::new(1, NetworkModel::default()).expect("a world").rooted_at(OWNER);
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("an owner");
    world.add_peer(PeerSpec::sensor().contact(OTHER)).expect("a sensor");
    world.add_peer(PeerSpec::citizen().contact(OTHER)).expect("a reader");
    world.add_peer(PeerSpec::gateway()).expect("a gateway");
    world.run_for(Duration::from_secs(2));
    world.break_link(OWNER, OTHER, Broken::Drops);
    world.revoke(READER, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(1));
    plant(&mut world, OTHER);
    let mut checker = Revocation::default();
    publish(&mut world, [1]);
    let found = checker.during(&world);
    assert!(found.iter().any(|it| it.contains("to peer 2, and knows that its rights are over")), "{found:?}");
    assert!(!found.iter().any(|it| it.contains("is linked with")), "not yet: {found:?}");
    world.run_for(Duration::from_secs(30));
    let found = checker.at_end(&world);
    assert!(
        found.iter().any(|it| it.starts_with("peer 3 is linked with peer 2, and knows for 3")),
        "{found:?}"
    );
}

#[test]
fn what_counts_is_owed_to_all_and_what_does_not_to_nobody() {
    let mut world = town();
    world.break_link(OWNER, READER, Broken::Drops);
    publish(&mut world, 1..=3);
    world.revoke(SENSOR, OWNER, CutAt::Now).expect("the root may");
    world.run_for(Duration::from_secs(1));
    publish(&mut world, [4]);
    let found = Delivery.at_end(&world);
    assert!(found.len() == 1 && found[0].starts_with("peer 2 does not hold entry 1"), "{found:?}");
    let found = Convergence::default().at_end(&world);
    assert!(found.iter().any(|it| it.starts_with("peer 2 holds 0 of 4 entries")), "{found:?}");
    assert!(!found.iter().any(|it| it.contains("of 5 entries")), "{found:?}");
    world.mend_link(OWNER, READER);
    assert_eq!(found_by_all(&mut world), NOTHING);
}

#[test]
fn two_that_hold_the_same_as_far_as_it_counts_show_the_same() {
    // The reader holds more than the other when it is cut.
    let mut world = town();
    publish(&mut world, 1..=2);
    world.crash(OTHER, Kept::Synced);
    publish(&mut world, 3..=4);
    world.revoke(SENSOR, OWNER, CutAt::Stale).expect("the root may");
    world.run_for(Duration::from_secs(1));
    world.restart(OTHER).expect("starts");
    world.run_for(Duration::from_secs(60));
    let (log, cut) = {
        let revoked = world.revocations().iter().next().expect("one");
        let (log, cut) = revoked.cuts.first_key_value().expect("a log");
        (*log, cut.size)
    };
    assert_eq!((world.held(READER, &log), world.held(OTHER, &log), cut), (5, 3, 3));
    let mut checker = SameState::default();
    assert_eq!(checker.at_end(&world), NOTHING);
    assert_eq!(
        (Authentic::default().during(&world).len(), Acknowledged::default().during(&world).len()),
        (0, 0)
    );
    world.show_all(READER, log);
    world.run_for(Duration::from_secs(1));
    assert!(checker.at_end(&world)[0].contains("say that they hold the same, and show"));
    let found: Vec<_> = (0..4).flat_map(|_| checker.during(&world)).collect();
    assert!(!found.is_empty());
    let found = Revocation::default().during(&world);
    assert!(found.iter().any(|it| it.starts_with("peer 2 shows entry 4 of log")), "{found:?}");
}
