//! What an invitation holds, and what spoils it.

use msec_identity::{Approval, Identity, PeerId};
use proptest::prelude::*;

use super::*;
use crate::sdk::Owner;

fn invitation() -> Membership {
    let owner = Owner::found("harbour").expect("a space");
    let grant = owner.grant(PeerId([7; 32]), "parks", "read", 30).expect("a grant");
    Membership::new(owner.manifest(), [grant])
}

#[test]
fn reads_back_and_says_what_is_wrong_with_a_file() {
    let (invitation, dir) = (invitation(), tempfile::tempdir().expect("a directory"));
    let path = dir.path().join("sensor.invitation");
    assert!(matches!(Membership::from_file(&path), Err(InvitationError::Missing { .. })));
    fs::write(&path, invitation.to_bytes()).expect("written");
    assert_eq!(Membership::from_file(&path).expect("read"), invitation);
    fs::write(&path, b"hello").expect("written");
    let error = Membership::from_file(&path).expect_err("refused").to_string();
    assert!(error.contains("msec grant"), "{error}");
}

#[test]
fn a_grant_for_another_space_spoils_it() {
    let (mut one, other) = (invitation(), invitation());
    one.grants.extend(other.grants);
    assert_eq!(Membership::from_bytes(&one.to_bytes()), None);
}

#[test]
fn one_bit_does_not_take_the_grants_away() {
    let whole = invitation();
    let bytes = whole.to_bytes();
    // Where the list of one begins, before a grant of less than 256 bytes.
    let list = 1 + (1 + DOMAIN.len()) + (2 + whole.manifest.to_bytes().len());
    assert_eq!(bytes[list..list + 2], [0x81, 0x58]);
    let mut without = bytes.clone();
    without[list] ^= 1;
    assert_eq!(Membership::from_bytes(&without), None);
    // Nor does it when all that is behind it is gone, or the check is made anew.
    let cut = [&without[..=list], &bytes[bytes.len() - 9..]].concat();
    assert_eq!(Membership::from_bytes(&cut), None);
    without.truncate(without.len() - CHECK_BYTES);
    without.extend(check_of(&without));
    assert_eq!(Membership::from_bytes(&without), None);
}

#[test]
fn no_other_bit_is_passed_over_either() {
    // Without a grant no signature covers the manifest.
    let bare = Membership::new(invitation().manifest(), []);
    for membership in [invitation(), bare] {
        let bytes = membership.to_bytes();
        assert_eq!(Membership::from_bytes(&bytes), Some(membership));
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(Membership::from_bytes(&damaged), None, "bit {bit} of byte {at}");
        }
    }
}

/// Two roots that must agree, a manager by one of them, and a phone by the manager.
fn chain() -> (Membership, ControlRecord) {
    let key = |seed: u8| Identity::from_seed([seed; 32]);
    let owner = Owner::found_among("harbour", key(1), [key(2).peer()], 2).expect("a space");
    let all = owner.grant(key(3).peer(), "parks", "manage,read", 30).expect("a grant");
    let manager = key(1).sign(Grant { depth: 1, ..Grant::clone(&all) });
    let below =
        Grant { issuer: key(3).peer(), holder: key(4).peer().into(), depth: 0, ..Grant::clone(&manager) };
    let phone = key(3).sign(Grant { parent: Some(manager.id()), ..below });
    let space = owner.manifest().space();
    let approval = key(2).sign(Approval { space, approver: key(2).peer(), of: manager.id().0 });
    (Membership::new(owner.manifest(), [manager, phone]), approval.into())
}

#[test]
fn what_a_grant_hangs_on_comes_with_it_and_without_it_the_file_is_as_it_always_was() {
    let (bare, approval) = chain();
    let phone = Identity::from_seed([4; 32]).peer();
    let mine: Vec<_> = bare.grants_for(&phone).cloned().collect();
    let [grant] = &mine[..] else { panic!("{mine:?}") };
    assert_eq!(bare.check(grant), Err(Fault::Approvals { missing: 1 }));
    assert!(bare.to_bytes()[2..].starts_with(DOMAIN.as_bytes()));
    let whole = bare.clone().with_records([approval.clone(), approval.clone()]);
    assert_eq!((whole.records(), whole.check(grant)), (&[approval][..], Ok(())));
    let bytes = whole.to_bytes();
    assert!(bytes[2..].starts_with(DOMAIN_WITH_RECORDS.as_bytes()));
    assert_eq!(Membership::from_bytes(&bytes), Some(whole));
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert_eq!(Membership::from_bytes(&damaged), None, "byte {at}");
    }
}

#[test]
fn what_does_not_belong_there_is_left_out_or_spoils_it() {
    let (bare, approval) = chain();
    let space = bare.manifest().space();
    let (stranger, root) = (Identity::from_seed([9; 32]), Identity::from_seed([1; 32]).peer());
    let forged = stranger.sign(Approval { space, approver: root, of: [1; 32] });
    let elsewhere =
        Approval { space: msec_identity::SpaceId([7; 32]), approver: stranger.peer(), of: [1; 32] };
    let grant: ControlRecord = bare.grants()[0].clone().into();
    for record in [forged.into(), stranger.sign(elsewhere).into(), grant] {
        assert_eq!(bare.clone().with_records([record.clone()]).records(), []);
        // Nor is it read from a file that somebody else wrote.
        let mut spoilt = bare.clone().with_records([approval.clone()]);
        spoilt.records.push(record);
        assert_eq!(Membership::from_bytes(&spoilt.to_bytes()), None);
    }
}

#[test]
fn a_chain_that_is_cut_widened_or_foreign_is_told_apart() {
    let (whole, approval) = chain();
    let whole = whole.with_records([approval]);
    let [manager, phone] = whole.grants() else { panic!("two links") };
    let without = Membership::new(whole.manifest(), [phone.clone()]);
    assert_eq!(without.check(phone), Err(Fault::Missing));
    let key = |seed: u8| Identity::from_seed([seed; 32]);
    let with = |grant: Verified<Grant>| {
        let membership = Membership::new(whole.manifest(), [manager.clone(), grant.clone()]);
        membership.with_records(whole.records().to_vec()).check(&grant)
    };
    let wider = Grant { resource: "harbour".parse().expect("a path"), ..Grant::clone(phone) };
    assert_eq!(with(key(3).sign(wider)), Err(Fault::Widened(msec_identity::Widened::Resource)));
    let by_other = Grant { issuer: key(5).peer(), ..Grant::clone(phone) };
    assert_eq!(with(key(5).sign(by_other.clone())), Err(Fault::Foreign));
    assert_eq!(with(key(5).sign(Grant { parent: None, ..by_other })), Err(Fault::Foreign));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        prop_assert_eq!(Membership::from_bytes(&bytes), None);
    }

    #[test]
    fn a_damaged_one_is_refused(
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let whole = invitation().to_bytes();
        let at = at.index(whole.len());
        let end = at + cut.index(whole.len() - at);
        let damaged = [&whole[..at], &with, &whole[end..]].concat();
        prop_assume!(damaged != whole);
        prop_assert_eq!(Membership::from_bytes(&damaged), None);
    }
}
