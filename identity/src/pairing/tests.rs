mod book;
mod codes;
mod walk_up;

use std::time::Duration;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::error::{InviteError, PairingError};
use crate::handshake::ChannelBinding;
use crate::id::{GrantId, SpaceId};
use crate::keys::{Identity, NoiseKey};
use crate::record::Verified;
use crate::time::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const LATER: UnixMillis = UnixMillis(NOW.0 + 600_000);
const SPACE: SpaceId = SpaceId([0x11; 32]);
const BINDING: ChannelBinding = ChannelBinding([5; 32]);
const START: Duration = Duration::from_secs(1_000);
const LASTS: Duration = Duration::from_secs(600);

struct Side {
    identity: Identity,
    key: NoiseKey,
    papers: PairingPapers,
    rng: ChaCha20Rng,
}

fn side(seed: u8, name: &str) -> Side {
    let identity = Identity::from_seed([seed; 32]);
    let key = identity.endorse([seed ^ 0x80; 32], LATER);
    let papers = PairingPapers { name: name.into(), greeting: vec![seed; 3] };
    Side { identity, key, papers, rng: ChaCha20Rng::from_seed([seed; 32]) }
}

impl Side {
    fn host(&self) -> Host<'_> {
        Host { key: &self.key, space: SPACE, papers: &self.papers }
    }
}

fn secret(seed: u8) -> InviteSecret {
    InviteSecret::draw(&mut ChaCha20Rng::from_seed([seed; 32]))
}

fn hints(texts: &[&str]) -> Hints {
    Hints::new(texts.iter().map(|it| it.parse().expect("an address")).collect()).expect("hints")
}

/// An office that invited a phone.
struct Pair {
    office: Side,
    phone: Side,
    book: InviteBook,
    door: Door,
}

fn pair() -> Pair {
    let (office, phone) = (side(2, "office"), side(3, "Ana's phone"));
    let mut book = InviteBook::default();
    book.invite(&secret(9), LASTS, START).expect("room");
    let door = Door { peer: office.identity.peer(), space: SPACE.into(), secret: secret(9) };
    Pair { office, phone, book, door }
}

impl Pair {
    fn knock(&mut self, binding: ChannelBinding) -> (AwaitInviter, Vec<u8>) {
        Joiner::start(&self.door, &self.phone.key, binding, &mut self.phone.rng).expect("starts")
    }

    fn respond(&mut self, first: &[u8], now: Duration) -> Result<(AwaitJoiner, Vec<u8>), PairingError> {
        let host = Host { key: &self.office.key, space: SPACE, papers: &self.office.papers };
        Inviter::respond(first, &mut self.book, now, host, BINDING, &mut self.office.rng)
    }

    fn up_to_the_words(&mut self) -> (AwaitAnswer, Compare) {
        let (joiner, first) = self.knock(BINDING);
        let (inviter, second) = self.respond(&first, START).expect("responds");
        let (joiner, third) =
            joiner.read(&second, &self.phone.key, &self.phone.papers, Some(NOW)).expect("reads the second");
        (joiner, inviter.read(&third, Some(NOW)).expect("reads the third"))
    }

    /// Why a knock with the right code is refused.
    fn refusal(&mut self, now: Duration) -> PairingRefusal {
        let (_, first) = self.knock(BINDING);
        match self.respond(&first, now) {
            Err(PairingError::Refused(refusal)) => refusal,
            other => panic!("{:?}", other.map(|_| ())),
        }
    }

    /// A knock with a code that nobody gave out.
    fn guess(&mut self, now: Duration) -> PairingRefusal {
        let door = Door { secret: secret(77), ..self.door.clone() };
        let (_, first) = Joiner::start(&door, &self.phone.key, BINDING, &mut self.phone.rng).expect("starts");
        match self.respond(&first, now) {
            Err(PairingError::Refused(refusal)) => refusal,
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn both_see_the_same_words_and_the_welcome_arrives() {
    let mut pair = pair();
    let (joiner, compare) = pair.up_to_the_words();
    assert_eq!(joiner.words(), compare.words());
    assert_eq!(joiner.words().to_string().split(' ').count(), 4);
    assert_eq!(joiner.inviter().peer, pair.office.identity.peer());
    assert_eq!(joiner.inviter().space, Some(SPACE));
    assert_eq!(compare.joiner().peer, pair.phone.identity.peer());
    assert_eq!((compare.joiner().name.as_str(), &compare.joiner().greeting), ("Ana's phone", &vec![3; 3]));
    let answer = compare.approve(&mut pair.book, b"manifest and grant".to_vec()).expect("approves");
    assert_eq!(joiner.read(&answer).expect("welcome"), b"manifest and grant");
    assert_eq!(pair.refusal(START), PairingRefusal::Used);
}

#[test]
fn the_owners_no_arrives_and_uses_the_code_up() {
    let mut pair = pair();
    let (joiner, compare) = pair.up_to_the_words();
    let answer = compare.decline(&mut pair.book).expect("declines");
    let error = joiner.read(&answer).expect_err("declined");
    assert!(matches!(error, PairingError::Refused(PairingRefusal::Declined)));
    assert_eq!(pair.refusal(START), PairingRefusal::Used);
}

#[test]
fn the_wrong_secret_fails_at_the_first_message_and_nobody_is_named() {
    let mut pair = pair();
    // It saw the tag go by, and knows no secret.
    let door = Door { secret: secret(77), ..pair.door.clone() };
    let (_, mut first) = Joiner::start(&door, &pair.phone.key, BINDING, &mut pair.phone.rng).expect("starts");
    first[2..10].copy_from_slice(&pair.door.secret.tag().0);
    let error = pair.respond(&first, START).expect_err("refused");
    assert!(matches!(error, PairingError::Refused(PairingRefusal::Unknown)));
    let answer = error.answer().expect("an answer");
    assert_eq!(answer, [PAIRING, 0, 0, 0, 0]);
    let (joiner, _) = pair.knock(BINDING);
    let error = joiner.read(&answer, &pair.phone.key, &pair.phone.papers, Some(NOW)).expect_err("refused");
    assert!(error.to_string().contains("ask for a new one"), "{error}");
    // The code is still good.
    pair.up_to_the_words();
}

#[test]
fn somebody_between_the_two_is_found_out() {
    let mut pair = pair();
    let (_, first) = pair.knock(ChannelBinding([6; 32]));
    let error = pair.respond(&first, START).expect_err("refused");
    assert!(matches!(error, PairingError::Refused(PairingRefusal::Unknown)));
}

#[test]
fn who_copied_the_code_and_answers_in_anothers_place_learns_no_name() {
    let mut pair = pair();
    let thief = side(4, "office");
    let (joiner, first) = pair.knock(BINDING);
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let answered = Inviter::respond(&first, &mut pair.book, START, thief.host(), BINDING, &mut rng);
    let (_, second) = answered.expect("it knows the secret");
    let error = joiner.read(&second, &pair.phone.key, &pair.phone.papers, Some(NOW)).expect_err("refused");
    assert!(matches!(error, PairingError::SomebodyElse));
}

#[test]
fn who_copied_the_code_and_joins_first_shows_other_words() {
    let mut pair = pair();
    let (_, compare) = pair.up_to_the_words();
    let thief = side(4, "Ana's phone");
    let honest = std::mem::replace(&mut pair.phone, thief);
    assert_eq!(pair.refusal(START), PairingRefusal::Busy);
    pair.book.give_back(compare.ticket());
    let (_, other) = pair.up_to_the_words();
    assert_ne!(other.words(), compare.words());
    assert_ne!(other.joiner().peer, honest.identity.peer());
}

#[test]
fn another_space_than_the_codes_is_refused() {
    let mut pair = pair();
    pair.door.space = SpaceTag([0; 16]);
    let (joiner, first) = pair.knock(BINDING);
    let (_, second) = pair.respond(&first, START).expect("responds");
    let error = joiner.read(&second, &pair.phone.key, &pair.phone.papers, Some(NOW)).expect_err("refused");
    assert!(matches!(error, PairingError::OtherSpace));
}

#[test]
fn an_expired_endorsement_is_refused_on_both_sides() {
    let late = Some(LATER.saturating_add(1));
    for (now, admitted) in [(late, false), (None, true), (Some(LATER), true)] {
        let mut pair = pair();
        let (joiner, first) = pair.knock(BINDING);
        let (inviter, second) = pair.respond(&first, START).expect("responds");
        let read = joiner.read(&second, &pair.phone.key, &pair.phone.papers, now);
        assert_eq!(read.is_ok(), admitted);
        let Ok((_, third)) = read else { continue };
        assert!(matches!(inviter.read(&third, late), Err(PairingError::Endorsement)));
    }
}

#[test]
fn names_that_a_terminal_would_obey_are_not_sent_and_not_read() {
    for name in ["\u{1b}[2J", "two\nlines", &"x".repeat(NAME_BYTES_MAX + 1)] {
        let mut pair = pair();
        let (joiner, first) = pair.knock(BINDING);
        let (_, second) = pair.respond(&first, START).expect("responds");
        let papers = PairingPapers { name: name.into(), greeting: Vec::new() };
        let error = joiner.read(&second, &pair.phone.key, &papers, Some(NOW)).expect_err("refused");
        assert!(matches!(error, PairingError::TooLong), "{name:?}");
    }
}

#[test]
fn another_version_is_refused_in_clear_words() {
    let mut pair = pair();
    let (joiner, mut first) = pair.knock(BINDING);
    first[1] = 9;
    let error = pair.respond(&first, START).expect_err("refused");
    let answer = error.answer().expect("an answer");
    let error = joiner.read(&answer, &pair.phone.key, &pair.phone.papers, Some(NOW)).expect_err("refused");
    assert!(error.to_string().contains("update the older one"), "{error}");
}

fn bench(gateway: &Side) -> Verified<OpenInvite> {
    gateway.identity.sign(OpenInvite {
        space: SPACE,
        gateway: gateway.identity.peer(),
        grant: GrantId([7; 32]),
        resource: "parks/noise".parse().expect("a path"),
        lasts_s: 3_600,
        not_after: LATER,
        hints: hints(&["192.0.2.1:4000"]),
        anywhere: false,
    })
}

fn invite(hints: Hints) -> Invite {
    let inviter = Identity::from_seed([2; 32]).peer();
    Invite::new(SPACE, inviter, secret(9), LATER, hints)
}

#[test]
fn a_code_is_good_for_at_least_as_long_as_was_asked() {
    let good_until = |millis: i64| {
        let inviter = Identity::from_seed([2; 32]).peer();
        Invite::new(SPACE, inviter, secret(9), UnixMillis(millis), Hints::default()).not_after().0
    };
    assert_eq!([60_000, 60_001, 119_999].map(good_until), [60_000, 120_000, 120_000]);
    assert_eq!(good_until(i64::MAX), i64::from(u32::MAX) * 60_000);
}

#[test]
fn debug_shows_no_secret() {
    let secret = InviteSecret::from_bytes([0x5a; 20]);
    let door = Door { peer: Identity::from_seed([1; 32]).peer(), space: SPACE.into(), secret };
    let mut book = InviteBook::default();
    book.invite(&door.secret, LASTS, START).expect("room");
    let shown = format!("{door:?} {book:?}");
    assert!(!shown.contains("5a5a") && !shown.contains("90, 90"), "{shown}");
}

/// `vectors/pairing.txt`: a name, two spaces and what it is, line by line.
#[test]
fn what_travels_is_these_bytes() {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let mut pair = pair();
    let (joiner, first) = pair.knock(BINDING);
    let (inviter, second) = pair.respond(&first, START).expect("responds");
    let (joiner, third) =
        joiner.read(&second, &pair.phone.key, &pair.phone.papers, Some(NOW)).expect("reads the second");
    let compare = inviter.read(&third, Some(NOW)).expect("reads the third");
    let fourth = compare.approve(&mut pair.book, b"welcome".to_vec()).expect("approves");
    let made = [
        ("secret", hex(secret(9).as_bytes())),
        ("tag", hex(&secret(9).tag().0)),
        ("psk", hex(secret(9).psk().as_slice())),
        ("invite", invite(hints(&["192.0.2.1:4000", "[2001:db8::1]:4001"])).to_string()),
        ("walk-up", bench(&pair.office).code()),
        ("first", hex(&first)),
        ("second", hex(&second)),
        ("third", hex(&third)),
        ("words", joiner.words().to_string()),
        ("fourth", hex(&fourth)),
    ];
    let made: String = made.iter().map(|(name, what)| format!("{name}  {what}\n")).collect();
    let text = include_str!("../../vectors/pairing.txt");
    let kept: String = text.lines().filter(|it| !it.starts_with('#')).map(|it| format!("{it}\n")).collect();
    assert_eq!(kept, made);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_flipped_bit_gets_through(which in 0usize..4, at: usize, bit in 0u8..8) {
        let mut pair = pair();
        let flip = |message: &mut Vec<u8>, turn: usize| {
            if turn == which {
                let at = at % message.len();
                message[at] ^= 1 << bit;
            }
        };
        let (joiner, mut first) = pair.knock(BINDING);
        flip(&mut first, 0);
        let Ok((inviter, mut second)) = pair.respond(&first, START) else { return Ok(()) };
        flip(&mut second, 1);
        let read = joiner.read(&second, &pair.phone.key, &pair.phone.papers, Some(NOW));
        let Ok((joiner, mut third)) = read else { return Ok(()) };
        flip(&mut third, 2);
        let Ok(compare) = inviter.read(&third, Some(NOW)) else { return Ok(()) };
        let mut fourth = compare.approve(&mut pair.book, vec![1]).expect("approves");
        flip(&mut fourth, 3);
        prop_assert!(joiner.read(&fourth).is_err(), "one of four was flipped");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), framed: bool) {
        let mut pair = pair();
        let (joiner, first) = pair.knock(BINDING);
        let tag = pair.door.secret.tag().0;
        let shown = if framed { [&[PAIRING, 1], &tag[..], &bytes].concat() } else { bytes.clone() };
        prop_assert!(pair.respond(&shown, START).is_err());
        let (inviter, second) = pair.respond(&first, START).expect("responds");
        prop_assert!(inviter.read(&bytes, Some(NOW)).is_err());
        let shown = if framed { [&[PAIRING, 1], &bytes[..]].concat() } else { bytes.clone() };
        let (again, _) = pair.knock(BINDING);
        prop_assert!(again.read(&shown, &pair.phone.key, &pair.phone.papers, Some(NOW)).is_err());
        let read = joiner.read(&second, &pair.phone.key, &pair.phone.papers, Some(NOW));
        prop_assert!(read.expect("reads the second").0.read(&bytes).is_err());
    }
}
