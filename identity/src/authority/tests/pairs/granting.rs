//! Grants, shown and entered, with each other, with writing and with expiry.

use super::*;
use crate::{LogId, Record, Right, UnixMillis};

#[test]
fn two_grants_to_one_holder_add_up() {
    let (manager, sensor) = two_links();
    let (read, write) = (only(sensor.clone(), Right::Read), only(sensor, Right::Write));
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &read), shown(MANAGER, &write)]);
    let may = |right| authority.allows(&peer(SENSOR), right, &path("parks"), None);
    assert!(may(Right::Read) && may(Right::Write) && !may(Right::Manage));
    assert_eq!(authority.grants_of(&peer(SENSOR)).count(), 2);
}

#[test]
fn a_grant_that_is_shown_and_entered_counts_once() {
    let (manager, sensor) = two_links();
    let events =
        [shown(ROOT, &manager), shown(MANAGER, &sensor), entered(MANAGER, &sensor, Some(&manager), 1)];
    assert_eq!(in_town(&events).grants_of(&peer(SENSOR)).count(), 1);
}

#[test]
fn a_grant_that_is_shown_before_the_link_above_counts_once_that_is_known() {
    let (manager, sensor) = two_links();
    assert!(!may_write(&in_town(&[shown(MANAGER, &sensor)]), SENSOR));
    assert!(may_write(&in_town(&[shown(MANAGER, &sensor), shown(ROOT, &manager)]), SENSOR));
}

#[test]
fn a_grant_that_is_entered_in_two_logs_survives_where_one_of_them_is_named() {
    let (manager, sensor) = two_links();
    let other = entered(MANAGER, &sensor, Some(&manager), 4);
    let mut other_log = other.clone();
    // Another incarnation of the manager's control log.
    other_log.place = other.place.map(|place| crate::Entered { log: LogId([5; 32]), ..place });
    let ended = |log| shown(ROOT, &revoke(ROOT, &manager, &[cut(log, 5)]));
    let base = [shown(ROOT, &manager), other, other_log];
    for log in [control(MANAGER, Some(&manager)), LogId([5; 32])] {
        assert!(may_write(&in_town(&[&base[..], &[ended(log)]].concat()), SENSOR));
    }
    assert!(!may_write(&in_town(&[&base[..], &[ended(LogId([6; 32]))]].concat()), SENSOR));
}

#[test]
fn a_log_counts_from_when_the_grant_that_it_shows_is_known() {
    let (manager, sensor) = two_links();
    let unknown = in_town(&[shown(ROOT, &manager)]);
    assert_eq!(counts(&unknown, log(1), &sensor), Admissible::Nothing);
    let known = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor)]);
    assert_eq!(counts(&known, log(1), &sensor), Admissible::All);
}

#[test]
fn a_grant_ends_with_its_own_validity_which_lies_within_that_of_the_link_above() {
    let (manager, sensor) = two_links();
    let short = Grant { not_after: UnixMillis(120), ..sensor.clone() };
    let long = Grant { not_after: UnixMillis(201), ..sensor };
    let base = [shown(ROOT, &manager), entered(MANAGER, &short, Some(&manager), 0)];
    let authority = in_town(&[&base[..], &[shown(MANAGER, &long)]].concat());
    let may = |at| authority.allows(&peer(SENSOR), Right::Write, &path("parks"), Some(UnixMillis(at)));
    assert!(may(120) && !may(121) && !may(150), "the longer one is wider than the link above");
    assert!(!authority.stands(&long.id()));
}

#[test]
fn expiry_does_not_cut_what_was_written_nor_what_was_entered() {
    let manager = Grant { not_after: UnixMillis(120), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = below(&manager, MANAGER, SENSOR);
    let authority = in_town(&[shown(ROOT, &manager), entered(MANAGER, &sensor, Some(&manager), 9)]);
    assert!(!may_write(&authority, SENSOR), "at 150 it is over");
    assert!(authority.stands(&sensor.id()));
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::All, "an entry's own time proves nothing");
}

#[test]
fn a_log_with_two_grants_goes_on_by_the_one_that_allows_more() {
    let (manager, sensor) = two_links();
    let other = only(sensor.clone(), Right::Write);
    let mut narrow = revoke(MANAGER, &other, &[cut(log(1), 3)]);
    let base = [shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &other)];
    let both = crate::Shown::Grants(vec![sensor.id(), other.id()]);
    let authority = in_town(&[&base[..], &[shown(MANAGER, &narrow)]].concat());
    assert_eq!(authority.admissible(&log(1), &both), Admissible::All);
    let wide = revoke(MANAGER, &sensor, &[cut(log(1), 8)]);
    narrow.at = UnixMillis(1);
    assert_ne!(narrow.hash(), wide.hash());
    let all = [&base[..], &[shown(MANAGER, &narrow), shown(MANAGER, &wide)]].concat();
    assert_eq!(in_town(&all).admissible(&log(1), &both), up_to(log(1), 8));
}
