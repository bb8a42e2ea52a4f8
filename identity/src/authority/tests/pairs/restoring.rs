//! Restorations, with grants, revocations, writing, expiry and each other.

use super::*;
use crate::{Record, Restoration, Revocation, UnixMillis};

/// A sensor whose grant its manager ended, naming one of its logs.
fn ended() -> (Vec<Event>, Grant, Revocation) {
    let (manager, sensor) = two_links();
    let ended = revoke(MANAGER, &sensor, &[cut(log(1), 3)]);
    let events = vec![shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &ended)];
    (events, sensor, ended)
}

fn with(events: &[Event], more: impl IntoIterator<Item = Event>) -> Authority {
    let mut events = events.to_vec();
    events.extend(more);
    in_town(&events)
}

#[test]
fn a_restoration_names_logs_that_the_revocation_forgot() {
    let (events, sensor, ended) = ended();
    for above in [MANAGER, ROOT] {
        let authority = with(&events, [shown(above, &restore(above, &ended, &[cut(log(2), 7)]))]);
        assert_eq!(counts(&authority, log(2), &sensor), up_to(log(2), 7));
        assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 3));
        assert_eq!(counts(&authority, log(4), &sensor), Admissible::Nothing);
    }
}

#[test]
fn a_restoration_does_not_raise_a_cut_that_is_named() {
    let (events, sensor, ended) = ended();
    let authority = with(&events, [shown(ROOT, &restore(ROOT, &ended, &[cut(log(1), 9)]))]);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 3));
}

#[test]
fn a_restoration_does_not_bring_a_grant_back() {
    let (events, sensor, ended) = ended();
    let authority = with(&events, [shown(ROOT, &restore(ROOT, &ended, &[cut(log(2), 7)]))]);
    assert!(authority.is_revoked(&sensor.id()) && !may_write(&authority, SENSOR));
}

#[test]
fn a_restoration_by_somebody_further_down_or_by_a_stranger_binds_nothing() {
    let (manager, sensor) = two_links();
    let by_root = revoke(ROOT, &sensor, &[]);
    let events = [shown(ROOT, &manager), shown(MANAGER, &sensor), shown(ROOT, &by_root)];
    for other in [MANAGER, SENSOR, STRANGER] {
        let authority = with(&events, [shown(other, &restore(other, &by_root, &[cut(log(2), 7)]))]);
        assert_eq!(counts(&authority, log(2), &sensor), Admissible::Nothing);
    }
}

#[test]
fn a_restoration_of_one_revocation_does_not_lift_another() {
    let (events, sensor, ended) = ended();
    let by_root = shown(ROOT, &revoke(ROOT, &sensor, &[cut(log(1), 2)]));
    let authority = with(&events, [by_root, shown(ROOT, &restore(ROOT, &ended, &[cut(log(2), 7)]))]);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 2));
    assert_eq!(counts(&authority, log(2), &sensor), Admissible::Nothing);
}

#[test]
fn a_restoration_of_a_strangers_revocation_changes_nothing() {
    let (manager, sensor) = two_links();
    let stranger = revoke(STRANGER, &sensor, &[]);
    let events = [shown(ROOT, &manager), shown(MANAGER, &sensor), shown(STRANGER, &stranger)];
    let authority = with(&events, [shown(STRANGER, &restore(STRANGER, &stranger, &[cut(log(1), 1)]))]);
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::All);
}

#[test]
fn of_two_restorations_the_lower_cut_counts() {
    let (events, sensor, ended) = ended();
    let both: [(u8, Restoration); 2] = [
        (MANAGER, restore(MANAGER, &ended, &[cut(log(2), 7), cut(log(3), 2)])),
        (ROOT, restore(ROOT, &ended, &[cut(log(2), 4)])),
    ];
    let authority = with(&events, both.map(|(by, it)| shown(by, &it)));
    assert_eq!(counts(&authority, log(2), &sensor), up_to(log(2), 4));
    assert_eq!(counts(&authority, log(3), &sensor), up_to(log(3), 2), "only one of them names it");
}

#[test]
fn what_was_entered_below_a_restored_cut_stands_again_and_what_was_past_it_does_not() {
    let (manager, sensor) = two_links();
    let other = below(&manager, MANAGER, DEPUTY);
    let ended = revoke(ROOT, &manager, &[]);
    let base = [
        shown(ROOT, &manager),
        entered(MANAGER, &sensor, Some(&manager), 3),
        entered(MANAGER, &other, Some(&manager), 7),
        shown(ROOT, &ended),
    ];
    let authority = in_town(&base);
    assert!(!may_write(&authority, SENSOR) && !may_write(&authority, DEPUTY));
    let authority = with(&base, [shown(ROOT, &restore(ROOT, &ended, &[control_cut(&manager, 5)]))]);
    assert!(may_write(&authority, SENSOR) && !may_write(&authority, DEPUTY));
}

#[test]
fn what_is_written_past_a_restored_cut_does_not_count() {
    let (events, sensor, ended) = ended();
    let authority = with(&events, [shown(MANAGER, &restore(MANAGER, &ended, &[cut(log(2), 7)]))]);
    assert_eq!(authority.cut(&sensor.id(), &log(2)), Some(cut(log(2), 7)));
}

#[test]
fn a_restoration_counts_after_the_grant_or_its_issuers_link_has_expired_and_after_that_link_is_revoked() {
    let manager = Grant { not_after: UnixMillis(120), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = below(&manager, MANAGER, SENSOR);
    let ended = revoke(MANAGER, &sensor, &[]);
    let of_manager = revoke(ROOT, &manager, &[control_cut(&manager, 2)]);
    let mut restored = restore(MANAGER, &ended, &[cut(log(2), 7)]);
    restored.at = UnixMillis(199);
    let base = [
        shown(ROOT, &manager),
        entered(MANAGER, &sensor, Some(&manager), 1),
        shown(MANAGER, &ended),
        shown(MANAGER, &restored),
    ];
    assert_eq!(counts(&in_town(&base), log(2), &sensor), up_to(log(2), 7));
    let authority = with(&base, [shown(ROOT, &of_manager)]);
    assert_eq!(counts(&authority, log(2), &sensor), up_to(log(2), 7));
}

#[test]
fn a_restoration_that_comes_before_its_revocation_waits_for_it() {
    let (events, sensor, ended) = ended();
    let restored = shown(MANAGER, &restore(MANAGER, &ended, &[cut(log(2), 7)]));
    let authority = in_town(&[&events[..2], &[restored]].concat());
    assert_eq!(counts(&authority, log(2), &sensor), Admissible::All);
    assert_ne!(ended.hash(), [0; 32]);
}
