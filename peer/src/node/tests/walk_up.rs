//! Visitors with a code from a bench, and gateways that look at it.

use msec_identity::GrantId;
use msec_identity::pairing::{Code, Hints, OPEN_USES_PER_MINUTE_MAX, OpenInvite, PairingRefusal};
use proptest::prelude::*;

use super::pairing::{Visitor, guest};
use super::*;
use crate::guest::{GuestEvent, GuestFailed, GuestInput, STEP_MAX, Way};

const WELCOME: &[u8] = b"manifest and grant";

/// The bench's own grant, which the gateway of seed 3 holds.
fn own() -> Verified<Grant> {
    grant(&Identity::from_seed([3; 32]), &[Right::Manage, Right::Read], 30)
}

/// A code that the gateway of seed 3 signed, as it is read from a bench.
fn bench() -> Way {
    bench_by(3, false)
}

/// The same by somebody, whoever holds the grant that it names, for those who are near or for everybody.
fn bench_by(seed: u8, anywhere: bool) -> Way {
    let signer = Identity::from_seed([seed; 32]);
    let open = signer.sign(OpenInvite {
        space: manifest().space(),
        gateway: signer.peer(),
        grant: own().id(),
        resource: "parks".parse().expect("a path"),
        lasts_s: 7_200,
        not_after: START.saturating_add(DAY_MS),
        hints: Hints::new(vec![address(3)]).expect("hints"),
        anywhere,
    });
    match Code::parse(&open.code()) {
        Ok(Code::Open(read)) => Way::WalkUp(read),
        other => panic!("{other:?}"),
    }
}

/// Another gateway than the one that signed, at whose door visitors are looked at.
fn open_gateway(seed: u8) -> Rig {
    let mut gateway = rig(seed, &[Right::Relay, Right::Read], Config::default());
    gateway.node.open_door();
    let _ = gateway.node.authority.learn(own().into()).expect("what everybody knows");
    gateway
}

fn visitor(seed: u8, at: &[u8]) -> Visitor {
    guest(seed, bench(), at.iter().map(|n| address(*n)).collect())
}

/// Up to where the gateway decides.
fn shows(gateway: &mut Rig, phone: &mut Visitor, link: u64) -> Vec<(PeerId, GrantId)> {
    shows_from(gateway, phone, link, true)
}

fn shows_from(gateway: &mut Rig, phone: &mut Visitor, link: u64, own_link: bool) -> Vec<(PeerId, GrantId)> {
    let (id, expense) = (LinkId(link), Duration::ZERO);
    gateway.handle(Input::LinkUp { link: id, binding: BINDING, dialled: None, expense, own_link });
    let first = phone.knock(link);
    gateway.hears(link, first);
    phone.hears(link, gateway.sends().remove(0));
    gateway.hears(link, phone.sends().remove(0));
    gateway.take(|output| match output {
        Output::Event(Event::WalkUp { joiner, code, .. }) => Some((*joiner, code.grant)),
        _ => None,
    })
}

fn decide(gateway: &mut Rig, phone: &mut Visitor, link: u64, decision: Result<&[u8], PairingRefusal>) {
    let decision = decision.map(<[u8]>::to_vec);
    gateway.handle(Input::WalkUpDecision { link: LinkId(link), decision });
    for bytes in gateway.sends() {
        phone.hears(link, bytes);
    }
}

#[test]
fn a_gateway_that_never_saw_the_code_lets_visitors_in_and_nobody_compares_words() {
    let mut gateway = open_gateway(4);
    for (seed, link) in [(7, 0), (8, 1), (7, 2)] {
        let mut phone = visitor(seed, &[4]);
        let asked = shows(&mut gateway, &mut phone, link);
        assert_eq!(asked, [(Identity::from_seed([seed; 32]).peer(), own().id())]);
        decide(&mut gateway, &mut phone, link, Ok(WELCOME));
        let expected = GuestEvent::Welcome {
            welcome: WELCOME.to_vec(),
            inviter: gateway.node.peer(),
            space: manifest().space(),
            address: address(4),
        };
        assert_eq!(phone.events(), [expected]);
    }
    assert_eq!(gateway.closes(), [CloseReason::Paired; 3]);
    assert_eq!(gateway.node.neighbours().count(), 0, "it comes again, on a link like any other");
}

#[test]
fn who_lets_nobody_in_says_so_before_it_sees_the_code_and_the_visitor_goes_to_the_next() {
    let (mut closed, mut open) = (rig(4, &[Right::Write], Config::default()), open_gateway(5));
    let mut phone = visitor(7, &[4, 5]);
    closed.link_up(0, None);
    let first = phone.knock(0);
    closed.hears(0, first);
    let said = closed.sends().remove(0);
    assert_eq!(said, PairingRefusal::Elsewhere.to_bytes());
    phone.hears(0, said);
    assert_eq!(closed.closes(), [CloseReason::NotPaired]);
    assert_eq!(shows(&mut open, &mut phone, 1).len(), 1);
    // This one has no right to, and there is no other.
    decide(&mut open, &mut phone, 1, Err(PairingRefusal::Elsewhere));
    assert_eq!(phone.failed(), GuestFailed::Refused(PairingRefusal::Elsewhere));
}

#[test]
fn a_bench_that_has_ended_is_over_at_every_gateway() {
    let (mut gateway, mut phone) = (open_gateway(4), visitor(7, &[4, 5]));
    assert_eq!(shows(&mut gateway, &mut phone, 0).len(), 1);
    decide(&mut gateway, &mut phone, 0, Err(PairingRefusal::Expired));
    assert_eq!(phone.failed(), GuestFailed::Refused(PairingRefusal::Expired));
}

#[test]
fn a_visitor_whose_gateway_goes_or_says_nothing_goes_to_the_next() {
    for silent in [true, false] {
        let mut phone = visitor(7, &[4, 5]);
        shows(&mut open_gateway(4), &mut phone, 0);
        match silent {
            true => phone.pass(STEP_MAX),
            false => phone.handle(GuestInput::LinkDown { link: LinkId(0) }),
        }
        let mut next = open_gateway(5);
        assert_eq!(shows(&mut next, &mut phone, 1).len(), 1, "silent: {silent}");
    }
}

#[test]
fn codes_that_somebody_made_up_are_refused_unasked_and_take_nobodys_place() {
    let mut gateway = open_gateway(4);
    for link in 0..2 * u64::from(OPEN_USES_PER_MINUTE_MAX) {
        let mut forger = guest(9, bench_by(9, false), vec![address(4)]);
        assert!(shows(&mut gateway, &mut forger, link).is_empty(), "its signer holds no such grant");
        forger.hears(link, gateway.sends().remove(0));
        assert_eq!(forger.failed(), GuestFailed::Refused(PairingRefusal::Unknown));
    }
    assert_eq!(shows(&mut gateway, &mut visitor(7, &[4]), 99).len(), 1, "there is room for a visitor");
}

#[test]
fn a_photographed_code_opens_nothing_from_afar_and_takes_nobodys_place() {
    let mut gateway = open_gateway(4);
    for link in 0..2 * u64::from(OPEN_USES_PER_MINUTE_MAX) {
        let mut far = visitor(9, &[4]);
        assert!(shows_from(&mut gateway, &mut far, link, false).is_empty(), "nobody is asked");
        far.hears(link, gateway.sends().remove(0));
        let GuestFailed::Refused(refusal) = far.failed() else { panic!("it is told why") };
        assert_eq!(refusal, PairingRefusal::NotNear);
        assert!(refusal.to_string().contains("join the Wi-Fi or the LAN where it hangs"), "{refusal}");
    }
    assert_eq!(gateway.closes().last(), Some(&CloseReason::NotPaired));
    assert_eq!(shows(&mut gateway, &mut visitor(7, &[4]), 99).len(), 1, "who is there comes in");
}

#[test]
fn a_code_for_everybody_works_from_afar() {
    let mut gateway = open_gateway(4);
    let mut far = guest(9, bench_by(3, true), vec![address(4)]);
    assert_eq!(shows_from(&mut gateway, &mut far, 0, false).len(), 1);
    decide(&mut gateway, &mut far, 0, Ok(WELCOME));
    assert!(matches!(far.events()[..], [GuestEvent::Welcome { .. }]));
}

#[test]
fn who_is_too_far_from_one_gateway_goes_to_the_next() {
    let (mut far, mut near) = (open_gateway(4), open_gateway(5));
    let mut phone = visitor(7, &[4, 5]);
    assert!(shows_from(&mut far, &mut phone, 0, false).is_empty());
    phone.hears(0, far.sends().remove(0));
    assert_eq!(shows(&mut near, &mut phone, 1).len(), 1);
}

#[test]
fn visitors_beyond_thirty_a_minute_are_told_to_wait() {
    let mut gateway = open_gateway(4);
    for link in 0..u64::from(OPEN_USES_PER_MINUTE_MAX) {
        let mut phone = visitor(7, &[4]);
        assert_eq!(shows(&mut gateway, &mut phone, link).len(), 1);
        decide(&mut gateway, &mut phone, link, Ok(WELCOME));
    }
    let mut phone = visitor(8, &[4]);
    assert!(shows(&mut gateway, &mut phone, 99).is_empty(), "nobody is asked");
    phone.hears(99, gateway.sends().remove(0));
    assert_eq!(phone.dials(), [], "it tries again after a pause");
    assert_eq!(gateway.closes().last(), Some(&CloseReason::NotPaired));
    gateway.pass(Duration::from_secs(60));
    assert_eq!(shows(&mut gateway, &mut visitor(8, &[4]), 100).len(), 1);
}

#[test]
fn visitors_on_their_way_in_are_bounded_in_number_and_in_time() {
    let mut gateway = open_gateway(4);
    for link in 0..WALK_UPS_MAX as u64 {
        gateway.link_up(link, None);
        let first = visitor(7, &[4]).knock(link);
        gateway.hears(link, first);
    }
    gateway.sends();
    gateway.link_up(99, None);
    gateway.hears(99, visitor(8, &[4]).knock(99));
    assert_eq!(gateway.sends(), [PairingRefusal::Closed { retry_after_s: 10 }.to_bytes()]);
    gateway.closes();
    gateway.pass(Duration::from_secs(10));
    assert_eq!(gateway.closes(), [CloseReason::TooSlow; WALK_UPS_MAX]);
    assert_eq!(gateway.node.walk_ups.due(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_in_any_state_let_nobody_in(
        after in 0usize..3,
        framed: bool,
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
    ) {
        let (mut gateway, mut phone) = (open_gateway(4), visitor(7, &[4]));
        gateway.link_up(0, None);
        let first = phone.knock(0);
        if after > 0 {
            gateway.hears(0, first);
            if after > 1 {
                phone.hears(0, gateway.sends().remove(0));
                gateway.hears(0, phone.sends().remove(0));
            }
        }
        for bytes in frames {
            let bytes = if framed { [&[0x70, 2], &bytes[..]].concat() } else { bytes };
            gateway.hears(0, bytes.clone());
            phone.hears(0, bytes);
        }
        let welcomed = phone.events().iter().any(|event| matches!(event, GuestEvent::Welcome { .. }));
        prop_assert!(!welcomed);
        prop_assert!(!gateway.closes().contains(&CloseReason::Paired));
    }
}
