//! Each bound, and what happens when it is reached.

use std::collections::BTreeSet;

use msec_gossip::{Config, DecodeError, Input, Interest, Key, Output};
use msec_identity::PeerId;

use crate::rig::{A, B, C, Rig, item, items, key, ms, parks, version, want};
use crate::wire::{ALL, Wire, WireItem, other_summary};

fn rig(config: Config) -> Rig {
    let mut rig = Rig::with(config, Interest::all());
    rig.up(A, Interest::all());
    rig
}

fn announce(rig: &mut Rig, count: u64) {
    for items in items(count, "parks", 9).chunks(64) {
        rig.have(A, items);
    }
}

#[test]
fn neighbours_over_the_limit_are_refused_and_their_messages_dropped() {
    let mut rig = rig(Config { neighbours_max: 2, ..Config::default() });
    rig.up(B, Interest::all());
    rig.up(C, Interest::all());
    assert_eq!(rig.gossip.neighbours().collect::<Vec<_>>(), [A, B]);
    assert_eq!(rig.gossip.stats().neighbours_refused, 1);
    rig.input(Input::Received { from: C, bytes: vec![] });
    assert_eq!((rig.outputs(), rig.gossip.stats().strangers), (vec![], 1));
    rig.up(A, parks());
    assert_eq!(rig.gossip.neighbours().count(), 2, "one that is up may start afresh");
    rig.input(Input::NeighbourDown { peer: A });
    rig.up(C, Interest::all());
    assert_eq!(rig.gossip.neighbours().collect::<Vec<_>>(), [B, C]);
}

#[test]
fn we_are_no_neighbour_of_ours() {
    let mut rig = rig(Config::default());
    let me = rig.gossip.me();
    rig.up(me, Interest::all());
    assert_eq!(rig.gossip.neighbours().collect::<Vec<_>>(), [A]);
}

/// A answers all that it is asked. Returns how many it was asked for, and how many at once at most.
fn fetch_all(rig: &mut Rig) -> (usize, usize) {
    rig.pass(ms(200));
    let mut in_flight = rig.wants();
    let (mut fetched, mut most) = (0, 0);
    while !in_flight.is_empty() {
        most = most.max(in_flight.len());
        let (_, key, _) = in_flight.remove(0);
        rig.answer_of(A, key, vec![0; 100]);
        rig.accept(key, "parks", 9, Some(A));
        fetched += 1;
        in_flight.extend(rig.wants());
    }
    (fetched, most)
}

#[test]
fn hearsay_over_the_limit_is_dropped() {
    let config = Config { hearsay_max: 10, wants_in_flight_max: 1_000, ..Config::default() };
    let mut rig = rig(config);
    announce(&mut rig, 300);
    assert_eq!(rig.gossip.stats().hearsay_dropped, 290);
    assert_eq!(fetch_all(&mut rig).0, 10);
    announce(&mut rig, 300);
    assert_eq!(fetch_all(&mut rig).0, 10, "what was fetched made room");
}

/// Found by the simulator's swarm: a flood over a link that was cut left more wants than were heard of.
#[test]
fn wants_are_no_more_than_what_is_heard_of_now() {
    let config = Config { hearsay_max: 10, ..Config::default() };
    let mut rig = rig(config);
    for round in 0..5 {
        rig.have(A, &items(10 * (round + 1), "parks", 9));
        assert_eq!(rig.gossip.table_sizes().wants, 10);
        rig.input(Input::NeighbourDown { peer: A });
        assert_eq!(rig.gossip.table_sizes().wants, 0, "nobody is left to ask");
        rig.up(A, Interest::all());
    }
    // A list that takes back what was heard makes room for other keys before the wants find out.
    announce(&mut rig, 10);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.have(A, &[item(key(77), "parks", 9)]);
    assert!(rig.gossip.table_sizes().wants <= 10, "{:?}", rig.gossip.table_sizes());
}

#[test]
fn wants_in_flight_are_bounded_and_the_rest_queue() {
    let mut rig = rig(Config::default());
    announce(&mut rig, 300);
    rig.pass(ms(200));
    assert_eq!(rig.gossip.table_sizes().wants_in_flight, 4, "few at first");
    rig.input(Input::NeighbourDown { peer: A });
    rig.up(A, Interest::all());
    announce(&mut rig, 300);
    assert_eq!(fetch_all(&mut rig), (300, 32));
}

#[test]
fn a_neighbour_that_never_answers_is_given_up() {
    let mut rig = rig(Config::default());
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(230_000));
    assert_eq!(rig.wants().len(), 8);
    assert_eq!(rig.gossip.stats().unanswered, 8);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants().len(), 1, "and believed again later");
}

fn unserved(outputs: &[Output]) -> usize {
    let said = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } => Some(Wire::decode(bytes)),
        _ => None,
    });
    said.flatten().filter(|message| matches!(message, Wire::Unserved { .. })).count()
}

#[test]
fn serves_over_the_limit_and_doubled_ones_are_dropped() {
    let mut rig = rig(Config::default());
    rig.load(&items(40, "parks", 9));
    for n in 0..40 {
        rig.receive(A, &want(key(n), 0));
        rig.receive(A, &want(key(n), 0));
    }
    let outputs = rig.outputs();
    let serves = outputs.iter().filter(|output| matches!(output, Output::Serve { .. })).count();
    assert_eq!((serves, rig.gossip.stats().serves_dropped), (32, 48));
    assert_eq!(unserved(&outputs), 16, "those that wait for no other answer");
    rig.input(Input::Served { to: A, key: key(0), from: 0, chunk: None });
    assert_eq!(unserved(&rig.outputs()), 1, "who cannot be served is told");
    rig.receive(A, &want(key(39), 0));
    assert_eq!(rig.outputs(), [Output::Serve { to: A, key: key(39), from: 0, bytes_max: 4 << 10 }]);
}

#[test]
fn announcements_are_split() {
    let mut rig = rig(Config { list_max: 10, ..Config::default() });
    for n in 0..25 {
        rig.accept(key(n), "parks", 9, None);
        rig.durable(key(n), 9);
    }
    rig.pass(ms(50));
    let lengths: Vec<usize> = rig.announced().iter().map(|(_, _, items)| items.len()).collect();
    assert_eq!(lengths, [10, 10, 5]);
}

fn keys(announced: Vec<(PeerId, bool, Vec<WireItem>)>) -> Vec<Key> {
    announced.into_iter().flat_map(|(_, _, items)| items).map(|item| item.key).collect()
}

#[test]
fn a_list_is_answered_with_a_window_that_hides_nothing_for_ever() {
    let mut rig = rig(Config { list_max: 10, ..Config::default() });
    rig.load(&items(100, "parks", 9));
    let mut told = BTreeSet::new();
    for _ in 0..100 {
        rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
        let window = keys(rig.announced());
        assert_eq!(window.len(), 10);
        told.extend(window);
    }
    assert_eq!(told.len(), 100);
}

#[test]
fn offers_over_the_limit_take_turns() {
    let mut rig = Rig::with(Config { list_max: 5, offers_max: 8, ..Config::default() }, Interest::none());
    rig.load(&items(20, "parks", 9));
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    let names = |rig: &mut Rig| -> Vec<_> {
        rig.offered().into_iter().flat_map(|(_, _, items)| items).map(|(name, _)| name).collect()
    };
    let mut told = names(&mut rig);
    assert_eq!((told.len(), rig.gossip.table_sizes().offered), (8, 8));
    rig.pass(ms(4_000));
    told.extend(names(&mut rig));
    assert_eq!(told.len(), 24, "in a hurry, after 1 and 2 s");
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), 20);
    rig.pass(ms(100_000));
    assert!(rig.offered().len() <= 15, "but not for ever, if nothing arrives");
    assert_eq!(rig.gossip.table_sizes().offered, 16, "and two windows are remembered");
}

#[test]
fn walks_over_the_limit_are_dropped_until_the_next_interval() {
    let mut rig = rig(Config { walks_max: 2, ..Config::default() });
    rig.load(&items(60, "parks", 9));
    let differs = other_summary(true);
    let mut lists = 0;
    for _ in 0..100 {
        rig.receive(A, &differs);
        lists += rig.sent().len();
    }
    // (60 + 1,024) * 2 items, at 77 a summary with its 16 lists: 28 summaries, and 3 lists of the next.
    assert_eq!((lists, rig.gossip.stats().throttled), (28 * 16 + 3, 13 + 71));
    rig.pass(ms(10_000));
    rig.sent();
    rig.receive(A, &differs);
    assert_eq!(rig.sent().len(), 16);
}

#[test]
fn messages_over_the_limit_are_neither_read_nor_sent() {
    let config = Config { message_bytes_max: 64 << 10, ..Config::default() };
    let mut rig = rig(config.clone());
    rig.input(Input::Received { from: A, bytes: vec![1; config.message_bytes_max + 1] });
    let error = DecodeError::TooLong { bytes: config.message_bytes_max + 1, max: config.message_bytes_max };
    assert_eq!(rig.outputs(), [Output::Violation { from: A, error }]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.receive(A, &want(key(1), 0));
    rig.input(Input::Served { to: A, key: key(1), from: 0, chunk: Some(vec![0; config.message_bytes_max]) });
    let unserved = Wire::Unserved { id: 0 };
    assert_eq!((rig.sent(), rig.gossip.stats().oversize), (vec![(A, unserved)], 1));
}

#[test]
fn conflicts_over_the_limit_are_not_reported() {
    let mut rig = rig(Config { conflicts_max: 3, ..Config::default() });
    rig.load(&[item(key(1), "parks", 5)]);
    for digest in 100..110 {
        let mut theirs = item(key(1), "parks", 5);
        theirs.version.digest = [digest; 32];
        rig.have(A, &[theirs]);
    }
    let conflicts = rig.outputs().iter().filter(|output| matches!(output, Output::Conflict { .. })).count();
    assert_eq!(conflicts, 3);
}

#[test]
#[should_panic(expected = "checked where it enters")]
fn a_configuration_that_cannot_work_is_refused() {
    Rig::with(Config { list_max: 0, ..Config::default() }, Interest::all());
}

#[test]
fn what_is_held_is_what_was_accepted_last() {
    let mut rig = rig(Config::default());
    assert_eq!(rig.gossip.held(&key(1)), None);
    rig.accept(key(1), "parks", 9, None);
    assert_eq!(rig.gossip.held(&key(1)), Some(version(9)));
    assert_eq!(rig.gossip.interest(), &Interest::all());
}
