//! Whoever walks up with a code from a bench, at the gateway that signed it and at others.

use super::*;

/// A visitor with a code of the first gateway, at the second one.
struct Visit {
    visitor: Side,
    gateway: Side,
    open: Verified<OpenInvite>,
}

fn visit() -> Visit {
    Visit {
        visitor: side(4, "Ana's phone"),
        gateway: side(3, "the gateway at the pier"),
        open: bench(&side(2, "gateway")),
    }
}

impl Visit {
    fn up_to_the_code(
        &mut self,
        there: ChannelBinding,
    ) -> Result<(AwaitWelcome, Vec<u8>, AwaitCode), PairingError> {
        let Self { visitor, gateway, open } = self;
        let (wait, first) = Visitor::start(&visitor.key, BINDING, &mut visitor.rng)?;
        let (code, second) = Doorkeeper::respond(&first, &gateway.key, there, &mut gateway.rng)?;
        let (wait, third) = wait.read(&second, &visitor.key, &visitor.papers, open)?;
        Ok((wait, third, code))
    }
}

#[test]
fn any_gateway_reads_the_code_and_says_who_it_is_only_with_the_welcome() {
    let mut visit = visit();
    let (wait, third, code) = visit.up_to_the_code(BINDING).expect("a code");
    let (visitor, open, welcoming) = code.read(&third, Some(NOW)).expect("reads it");
    assert_eq!((visitor.peer, visitor.name.as_str()), (visit.visitor.identity.peer(), "Ana's phone"));
    assert_eq!((open.grant, open.lasts_s), (GrantId([7; 32]), 3_600));
    let answer = welcoming.admit(visit.gateway.host(), b"welcome".to_vec()).expect("admits");
    let (host, welcome) = wait.read(&answer, Some(NOW)).expect("a welcome");
    assert_eq!((host.peer, &welcome[..]), (visit.gateway.identity.peer(), &b"welcome"[..]));
}

#[test]
fn a_refusal_names_nobody() {
    let mut visit = visit();
    let (wait, third, code) = visit.up_to_the_code(BINDING).expect("a code");
    let (_, _, welcoming) = code.read(&third, Some(NOW)).expect("reads it");
    let answer = welcoming.refuse(PairingRefusal::Elsewhere).expect("refuses");
    assert!(answer.len() < 32, "no room for a name");
    let refused = wait.read(&answer, Some(NOW));
    assert!(matches!(refused, Err(PairingError::Refused(PairingRefusal::Elsewhere))));
    // Nor does one in the place of the second message.
    let (wait, _) = Visitor::start(&visit.visitor.key, BINDING, &mut visit.visitor.rng).expect("starts");
    let second = PairingRefusal::Elsewhere.to_bytes();
    let refused = wait.read(&second, &visit.visitor.key, &visit.visitor.papers, &visit.open);
    assert!(matches!(refused, Err(PairingError::Refused(PairingRefusal::Elsewhere))));
}

#[test]
fn somebody_between_visitor_and_gateway_is_found_out_before_the_code_is_shown() {
    let refused = visit().up_to_the_code(ChannelBinding([6; 32])).expect_err("two connections");
    assert!(matches!(refused, PairingError::Noise(_)), "{refused}");
}

#[test]
fn a_code_that_nobody_signed_is_read_by_no_gateway() {
    let mut visit = visit();
    visit.open = side(9, "").identity.sign(OpenInvite::clone(&visit.open));
    let (_, third, code) = visit.up_to_the_code(BINDING).expect("a code");
    assert!(matches!(code.read(&third, Some(NOW)), Err(PairingError::Malformed)));
}

#[test]
fn a_gateway_of_another_space_lets_nobody_in() {
    let mut visit = visit();
    let (wait, third, code) = visit.up_to_the_code(BINDING).expect("a code");
    let (_, _, welcoming) = code.read(&third, Some(NOW)).expect("reads it");
    let host = Host { space: SpaceId([0x22; 32]), ..visit.gateway.host() };
    let answer = welcoming.admit(host, Vec::new()).expect("admits");
    assert!(matches!(wait.read(&answer, Some(NOW)), Err(PairingError::OtherSpace)));
}

#[test]
fn thirty_visitors_pass_in_a_minute() {
    let mut turnstile = Turnstile::default();
    for _ in 0..OPEN_USES_PER_MINUTE_MAX {
        turnstile.pass(START).expect("there is room");
    }
    let later = START + Duration::from_secs(20);
    assert_eq!(turnstile.pass(later), Err(PairingRefusal::Closed { retry_after_s: 40 }));
    turnstile.pass(START + Duration::from_secs(60)).expect("another minute");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_let_nobody_in(bytes in proptest::collection::vec(any::<u8>(), 0..300), framed: bool) {
        let mut visit = visit();
        let shown = if framed { [&[PAIRING, WALK_UP], &bytes[..]].concat() } else { bytes.clone() };
        let _ = Doorkeeper::respond(&shown, &visit.gateway.key, BINDING, &mut visit.gateway.rng);
        let (wait, third, code) = visit.up_to_the_code(BINDING).expect("a code");
        prop_assert!(code.read(&bytes, Some(NOW)).is_err());
        prop_assert!(wait.read(&bytes, Some(NOW)).is_err());
        let (wait, _) = Visitor::start(&visit.visitor.key, BINDING, &mut visit.visitor.rng).expect("starts");
        prop_assert!(wait.read(&shown, &visit.visitor.key, &visit.visitor.papers, &visit.open).is_err());
        let (_, _, code) = visit.up_to_the_code(BINDING).expect("a code");
        prop_assert!(code.read(&third, Some(NOW)).is_err(), "of another connection's handshake");
    }
}
