//! Quotas: what is over them is not done, is counted, and comes by another way. Nobody is disconnected for it.

use msec_gossip::{Config, Input, Interest, Origin, Output, Rate};

use crate::rig::{A, B, Rig, item, items, key, ms, push, rig_of, topic, version, want};
use crate::wire::Wire;

const SMALL: Rate = Rate { bytes_per_s: 1_000, burst_bytes: 10_000 };

fn with(config: Config) -> Rig {
    let mut rig = Rig::with(config, Interest::all());
    rig.up(A, Interest::all());
    rig.up(B, Interest::all());
    rig
}

/// The node accepts a live payload of an author. Returns to how many neighbours it is pushed.
fn publish(rig: &mut Rig, author: u8, n: u64, bytes: usize) -> usize {
    let (key, payload) = (key(n), Some(vec![7; bytes]));
    let origin = Some(Origin([author; 32]));
    rig.input(Input::Accepted {
        key,
        topic: topic("parks"),
        version: version(1),
        from: None,
        origin,
        payload,
    });
    rig.durable(key, 1);
    rig.sent().iter().filter(|(_, message)| matches!(message, Wire::Push { .. })).count()
}

#[test]
fn a_mad_author_is_announced_and_the_others_are_pushed() {
    let mut rig = with(Config { author_quota: SMALL, ..Config::default() });
    let pushed: Vec<usize> = (0..12).map(|n| publish(&mut rig, 1, n, 1_000)).collect();
    assert_eq!(pushed, [2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0]);
    assert_eq!(publish(&mut rig, 2, 20, 1_000), 2, "another one");
    assert_eq!(rig.gossip.stats().held_back, 4);
    rig.pass(ms(50));
    let announced = rig.announced();
    assert_eq!(
        announced.iter().map(|(to, _, items)| (*to, items.len())).collect::<Vec<_>>(),
        [(A, 4), (B, 4)]
    );
    rig.pass(ms(2_000));
    assert_eq!(publish(&mut rig, 1, 30, 1_000), 2, "after a rest");
}

#[test]
fn what_is_too_large_to_push_costs_an_author_nothing() {
    let mut rig = with(Config { author_quota: SMALL, ..Config::default() });
    assert_eq!([publish(&mut rig, 1, 1, 20_000), publish(&mut rig, 1, 2, 10)], [0, 2]);
    assert_eq!(rig.gossip.stats().held_back, 0);
}

#[test]
fn pushes_over_the_quota_are_dropped_and_who_sends_them_is_asked_last() {
    let mut rig = with(Config { push_quota: SMALL, ..Config::default() });
    let mut delivered = 0;
    for size in 1..=20 {
        rig.receive(A, &push(size, &[0; 1_000]));
        delivered += rig.outputs().iter().filter(|output| matches!(output, Output::Deliver { .. })).count();
    }
    assert_eq!((delivered, rig.gossip.stats().over_quota), (8, 12));
    rig.receive(B, &push(1, b"x"));
    assert!(matches!(rig.outputs()[..], [Output::Deliver { from: B, .. }]), "each has its own");
    for n in 100..104 {
        rig.have(A, &[item(key(n), "parks", 9)]);
        rig.have(B, &[item(key(n), "parks", 9)]);
    }
    rig.pass(ms(200));
    assert!(rig.wants().iter().all(|(peer, ..)| *peer == B));
    assert_eq!(rig.gossip.neighbours().count(), 2);
}

#[test]
fn announcements_over_the_quota_are_dropped() {
    let mut rig = with(Config { announce_quota: SMALL, ..Config::default() });
    for items in items(200, "parks", 9).chunks(20) {
        rig.have(A, items);
    }
    // 20 items cost 2,256 bytes; the fifth message overdraws.
    assert_eq!((rig.gossip.table_sizes().hearsay, rig.gossip.stats().over_quota), (100, 5));
}

#[test]
fn wants_over_the_quota_are_refused_in_words_and_served_after_a_rest() {
    let mut rig = with(Config { serve_quota: SMALL, ..Config::default() });
    rig.load(&items(5, "parks", 9));
    let ask = |rig: &mut Rig, n| {
        rig.receive(A, &want(key(n), 0));
        rig.input(Input::Served { to: A, key: key(n), from: 0, chunk: Some(vec![0; 6_000]) });
        match rig.sent().pop() {
            Some((A, Wire::Chunk { .. })) => true,
            Some((A, Wire::Unserved { .. })) => false,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([ask(&mut rig, 0), ask(&mut rig, 1), ask(&mut rig, 2)], [true, true, false]);
    rig.pass(ms(5_000));
    rig.outputs();
    assert!(ask(&mut rig, 2));
}

#[test]
fn who_delivered_what_was_refused_is_asked_last_about_everything() {
    let mut rig = rig_of(&[A, B]);
    rig.input(Input::Refused { key: key(1), from: A });
    for n in 100..104 {
        rig.have(A, &[item(key(n), "parks", 9)]);
        rig.have(B, &[item(key(n), "parks", 9)]);
    }
    rig.pass(ms(200));
    assert!(rig.wants().iter().all(|(peer, ..)| *peer == B));
}
