//! Approvals, with all that several roots must agree to, and with each other.

use super::*;
use crate::{Manifest, Record, Succession};

fn board() -> Manifest {
    manifest(&[ROOT, SECOND, THIRD], 2)
}

fn agree(approver: u8, of: &impl Record) -> Event {
    shown(approver, &approve(board().space(), approver, of.hash()))
}

fn folded(events: &[Event]) -> Authority {
    in_every_order(&board(), events)
}

#[test]
fn a_grant_counts_once_another_root_approves() {
    let grant = first(board().space(), ROOT, SENSOR);
    assert!(!may_write(&folded(&[shown(ROOT, &grant)]), SENSOR));
    for grant_event in [shown(ROOT, &grant), entered(ROOT, &grant, None, 3)] {
        let authority = folded(&[grant_event, agree(SECOND, &grant)]);
        assert!(may_write(&authority, SENSOR));
        assert_eq!(counts(&authority, log(1), &grant), Admissible::All, "with what was written meanwhile");
    }
}

#[test]
fn the_issuer_a_stranger_and_a_holder_add_no_voice() {
    let grant = first(board().space(), ROOT, SENSOR);
    for nobody in [ROOT, STRANGER, SENSOR] {
        assert!(!may_write(&folded(&[shown(ROOT, &grant), agree(nobody, &grant)]), SENSOR));
    }
    let by_stranger = first(board().space(), STRANGER, SENSOR);
    let both = [agree(SECOND, &by_stranger), agree(THIRD, &by_stranger)];
    let authority = folded(&[&[shown(STRANGER, &by_stranger)], &both[..]].concat());
    assert!(!may_write(&authority, SENSOR), "roots approve what roots say");
}

#[test]
fn the_same_approval_twice_is_one_voice() {
    let three = manifest(&[ROOT, SECOND, THIRD], 3);
    let grant = first(three.space(), ROOT, SENSOR);
    let approval = approve(three.space(), SECOND, grant.hash());
    let twice = [shown(SECOND, &approval), entered(SECOND, &approval, None, 1)];
    let authority = in_every_order(&three, &[&[shown(ROOT, &grant)], &twice[..]].concat());
    assert!(!may_write(&authority, SENSOR));
    let third = shown(THIRD, &approve(three.space(), THIRD, grant.hash()));
    let authority = in_every_order(&three, &[&[shown(ROOT, &grant), third], &twice[..]].concat());
    assert!(may_write(&authority, SENSOR));
}

#[test]
fn a_revocation_by_a_root_binds_once_another_approves() {
    let grant = first(board().space(), ROOT, SENSOR);
    let ended = revoke(THIRD, &grant, &[cut(log(1), 4)]);
    let base = [shown(ROOT, &grant), agree(SECOND, &grant), shown(THIRD, &ended)];
    assert!(may_write(&folded(&base), SENSOR));
    let authority = folded(&[&base[..], &[agree(ROOT, &ended)]].concat());
    assert!(!may_write(&authority, SENSOR));
    assert_eq!(counts(&authority, log(1), &grant), up_to(log(1), 4));
}

#[test]
fn not_even_its_issuer_ends_alone_what_several_roots_granted() {
    let grant = first(board().space(), ROOT, SENSOR);
    let ended = shown(ROOT, &revoke(ROOT, &grant, &[]));
    assert!(may_write(&folded(&[shown(ROOT, &grant), agree(SECOND, &grant), ended]), SENSOR));
}

#[test]
fn an_approval_of_a_strangers_revocation_adds_nothing() {
    let grant = first(board().space(), ROOT, SENSOR);
    let ended = revoke(STRANGER, &grant, &[]);
    let base = [shown(ROOT, &grant), agree(SECOND, &grant), shown(STRANGER, &ended)];
    assert!(may_write(&folded(&[&base[..], &[agree(ROOT, &ended), agree(SECOND, &ended)]].concat()), SENSOR));
}

#[test]
fn a_restoration_counts_once_another_root_approves() {
    let grant = first(board().space(), ROOT, SENSOR);
    let ended = revoke(ROOT, &grant, &[]);
    let restored = restore(ROOT, &ended, &[cut(log(1), 4)]);
    let base = [
        shown(ROOT, &grant),
        agree(SECOND, &grant),
        shown(ROOT, &ended),
        agree(SECOND, &ended),
        shown(ROOT, &restored),
    ];
    assert_eq!(counts(&folded(&base), log(1), &grant), Admissible::Nothing);
    let authority = folded(&[&base[..], &[agree(THIRD, &restored)]].concat());
    assert_eq!(counts(&authority, log(1), &grant), up_to(log(1), 4));
}

#[test]
fn an_approval_does_not_lengthen_what_it_approves() {
    let grant = first(board().space(), ROOT, SENSOR);
    let authority = folded(&[shown(ROOT, &grant), agree(SECOND, &grant)]);
    let may = TIMES.map(|at| authority.allows(&peer(SENSOR), crate::Right::Write, &path("parks"), at));
    assert_eq!(may, [true, false, true, false]);
}

#[test]
fn a_succession_counts_once_enough_of_the_roots_before_it_agree() {
    let next = succeed(board().space(), ROOT, &[ROOT, SENSOR], 1, &[]);
    let unchanged = [peer(ROOT), peer(SECOND), peer(THIRD)];
    assert_eq!(folded(&[shown(ROOT, &next)]).roots(), unchanged);
    assert_eq!(folded(&[shown(ROOT, &next), agree(SENSOR, &next)]).roots(), unchanged, "a root to be");
    assert_eq!(folded(&[shown(ROOT, &next), agree(THIRD, &next)]).roots(), next.roots);
}

#[test]
fn an_approval_by_a_root_that_goes_counts_only_where_it_is_entered_below_its_cut() {
    let grant = first(board().space(), ROOT, SENSOR);
    let cuts = [cut(control(SECOND, None), 5)];
    let next: Succession = succeed(board().space(), ROOT, &[ROOT, THIRD], 2, &cuts);
    let approval = approve(board().space(), SECOND, grant.hash());
    let cases = [(4, true), (5, false)];
    for (position, stands) in cases {
        let events = [
            shown(ROOT, &grant),
            entered(SECOND, &approval, None, position),
            shown(ROOT, &next),
            agree(THIRD, &next),
        ];
        assert_eq!(may_write(&folded(&events), SENSOR), stands);
    }
}

#[test]
fn where_the_threshold_rises_what_has_too_few_voices_waits_for_more() {
    let two = manifest(&[ROOT, SECOND], 1);
    let grant = first(two.space(), ROOT, SENSOR);
    let next = succeed(two.space(), ROOT, &[ROOT, SECOND], 2, &[]);
    let approval = shown(SECOND, &approve(two.space(), SECOND, grant.hash()));
    let base = [shown(ROOT, &grant), shown(ROOT, &next)];
    assert!(!may_write(&in_every_order(&two, &base), SENSOR));
    assert!(may_write(&in_every_order(&two, &[&base[..], &[approval]].concat()), SENSOR));
}

#[test]
fn where_the_threshold_falls_what_too_few_said_who_went_does_not_count() {
    let grant = first(board().space(), ROOT, SENSOR);
    let next = succeed(board().space(), SECOND, &[SECOND], 1, &[cut(control(ROOT, None), 5)]);
    let base = [entered(ROOT, &grant, None, 1), shown(SECOND, &next), agree(THIRD, &next)];
    assert!(!may_write(&folded(&base), SENSOR), "it never was one voice alone that granted");
    assert!(may_write(&folded(&[&base[..], &[agree(SECOND, &grant)]].concat()), SENSOR));
}
