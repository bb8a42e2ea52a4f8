//! What each kind of peer gets, and what it costs.

use std::time::Duration;

use msec_gossip::{Config, Interest};

use crate::rig::parks;
use crate::world::World;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn sum(world: &World, of: impl Fn(&crate::world::Node) -> u64) -> u64 {
    world.nodes.iter().map(of).sum()
}

#[test]
fn a_leaf_uploads_and_receives_nothing() {
    let mut world = World::new(1, Config::default());
    let leaf = world.node(Interest::none());
    let gateway = world.node(Interest::all());
    let office = world.node(Interest::all());
    world.link(leaf, gateway);
    world.link(gateway, office);
    world.run_for(s(1));
    for _ in 0..20 {
        world.append(leaf, "parks/noise");
        world.append(office, "parks/noise");
        world.run_for(s(1));
    }
    assert!(world.converge(s(1)).is_some());
    assert_eq!(world.nodes[leaf].delivered, 0);
    assert_eq!(world.nodes[leaf].logs.len(), 1);
    assert_eq!(world.nodes[office].logs.len(), 2);
}

#[test]
fn what_a_leaf_pushed_in_vain_arrives_within_an_interval() {
    let mut world = World::new(2, Config::default());
    let leaf = world.node(Interest::none());
    let gateway = world.node(Interest::all());
    world.link(leaf, gateway);
    world.run_for(s(1));
    world.cut(leaf, gateway, true);
    world.append(leaf, "parks");
    world.run_for(s(1));
    world.cut(leaf, gateway, false);
    assert!(world.converge(s(13)).is_some());
    let quiet = sum(&world, |node| node.gossip.stats().messages_sent);
    world.run_for(s(100));
    assert!(sum(&world, |node| node.gossip.stats().messages_sent) <= quiet + 2, "acknowledged, then silent");
}

#[test]
fn a_leaf_that_was_restored_learns_of_its_own_newer_head() {
    let mut world = World::new(3, Config::default());
    let leaf = world.node(Interest::none());
    let gateway = world.node(Interest::all());
    world.link(leaf, gateway);
    let key = world.log(leaf, "parks");
    world.load(leaf, key, 30);
    assert!(world.converge(s(13)).is_some());
    world.restore(leaf, key, 5);
    assert_eq!(world.nodes[leaf].logs[&key].durable, 5);
    world.run_for(s(5));
    assert_eq!(world.nodes[leaf].logs[&key].durable, 30);
}

#[test]
fn a_citizen_gets_its_prefix_and_no_more() {
    let mut world = World::new(4, Config::default());
    let gateway = world.node(Interest::all());
    let citizen = world.node(parks());
    for n in 0..200 {
        let topic = if n % 2 == 0 { format!("parks/{n}") } else { format!("parkside/{n}") };
        let key = world.log(gateway, &topic);
        world.load(gateway, key, 3);
    }
    world.link(gateway, citizen);
    world.run_for(s(1));
    for _ in 0..10 {
        world.append(gateway, "parks/live");
        world.append(gateway, "air/live");
        world.run_for(s(2));
    }
    // Delivery of anything else fails inside `World`.
    assert!(world.converge(s(30)).is_some());
    assert_eq!(world.nodes[citizen].logs.len(), 101);
}

#[test]
fn live_entries_need_no_wants_and_are_delivered_once() {
    let mut world = World::new(5, Config::default());
    let nodes: Vec<usize> = (0..5).map(|_| world.node(Interest::all())).collect();
    for a in &nodes {
        nodes.iter().for_each(|b| world.link(*a, *b));
    }
    world.run_for(s(1));
    for _ in 0..50 {
        world.append(0, "parks");
        world.run_for(Duration::from_millis(100));
        assert_eq!(
            world.held(),
            world.expected(),
            "30 ms of disk on each side, and two hops of at most 5 ms"
        );
    }
    assert_eq!(sum(&world, |node| node.delivered), 4 * 50);
    assert_eq!(sum(&world, |node| node.useless), 0);
    assert_eq!(sum(&world, |node| node.gossip.stats().wanted), 0);
}

/// Two neighbours that hold 500 equal logs: one root of 38 bytes and an answer of 5 in an interval that has grown to a minute, from whichever
/// timer fires first. The earlier of two timers fires after 55 s on average, and never before 45 s.
#[test]
fn an_idle_link_costs_less_than_a_byte_a_second() {
    let mut world = World::new(6, Config::default());
    let a = world.node(Interest::all());
    let b = world.node(Interest::all());
    for n in 0..500 {
        let key = world.log(a, &format!("parks/{n}"));
        world.load(a, key, 3);
        world.load(b, key, 3);
    }
    world.link(a, b);
    world.run_for(s(300));
    let before = sum(&world, |node| node.sent);
    world.run_for(s(10_000));
    let idle = sum(&world, |node| node.sent) - before;
    assert!((43 * 10_000 / 65..=43 * 10_000 / 45).contains(&idle), "{idle} bytes in 10,000 s");
}

#[test]
fn reconciliation_costs_by_the_difference_and_not_by_the_city() {
    let mut world = World::new(7, Config::default());
    let a = world.node(Interest::all());
    let b = world.node(Interest::all());
    for n in 0..5_000 {
        let key = world.log(a, &format!("parks/{n}"));
        world.load(a, key, 3);
        if n % 500 != 0 {
            world.load(b, key, 3);
        }
    }
    world.link(a, b);
    assert!(world.converge(s(15)).is_some());
    let sent = sum(&world, |node| node.sent);
    // Both start; each of ten differences: a path of two splits (600 bytes each) and a list of about twenty items.
    assert!(sent < 100_000, "{sent} bytes for 10 of 5,000 logs, which listed would take 450,000");
}

#[test]
fn a_newcomer_catches_up_with_a_thousand_logs() {
    let mut world = World::new(8, Config::default());
    let old = world.node(Interest::all());
    let new = world.node(Interest::all());
    for n in 0..1_000 {
        let key = world.log(old, &format!("parks/{n}"));
        world.load(old, key, 1 + n % 20);
    }
    world.link(old, new);
    let took = world.converge(s(30));
    assert!(took.is_some(), "{} are missing", world.lagging().len());
    assert_eq!(world.nodes[new].useless, 0);
}
