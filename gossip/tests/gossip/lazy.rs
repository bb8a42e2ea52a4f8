//! Trees, short ids, fetches and feeding: one machine, one transition at a time.

use msec_gossip::{Config, Gossip, Input, Interest, Key, Priority};
use msec_identity::PeerId;

use crate::rig::{A, B, C, Rig, item, key, ms, parks, push, rig_of};
use crate::wire::{Wire, WireExtent, WireTree, id};

/// A tree that is lower than that of the rig.
const TREE: u32 = 5;

/// A push of the nth key on a tree.
fn on(tree: u32, n: u64) -> Wire {
    Wire::Push { tree: tree.to_be_bytes(), key: key(n), size: 1, payload: b"x".to_vec() }
}

fn ihave(keys: &[u64]) -> Wire {
    let mut ids: Vec<[u8; 8]> = keys.iter().map(|n| id(&key(*n), 1)).collect();
    ids.sort_unstable();
    Wire::Ihave { ids }
}

fn fetch(keys: &[u64]) -> Wire {
    let Wire::Ihave { ids } = ihave(keys) else { unreachable!() };
    Wire::Fetch { ids }
}

/// A way of `dist` half milliseconds to the root of the tree; `to_parent`: by us.
fn way(dist: u16, to_parent: bool) -> Wire {
    let steps = vec![(TREE, dist << 1 | u16::from(to_parent))];
    Wire::Tree(WireTree::Vector { extent: WireExtent::Changes, steps })
}

/// A is the way to the root, B is further along, C is in the tree by other ways.
fn in_a_tree() -> Rig {
    joins(rig_of(&[A, B, C]))
}

fn joins(mut rig: Rig) -> Rig {
    rig.receive(A, &way(10, false));
    rig.receive(B, &way(100, true));
    rig.receive(C, &way(90, false));
    rig.pass(ms(4_000));
    rig.outputs();
    rig
}

fn accept(rig: &mut Rig, n: u64, from: Option<PeerId>) {
    rig.accept_live(key(n), "parks", 1, from, b"x");
}

#[test]
fn who_is_next_in_the_tree_is_pushed_to_and_the_others_learn_the_id() {
    let mut rig = in_a_tree();
    accept(&mut rig, 1, None);
    assert_eq!(rig.sent(), [(A, on(TREE, 1)), (B, on(TREE, 1))]);
    rig.pass(ms(150));
    assert_eq!(rig.sent(), [(C, ihave(&[1]))]);
    // On its way up, with a name for the tree that we know.
    rig.receive(B, &on(TREE, 2));
    rig.outputs();
    accept(&mut rig, 2, Some(B));
    assert_eq!(rig.sent(), [(A, on(TREE, 2))]);
}

#[test]
fn on_a_tree_that_we_do_not_know_it_goes_on_along_our_nearest() {
    let mut rig = in_a_tree();
    rig.receive(C, &on(77, 1));
    rig.outputs();
    accept(&mut rig, 1, Some(C));
    assert_eq!(rig.sent(), [(A, on(TREE, 1)), (B, on(TREE, 1))]);
}

#[test]
fn a_tree_that_lost_its_way_is_not_begun_on_and_still_carries_what_is_on_it() {
    let mut rig = in_a_tree();
    rig.receive(A, &way(0x7fff, true));
    rig.outputs();
    rig.receive(B, &on(TREE, 1));
    accept(&mut rig, 1, Some(B));
    assert_eq!(rig.sent(), [(A, on(TREE, 1))]);
    accept(&mut rig, 2, None);
    assert_eq!(rig.sent(), [A, B, C].map(|peer| (peer, on(0, 2))), "to all: there is no other tree");
}

#[test]
fn nobody_is_told_what_it_told_and_a_batch_is_one_message() {
    let mut rig = in_a_tree();
    rig.receive(C, &ihave(&[1]));
    for n in 1..4 {
        accept(&mut rig, n, Some(A));
    }
    rig.outputs();
    rig.pass(ms(150));
    assert_eq!(rig.sent(), [(C, ihave(&[2, 3]))]);
}

/// Both ends of a link that is in no tree have a message at about the same time: one of them tells the other.
#[test]
fn the_end_of_a_link_with_the_higher_name_waits_for_what_the_other_one_tells() {
    let lower = Gossip::new(Config::default(), PeerId([1; 32]), Interest::all(), [7; 32]);
    let mut rig = Rig::new(Interest::all());
    rig.gossip = lower;
    [A, B, C].into_iter().for_each(|peer| rig.up(peer, Interest::all()));
    let mut rig = joins(rig);
    accept(&mut rig, 1, Some(A));
    rig.outputs();
    rig.pass(ms(50));
    assert_eq!(rig.sent(), [(C, ihave(&[1]))]);

    let mut higher = in_a_tree();
    for n in 1..3 {
        accept(&mut higher, n, Some(A));
    }
    higher.outputs();
    higher.pass(ms(149));
    assert_eq!(higher.sent(), []);
    higher.receive(C, &ihave(&[1]));
    higher.pass(ms(1));
    assert_eq!(higher.sent(), [(C, ihave(&[2]))]);
}

#[test]
fn an_id_is_told_to_those_who_want_the_topic() {
    let mut rig = in_a_tree();
    rig.up(C, Interest::of(["air"]).unwrap());
    accept(&mut rig, 1, Some(A));
    rig.outputs();
    rig.pass(ms(150));
    assert_eq!(rig.sent(), []);
    rig.up(C, parks());
    accept(&mut rig, 2, Some(A));
    rig.outputs();
    rig.pass(ms(150));
    assert_eq!(rig.sent(), [(C, ihave(&[2]))]);
}

#[test]
fn what_does_not_come_is_fetched_from_those_who_told_of_it_in_turn() {
    let mut rig = rig_of(&[A, B]);
    rig.receive(A, &ihave(&[1, 2]));
    rig.receive(B, &ihave(&[1]));
    rig.pass(ms(99));
    assert_eq!(rig.sent(), []);
    rig.pass(ms(1));
    assert_eq!(rig.sent(), [(A, fetch(&[1, 2]))]);
    rig.receive(A, &on(0, 2));
    accept(&mut rig, 2, Some(A));
    rig.outputs();
    rig.pass(ms(174));
    assert_eq!(rig.sent(), [], "three round trips of 25 ms, and 100 ms");
    rig.pass(ms(1));
    assert_eq!(rig.sent(), [(B, fetch(&[1]))]);
    rig.pass(ms(9_000));
    let fetches = rig.sent().into_iter().filter(|(_, message)| matches!(message, Wire::Fetch { .. }));
    assert_eq!(fetches.collect::<Vec<_>>(), [(A, fetch(&[1])), (B, fetch(&[1]))], "and then no more");
    assert_eq!(rig.gossip.table_sizes().fetches, 0);
}

#[test]
fn a_push_in_time_makes_a_fetch_moot_and_a_bad_one_does_not() {
    let mut rig = rig_of(&[A, B]);
    rig.receive(A, &ihave(&[1, 2]));
    rig.receive(B, &on(0, 1));
    accept(&mut rig, 1, Some(B));
    rig.receive(B, &on(0, 2));
    rig.input(Input::Refused { key: key(2), from: B });
    rig.outputs();
    rig.pass(ms(1_100));
    let fetches = rig.sent().into_iter().filter(|(_, message)| matches!(message, Wire::Fetch { .. }));
    assert_eq!(fetches.collect::<Vec<_>>(), [(A, fetch(&[2]))]);
}

#[test]
fn nobody_is_asked_who_is_gone() {
    let mut rig = rig_of(&[A, B]);
    rig.receive(A, &ihave(&[1, 2]));
    rig.receive(B, &ihave(&[1]));
    rig.input(Input::NeighbourDown { peer: A });
    rig.pass(ms(200));
    assert_eq!(rig.sent(), [(B, fetch(&[1]))]);
}

#[test]
fn a_fetch_is_answered_with_the_push_or_with_its_name() {
    let config = Config { recent_bytes_max: 1, ..Config::default() };
    let mut rig = Rig::with(config, Interest::all());
    rig.up(A, Interest::all());
    rig.up(B, Interest::all());
    for n in 1..3 {
        accept(&mut rig, n, Some(B));
        rig.durable(key(n), 1);
    }
    rig.outputs();
    rig.receive(A, &fetch(&[1, 2, 3]));
    let sent = rig.sent();
    assert!(sent.contains(&(A, on(0, 2))), "{sent:?}");
    let named = Wire::Have { ask: false, items: vec![item(key(1), "parks", 1)] };
    assert!(sent.contains(&(A, named)) && sent.len() == 2, "{sent:?}");
}

#[test]
fn one_fetch_is_answered_with_no_more_than_a_message_may_hold() {
    let config = Config { message_bytes_max: 64 << 10, ..Config::default() };
    let mut rig = Rig::with(config, Interest::all());
    rig.up(A, Interest::all());
    for n in 0..10 {
        rig.accept_live(key(n), "parks", 1, None, &[0; 16 << 10]);
    }
    rig.outputs();
    rig.receive(A, &fetch(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    let pushes = rig.sent().into_iter().filter(|(_, message)| matches!(message, Wire::Push { .. }));
    assert_eq!(pushes.count(), 4);
}

#[test]
fn announced_ids_over_the_limit_are_dropped() {
    let config = Config { fetches_max: 3, ..Config::default() };
    let mut rig = Rig::with(config, Interest::all());
    rig.up(A, Interest::all());
    rig.up(B, Interest::all());
    rig.receive(A, &ihave(&[1, 2, 3, 4, 5]));
    rig.receive(B, &ihave(&[6]));
    assert_eq!((rig.gossip.table_sizes().fetches, rig.gossip.stats().hearsay_dropped), (4, 2));
    for n in 1..6 {
        accept(&mut rig, n, None);
    }
    rig.receive(A, &ihave(&[7, 8, 9]));
    assert_eq!(rig.gossip.table_sizes().fetches, 4, "what came made room");
}

#[test]
fn ids_of_control_go_first() {
    let control = Interest::of(["control"]).unwrap();
    let mut rig = Rig::with(Config { control, ..Config::default() }, Interest::all());
    rig.up(A, Interest::all());
    rig.receive(A, &way(10, false));
    rig.up(B, Interest::all());
    rig.pass(ms(4_000));
    accept(&mut rig, 1, None);
    rig.accept_live(key(2), "control", 1, None, b"x");
    rig.outputs();
    rig.pass(ms(150));
    let sent = rig.sent_at();
    let expected = [(B, Priority::Control, ihave(&[2])), (B, Priority::Live, ihave(&[1]))];
    assert_eq!(sent, expected);
}

/// A leaf among two relays.
fn leaf() -> Rig {
    let mut rig = Rig::with(Config { leaf: true, ..Config::default() }, Interest::all());
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    rig.input(Input::NeighbourUp { peer: B, interest: Interest::all(), leaf: false });
    rig
}

fn feeds(rig: &mut Rig) -> Vec<(PeerId, bool)> {
    let feeds = rig.sent().into_iter().filter_map(|(to, message)| match message {
        Wire::Feed { on } => Some((to, on)),
        _ => None,
    });
    feeds.collect()
}

#[test]
fn a_leaf_has_one_feeder_pushes_to_it_and_relays_nothing() {
    let mut rig = leaf();
    assert_eq!(feeds(&mut rig), [(A, true), (B, false)]);
    accept(&mut rig, 1, None);
    assert_eq!(rig.sent(), [(A, on(0, 1))]);
    rig.pass(ms(50));
    assert_eq!(rig.sent(), [(B, ihave(&[1]))]);
    rig.receive(A, &on(TREE, 2));
    accept(&mut rig, 2, Some(A));
    rig.outputs();
    rig.pass(ms(50));
    assert_eq!(rig.sent(), []);
}

#[test]
fn a_leaf_asks_another_when_its_feeder_goes_or_misses_or_is_far() {
    let mut rig = leaf();
    rig.outputs();
    rig.input(Input::NeighbourDown { peer: A });
    assert_eq!(feeds(&mut rig), [(B, true)]);
    rig.input(Input::NeighbourUp { peer: C, interest: Interest::all(), leaf: false });
    assert_eq!(feeds(&mut rig), [(C, false)]);
    // Two misses are chance, and a push ends the count.
    for (misses, on_time) in [(2, true), (2, false), (1, false)] {
        for n in 0..misses {
            assert_eq!(feeds(&mut rig), []);
            rig.receive(C, &ihave(&[100 + n + 10 * u64::from(on_time) + 20 * misses]));
            rig.pass(ms(200));
        }
        if on_time {
            rig.receive(B, &push(1, b"x"));
        }
    }
    let mut changed = feeds(&mut rig);
    changed.sort_by_key(|(_, on)| *on);
    assert_eq!(changed, [(B, false), (C, true)]);
    rig.input(Input::Cost { peer: B, cost: ms(20) });
    assert_eq!(feeds(&mut rig), []);
    rig.input(Input::Cost { peer: B, cost: ms(10) });
    let mut changed = feeds(&mut rig);
    changed.sort_by_key(|(_, on)| *on);
    assert_eq!(changed, [(C, false), (B, true)]);
}

#[test]
fn a_relay_feeds_a_leaf_until_it_says_otherwise() {
    let mut rig = in_a_tree();
    let leaf = PeerId([0xd; 32]);
    rig.input(Input::NeighbourUp { peer: leaf, interest: parks(), leaf: true });
    rig.outputs();
    accept(&mut rig, 1, Some(A));
    assert_eq!(rig.sent(), [(B, on(TREE, 1)), (leaf, on(TREE, 1))]);
    rig.receive(leaf, &Wire::Feed { on: false });
    accept(&mut rig, 2, Some(A));
    assert_eq!(rig.sent(), [(B, on(TREE, 2))]);
    rig.pass(ms(150));
    assert_eq!(rig.sent(), [(C, ihave(&[1, 2])), (leaf, ihave(&[2]))]);
    rig.receive(leaf, &Wire::Feed { on: true });
    let keys: Vec<Key> = (3..5).map(key).collect();
    for key in &keys {
        rig.accept_live(*key, "parks", 1, Some(A), b"x");
    }
    let to_leaf = rig.sent().into_iter().filter(|(to, _)| *to == leaf);
    assert_eq!(to_leaf.count(), 2);
}
