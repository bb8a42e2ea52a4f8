//! Push, announcements and offers: one machine, one transition at a time.

use msec_gossip::{Config, DecodeError, Input, Interest, Output, Priority};

use crate::rig::{A, B, C, Rig, item, items, key, ms, parks, push, rig_of, want};
use crate::wire::{Wire, exactly};

#[test]
fn a_live_payload_goes_to_all_others_who_want_it() {
    let mut rig = Rig::new(Interest::all());
    rig.up(A, Interest::all());
    rig.up(B, parks());
    rig.up(C, Interest::of(["air"]).unwrap());
    rig.accept_live(key(1), "parks/noise", 1, Some(A), b"42 dB");
    assert_eq!(rig.sent(), [(B, push(1, b"42 dB"))]);
    rig.accept_live(key(1), "parks/noise", 2, None, b"43 dB");
    assert_eq!(rig.sent(), [(A, push(2, b"43 dB")), (B, push(2, b"43 dB"))]);
}

#[test]
fn a_push_of_what_we_hold_is_not_delivered_and_tells_who_has_it() {
    let mut rig = rig_of(&[A, B]);
    rig.receive(A, &push(1, b"x"));
    let delivered = Output::Deliver { from: A, key: key(1), payload: b"x".to_vec(), live: true };
    assert_eq!(rig.outputs(), [delivered]);
    rig.accept_live(key(1), "parks", 1, Some(A), b"x");
    rig.outputs();
    rig.receive(B, &push(1, b"x"));
    assert_eq!((rig.outputs(), rig.gossip.stats().duplicates), (vec![], 1));
    rig.receive(B, &push(5, b"y"));
    rig.outputs();
    rig.accept_live(key(1), "parks", 5, Some(A), b"y");
    assert_eq!(rig.sent(), [], "both showed that they hold it");
}

#[test]
fn a_large_payload_is_announced_once_it_is_durable() {
    let mut rig = rig_of(&[A]);
    rig.accept_live(key(1), "parks", 1, None, &vec![0; Config::default().eager_bytes_max + 1]);
    rig.pass(ms(100));
    assert_eq!(rig.sent(), []);
    rig.durable(key(1), 1);
    rig.pass(ms(100));
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn what_was_caught_up_with_is_announced_in_one_batch_to_those_who_lack_it() {
    let mut rig = rig_of(&[A, B, C]);
    rig.have(C, &items(2, "parks", 9));
    rig.outputs();
    for n in 0..2 {
        rig.accept(key(n), "parks", 9, Some(A));
        rig.durable(key(n), 9);
    }
    rig.pass(ms(49));
    assert_eq!(rig.sent(), []);
    rig.pass(ms(1));
    assert_eq!(rig.announced(), [(B, false, items(2, "parks", 9))]);
}

#[test]
fn a_neighbour_that_announces_less_than_we_hold_is_told_whatever_its_interest() {
    let mut rig = Rig::new(Interest::all());
    rig.load(&[item(key(1), "parks", 9)]);
    rig.up(A, Interest::none());
    rig.have(A, &[item(key(1), "parks", 5)]);
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 9)])]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    assert_eq!(rig.announced(), [], "as much needs no answer");
    rig.receive(A, &Wire::Have { ask: true, items: vec![item(key(1), "parks", 9)] });
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 9)])], "unless it is asked for");
}

#[test]
fn control_goes_first() {
    let control = Interest::of(["control"]).unwrap();
    let mut rig = Rig::with(Config { control, wants_in_flight_max: 1, ..Config::default() }, Interest::all());
    rig.up(A, Interest::all());
    rig.accept_live(key(50), "control", 1, None, b"x");
    rig.accept_live(key(51), "parks", 1, None, b"x");
    let priorities: Vec<Priority> = rig.sent_at().into_iter().map(|(_, priority, _)| priority).collect();
    assert_eq!(priorities, [Priority::Control, Priority::Live]);
    rig.have(A, &items(10, "parks", 9));
    rig.pass(ms(200));
    assert_eq!(rig.wants().len(), 1);
    rig.have(A, &[item(key(99), "control", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [], "the one slot is taken");
    rig.pass(ms(24_000));
    let wants = rig.sent_at().into_iter().filter(|(_, _, message)| matches!(message, Wire::Want { .. }));
    let first = wants.map(|(_, priority, message)| (priority, message)).next();
    // The want that was lost is the older one of its class, and still comes second.
    let id = rig.asked(A, key(99));
    let again = Wire::Want { id, key: key(99), from: 0, kib_max: 4 };
    assert_eq!(first, Some((Priority::Control, again)));
}

#[test]
fn a_neighbour_that_comes_up_again_starts_afresh() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &want(key(1), 2));
    rig.up(A, Interest::all());
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(vec![]) });
    assert_eq!(rig.sent(), []);
    rig.accept_live(key(1), "parks", 6, None, b"x");
    assert_eq!(rig.sent(), [(A, push(6, b"x"))]);
}

#[test]
fn what_was_shed_is_no_longer_thought_to_have_arrived() {
    let mut rig = rig_of(&[A, B]);
    rig.accept_live(key(1), "parks", 1, None, b"x");
    rig.input(Input::Shed { peer: A, frame: vec![] });
    rig.accept(key(1), "parks", 1, None);
    rig.durable(key(1), 1);
    rig.outputs();
    rig.pass(ms(50));
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn news_goes_to_those_who_want_it_and_constant_news_does_not_put_it_off() {
    let mut rig = Rig::new(Interest::all());
    rig.up(A, parks());
    rig.up(B, Interest::of(["air"]).unwrap());
    for n in 0..3 {
        rig.accept(key(n), "parks", 1, None);
        rig.durable(key(n), 1);
        rig.pass(ms(30));
    }
    let announced = rig.announced();
    assert_eq!(announced.len(), 1);
    assert_eq!((announced[0].0, announced[0].2.len()), (A, 2), "after 50 ms, with what there was");
}

#[test]
fn without_neighbours_there_are_no_deadlines() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.input(Input::NeighbourDown { peer: A });
    assert_eq!(rig.gossip.poll_timeout(), None);
}

#[test]
fn who_turns_out_to_lack_what_only_we_offer_is_told_at_once() {
    let mut rig = Rig::new(Interest::none());
    rig.up(A, Interest::all());
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: exactly(&key(1)), items: vec![] });
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 5)])]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_relay_sends_on_in_one_frame_what_came_in_one() {
    let mut rig = rig_of(&[A, B]);
    let push = |n| Wire::Push { tree: [0; 4], key: key(n), size: 1, payload: b"reading".to_vec() };
    let bytes = Wire::frame(&(0..10).map(push).collect::<Vec<_>>());
    rig.input(Input::Received { from: A, bytes });
    let mut frames = Vec::new();
    while let Some(output) = rig.gossip.poll_output() {
        match output {
            Output::Deliver { key, payload, .. } => rig.accept_live(key, "parks", 1, Some(A), &payload),
            Output::Send { to, bytes, .. } => frames.push((to, Wire::decode(&bytes))),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(frames, [(B, (0..10).map(push).collect())]);
    assert_eq!((rig.gossip.stats().frames_sent, rig.gossip.stats().pushed), (3, 10), "two frames said hello");
}

#[test]
fn of_a_frame_that_is_broken_nothing_counts() {
    let mut rig = rig_of(&[A]);
    let mut bytes = push(1, b"x").encode();
    bytes.extend([1, 0xff]);
    rig.input(Input::Received { from: A, bytes });
    assert_eq!(rig.outputs(), [Output::Violation { from: A, error: DecodeError::Malformed }]);
}
