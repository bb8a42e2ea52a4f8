//! Whatever vanishes or is cut apart, the rest is one graph again soon.

use std::time::Duration;

use super::super::*;
use super::world::*;

/// As many relays, who know each other for a minute and a half.
fn settled(count: usize) -> World {
    let mut world = World::new(3);
    world.join(count, s(10) / u32::try_from(count).unwrap(), |index| mix(index as u64) as usize % index);
    world.run(s(80));
    assert!(world.is_connected(), "{} are reached", world.reached());
    world
}

/// How long until all who live are one graph.
fn heals_within(world: &mut World, max: Duration) -> Duration {
    let start = world.now;
    while !world.is_connected() {
        assert!(world.now - start < max, "{} of {} are reached", world.reached(), world.alive().count());
        world.run(Duration::from_millis(500));
    }
    world.now - start
}

#[test]
fn four_of_five_vanish_and_dials_fail_fast() {
    vanish(false, |index| index % 5 == 0, s(10));
}

#[test]
fn four_of_five_vanish_in_silence() {
    vanish(true, |index| index % 5 == 0, s(15));
}

#[test]
fn nine_of_ten_vanish_and_dials_fail_fast() {
    vanish(false, |index| index % 10 == 3, s(10));
}

#[test]
fn nine_of_ten_vanish_in_silence() {
    vanish(true, |index| index % 10 == 3, s(15));
}

/// All but those vanish; who is left is one graph within that time, and stays one.
fn vanish(silent: bool, is_left: fn(usize) -> bool, max: Duration) {
    let mut world = settled(100);
    world.silent = silent;
    world.kill(|index| !is_left(index));
    if silent {
        world.run(s(1));
        assert!(!world.is_connected(), "nobody knows yet");
    }
    heals_within(&mut world, max);
    world.run(s(15));
    world.assert_bounds();
    assert!(world.is_connected());
    let degrees: Vec<_> = world.alive().map(|index| world.agreed(index).count()).collect();
    assert!(degrees.iter().all(|degree| *degree >= 3), "{degrees:?}");
}

#[test]
fn halves_that_were_apart_for_ten_minutes_merge() {
    let mut world = settled(24);
    world.partition(|a, b| a % 2 != b % 2);
    world.run(s(600));
    let up = world.alive().map(|index| (index, world.nodes[index].up.iter()));
    assert!(up.into_iter().all(|(a, mut up)| up.all(|b| a % 2 == b % 2)), "no link is left across");
    assert_eq!(world.reached(), 12, "each half is one graph");
    world.cut = |_, _| false;
    heals_within(&mut world, s(20));
    world.run(s(30));
    let across = |world: &World| world.alive().filter(|a| world.agreed(*a).any(|b| a % 2 != b % 2)).count();
    assert!(across(&world) >= 12, "only {} of 24 have links across", across(&world));
    world.assert_bounds();
}

/// One contact across, which one of all knows: the bound of `merge` is 2.5 intervals.
#[test]
fn one_contact_across_is_enough() {
    let mut world = World::new(4);
    world.cut = |a, b| (a < 10) != (b < 10);
    for index in 0..20 {
        world.add(Role::Relay);
        if index % 10 != 0 {
            world.know(index, index - 1, Source::Configured);
        }
    }
    world.run(s(60));
    world.know(15, 5, Source::Configured);
    world.run(s(120));
    assert_eq!(world.reached(), 10);
    world.cut = |_, _| false;
    let bound = world.config.merge_interval * 5 / 2;
    heals_within(&mut world, bound);
    world.run(s(60));
    assert!(world.is_connected(), "and stays one");
}

#[test]
fn a_silent_neighbour_is_down_after_eight_seconds() {
    let mut world = settled(2);
    world.silent = true;
    world.kill(|index| index == 1);
    world.run(s(5));
    assert_eq!(world.nodes[0].up.len(), 1);
    world.run(s(4));
    assert!(world.nodes[0].up.is_empty(), "it is quiet for five seconds, and silent for three");
}

/// Where all joined is not dialled again and again by those who have neighbours.
#[test]
fn a_contact_in_our_part_is_left_alone() {
    let mut world = World::new(1);
    world.join(30, s(1), |_| 0);
    world.run(s(60));
    let probes = |world: &World| world.nodes.iter().map(|node| node.overlay.stats().probes).sum::<u64>();
    let before = probes(&world);
    world.run(s(120));
    let during = probes(&world) - before;
    assert!(during < 10, "{during} probes where nothing is missing");
}

#[test]
fn a_leaf_that_was_cut_off_for_ten_minutes_is_back_within_half_a_minute() {
    let mut world = settled(4);
    let leaf = world.add(Role::Leaf);
    world.know(leaf, 1, Source::Configured);
    world.run(s(20));
    assert_eq!(world.agreed(leaf).count(), 2);
    world.partition(|a, b| a.max(b) == 4);
    world.run(s(600));
    assert_eq!(world.nodes[leaf].up.len(), 0);
    world.cut = |_, _| false;
    world.run(s(32));
    assert!(world.agreed(leaf).count() >= 1, "whatever its back-off");
}

/// A relay that is alone, and whose one contact fails, ends at `fixed_backoff_max`, besides its probes.
#[test]
fn dials_of_who_fails_back_off() {
    let mut world = World::new(1);
    world.add(Role::Relay);
    world.add(Role::Relay);
    world.kill(|index| index == 1);
    world.know(0, 1, Source::Configured);
    world.run(s(60));
    assert!((7..=14).contains(&world.dials), "1, 2, 4, 8 s, and probes: {}", world.dials);
    world.run(s(600));
    let before = world.dials;
    world.run(s(200));
    assert!((15..=26).contains(&(world.dials - before)), "{} dials in 200 s", world.dials - before);
}

#[test]
fn with_a_tenth_of_all_messages_lost_it_stays_one_graph() {
    let mut world = World::new(6);
    world.loss = 10;
    world.join(40, s(1) / 2, |index| mix(index as u64) as usize % index);
    world.run(s(60));
    let mut agreed = 0;
    for _ in 0..12 {
        world.run(s(10));
        assert!(world.is_connected(), "{} are reached", world.reached());
        agreed += world.alive().map(|index| world.agreed(index).count()).sum::<usize>();
    }
    let mean = agreed as f64 / 12.0 / 40.0;
    assert!(mean > 4.0, "{mean} neighbours on the mean");
    assert_eq!(world.violations, 0);
}
