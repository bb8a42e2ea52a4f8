//! Erasures, with writing, revocations, restorations, expiry, successions and each other.

#![allow(clippy::single_range_in_vec_init, reason = "one stretch is what is meant")]

use std::ops::Range;

use super::*;
use crate::{Erasure, Record, Right, UnixMillis};

/// A manager's link, a sensor's below it, and what the manager has erased of the sensor's log.
fn by_manager() -> (Vec<Event>, Grant, Grant, Erasure) {
    let (manager, sensor) = two_links();
    let sensor = only(sensor, Right::Write);
    let erasure = erase(alone().space(), MANAGER, &[(log(1), 3, 6)]);
    (vec![shown(ROOT, &manager), shown(MANAGER, &sensor)], manager, sensor, erasure)
}

fn with(events: &[Event], more: impl IntoIterator<Item = Event>) -> Authority {
    let mut events = events.to_vec();
    events.extend(more);
    in_town(&events)
}

#[test]
fn what_was_written_in_the_stretch_is_to_go_and_what_lies_beside_it_stays() {
    let (events, manager, sensor, erasure) = by_manager();
    let authority = with(&events, [entered(MANAGER, &erasure, Some(&manager), 0)]);
    assert_eq!(erased(&authority, log(1)), [3..6]);
    assert!(erased(&authority, log(2)).is_empty());
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::All, "its entries count as before");
    // In another collection nobody asked the manager, and in the mesh's own nothing is ever erased.
    assert!(authority.erased(&log(1), &peer(SENSOR), &path("harbour")).is_empty());
    assert!(authority.erased(&log(1), &peer(MANAGER), &crate::CollectionPath::control()).is_empty());
}

#[test]
fn an_author_erases_what_it_wrote_itself_and_nothing_else() {
    let (events, ..) = by_manager();
    let erasure = erase(alone().space(), SENSOR, &[(log(1), 3, 6)]);
    let authority = with(&events, [shown(SENSOR, &erasure)]);
    assert_eq!(erased(&authority, log(1)), [3..6]);
    assert!(authority.erased(&log(1), &peer(DEPUTY), &path("parks")).is_empty());
    assert!(authority.erases_in(&erasure.hash(), &peer(SENSOR), &path("parks/noise")));
    assert!(!authority.erases_in(&erasure.hash(), &peer(DEPUTY), &path("parks/noise")));
}

#[test]
fn a_strangers_erasure_takes_nothing() {
    let (events, manager, ..) = by_manager();
    let reader = only(below(&manager, MANAGER, DEPUTY), Right::Read);
    let what = [(log(1), 3, 6)];
    let said = [STRANGER, DEPUTY].map(|by| shown(by, &erase(alone().space(), by, &what)));
    let authority = with(&events, said.into_iter().chain([shown(MANAGER, &reader)]));
    assert!(erased(&authority, log(1)).is_empty());
}

#[test]
fn an_erasure_counts_once_the_chain_makes_its_issuer_a_manager() {
    let (events, _, _, erasure) = by_manager();
    assert!(erased(&in_town(&[shown(MANAGER, &erasure)]), log(1)).is_empty());
    assert_eq!(erased(&with(&events, [shown(MANAGER, &erasure)]), log(1)), [3..6]);
}

#[test]
fn an_erasure_outlives_its_issuers_link_where_it_is_entered_below_the_cut() {
    let (events, manager, _, erasure) = by_manager();
    let ended = shown(ROOT, &revoke(ROOT, &manager, &[control_cut(&manager, 5)]));
    let said = |event| erased(&with(&events, [event, ended.clone()]), log(1));
    assert_eq!(said(entered(MANAGER, &erasure, Some(&manager), 4)), [3..6]);
    // Whoever has lost the right destroys nothing any more.
    assert!(said(entered(MANAGER, &erasure, Some(&manager), 5)).is_empty());
    assert!(said(shown(MANAGER, &erasure)).is_empty());
}

#[test]
fn what_counted_once_may_come_without_bodies_and_what_never_did_may_not() {
    let (events, manager, _, erasure) = by_manager();
    let ended = shown(ROOT, &revoke(ROOT, &manager, &[]));
    let late = entered(MANAGER, &erasure, Some(&manager), 9);
    let stranger = shown(STRANGER, &erase(alone().space(), STRANGER, &[(log(1), 0, 99)]));
    let authority = with(&events, [late, ended.clone(), stranger]);
    assert!(erased(&authority, log(1)).is_empty());
    assert_eq!(authority.may_lack(&log(1), &peer(SENSOR), &path("parks")), [3..6]);
    assert!(authority.may_lack_claims(&path("parks/noise")));
    assert!(!authority.may_lack_claims(&path("harbour")), "nobody had anything erased there");
    // Its issuer never entered it: somebody else did, in a log of its own.
    let lent = Event { place: entered(DEPUTY, &erasure, None, 0).place, ..shown(MANAGER, &erasure) };
    for said in [lent, shown(MANAGER, &erasure)] {
        let authority = with(&events, [said, ended.clone()]);
        assert!(authority.may_lack(&log(1), &peer(SENSOR), &path("parks")).is_empty());
        assert!(!authority.may_lack_claims(&path("parks")));
    }
}

#[test]
fn an_author_whose_right_is_over_erases_only_what_it_said_below_the_cut() {
    let (events, _, sensor, _) = by_manager();
    let erasure = erase(alone().space(), SENSOR, &[(log(1), 3, 6)]);
    let own = control(SENSOR, None);
    let ended = shown(MANAGER, &revoke(MANAGER, &sensor, &[cut(log(1), 9), cut(own, 2)]));
    for (position, counts) in [(1, true), (2, false)] {
        let event = entered(SENSOR, &erasure, None, position);
        assert_eq!(erased(&with(&events, [event, ended.clone()]), log(1)) == [3..6], counts, "{position}");
    }
}

#[test]
fn what_is_erased_of_a_log_goes_below_its_cut_and_past_it() {
    let (events, _, sensor, erasure) = by_manager();
    let ended = revoke(MANAGER, &sensor, &[cut(log(1), 4)]);
    let authority = with(&events, [shown(MANAGER, &erasure), shown(MANAGER, &ended)]);
    assert_eq!(erased(&authority, log(1)), [3..6]);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 4));
}

#[test]
fn a_restoration_brings_entries_back_and_no_bodies() {
    let (events, _, sensor, erasure) = by_manager();
    let ended = revoke(MANAGER, &sensor, &[]);
    let restored = restore(MANAGER, &ended, &[cut(log(1), 9)]);
    let more = [shown(MANAGER, &erasure), shown(MANAGER, &ended), shown(MANAGER, &restored)];
    let authority = with(&events, more);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 9));
    assert_eq!(erased(&authority, log(1)), [3..6]);
}

#[test]
fn an_erasure_stands_when_the_right_of_its_issuer_or_of_the_author_expires() {
    let manager = Grant { not_after: UnixMillis(120), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = below(&manager, MANAGER, SENSOR);
    let mut late = erase(alone().space(), MANAGER, &[(log(1), 3, 6)]);
    late.at = UnixMillis(999);
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &late)]);
    assert_eq!(erased(&authority, log(1)), [3..6]);
}

#[test]
fn of_two_erasures_all_goes_that_either_of_them_names() {
    let (events, ..) = by_manager();
    let erasing = |by: u8, stretches: Range<u64>| {
        shown(by, &erase(alone().space(), by, &[(log(1), stretches.start, stretches.end)]))
    };
    let authority = with(&events, [erasing(MANAGER, 3..6), erasing(SENSOR, 5..9), erasing(ROOT, 20..21)]);
    assert_eq!(erased(&authority, log(1)), [3..9, 20..21]);
    let authority = with(&events, [erasing(MANAGER, 3..6), erasing(SENSOR, 6..9)]);
    assert_eq!(erased(&authority, log(1)), [3..9]);
}

#[test]
fn an_erasure_by_a_root_counts_once_another_approves() {
    let board = manifest(&[ROOT, SECOND], 2);
    let erasure = erase(board.space(), ROOT, &[(log(1), 3, 6)]);
    let approval = shown(SECOND, &approve(board.space(), SECOND, erasure.hash()));
    let alone = in_every_order(&board, &[shown(ROOT, &erasure)]);
    assert!(erased(&alone, log(1)).is_empty());
    let both = in_every_order(&board, &[shown(ROOT, &erasure), approval]);
    assert_eq!(erased(&both, log(1)), [3..6]);
}

#[test]
fn an_erasure_by_a_root_that_goes_counts_only_where_it_is_entered_below_its_cut() {
    let both = manifest(&[ROOT, SECOND], 1);
    let next = succeed(both.space(), SECOND, &[SECOND], 1, &[cut(control(ROOT, None), 5)]);
    let erasure = erase(both.space(), ROOT, &[(log(1), 3, 6)]);
    for (event, stays) in [
        (entered(ROOT, &erasure, None, 4), true),
        (entered(ROOT, &erasure, None, 5), false),
        (shown(ROOT, &erasure), false),
    ] {
        let authority = in_every_order(&both, &[event, shown(SECOND, &next)]);
        assert_eq!(erased(&authority, log(1)) == [3..6], stays);
    }
}

#[test]
fn an_erasure_by_a_manager_stands_and_falls_with_the_grant_of_the_root_that_goes() {
    let both = manifest(&[ROOT, SECOND], 1);
    let manager = first(both.space(), ROOT, MANAGER);
    let erasure = erase(both.space(), MANAGER, &[(log(1), 3, 6)]);
    for (size, stands) in [(2, true), (1, false)] {
        let next = succeed(both.space(), SECOND, &[SECOND], 1, &[cut(control(ROOT, None), size)]);
        let let_in = entered(ROOT, &manager, None, 1);
        let events = [let_in, shown(MANAGER, &erasure), shown(SECOND, &next)];
        let authority = in_every_order(&both, &events);
        assert_eq!(authority.stands(&manager.id()), stands);
        assert_eq!(erased(&authority, log(1)) == [3..6], stands);
    }
}
