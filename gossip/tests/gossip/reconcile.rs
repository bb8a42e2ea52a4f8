//! Reconciliation: one machine, one transition at a time.

use msec_gossip::{Config, Input, Interest, Output};

use crate::rig::{A, B, Rig, item, items, key, ms, parks, push, rig_of, version};
use crate::wire::{ALL, Wire, fingerprint};

#[test]
fn an_equal_summary_is_met_with_silence_and_puts_our_own_round_off() {
    let mut rig = Rig::new(Interest::all());
    let held = items(9, "parks", 3);
    rig.load(&held);
    rig.up(A, Interest::all());
    for _ in 0..10 {
        rig.pass(ms(7_000));
        rig.receive(A, &Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&held))] });
    }
    assert_eq!(rig.sent(), []);
    rig.pass(ms(12_500));
    assert_eq!(rig.sent(), [(A, Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&held))] })]);
}

#[test]
fn what_differs_is_listed_if_it_is_little_and_split_if_it_is_much() {
    let differs = Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&[]))] };
    let mut rig = rig_of(&[A]);
    rig.load(&items(64, "parks", 3));
    rig.receive(A, &differs);
    assert_eq!(rig.sent(), [(A, Wire::List { range: ALL.to_vec(), items: items(64, "parks", 3) })]);
    rig.load(&items(65, "parks", 3));
    rig.receive(A, &differs);
    let [(_, Wire::Summary { ranges })] = &rig.sent()[..] else { panic!("one summary") };
    assert_eq!(ranges.len(), 16);
    for (digit, (range, theirs)) in ranges.iter().enumerate() {
        let mut part = items(65, "parks", 3);
        part.retain(|item| usize::from(item.key.0[0] >> 4) == digit);
        assert_eq!((range.clone(), *theirs), (vec![1, (digit as u8) << 4], fingerprint(&part)));
    }
}

#[test]
fn a_summary_covers_what_is_durable_and_of_common_interest() {
    let mut rig = Rig::new(parks());
    rig.load(&[item(key(1), "parks", 1), item(key(2), "air", 1)]);
    rig.accept(key(3), "parks", 1, None);
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    let expected = fingerprint(&[item(key(1), "parks", 1)]);
    assert_eq!(rig.sent()[0], (A, Wire::Summary { ranges: vec![(ALL.to_vec(), expected)] }));
}

#[test]
fn a_list_leads_to_wants_and_announcements() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5), item(key(2), "parks", 5), item(key(3), "parks", 5)]);
    let mut theirs = vec![item(key(1), "parks", 9), item(key(2), "parks", 2), item(key(4), "parks", 7)];
    theirs.sort_by_key(|item| item.key);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: theirs });
    let mut lacks = vec![item(key(2), "parks", 5), item(key(3), "parks", 5)];
    lacks.sort_by_key(|item| item.key);
    assert_eq!(rig.announced(), [(A, false, lacks)]);
    rig.pass(ms(200));
    let mut wants = rig.wants();
    wants.sort_by_key(|(_, _, from)| *from);
    assert_eq!(wants, [(A, key(4), 0), (A, key(1), 5)]);
}

#[test]
fn a_list_is_exact_also_downwards() {
    let mut rig = rig_of(&[A, B]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.outputs();
    rig.pass(ms(300));
    assert_eq!(rig.wants(), [], "it no longer claims to be ahead");
    rig.accept_live(key(1), "parks", 6, Some(B), b"x");
    assert_eq!(rig.sent(), [(A, push(6, b"x"))], "nor to hold anything");
}

#[test]
fn what_was_shed_is_looked_for_soon_and_constant_shedding_does_not_put_it_off() {
    let mut rig = rig_of(&[A]);
    rig.pass(ms(100));
    rig.accept_live(key(1), "parks", 1, None, b"x");
    assert_eq!(rig.sent(), [(A, push(1, b"x"))]);
    for _ in 0..13 {
        rig.input(Input::Shed { peer: A, frame: vec![] });
        rig.pass(ms(100));
    }
    let sent = rig.sent();
    // What may not have come is also announced, with the batch that it is in.
    assert!(matches!(sent[..], [(_, Wire::Ihave { .. }), (_, Wire::Summary { .. }), ..]), "{sent:?}");
    rig.durable(key(1), 1);
    rig.have(A, &[item(key(1), "parks", 0)]);
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn a_conflict_is_reported_once_and_does_not_keep_rounds_in_a_hurry() {
    let mut rig = rig_of(&[A, B]);
    rig.load(&[item(key(1), "parks", 5)]);
    let mut theirs = item(key(1), "parks", 5);
    theirs.version.digest = [0xee; 32];
    let conflict = |from| Output::Conflict { key: key(1), from, theirs: theirs.version };
    rig.have(A, std::slice::from_ref(&theirs));
    rig.have(A, std::slice::from_ref(&theirs));
    rig.have(B, std::slice::from_ref(&theirs));
    assert_eq!(rig.outputs(), [conflict(A), conflict(B)]);
    rig.input(Input::NeighbourDown { peer: B });
    let before = rig.gossip.stats().rounds;
    for _ in 0..200 {
        let rounds = rig.gossip.stats().rounds;
        rig.pass(ms(500));
        if rig.gossip.stats().rounds > rounds {
            rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![theirs.clone()] });
        }
    }
    let rounds = rig.gossip.stats().rounds - before;
    assert!((10..=18).contains(&rounds), "{rounds} rounds in 100 s");
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_cut_is_taken_over() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.accept(key(1), "parks", 4, None);
    assert_eq!(rig.gossip.held(&key(1)), Some(version(4)));
    rig.receive(A, &Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&[]))] });
    let list = Wire::List { range: ALL.to_vec(), items: vec![item(key(1), "parks", 4)] };
    assert_eq!(rig.sent(), [(A, list)]);
}

#[test]
fn a_list_takes_back_what_was_announced() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_hurried_round_waits_for_the_wants_that_queue() {
    for (count, rounds) in [(1, true), (10, false)] {
        let mut rig = Rig::with(Config { wants_in_flight_max: 1, ..Config::default() }, Interest::all());
        rig.up(A, Interest::all());
        rig.receive(A, &Wire::List { range: ALL.to_vec(), items: items(count, "parks", 9) });
        rig.pass(ms(2_500));
        assert_eq!(rig.gossip.stats().rounds > 1, rounds, "{count} wants");
        rig.pass(ms(10_000));
        assert!(rig.gossip.stats().rounds > 1, "but no longer than an interval");
    }
}

#[test]
fn a_good_delivery_lets_rounds_hurry_again() {
    let mut rig = rig_of(&[A]);
    let differs = Wire::List { range: ALL.to_vec(), items: vec![] };
    for _ in 0..100 {
        rig.receive(A, &differs);
        rig.pass(ms(1_000));
    }
    let round_within = |rig: &mut Rig, time| {
        rig.receive(A, &differs);
        let rounds = rig.gossip.stats().rounds;
        rig.pass(ms(time));
        rig.gossip.stats().rounds > rounds
    };
    assert!(!round_within(&mut rig, 1_250));
    rig.accept(key(1), "parks", 1, Some(A));
    assert!(round_within(&mut rig, 1_250));
}

#[test]
fn a_list_takes_back_what_was_first_heard_by_a_push() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &push(9, b"x"));
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
}
