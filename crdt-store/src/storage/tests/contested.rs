//! The evidence that a log was forked is kept, whatever becomes of the store.

use super::*;
use crate::log::{ForkTrace, Traced};

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
