//! What a neighbour is not given for now: nothing of it is told, all else goes on, and afterwards all of it comes.

use std::time::Duration;

use msec_gossip::{Config, Input, Interest, Origin};

use crate::pair::{Pair, peer};
use crate::rig::{A, B, Rig, item, key, topic, version, want};
use crate::wire::Wire;

/// One end gives the other one nothing of what lies under `doors` from now on, or all again.
fn withhold(pair: &mut Pair, end: usize, withholds: bool) {
    let interest = pair.ends[1 - end].interest.clone();
    let doors = topic("doors");
    let interest = if withholds { interest.without([&doors]) } else { interest };
    pair.input(end, Input::NeighbourUp { peer: peer(1 - end), interest, leaf: false });
}

/// Both know each other, and one end holds twenty keys of each of two topics since then.
fn pair() -> Pair {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    pair.up();
    pair.run_for(Duration::from_secs(30));
    withhold(&mut pair, 0, true);
    for n in 0..40 {
        let path = if n % 2 == 0 { "doors/1" } else { "parks" };
        pair.hold(0, key(n), &topic(path), version(3));
    }
    pair.run_for(Duration::from_secs(120));
    pair
}

fn held(pair: &Pair, end: usize, path: &str) -> usize {
    pair.ends[end].held.values().filter(|(topic, _)| topic.as_str().starts_with(path)).count()
}

#[test]
fn what_is_withheld_is_not_even_named_and_all_else_is_told() {
    let pair = pair();
    assert_eq!((held(&pair, 1, "doors"), held(&pair, 1, "parks")), (0, 20));
    assert_eq!(pair.ends[1].gossip.table_sizes().hearsay, 0, "it has not heard of it");
}

#[test]
fn once_it_is_given_again_all_of_it_comes_within_seconds_although_both_have_met() {
    for first in [0, 1] {
        let mut pair = pair();
        if first == 1 {
            // Something that changed afterwards, and is known: cursors must not have moved past what was withheld.
            pair.hold(1, key(90), &topic("parks"), version(1));
            pair.run_for(Duration::from_secs(60));
        }
        withhold(&mut pair, 0, false);
        assert!(
            pair.converge(Duration::from_secs(15)).is_some(),
            "the withholder has {} keys",
            pair.ends[0].held.len()
        );
    }
}

#[test]
fn who_withholds_takes_what_others_tell() {
    let mut pair = pair();
    for n in 50..60 {
        pair.hold(1, key(n), &topic("doors/2"), version(2));
    }
    pair.run_for(Duration::from_secs(30));
    assert_eq!((held(&pair, 0, "doors/2"), held(&pair, 1, "doors/1")), (10, 0));
}

#[test]
fn to_differ_for_long_costs_little() {
    let mut pair = pair();
    pair.bytes();
    pair.run_for(Duration::from_secs(600));
    let bytes = pair.bytes();
    assert!(bytes < 60_000, "{bytes} bytes in ten minutes");
}

#[test]
fn what_is_withheld_is_told_to_nobody_who_asks_for_it_by_name_but_to_who_made_it() {
    for author in [B, A] {
        let mut rig = Rig::new(Interest::all());
        rig.up(A, Interest::all().without([&topic("doors")]));
        let (topic, version, origin) = (topic("doors/1"), version(3), Some(Origin(author.0)));
        rig.input(Input::Accepted { key: key(1), topic, version, from: None, origin, payload: None });
        rig.durable(key(1), 3);
        let asks = [
            want(key(1), 9),
            Wire::Have { ask: true, items: vec![item(key(1), "doors/1", 1)] },
            Wire::Have { ask: true, items: vec![item(key(1), "doors/1", 3)] },
        ];
        let mut told = 0;
        for ask in asks {
            rig.sent();
            rig.receive(A, &ask);
            let tells = |it: &Wire| matches!(it, Wire::List { items, .. } | Wire::Have { items, .. } if !items.is_empty());
            told += rig.sent().iter().filter(|(_, it)| tells(it)).count();
        }
        assert_eq!(told, if author == A { 3 } else { 0 });
        // Whether it may be given the rest, the node says; and where it may not, it is told no more than of what is not held.
        rig.receive(A, &want(key(1), 1));
        rig.input(Input::Served { to: A, key: key(1), from: 1, chunk: None });
        let answers: Vec<_> = rig.sent().into_iter().map(|(_, it)| it).collect();
        let is_nothing = matches!(&answers[..], [Wire::List { items, .. }] if items.is_empty());
        assert_eq!(is_nothing, author != A, "{answers:?}");
    }
}
