//! Machines that ask each other, in virtual time, and one whose neighbour is the test.

use std::collections::BTreeSet;

use msec_identity::{Cuts, Identity, SpaceId, UnixMillis};
use proptest::prelude::*;

use super::super::batch::TOGETHER_MAX;
use super::super::message::HOPS_MAX;
use super::*;

const LATENCY: Duration = Duration::from_millis(20);
const EVERY: Duration = Duration::from_secs(20);

fn key(n: usize) -> Identity {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    Identity::from_seed(seed)
}

fn beat_by(signer: &Identity, issuer: PeerId, of: Question) -> Vec<u8> {
    let logs = Cuts::default();
    signer.sign(Beat { space: SpaceId([1; 32]), issuer, of, logs, at: UnixMillis(0) }).to_bytes()
}

/// A machine, and what became of it.
struct One {
    key: Identity,
    asking: Asking,
    /// For each beat that counted: when its nonce had been drawn, and when it came.
    proven: Vec<(Duration, Duration)>,
    signed: usize,
    sent: usize,
    sent_bytes: usize,
    violations: Vec<PeerId>,
    /// It answers nothing, whatever it says.
    swallows: bool,
}

struct Town {
    now: Duration,
    all: Vec<One>,
    links: BTreeSet<(usize, usize)>,
    under_way: VecDeque<(Duration, usize, usize, Vec<u8>)>,
    /// Those who do not stand any more.
    revoked: BTreeSet<PeerId>,
}

impl Town {
    fn new(count: usize) -> Self {
        let one = |n| One {
            key: key(n),
            asking: Asking::new(false, [n as u8; 32]),
            proven: Vec::new(),
            signed: 0,
            sent: 0,
            sent_bytes: 0,
            violations: Vec::new(),
            swallows: false,
        };
        let all = (0..count).map(one).collect();
        let (links, revoked) = (BTreeSet::new(), BTreeSet::new());
        Self { now: Duration::ZERO, all, links, under_way: VecDeque::new(), revoked }
    }

    fn link(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            self.links.insert((one, other));
            let (peer, leaf) = (self.all[other].key.peer(), self.all[other].asking.is_leaf);
            self.tell(one, Input::NeighbourUp { peer, leaf });
        }
    }

    fn unlink(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            self.links.remove(&(one, other));
            let peer = self.all[other].key.peer();
            self.tell(one, Input::NeighbourDown { peer });
        }
    }

    fn issues(&mut self, n: usize) {
        self.tell(n, Input::Issues(true));
    }

    fn tell(&mut self, n: usize, input: Input) {
        self.all[n].asking.handle(self.now, input);
        while let Some(output) = self.all[n].asking.poll_output() {
            self.obey(n, output);
        }
    }

    fn obey(&mut self, n: usize, output: Output) {
        let (now, one) = (self.now, &mut self.all[n]);
        match output {
            Output::Send { to, bytes } => {
                let is_answer = matches!(Message::decode(&bytes), Ok(Message::Answer { .. }));
                if one.swallows && is_answer {
                    return;
                }
                one.sent += 1;
                one.sent_bytes += bytes.len();
                let Some(to) = self.all.iter().position(|other| other.key.peer() == to) else { return };
                if self.links.contains(&(n, to)) {
                    self.under_way.push_back((now + LATENCY, n, to, bytes));
                }
            }
            Output::Sign { of } => {
                one.signed += 1;
                let beat = Some(beat_by(&one.key, one.key.peer(), of));
                one.asking.handle(now, Input::Signed { beat });
            }
            Output::Check { batch, drawn, beat } => {
                let issuer = beat.claims().issuer;
                let verdict = match beat.verify(&issuer) {
                    Err(_) => Verdict::Forged,
                    Ok(_) if self.revoked.contains(&issuer) => Verdict::Idle,
                    Ok(_) => {
                        one.proven.push((drawn, now));
                        Verdict::Counts
                    }
                };
                one.asking.handle(now, Input::Checked { batch, verdict });
            }
            Output::Violation { from, .. } => one.violations.push(from),
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            let message = self.under_way.front().map(|(at, ..)| *at);
            let timer = self.all.iter().filter_map(|one| one.asking.poll_timeout()).min();
            let Some(at) = message.into_iter().chain(timer).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if message == Some(at) {
                let (_, from, to, bytes) = self.under_way.pop_front().expect("a message");
                let from = self.all[from].key.peer();
                self.tell(to, Input::Received { from, bytes });
            } else {
                for n in 0..self.all.len() {
                    if self.all[n].asking.poll_timeout().is_some_and(|due| due <= self.now) {
                        self.tell(n, Input::Timeout);
                    }
                }
            }
        }
        self.now = end;
    }

    /// How old the last word is that a machine has.
    fn age(&self, n: usize) -> Option<Duration> {
        self.all[n].proven.iter().map(|(drawn, _)| self.now - *drawn).min()
    }
}

/// An issuer, so many relays in a row, and whoever is at the end wants to know.
fn row(relays: usize) -> Town {
    let mut town = Town::new(relays + 2);
    (0..=relays).for_each(|n| town.link(n, n + 1));
    town.issues(0);
    town.tell(relays + 1, Input::Every(Some(EVERY)));
    town
}

#[test]
fn whoever_asks_over_several_hops_is_answered_and_its_age_counts_from_its_own_nonce() {
    let mut town = row(5);
    town.run(120);
    let one = &town.all[6];
    assert!((6..=10).contains(&one.proven.len()), "{:?}", one.proven);
    for (drawn, came) in &one.proven {
        let took = *came - *drawn;
        // Six hops there and back; a relay that was asked a moment ago waits for company.
        assert!(took >= LATENCY * 12 && took < Duration::from_secs(4), "{took:?}");
    }
    assert!(town.age(6).is_some_and(|age| age <= EVERY + Duration::from_secs(2)));
    assert!(town.all.iter().all(|one| one.violations.is_empty()));
    // Those in between know as much, at no further cost.
    assert!(town.age(1).is_some_and(|age| age <= EVERY + Duration::from_secs(2)));
}

#[test]
fn more_than_sixteen_hops_are_too_many() {
    let mut town = row(15);
    town.run(60);
    assert!(town.age(16).is_some());
    let mut town = row(16);
    town.run(60);
    assert_eq!((town.age(17), town.all[17].sent), (None, 0), "nobody is asked in vain");
}

#[test]
fn an_issuer_signs_once_a_second_at_most_and_a_relay_asks_twice_whatever_the_citys_size() {
    // Eight relays of the issuer's, each with twenty who all want to know every few seconds.
    let (relays, each) = (8, 20);
    let mut town = Town::new(1 + relays + relays * each);
    town.issues(0);
    for relay in 1..=relays {
        town.link(0, relay);
        for n in 0..each {
            let one = 1 + relays + (relay - 1) * each + n;
            town.link(relay, one);
            town.tell(one, Input::Every(Some(Duration::from_secs(5))));
        }
    }
    town.run(60);
    assert!((50..=61).contains(&town.all[0].signed), "{}", town.all[0].signed);
    for n in 1 + relays..town.all.len() {
        assert!(town.age(n).is_some_and(|age| age < Duration::from_secs(10)), "{n}: {:?}", town.age(n));
    }
    let to_issuer = town.all[1].sent as f64 / 60.0;
    assert!(to_issuer < 2.0 + 20.0 / 3.0, "{to_issuer} messages a second, answers among them");
}

#[test]
fn an_idle_minute_costs_few_bytes() {
    let mut town = row(2);
    town.run(60);
    let before: Vec<_> = town.all.iter().map(|one| one.sent_bytes).collect();
    town.run(600);
    for (one, before) in town.all.iter().zip(before) {
        let a_minute = (one.sent_bytes - before) / 10;
        assert!(a_minute < 1_500, "{a_minute} bytes a minute");
    }
}

#[test]
fn a_relay_that_swallows_answers_is_not_asked_again_while_another_way_is_there() {
    let mut town = Town::new(4);
    for relay in [1, 2] {
        town.link(0, relay);
        town.link(relay, 3);
    }
    town.issues(0);
    town.all[1].swallows = true;
    town.all[2].swallows = true;
    town.tell(3, Input::Every(Some(EVERY)));
    town.run(30);
    assert_eq!(town.age(3), None, "both keep it from us: we are stale, and know it");
    town.all[2].swallows = false;
    town.run(60);
    assert!(town.age(3).is_some_and(|age| age <= EVERY * 2), "{:?}", town.age(3));
    assert_eq!(town.all[3].violations, [], "it is no proof");
}

#[test]
fn whoever_is_linked_again_asks_at_once() {
    let mut town = row(1);
    town.run(30);
    town.unlink(1, 2);
    town.run(600);
    assert!(town.age(2).is_some_and(|age| age > Duration::from_secs(590)));
    town.link(1, 2);
    town.run(3);
    assert!(town.age(2).is_some_and(|age| age < Duration::from_secs(3)), "{:?}", town.age(2));
}

#[test]
fn when_the_issuer_goes_the_way_to_it_goes_and_nobody_asks_in_a_ring() {
    let mut town = Town::new(4);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 1)] {
        town.link(a, b);
    }
    town.issues(0);
    (1..4).for_each(|n| town.tell(n, Input::Every(Some(EVERY))));
    town.run(30);
    assert!((1..4).all(|n| town.age(n).is_some()));
    town.unlink(0, 1);
    town.run(60);
    assert!((1..4).all(|n| town.all[n].asking.ways.best().is_none()), "they believe each other");
    let sent: usize = town.all.iter().map(|one| one.sent).sum();
    town.run(600);
    assert_eq!(town.all.iter().map(|one| one.sent).sum::<usize>(), sent, "nothing is said any more");
    assert!(town.all.iter().all(|one| one.asking.poll_timeout().is_none_or(|due| due > town.now)));
}

#[test]
fn a_leaf_asks_and_carries_nothing() {
    let mut town = Town::new(3);
    town.all[1].asking = Asking::new(true, [1; 32]);
    town.issues(0);
    town.link(0, 1);
    town.link(1, 2);
    (1..3).for_each(|n| town.tell(n, Input::Every(Some(EVERY))));
    town.run(60);
    assert!(town.age(1).is_some());
    assert_eq!((town.age(2), town.all[2].sent), (None, 0));
    // Who asks it all the same is not answered.
    let from = town.all[2].key.peer();
    let bytes = Message::Ask { id: 0, question: Question::of(&[1; 32]) }.encode();
    town.tell(1, Input::Received { from, bytes });
    assert_eq!(town.all[1].asking.sizes()[0], 0);
}

#[test]
fn a_leaf_that_issues_answers() {
    let mut town = Town::new(3);
    town.all[0].asking = Asking::new(true, [0; 32]);
    town.issues(0);
    town.link(0, 1);
    town.link(1, 2);
    town.tell(2, Input::Every(Some(EVERY)));
    town.run(60);
    assert!(town.age(2).is_some());
}

#[test]
fn an_issuer_that_does_not_stand_any_more_makes_nobody_fresh_and_another_one_is_asked() {
    let mut town = Town::new(3);
    town.link(0, 2);
    town.link(1, 2);
    (0..2).for_each(|n| town.issues(n));
    town.revoked.insert(town.all[0].key.peer());
    town.revoked.insert(town.all[1].key.peer());
    town.tell(2, Input::Every(Some(EVERY)));
    town.run(60);
    assert_eq!(town.age(2), None);
    assert_eq!(town.all[2].violations, [], "it may not know it yet");
    town.revoked.remove(&town.all[1].key.peer());
    town.run(60);
    assert!(town.age(2).is_some_and(|age| age < EVERY * 2));
}

#[test]
fn questions_in_vain_become_rare() {
    let mut town = Town::new(2);
    town.link(0, 1);
    town.issues(0);
    town.all[0].swallows = true;
    town.tell(1, Input::Every(Some(Duration::from_secs(3600))));
    town.run(3600);
    let in_vain = town.all[1].sent;
    assert!((5..=20).contains(&in_vain), "{in_vain} questions in an hour");
}

/// One that asked its only neighbour, which is the test.
fn asker() -> (Town, PeerId, u32, Question) {
    let mut town = Town::new(2);
    town.link(0, 1);
    let from = town.all[1].key.peer();
    town.tell(0, Input::Every(Some(EVERY)));
    town.tell(0, Input::Received { from, bytes: Message::Near { hops: 0 }.encode() });
    let (id, question) = ask(&mut town);
    (town, from, id, question)
}

/// Waits until it asks.
fn ask(town: &mut Town) -> (u32, Question) {
    for _ in 0..100 {
        town.now += Duration::from_millis(500);
        town.tell(0, Input::Timeout);
        let sent = std::mem::take(&mut town.under_way);
        let asks = sent.into_iter().filter_map(|(.., bytes)| match Message::decode(&bytes) {
            Ok(Message::Ask { id, question }) => Some((id, question)),
            _ => None,
        });
        if let Some(asked) = asks.reduce(|_, last| last) {
            return asked;
        }
    }
    panic!("it asks nothing");
}

fn answer(town: &mut Town, from: PeerId, id: u32, way: Way, beat: Vec<u8>) {
    town.tell(0, Input::Received { from, bytes: Message::Answer { id, way, beat }.encode() });
}

#[test]
fn an_old_beat_is_no_answer_to_a_new_nonce() {
    let (mut town, from, id, question) = asker();
    let issuer = key(50);
    let old = beat_by(&issuer, issuer.peer(), question);
    answer(&mut town, from, id, Way::default(), old.clone());
    assert_eq!(town.all[0].proven.len(), 1);
    // Under the id of the last question it is late, under that of the next one a lie.
    answer(&mut town, from, id, Way::default(), old.clone());
    assert_eq!((town.all[0].proven.len(), town.all[0].violations.len()), (1, 0));
    let (next, other) = ask(&mut town);
    assert!(next != id && other != question);
    answer(&mut town, from, next, Way::default(), old);
    assert_eq!((town.all[0].proven.len(), &town.all[0].violations[..]), (1, &[from][..]));
}

#[test]
fn a_wrong_way_a_forged_beat_and_what_is_none_convict_who_passes_them_on() {
    let issuer = key(50);
    let beside = Question::of(&[9; 32]);
    let way = |left| Way::from_parts(vec![beside], left).expect("a way");
    type Answer<'a> = &'a dyn Fn(Question) -> (Way, Vec<u8>);
    let wrong: [Answer<'_>; 4] = [
        &|of| (way(0), beat_by(&issuer, issuer.peer(), of)),
        &|of| (way(1), beat_by(&issuer, issuer.peer(), way(0).leads_from(of))),
        &|of| (Way::default(), beat_by(&key(51), issuer.peer(), of)),
        &|_| (Way::default(), b"no beat".to_vec()),
    ];
    for (nth, wrong) in wrong.into_iter().enumerate() {
        let (mut town, from, id, question) = asker();
        let (way, beat) = wrong(question);
        answer(&mut town, from, id, way, beat);
        assert_eq!((town.all[0].proven.len(), &town.all[0].violations[..]), (0, &[from][..]), "{nth}");
    }
    let (mut town, from, id, question) = asker();
    answer(&mut town, from, id, way(1), beat_by(&issuer, issuer.peer(), way(1).leads_from(question)));
    assert_eq!((town.all[0].proven.len(), town.all[0].violations.len()), (1, 0), "and this is right");
}

#[test]
fn somebody_else_answers_nothing_that_it_was_not_asked() {
    let (mut town, _, id, question) = asker();
    let other = key(77);
    town.tell(0, Input::NeighbourUp { peer: other.peer(), leaf: false });
    answer(&mut town, other.peer(), id, Way::default(), beat_by(&other, other.peer(), question));
    answer(&mut town, key(78).peer(), id, Way::default(), beat_by(&other, other.peer(), question));
    assert_eq!((town.all[0].proven.len(), town.all[0].violations.len()), (0, 0));
}

#[test]
fn a_neighbour_that_asks_without_end_costs_no_more_than_its_share() {
    let mut town = Town::new(2);
    town.issues(0);
    town.link(0, 1);
    let from = town.all[1].key.peer();
    for n in 0..10_000u32 {
        let bytes = Message::Ask { id: n, question: Question(*blake3_of(n)) }.encode();
        town.tell(0, Input::Received { from, bytes });
        assert!(town.all[0].asking.sizes()[0] <= TOGETHER_MAX);
    }
    town.under_way.clear();
    town.run(10);
    assert!(town.all[0].signed <= 3, "{}", town.all[0].signed);
}

fn blake3_of(n: u32) -> Box<[u8; 32]> {
    let mut bytes = [3; 32];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    Box::new(bytes)
}

proptest! {
    #[test]
    fn whatever_neighbours_say_nothing_panics_and_all_stays_bounded(
        messages in prop::collection::vec((0u8..4, prop::collection::vec(any::<u8>(), 0..80), 0u64..3_000), 0..120),
        issues in any::<bool>(), leaf in any::<bool>(),
    ) {
        let mut asking = Asking::new(leaf, [5; 32]);
        let peers = [key(1).peer(), key(2).peer()];
        for peer in peers {
            asking.handle(Duration::ZERO, Input::NeighbourUp { peer, leaf: false });
        }
        asking.handle(Duration::ZERO, Input::Issues(issues));
        asking.handle(Duration::ZERO, Input::Every(Some(EVERY)));
        let mut now = Duration::ZERO;
        for (kind, rest, pause_ms) in messages {
            now += Duration::from_millis(pause_ms);
            let from = peers[usize::from(kind % 2)];
            let bytes = if kind == 3 { vec![0x82, 0, rest.first().copied().unwrap_or(0) % (HOPS_MAX + 1)] } else { [&[0x82, kind][..], &rest].concat() };
            asking.handle(now, Input::Received { from, bytes });
            let mut outputs = 0;
            while let Some(output) = asking.poll_output() {
                outputs += 1;
                match output {
                    Output::Sign { .. } => asking.handle(now, Input::Signed { beat: None }),
                    Output::Check { batch, .. } => asking.handle(now, Input::Checked { batch, verdict: Verdict::Idle }),
                    Output::Send { .. } | Output::Violation { .. } => {}
                }
                prop_assert!(outputs < 50);
            }
            prop_assert!(asking.sizes()[0] <= 8 && asking.sizes()[1] <= BATCHES_MAX);
        }
    }
}
