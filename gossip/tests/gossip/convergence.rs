//! Whatever happened: once it stops, all who are interested hold the same, in a stated time.

use std::time::Duration;

use msec_gossip::{Config, Interest};
use proptest::prelude::*;

use crate::world::{Faults, World};

const TOPICS: [&str; 3] = ["parks/noise", "parks/trees", "air"];

/// How long the faults last.
const FAULTS_LAST: Duration = Duration::from_secs(40);

/// The promise. A want that was lost as the faults ended is waited for as long as any (`want_timeout_max`, 30 s); a pair that had
/// agreed until then begins its next round an interval and its jitter later (`reconcile_interval_max`, 75 s); the rest is for
/// windows of lists.
const CONVERGES_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
enum Action {
    Append { node: usize, topic: usize },
    Cut { link: usize },
    Heal { link: usize },
    Flap { link: usize },
    Restart { node: usize },
}

#[derive(Clone, Debug)]
struct Scenario {
    seed: u64,
    faults: Faults,
    /// For each node: which interest, and whom of those before it is linked to.
    nodes: Vec<(usize, usize)>,
    extra_links: Vec<(usize, usize)>,
    /// (node, topic, size): on disk before it all begins.
    loaded: Vec<(usize, usize, u64)>,
    actions: Vec<(u64, Action)>,
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let which = 0usize..100;
    let action = prop_oneof![
        6 => (which.clone(), which.clone()).prop_map(|(node, topic)| Action::Append { node, topic }),
        1 => which.clone().prop_map(|link| Action::Cut { link }),
        1 => which.clone().prop_map(|link| Action::Heal { link }),
        1 => which.clone().prop_map(|link| Action::Flap { link }),
        1 => which.clone().prop_map(|node| Action::Restart { node }),
    ];
    let faults = (0u32..50, 0u32..20, 0u32..30, 1u64..800).prop_map(|(lost, shed, doubled, delay)| Faults {
        lost,
        shed,
        doubled,
        delay_max: Duration::from_millis(delay),
    });
    (
        any::<u64>(),
        faults,
        prop::collection::vec((0usize..8, which.clone()), 2..7),
        prop::collection::vec((which.clone(), which.clone()), 0..4),
        prop::collection::vec((which.clone(), which, 1u64..40), 0..40),
        prop::collection::vec((0..FAULTS_LAST.as_millis() as u64, action), 0..60),
    )
        .prop_map(|(seed, faults, nodes, extra_links, loaded, actions)| Scenario {
            seed,
            faults,
            nodes,
            extra_links,
            loaded,
            actions,
        })
}

/// Most want everything; some one branch of it, or nothing.
fn interest(which: usize) -> Interest {
    match which {
        0 => Interest::none(),
        1 => Interest::of(["parks"]).unwrap(),
        2 => Interest::of(["air", "parks/noise"]).unwrap(),
        _ => Interest::all(),
    }
}

/// Small lists, so that rounds have to split and windows to move.
fn config() -> Config {
    Config {
        list_max: 3,
        offers_max: 5,
        wants_in_flight_max: 3,
        serves_in_flight_max: 2,
        ..Config::default()
    }
}

/// Builds the world, and runs it to where the faults end.
fn play(scenario: &Scenario) -> World {
    let mut world = World::new(scenario.seed, config());
    let count = scenario.nodes.len();
    for (node, (which, towards)) in scenario.nodes.iter().enumerate() {
        world.node(interest(*which));
        if node > 0 {
            world.link(node, towards % node);
        }
    }
    for (a, b) in &scenario.extra_links {
        world.link(a % count, b % count);
    }
    for (n, (node, topic, size)) in scenario.loaded.iter().enumerate() {
        let key = world.log(node % count, &format!("{}/{n}", TOPICS[topic % TOPICS.len()]));
        world.load(node % count, key, *size);
    }
    world.faults = scenario.faults;
    let links = world.links();
    let mut actions = scenario.actions.clone();
    actions.sort_by_key(|(at, _)| *at);
    for (at, action) in actions {
        world.run_for(Duration::from_millis(at).saturating_sub(world.now));
        match action {
            Action::Append { node, topic } => drop(world.append(node % count, TOPICS[topic % TOPICS.len()])),
            Action::Restart { node } => world.restart(node % count),
            Action::Cut { link } => world.cut(links[link % links.len()].0, links[link % links.len()].1, true),
            Action::Heal { link } => {
                world.cut(links[link % links.len()].0, links[link % links.len()].1, false)
            }
            Action::Flap { link } => world.flap(links[link % links.len()].0, links[link % links.len()].1),
        }
    }
    world.run_for(FAULTS_LAST.saturating_sub(world.now));
    for (a, b) in links {
        world.cut(a, b, false);
    }
    world.faults = Faults { delay_max: Duration::from_millis(20), ..Faults::default() };
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn all_who_are_interested_hold_the_same(scenario in any_scenario()) {
        let mut world = play(&scenario);
        let took = world.converge(CONVERGES_WITHIN);
        prop_assert!(took.is_some(), "not equal after {CONVERGES_WITHIN:?}: {:?}", world.lagging());
        for node in &world.nodes {
            for (key, log) in &node.logs {
                prop_assert_eq!(node.gossip.held(key).map(|version| version.size), Some(log.size));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_gives_the_same_bytes(scenario in any_scenario()) {
        prop_assert_eq!(play(&scenario).trace(), play(&scenario).trace());
    }
}

#[test]
fn another_seed_gives_other_bytes() {
    let scenario = |seed| Scenario {
        seed,
        faults: Faults { lost: 20, delay_max: Duration::from_millis(100), ..Faults::default() },
        nodes: vec![(9, 0), (9, 0), (9, 0)],
        extra_links: vec![],
        loaded: vec![(0, 0, 20)],
        actions: vec![(500, Action::Append { node: 1, topic: 1 })],
    };
    assert_ne!(play(&scenario(1)).trace(), play(&scenario(2)).trace());
}

#[test]
fn halves_that_were_cut_apart_merge_without_being_told() {
    let mut world = World::new(7, config());
    let nodes: Vec<usize> = (0..6).map(|_| world.node(Interest::all())).collect();
    for pair in nodes.windows(2) {
        world.link(pair[0], pair[1]);
    }
    world.run_for(Duration::from_secs(1));
    world.cut(2, 3, true);
    for _ in 0..50 {
        world.append(0, "parks");
        world.append(5, "air");
        world.run_for(Duration::from_secs(2));
    }
    let (held, expected) = (world.held(), world.expected());
    assert_ne!(held, expected, "the cut must matter");
    assert_eq!(held[1], held[0], "each half goes on");
    world.cut(2, 3, false);
    assert!(world.converge(CONVERGES_WITHIN).is_some());
}
