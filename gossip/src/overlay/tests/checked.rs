//! Nobody is told of anybody before the node has checked where that one lives.

use std::time::Duration;

use msec_identity::PeerId;
use proptest::prelude::*;

use super::super::message::{Message, Record, Told, ToldList, Wish, decode};
use super::super::*;
use super::hostile::records_in;
use super::links::{neighbour, offered, outputs, relay};
use super::world::{peer, record, s};

/// What the node may say of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It is true, and here is a contact.
    Contact,
    /// It is true, and nobody whom we would dial.
    True,
    False,
}

fn answer(it: &mut Overlay, whom: usize, answer: Answer) {
    let record = record(whom);
    let input = match answer {
        Answer::Contact => Input::Contact {
            contact: ContactId(whom as u64),
            source: Source::Hearsay,
            peer: Some(peer(whom)),
            record: Some(record),
        },
        Answer::True | Answer::False => Input::Checked { record, is_true: answer == Answer::True },
    };
    it.handle(s(9), input);
}

fn receive(it: &mut Overlay, from: usize, message: &Message) {
    it.handle(s(9), Input::Received { from: peer(from), bytes: message.encode() });
}

/// What is said, and to whom; pings apart.
fn said(outputs: &[Output]) -> Vec<(PeerId, Message)> {
    let said = outputs.iter().filter_map(|output| match output {
        Output::Send { to, bytes } => Some((*to, decode(bytes).unwrap())),
        _ => None,
    });
    said.filter(|(_, message)| !matches!(message, Message::Ping { .. })).collect()
}

fn wrapped(whom: usize) -> Record {
    Record::new(&record(whom)).unwrap()
}

/// With two neighbours.
fn between_two() -> Overlay {
    let mut it = relay(0);
    for from in 1..=2 {
        neighbour(&mut it, s(6 + from as u64), from, Duration::from_millis(20));
    }
    for from in 1..=2 {
        answer(&mut it, from, Answer::Contact);
    }
    outputs(&mut it);
    it
}

#[test]
fn who_joins_is_told_of_once_it_is_confirmed() {
    for judged in [Answer::Contact, Answer::True, Answer::False] {
        let mut it = between_two();
        it.handle(s(9), Input::LinkUp { peer: peer(7), contact: None, expense: s(0) });
        let (wish, record) = (Wish::Join, Some(wrapped(7)));
        receive(&mut it, 7, &Message::Hello { role: Role::Relay, wish, kept: false, record });
        let before = outputs(&mut it);
        assert!(before.contains(&Output::Up { peer: peer(7), leaf: false }), "it waits for nothing");
        let told = |said: &[(PeerId, Message)]| {
            said.iter().filter(|(_, message)| matches!(message, Message::Newcomer { .. })).count()
        };
        assert_eq!(told(&said(&before)), 0, "{before:?}");
        answer(&mut it, 7, judged);
        let expected = if judged == Answer::False { 0 } else { 2 };
        assert_eq!(told(&said(&outputs(&mut it))), expected, "{judged:?}");
    }
}

#[test]
fn who_makes_room_is_told_of_another_once_that_is_confirmed() {
    let leave = |instead: Option<usize>| {
        let instead = instead.map(wrapped);
        vec![(peer(5), Message::Leave { reason: Leave::Exchanged, instead })]
    };
    let is_told = |said: &[(PeerId, Message)]| said.iter().any(|(to, _)| *to == peer(5));
    for (judged, named) in [(Answer::Contact, Some(7)), (Answer::True, Some(7)), (Answer::False, None)] {
        let (mut it, before) = offered(40);
        assert!(
            before.contains(&Output::Leaving { peer: peer(5) }) && !is_told(&said(&before)),
            "{before:?}"
        );
        answer(&mut it, 7, judged);
        assert_eq!(said(&outputs(&mut it)), leave(named), "{judged:?}");
    }
    // Whoever has the node's answer to wait for waits no longer than for the other side.
    let (mut it, _) = offered(40);
    it.handle(s(9), Input::Timeout);
    let late = outputs(&mut it);
    assert!(said(&late).contains(&leave(None)[0]), "{late:?}");
    answer(&mut it, 7, Answer::Contact);
    assert!(!is_told(&said(&outputs(&mut it))), "it was told already");
    it.handle(s(13), Input::Timeout);
    assert!(outputs(&mut it).contains(&Output::Disconnect { peer: peer(5), reason: Leave::Surplus }));
}

#[test]
fn an_answer_goes_back_along_its_walk_with_what_is_confirmed() {
    let mut it = between_two();
    receive(&mut it, 1, &Message::Shuffle { walk: 3, steps: 1 });
    assert_eq!(said(&outputs(&mut it)), [(peer(2), Message::Shuffle { walk: 3, steps: 0 })]);
    let told = |whom: &[usize]| {
        ToldList(whom.iter().map(|whom| Told { age_s: 1, record: wrapped(*whom) }).collect())
    };
    // One of them we know already, and one is where we live.
    let reply = Message::ShuffleReply { walk: 3, told: told(&[11, 2, 12, 0, 13]) };
    receive(&mut it, 2, &reply);
    receive(&mut it, 2, &reply);
    let asked = outputs(&mut it).iter().filter(|it| matches!(it, Output::Check { .. })).count();
    for (whom, judged) in [(13, Answer::True), (12, Answer::False)] {
        answer(&mut it, whom, judged);
        assert_eq!(said(&outputs(&mut it)), [], "{whom} is judged, and not yet 11; of {asked}");
    }
    answer(&mut it, 11, Answer::Contact);
    let back = Message::ShuffleReply { walk: 3, told: told(&[11, 2, 0, 13]) };
    assert_eq!((asked, said(&outputs(&mut it))), (3, vec![(peer(1), back)]));
    assert_eq!(it.table_sizes().walks, 0);
}

#[test]
fn what_the_node_does_not_confirm_speaks_against_who_told_it() {
    let mut it = between_two();
    let mut asked = 0;
    for whom in 20..120 {
        receive(&mut it, 1, &Message::Record { record: wrapped(whom) });
        asked += outputs(&mut it).iter().filter(|it| matches!(it, Output::Check { .. })).count();
        answer(&mut it, whom, Answer::False);
    }
    // It has told of itself, too.
    assert_eq!(asked, Config::default().hearsay_each_max as usize / 2 - 1, "it may tell half as much");
    assert_eq!(it.table_sizes().checks, 0);
}

/// What may happen between neighbours that tell of many, of whom the node confirms the even ones.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody comes, and takes a place if it must.
    Visits(usize, Wish, Option<Record>),
    Says(usize, Message),
    /// The node answers to the oldest question; with a contact or without.
    Judges(bool),
    Passes(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let one = || (1usize..40).prop_map(wrapped);
    let some = || proptest::option::weighted(0.8, one());
    let who = || 1usize..7;
    let wish = prop_oneof![
        2 => Just(Wish::Join),
        1 => Just(Wish::Neighbour { missing: 3 }),
        1 => some().prop_map(|instead| Wish::Far { instead }),
        2 => some().prop_map(|instead| Wish::Merge { instead }),
    ];
    let list = proptest::collection::vec(one(), 0..5)
        .prop_map(|records| ToldList(records.into_iter().map(|record| Told { age_s: 0, record }).collect()));
    let walk = || 0u64..3;
    let message = prop_oneof![
        2 => walk().prop_map(|walk| Message::Shuffle { walk, steps: 1 }),
        2 => (walk(), list).prop_map(|(walk, told)| Message::ShuffleReply { walk, told }),
        1 => (0u8..3, one()).prop_map(|(steps, record)| Message::Newcomer { steps, record }),
        1 => one().prop_map(|record| Message::Record { record }),
    ];
    prop_oneof![
        2 => (who(), wish, some()).prop_map(|(who, wish, record)| Step::Visits(who, wish, record)),
        4 => (who(), message).prop_map(|(who, message)| Step::Says(who, message)),
        4 => any::<bool>().prop_map(Step::Judges),
        1 => (1u64..1_500).prop_map(Step::Passes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_nobody_is_told_what_was_not_confirmed(
        steps in proptest::collection::vec(any_step(), 1..60),
    ) {
        let config = Config { active_max: 3, visits_max: 3, settle: Duration::ZERO, ..Config::default() };
        let mut it = Overlay::new(config, peer(0), Role::Relay, [3; 32]);
        it.handle(s(0), Input::OwnRecord { record: record(0) });
        let (mut now, mut asked, mut confirmed) = (s(0), std::collections::VecDeque::new(), vec![record(0)]);
        let of = |record: &[u8]| u64::from_be_bytes(*record.first_chunk().unwrap()) as usize;
        for step in steps {
            let from = |who, message: Message| Input::Received { from: peer(who), bytes: message.encode() };
            let inputs = match step {
                Step::Visits(who, wish, record) => vec![
                    Input::LinkUp { peer: peer(who), contact: None, expense: s(0) },
                    from(who, Message::Hello { role: Role::Relay, wish, kept: false, record }),
                ],
                Step::Says(who, message) => vec![from(who, message)],
                Step::Judges(is_contact) => {
                    let record: Vec<u8> = asked.pop_front().unwrap_or_else(|| record(0));
                    let (whom, is_true) = (of(&record), of(&record) % 2 == 0);
                    if is_true {
                        confirmed.push(record.clone());
                    }
                    let (contact, peer) = (ContactId(whom as u64), Some(peer(whom)));
                    let source = Source::Hearsay;
                    vec![match is_true && is_contact {
                        true => Input::Contact { contact, source, peer, record: Some(record) },
                        false => Input::Checked { record, is_true },
                    }]
                }
                Step::Passes(millis) => {
                    now += Duration::from_millis(millis);
                    vec![Input::Timeout]
                }
            };
            for input in inputs {
                it.handle(now, input);
                let came = outputs(&mut it);
                for record in said(&came).into_iter().flat_map(|(_, message)| records_in(message)) {
                    prop_assert!(confirmed.iter().any(|it| it == record.bytes()), "{}", of(record.bytes()));
                }
                asked.extend(came.into_iter().filter_map(|output| match output {
                    Output::Check { record, .. } => Some(record),
                    _ => None,
                }));
            }
        }
    }
}
