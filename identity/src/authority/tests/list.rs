//! What people are shown of the fold, what a peer confirms in, and another space whose roots are told.

use super::city::*;
use crate::error::{ChainError, ControlError};
use crate::{
    CollectionPath, Grant, Holder, Linked, Manifest, RECEIPTS_STREAM, Record, Right, Rights, Unverified,
    Voices, Written,
};

fn abroad() -> Manifest {
    Manifest::new("airport", vec![peer(ABROAD)], 1, [1; 16]).expect("a manifest")
}

fn linked(issuer: u8) -> Linked {
    Linked { space: alone().space(), issuer: peer(issuer), manifest: abroad().to_bytes() }
}

#[test]
fn whoever_reads_relays_or_manages_confirms_and_nobody_else() {
    let authority = empty(&alone());
    let may = |rights: &[Right], collection: CollectionPath, stream: &str| {
        let grant =
            Grant { rights: Rights::of(rights.iter().copied()), ..first(alone().space(), ROOT, SENSOR) };
        let written = Written { author: peer(SENSOR), collection: &collection, stream, place: None };
        let shown = Unverified::from(key(ROOT).sign(grant));
        authority.check_chain(&written, [shown]).map(|_| ())
    };
    let receipts = CollectionPath::receipts;
    for right in [Right::Read, Right::Relay, Right::Manage] {
        assert!(may(&[right], receipts(), RECEIPTS_STREAM).is_ok());
    }
    let idle = may(&[Right::Write], receipts(), RECEIPTS_STREAM);
    assert!(matches!(idle, Err(ChainError::NoGrant)));
    assert!(matches!(may(&[Right::Relay], receipts(), "other"), Err(ChainError::Stream)));
    assert!(matches!(may(&[Right::Relay], path(".other"), RECEIPTS_STREAM), Err(ChainError::Stream)));
    assert!(receipts().is_reserved() && !CollectionPath::control().covers(&receipts()));
}

#[test]
fn the_roots_of_another_space_are_known_when_whoever_granted_to_it_says_who_they_are() {
    let mut authority = empty(&alone());
    let link = Grant { holder: Holder::Space(abroad().space()), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = Grant { parent: Some(link.id()), ..below(&link, ABROAD, SENSOR) };
    put(&mut authority, &shown(ROOT, &link));
    put(&mut authority, &shown(ABROAD, &sensor));
    assert!(!authority.stands(&sensor.id()) && !authority.speaks_for(&link.holder, &peer(ABROAD)));
    let by_stranger = authority.learn(signed(STRANGER, linked(STRANGER)));
    assert!(matches!(by_stranger, Err(ControlError::Waiting)));
    assert!(authority.learn(key(STRANGER).sign(linked(ROOT)).into()).is_err(), "forged");
    assert!(authority.linked(&abroad().space()).is_none());
    let change = authority.learn(signed(ROOT, linked(ROOT))).expect("signed");
    assert!(change.everything && authority.stands(&sensor.id()));
    assert_eq!(authority.linked(&abroad().space()), Some(&abroad()));
    assert!(
        authority.speaks_for(&link.holder, &peer(ABROAD)) && authority.is_above(&peer(ABROAD), &sensor.id())
    );
    assert!(authority.learn(signed(ROOT, linked(ROOT))).expect("signed").is_empty());
}

#[test]
fn managers_fill_half_of_the_table_of_spaces_and_roots_find_room() {
    let mut authority = empty(&alone());
    put(&mut authority, &shown(ROOT, &first(alone().space(), ROOT, MANAGER)));
    let told = |issuer: u8, nonce: u8| {
        let manifest = Manifest::new("airport", vec![peer(ABROAD)], 1, [nonce; 16]).expect("a manifest");
        signed(issuer, Linked { manifest: manifest.to_bytes(), ..linked(issuer) })
    };
    let half = u8::try_from(crate::LINKED_SPACES_MAX / 2).expect("few");
    for nonce in 0..half {
        assert!(authority.learn(told(MANAGER, nonce)).is_ok());
    }
    assert!(matches!(authority.learn(told(MANAGER, half)), Err(ControlError::Spaces)));
    assert!(authority.learn(told(ROOT, half)).is_ok());
}

#[test]
fn whoever_shows_its_chain_shows_the_roots_of_the_space_in_it_too() {
    let link = Grant { holder: Holder::Space(abroad().space()), ..first(alone().space(), ROOT, MANAGER) };
    let sensor = Grant { parent: Some(link.id()), ..below(&link, ABROAD, SENSOR) };
    let grants = [signed(ROOT, link.clone()), signed(ABROAD, sensor.clone())];
    let with = |linked: Linked, signer: u8| {
        let mut authority = empty(&alone());
        let shown = grants.iter().cloned().chain([key(signer).sign(linked).into()]);
        let _ = authority.learn_shown(&peer(SENSOR), shown);
        authority.stands(&sensor.id())
    };
    assert!(with(linked(ROOT), ROOT));
    assert!(!with(linked(STRANGER), STRANGER), "it granted nothing to that space");
    assert!(!with(linked(ROOT), STRANGER), "forged");
    let other = Manifest::new("airport", vec![peer(STRANGER)], 1, [9; 16]).expect("a manifest");
    assert!(!with(Linked { manifest: other.to_bytes(), ..linked(ROOT) }, ROOT), "another space");
}

#[test]
fn shows_who_stands_above_what_lies_below_and_who_said_that_it_is_over() {
    let board = manifest(&[ROOT, SECOND], 2);
    let manager = first(board.space(), ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    let end = revoke(MANAGER, &sensor, &[]);
    let by_stranger = revoke(STRANGER, &sensor, &[]);
    let mut authority = fold(
        &board,
        [
            &shown(ROOT, &manager),
            &shown(MANAGER, &sensor),
            &shown(MANAGER, &end),
            &shown(STRANGER, &by_stranger),
        ],
    );
    let voices = |authority: &crate::Authority| authority.voices(&manager.hash(), &peer(ROOT));
    assert_eq!(voices(&authority), Some(Voices { agree: 1, needed: 2 }));
    put(&mut authority, &shown(SECOND, &approve(board.space(), SECOND, manager.hash())));
    assert_eq!(voices(&authority).map(Voices::missing), Some(0));
    assert_eq!(authority.voices(&manager.hash(), &peer(STRANGER)), None);
    assert_eq!(authority.approvers(&manager.hash()), [peer(SECOND)]);
    assert_eq!(authority.chain(&sensor.id()), [manager.id(), sensor.id()]);
    assert_eq!((authority.below(&manager.id()), authority.all_grants().len()), (vec![sensor.id()], 2));
    let said = authority.revocations_of(&sensor.id());
    let mut expected = [(end.hash(), peer(MANAGER), true), (by_stranger.hash(), peer(STRANGER), false)];
    expected.sort_unstable();
    let found: Vec<_> = said.iter().map(|it| (it.revocation, it.issuer, it.binds)).collect();
    assert_eq!(found, expected);
    assert_eq!(authority.revocation(&end.hash()).map(|it| it.grant), Some(sensor.id()));
    assert!(authority.knows(&end.hash()) && authority.knows(&sensor.hash()) && !authority.knows(&[9; 32]));
    let above =
        [ROOT, SECOND, MANAGER, SENSOR, STRANGER].map(|it| authority.is_above(&peer(it), &sensor.id()));
    assert_eq!(above, [true, true, true, false, false]);
}
