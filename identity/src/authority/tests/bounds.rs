//! What happens when a table is full, and what things cost.

use std::sync::Arc;

use super::city::*;
use crate::authority::bounds::{
    CHANGED_ERASED_MAX, CUTS_MAX, CUTS_OF_ONE_ISSUER_MAX, ERASED_BY_AUTHORS, ERASED_BY_ONE_AUTHOR,
    ERASED_BY_OTHERS, ERASURES_MAX, GRANTS_MAX, LINKED_SPACES_MAX, REVOCATIONS_MAX, STRETCHES_MAX,
    STRETCHES_OF_ONE_ISSUER_MAX, SUCCESSIONS_MAX, WAITING_MAX,
};
use crate::authority::issuers::Issuers;
use crate::authority::revocations::Revoked;
use crate::authority::{Authority, CHANGED_GRANTS_MAX, Change, RECORDS_OF_ONE_ISSUER_MAX, Shown, Written};
use crate::error::ControlError;
use crate::{
    ERASURE_STRETCHES_MAX, Grant, GrantId, Linked, Manifest, REVOCATION_CUTS_MAX, Record, Right, Rights,
    SignatureMemory, UnixMillis, Unverified, Verified, Verifier,
};

fn manager() -> Grant {
    first(alone().space(), ROOT, MANAGER)
}

#[test]
fn strangers_fill_no_more_than_their_room_and_nobody_elses() {
    let mut issuers = Issuers::default();
    for _ in 0..WAITING_MAX {
        issuers.has_room(&peer(STRANGER), false, true, 0).expect("room");
        issuers.took(&peer(STRANGER), false, true, 0);
    }
    assert!(matches!(issuers.has_room(&peer(SENSOR), false, true, 0), Err(ControlError::Waiting)));
    assert!(issuers.has_room(&peer(MANAGER), true, true, 0).is_ok());
    // Once a chain leads to it, it waits no longer.
    let at = issuers.find(&peer(STRANGER)).expect("known");
    issuers.know(at);
    assert!(issuers.has_room(&peer(SENSOR), false, true, WAITING_MAX as usize - 1).is_ok());
    assert!(issuers.has_room(&peer(SENSOR), false, true, WAITING_MAX as usize).is_err());
}

#[test]
fn an_issuer_says_only_so_much_and_a_root_more() {
    let mut issuers = Issuers::default();
    for _ in 0..RECORDS_OF_ONE_ISSUER_MAX {
        issuers.took(&peer(MANAGER), true, true, 0);
    }
    assert!(matches!(issuers.has_room(&peer(MANAGER), true, true, 0), Err(ControlError::Issuer)));
    assert!(issuers.has_room(&peer(MANAGER), true, false, 0).is_ok());
}

#[test]
fn a_manager_that_links_a_space_of_its_own_gains_no_room() {
    let mut authority = talkative();
    let own = Manifest::new("elsewhere", vec![peer(MANAGER)], 1, [9; 16]).expect("a manifest");
    let linked = Linked { space: alone().space(), issuer: peer(MANAGER), manifest: own.to_bytes() };
    let _ = authority.learn(signed(MANAGER, linked)).expect("taken");
    assert!(authority.was_any_root(&peer(MANAGER)));
    let sensor = below(&manager(), MANAGER, SENSOR);
    assert!(matches!(authority.learn(signed(MANAGER, sensor)), Err(ControlError::Issuer)));
}

/// A manager that has used up its room.
fn talkative() -> Authority {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    for _ in 0..RECORDS_OF_ONE_ISSUER_MAX {
        authority.issuers.took(&peer(MANAGER), true, true, 0);
    }
    authority
}

#[test]
fn what_a_revocation_without_room_ends_falls_whole() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let sensor = below(&manager(), MANAGER, SENSOR);
    put(&mut authority, &shown(MANAGER, &sensor));
    for _ in 0..RECORDS_OF_ONE_ISSUER_MAX {
        authority.issuers.took(&peer(MANAGER), true, true, 0);
    }
    let ended = revoke(MANAGER, &sensor, &[cut(log(1), 9)]);
    put(&mut authority, &shown(MANAGER, &ended));
    assert!(!may_write(&authority, SENSOR));
    assert_eq!(authority.cut(&sensor.id(), &log(1)).map(|cut| cut.size), Some(0));
    let readers = authority.readers(&path("parks"), UnixMillis(150));
    let sensor = readers.iter().find(|it| it.holder == peer(SENSOR)).expect("could read");
    assert_eq!(sensor.ended.as_ref().map(|it| it.revocation), Some(None));
}

/// Revocations of grants that are made up, each with as many cuts as it has room for, until there is none.
fn fill_with_cuts(authority: &mut Authority, issuer: u8) {
    let cuts: Vec<_> = (0..REVOCATION_CUTS_MAX).map(|nth| cut(log(nth as u8), 9)).collect();
    for nth in 0.. {
        let made_up = Grant { not_before: UnixMillis(-1 - nth), ..manager() };
        if authority.learn(signed(issuer, revoke(issuer, &made_up, &cuts))).is_err() {
            return;
        }
    }
}

#[test]
fn one_manager_leaves_room_for_the_cuts_of_others() {
    let deputy = first(alone().space(), ROOT, DEPUTY);
    let third = first(alone().space(), ROOT, THIRD);
    let mut authority = fold(&alone(), [&manager(), &deputy, &third].map(|it| shown(ROOT, it)).iter());
    fill_with_cuts(&mut authority, MANAGER);
    assert!(authority.ended.cuts_held() <= CUTS_OF_ONE_ISSUER_MAX);
    let end = |authority: &mut Authority, issuer: u8, grant: &Grant| {
        put(authority, &shown(issuer, &revoke(issuer, grant, &[cut(log(1), 9)])));
        authority.cut(&grant.id(), &log(1)).map(|cut| cut.size)
    };
    let sensors =
        [1, 2, 3].map(|nth| Grant { not_before: UnixMillis(100 + nth), ..below(&deputy, DEPUTY, SENSOR) });
    for sensor in &sensors {
        put(&mut authority, &shown(DEPUTY, sensor));
    }
    assert_eq!(end(&mut authority, DEPUTY, &sensors[0]), Some(9), "another manager has room");
    // Not so where managers together have used up their half; and roots have the other one.
    fill_with_cuts(&mut authority, THIRD);
    assert!(authority.ended.cuts_held() <= CUTS_MAX / 2);
    let most = CUTS_MAX / 2 - authority.ended.cuts_held();
    authority.issuers.took(&peer(THIRD), true, true, most);
    assert_eq!(end(&mut authority, DEPUTY, &sensors[1]), Some(0));
    assert_eq!(end(&mut authority, ROOT, &sensors[2]), Some(9));
}

#[test]
fn where_a_revocation_is_lost_no_grant_below_its_issuer_is_taken() {
    let mut authority = talkative();
    let unknown = below(&manager(), MANAGER, SENSOR);
    let refused = authority.learn(signed(MANAGER, revoke(MANAGER, &unknown, &[])));
    assert!(matches!(refused, Err(ControlError::Revocations)));
    assert!(matches!(authority.learn(signed(MANAGER, unknown)), Err(ControlError::Issuer)));
    assert!(authority.learn(signed(ROOT, first(alone().space(), ROOT, SENSOR))).is_ok());
    // Somebody else, below it.
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let deputy = below(&manager(), MANAGER, DEPUTY);
    put(&mut authority, &shown(MANAGER, &deputy));
    authority.issuers.spend(&peer(MANAGER));
    let sensor = below(&deputy, DEPUTY, SENSOR);
    assert!(matches!(authority.learn(signed(DEPUTY, sensor)), Err(ControlError::Issuer)));
}

#[test]
fn a_full_table_loses_no_revocation_of_a_root_not_even_one_that_waits_for_others() {
    let board = manifest(&[ROOT, SECOND], 2);
    let grant = first(board.space(), ROOT, SENSOR);
    let agree = |of| shown(SECOND, &approve(board.space(), SECOND, of));
    let mut full = fold(&board, [&shown(ROOT, &grant), &agree(grant.id().0)]);
    let ended = revoke(ROOT, &grant, &[cut(log(1), 9)]);
    for number in 0..REVOCATIONS_MAX as u64 {
        full.ended.insert(*blake3::hash(&number.to_le_bytes()).as_bytes(), 0, &revoke(ROOT, &manager(), &[]));
    }
    // Once the other root has agreed it binds, and its grant falls whole.
    let mut authority = full.clone();
    put(&mut authority, &agree(ended.hash()));
    put(&mut authority, &shown(ROOT, &ended));
    assert!(authority.is_revoked(&grant.id()));
    assert_eq!(authority.cut(&grant.id(), &log(1)).map(|cut| cut.size), Some(0));
    // Before that it may bind yet: nothing more is granted in its issuer's name.
    assert!(matches!(full.learn(signed(ROOT, ended)), Err(ControlError::Revocations)));
    let next = first(board.space(), ROOT, DEPUTY);
    assert!(matches!(full.learn(signed(ROOT, next)), Err(ControlError::Issuer)));
}

#[test]
fn a_manager_leaves_roots_room_for_their_successions() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let made_up = |serial: usize| {
        let next = succeed(alone().space(), MANAGER, &[MANAGER], 1, &[]);
        signed(MANAGER, crate::Succession { at: UnixMillis(serial as i64), ..next })
    };
    let room = (0..SUCCESSIONS_MAX).take_while(|serial| authority.learn(made_up(*serial)).is_ok()).count();
    assert_eq!(room, SUCCESSIONS_MAX / 2);
    let next = succeed(alone().space(), ROOT, &[SECOND], 1, &[]);
    let _ = authority.learn(signed(ROOT, next)).expect("taken");
    assert_eq!(authority.roots(), [peer(SECOND)]);
}

#[test]
fn successions_and_other_spaces_have_their_room() {
    let mut authority = empty(&alone());
    for serial in 0..SUCCESSIONS_MAX {
        let mut next = succeed(alone().space(), ROOT, &[ROOT], 1, &[]);
        (next.serial, next.previous) = (7, [serial as u8; 32]);
        next.at = UnixMillis(serial as i64);
        let _ = authority.learn(signed(ROOT, next)).expect("taken");
    }
    let next = succeed(alone().space(), ROOT, &[ROOT], 1, &[]);
    assert!(matches!(authority.learn(signed(ROOT, next)), Err(ControlError::Successions)));
    for nonce in 0..LINKED_SPACES_MAX {
        let other = Manifest::new("elsewhere", vec![peer(ABROAD)], 1, [nonce as u8; 16]).expect("a manifest");
        let _ = authority.learn_manifest(other).expect("taken");
    }
    let other = Manifest::new("elsewhere", vec![peer(ABROAD)], 1, [99; 16]).expect("a manifest");
    assert!(matches!(authority.learn_manifest(other), Err(ControlError::Spaces)));
    let nobody = succeed(alone().space(), ROOT, &[], 1, &[]);
    assert!(matches!(empty(&alone()).learn(signed(ROOT, nobody)), Err(ControlError::Manifest(_))));
}

#[test]
fn a_change_of_many_says_that_everything_changed() {
    let mut change = Change::default();
    for nth in 0..=CHANGED_GRANTS_MAX {
        assert!(!change.everything);
        let id = GrantId(*blake3::hash(&nth.to_le_bytes()).as_bytes());
        change.add(peer(SENSOR).into(), id);
    }
    assert!(change.everything && change.grants.is_empty() && !change.is_empty());
}

#[test]
fn ten_thousand_revocations_of_one_cut_are_small() {
    // Two indexes beside it, of eight bytes an entry, whose nodes may be half empty: less than 200 bytes for each.
    assert!(size_of::<Revoked>() + 2 * 8 * 2 <= 192);
}

/// Grants cost a check of their signature each: this is about the number, and not about who signed.
#[test]
fn no_more_grants_are_taken_than_there_is_room_for() {
    let mut authority = empty(&alone());
    let grant = key(ROOT).sign(manager());
    while authority.grants.len() < GRANTS_MAX {
        let id = GrantId(*blake3::hash(&authority.grants.len().to_le_bytes()).as_bytes());
        authority.grants.insert(id, grant.clone());
    }
    assert!(matches!(authority.learn(signed(ROOT, manager())), Err(ControlError::Grants)));
    // What ends one still counts.
    let known = GrantId(*blake3::hash(&7usize.to_le_bytes()).as_bytes());
    let mut ended = revoke(ROOT, &manager(), &[]);
    ended.grant = known;
    authority.review(7, &mut Change::default());
    assert!(authority.stands(&known) && !authority.is_revoked(&known));
    let _ = authority.learn(signed(ROOT, ended)).expect("taken");
    assert!(authority.is_revoked(&known));
}

#[test]
fn each_signature_is_checked_once_and_a_known_link_of_a_chain_not_again() {
    let memory = Arc::new(SignatureMemory::default());
    let mut authority = Authority::new(alone()).with_verifier(Verifier::remembering(memory.clone()));
    let looked = || memory.checks().computed + memory.checks().remembered;
    let manager = manager();
    let deputy = below(&manager, MANAGER, DEPUTY);
    let third = below(&deputy, DEPUTY, THIRD);
    let sensor = below(&third, THIRD, SENSOR);
    let links = [(ROOT, manager), (MANAGER, deputy), (DEPUTY, third), (THIRD, sensor.clone())];
    let links: Vec<Verified<Grant>> = links.map(|(by, link)| key(by).sign(link)).into();
    let check = |authority: &Authority| {
        let log = Written { author: peer(SENSOR), collection: &path("parks"), stream: "noise", place: None };
        authority.check_chain(&log, links.iter().map(|link| Unverified::from(link.clone())))
    };
    assert_eq!(check(&authority).expect("may write"), Shown::Grants(vec![sensor.id()]));
    assert_eq!(looked(), 4);
    for link in &links {
        let _ = authority.learn(link.clone().into()).expect("taken");
    }
    assert_eq!(looked(), 8);
    check(&authority).expect("may write");
    for link in &links {
        let _ = authority.learn(link.clone().into()).expect("taken");
    }
    let ended = signed(THIRD, revoke(THIRD, &sensor, &[]));
    for _ in 0..2 {
        let _ = authority.learn(ended.clone()).expect("taken");
    }
    assert!(!may_write(&authority, SENSOR));
    assert_eq!(looked(), 9, "nothing that was checked before");
    assert_eq!(authority.grant(&sensor.id()).map(|it| it.hash()), Some(sensor.hash()));
}

/// Erasures of as many stretches as one record has room for.
fn erasing(issuer: u8, nth: u64) -> crate::ControlRecord {
    let of = |n: u64| (log(1), 1 + 2 * (n + nth * ERASURE_STRETCHES_MAX as u64));
    let stretches = (0..ERASURE_STRETCHES_MAX as u64).map(of).map(|(log, at)| (log, at, at + 1));
    signed(issuer, erase(alone().space(), issuer, &stretches.collect::<Vec<_>>()))
}

#[test]
fn an_issuer_erases_only_so_much_and_a_root_more() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let room = (STRETCHES_OF_ONE_ISSUER_MAX / ERASURE_STRETCHES_MAX) as u64;
    for nth in 0..room {
        assert!(!authority.learn(erasing(MANAGER, nth)).expect("room").is_empty());
    }
    assert!(matches!(authority.learn(erasing(MANAGER, room)), Err(ControlError::Erasures)));
    assert!(authority.learn(erasing(MANAGER, 0)).expect("known").is_empty());
    assert!(authority.learn(erasing(ROOT, room)).is_ok());
    let erased = authority.erased(&log(1), &peer(SENSOR), &path("parks"));
    assert_eq!(erased.len(), STRETCHES_OF_ONE_ISSUER_MAX + ERASURE_STRETCHES_MAX);
}

#[test]
fn writers_who_erase_what_is_nowhere_leave_roots_room_to_erase() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let mut taken = 0;
    for writer in 50..90 {
        let grant = Grant { rights: Rights::of([Right::Write]), ..below(&manager(), MANAGER, writer) };
        let _ = authority.learn(signed(MANAGER, grant)).expect("let in");
        let before = taken;
        while authority.learn(erasing(writer, taken)).is_ok() {
            taken += 1;
        }
        let stretches = (taken - before) as usize * ERASURE_STRETCHES_MAX;
        assert!(stretches <= STRETCHES_MAX / ERASED_BY_ONE_AUTHOR);
    }
    assert_eq!(taken as usize * ERASURE_STRETCHES_MAX, STRETCHES_MAX / ERASED_BY_AUTHORS);
    assert!(authority.learn(erasing(MANAGER, taken)).is_ok());
    // However many managers there are, roots have half of it.
    authority.erasures.by_others.erasures = ERASURES_MAX / ERASED_BY_OTHERS;
    assert!(matches!(authority.learn(erasing(MANAGER, taken + 1)), Err(ControlError::Erasures)));
    assert!(authority.learn(erasing(ROOT, taken + 1)).is_ok());
}

#[test]
fn strangers_have_little_erased_in_vain_and_nobody_elses_room() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let room = u64::from(WAITING_MAX) / ERASURE_STRETCHES_MAX as u64;
    for nth in 0..room {
        assert!(authority.learn(erasing(if nth % 2 == 0 { STRANGER } else { ABROAD }, nth)).is_ok());
    }
    assert!(matches!(authority.learn(erasing(THIRD, room)), Err(ControlError::Waiting)));
    assert!(authority.learn(erasing(MANAGER, room)).is_ok());
}

#[test]
fn an_erasure_of_many_logs_says_that_everything_changed() {
    let mut change = Change::default();
    for nth in 0..=CHANGED_ERASED_MAX {
        assert!(!change.everything);
        change.add_erased(crate::LogId(*blake3::hash(&nth.to_le_bytes()).as_bytes()));
    }
    assert!(change.everything && change.erased.is_empty());
}
