//! Successions, with all that a root says, and with each other.

use super::*;
use crate::{Manifest, Record, Shown, Succession};

fn two_roots() -> Manifest {
    manifest(&[ROOT, SECOND], 1)
}

/// The first root goes, and its control log is cut there.
fn goes(space: crate::SpaceId, size: Option<u64>) -> Event {
    let cuts: Vec<_> = size.map(|size| cut(control(ROOT, None), size)).into_iter().collect();
    shown(SECOND, &succeed(space, SECOND, &[SECOND, THIRD], 1, &cuts))
}

fn folded(events: &[Event]) -> Authority {
    in_every_order(&two_roots(), events)
}

#[test]
fn what_a_root_that_stays_says_counts_before_and_after() {
    let space = two_roots().space();
    let grant = first(space, SECOND, SENSOR);
    let authority = folded(&[shown(SECOND, &grant), goes(space, None)]);
    assert!(may_write(&authority, SENSOR));
    assert_eq!(authority.roots(), [peer(SECOND), peer(THIRD)]);
    let authority =
        folded(&[shown(SECOND, &grant), goes(space, None), shown(THIRD, &revoke(THIRD, &grant, &[]))]);
    assert!(!may_write(&authority, SENSOR), "the roots of today speak for the space");
}

#[test]
fn a_grant_by_a_root_that_goes_counts_only_where_it_is_entered_below_its_cut() {
    let space = two_roots().space();
    let grant = first(space, ROOT, SENSOR);
    let cases = [
        (shown(ROOT, &grant), Some(9), false),
        (entered(ROOT, &grant, None, 4), Some(5), true),
        (entered(ROOT, &grant, None, 5), Some(5), false),
        (entered(ROOT, &grant, None, 0), None, false),
    ];
    for (event, size, stands) in cases {
        let authority = folded(&[event, goes(space, size)]);
        assert_eq!(may_write(&authority, SENSOR), stands);
        let all = if stands { Admissible::All } else { Admissible::Nothing };
        assert_eq!(
            counts(&authority, log(1), &grant),
            all,
            "what was written stands and falls with its grant"
        );
    }
}

#[test]
fn what_was_passed_on_stands_and_falls_with_the_grant_of_the_root_that_goes() {
    let space = two_roots().space();
    let manager = first(space, ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    for (position, stands) in [(4, true), (5, false)] {
        let events = [entered(ROOT, &manager, None, position), shown(MANAGER, &sensor), goes(space, Some(5))];
        assert_eq!(may_write(&folded(&events), SENSOR), stands);
    }
}

#[test]
fn a_revocation_by_a_root_that_goes_binds_only_where_it_is_entered_below_its_cut() {
    let space = two_roots().space();
    let grant = first(space, SECOND, SENSOR);
    let ended = revoke(ROOT, &grant, &[cut(log(1), 2)]);
    let cases = [
        (shown(ROOT, &ended), false),
        (entered(ROOT, &ended, None, 4), true),
        (entered(ROOT, &ended, None, 5), false),
    ];
    for (event, binds) in cases {
        let authority = folded(&[shown(SECOND, &grant), event, goes(space, Some(5))]);
        assert_eq!(authority.is_revoked(&grant.id()), binds);
    }
}

#[test]
fn a_restoration_by_a_root_that_goes_counts_only_where_it_is_entered_below_its_cut() {
    let space = two_roots().space();
    let grant = first(space, SECOND, SENSOR);
    let ended = revoke(SECOND, &grant, &[]);
    let restored = restore(ROOT, &ended, &[cut(log(1), 2)]);
    for (position, expected) in [(4, up_to(log(1), 2)), (5, Admissible::Nothing)] {
        let event = entered(ROOT, &restored, None, position);
        let authority = folded(&[shown(SECOND, &grant), shown(SECOND, &ended), event, goes(space, Some(5))]);
        assert_eq!(counts(&authority, log(1), &grant), expected);
    }
}

#[test]
fn a_revocation_by_an_everyday_issuer_binds_whatever_becomes_of_the_roots() {
    let space = two_roots().space();
    let manager = first(space, ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    let events = [
        entered(ROOT, &manager, None, 0),
        shown(MANAGER, &sensor),
        shown(MANAGER, &revoke(MANAGER, &sensor, &[])),
        goes(space, Some(1)),
    ];
    let authority = folded(&events);
    assert!(authority.stands(&manager.id()) && authority.is_revoked(&sensor.id()));
}

#[test]
fn the_control_log_of_a_root_that_goes_is_cut() {
    let space = two_roots().space();
    let (own, before) = (Shown::Root(peer(ROOT)), empty(&two_roots()));
    assert_eq!(before.admissible(&control(ROOT, None), &own), Admissible::All);
    let after = folded(&[goes(space, Some(5))]);
    assert_eq!(after.admissible(&control(ROOT, None), &own), up_to(control(ROOT, None), 5));
    assert_eq!(after.admissible(&log(1), &own), Admissible::Nothing);
    assert_eq!(after.admissible(&log(1), &Shown::Root(peer(THIRD))), Admissible::All);
    assert_eq!(after.admissible(&log(1), &Shown::Root(peer(STRANGER))), Admissible::Nothing);
}

#[test]
fn expiry_is_judged_alike_whoever_the_roots_are() {
    let space = two_roots().space();
    let grant = first(space, SECOND, SENSOR);
    let authority = folded(&[shown(SECOND, &grant), goes(space, None)]);
    let may = TIMES.map(|at| authority.allows(&peer(SENSOR), crate::Right::Write, &path("parks"), at));
    assert_eq!(may, [true, false, true, false]);
}

#[test]
fn of_two_successions_of_one_number_the_lower_hash_counts() {
    let space = two_roots().space();
    let one: Succession = succeed(space, ROOT, &[ROOT, THIRD], 1, &[]);
    let other = succeed(space, SECOND, &[SECOND, THIRD], 1, &[]);
    let authority = folded(&[shown(ROOT, &one), shown(SECOND, &other)]);
    let lower = if one.hash() < other.hash() { &one } else { &other };
    assert_eq!(authority.roots(), lower.roots);
}

#[test]
fn successions_follow_each_other_and_one_that_skips_a_number_counts_for_nothing() {
    let space = two_roots().space();
    let one = succeed(space, ROOT, &[SECOND, THIRD], 1, &[]);
    let next =
        |serial| Succession { previous: one.hash(), serial, ..succeed(space, THIRD, &[THIRD], 1, &[]) };
    let authority = folded(&[shown(ROOT, &one), shown(THIRD, &next(2))]);
    assert_eq!(authority.roots(), [peer(THIRD)]);
    let authority = folded(&[shown(ROOT, &one), shown(THIRD, &next(3))]);
    assert_eq!(authority.roots(), one.roots);
    let by_one_that_went = Succession { issuer: peer(ROOT), ..next(2) };
    let authority = folded(&[shown(ROOT, &one), shown(ROOT, &by_one_that_went)]);
    assert_eq!(authority.roots(), one.roots, "it speaks for the space no more");
}

#[test]
fn a_root_that_comes_back_speaks_again() {
    let space = two_roots().space();
    let one = succeed(space, SECOND, &[SECOND], 1, &[]);
    let back = Succession { previous: one.hash(), serial: 2, ..succeed(space, SECOND, &[ROOT], 1, &[]) };
    let grant = first(space, ROOT, SENSOR);
    let authority = folded(&[shown(ROOT, &grant), shown(SECOND, &one)]);
    assert!(!may_write(&authority, SENSOR));
    let authority = folded(&[shown(ROOT, &grant), shown(SECOND, &one), shown(SECOND, &back)]);
    assert!(may_write(&authority, SENSOR));
}
