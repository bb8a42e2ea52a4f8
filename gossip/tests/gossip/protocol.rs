//! One machine, one transition at a time.

use msec_gossip::{Config, Input, Interest, Output, Priority};

use crate::rig::{A, B, C, Rig, item, items, key, ms, parks, topic, version};
use crate::wire::{ALL, Wire, exactly, fingerprint};

fn push(size: u64, payload: &[u8]) -> Wire {
    Wire::Push { key: key(1), size, payload: payload.to_vec() }
}

fn chunk(from: u64) -> Wire {
    Wire::Chunk { key: key(1), from, payload: b"chunk".to_vec() }
}

/// A machine that wants everything, with neighbours that do.
fn rig(peers: &[msec_identity::PeerId]) -> Rig {
    let mut rig = Rig::new(Interest::all());
    peers.iter().for_each(|peer| rig.up(*peer, Interest::all()));
    rig
}

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
    let mut rig = rig(&[A, B]);
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
    let mut rig = rig(&[A]);
    rig.accept_live(key(1), "parks", 1, None, &vec![0; Config::default().eager_bytes_max + 1]);
    rig.pass(ms(100));
    assert_eq!(rig.sent(), []);
    rig.durable(key(1), 1);
    rig.pass(ms(100));
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn what_was_caught_up_with_is_announced_in_one_batch_to_those_who_lack_it() {
    let mut rig = rig(&[A, B, C]);
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
    let mut rig = rig(&[A]);
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
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all() });
    let expected = fingerprint(&[item(key(1), "parks", 1)]);
    assert_eq!(rig.sent()[0], (A, Wire::Summary { ranges: vec![(ALL.to_vec(), expected)] }));
}

#[test]
fn a_list_leads_to_wants_and_announcements() {
    let mut rig = rig(&[A]);
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
    let mut rig = rig(&[A, B]);
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
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 1)]);
    rig.pass(ms(100));
    rig.receive(A, &push(1, b"x"));
    rig.accept_live(key(1), "parks", 1, Some(A), b"x");
    rig.pass(ms(5_000));
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_want_is_retried_elsewhere_and_never_doubled() {
    let mut rig = rig(&[A, B]);
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
    assert_eq!(rig.wants(), first, "at once, and the other is gone");
    rig.input(Input::NeighbourDown { peer: first[0].0 });
    rig.pass(ms(60_000));
    assert_eq!(rig.wants(), [], "nobody is ahead any more");
}

#[test]
fn who_answers_is_preferred_to_who_does_not() {
    let mut rig = rig(&[A, B]);
    for n in 0..20 {
        rig.have(A, &[item(key(n), "parks", 9)]);
        rig.have(B, &[item(key(n), "parks", 9)]);
    }
    rig.pass(ms(200));
    // B answers all that it is asked, A nothing; in the end all come from B.
    let mut came = 0;
    let mut wants = rig.wants();
    assert!(wants.iter().any(|(peer, ..)| *peer == A) && wants.iter().any(|(peer, ..)| *peer == B));
    for _ in 0..3 {
        for (peer, key, from) in std::mem::take(&mut wants) {
            if peer == B {
                rig.receive(B, &Wire::Chunk { key, from, payload: vec![] });
                rig.accept(key, "parks", 9, Some(B));
                came += 1;
            }
        }
        rig.pass(ms(3_000));
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
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 0)]);
    rig.receive(A, &chunk(0));
    let delivered = Output::Deliver { from: A, key: key(1), payload: b"chunk".to_vec(), live: false };
    assert_eq!(rig.outputs(), [delivered]);
    rig.accept(key(1), "parks", 4, Some(A));
    assert_eq!(rig.wants(), [(A, key(1), 4)]);
    rig.receive(A, &chunk(4));
    rig.accept(key(1), "parks", 9, Some(A));
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_late_chunk_counts_and_one_too_many_does_not() {
    let mut rig = rig(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.pass(ms(3_000));
    assert_eq!(rig.wants().len(), 2, "A is late, B is asked");
    rig.receive(A, &chunk(0));
    assert_eq!(rig.outputs().len(), 1);
    for _ in 0..3 {
        rig.receive(A, &chunk(0));
        rig.receive(C, &chunk(0));
    }
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 3));
}

#[test]
fn a_chunk_that_nobody_wanted_is_dropped() {
    let mut rig = rig(&[A]);
    rig.receive(A, &chunk(0));
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 1));
}

#[test]
fn a_gap_is_fetched_from_where_the_node_says() {
    let mut rig = rig(&[A]);
    rig.load(&[item(key(1), "parks", 2)]);
    rig.receive(A, &push(7, b"x"));
    rig.outputs();
    rig.input(Input::Gap { key: key(1), topic: Some(topic("parks")), from: A, have: 2 });
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(1), 2)]);
    rig.receive(A, &Wire::Push { key: key(2), size: 7, payload: vec![] });
    rig.input(Input::Gap { key: key(2), topic: None, from: A, have: 0 });
    rig.pass(ms(200));
    assert_eq!(rig.wants(), [(A, key(2), 0)], "also for a key that is new");
}

#[test]
fn who_delivered_what_does_not_verify_is_backed_off_for_twice_as_long_each_time() {
    let mut rig = rig(&[A]);
    let mut asked = Vec::new();
    for _ in 0..400 {
        rig.have(A, &[item(key(1), "parks", 9)]);
        rig.pass(ms(200));
        if !rig.wants().is_empty() {
            asked.push(rig.now.as_millis());
            rig.receive(A, &chunk(0));
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
    let mut rig = rig(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.have(B, &[item(key(1), "parks", 9)]);
    rig.outputs();
    rig.receive(A, &chunk(0));
    rig.input(Input::Refused { key: key(1), from: A });
    assert_eq!(rig.wants(), [(B, key(1), 0)]);
}

#[test]
fn wants_are_served_by_the_node() {
    let mut rig = rig(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.receive(A, &Wire::Want { key: key(1), from: 2 });
    assert_eq!(rig.outputs(), [Output::Serve { to: A, key: key(1), from: 2 }]);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(b"chunk".to_vec()) });
    assert_eq!(rig.sent_at(), [(A, Priority::CatchUp, chunk(2))]);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(b"chunk".to_vec()) });
    assert_eq!(rig.sent(), [], "one chunk for one want");
}

#[test]
fn who_wants_what_we_lack_is_told_so_exactly() {
    let mut rig = rig(&[A]);
    rig.receive(A, &Wire::Want { key: key(1), from: 2 });
    assert_eq!(rig.sent(), [(A, Wire::List { range: exactly(&key(1)), items: vec![] })]);
    rig.load(&[item(key(1), "parks", 2)]);
    rig.receive(A, &Wire::Want { key: key(1), from: 2 });
    let list = Wire::List { range: exactly(&key(1)), items: vec![item(key(1), "parks", 2)] };
    assert_eq!(rig.sent(), [(A, list)]);
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
fn offers_go_on_until_they_are_acknowledged_and_equal_summaries_do_not_starve_them() {
    let mut rig = Rig::new(parks());
    rig.load(&[item(key(1), "air", 5)]);
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all() });
    let offer = (A, true, vec![item(key(1), "air", 5)]);
    assert_eq!(rig.announced(), std::slice::from_ref(&offer));
    for _ in 0..20 {
        rig.pass(ms(1_000));
        rig.receive(A, &Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&[]))] });
    }
    assert!(rig.announced().contains(&offer));
    rig.have(A, &[item(key(1), "air", 5)]);
    rig.pass(ms(60_000));
    assert_eq!(rig.announced(), []);
}

#[test]
fn what_was_shed_is_looked_for_soon_and_constant_shedding_does_not_put_it_off() {
    let mut rig = rig(&[A]);
    rig.pass(ms(100));
    rig.accept_live(key(1), "parks", 1, None, b"x");
    assert_eq!(rig.sent(), [(A, push(1, b"x"))]);
    for _ in 0..13 {
        rig.input(Input::Shed { peer: A });
        rig.pass(ms(100));
    }
    let sent = rig.sent();
    assert!(matches!(sent[..], [(_, Wire::Summary { .. }), ..]), "{sent:?}");
    rig.durable(key(1), 1);
    rig.have(A, &[item(key(1), "parks", 0)]);
    assert_eq!(rig.announced(), [(A, false, vec![item(key(1), "parks", 1)])]);
}

#[test]
fn a_conflict_is_reported_once_and_does_not_keep_rounds_in_a_hurry() {
    let mut rig = rig(&[A, B]);
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
    rig.pass(ms(3_000));
    let wants = rig.sent_at().into_iter().filter(|(_, _, message)| matches!(message, Wire::Want { .. }));
    let first = wants.map(|(_, priority, message)| (priority, message)).next();
    // The want that timed out is the older one of its class, and still comes second.
    assert_eq!(first, Some((Priority::Control, Wire::Want { key: key(99), from: 0 })));
}

#[test]
fn a_neighbour_that_comes_up_again_starts_afresh() {
    let mut rig = rig(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::Want { key: key(1), from: 2 });
    rig.up(A, Interest::all());
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
    rig.input(Input::Served { to: A, key: key(1), from: 2, chunk: Some(vec![]) });
    assert_eq!(rig.sent(), []);
    rig.accept_live(key(1), "parks", 6, None, b"x");
    assert_eq!(rig.sent(), [(A, push(6, b"x"))]);
}

#[test]
fn a_cut_is_taken_over() {
    let mut rig = rig(&[A]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.accept(key(1), "parks", 4, None);
    assert_eq!(rig.gossip.held(&key(1)), Some(version(4)));
    rig.receive(A, &Wire::Summary { ranges: vec![(ALL.to_vec(), fingerprint(&[]))] });
    let list = Wire::List { range: ALL.to_vec(), items: vec![item(key(1), "parks", 4)] };
    assert_eq!(rig.sent(), [(A, list)]);
}

#[test]
fn progress_in_small_parts_never_tires() {
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 50)]);
    rig.pass(ms(200));
    for size in 1..=50 {
        assert_eq!(rig.wants(), [(A, key(1), size - 1)]);
        rig.receive(A, &chunk(size - 1));
        rig.accept(key(1), "parks", size, Some(A));
    }
    assert_eq!(rig.wants(), []);
}

#[test]
fn a_good_delivery_makes_up_for_bad_ones() {
    /// Refuses what A delivered, and says after how many seconds A is asked again.
    fn refuse(rig: &mut Rig) -> u64 {
        rig.receive(A, &chunk(0));
        rig.input(Input::Refused { key: key(1), from: A });
        rig.outputs();
        let refused_at = rig.now;
        while rig.wants().is_empty() {
            rig.have(A, &[item(key(1), "parks", 9)]);
            rig.pass(ms(100));
        }
        (rig.now - refused_at).as_secs()
    }
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!([refuse(&mut rig), refuse(&mut rig)], [1, 2]);
    rig.receive(A, &chunk(0));
    rig.accept(key(1), "parks", 1, Some(A));
    assert_eq!(rig.wants(), [(A, key(1), 1)]);
    assert_eq!(refuse(&mut rig), 1);
}

#[test]
fn a_list_takes_back_what_was_announced() {
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
}

#[test]
fn what_was_shed_is_no_longer_thought_to_have_arrived() {
    let mut rig = rig(&[A, B]);
    rig.accept_live(key(1), "parks", 1, None, b"x");
    rig.input(Input::Shed { peer: A });
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
fn who_wants_more_says_how_little_it_holds() {
    let mut rig = rig(&[A]);
    rig.load(&[item(key(1), "parks", 9)]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::Want { key: key(1), from: 2 });
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
fn without_neighbours_there_are_no_deadlines() {
    let mut rig = rig(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    rig.input(Input::NeighbourDown { peer: A });
    assert_eq!(rig.gossip.poll_timeout(), None);
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
    assert_eq!(rig.wants(), [(A, key(2), 0)], "since a push made the first want moot");
}

#[test]
fn an_answer_ends_the_mistrust() {
    let mut rig = rig(&[A, B]);
    rig.have(A, &[item(key(1), "parks", 1)]);
    rig.pass(ms(3_200));
    rig.receive(A, &chunk(0));
    rig.accept(key(1), "parks", 1, None);
    let some = items(20, "parks", 9);
    rig.have(A, &some);
    rig.have(B, &some);
    rig.outputs();
    rig.pass(ms(200));
    assert_eq!(rig.wants().iter().filter(|(peer, ..)| *peer == A).count(), 10);
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
    let mut rig = rig(&[A]);
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
fn a_list_takes_back_what_was_first_heard_by_a_push() {
    let mut rig = rig(&[A]);
    rig.receive(A, &push(9, b"x"));
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::List { range: ALL.to_vec(), items: vec![] });
    rig.pass(ms(300));
    assert_eq!(rig.wants(), []);
}

#[test]
fn windows_of_offers_hurry_while_they_arrive_and_after_a_shed() {
    let mut rig = Rig::with(Config { offers_max: 64, ..Config::default() }, Interest::none());
    rig.load(&items(640, "parks", 1));
    rig.input(Input::NeighbourUp { peer: A, interest: Interest::all() });
    let mut offered = 0;
    for _ in 0..10 {
        for (_, ask, items) in rig.announced() {
            assert!(ask);
            offered += items.len();
            rig.have(A, &items);
        }
        rig.pass(ms(1_250));
    }
    assert_eq!(offered, 640);
    rig.load(&[item(key(0), "parks", 2)]);
    rig.input(Input::Shed { peer: A });
    rig.pass(ms(1_250));
    assert!(rig.announced().contains(&(A, true, vec![item(key(0), "parks", 2)])));
}
