//! What an attacker tries, and that nothing comes of it.

use super::city::*;
use crate::authority::{Admissible, Authority, Shown, Written};
use crate::error::{ChainError, Widened};
use crate::{
    Area, Caveats, CollectionPath, ControlRecord, ControlStream, Grant, GrantId, Right, Rights, SpaceId,
    UnixMillis, Unverified, Verified,
};

fn chain() -> [Grant; 3] {
    let manager = first(alone().space(), ROOT, MANAGER);
    let deputy = below(&manager, MANAGER, DEPUTY);
    let sensor = below(&deputy, DEPUTY, SENSOR);
    [manager, deputy, sensor]
}

fn sign(signers: [u8; 3], grants: &[Grant; 3]) -> Vec<Verified<Grant>> {
    signers.into_iter().zip(grants).map(|(signer, grant)| key(signer).sign(grant.clone())).collect()
}

fn check(grants: &[Verified<Grant>], author: u8, collection: &str) -> Result<Shown, ChainError> {
    check_in(&empty(&alone()), grants, author, collection, "noise")
}

fn check_in(
    authority: &Authority,
    grants: &[Verified<Grant>],
    author: u8,
    collection: &str,
    stream: &str,
) -> Result<Shown, ChainError> {
    let log = Written { author: peer(author), collection: &path(collection), stream, place: None };
    authority.check_chain(&log, grants.iter().map(|grant| Unverified::from(grant.clone())))
}

fn nobody_gains(events: &[Event], holder: u8) {
    let authority = in_every_order(&alone(), events);
    for right in [Right::Relay, Right::Read, Right::Write, Right::Manage] {
        for on in ["", "parks", "parks/noise"] {
            assert!(!authority.allows(&peer(holder), right, &path(on), None));
        }
    }
    assert_eq!(authority.grants_of(&peer(holder)).count(), 0);
}

#[test]
fn an_honest_chain_is_accepted_in_whatever_order_its_links_are_shown() {
    let grants = chain();
    let mut signed = sign([ROOT, MANAGER, DEPUTY], &grants);
    for _ in 0..3 {
        signed.rotate_left(1);
        assert_eq!(
            check(&signed, SENSOR, "parks/noise").expect("may write"),
            Shown::Grants(vec![grants[2].id()])
        );
    }
    signed.reverse();
    assert!(check(&signed, SENSOR, "parks").is_ok());
    assert!(matches!(check(&signed, SENSOR, "harbour"), Err(ChainError::NoGrant)));
    assert!(matches!(check(&signed, STRANGER, "parks"), Err(ChainError::NoGrant)));
}

#[test]
fn forged_chains_are_refused_whichever_link_is_forged() {
    let grants = chain();
    for forged in 0..3 {
        let mut signers = [ROOT, MANAGER, DEPUTY];
        signers[forged] = STRANGER;
        let signed = sign(signers, &grants);
        assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::Record(_))), "link {forged}");
        let mut authority = empty(&alone());
        for grant in signed {
            let _ = authority.learn(grant.into());
        }
        assert!(!may_write(&authority, SENSOR), "link {forged}");
    }
}

#[test]
fn chains_that_begin_with_a_stranger_lead_nowhere() {
    let own = Grant { issuer: peer(STRANGER), ..chain()[0].clone() };
    let deputy = below(&own, MANAGER, DEPUTY);
    let sensor = below(&deputy, DEPUTY, SENSOR);
    let signed = sign([STRANGER, MANAGER, DEPUTY], &[own.clone(), deputy.clone(), sensor.clone()]);
    assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::NotARoot)));
    nobody_gains(&[shown(STRANGER, &own), shown(MANAGER, &deputy), shown(DEPUTY, &sensor)], SENSOR);
}

#[test]
fn reordered_chains_are_refused() {
    let [manager, deputy, sensor] = chain();
    // The last link hangs below the first, whose holder did not issue it.
    let moved = Grant { parent: Some(manager.id()), ..sensor.clone() };
    let signed = sign([ROOT, MANAGER, DEPUTY], &[manager.clone(), deputy.clone(), moved.clone()]);
    assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::NotTheHolder)));
    nobody_gains(&[shown(ROOT, &manager), shown(MANAGER, &deputy), shown(DEPUTY, &moved)], SENSOR);
    // A link is left out.
    let signed = sign([ROOT, MANAGER, DEPUTY], &[manager.clone(), manager.clone(), sensor.clone()]);
    let gap: Vec<_> = [&signed[0], &signed[2]].into_iter().cloned().collect();
    assert!(matches!(check(&gap, SENSOR, "parks"), Err(ChainError::Missing)));
    nobody_gains(&[shown(ROOT, &manager), shown(DEPUTY, &sensor)], SENSOR);
    // A link issued by a root is cut off from what is above it, and claims to be a first one.
    let orphan = Grant { parent: None, ..sensor };
    nobody_gains(&[shown(ROOT, &manager), shown(MANAGER, &deputy), shown(DEPUTY, &orphan)], SENSOR);
}

#[test]
fn a_link_that_is_wider_than_the_one_above_gives_nothing_not_even_what_would_be_within() {
    let [manager, deputy, sensor] = chain();
    let everything = CollectionPath::everything();
    let attempts = [
        Grant { rights: Rights::of([Right::Read, Right::Write, Right::Relay]), ..sensor.clone() },
        Grant { resource: everything, ..sensor.clone() },
        Grant { not_before: UnixMillis(99), ..sensor.clone() },
        Grant { not_after: UnixMillis(201), ..sensor.clone() },
        Grant { depth: deputy.depth, ..sensor.clone() },
    ];
    for attempt in attempts {
        let signed = sign([ROOT, MANAGER, DEPUTY], &[manager.clone(), deputy.clone(), attempt.clone()]);
        assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::Widened(_))), "{attempt:?}");
        nobody_gains(&[shown(ROOT, &manager), shown(MANAGER, &deputy), shown(DEPUTY, &attempt)], SENSOR);
    }
    let elsewhere = Grant { space: SpaceId([4; 32]), ..sensor };
    let signed = sign([ROOT, MANAGER, DEPUTY], &[manager, deputy, elsewhere]);
    assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::OtherSpace)));
}

#[test]
fn whoever_may_not_manage_lets_nobody_in() {
    let mut holder = first(alone().space(), ROOT, MANAGER);
    holder.rights = Rights::of([Right::Read, Right::Write]);
    let passed = below(&holder, MANAGER, SENSOR);
    nobody_gains(&[shown(ROOT, &holder), shown(MANAGER, &passed)], SENSOR);
    let signed = [key(ROOT).sign(holder), key(MANAGER).sign(passed)];
    assert!(matches!(check(&signed, SENSOR, "parks"), Err(ChainError::Widened(Widened::NotManaged))));
}

#[test]
fn an_expired_parent_lets_nobody_in() {
    let manager = Grant { not_after: UnixMillis(120), ..first(alone().space(), ROOT, MANAGER) };
    let longer = Grant { not_after: VALID.1, ..below(&manager, MANAGER, SENSOR) };
    let within = below(&manager, MANAGER, SENSOR);
    nobody_gains(&[shown(ROOT, &manager), shown(MANAGER, &longer)], SENSOR);
    let authority = in_every_order(&alone(), &[shown(ROOT, &manager), shown(MANAGER, &within)]);
    assert!(!may_write(&authority, SENSOR), "its own validity ended with that of the link above");
    assert!(authority.allows(&peer(SENSOR), Right::Write, &path("parks"), Some(UnixMillis(110))));
}

#[test]
fn a_chain_has_at_most_eight_links() {
    let mut links = vec![Grant { depth: 200, ..first(alone().space(), ROOT, MANAGER) }];
    for _ in 1..9 {
        let next = below(links.last().expect("a link"), MANAGER, MANAGER);
        links.push(next);
    }
    let signed: Vec<_> = std::iter::once(ROOT)
        .chain(std::iter::repeat(MANAGER))
        .zip(&links)
        .map(|(by, link)| key(by).sign(link.clone()))
        .collect();
    let mut authority = empty(&alone());
    for link in signed.iter().rev() {
        let _ = authority.learn(link.clone().into()).expect("taken");
    }
    assert!(authority.stands(&links[7].id()) && !authority.stands(&links[8].id()));
    let only = |last: usize| {
        let grants = &signed[..=last];
        let stream = ControlStream::Under(links[last].id()).to_string();
        check_in(&authority, grants, MANAGER, ".control", &stream)
    };
    assert!(only(7).is_ok());
    assert!(matches!(only(8), Err(ChainError::TooLong)));
}

#[test]
fn a_revoked_manager_who_signed_grants_in_advance_lets_nobody_in() {
    let manager = first(alone().space(), ROOT, MANAGER);
    let backdated = Grant { not_before: UnixMillis(101), ..below(&manager, MANAGER, SENSOR) };
    let ended = revoke(ROOT, &manager, &[cut(control(MANAGER, Some(&manager)), 5)]);
    // Shown by whoever holds it, or entered past the cut, or in a log of which the revocation knows nothing.
    let late = entered(MANAGER, &backdated, Some(&manager), 5);
    let mut aside = late.clone();
    aside.place = aside.place.map(|place| crate::Entered { log: log(77), position: 0, ..place });
    let as_root = entered(MANAGER, &backdated, None, 0);
    for event in [shown(MANAGER, &backdated), late, aside, as_root] {
        nobody_gains(&[shown(ROOT, &manager), shown(ROOT, &ended), event], SENSOR);
    }
}

#[test]
fn a_grant_that_is_entered_under_another_link_of_its_manager_is_not_entered_under_this_one() {
    let manager = first(alone().space(), ROOT, MANAGER);
    let other = Grant { depth: 5, ..manager.clone() };
    let sensor = below(&manager, MANAGER, SENSOR);
    // The revocation of this link names the control log of the other one too, where the manager goes on.
    let cuts = [&manager, &other].map(|link| cut(control(MANAGER, Some(link)), 9));
    let ended = shown(ROOT, &revoke(ROOT, &manager, &cuts));
    for (under, stands) in [(&manager, true), (&other, false)] {
        let event = entered(MANAGER, &sensor, Some(under), 0);
        let authority =
            in_every_order(&alone(), &[shown(ROOT, &manager), shown(ROOT, &other), event, ended.clone()]);
        assert_eq!(may_write(&authority, SENSOR), stands);
    }
}

#[test]
fn what_one_root_of_another_city_issued_is_not_entered_by_the_other_root() {
    let abroad = crate::Manifest::new("elsewhere", vec![peer(ABROAD), peer(ABROAD + 1)], 1, [0; 16]);
    let abroad = abroad.expect("a manifest");
    let link = held_by_space(first(alone().space(), ROOT, MANAGER), abroad.space());
    let sensor = below(&link, ABROAD, SENSOR);
    let ended = shown(ROOT, &revoke(ROOT, &link, &[cut(log(5), 9)]));
    for (author, stands) in [(ABROAD, true), (ABROAD + 1, false)] {
        let mut event = shown(ABROAD, &sensor);
        event.place =
            Some(crate::Entered { log: log(5), author: peer(author), under: Some(link.id()), position: 0 });
        let mut authority = fold(&alone(), [&shown(ROOT, &link), &event, &ended]);
        let _ = authority.learn_manifest(abroad.clone()).expect("taken");
        assert_eq!(may_write(&authority, SENSOR), stands);
    }
}

#[test]
fn what_a_peer_shows_of_itself_is_learnt_and_what_it_made_up_is_not() {
    let grants = chain();
    let mut shown: Vec<ControlRecord> =
        sign([ROOT, MANAGER, DEPUTY], &grants).into_iter().map(ControlRecord::from).collect();
    let made_up = Grant { issuer: peer(STRANGER), ..first(alone().space(), STRANGER, SENSOR) };
    let of_another = first(alone().space(), ROOT, THIRD);
    shown.push(signed(STRANGER, made_up.clone()));
    shown.push(signed(STRANGER, first(alone().space(), ROOT, SENSOR)));
    shown.push(signed(ROOT, of_another.clone()));
    shown.rotate_left(2);
    let mut authority = empty(&alone());
    let change = authority.learn_shown(&peer(SENSOR), shown.clone());
    assert_eq!(change.grants.len(), 3);
    assert!(may_write(&authority, SENSOR) && authority.grants.len() == 3);
    assert!(authority.grant(&made_up.id()).is_none() && authority.grant(&of_another.id()).is_none());
    assert!(authority.learn_shown(&peer(SENSOR), shown.clone()).is_empty());
    // Nobody gains by what another one shows; and of what is known already the rest is enough.
    assert!(empty(&alone()).learn_shown(&peer(STRANGER), shown.clone()).is_empty());
    let is_last =
        |it: &&ControlRecord| matches!(it, ControlRecord::Grant(it) if it.claims().id() == grants[2].id());
    let last = shown.iter().filter(is_last).cloned();
    let mut authority = fold(&alone(), &sign_all(&grants)[..2]);
    assert_eq!(authority.learn_shown(&peer(SENSOR), last).grants.len(), 1);
}

#[test]
fn what_a_peer_shows_counts_with_the_approvals_that_it_shows() {
    let board = manifest(&[ROOT, SECOND], 2);
    let grant = first(board.space(), ROOT, SENSOR);
    let approval = approve(board.space(), SECOND, grant.id().0);
    let by_stranger = approve(board.space(), STRANGER, grant.id().0);
    let of_another = approve(board.space(), SECOND, [9; 32]);
    let mut authority = empty(&board);
    let records = [signed(STRANGER, by_stranger), signed(SECOND, of_another), signed(ROOT, grant)];
    assert!(authority.learn_shown(&peer(SENSOR), records.clone()).is_empty());
    assert_eq!((authority.grants.len(), authority.approvals.len()), (0, 0));
    let _ = authority.learn_shown(&peer(SENSOR), records.into_iter().chain([signed(SECOND, approval)]));
    assert!(may_write(&authority, SENSOR));
    assert_eq!((authority.grants.len(), authority.approvals.len()), (1, 1));
}

#[test]
fn entries_written_past_the_cut_do_not_count_however_they_are_dated() {
    let sensor = first(alone().space(), ROOT, SENSOR);
    let ended = revoke(ROOT, &sensor, &[cut(log(1), 12)]);
    let authority = in_every_order(&alone(), &[shown(ROOT, &sensor), shown(ROOT, &ended)]);
    assert_eq!(counts(&authority, log(1), &sensor), Admissible::UpTo(cut(log(1), 12)));
    assert_eq!(counts(&authority, log(2), &sensor), Admissible::Nothing, "a new log, begun afterwards");
}

#[test]
fn a_grant_that_is_limited_to_a_place_lets_nobody_write_what_is_measured_elsewhere() {
    let place = Area { south_e7: 0, west_e7: 0, north_e7: 10, east_e7: 10 };
    let mut sensor = first(alone().space(), ROOT, SENSOR);
    sensor.caveats = Some(Caveats { place: Some(place), ..Caveats::default() });
    let signed = key(ROOT).sign(sensor);
    let at = |place| {
        let log = Written { author: peer(SENSOR), collection: &path("parks"), stream: "noise", place };
        empty(&alone()).check_chain(&log, [Unverified::from(signed.clone())])
    };
    assert!(at(Some((5, 10))).is_ok());
    for place in [None, Some((5, 11)), Some((-1, 5)), Some((i32::MIN, i32::MAX))] {
        assert!(matches!(at(place), Err(ChainError::NoGrant)), "{place:?}");
    }
}

#[test]
fn control_logs_are_written_by_those_who_manage_and_by_roots() {
    let grants = chain();
    let signed = sign([ROOT, MANAGER, DEPUTY], &grants);
    let authority = fold(&alone(), [&shown(ROOT, &grants[0]), &shown(MANAGER, &grants[1])]);
    let in_control = |author, stream: &str| check_in(&authority, &signed, author, ".control", stream);
    let under = |nth: usize| grants[nth].id().to_string();
    assert_eq!(in_control(MANAGER, &under(0)).expect("may"), Shown::Grants(vec![grants[0].id()]));
    assert_eq!(in_control(ROOT, "root").expect("may"), Shown::Root(peer(ROOT)));
    assert!(matches!(in_control(MANAGER, "root"), Err(ChainError::NotARoot)));
    assert!(matches!(in_control(MANAGER, &under(1)), Err(ChainError::NoGrant)), "another one's link");
    assert!(matches!(in_control(MANAGER, "noise"), Err(ChainError::Stream)));
    let unknown = GrantId([9; 32]).to_string();
    assert!(matches!(in_control(MANAGER, &unknown), Err(ChainError::NoGrant)));
    // Of itself everybody speaks who was let in.
    assert_eq!(in_control(DEPUTY, "own").expect("may"), Shown::Grants(vec![grants[1].id()]));
    assert!(matches!(in_control(STRANGER, "own"), Err(ChainError::NoGrant)));
    // To write on everything is no right to write there.
    let mut all = first(alone().space(), ROOT, SENSOR);
    (all.resource, all.rights) = (CollectionPath::everything(), Rights::of([Right::Write]));
    let all = [key(ROOT).sign(all)];
    let stream = all[0].id().to_string();
    for (collection, stream) in
        [(".control", &stream[..]), (".control", "noise"), (".control/x", "noise"), (".x", "noise")]
    {
        assert!(check_in(&authority, &all, SENSOR, collection, stream).is_err(), "{collection} {stream}");
    }
    assert!(check_in(&authority, &all, SENSOR, "parks", "noise").is_ok());
}

#[test]
fn what_a_log_shows_is_judged_by_what_is_shown_alone() {
    let grants = chain();
    let signed = sign([ROOT, MANAGER, DEPUTY], &grants);
    // All is known here, and still: who holds less would come to another answer.
    let authority = fold(&alone(), [&shown(ROOT, &grants[0]), &shown(MANAGER, &grants[1])]);
    let last = &signed[2..];
    assert!(matches!(check_in(&authority, last, SENSOR, "parks", "noise"), Err(ChainError::Missing)));
    // A revocation does not change it: what was stored is loaded again, and then counts for nothing.
    let mut authority = fold(&alone(), &sign_all(&grants));
    put(&mut authority, &shown(ROOT, &revoke(ROOT, &grants[0], &[])));
    let right = check_in(&authority, &signed, SENSOR, "parks", "noise").expect("the chain is as it was");
    assert_eq!(authority.admissible(&log(1), &right), Admissible::Nothing);
}

fn sign_all(grants: &[Grant; 3]) -> Vec<Event> {
    [ROOT, MANAGER, DEPUTY].into_iter().zip(grants).map(|(by, grant)| shown(by, grant)).collect()
}
