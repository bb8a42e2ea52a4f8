//! Noise keys that were replaced.

use crate::access::{Grant, Right, Rights, Rotation};
use crate::authority::Authority;
use crate::error::ControlError;
use crate::id::SpaceId;
use crate::keys::Identity;
use crate::manifest::Manifest;
use crate::time::UnixMillis;

fn identity(seed: u8) -> Identity {
    Identity::from_seed([seed; 32])
}

fn town() -> Authority {
    let manifest = Manifest::new("harbour", vec![identity(1).peer()], 1, [0; 16]).expect("a manifest");
    let mut authority = Authority::new(manifest);
    let grant = Grant {
        space: authority.space(),
        issuer: identity(1).peer(),
        holder: identity(2).peer().into(),
        resource: "parks".parse().expect("a path"),
        rights: Rights::of([Right::Read]),
        not_before: UnixMillis(0),
        not_after: UnixMillis(9_000),
        depth: 0,
        parent: None,
        caveats: None,
    };
    let _ = authority.learn(identity(1).sign(grant).into()).expect("learnt");
    authority
}

fn rotation(authority: &Authority, by: &Identity, since: i64) -> crate::ControlRecord {
    let record = Rotation { space: authority.space(), issuer: by.peer(), since: UnixMillis(since) };
    by.sign(record).into()
}

#[test]
fn keys_that_were_endorsed_before_the_latest_rotation_are_over_in_whatever_order_it_is_learnt() {
    let (sensor, other) = (identity(2), identity(1));
    for order in [[10, 20, 30], [30, 20, 10], [20, 30, 20]] {
        let mut authority = town();
        assert!(authority.key_counts(&sensor.peer(), None), "nothing was said yet");
        for since in order {
            let said = rotation(&authority, &sensor, since);
            let _ = authority.learn(said).expect("learnt");
        }
        let counts = |since| authority.key_counts(&sensor.peer(), since);
        assert!(!counts(None) && !counts(Some(UnixMillis(29))), "{order:?}");
        assert!(counts(Some(UnixMillis(30))) && counts(Some(UnixMillis(31))), "{order:?}");
        assert!(authority.key_counts(&other.peer(), None), "it says that of itself alone");
    }
}

#[test]
fn nobody_rotates_the_keys_of_another_and_strangers_are_not_listened_to() {
    let mut authority = town();
    let sensor = identity(2).peer();
    let record = Rotation { space: authority.space(), issuer: sensor, since: UnixMillis(10) };
    // Signed by somebody else, in the sensor's name.
    let forged = identity(3).sign(record).into();
    assert!(matches!(authority.learn(forged), Err(ControlError::Record(_))));
    let of_stranger = rotation(&authority, &identity(3), 10);
    assert!(matches!(authority.learn(of_stranger), Err(ControlError::Waiting)));
    let elsewhere = Rotation { space: SpaceId([9; 32]), issuer: sensor, since: UnixMillis(10) };
    assert!(matches!(authority.learn(identity(2).sign(elsewhere).into()), Err(ControlError::OtherSpace)));
    assert!(authority.key_counts(&sensor, None));
}
