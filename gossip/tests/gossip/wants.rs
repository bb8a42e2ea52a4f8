//! Wants, and serving those of others: one machine, one transition at a time.

use msec_gossip::{Config, Input, Interest, Output, Priority};

use crate::rig::{A, B, C, Rig, chunk, item, items, key, ms, parks, push, rig_of, topic, want};
use crate::wire::{Wire, exactly};

#[test]
fn nothing_is_wanted_outside_our_interest_unless_we_hold_it() {
    let mut rig = Rig::new(parks());
    rig.load(&[item(key(1), "air", 5)]);
    rig.up(A, Interest::all());
    rig.have(A, &[item(key(1), "air", 6)]);
    rig.have(A, &[item(key(2), "air", 6)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 5)]);
}

#[test]
fn a_push_makes_a_want_moot() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 1)]);
    rig.pass(ms(100));
    rig.receive(A, &push(1, b"x"));
    rig.accept_live(key(1), "parks", 1, Some(A), b"x");
    rig.pass(ms(5_000));
    assert_eq!(rig.wants(), []);
}

/// Who comes back after a day, or for the first time, waits for nothing.
#[test]
fn what_no_push_brings_is_wanted_at_once() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5), item(key(2), "parks", 5)]);
    let most = Config::default().pushed_max;
    for (n, size) in [(1, 5 + most), (2, 6 + most), (3, 1 + most)] {
        rig.have(A, &[item(key(n), "parks", size)]);
    }
    assert_eq!(rig.wants(), [(A, key(2), 5), (A, key(3), 0)]);
    rig.pass(ms(199));
    assert_eq!(rig.wants(), []);
    rig.pass(ms(1));
    assert_eq!(rig.wants(), [(A, key(1), 5)]);
}

/// What comes is never more than the node takes: what it had to drop would come again after a timeout.
#[test]
fn no_more_is_wanted_than_there_is_room_for() {
    let mut rig = rig_of(&[A, B]);
    rig.input(Input::Room { bytes: 3 * 4096 - 1 });
    for n in 1..=6 {
        rig.have(A, &[item(key(n), "parks", 100)]);
    }
    assert_eq!(rig.wants().len(), 2, "each of 4 KiB");
    rig.have(B, &[item(key(1), "parks", 100), item(key(9), "parks", 100)]);
    let of_b: Vec<_> = rig.wants().into_iter().filter(|(peer, ..)| *peer == B).collect();
    assert_eq!(of_b, [(B, key(9), 0)], "who owes nothing is asked all the same");
    rig.input(Input::Room { bytes: 0 });
    rig.answer(A);
    rig.answer_of(A, key(2), b"chunk".to_vec());
    rig.answer_of(B, key(9), b"chunk".to_vec());
    rig.outputs();
    rig.pass(ms(1_000));
    assert_eq!(rig.wants(), [], "there is none");
    rig.input(Input::Room { bytes: 1 });
    assert_eq!(rig.wants().len(), 1, "those of A wait, and it owes nothing now");
    rig.input(Input::Room { bytes: 8 << 20 });
    assert!(!rig.wants().is_empty(), "as many as A answers");
}

#[test]
fn a_want_is_retried_elsewhere_and_never_doubled() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    let first = rig.wants();
    assert_eq!(first.len(), 1);
    rig.have(A, &[item(key(1), "parks", 10)]);
    rig.have(B, &[item(key(1), "parks", 10)]);
    rig.pass(ms(2_999));
    assert_eq!(rig.wants(), []);
    rig.pass(ms(1));
    let second = rig.wants();
    assert_eq!(second.len(), 1);
    assert_ne!(first[0].0, second[0].0);
    rig.input(Input::NeighbourDown { peer: second[0].0 });
    rig.pass(ms(20_000));
    assert_eq!(rig.wants(), [], "the first still owes it");
    rig.pass(ms(2_000));
    assert_eq!(rig.wants(), first, "it is lost, and the other is gone");
    rig.input(Input::NeighbourDown { peer: first[0].0 });
    rig.pass(ms(60_000));
    assert_eq!(rig.wants(), [], "nobody is ahead any more");
}

#[test]
fn who_answers_is_preferred_to_who_does_not() {
    let mut rig = rig_of(&[A, B]);
    for n in 0..20 {
        rig.have(A, &[item(key(n), "parks", 9)]);
        rig.have(B, &[item(key(n), "parks", 9)]);
    }
    rig.pass(ms(200));
    // B answers all that it is asked, A nothing; in the end all come from B.
    let mut came = 0;
    let mut wants = rig.wants();
    assert!(wants.iter().any(|(peer, ..)| *peer == A) && wants.iter().any(|(peer, ..)| *peer == B));
    for _ in 0..50 {
        for (peer, key, _) in std::mem::take(&mut wants) {
            if peer == B {
                rig.answer_of(B, key, vec![0; 100]);
                rig.accept(key, "parks", 9, Some(B));
                came += 1;
            }
        }
        rig.pass(ms(100));
        wants.extend(rig.wants());
    }
    assert_eq!(came, 20);
    rig.have(A, &[item(key(50), "parks", 9)]);
    rig.have(B, &[item(key(50), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(B, key(50), 0)], "A is known for its silence");
}

#[test]
fn after_part_of_it_the_next_want_goes_out_at_once() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
    rig.answer(A);
    let delivered = Output::Deliver { from: A, key: key(1), payload: b"chunk".to_vec(), live: false };
    assert_eq!(rig.outputs(), [delivered]);
    rig.accept(key(1), "parks", 4, Some(A));
    assert_eq!(rig.wants(), [(A, key(1), 4)]);
    rig.answer(A);
    rig.accept(key(1), "parks", 9, Some(A));
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_late_chunk_counts_and_one_too_many_does_not() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.pass(ms(3_000));
    assert_eq!(rig.wants().len(), 2, "A is late, B is asked");
    rig.answer(A);
    assert_eq!(rig.outputs().len(), 1);
    let late = chunk(rig.asked(A, key(1)));
    for _ in 0..3 {
        rig.receive(A, &late);
        rig.receive(C, &late);
    }
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 3));
}

#[test]
fn a_chunk_that_nobody_wanted_is_dropped() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &chunk(0));
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 1));
}

#[test]
fn a_gap_is_fetched_from_where_the_node_says() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 2)]);
    rig.receive(A, &push(7, b"x"));
    rig.outputs();
    rig.input(Input::Gap { key: key(1), topic: Some(topic("parks")), from: A, have: 2 });
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 2)]);
    rig.receive(A, &Wire::Push { tree: [0; 4], key: key(2), size: 7, payload: vec![] });
    rig.input(Input::Gap { key: key(2), topic: None, from: A, have: 0 });
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(2), 0)], "also for a key that is new");
}

#[test]
fn another_history_is_asked_for_of_who_holds_it_and_of_nobody_else() {
    let mut rig = rig_of(&[A, B]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.outputs();
    rig.receive(A, &push(7, b"x"));
    rig.outputs();
    rig.input(Input::Trace { key: key(1), from: A, have: 0 });
    assert_eq!(rig.wants(), [(A, key(1), 0)], "at once");
    rig.input(Input::Trace { key: key(1), from: A, have: 0 });
    assert_eq!(rig.wants(), [], "it owes an answer");
    rig.answer(A);
    let delivered = Output::Deliver { from: A, key: key(1), payload: b"chunk".to_vec(), live: false };
    assert_eq!(rig.outputs(), [delivered]);
    rig.input(Input::Trace { key: key(1), from: A, have: 3 });
    assert_eq!(rig.wants(), [(A, key(1), 3)]);
    rig.answer(A);
    rig.outputs();
    rig.input(Input::Refused { key: key(1), from: A });
    assert_eq!(rig.wants(), [(B, key(1), 5)], "and others for what follows on what is held");
    rig.input(Input::Trace { key: key(1), from: C, have: 0 });
    assert_eq!(rig.wants(), [], "a stranger is asked nothing");
}

#[test]
fn who_delivered_what_does_not_verify_is_backed_off_for_twice_as_long_each_time() {
    let mut rig = rig_of(&[A]);
    let mut asked = Vec::new();
    for _ in 0..400 {
        rig.have(A, &[item(key(1), "parks", 9)]);
        rig.pass(ms(200));
        if !rig.wants().is_empty() {
            asked.push(rig.now.as_millis());
            rig.answer(A);
            rig.input(Input::Refused { key: key(1), from: A });
        }
    }
    let pauses: Vec<u128> = asked.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32]);
    rig.have(A, &[item(key(2), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(2), 0)], "other keys are not concerned");
}

#[test]
fn another_neighbour_is_asked_for_what_one_delivered_badly() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.outputs();
    rig.answer(A);
    rig.input(Input::Refused { key: key(1), from: A });
    assert_eq!(rig.wants(), [(B, key(1), 0)]);
}

#[test]
fn what_is_of_no_use_yet_is_asked_of_another_and_of_the_same_again_soon() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.outputs();
    for from in [A, B] {
        rig.answer(from);
        rig.input(Input::PutOff { key: key(1), from });
        let next = if from == A { vec![(B, key(1), 0)] } else { vec![] };
        assert_eq!(rig.wants(), next);
    }
    rig.pass(ms(1_000));
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
}

#[test]
fn where_the_beginning_is_gone_it_goes_on_behind_it_at_once() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.outputs();
    rig.answer(A);
    rig.input(Input::Gap { key: key(1), topic: Some(topic("parks")), from: A, have: 6 });
    assert_eq!(rig.wants(), [(A, key(1), 6)]);
}

#[test]
fn wants_are_served_by_the_node() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.receive(A, &want(key(1), 2));
    assert_eq!(rig.outputs(), [Output::Serve { to: A, key: key(1), from: 2, bytes_max: 4 << 10 }]);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(b"chunk".to_vec()) });
    assert_eq!(rig.sent_at(), [(A, Priority::CatchUp, chunk(2))]);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(b"chunk".to_vec()) });
    assert_eq!(rig.sent(), [], "one chunk for one want");
}

#[test]
fn who_wants_what_we_lack_is_told_so_exactly() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &want(key(1), 2));
    assert_eq!(rig.sent(), [(A, Wire::List { range: exactly(&key(1)), items: vec![] })]);
    rig.load(&[item(key(1), "parks", 2)]);
    rig.receive(A, &want(key(1), 2));
    let list = Wire::List { range: exactly(&key(1)), items: vec![item(key(1), "parks", 2)] };
    assert_eq!(rig.sent(), [(A, list)]);
}

#[test]
fn progress_in_small_parts_never_tires() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 50)]);
    rig.pass(ms(200));
    for size in 1..=50 {
        assert_eq!(rig.wants(), [(A, key(1), size - 1)]);
        rig.answer(A);
        rig.accept(key(1), "parks", size, Some(A));
    }
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_good_delivery_makes_up_for_bad_ones() {
    /// Refuses what A delivered, and says after how many seconds A is asked again.
    fn refuse(rig: &mut Rig) -> u64 {
        rig.answer(A);
        rig.input(Input::Refused { key: key(1), from: A });
        rig.outputs();
        let refused_at = rig.now;
        while rig.wants().is_empty() {
            rig.have(A, &[item(key(1), "parks", 9)]);
            rig.pass(ms(100));
        }
        (rig.now - refused_at).as_secs()
    }
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!([refuse(&mut rig), refuse(&mut rig)], [1, 2]);
    rig.answer(A);
    rig.accept(key(1), "parks", 1, Some(A));
    assert_eq!(rig.wants(), [(A, key(1), 1)]);
    assert_eq!(refuse(&mut rig), 1);
}

#[test]
fn who_wants_more_says_how_little_it_holds() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &want(key(1), 2));
    rig.accept(key(1), "parks", 9, None);
    rig.durable(key(1), 9);
    rig.outputs();
    rig.pass(ms(50));
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 9)])]);
}

#[test]
fn what_is_backed_off_is_not_wanted_and_takes_no_room() {
    let mut rig = Rig::with(Config { hearsay_max: 1, ..Config::default() }, Interest::all());
    rig.up(A, Interest::all());
    rig.load(&[item(key(5), "parks", 3)]);
    for bad in [key(1), key(5)] {
        rig.have(A, &[item(bad, "parks", 9)]);
        rig.pass(ms(200));
        assert_eq!(rig.wants().len(), 1);
        rig.input(Input::Refused { key: bad, from: A });
        rig.have(A, &[item(bad, "parks", 9)]);
        rig.pass(ms(500));
        assert_eq!(rig.wants(), []);
    }
    rig.have(A, &[item(key(2), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(2), 0)]);
}

#[test]
fn a_freed_slot_and_a_free_neighbour_are_used_at_once() {
    let mut rig = Rig::with(Config { wants_in_flight_max: 1, ..Config::default() }, Interest::all());
    rig.up(A, Interest::all());
    rig.up(B, Interest::all());
    rig.have(A, &[item(key(1), "parks", 1)]);
    rig.pass(ms(200));
    rig.have(A, &[item(key(2), "parks", 1)]);
    rig.have(A, &[item(key(3), "parks", 1)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
    rig.have(B, &[item(key(3), "parks", 1)]);
    assert_eq!(rig.wants(), [(B, key(3), 0)], "which had waited for A");
    rig.accept_live(key(1), "parks", 1, Some(B), b"x");
    assert_eq!(rig.wants(), [], "a push made the first want moot, and its answer is still on its way");
    rig.answer(A);
    assert_eq!((rig.wants(), rig.gossip.stats().unwanted), (vec![(A, key(2), 0)], 1));
}

#[test]
fn an_answer_ends_the_mistrust() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 1)]);
    rig.pass(ms(3_200));
    rig.answer(A);
    rig.accept(key(1), "parks", 1, None);
    let some = items(20, "parks", 9);
    rig.have(A, &some);
    rig.have(B, &some);
    rig.outputs();
    rig.pass(ms(200));
    assert!(rig.wants().iter().any(|(peer, ..)| *peer == A));
}

#[test]
fn who_will_not_answer_is_left_alone_for_a_while_and_another_is_asked_at_once() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
    rig.refuse(A);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(900));
    assert_eq!(rig.wants(), []);
    rig.up(B, Interest::all());
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(B, key(1), 0)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.refuse(B);
    assert_eq!(rig.wants(), [(A, key(1), 0)], "whose second is over");
    rig.refuse(B);
    assert_eq!((rig.gossip.stats().unserved, rig.gossip.stats().unwanted), (2, 1), "said once too often");
}

#[test]
fn a_want_that_was_shed_was_never_asked() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    let [(first, ..)] = rig.wants()[..] else { panic!("one want") };
    let shed = Wire::Want { id: rig.asked(first, key(1)), key: key(1), from: 0, kib_max: 4 };
    rig.input(Input::Shed { peer: first, frame: shed.encode() });
    let [(second, ..)] = rig.wants()[..] else { panic!("one want") };
    assert_ne!(first, second);
}

#[test]
fn a_late_answer_need_not_be_waited_for_once_another_is_ahead() {
    let mut rig = rig_of(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(3_200));
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
    rig.have(B, &[item(key(1), "parks", 9)]);
    assert_eq!(rig.wants(), [(B, key(1), 0)]);
    rig.answer(B);
    rig.accept(key(1), "parks", 4, Some(B));
    assert_eq!(rig.wants(), [(B, key(1), 4)], "A still owes the first part");
}

/// Found by the simulator: who was too slow for chunks for a minute was not served for minutes once it was fast again.
#[test]
fn who_says_again_and_again_that_it_will_not_answer_is_asked_once_a_round() {
    let mut rig = rig_of(&[A]);
    let mut asked = 0;
    for _ in 0..600 {
        rig.have(A, &[item(key(1), "parks", 9)]);
        rig.pass(ms(200));
        for (..) in rig.wants() {
            asked += 1;
            rig.refuse(A);
        }
    }
    assert!((12..20).contains(&asked), "{asked} times in two minutes");
}
