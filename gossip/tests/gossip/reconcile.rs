//! Reconciliation: one machine, one transition at a time.

use msec_gossip::{Config, Input, Interest, Output};

use crate::rig::{A, B, Rig, item, items, key, ms, parks, push, rig_of, steps, version};
use crate::wire::{ALL, Step, Wire, WireItem, fingerprint, named, other_root, other_summary, root, stand_in};

/// What a machine says first to a neighbour: of these items, and its cursor.
fn is_root_of(message: &Wire, items: &[WireItem]) -> Option<([u8; 4], u64)> {
    let Wire::Reconcile(Step::Root { salt, fingerprint: theirs, count, resume, .. }) = message else {
        panic!("a root, not {message:?}");
    };
    assert_eq!((*theirs, *count as usize), (fingerprint(*salt, items, 0), items.len()));
    *resume
}

#[test]
fn an_equal_root_is_agreed_with_and_puts_our_own_round_off() {
    let mut rig = Rig::new(Interest::all());
    let held = items(70, "parks", 3);
    rig.load(&held);
    rig.up(A, Interest::all());
    rig.receive(A, &root(&held, 70, None));
    assert_eq!(rig.sent(), [], "which crossed ours");
    for _ in 0..10 {
        rig.pass(ms(7_000));
        rig.receive(A, &root(&held, 70, None));
        assert_eq!(rig.sent(), [(A, Wire::Reconcile(Step::Agreed { head: 70 }))]);
    }
    rig.pass(ms(60_000));
    rig.pass(ms(15_000));
    let sent = rig.sent();
    let [(A, message)] = &sent[..] else { panic!("one root, not {sent:?}") };
    assert_eq!(is_root_of(message, &held), Some(([1; 4], 70)), "and the cursor is at what was equal");
}

#[test]
fn the_interval_grows_while_nothing_happens_and_is_back_at_once_when_something_does() {
    let mut rig = Rig::new(parks());
    rig.up(A, Interest::all());
    rig.receive(A, &root(&[], 0, None));
    let run = |rig: &mut Rig, time| {
        let mut rounds = 0;
        for _ in 0..time {
            rig.pass(ms(1_000));
            for step in steps(rig) {
                if matches!(step, Step::Root { .. }) {
                    rounds += 1;
                    rig.receive(A, &Wire::Reconcile(Step::Agreed { head: 0 }));
                }
            }
        }
        rounds
    };
    let first = run(&mut rig, 40);
    assert!((2..=4).contains(&first), "{first} rounds in 40 s");
    let later = run(&mut rig, 600);
    assert!((8..=14).contains(&later), "{later} rounds in 600 s");
    rig.load(&[item(key(1), "air", 1)]);
    assert!(run(&mut rig, 10) <= 1, "of no interest");
    run(&mut rig, 70);
    rig.load(&[item(key(2), "parks", 1)]);
    assert!(run(&mut rig, 13) >= 1, "what was pushed now may be lost");
}

#[test]
fn with_whom_nothing_is_in_common_there_are_no_rounds() {
    let mut rig = Rig::new(parks());
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::of(["air"]).unwrap(), leaf: false });
    rig.pass(ms(100_000));
    rig.receive(A, &other_root());
    rig.receive(A, &other_summary(false));
    assert_eq!((rig.sent(), rig.gossip.stats().rounds), (vec![], 0));
}

#[test]
fn a_root_covers_what_is_durable_and_of_common_interest() {
    let mut rig = Rig::new(parks());
    rig.load(&[item(key(1), "parks", 1), item(key(2), "air", 1)]);
    rig.accept(key(3), "parks", 1, None);
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    assert_eq!(is_root_of(&rig.sent()[0].1, &[item(key(1), "parks", 1)]), None);
}

#[test]
fn of_two_the_one_with_the_lower_id_goes_on_and_both_answer_a_question() {
    let held = items(70, "parks", 3);
    // The machine's own id is the highest there is.
    let mut rig = Rig::new(Interest::all());
    rig.load(&held);
    rig.up(A, Interest::all());
    rig.receive(A, &other_root());
    assert_eq!(rig.sent(), [], "it asked as well, and A goes on");
    rig.pass(ms(5_000));
    rig.receive(A, &other_root());
    let sent = rig.sent();
    let [(A, message)] = &sent[..] else { panic!("one root, not {sent:?}") };
    is_root_of(message, &held);
}

#[test]
fn who_was_met_is_told_what_changed_since_and_doesn_t_know() {
    let mut rig = Rig::new(parks());
    rig.load(&items(70, "parks", 3));
    let epoch = epoch_of(&mut rig);
    rig.load(&[item(key(1), "parks", 4), item(key(2), "parks", 4), item(key(3), "parks", 4)]);
    rig.load(&[item(key(80), "air", 1), item(key(2), "parks", 5)]);
    rig.have(A, &[item(key(3), "parks", 4)]);
    rig.outputs();
    rig.receive(A, &root(&items(70, "parks", 3), 0, Some((epoch, 70))));
    let changed = named(&[item(key(1), "parks", 4), item(key(2), "parks", 5)]);
    let expected = Step::Changes { since: 70, upto: 75, more: false, items: changed };
    assert_eq!(steps(&mut rig), [expected]);
    rig.pass(ms(2_000));
    rig.receive(A, &root(&items(70, "parks", 3), 0, Some((epoch, 75))));
    assert!(matches!(steps(&mut rig)[..], [Step::Root { .. }]), "nothing else is known here to differ");
    rig.receive(A, &root(&items(70, "parks", 3), 0, Some(([9; 4], 75))));
    assert!(matches!(steps(&mut rig)[..], [Step::Root { .. }]), "that was another life");
}

/// Brings A up, and says in which life the machine is.
fn epoch_of(rig: &mut Rig) -> [u8; 4] {
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
    let steps = steps(rig);
    let [Step::Root { epoch, .. }] = &steps[..] else { panic!("a root, not {steps:?}") };
    *epoch
}

#[test]
fn who_holds_little_is_told_all_part_by_part() {
    let mut rig = Rig::new(Interest::all());
    rig.load(&items(1_500, "parks", 3));
    let epoch = epoch_of(&mut rig);
    let mut told = 0;
    let mut through = 0;
    for _ in 0..2 {
        rig.pass(ms(2_000));
        rig.outputs();
        rig.receive(A, &root(&[], 0, (through > 0).then_some((epoch, through))));
        for step in steps(&mut rig) {
            if let Step::Changes { since, upto, more, items } = step {
                assert_eq!(since, through);
                assert_eq!(more, upto == 1_024);
                told += items.len();
                through = upto;
            }
        }
    }
    assert_eq!((told, through), (1_500, 1_500));
}

#[test]
fn changes_are_wanted_and_the_cursor_moves_when_they_are_on_disk() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.receive(A, &root(&[], 0, None));
    rig.outputs();
    let resume = |rig: &mut Rig| {
        rig.pass(ms(20_000));
        rig.outputs();
        rig.input(Input::NeighbourUp { peer: A, interest: Interest::all(), leaf: false });
        let steps = steps(rig);
        let [Step::Root { resume, .. }] = &steps[..] else { panic!("a root, not {steps:?}") };
        let resume = *resume;
        rig.receive(A, &root(&[], 33, None));
        rig.outputs();
        resume
    };
    let told = [item(key(1), "parks", 9), item(key(2), "parks", 7)];
    let changes = Wire::Reconcile(Step::Changes { since: 0, upto: 33, more: false, items: named(&told) });
    rig.receive(A, &changes);
    rig.pass(ms(200));
    let mut wants = rig.sent();
    wants.sort_by_key(|(_, want)| matches!(want, Wire::Want { from: 0, .. }));
    let mut by_name =
        |n, from| Wire::Want { id: rig.asked(A, key(n)), key: stand_in(&key(n)), from, kib_max: 4 };
    let (known, unknown) = (by_name(1, 5), by_name(2, 0));
    assert_eq!(wants, [(A, known), (A, unknown)]);
    rig.answer_of(A, key(2), vec![]);
    let outputs = rig.outputs();
    assert!(
        matches!(&outputs[..], [Output::Deliver { key: asked, .. }] if *asked == stand_in(&key(2))),
        "it is known by its name: {outputs:?}"
    );
    rig.accept(key(2), "parks", 7, Some(A));
    rig.durable(key(2), 7);
    rig.pass(ms(300));
    assert_eq!(rig.wants(), [], "what was named is there");
    rig.accept(key(1), "parks", 9, Some(A));
    assert_eq!(resume(&mut rig), None, "not yet on disk, and the link went down");
    rig.receive(A, &changes);
    rig.durable(key(1), 9);
    assert_eq!(resume(&mut rig), Some(([1; 4], 33)));
    rig.receive(A, &Wire::Reconcile(Step::Changes { since: 50, upto: 60, more: false, items: vec![] }));
    assert_eq!(resume(&mut rig), Some(([1; 4], 33)), "what lies between was lost");
    rig.receive(A, &root(&[], 32, None));
    assert_eq!(resume(&mut rig), None, "it takes numbers back");
    rig.receive(A, &changes);
    assert_eq!(resume(&mut rig), Some(([1; 4], 33)));
    rig.accept(key(1), "parks", 2, None);
    assert_eq!(resume(&mut rig), None, "after a cut no cursor is true");
}

#[test]
fn a_part_that_is_taken_in_asks_for_the_next() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &root(&items(9, "parks", 1), 9, None));
    rig.outputs();
    let told = [item(key(1), "parks", 9)];
    rig.receive(A, &Wire::Reconcile(Step::Changes { since: 0, upto: 5, more: true, items: named(&told) }));
    rig.pass(ms(200));
    rig.outputs();
    rig.accept(key(1), "parks", 9, Some(A));
    assert_eq!(steps(&mut rig), []);
    rig.durable(key(1), 9);
    let steps = steps(&mut rig);
    assert!(matches!(steps[..], [Step::Root { resume: Some(([1, 1, 1, 1], 5)), .. }]), "{steps:?}");
}

#[test]
fn what_is_refused_does_not_hold_the_cursor_up() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &root(&[], 0, None));
    let told = [item(key(1), "parks", 9)];
    rig.receive(A, &Wire::Reconcile(Step::Changes { since: 0, upto: 5, more: false, items: named(&told) }));
    rig.pass(ms(200));
    rig.answer_of(A, key(1), vec![]);
    for _ in 0..5 {
        rig.input(Input::Refused { key: key(1), from: A });
    }
    rig.outputs();
    rig.pass(ms(13_000));
    let steps = steps(&mut rig);
    assert!(steps.iter().any(|step| matches!(step, Step::Root { resume: Some((_, 5)), .. })), "{steps:?}");
}

#[test]
fn a_want_by_a_name_that_did_not_help_is_made_in_full() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(70_000));
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(1_000));
    let sent = rig.sent().into_iter();
    let wants: Vec<_> = sent
        .filter_map(|(_, message)| match message {
            Wire::Want { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(wants[..2], [stand_in(&key(1)), key(1)]);
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
    assert!(
        matches!(sent[..], [(_, Wire::Ihave { .. }), (_, Wire::Reconcile(Step::Root { .. })), ..]),
        "{sent:?}"
    );
    rig.durable(key(1), 1);
    rig.have(A, &[item(key(1), "parks", 0)]);
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn a_cut_is_taken_over() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.accept(key(1), "parks", 4, None);
    assert_eq!(rig.gossip.held(&key(1)), Some(version(4)));
    rig.pass(ms(5_000));
    rig.outputs();
    rig.receive(A, &other_root());
    let sent = rig.sent();
    assert_eq!(is_root_of(&sent[0].1, &[item(key(1), "parks", 4)]), None);
}
