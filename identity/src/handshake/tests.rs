use proptest::prelude::*;

use super::*;
use crate::access::{Grant, Right, Rights};
use crate::keys::Identity;
use crate::manifest::Manifest;

const NOW: Option<UnixMillis> = Some(UnixMillis(1_000));

struct Side {
    identity: Identity,
    key: NoiseKey,
    intro: Introduction,
    rng: ChaCha20Rng,
}

fn side(seed: u8) -> Side {
    let root = Identity::from_seed([1; 32]);
    let manifest = Manifest::new("harbour", vec![root.peer()], 1, [0; 16]).expect("a manifest");
    let identity = Identity::from_seed([seed; 32]);
    let grant = Grant {
        space: manifest.space(),
        issuer: root.peer(),
        holder: identity.peer().into(),
        resource: "parks".parse().expect("a path"),
        rights: Rights::of([Right::Read]),
        not_before: UnixMillis(0),
        not_after: UnixMillis(2_000),
        depth: 0,
        parent: None,
        caveats: None,
    };
    let key = identity.endorse([seed ^ 0x80; 32], UnixMillis(1_500));
    let greeting = vec![seed; 3];
    let intro = Introduction { space: manifest.space(), records: vec![root.sign(grant).into()], greeting };
    Side { identity, key, intro, rng: ChaCha20Rng::from_seed([seed; 32]) }
}

const BINDING: ChannelBinding = ChannelBinding([5; 32]);

fn up_to_claim(a: &mut Side, b: &mut Side) -> (AwaitAnswer, Claim, Decide) {
    let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
    let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
    let (wait, third) = wait.read(&second, &a.key, &a.intro).expect("reads the second");
    let (claim, decide) = claim.read(&third, NOW).expect("reads the claim");
    (wait, claim, decide)
}

#[test]
fn both_sides_learn_who_the_other_is() {
    let (mut a, mut b) = (side(2), side(3));
    let (wait, claim, decide) = up_to_claim(&mut a, &mut b);
    assert_eq!(claim.peer, a.identity.peer());
    assert_eq!(claim.greeting, a.intro.greeting);
    assert_eq!(claim.records.len(), 1);
    let answer = decide.admit(&b.key, &b.intro).expect("admits");
    let claim = wait.read(&answer, NOW).expect("admitted");
    assert_eq!(claim.peer, b.identity.peer());
}

#[test]
fn a_refusal_arrives_in_words_and_names_nobody() {
    let (mut a, mut b) = (side(2), side(3));
    let (wait, _, decide) = up_to_claim(&mut a, &mut b);
    let answer = decide.refuse(Refusal::Stranger).expect("refuses");
    assert!(answer.len() < 32, "no room for a name");
    assert!(matches!(wait.read(&answer, NOW), Err(HandshakeError::Refused(Refusal::Stranger))));
}

#[test]
fn somebody_between_the_two_is_found_out() {
    let (mut a, mut b) = (side(2), side(3));
    let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
    // The man in the middle has two TLS sessions, and with them two exporters.
    let other = ChannelBinding([6; 32]);
    let (_, second) = Responder::respond(&first, &b.key, other, &mut b.rng).expect("responds");
    assert!(matches!(wait.read(&second, &a.key, &a.intro), Err(HandshakeError::Noise(_))));
}

#[test]
fn an_expired_endorsement_is_refused_unless_the_clock_was_never_set() {
    let (mut a, mut b) = (side(2), side(3));
    for (now, admitted) in [(Some(UnixMillis(1_501)), false), (None, true)] {
        let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
        let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
        let (_, third) = wait.read(&second, &a.key, &a.intro).expect("reads the second");
        assert_eq!(claim.read(&third, now).is_ok(), admitted);
    }
}

#[test]
fn a_stolen_noise_key_opens_nothing_once_it_has_expired_and_the_next_one_does() {
    let (mut a, mut b) = (side(2), side(3));
    let stolen = a.identity.rotate_noise([1; 32], UnixMillis(500), UnixMillis(1_500));
    let next = a.identity.rotate_noise([2; 32], UnixMillis(500), UnixMillis(2_500));
    for (key, now, admitted) in
        [(&stolen, 1_500, true), (&stolen, 1_501, false), (&next, 1_501, true), (&next, 2_501, false)]
    {
        a.key = key.clone();
        let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
        let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
        let (_, third) = wait.read(&second, &a.key, &a.intro).expect("reads the second");
        let read = claim.read(&third, Some(UnixMillis(now)));
        assert_eq!(read.is_ok(), admitted, "at {now}");
        if let Err(error) = read {
            assert!(matches!(error, HandshakeError::Endorsement), "{error}");
        }
    }
    // Nor does a new word for the old key help without the identity.
    let forged = side(4).identity.rotate_noise([1; 32], UnixMillis(500), UnixMillis(9_000));
    assert_ne!(forged.endorsement().noise, stolen.endorsement().noise);
}

#[test]
fn an_endorsement_for_another_noise_key_is_refused() {
    let (mut a, mut b) = (side(2), side(3));
    let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
    let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
    // It runs Noise with its own key, and shows the papers of somebody else.
    let stolen = side(4);
    let (_, third) = wait.read(&second, &stolen.key, &stolen.intro).expect("reads the second");
    assert!(matches!(claim.read(&third, NOW), Err(HandshakeError::Endorsement)));
}

#[test]
fn who_has_no_room_says_so_in_three_bytes() {
    let mut a = side(2);
    let (wait, _) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
    let said = busy(300);
    assert_eq!(said, [0xff, 1, 44]);
    let error = wait.read(&said, &a.key, &a.intro).expect_err("no room");
    assert!(matches!(error, HandshakeError::Busy { retry_after_s: 300 }));
}

#[test]
fn another_version_is_answered_in_clear_words() {
    let (mut a, mut b) = (side(2), side(3));
    let (wait, mut first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
    first[0] = 9;
    let error = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect_err("refused");
    assert!(matches!(error, HandshakeError::Version { newest: 9, .. }));
    let error = wait.read(&wrong_version(), &a.key, &a.intro).expect_err("refused");
    assert!(error.to_string().contains("update the older one"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = |seed| {
        let mut a = side(2);
        a.rng = ChaCha20Rng::from_seed([seed; 32]);
        Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts").1
    };
    assert_eq!(first(7), first(7));
    assert_ne!(first(7), first(8));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (mut a, mut b) = (side(2), side(3));
        let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
        let _ = Responder::respond(&bytes, &b.key, BINDING, &mut b.rng);
        let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
        prop_assert!(claim.read(&bytes, NOW).is_err());
        let (wait, _) = match wait.read(&second, &a.key, &a.intro) {
            Ok(next) => next,
            Err(e) => return Err(TestCaseError::fail(e.to_string())),
        };
        prop_assert!(wait.read(&bytes, NOW).is_err());
    }

    #[test]
    fn no_flipped_bit_gets_through(at in 0usize..2_000, bit in 0u8..8) {
        let (mut a, mut b) = (side(2), side(3));
        let (wait, first) = Initiator::start(&a.key, BINDING, &mut a.rng).expect("starts");
        let (claim, second) = Responder::respond(&first, &b.key, BINDING, &mut b.rng).expect("responds");
        let (_, mut third) = wait.read(&second, &a.key, &a.intro).expect("reads the second");
        let at = at % third.len();
        third[at] ^= 1 << bit;
        prop_assert!(claim.read(&third, NOW).is_err());
    }
}
