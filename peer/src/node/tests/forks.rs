//! A card that was copied: two devices write one log, and whoever learns of it says so.

use std::sync::Arc;

use msec_crdt_store::{Fork, Query};

use super::*;

/// Two sensors with one key and one card, which have written one reading together.
fn copied() -> [Rig; 2] {
    let mut first = sensor();
    first.publish(1, 1.0);
    first.pass(WINDOW);
    first.sync();
    let copy = first.dir.copy();
    [again(2, first.dir), again(2, copy)]
}

fn again(seed: u8, dir: MemoryDir) -> Rig {
    let rights: &[Right] = if seed == 2 { &[Right::Write] } else { &[Right::Relay, Right::Read] };
    let papers = vec![grant(&Identity::from_seed([seed; 32]), rights, 30)];
    let mut config = Config::default();
    if seed == 2 {
        config.contacts = (3..7).map(contact).collect();
    }
    rig_with(seed, papers, config, dir)
}

fn write(rig: &mut Rig, values: impl IntoIterator<Item = f64>) {
    for value in values {
        rig.publish(1, value);
        rig.pass(WINDOW);
        rig.sync();
    }
}

fn reader(seed: u8) -> Rig {
    rig(seed, &[Right::Relay, Right::Read], Config::default())
}

/// Two readers, of which each has met one of the sensors.
fn two_readers(first: usize, second: usize) -> [Rig; 2] {
    let [mut a, mut b] = copied();
    write(&mut a, (0..first).map(|n| 100.0 + n as f64));
    write(&mut b, (0..second).map(|n| 200.0 + n as f64));
    let (mut c, mut d) = (reader(3), reader(4));
    connect(&mut a, &mut c, 0);
    settle(&mut a, &mut c, 0);
    connect(&mut b, &mut d, 0);
    settle(&mut b, &mut d, 0);
    [(&mut c, first), (&mut d, second)].into_iter().for_each(|(reader, more)| {
        assert_eq!(reader.verified().len(), 1 + more);
    });
    for reader in [&mut c, &mut d] {
        reader.handle(Input::LinkDown { link: LinkId(0), why: Lost::Closed });
        reader.outputs.clear();
    }
    [c, d]
}

fn meet(a: &mut Rig, b: &mut Rig, link: u64) {
    let contact = Contact { address: b.at, peer: None };
    a.handle(Input::Discovered { address: contact.address });
    a.link_up(link, Some(b.at));
    b.link_up(link, None);
    exchange(a, b, link);
    for _ in 0..4 {
        settle(a, b, link);
    }
}

fn told(rig: &mut Rig) -> Vec<Arc<Fork>> {
    let fork = |event| match event {
        Event::Contested { fork } => Some(fork),
        _ => None,
    };
    rig.events().into_iter().filter_map(fork).collect()
}

fn shown(rig: &Rig) -> Vec<(f64, bool)> {
    let rows = rig.store.query(&Query::default()).expect("answers");
    rows.iter().map(|row| (row.reading.value, row.contested)).collect()
}

#[test]
fn readers_of_two_histories_find_out_when_they_meet() {
    for (first, second) in [(3, 3), (2, 5), (60, 1)] {
        let [mut a, mut b] = two_readers(first, second);
        meet(&mut a, &mut b, 7);
        let sizes = [first.min(second), first.max(second)].map(|more| 2 + more as u64);
        for rig in [&mut a, &mut b] {
            let forks = told(rig);
            assert_eq!(forks.len(), 1, "{first} {second}");
            assert_eq!(forks[0].heads().map(|head| head.size), sizes);
            assert_eq!(forks[0].author(), Identity::from_seed([2; 32]).peer());
        }
        assert_eq!((shown(&a).len(), shown(&b).len()), (1 + first, 1 + second), "nothing is hidden");
        // Of a shorter history of three entries, two are a subtree of both.
        let in_common = a.node.contested().next().expect("evidence").in_common();
        assert_eq!(in_common, if sizes[0] == 3 { 2 } else { 0 });
        for rig in [&a, &b] {
            let rows = rig.store.query(&Query::default()).expect("answers");
            assert!(rows.iter().all(|row| row.contested == (row.position >= in_common)));
        }
        assert_eq!(a.node.neighbours().count(), 1, "neither is to blame");
    }
}

#[test]
fn a_contested_log_is_not_vouched_for_nor_begun_behind_what_was_let_go() {
    let [mut a, mut b] = two_readers(2, 5);
    let everything = [CollectionPath::everything()];
    let log = a.node.frontier().next().expect("a log").0;
    assert_eq!(a.node.vouched(&a.node.mark(&everything), 0).get(&log), Some(&4));
    meet(&mut a, &mut b, 7);
    assert!(a.node.vouched(&a.node.mark(&everything), 0).is_empty(), "others hold the evidence");
    // The other one has more, and let go of what this one has.
    b.store.prune(&[(log, 6)]).expect("let go");
    let prefix = b.store.prefix(&log).expect("read").expect("some");
    let (from, key) = (b.node.peer(), msec_gossip::Key(log.0));
    for _ in 0..2 {
        a.node.deliver_prefix(from, key, &prefix);
        a.mono += Duration::from_secs(700);
        a.pass(Duration::ZERO);
    }
    assert_eq!((a.node.sizes().prefixes, a.node.size_of(&log)), ([0, 0], 4));
}

#[test]
fn a_prefix_of_another_history_is_evidence_where_its_subtrees_tell() {
    let [mut a, mut b] = two_readers(2, 5);
    let log = a.node.frontier().next().expect("a log").0;
    // Six entries are subtrees of four, which the other one has, and of two.
    b.store.prune(&[(log, 6)]).expect("let go");
    let prefix = b.store.prefix(&log).expect("read").expect("some");
    a.node.deliver_prefix(b.node.peer(), msec_gossip::Key(log.0), &prefix);
    a.pass(Duration::ZERO);
    let forks = told(&mut a);
    assert_eq!(forks.iter().map(|fork| fork.heads().map(|head| head.size)).collect::<Vec<_>>(), [[4, 7]]);
    assert_eq!(a.node.size_of(&log), 4, "what is held stays");
}

#[test]
fn evidence_goes_on_and_outlives_a_restart_and_nothing_more_is_taken_of_that_log() {
    let [mut a, mut b] = two_readers(2, 4);
    meet(&mut a, &mut b, 7);
    let mut a = again(3, a.dir);
    assert_eq!(a.node.contested().count(), 1);
    // Somebody who had one of them.
    let [_, mut c] = two_readers(9, 2);
    meet(&mut c, &mut a, 8);
    assert_eq!(told(&mut c).len(), 1);
    // Somebody who had none.
    let mut d = reader(6);
    meet(&mut a, &mut d, 9);
    assert_eq!((told(&mut d).len(), shown(&d)), (1, vec![]));
    // The device learns of it too: its store was put back together from what a reader had.
    let mut sensor = again(2, a.dir.copy());
    let log = sensor.node.contested().next().expect("evidence").log();
    sensor.events();
    write(&mut sensor, [7.0]);
    let held: Vec<_> = sensor.node.frontier().map(|(held, size, _)| (held == log, size)).collect();
    assert!(held.contains(&(false, 2)), "its stream goes on in another log: {held:?}");
    meet(&mut sensor, &mut d, 10);
    assert_eq!(shown(&d), [(7.0, false)]);
}

#[test]
fn evidence_that_shows_nothing_ends_the_link() {
    let [mut a, mut b] = two_readers(2, 4);
    meet(&mut a, &mut b, 7);
    let fork = a.node.contested().next().expect("evidence").clone();
    let mut evidence = msec_crdt_store::ForkEvidence::from_bytes(&fork.to_bytes()).expect("evidence");
    evidence.path.pop();
    let mut d = reader(6);
    let mut e = reader(5);
    meet(&mut e, &mut d, 9);
    let (from, key) = (e.node.peer(), msec_gossip::Key(fork.log().0));
    d.node.evidence_came(from, key, evidence);
    d.handle(Input::Timeout);
    assert_eq!(d.closes(), [CloseReason::Misbehaved]);
    assert_eq!(d.node.contested().count(), 0);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]

    /// Whatever a neighbour sends while another history is followed, in whatever order: nobody is convicted who wrote one.
    #[test]
    fn an_honest_log_is_never_contested(lengths in proptest::collection::vec(1usize..6, 2), cut in 0usize..20) {
        let mut a = sensor();
        write(&mut a, (0..lengths[0]).map(|n| n as f64));
        let mut b = reader(3);
        connect(&mut a, &mut b, 0);
        settle(&mut a, &mut b, 0);
        write(&mut a, (0..lengths[1]).map(|n| 50.0 + n as f64));
        // A message is lost, another one comes twice.
        let mut sent = a.sends();
        if cut < sent.len() {
            sent.remove(cut);
        }
        for bytes in sent.iter().chain(&sent) {
            b.handle(Input::Received { link: LinkId(0), bytes: bytes.clone() });
        }
        settle(&mut a, &mut b, 0);
        proptest::prop_assert_eq!(b.node.contested().count(), 0);
        proptest::prop_assert_eq!(b.node.sizes().traces, 0);
    }
}
