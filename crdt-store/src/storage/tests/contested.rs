//! The evidence that a log was forked is kept, whatever becomes of the store.

use super::*;
use msec_identity::Unverified;

use crate::log::{ForkTrace, Head, Traced};
use crate::rollup::Resolution;

/// Two histories of one stream: the runs of each.
pub(super) fn forked(stream: &str) -> [Vec<VerifiedRun>; 2] {
    let mut first = writer(stream);
    let common = first.run(3);
    let mut second = writer(stream);
    second.run(3);
    (second.written, first.written) = (100, 200);
    [vec![common.clone(), first.run(2)], vec![common, second.run(2)]]
}

/// What shows it.
pub(super) fn evidence([ours, theirs]: &[Vec<VerifiedRun>; 2]) -> Arc<Fork> {
    let (held, other) = (ours[1].state(), theirs[1].state());
    let begun = ForkTrace::begin(held, &other.head().clone().into(), &Verifier::strict());
    match begun {
        Some((_, Traced::Fork(fork))) => Arc::new(*fork),
        other => panic!("no fork: {other:?}"),
    }
}

/// Two histories that begin with so many entries, and what shows it where the second is longer.
fn forked_at(common: usize, ours: usize) -> ([Vec<VerifiedRun>; 2], Arc<Fork>) {
    let mut first = writer("mic-1");
    let begin = first.run(common);
    let mut second = writer("mic-1");
    second.run(common);
    (second.written, first.written) = (1_000, 2_000);
    let mine = vec![begin.clone(), first.run(ours)];
    let theirs = vec![begin, second.run(ours + 1)];
    let (held, last) = (mine[1].state(), theirs[1].state());
    let other: Unverified<Head> = last.head().clone().into();
    let verifier = Verifier::strict();
    let (mut trace, traced) = ForkTrace::begin(held, &other, &verifier).expect("another history");
    assert_eq!(traced, Traced::Further(0));
    let (_, mut source) = in_memory();
    source.apply(1, &theirs).expect("applied");
    let chunk = source.read(&held.log(), 0, 1 << 20).expect("read").expect("some");
    match trace.follow(Run::from_bytes(&chunk.bytes).expect("a run"), &verifier) {
        Ok(Traced::Fork(fork)) => ([mine, theirs], Arc::new(*fork)),
        other => panic!("no fork: {other:?}"),
    }
}

/// What both histories begin with is in neither of them only; whichever is held, and after a restart.
#[test]
fn what_both_histories_have_is_not_contested() {
    // With the header 12 and 17 entries; the shorter one is made of 8 and 4, or 16 and 1.
    for (common, ours, in_common) in [(9, 2, 8), (3, 8, 0), (15, 1, 16), (11, 1, 12)] {
        let (histories, fork) = forked_at(common, ours);
        assert_eq!(fork.in_common(), in_common);
        for history in &histories {
            for index in [false, true] {
                let (dir, config) = (MemoryDir::default(), StoreConfig { roll_ups: true, ..tiny(index) });
                let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
                store.apply(1, history).expect("applied");
                store.sync().expect("synced");
                store.contest(&fork).expect("kept");
                let is_right = |store: &Store| {
                    let rows = store.query(&Query::default()).expect("answers");
                    assert!(rows.iter().all(|row| row.contested == (row.position >= in_common)));
                    assert!(rows.iter().any(|row| row.contested), "the newest one is");
                    let latest = store.latest(&Query::default()).expect("answers");
                    assert!(latest.iter().all(|row| row.contested));
                };
                is_right(&store);
                store.close();
                is_right(&store);
                drop(store);
                let (store, _) = Store::open_with(dir, config).expect("opens");
                is_right(&store);
            }
        }
    }
}

/// Who holds a third history has nothing in common with the two that is known.
#[test]
fn a_third_history_is_contested_as_far_as_it_is_another_one() {
    let (_, fork) = forked_at(11, 1);
    let (_, mut store) = in_memory();
    let mut third = writer("mic-1");
    let begin = third.run(7);
    third.written = 3_000;
    store.apply(1, &[begin, third.run(9)]).expect("applied");
    store.contest(&fork).expect("kept");
    let rows = store.query(&Query::default()).expect("answers");
    assert!(rows.iter().all(|row| row.contested == (row.position >= 8)), "8 entries are one subtree");
}

#[test]
fn buckets_that_count_contested_readings_say_so() {
    let (dir, config) = (MemoryDir::default(), StoreConfig { roll_ups: true, ..tiny(true) });
    let (histories, fork) = forked_at(11, 1);
    let (mut store, _) = Store::open_with(dir, config).expect("opens");
    store.apply(1, &histories[0]).expect("applied");
    let mut other = writer("other");
    store.apply(2, &[other.run(3)]).expect("applied");
    store.sync().expect("synced");
    let of = |store: &Store| {
        let rows = store.roll_ups(&RollUpQuery::every(Resolution::Minute)).expect("answers");
        rows.iter().map(|row| (row.of.stream.clone(), row.contested)).collect::<Vec<_>>()
    };
    assert!(of(&store).iter().all(|(_, contested)| !contested));
    store.contest(&fork).expect("kept");
    // The one reading that is contested is two seconds after the first, as values count milliseconds.
    assert_eq!(of(&store), [("mic-1".into(), true), ("other".into(), false)]);
    store.prune(&[(fork.log(), 11)]).expect("let go");
    assert_eq!(of(&store), [("mic-1".into(), true), ("other".into(), false)]);
}

/// No evidence of more logs is kept than that: it says so, and what is known stays known.
#[test]
fn there_are_so_many_forked_logs_and_no_more() {
    let (dir, mut store) = in_memory();
    // Of logs that nobody holds.
    let fork = |n: usize| evidence(&forked(&format!("mic-{n}-{}", "x".repeat(n % 100))));
    let all: Vec<_> = (0..=CONTESTED_MAX).map(fork).collect();
    for fork in &all[..CONTESTED_MAX] {
        store.contest(fork).expect("there is room");
    }
    let refused = store.contest(&all[CONTESTED_MAX]).expect_err("there is none");
    assert!(matches!(refused, StorageError::TooManyForks), "{refused}");
    store.contest(&all[0]).expect("it is known");
    assert_eq!(store.contested().len(), CONTESTED_MAX);
    drop(store);
    let (store, opened) = Store::open(dir).expect("opens");
    assert_eq!((opened.contested.len(), store.contested().len()), (CONTESTED_MAX, CONTESTED_MAX));
    assert!(!store.contested().contains_key(&all[CONTESTED_MAX].log()));
}

fn contested(store: &(impl Storage + ?Sized)) -> Vec<bool> {
    store.query(&Query::default()).expect("answers").iter().map(|row| row.contested).collect()
}

#[test]
fn evidence_survives_and_what_is_held_is_shown_as_contested() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let histories = forked("mic-1");
        let fork = evidence(&histories);
        let mut other = writer("other");
        store.apply(1, &histories[0]).expect("applied");
        store.apply(2, &[other.run(1)]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(contested(&*store), [false; 6]);
        store.contest(&fork).expect("kept");
        store.contest(&fork).expect("once is enough");
        let rows = store.query(&Query::default()).expect("answers");
        assert!(rows.iter().all(|row| row.contested == (row.stream() == "mic-1")), "and nothing is hidden");
        assert!(store.latest(&Query::default()).expect("answers").iter().any(|row| row.contested));
        store.compact(0).expect("rewritten");
        drop(store);
        let (store, opened) = open();
        assert_eq!(opened.contested, [fork]);
        assert_eq!(contested(&*store).iter().filter(|is| **is).count(), 5);
    });
}

#[test]
fn of_one_log_the_first_evidence_is_kept_and_of_a_log_that_is_not_held_too() {
    let (dir, mut store) = in_memory();
    let [ours, theirs] = forked("mic-1");
    let first = evidence(&[ours.clone(), theirs.clone()]);
    let second = evidence(&[theirs, ours]);
    assert_ne!(first, second);
    store.contest(&first).expect("kept");
    store.contest(&second).expect("known");
    assert_eq!(store.contested().values().collect::<Vec<_>>(), [&first]);
    drop(store);
    let checked = check(dir).expect("read");
    assert_eq!((checked.contested, checked.logs.len()), (vec![first], 0));
}

#[test]
fn evidence_that_the_disk_changed_convicts_nobody() {
    let (dir, mut store) = in_memory();
    let fork = evidence(&forked("mic-1"));
    store.contest(&fork).expect("kept");
    drop(store);
    // Nobody checks a frame that was written anew but by what it says.
    let mut bytes = fork.to_bytes();
    // In the signature of the second head.
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    let mut frames = Vec::new();
    frame::write(&mut frames, 6u8, |out| out.extend_from_slice(&bytes));
    dir.remove("ledger").expect("removed");
    dir.write_at("ledger", 0, &frames).expect("written");
    dir.sync("ledger").expect("synced");
    let (_, opened) = Store::open(dir).expect("opens");
    assert_eq!(opened.contested, []);
}

/// What was held of a log that is begun behind it may have been another history.
#[test]
fn the_head_of_what_went_for_a_prefix_is_kept() {
    let (dir, mut store) = in_memory();
    let mut a = writer("a");
    let held = a.run(4);
    let log = held.state().log();
    store.apply(1, std::slice::from_ref(&held)).expect("applied");
    let (_, mut source) = in_memory();
    source.apply(1, &[held.clone(), a.run(9), a.run(2)]).expect("applied");
    source.prune(&[(log, 9)]).expect("let go");
    let prefix = received_prefix(&source.prefix(&log).expect("read").expect("some was let go"));
    let rest = source.read(&log, 9, 10_000).expect("read").expect("some is left");
    let run = received(&rest.bytes, Some(prefix.state())).after(Arc::new(prefix));
    store.apply(2, &[run]).expect("applied");
    store.sync().expect("synced");
    assert_eq!((store.begin(&log), values(&store).len()), (9, 7));
    drop(store);
    for _ in 0..2 {
        let heads = check(dir.copy()).expect("read").old_heads;
        assert!(heads.len() == 1 && held.state().head().is(&heads[0]), "{heads:?}");
        // Written anew, since a record of it is damaged, it says the same of what is not.
        let len = dir.lengths()["ledger"];
        dir.write_at("ledger", len as u64, b"????????????????????").expect("written");
        drop(Store::open(dir.clone()).expect("opens"));
    }
}
