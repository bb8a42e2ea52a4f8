//! Codes: a node that invites, a guest that comes with one, and those who have none.

use std::net::SocketAddr;

use msec_identity::InviteError;
use msec_identity::pairing::{
    CLOSED_FOR, Code, Door, Hints, Invite, InviteSecret, PairingPapers, PairingRefusal, SafetyWords,
    WRONG_TRIES_MAX,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::guest::{
    ANSWER_MAX, Guest, GuestEvent, GuestFailed, GuestInput, GuestOutput, GuestParts, SEEK_MAX, STEP_MAX, Way,
    key_for_pairing,
};
use crate::node::DECISION_MAX;

const LASTS: Duration = Duration::from_secs(600);
const WELCOME: &[u8] = b"manifest and grant";

fn hints() -> Hints {
    Hints::new(vec![address(3)]).expect("hints")
}

fn invite(rig: &mut Rig) -> Invite {
    let now = Now { mono: rig.mono, wall: rig.wall };
    let invite = rig.node.invite(now, LASTS, hints()).expect("room");
    // As it is read from a screen.
    match Code::parse(&invite.to_string()) {
        Ok(Code::Invite(read)) => *read,
        other => panic!("{other:?}"),
    }
}

/// Somebody with a code, and what it was told.
pub(super) struct Visitor {
    guest: Guest,
    mono: Duration,
    outputs: VecDeque<GuestOutput>,
}

fn visitor(seed: u8, door: &Door) -> Visitor {
    visitor_to(seed, door, vec![address(3)])
}

fn visitor_to(seed: u8, door: &Door, hints: Vec<SocketAddr>) -> Visitor {
    guest(seed, Way::Door(door.clone()), hints)
}

/// Somebody who comes with that.
pub(super) fn guest(seed: u8, way: Way, hints: Vec<SocketAddr>) -> Visitor {
    let key = key_for_pairing(&Identity::from_seed([seed; 32]), [seed ^ 0x80; 32], START);
    let papers = PairingPapers::named("Ana's phone").expect("a name");
    let parts = GuestParts { way, key, papers, hints, finds_others: false, seed: [seed; 32] };
    let guest = Guest::new(parts, Now { mono: Duration::ZERO, wall: START });
    let mut visitor = Visitor { guest, mono: Duration::ZERO, outputs: VecDeque::new() };
    visitor.collect();
    visitor
}

impl Visitor {
    fn collect(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.guest.poll_output()));
    }

    pub(super) fn handle(&mut self, input: GuestInput) {
        let wall = START.saturating_add(self.mono.as_millis() as i64);
        self.guest.handle(Now { mono: self.mono, wall }, input);
        self.collect();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.mono += time;
        self.handle(GuestInput::Timeout);
    }

    fn take<T>(&mut self, pick: impl Fn(&GuestOutput) -> Option<T>) -> Vec<T> {
        let taken = self.outputs.iter().filter_map(&pick).collect();
        self.outputs.retain(|output| pick(output).is_none());
        taken
    }

    pub(super) fn dials(&mut self) -> Vec<SocketAddr> {
        self.take(|output| match output {
            GuestOutput::Dial { address } => Some(*address),
            _ => None,
        })
    }

    pub(super) fn sends(&mut self) -> Vec<Vec<u8>> {
        self.take(|output| match output {
            GuestOutput::Send { bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
    }

    pub(super) fn events(&mut self) -> Vec<GuestEvent> {
        self.take(|output| match output {
            GuestOutput::Event(event) => Some(event.clone()),
            _ => None,
        })
    }

    /// Its dial became a link, on which it says its first message.
    pub(super) fn knock(&mut self, link: u64) -> Vec<u8> {
        let [address] = self.dials()[..] else { panic!("one dial") };
        self.handle(GuestInput::LinkUp { link: LinkId(link), binding: BINDING, address });
        self.sends().remove(0)
    }

    pub(super) fn hears(&mut self, link: u64, bytes: Vec<u8>) {
        self.handle(GuestInput::Received { link: LinkId(link), bytes });
    }

    pub(super) fn failed(&mut self) -> GuestFailed {
        match &self.events()[..] {
            [GuestEvent::Failed(why)] => why.clone(),
            other => panic!("{other:?}"),
        }
    }
}

impl Rig {
    pub(super) fn hears(&mut self, link: u64, bytes: Vec<u8>) {
        self.handle(Input::Received { link: LinkId(link), bytes });
    }

    fn decide(&mut self, link: u64, welcome: Option<&[u8]>) {
        self.handle(Input::PairingDecision { link: LinkId(link), welcome: welcome.map(<[u8]>::to_vec) });
    }

    fn asked(&mut self) -> Vec<(PeerId, String, SafetyWords)> {
        self.take(|output| match output {
            Output::Event(Event::Pairing { joiner, name, words, .. }) => {
                Some((*joiner, name.clone(), *words))
            }
            _ => None,
        })
    }

    fn ended(&mut self) -> Vec<PairingOutcome> {
        self.take(|output| match output {
            Output::Event(Event::PairingEnded { outcome, .. }) => Some(*outcome),
            _ => None,
        })
    }
}

/// Up to where both show words.
fn compare(office: &mut Rig, phone: &mut Visitor, link: u64) -> (SafetyWords, SafetyWords) {
    let first = phone.knock(link);
    office.link_up(link, None);
    office.hears(link, first);
    let second = office.sends().remove(0);
    phone.hears(link, second);
    let third = phone.sends().remove(0);
    office.hears(link, third);
    let [GuestEvent::Words { words, .. }] = phone.events()[..] else { panic!("words") };
    let [(_, _, asked)] = office.asked()[..] else { panic!("asked") };
    (words, asked)
}

/// What a knock with that code is answered.
fn refusal(office: &mut Rig, door: &Door, link: u64) -> PairingRefusal {
    let mut phone = visitor(7, door);
    let first = phone.knock(link);
    office.link_up(link, None);
    office.hears(link, first);
    let answer = office.sends().remove(0);
    assert_eq!(answer.len(), 5, "nothing but the refusal");
    assert_eq!(office.closes(), [CloseReason::NotPaired]);
    phone.hears(link, answer.clone());
    match phone.events().pop() {
        Some(GuestEvent::Failed(GuestFailed::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

fn other_secret(invite: &Invite) -> Door {
    let secret = InviteSecret::draw(&mut ChaCha20Rng::from_seed([77; 32]));
    Door { secret, ..invite.door().clone() }
}

#[test]
fn whoever_has_a_code_is_asked_for_with_the_same_words_and_let_in() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let mut phone = visitor(7, invite.door());
    let first = phone.knock(0);
    office.link_up(0, None);
    office.hears(0, first);
    phone.hears(0, office.sends().remove(0));
    office.hears(0, phone.sends().remove(0));
    let [GuestEvent::Words { words, ref inviter, address: at }] = phone.events()[..] else { panic!("words") };
    assert_eq!((inviter.peer, inviter.space, at), (office.node.peer(), Some(manifest().space()), address(3)));
    let who = Identity::from_seed([7; 32]).peer();
    assert_eq!(office.asked(), [(who, "Ana's phone".to_owned(), words)]);
    office.decide(0, Some(WELCOME));
    assert_eq!((office.closes(), office.ended()), (vec![CloseReason::Paired], vec![PairingOutcome::Joined]));
    phone.hears(0, office.sends().remove(0));
    let welcome = GuestEvent::Welcome {
        welcome: WELCOME.to_vec(),
        inviter: office.node.peer(),
        space: manifest().space(),
        address: address(3),
    };
    assert_eq!((phone.events(), phone.guest.poll_timeout()), (vec![welcome], None));
    assert_eq!(refusal(&mut office, invite.door(), 1), PairingRefusal::Used);
    // A second answer to what is over changes nothing.
    office.decide(0, None);
    assert!(office.sends().is_empty() && office.ended().is_empty());
    assert_eq!(office.node.neighbours().count(), 0, "it has to come again, as everybody does");
}

#[test]
fn the_owners_no_arrives_and_uses_the_code_up() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let mut phone = visitor(7, invite.door());
    compare(&mut office, &mut phone, 0);
    office.decide(0, None);
    phone.hears(0, office.sends().remove(0));
    assert_eq!(phone.failed(), GuestFailed::Refused(PairingRefusal::Declined));
    assert_eq!(
        (office.closes(), office.ended()),
        (vec![CloseReason::NotPaired], vec![PairingOutcome::Declined])
    );
    assert_eq!(refusal(&mut office, invite.door(), 1), PairingRefusal::Used);
}

#[test]
fn who_has_no_code_learns_nothing_and_after_some_guesses_nobody_comes_in_for_a_while() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let wrong = other_secret(&invite);
    for link in 0..u64::from(WRONG_TRIES_MAX) {
        assert_eq!(refusal(&mut office, &wrong, link), PairingRefusal::Unknown);
    }
    let closed = PairingRefusal::Closed { retry_after_s: CLOSED_FOR.as_secs() as u16 };
    assert_eq!(refusal(&mut office, &wrong, 10), closed, "the sixth");
    assert_eq!(refusal(&mut office, invite.door(), 11), closed, "and the right one");
    office.pass(CLOSED_FOR);
    let mut phone = visitor(7, invite.door());
    compare(&mut office, &mut phone, 12);
}

#[test]
fn a_code_that_has_expired_or_was_taken_back_is_refused_by_name() {
    let mut office = gateway();
    let (one, other) = (invite(&mut office), invite(&mut office));
    office.node.withdraw(other.door().secret.tag());
    assert_eq!(refusal(&mut office, other.door(), 0), PairingRefusal::Expired);
    office.pass(LASTS + Duration::from_secs(1));
    assert_eq!(refusal(&mut office, one.door(), 1), PairingRefusal::Expired);
}

#[test]
fn no_more_codes_are_given_out_than_a_book_holds() {
    let mut office = gateway();
    let now = Now { mono: office.mono, wall: office.wall };
    for _ in 0..msec_identity::pairing::INVITES_OPEN_MAX {
        office.node.invite(now, LASTS, hints()).expect("room");
    }
    assert_eq!(office.node.invite(now, LASTS, hints()), Err(InviteError::Full));
}

#[test]
fn a_man_in_the_middle_who_passes_messages_on_is_found_out_at_the_first() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let mut phone = visitor(7, invite.door());
    let first = phone.knock(0);
    // What it terminates has another exporter.
    let binding = ChannelBinding([6; 32]);
    let (link, expense) = (LinkId(0), Duration::ZERO);
    office.handle(Input::LinkUp { link, binding, dialled: None, expense, own_link: true });
    office.hears(0, first);
    assert_eq!((office.closes(), office.asked().len()), (vec![CloseReason::NotPaired], 0));
}

#[test]
fn messages_that_are_swapped_between_two_pairings_let_nobody_in() {
    let mut office = gateway();
    let invites = [invite(&mut office), invite(&mut office)];
    let mut phones = [visitor(7, invites[0].door()), visitor(8, invites[1].door())];
    for (phone, link) in phones.iter_mut().zip(0..) {
        let first = phone.knock(link);
        office.link_up(link, None);
        office.hears(link, first);
    }
    let seconds = office.sends();
    let [a, b] = &mut phones;
    a.hears(0, seconds[1].clone());
    b.hears(1, seconds[0].clone());
    assert!(a.sends().is_empty() && b.sends().is_empty(), "neither says who it is");
    assert!(a.events().is_empty() && b.events().is_empty(), "each looks elsewhere");
    assert!(office.asked().is_empty());
}

#[test]
fn the_third_message_of_another_pairing_is_refused_and_the_code_is_still_good() {
    let mut office = gateway();
    let invites = [invite(&mut office), invite(&mut office)];
    let mut phones = [visitor(7, invites[0].door()), visitor(8, invites[1].door())];
    let mut thirds = Vec::new();
    for (phone, link) in phones.iter_mut().zip(0..) {
        let first = phone.knock(link);
        office.link_up(link, None);
        office.hears(link, first);
        phone.hears(link, office.sends().remove(0));
        thirds.push(phone.sends().remove(0));
    }
    office.hears(0, thirds[1].clone());
    assert_eq!((office.asked().len(), office.ended()), (0, vec![PairingOutcome::Failed]));
    compare(&mut office, &mut visitor(7, invites[0].door()), 2);
}

#[test]
fn the_first_message_said_again_finds_the_code_in_use_and_then_used() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let mut phone = visitor(7, invite.door());
    let first = phone.knock(0);
    let replay = |office: &mut Rig, link: u64| {
        office.link_up(link, None);
        office.hears(link, first.clone());
        office.sends().remove(0)
    };
    let second = replay(&mut office, 0);
    assert_eq!(replay(&mut office, 1), PairingRefusal::Busy.to_bytes());
    phone.hears(0, second);
    office.hears(0, phone.sends().remove(0));
    office.decide(0, Some(WELCOME));
    office.sends();
    assert_eq!(replay(&mut office, 2), PairingRefusal::Used.to_bytes());
}

#[test]
fn who_is_cut_off_at_any_message_may_come_again() {
    for after in 0..3 {
        let mut office = gateway();
        let invite = invite(&mut office);
        let mut phone = visitor(7, invite.door());
        let first = phone.knock(0);
        office.link_up(0, None);
        if after > 0 {
            office.hears(0, first);
            let second = office.sends().remove(0);
            if after > 1 {
                phone.hears(0, second);
                office.hears(0, phone.sends().remove(0));
                phone.events();
            }
        }
        office.handle(Input::LinkDown { link: LinkId(0), why: Lost::TimedOut });
        phone.handle(GuestInput::LinkDown { link: LinkId(0) });
        if after > 1 {
            assert_eq!((office.asked().len(), phone.failed()), (1, GuestFailed::HungUp));
        } else {
            // The guest seeks on, and finds the same address again.
            phone.pass(Duration::from_secs(3));
            assert_eq!(phone.dials(), [address(3)]);
        }
        let ended = if after == 0 { vec![] } else { vec![PairingOutcome::Gone] };
        assert_eq!(office.ended(), ended, "after {after} messages");
        // An owner who decides too late decides nothing.
        office.decide(0, Some(WELCOME));
        assert!(office.sends().is_empty());
        compare(&mut office, &mut visitor(7, invite.door()), 1);
    }
}

#[test]
fn nobody_waits_for_ever_on_either_side() {
    let mut office = gateway();
    let invite = invite(&mut office);
    // Silent after its first message.
    let first = visitor(7, invite.door()).knock(0);
    office.link_up(0, None);
    office.hears(0, first);
    office.pass(Duration::from_secs(10));
    assert_eq!(
        (office.closes(), office.ended()),
        (vec![CloseReason::TooSlow], vec![PairingOutcome::TooSlow])
    );
    // An owner who went for a coffee.
    let mut phone = visitor(8, invite.door());
    office.sends();
    compare(&mut office, &mut phone, 1);
    office.pass(DECISION_MAX);
    assert_eq!(
        (office.closes(), office.ended()),
        (vec![CloseReason::TooSlow], vec![PairingOutcome::TooSlow])
    );
    assert_eq!(office.node.pairings.due(), None);
    phone.pass(ANSWER_MAX);
    assert_eq!(phone.failed(), GuestFailed::NobodyDecided);
    // An inviter that says nothing, and addresses where nobody is.
    let mut phone = visitor_to(9, invite.door(), vec![address(3), address(4)]);
    phone.knock(2);
    phone.pass(STEP_MAX);
    assert_eq!(phone.dials(), [address(4)]);
    phone.handle(GuestInput::DialFailed { address: address(4) });
    phone.pass(SEEK_MAX);
    assert_eq!(phone.failed(), GuestFailed::NobodyThere);
}

#[test]
fn a_hint_that_leads_to_a_stranger_does_not_keep_anybody_out() {
    let mut office = gateway();
    let invite = invite(&mut office);
    let mut phone = visitor_to(7, invite.door(), vec![address(9), address(3)]);
    phone.knock(0);
    phone.hears(0, PairingRefusal::Unknown.to_bytes());
    // Somebody who is found meanwhile waits for its turn.
    phone.handle(GuestInput::Found { address: address(5) });
    compare(&mut office, &mut phone, 1);
    // Where nobody knows the code, it is none.
    let mut phone = visitor_to(7, &other_secret(&invite), vec![address(9), address(3)]);
    for link in 2..4 {
        phone.knock(link);
        phone.hears(link, PairingRefusal::Unknown.to_bytes());
    }
    assert_eq!(phone.failed(), GuestFailed::Refused(PairingRefusal::Unknown));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_in_any_state_let_nobody_in(
        after in 0usize..3,
        framed: bool,
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
    ) {
        let mut office = gateway();
        let invite = invite(&mut office);
        let mut phone = visitor(7, invite.door());
        office.link_up(0, None);
        let first = phone.knock(0);
        if after > 0 {
            office.hears(0, first);
            let second = office.sends().remove(0);
            if after > 1 {
                phone.hears(0, second);
                office.hears(0, phone.sends().remove(0));
            }
        }
        for bytes in frames {
            let bytes = if framed { [&[0x70, 1], &bytes[..]].concat() } else { bytes };
            office.hears(0, bytes.clone());
            phone.hears(0, bytes);
        }
        let in_bounds = office.node.pairings.due().is_none() || after == 0;
        prop_assert!(in_bounds, "whoever says nonsense is let go");
        let welcomed = phone.events().iter().any(|event| matches!(event, GuestEvent::Welcome { .. }));
        prop_assert!(!welcomed);
        prop_assert!(!office.ended().contains(&PairingOutcome::Joined));
        // The code is still good.
        office.outputs.clear();
        compare(&mut office, &mut visitor(8, invite.door()), 1);
    }
}
