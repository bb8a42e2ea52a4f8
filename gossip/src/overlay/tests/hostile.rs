//! Nothing that a peer or a driver says breaks the machine's bounds.

use proptest::prelude::*;

use super::super::message::{Message, Record, Told, ToldList, Wish, decode};
use super::super::*;
use super::world::*;
use crate::error::DecodeError;

fn outputs(overlay: &mut Overlay) -> Vec<Output> {
    std::iter::from_fn(|| overlay.poll_output()).collect()
}

fn overlay(role: Role) -> Overlay {
    let mut overlay = Overlay::new(Config::default(), peer(0), role, [1; 32]);
    overlay.handle(s(0), Input::OwnRecord { record: record(0) });
    overlay
}

fn link(overlay: &mut Overlay, from: usize) {
    overlay.handle(s(1), Input::LinkUp { peer: peer(from), contact: None, expense: s(0) });
}

fn receive(overlay: &mut Overlay, from: usize, message: &Message) {
    overlay.handle(s(1), Input::Received { from: peer(from), bytes: message.encode() });
}

fn hello(wish: Wish) -> Message {
    Message::Hello { role: Role::Relay, wish, kept: false, record: None }
}

fn told(first: usize) -> ToldList {
    let told = |index| Told { age_s: 0, record: Record::new(&record(index)).unwrap() };
    ToldList((first..first + 8).map(told).collect())
}

#[test]
fn a_second_hello_is_a_violation() {
    let mut it = overlay(Role::Relay);
    link(&mut it, 1);
    receive(&mut it, 1, &hello(Wish::Join));
    assert!(outputs(&mut it).contains(&Output::Up { peer: peer(1), leaf: false }));
    receive(&mut it, 1, &hello(Wish::Join));
    let said = outputs(&mut it);
    assert!(said.contains(&Output::Down { peer: peer(1) }), "{said:?}");
    assert!(said.contains(&Output::Violation { from: peer(1), error: DecodeError::OutOfTurn }), "{said:?}");
    assert_eq!(it.neighbours().count(), 0);
}

#[test]
fn an_answer_to_nothing_is_a_violation() {
    for message in [welcome(), Message::Full { told: ToldList::default() }] {
        let mut it = overlay(Role::Relay);
        link(&mut it, 1);
        receive(&mut it, 1, &message);
        let violation = Output::Violation { from: peer(1), error: DecodeError::OutOfTurn };
        assert_eq!(outputs(&mut it), [violation]);
    }
}

#[test]
fn bytes_that_are_no_message_are_a_violation() {
    let mut it = overlay(Role::Relay);
    link(&mut it, 1);
    it.handle(s(1), Input::Received { from: peer(1), bytes: vec![0x42, 99] });
    assert_eq!(outputs(&mut it), [Output::Violation { from: peer(1), error: DecodeError::Malformed }]);
    it.handle(s(1), Input::Received { from: peer(1), bytes: vec![0x42, 99] });
    assert_eq!((outputs(&mut it).len(), it.stats().strangers), (0, 1), "it has no link any more");
}

#[test]
fn one_neighbour_cannot_fill_the_view() {
    let mut it = overlay(Role::Relay);
    link(&mut it, 1);
    receive(&mut it, 1, &hello(Wish::Join));
    outputs(&mut it);
    for round in 0..50 {
        for told in told(100 + 8 * round).0 {
            receive(&mut it, 1, &Message::Record { record: told.record });
        }
    }
    let checks = outputs(&mut it).iter().filter(|it| matches!(it, Output::Check { .. })).count();
    let max = Config::default().hearsay_each_max;
    assert_eq!(checks, max as usize);
    assert_eq!(it.stats().told_dropped, 400 - u64::from(max));
}

#[test]
fn records_that_are_old_or_never_checked_are_not_told() {
    let mut it = overlay(Role::Relay);
    link(&mut it, 1);
    receive(&mut it, 1, &hello(Wish::Join));
    let contact = |id, peer| Input::Contact {
        contact: ContactId(id),
        source: Source::Hearsay,
        peer: Some(peer),
        record: Some(record(id as usize)),
    };
    it.handle(s(2), contact(5, peer(5)));
    it.handle(s(2), contact(6, peer(0)));
    assert!(outputs(&mut it).contains(&Output::Forget { contact: ContactId(6) }), "that is us");
    assert_eq!(it.table_sizes().passive, 1);
    let config = Config::default();
    it.handle(config.hearsay_ttl + s(120), Input::Timeout);
    assert_eq!((it.table_sizes().passive, it.table_sizes().remembered), (0, 1));
    outputs(&mut it);
    it.handle(config.remembered_ttl + s(120), Input::Timeout);
    assert!(outputs(&mut it).contains(&Output::Forget { contact: ContactId(5) }));
    assert_eq!(it.table_sizes().remembered, 0);
}

#[test]
fn visitors_are_bounded_and_sent_home() {
    let mut it = overlay(Role::Relay);
    let max = it_max();
    for from in 1..=max + 10 {
        link(&mut it, from);
    }
    assert_eq!(it.table_sizes().visits, max);
    assert_eq!(outputs(&mut it).len(), 10, "there is no room");
    let came = |from| Input::LinkUp { peer: peer(from), contact: None, expense: s(0) };
    it.handle(s(5), came(max + 11));
    assert_eq!(it.table_sizes().visits, max);
    let sent_home = Output::Disconnect { peer: peer(max + 11), reason: Leave::Full };
    let said = outputs(&mut it);
    assert!(said.len() == 1 && said[0] != sent_home, "who says nothing makes room: {said:?}");
    it.handle(s(40), Input::Timeout);
    assert_eq!(it.table_sizes().visits, 0, "who says nothing is sent home");
    assert_eq!(outputs(&mut it).len(), max);
}

#[test]
fn a_neighbour_cannot_have_us_dial_one_peer_again_and_again() {
    let mut it = overlay(Role::Relay);
    link(&mut it, 1);
    receive(&mut it, 1, &hello(Wish::Neighbour { missing: 1 }));
    let contact = ContactId(5);
    let known = |source| Input::Contact { contact, source, peer: Some(peer(5)), record: Some(record(5)) };
    it.handle(s(1), known(Source::Hearsay));
    let mut dials = 0;
    for _ in 0..50 {
        receive(&mut it, 1, &Message::Newcomer { steps: 0, record: Record::new(&record(5)).unwrap() });
        dials += outputs(&mut it).iter().filter(|it| **it == Output::Dial { contact }).count();
        it.handle(s(1), Input::DialFailed { contact, why: DialFailure::Refused });
    }
    assert_eq!(dials, 1);
}

fn it_max() -> usize {
    Config::default().visits_max
}

fn any_input() -> impl Strategy<Value = Input> {
    let who = || (1usize..14).prop_map(peer);
    let contact = || (1u64..14).prop_map(ContactId);
    // Half of those that peers tell of are never confirmed.
    let confirmed = || (1usize..7).prop_map(|index| record(2 * index));
    let record_of = || proptest::option::of(confirmed());
    let source = prop_oneof![Just(Source::Configured), Just(Source::Discovered), Just(Source::Hearsay)];
    let why = prop_oneof![
        Just(DialFailure::Unreachable),
        Just(DialFailure::TimedOut),
        Just(DialFailure::Refused),
        Just(DialFailure::Denied)
    ];
    let lost = prop_oneof![Just(Lost::Closed), Just(Lost::TimedOut), Just(Lost::Misbehaved)];
    prop_oneof![
        4 => (who(), proptest::option::of(contact())).prop_map(|(peer, contact)| Input::LinkUp {
            peer,
            contact,
            expense: s(0)
        }),
        2 => (who(), lost).prop_map(|(peer, why)| Input::LinkDown { peer, why }),
        3 => (contact(), source, proptest::option::of(who()), record_of()).prop_map(
            |(contact, source, peer, record)| Input::Contact { contact, source, peer, record }
        ),
        1 => contact().prop_map(|contact| Input::ContactGone { contact }),
        3 => confirmed().prop_map(|record| Input::Checked { record, is_true: true }),
        2 => (1usize..14).prop_map(|index| Input::Checked { record: record(index), is_true: false }),
        2 => (contact(), why).prop_map(|(contact, why)| Input::DialFailed { contact, why }),
        1 => who().prop_map(|peer| Input::Heard { peer }),
        12 => (who(), any_message())
            .prop_map(|(from, message)| Input::Received { from, bytes: message.encode() }),
        1 => (who(), proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(from, mut bytes)| {
            bytes.insert(0, 0x42);
            Input::Received { from, bytes }
        }),
        3 => Just(Input::Timeout),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let one = || (1usize..14).prop_map(|index| Record::new(&record(index)).unwrap());
    let some = || proptest::option::of(one());
    let role = || prop_oneof![3 => Just(Role::Relay), 1 => Just(Role::Leaf)];
    let wish = prop_oneof![
        Just(Wish::Join),
        (0u8..7).prop_map(|missing| Wish::Neighbour { missing }),
        (any::<u32>(), some()).prop_map(|(cost_us, instead)| Wish::Exchange { cost_us, instead }),
        some().prop_map(|instead| Wish::Far { instead }),
        some().prop_map(|instead| Wish::Merge { instead }),
    ];
    let list = || (1usize..9).prop_map(told);
    let reason = prop_oneof![Just(Leave::Full), Just(Leave::Exchanged), Just(Leave::Surplus)];
    prop_oneof![
        4 => (role(), wish, any::<bool>(), some())
            .prop_map(|(role, wish, kept, record)| Message::Hello { role, wish, kept, record }),
        3 => (role(), any::<bool>(), some(), some(), list()).prop_map(|(role, far, record, instead, told)| {
            Message::Welcome { role, far, record, instead, told }
        }),
        1 => list().prop_map(|told| Message::Full { told }),
        1 => (reason, some()).prop_map(|(reason, instead)| Message::Leave { reason, instead }),
        1 => (0u32..3).prop_map(|nonce| Message::Ping { nonce }),
        1 => any::<u32>().prop_map(|nonce| Message::Pong { nonce }),
        1 => (any::<u8>(), one()).prop_map(|(steps, record)| Message::Newcomer { steps, record }),
        1 => (0u64..4, any::<u8>()).prop_map(|(walk, steps)| Message::Shuffle { walk, steps }),
        1 => (0u64..4, list()).prop_map(|(walk, told)| Message::ShuffleReply { walk, told }),
        1 => one().prop_map(|record| Message::Record { record }),
    ]
}

/// What somebody is told of by this.
pub(super) fn records_in(message: Message) -> Vec<Record> {
    let wished = |wish| match wish {
        Wish::Exchange { instead, .. } | Wish::Far { instead } | Wish::Merge { instead } => instead,
        Wish::Join | Wish::Neighbour { .. } => None,
    };
    let all = |list: ToldList| list.0.into_iter().map(|told| told.record);
    match message {
        Message::Hello { wish, record, .. } => wished(wish).into_iter().chain(record).collect(),
        Message::Welcome { record, instead, told, .. } => {
            record.into_iter().chain(instead).chain(all(told)).collect()
        }
        Message::Full { told } | Message::ShuffleReply { told, .. } => all(told).collect(),
        Message::Leave { instead, .. } => instead.into_iter().collect(),
        Message::Newcomer { record, .. } | Message::Record { record } => vec![record],
        Message::Ping { .. } | Message::Pong { .. } | Message::Shuffle { .. } => vec![],
    }
}

/// Runs these inputs, and checks the bounds after each, and that no record is told that was not confirmed. Returns all that
/// came out.
fn run(role: Role, inputs: &[(u64, Input)]) -> Vec<Output> {
    let config = Config::small();
    let mut it = Overlay::new(config.clone(), peer(0), role, [2; 32]);
    it.handle(s(0), Input::OwnRecord { record: record(0) });
    let (mut now, mut all, mut up) = (s(0), Vec::new(), std::collections::BTreeSet::new());
    let mut confirmed = std::collections::BTreeSet::from([record(0)]);
    for (pause_ms, input) in inputs {
        now += std::time::Duration::from_millis(*pause_ms);
        if let Input::Contact { record: Some(record), .. } | Input::Checked { record, is_true: true } = input
        {
            confirmed.insert(record.clone());
        }
        it.handle(now, input.clone());
        let came = outputs(&mut it);
        assert!(came.len() < 100, "one input, and {} outputs", came.len());
        for output in &came {
            match output {
                Output::Up { peer, .. } => assert!(up.insert(*peer)),
                Output::Down { peer } => assert!(up.remove(peer)),
                Output::Send { bytes, .. } => {
                    let told = records_in(decode(bytes).unwrap());
                    assert!(told.iter().all(|record| confirmed.contains(record.bytes())));
                }
                _ => {}
            }
        }
        assert!(up.iter().copied().eq(it.neighbours().map(|(peer, _)| peer)));
        assert_bounds(&it, &config);
        assert!(it.poll_timeout().is_none_or(|due| due > now), "no deadline is left behind");
        all.extend(came);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_the_bounds_hold(
        leaf in any::<bool>(),
        inputs in proptest::collection::vec((0u64..4_000, any_input()), 1..120),
    ) {
        let role = if leaf { Role::Leaf } else { Role::Relay };
        let once = run(role, &inputs);
        prop_assert_eq!(once, run(role, &inputs), "and it happens twice in the same way");
    }
}
