//! Who joins gets a place, and the way of joining is soon forgotten.

use std::time::Duration;

use super::super::*;
use super::world::*;

/// Two hundred, who join within twenty seconds.
fn joined(through: impl Fn(usize) -> usize) -> World {
    let mut world = World::new(1);
    world.join(200, s(20) / 200, through);
    world
}

#[test]
fn all_through_one_or_through_any() {
    let mut floods = Vec::new();
    for through in [|_| 0, |index| mix(index as u64) as usize % index] {
        let mut world = joined(through);
        world.run(s(10));
        assert!(world.is_connected(), "{} are reached", world.reached());
        world.assert_bounds();
        let before = world.mean_latency();
        world.run(s(170));
        world.assert_bounds();
        assert!(world.is_connected(), "{} are reached", world.reached());
        let degrees: Vec<_> = world.alive().map(|index| world.agreed(index).count()).collect();
        let full = degrees.iter().filter(|degree| **degree == world.config.active_max).count();
        assert!(full >= 180, "{full} of 200 have a full view: {degrees:?}");
        assert!(degrees.iter().all(|degree| *degree >= 3), "{degrees:?}");
        let after = world.mean_latency();
        assert!(after < before * 9 / 10, "links became cheaper: {before:?}, then {after:?}");
        floods.push((0..20).map(|from| world.flood(from * 10)).sum::<Duration>() / 20);
        assert_eq!(world.violations, 0);
    }
    let (one, any) = (floods[0], floods[1]);
    assert!(one < any * 6 / 5 && any < one * 6 / 5, "through one: {one:?}, through any: {any:?}");
}
