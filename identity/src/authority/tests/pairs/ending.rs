//! Revocations, with grants, writing, expiry and each other.

use super::*;
use crate::{GrantId, Right, UnixMillis};

#[test]
fn a_grant_is_over_when_its_issuer_revokes_it() {
    let (manager, sensor) = two_links();
    let ended = shown(MANAGER, &revoke(MANAGER, &sensor, &[]));
    for grant in [shown(MANAGER, &sensor), entered(MANAGER, &sensor, Some(&manager), 0)] {
        let authority = in_town(&[shown(ROOT, &manager), grant, ended.clone()]);
        assert!(!may_write(&authority, SENSOR) && may_write(&authority, MANAGER));
        assert_eq!(counts(&authority, log(1), &sensor), Admissible::Nothing);
    }
}

#[test]
fn a_grant_is_over_when_somebody_above_its_issuer_revokes_it() {
    let (manager, sensor) = two_links();
    let deputy = below(&manager, MANAGER, DEPUTY);
    let last = below(&deputy, DEPUTY, SENSOR);
    for (above, by) in [(ROOT, "a root"), (MANAGER, "a manager")] {
        let base = [shown(ROOT, &manager), shown(MANAGER, &deputy), shown(DEPUTY, &last)];
        let authority = in_town(&[&base[..], &[shown(above, &revoke(above, &last, &[]))]].concat());
        assert!(!may_write(&authority, SENSOR) && may_write(&authority, DEPUTY), "{by}");
    }
    let authority =
        in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(ROOT, &revoke(ROOT, &sensor, &[]))]);
    assert!(!may_write(&authority, SENSOR));
}

#[test]
fn a_grant_that_is_only_shown_falls_with_its_managers_link() {
    let (manager, sensor) = two_links();
    let ended = revoke(ROOT, &manager, &[control_cut(&manager, 100)]);
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(ROOT, &ended)]);
    assert!(!authority.stands(&sensor.id()) && !may_write(&authority, SENSOR));
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::Nothing);
}

#[test]
fn a_grant_that_is_entered_below_the_cut_outlives_its_managers_link() {
    let (manager, sensor) = two_links();
    let ended = revoke(ROOT, &manager, &[control_cut(&manager, 5)]);
    let authority =
        in_town(&[shown(ROOT, &manager), entered(MANAGER, &sensor, Some(&manager), 4), shown(ROOT, &ended)]);
    assert!(may_write(&authority, SENSOR) && !may_write(&authority, MANAGER));
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::All, "its log is not cut");
    let of_control = counts(&authority, control(MANAGER, Some(&manager)), &manager);
    assert_eq!(of_control, up_to(control(MANAGER, Some(&manager)), 5));
}

#[test]
fn a_grant_that_is_entered_past_the_cut_falls_with_its_managers_link() {
    let (manager, sensor) = two_links();
    for (position, size) in [(5, 5), (6, 5), (0, 0)] {
        let ended = revoke(ROOT, &manager, &[control_cut(&manager, size)]);
        let grant = entered(MANAGER, &sensor, Some(&manager), position);
        let authority = in_town(&[shown(ROOT, &manager), grant, shown(ROOT, &ended)]);
        assert!(!may_write(&authority, SENSOR), "entry {position}, cut at {size}");
        assert_eq!(counts(&authority, log(1), &sensor), Admissible::Nothing);
    }
    let unnamed = revoke(ROOT, &manager, &[cut(log(1), 5)]);
    let grant = entered(MANAGER, &sensor, Some(&manager), 0);
    let authority = in_town(&[shown(ROOT, &manager), grant, shown(ROOT, &unnamed)]);
    assert!(!may_write(&authority, SENSOR), "a log that is not named is cut at 0");
}

#[test]
fn a_whole_branch_falls_with_the_link_above_it() {
    let (manager, _) = two_links();
    let deputy = below(&manager, MANAGER, DEPUTY);
    let sensor = below(&deputy, DEPUTY, SENSOR);
    let ended = revoke(ROOT, &manager, &[control_cut(&manager, 3)]);
    for (position, stands) in [(2, true), (3, false)] {
        let events = [
            shown(ROOT, &manager),
            entered(MANAGER, &deputy, Some(&manager), position),
            // The deputy's own link is not revoked: what it shows counts as long as it stands.
            shown(DEPUTY, &sensor),
            shown(ROOT, &ended),
        ];
        let authority = in_town(&events);
        assert_eq!((may_write(&authority, DEPUTY), may_write(&authority, SENSOR)), (stands, stands));
    }
}

#[test]
fn a_strangers_revocation_binds_nothing() {
    let (manager, sensor) = two_links();
    let base = [shown(ROOT, &manager), entered(MANAGER, &sensor, Some(&manager), 1)];
    // Nobody; somebody below; the holder itself.
    for stranger in [STRANGER, SENSOR] {
        let of_both = [&manager, &sensor].map(|grant| shown(stranger, &revoke(stranger, grant, &[])));
        let authority = in_town(&[&base[..], &of_both[..]].concat());
        assert!(may_write(&authority, SENSOR) && may_write(&authority, MANAGER));
        assert_eq!(authority.cut(&sensor.id(), &log(1)), None);
        assert_eq!(counts(&authority, log(1), &sensor), Admissible::All);
    }
    let own = shown(MANAGER, &revoke(MANAGER, &manager, &[]));
    assert!(may_write(&in_town(&[&base[..], &[own]].concat()), MANAGER), "nobody ends what it did not issue");
}

#[test]
fn a_revocation_binds_once_the_chain_makes_its_issuer_an_ancestor() {
    let (manager, sensor) = two_links();
    let ended = revoke(ROOT, &sensor, &[]);
    let by_manager = revoke(MANAGER, &sensor, &[]);
    for (by, ended) in [(ROOT, ended), (MANAGER, by_manager)] {
        let early = in_town(&[shown(by, &ended)]);
        assert!(!early.is_revoked(&sensor.id()));
        let authority = in_town(&[shown(by, &ended), shown(MANAGER, &sensor), shown(ROOT, &manager)]);
        assert!(authority.is_revoked(&sensor.id()) && !may_write(&authority, SENSOR));
    }
    assert!(!in_town(&[]).is_revoked(&GrantId([0; 32])));
}

#[test]
fn a_revocation_binds_although_its_issuers_own_link_is_revoked() {
    let (manager, sensor) = two_links();
    let by_manager = revoke(MANAGER, &sensor, &[cut(log(1), 4)]);
    let ended = revoke(ROOT, &manager, &[control_cut(&manager, 5)]);
    // Entered past the cut, too.
    for revocation in [shown(MANAGER, &by_manager), entered(MANAGER, &by_manager, Some(&manager), 50)] {
        let grant = entered(MANAGER, &sensor, Some(&manager), 4);
        let authority = in_town(&[shown(ROOT, &manager), grant, revocation, shown(ROOT, &ended)]);
        assert!(authority.stands(&sensor.id()) && !may_write(&authority, SENSOR));
        assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 4));
    }
}

#[test]
fn of_two_revocations_the_lower_cut_counts_log_by_log() {
    let (manager, sensor) = two_links();
    let base = [shown(ROOT, &manager), shown(MANAGER, &sensor)];
    let one = [cut(log(1), 3), cut(log(2), 9), cut(log(3), 5)];
    let other = [cut(log(1), 8), cut(log(2), 4)];
    // By one issuer, and by two of which one stands above the other.
    for (first, second) in [(MANAGER, MANAGER), (MANAGER, ROOT), (ROOT, MANAGER)] {
        let both =
            [shown(first, &revoke(first, &sensor, &one)), shown(second, &revoke(second, &sensor, &other))];
        let authority = in_town(&[&base[..], &both[..]].concat());
        assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 3));
        assert_eq!(counts(&authority, log(2), &sensor), up_to(log(2), 4));
        assert_eq!(counts(&authority, log(3), &sensor), Admissible::Nothing, "one of them does not name it");
    }
}

#[test]
fn a_strangers_lower_cut_changes_nothing() {
    let (manager, sensor) = two_links();
    let base = [shown(ROOT, &manager), shown(MANAGER, &sensor)];
    let ended = shown(MANAGER, &revoke(MANAGER, &sensor, &[cut(log(1), 8)]));
    let lower = shown(STRANGER, &revoke(STRANGER, &sensor, &[cut(log(1), 2)]));
    let authority = in_town(&[&base[..], &[ended, lower]].concat());
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 8));
}

#[test]
fn what_is_written_below_the_cut_counts_and_what_is_past_it_does_not() {
    let (manager, sensor) = two_links();
    let ended = revoke(MANAGER, &sensor, &[cut(log(1), 6)]);
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &ended)]);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 6));
    assert_eq!(authority.cut(&sensor.id(), &log(1)), Some(cut(log(1), 6)));
    assert_eq!(counts(&authority, log(2), &sensor), Admissible::Nothing);
}

#[test]
fn what_has_expired_is_cut_by_a_revocation_all_the_same() {
    let (manager, sensor) = two_links();
    let sensor = Grant { not_after: UnixMillis(101), ..sensor };
    let mut ended = revoke(MANAGER, &sensor, &[cut(log(1), 6)]);
    ended.at = UnixMillis(199);
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &ended)]);
    assert_eq!(counts(&authority, log(1), &sensor), up_to(log(1), 6));
    assert!(!authority.allows(&peer(SENSOR), Right::Write, &path("parks"), Some(UnixMillis(100))));
}

#[test]
fn a_manager_whose_link_has_expired_still_ends_what_it_granted() {
    let manager = Grant { not_after: UnixMillis(120), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = below(&manager, MANAGER, SENSOR);
    let mut ended = revoke(MANAGER, &sensor, &[]);
    ended.at = UnixMillis(199);
    let authority = in_town(&[shown(ROOT, &manager), shown(MANAGER, &sensor), shown(MANAGER, &ended)]);
    assert!(authority.is_revoked(&sensor.id()));
}

#[test]
fn whoever_is_revoked_goes_on_by_a_new_grant() {
    let (manager, sensor) = two_links();
    let again = only(sensor.clone(), Right::Write);
    let events = [
        shown(ROOT, &manager),
        shown(MANAGER, &sensor),
        shown(MANAGER, &revoke(MANAGER, &sensor, &[])),
        shown(MANAGER, &again),
    ];
    let authority = in_town(&events);
    assert!(may_write(&authority, SENSOR));
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::Nothing, "what was written before stays cut");
    assert_eq!(counts(&authority, log(1), &again), Admissible::All);
}
