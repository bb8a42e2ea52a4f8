//! What one-link grants do, and the API around the fold.

use proptest::prelude::*;

use super::city::*;
use crate::error::{ControlError, RecordError};
use crate::{CollectionPath, ControlRecord, Grant, PeerId, Right, Rights, SpaceId, UnixMillis};

fn grant(holder: u8, resource: &str, rights: &[Right]) -> Grant {
    Grant {
        resource: path(resource),
        rights: Rights::of(rights.iter().copied()),
        depth: 0,
        ..first(alone().space(), ROOT, holder)
    }
}

#[test]
fn counts_where_when_and_for_what_it_says() {
    let authority = fold(&alone(), [&shown(ROOT, &grant(SENSOR, "parks", &[Right::Read]))]);
    let may = |holder: u8, right, on: &str, at: Option<i64>| {
        authority.allows(&peer(holder), right, &path(on), at.map(UnixMillis))
    };
    assert!(may(SENSOR, Right::Read, "parks/noise", Some(150)));
    assert!(!may(SENSOR, Right::Write, "parks/noise", Some(150)));
    assert!(!may(SENSOR, Right::Read, "harbour", Some(150)));
    assert!(!may(SENSOR, Right::Read, "parks", Some(99)));
    assert!(!may(SENSOR, Right::Read, "parks", Some(201)));
    assert!(may(SENSOR, Right::Read, "parks", None));
    assert!(!may(STRANGER, Right::Read, "parks", Some(150)));
    assert!(authority.was_let_in(&peer(SENSOR)) && !authority.was_let_in(&peer(STRANGER)));
}

#[test]
fn what_no_root_of_this_space_signed_counts_for_nothing() {
    let mut authority = empty(&alone());
    let own = Grant { issuer: peer(STRANGER), ..grant(SENSOR, "", &[Right::Write]) };
    put(&mut authority, &shown(STRANGER, &own));
    assert!(!authority.stands(&own.id()) && !authority.was_let_in(&peer(SENSOR)));
    assert_eq!(authority.grants_of(&peer(SENSOR)).count(), 0);

    let forged = signed(STRANGER, grant(SENSOR, "", &[Right::Write]));
    let refused = authority.learn(forged);
    assert!(matches!(refused, Err(ControlError::Record(RecordError::BadSignature))));
    let elsewhere = Grant { space: SpaceId([4; 32]), ..grant(SENSOR, "", &[Right::Write]) };
    assert!(matches!(authority.learn(signed(ROOT, elsewhere)), Err(ControlError::OtherSpace)));
    assert_eq!(authority.grants.len(), 1);
}

#[test]
fn what_is_learnt_twice_changes_nothing_the_second_time() {
    let mut authority = empty(&alone());
    let event = entered(ROOT, &grant(SENSOR, "", &[Right::Read]), None, 3);
    assert!(!put(&mut authority, &event));
    assert!(put(&mut authority, &event));
    assert!(put(&mut authority, &Event { place: None, ..event }));
}

#[test]
fn a_record_of_a_later_version_is_taken_for_nothing() {
    let bytes = signed(ROOT, grant(SENSOR, "", &[Right::Read])).to_bytes();
    let at = bytes.windows(5).position(|it| it == b"grant").expect("the domain");
    let mut later = bytes.clone();
    later[at..at + 5].copy_from_slice(b"gift!");
    let record = ControlRecord::from_bytes(&later).expect("kept");
    let mut authority = empty(&alone());
    assert!(put(&mut authority, &Event { record, place: None }));
}

#[test]
fn a_change_names_holders_and_grants() {
    let mut authority = empty(&alone());
    let manager = first(alone().space(), ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    for event in [shown(ROOT, &manager), shown(MANAGER, &sensor)] {
        put(&mut authority, &event);
    }
    let change = authority.learn(signed(ROOT, revoke(ROOT, &manager, &[]))).expect("taken");
    let expected = [&manager, &sensor].map(|grant| (grant.holder, grant.id()));
    assert_eq!(change.grants.into_iter().collect::<Vec<_>>(), {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        expected
    });
}

#[test]
fn readers_are_listed_with_their_chains_and_with_what_ended_them() {
    let manager = first(alone().space(), ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    let other = Grant { rights: Rights::of([Right::Relay]), ..first(alone().space(), ROOT, DEPUTY) };
    let blind = Grant { rights: Rights::of([Right::Write]), ..first(alone().space(), ROOT, STRANGER) };
    let revocation = revoke(ROOT, &manager, &[]);
    let events = [
        shown(ROOT, &manager),
        shown(MANAGER, &sensor),
        shown(ROOT, &other),
        shown(ROOT, &blind),
        shown(ROOT, &revocation),
    ];
    let authority = in_every_order(&alone(), &events);
    let readers = authority.readers(&path("parks/noise"), UnixMillis(150));
    let of = |number| readers.iter().find(|reader| reader.holder == peer(number));
    assert_eq!(readers.len(), 3);
    assert_eq!(of(DEPUTY).map(|it| (it.right, it.ended.clone())), Some((Right::Relay, None)));
    let ended = of(SENSOR).and_then(|it| it.ended.clone()).expect("it ended");
    assert_eq!(ended.grant, manager.id());
    assert_eq!(ended.revocation, Some(crate::Record::hash(&revocation)));
    assert_eq!(ended.at, Some(revocation.at));
    assert_eq!(of(SENSOR).map(|it| it.chain.clone()), Some(vec![manager.id(), sensor.id()]));
    assert_eq!(authority.readers(&path("parks"), UnixMillis(201)), []);
    assert_eq!(authority.readers(&path("harbour"), UnixMillis(150)), []);
}

#[test]
fn another_city_passes_on_what_it_holds_by_its_own_threshold() {
    let abroad = crate::Manifest::new("elsewhere", vec![peer(ABROAD), peer(ABROAD + 1)], 2, [0; 16]);
    let abroad = abroad.expect("a manifest");
    let link = held_by_space(first(alone().space(), ROOT, MANAGER), abroad.space());
    let sensor = below(&link, ABROAD, SENSOR);
    let mut authority = fold(&alone(), [&shown(ROOT, &link), &shown(ABROAD, &sensor)]);
    assert!(!may_write(&authority, SENSOR), "nobody knows its roots");
    assert!(authority.learn_manifest(abroad.clone()).expect("taken").everything);
    assert!(authority.learn_manifest(abroad).expect("taken").is_empty());
    assert!(!may_write(&authority, SENSOR), "one of two does not speak for it");
    put(&mut authority, &shown(ABROAD + 1, &approve(alone().space(), ABROAD + 1, sensor.id().0)));
    assert!(may_write(&authority, SENSOR));
    assert!(!may_write(&authority, ABROAD), "a space holds it, none of its roots");
    // Its own roots, and ours, may end what it passed on.
    for revoker in [ABROAD, ROOT] {
        let mut authority = authority.clone();
        let revocation = revoke(revoker, &sensor, &[]);
        put(&mut authority, &shown(revoker, &revocation));
        assert_eq!(may_write(&authority, SENSOR), revoker == ABROAD, "two of its roots must agree");
        let of = crate::Record::hash(&revocation);
        put(&mut authority, &shown(ABROAD + 1, &approve(alone().space(), ABROAD + 1, of)));
        assert!(!may_write(&authority, SENSOR));
    }
}

proptest! {
    #[test]
    fn grants_of_one_link_count_in_whatever_order(picks in proptest::collection::vec(0u8..6, 0..20)) {
        let grants: Vec<_> = (0..6)
            .map(|i| shown(ROOT, &grant(i % 3, ["", "parks", "harbour"][usize::from(i) % 3], &[Right::Read])))
            .collect();
        let folded = fold(&alone(), picks.iter().map(|i| &grants[usize::from(*i)]));
        for i in 0..6u8 {
            let holder: PeerId = peer(i % 3);
            let on: CollectionPath = path(["", "parks", "harbour"][usize::from(i) % 3]);
            let given = picks.iter().any(|pick| pick % 3 == i % 3);
            prop_assert_eq!(folded.allows(&holder, Right::Read, &on, None), given);
        }
    }
}
