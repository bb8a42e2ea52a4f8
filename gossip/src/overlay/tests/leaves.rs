//! Leaves are linked, and nobody relies on them.

use super::super::*;
use super::world::*;

fn relays(count: usize) -> World {
    let mut world = World::new(7);
    world.join(count, s(1), |index| index - 1);
    world.run(s(20));
    world
}

#[test]
fn a_leaf_finds_two_relays_and_nobody_tells_of_it() {
    let mut world = relays(10);
    let leaf = world.add(Role::Leaf);
    world.input(leaf, Input::OwnRecord { record: record(leaf) });
    world.know(leaf, 0, Source::Configured);
    world.run(s(120));
    assert_eq!(world.nodes[leaf].up.len(), 2, "one was configured, the other heard of");
    assert_eq!(world.agreed(leaf).count(), 2);
    for relay in 0..10 {
        let overlay = &world.nodes[relay].overlay;
        assert_eq!(overlay.table_sizes().leaves, usize::from(world.nodes[relay].up.contains(&leaf)));
        let known = overlay.neighbours().filter(|(_, leaf)| *leaf).map(|(peer, _)| index_of(&peer));
        assert!(known.eq(world.nodes[relay].up.iter().copied().filter(|other| *other == leaf)));
    }
    let dials = |world: &World| world.nodes[leaf].overlay.stats().dials;
    let before = dials(&world);
    world.run(s(300));
    assert_eq!(dials(&world), before, "it rests");
}

#[test]
fn a_leaf_that_loses_a_relay_finds_another() {
    let mut world = relays(10);
    let leaf = world.add(Role::Leaf);
    world.know(leaf, 4, Source::Discovered);
    world.run(s(20));
    world.kill(|index| index == 4);
    world.run(s(10));
    assert_eq!(world.agreed(leaf).count(), 2, "{:?}", world.nodes[leaf].up);
}

#[test]
fn a_leaf_links_with_what_it_discovers_even_with_leaves() {
    let mut world = relays(3);
    let (sensor, phone) = (world.add(Role::Leaf), world.add(Role::Leaf));
    world.know(sensor, 0, Source::Configured);
    world.know(phone, 1, Source::Configured);
    world.run(s(10));
    world.know(phone, sensor, Source::Discovered);
    world.run(s(10));
    assert!(world.agreed(phone).any(|other| other == sensor), "{:?}", world.nodes[phone].up);
    assert_eq!(world.agreed(phone).count(), 3, "two relays besides");
}

#[test]
fn a_relay_that_is_full_of_leaves_names_another() {
    let mut world = World::new(8);
    world.config.leaves_max = 3;
    world.join(6, s(1), |index| index - 1);
    world.run(s(20));
    let leaves: Vec<_> = (0..9).map(|_| world.add(Role::Leaf)).collect();
    for leaf in &leaves {
        world.know(*leaf, 0, Source::Configured);
    }
    world.run(s(60));
    world.assert_bounds();
    for leaf in leaves {
        assert_eq!(world.agreed(leaf).count(), 2, "leaf {leaf}: {:?}", world.nodes[leaf].up);
    }
}

#[test]
fn a_relay_dials_a_leaf_that_is_configured() {
    let mut world = relays(7);
    let leaf = world.add(Role::Leaf);
    world.know(3, leaf, Source::Configured);
    world.run(s(60));
    assert!(world.agreed(3).any(|other| other == leaf));
    world.kill(|index| index == leaf);
    world.nodes[leaf].alive = true;
    world.run(s(30));
    assert!(world.nodes[3].up.contains(&leaf), "again, though no relay is missing");
}
