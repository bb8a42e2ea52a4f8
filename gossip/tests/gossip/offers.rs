//! Offers: what only the other side wants is named until it is held.

use msec_gossip::{Config, Input, Interest, Key, Output, Priority};

use crate::rig::{A, Rig, item, items, key, ms, parks};
use crate::wire::{Wire, WireItem, held, name, named, other_root};

/// Two keys of one name.
fn twins() -> [Key; 2] {
    let twin = |last| {
        let mut key = [0x77; 32];
        key[31] = last;
        Key(key)
    };
    [twin(1), twin(2)]
}

/// One that wants nothing, holds `items`, and meets one that wants all.
fn meets(config: Config, items: &[WireItem]) -> Rig {
    let mut rig = Rig::with(config, Interest::none());
    rig.load(items);
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    rig
}

/// One that wants all, holds `items`, and is offered `offered`.
fn is_offered(items: &[WireItem], offered: &[WireItem]) -> Rig {
    let mut rig = Rig::new(Interest::all());
    rig.load(items);
    rig.up(A, Interest::none());
    rig.receive(A, &Wire::Offer { salt: [9; 8], items: named(offered) });
    rig
}

#[test]
fn offers_go_on_until_they_are_acknowledged_and_equal_summaries_do_not_starve_them() {
    let mut rig = Rig::new(parks());
    rig.load(&[item(key(1), "air", 5)]);
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    let names = [(name(&key(1)), 5)];
    assert_eq!(rig.offered()[0].2, names);
    for _ in 0..20 {
        rig.pass(ms(1_000));
        rig.receive(A, &other_root());
    }
    let (_, salt, again) = rig.offered().pop().unwrap();
    assert_eq!(again, names);
    rig.receive(A, &held(salt, &[item(key(1), "air", 5)]));
    rig.pass(ms(60_000));
    assert_eq!(rig.offered(), []);
}

#[test]
fn windows_of_offers_hurry_while_they_arrive_and_after_a_shed() {
    let all = items(640, "parks", 1);
    let mut rig = meets(Config { offers_max: 64, ..Config::default() }, &all);
    let mut offered = 0;
    for _ in 0..10 {
        // An answer may come when the next window was said already.
        for (_, salt, names) in rig.offered() {
            offered += names.len();
            let window = all.iter().filter(|item| names.contains(&(name(&item.key), 1)));
            rig.receive(A, &held(salt, &window.cloned().collect::<Vec<_>>()));
        }
        rig.pass(ms(1_250));
    }
    assert_eq!(offered, 640);
    rig.load(&[item(key(0), "parks", 2)]);
    rig.input(Input::Shed { peer: A, frame: vec![] });
    rig.pass(ms(1_250));
    assert_eq!(rig.offered().pop().unwrap().2, [(name(&key(0)), 2)]);
}

#[test]
fn control_is_offered_by_itself_and_first() {
    let control = Interest::of(["control"]).unwrap();
    let items = [item(key(1), "parks", 5), item(key(2), "control", 7)];
    let mut rig = meets(Config { control, ..Config::default() }, &items);
    let sent = rig.sent_at().into_iter().filter_map(|(_, priority, message)| match message {
        Wire::Offer { items, .. } => Some((priority, items)),
        _ => None,
    });
    let expected = [(Priority::Control, named(&items[1..])), (Priority::Live, named(&items[..1]))];
    assert_eq!(sent.collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_held_is_said_by_one_fingerprint_and_what_is_lacked_is_wanted() {
    let offered = items(5, "parks", 9);
    let mut rig = is_offered(&offered, &offered);
    assert_eq!(rig.sent(), [(A, held([9; 8], &offered))]);
    // One is not known here, and of another one more is.
    let mut ours = offered.clone();
    let unknown = ours.remove(3);
    ours[0] = item(ours[0].key, "parks", 12);
    let mut rig = is_offered(&ours, &offered);
    let Wire::Held { fingerprint, .. } = held([9; 8], &[&offered[1..3], &offered[4..]].concat()) else {
        panic!("that is what it is")
    };
    let more = Wire::Have { ask: false, items: ours[..1].to_vec() };
    let said = Wire::Held { salt: [9; 8], fingerprint, lacking: vec![0, 3] };
    assert_eq!(rig.sent(), [(A, said), (A, more)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, unknown.key, 0)]);
    let mut rig = is_offered(&[], &offered);
    assert_eq!(rig.sent(), [], "who holds nothing of it says nothing");
    rig.pass(ms(200));
    assert!(!rig.wants().is_empty());
}

#[test]
fn what_is_not_on_disk_yet_is_lacked() {
    let offered = items(2, "parks", 9);
    let mut rig = Rig::new(Interest::all());
    rig.up(A, Interest::none());
    rig.load(&offered[..1]);
    rig.accept(offered[1].key, "parks", 9, None);
    rig.receive(A, &Wire::Offer { salt: [9; 8], items: named(&offered) });
    let Wire::Held { fingerprint, .. } = held([9; 8], &offered[..1]) else { panic!("that is what it is") };
    let said = Wire::Held { salt: [9; 8], fingerprint, lacking: vec![1] };
    assert!(rig.sent().contains(&(A, said)));
}

#[test]
fn as_much_of_something_else_is_said_in_full_and_is_a_conflict() {
    let ours = items(2, "parks", 9);
    let mut rig = meets(Config::default(), &ours);
    let (_, salt, _) = rig.offered().pop().unwrap();
    let mut theirs = ours.clone();
    theirs[1].version.digest = [0xee; 32];
    rig.receive(A, &held(salt, &theirs));
    assert_eq!(rig.announced(), [(A, true, ours.clone())]);
    rig.have(A, &theirs);
    let is_conflict = |output: &Output| matches!(output, Output::Conflict { key, .. } if *key == ours[1].key);
    assert!(rig.outputs().iter().any(is_conflict));
    rig.receive(A, &held(salt, &theirs));
    assert_eq!(rig.announced(), [], "one answer counts");
}

#[test]
fn two_keys_of_one_name_are_said_in_full_whoever_holds_both() {
    let both = twins().map(|key| item(key, "parks", 9));
    let mut rig = meets(Config::default(), &both);
    assert_eq!(rig.announced(), [(A, true, both.to_vec())]);
    // Whoever holds one offers a name, of which the other side holds two.
    let mut rig = meets(Config::default(), &both[..1]);
    let (_, salt, names) = rig.offered().pop().unwrap();
    let mut other = Rig::new(Interest::all());
    other.load(&both);
    other.up(A, Interest::none());
    other.receive(A, &Wire::Offer { salt, items: vec![names[0]] });
    let answer = other.sent().pop().unwrap().1;
    assert!(matches!(&answer, Wire::Held { lacking, .. } if lacking.is_empty()));
    rig.receive(A, &answer);
    assert_eq!(rig.announced(), [(A, true, both[..1].to_vec())]);
}

#[test]
fn who_wants_nothing_wants_no_names() {
    let mut rig = Rig::new(Interest::none());
    rig.up(A, Interest::none());
    rig.receive(A, &Wire::Offer { salt: [9; 8], items: named(&items(3, "parks", 9)) });
    rig.pass(ms(1_000));
    assert_eq!((rig.sent(), rig.gossip.table_sizes().hearsay), (vec![], 0));
}
