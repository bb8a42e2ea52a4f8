//! Who joins gets a place, and the way of joining is soon forgotten.

use std::time::Duration;

use super::super::*;
use super::world::*;

/// The mean flood, once those who joined within ten seconds have known each other for two minutes.
fn joined(count: usize, through: impl Fn(usize) -> usize) -> Duration {
    let mut world = World::new(1);
    world.join(count, s(10) / u32::try_from(count).unwrap(), through);
    world.run(s(5));
    assert!(world.is_connected(), "{} are reached", world.reached());
    world.assert_bounds();
    let before = world.mean_latency();
    world.run(s(115));
    world.assert_bounds();
    assert!(world.is_connected(), "{} are reached", world.reached());
    let degrees: Vec<_> = world.alive().map(|index| world.agreed(index).count()).collect();
    let full = degrees.iter().filter(|degree| **degree == world.config.active_max).count();
    assert!(full >= count * 8 / 10, "{full} of {count} have a full view: {degrees:?}");
    assert!(degrees.iter().all(|degree| *degree >= 3), "{degrees:?}");
    let after = world.mean_latency();
    assert!(after < before * 9 / 10, "links became cheaper: {before:?}, then {after:?}");
    assert!(world.alive().all(|index| world.nodes[index].overlay.stats().strangers < 50));
    assert_eq!(world.violations, 0);
    (0..count).map(|from| world.flood(from)).sum::<Duration>() / u32::try_from(count).unwrap()
}

#[test]
fn all_through_one_or_through_any() {
    let one = joined(60, |_| 0);
    let any = joined(60, |index| mix(index as u64) as usize % index);
    assert!(one < any * 6 / 5 && any < one * 6 / 5, "through one: {one:?}, through any: {any:?}");
}

/// All come in the same moment, to the same relay.
#[test]
fn a_storm_melts_nobody() {
    let mut world = World::new(2);
    world.join(120, Duration::ZERO, |_| 0);
    for _ in 0..20 {
        world.run(Duration::from_millis(500));
        world.assert_bounds();
    }
    world.run(s(20));
    assert!(world.is_connected(), "{} are reached", world.reached());
    let ups = world.nodes[0].overlay.stats().ups;
    let max = (world.config.active_max as u64) * 30 / world.config.settle.as_secs() + 5;
    assert!(ups <= max, "{ups} neighbours came and went where all came to");
}

#[test]
fn both_sides_agree_on_who_is_up() {
    let mut world = World::new(5);
    world.join(30, s(1), |index| index - 1);
    world.run(s(60));
    let up = |world: &World| world.alive().map(|index| world.nodes[index].up.len()).sum::<usize>();
    let agreed = |world: &World| world.alive().map(|index| world.agreed(index).count()).sum::<usize>();
    let (up, agreed) = (up(&world), agreed(&world));
    assert!(up - agreed <= 2, "{up} are up, {agreed} on both sides");
    for index in world.alive() {
        let said: Vec<_> = world.nodes[index].overlay.neighbours().map(|(it, _)| index_of(&it)).collect();
        let heard: Vec<_> = world.nodes[index].up.iter().copied().collect();
        assert_eq!(said.len(), heard.len(), "the outputs say what the getter says");
    }
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let run = || {
        let mut world = World::new(9);
        world.join(20, Duration::from_millis(300), |index| index / 2);
        world.run(s(60));
        let stats: Vec<_> = world.nodes.iter().map(|node| node.overlay.stats()).collect();
        (world.handled, stats)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_new_record_reaches_the_neighbours() {
    let mut world = World::new(5);
    world.join(6, s(1), |index| index - 1);
    world.run(s(10));
    let checks = |world: &World| (1..6).map(|it| world.nodes[it].overlay.stats().checks).sum::<u64>();
    let before = checks(&world);
    let mut renewed = record(0);
    renewed.push(1);
    world.input(0, Input::OwnRecord { record: renewed });
    world.run(s(1));
    let checked = checks(&world) - before;
    assert!(checked >= world.nodes[0].up.len() as u64, "each neighbour has it checked: {checked}");
}

/// A ring in which each was told to keep the next, in a city where everybody has somebody cheaper.
fn ring(keep_configured: bool) -> usize {
    const RING: usize = 12;
    let mut world = World::new(3);
    world.config = Config { keep_configured, ..world.config.clone() };
    for index in 0..40 {
        world.add(Role::Relay);
        if index > 0 {
            let through = if index < RING { index - 1 } else { mix(index as u64) as usize % index };
            let source = if index < RING { Source::Configured } else { Source::Discovered };
            world.know(index, through, source);
        }
        world.run(s(1));
    }
    world.run(s(400));
    world.assert_bounds();
    assert_eq!(world.violations, 0);
    (1..RING).filter(|index| world.agreed(*index).any(|other| other == index - 1)).count()
}

#[test]
fn who_is_configured_stays_a_neighbour_where_that_is_asked_for() {
    let (kept, free) = (ring(true), ring(false));
    assert!(kept == 11 && free < 8, "{kept} of 11 are kept, {free} if nobody asks for it");
}

/// How long joining takes: `cargo test --release -p msec-gossip --lib two_hundred -- --ignored --nocapture`
#[test]
#[ignore = "half a minute in release"]
fn two_hundred_are_one_graph_soon() {
    let any = |index| mix(index as u64) as usize % index;
    for (storm, through) in [(false, None), (false, Some(any)), (true, None)] {
        for seed in 1..=5 {
            let mut world = World::new(seed);
            let pace = if storm { Duration::ZERO } else { s(10) / 200 };
            world.join(200, pace, |index| through.map_or(0, |through| through(index)));
            let start = world.now;
            let full = |world: &World| {
                let full = |index: &usize| world.agreed(*index).count() == world.config.active_max;
                world.alive().filter(full).count()
            };
            while !world.is_connected() || full(&world) < 180 {
                world.run(Duration::from_millis(100));
            }
            let took = world.now - start;
            let sum =
                |of: fn(&Stats) -> u64| world.nodes.iter().map(|it| of(&it.overlay.stats())).sum::<u64>();
            let (checks, bytes) = (sum(|it| it.checks), sum(|it| it.bytes_sent));
            eprintln!("storm {storm}, seed {seed}: {took:?} after the last, {checks} checks, {bytes} bytes");
            assert!(took < if storm { s(8) } else { s(2) }, "{took:?}");
        }
    }
}
