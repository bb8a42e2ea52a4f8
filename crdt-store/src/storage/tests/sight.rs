//! A log that counts up to some entry only is shown, counted and served as if the rest had never come.

use super::*;
use crate::log::Entry;
use crate::rollup::{Resolution, RollUpQuery, RollUpRow};

/// One of three logs, and what is measured in each of the entries that it goes on with: so many minutes after the start.
type Commit = (usize, Vec<i64>);

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    proptest::collection::vec((0usize..3, proptest::collection::vec(0i64..4_000, 1..5)), 1..12)
}

/// All runs, of logs that have readings and changes by turns.
fn runs(commits: &[Commit]) -> Vec<VerifiedRun> {
    let mut writers = [writer("a"), writer("bb"), writer("ccc")];
    let run = |(of, minutes): &Commit| {
        let writer = &mut writers[*of];
        for minute in minutes {
            writer.written += 1;
            let at = START.saturating_add(minute * 60_000);
            let reading = Reading::new(at, writer.written as f64 / 10.0);
            let salt = [3; 16];
            let done = if writer.written % 3 == 0 {
                let body = writer.written.to_le_bytes().to_vec();
                writer.log.append_change(START, TimeQuality::Synchronised, salt, body)
            } else {
                writer.log.append_readings(START, TimeQuality::Synchronised, salt, &[reading])
            };
            done.expect("appended");
        }
        writer.log.sign(&writer.identity, START).expect("something to sign")
    };
    commits.iter().map(run).collect()
}

fn filled(runs: &[VerifiedRun], config: &StoreConfig) -> Store {
    let (mut store, _) = Store::open_with(MemoryDir::default(), config.clone()).expect("opens");
    for (seq, run) in (1..).zip(runs) {
        store.apply(seq, std::slice::from_ref(run)).expect("applied");
        store.sync().expect("synced");
    }
    store
}

/// The runs as they are if a log ends early.
fn up_to(runs: &[VerifiedRun], log: LogId, end: u64) -> Vec<VerifiedRun> {
    let mut held = BTreeMap::<LogId, LogState>::new();
    let mut left = Vec::new();
    for run in runs {
        let id = run.state().log();
        let run = Run::from_bytes(&run.to_bytes()).expect("parses");
        let run = if id == log { run.up_to(end) } else { Some(run) };
        let Some(run) = run else { continue };
        let run = received(&run.to_bytes(), held.get(&id));
        held.insert(id, run.state().clone());
        left.push(run);
    }
    left
}

/// Readings, the latest ones, roll-ups and changes.
type Answers = (Vec<Row>, Vec<Row>, Vec<RollUpRow>, Vec<(String, Vec<u8>)>);

/// All that an app can ask for.
fn answers(store: &Store) -> Answers {
    let rows = store.query(&Query::default()).expect("answers");
    let latest = store.latest(&Query::default()).expect("answers");
    let roll_ups = Resolution::ALL.into_iter();
    let roll_ups = roll_ups.flat_map(|it| store.roll_ups(&RollUpQuery::every(it)).expect("answers"));
    let roll_ups = roll_ups.collect();
    let mut changed = Vec::new();
    for stream in ["a", "bb", "ccc"] {
        changed.extend(changes(store, stream).0.into_iter().map(|(_, body)| (stream.to_owned(), body)));
    }
    (rows, latest, roll_ups, changed)
}

/// The entries of a log that a neighbour is given.
fn served(store: &Store, log: &LogId) -> Vec<Entry> {
    let (mut at, mut entries, mut held) = (0, Vec::new(), None);
    while let Some(chunk) = store.read(log, at, 300).expect("read") {
        let run = received(&chunk.bytes, held.as_ref());
        held = Some(run.state().clone());
        entries.extend(run.entries().iter().cloned());
        at = chunk.end;
    }
    entries
}

/// The bound of a log at so many entries.
fn bound_at(runs: &[VerifiedRun], log: LogId, size: u64) -> Bound {
    let of_log = runs.iter().filter(|run| run.state().log() == log);
    let leaves = of_log.flat_map(|run| run.leaves.iter()).take(size as usize);
    let mut range = crate::merkle::CompactRange::empty(0);
    leaves.for_each(|leaf| range.push(*leaf));
    assert_eq!(range.end(), size);
    Bound { size, root: range.root() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_lies_beyond_is_as_if_it_had_never_come(
        commits in commits(),
        of in any::<prop::sample::Index>(),
        size in any::<prop::sample::Index>(),
        index in any::<bool>(),
        // Told before anything of it comes, or when all is there.
        first in any::<bool>(),
        pruned in proptest::option::of(0u64..9),
    ) {
        let config = StoreConfig { roll_ups: true, ..tiny(index) };
        let runs = runs(&commits);
        let log = of.get(&runs).state().log();
        let whole = runs.iter().filter(|run| run.state().log() == log).map(|run| run.state().size()).max();
        let size = size.index(whole.expect("some") as usize + 1) as u64;
        let (bound, expected) = (bound_at(&runs, log, size), up_to(&runs, log, size));
        let mut lacking = filled(&expected, &config);
        let mut store = filled(if first { &[] } else { &runs }, &config);
        let before = answers(&filled(&runs, &config));
        prop_assert!(store.bound(&log, Some(bound)).expect("told"));
        if first {
            for (seq, run) in (1..).zip(&expected) {
                store.apply(seq, std::slice::from_ref(run)).expect("applied");
                store.sync().expect("synced");
            }
        }
        if let Some(end) = pruned.filter(|end| *end < size) {
            store.prune(&[(log, end)]).expect("pruned");
            lacking.prune(&[(log, end)]).expect("pruned");
        }
        prop_assert_eq!(answers(&store), answers(&lacking));
        if pruned.is_none() {
            prop_assert_eq!(served(&store, &log), served(&lacking, &log));
        }
        // All is read again, which knows nothing of bounds.
        store.read_again().expect("read");
        prop_assert_eq!(answers(&store), answers(&lacking));
        prop_assert!(store.bound(&log, None).expect("taken back"));
        if !first && pruned.is_none() {
            prop_assert_eq!(answers(&store), before, "nothing of it is lost");
        }
    }
}

#[test]
fn of_another_history_than_the_bound_is_about_nothing_counts() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let mut writer = writer("mic-1");
        let run = writer.run(5);
        let log = run.state().log();
        store.apply(1, std::slice::from_ref(&run)).expect("applied");
        let other = Bound { size: 3, root: [7; 32] };
        assert!(!store.bound(&log, Some(other)).expect("told"));
        assert_eq!(values(&*store), [0.0; 0]);
        assert_eq!(store.read(&log, 0, 1_000).expect("read"), None);
        let longer = Bound { size: 30, root: [7; 32] };
        assert!(store.bound(&log, Some(longer)).expect("told"), "nobody knows yet");
        assert_eq!(values(&*store).len(), 5);
        assert!(store.bound(&log, Some(Bound::nothing())).expect("told"));
        assert_eq!(values(&*store), [0.0; 0]);
        drop(store);
        let (store, _) = open();
        assert_eq!(values(&*store).len(), 5, "it is told again after each opening");
    });
}

/// A commit that was under way when the log was told to end.
#[test]
fn what_is_written_beyond_a_bound_hides_nothing_that_lies_before_it() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let mut writer = writer("mic-1");
        let runs = [writer.run(5), writer.run(5)];
        let log = runs[0].state().log();
        store.apply(1, &runs[..1]).expect("applied");
        assert!(store.bound(&log, Some(bound_at(&runs, log, 8))).expect("told"), "nobody knows yet");
        store.apply(2, &runs[1..]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(values(&*store).len(), 7, "behind the header");
    });
}

/// What a revoked peer claimed after its end is nobody's word any more, and claims over what does not count stand for nothing.
#[test]
fn claims_beyond_the_end_of_their_log_or_over_it_stand_for_nothing() {
    let config = StoreConfig { roll_ups: true, ..tiny(true) };
    let (mut store, _) = Store::open_with(MemoryDir::default(), config).expect("opens");
    let (mut sensor, mut gateway) = (writer("mic-1"), writer("roll-ups"));
    let run = sensor.run(6);
    let log = run.state().log();
    let runs = [run];
    store.apply(1, &runs).expect("applied");
    store.sync().expect("synced");
    let mut claim = |store: &Store, entries: Range<u64>| {
        let made = store.queries().recompute(&log, Resolution::Hour, entries).expect("read").expect("held");
        gateway.log.append_claim(START, TimeQuality::Synchronised, [9; 16], &made).expect("appended");
        gateway.log.sign(&gateway.identity, START).expect("something to sign")
    };
    let maker = {
        let first = claim(&store, 0..4);
        let maker = first.state().log();
        store.apply(2, &[first]).expect("applied");
        let second = claim(&store, 4..7);
        store.apply(3, &[second]).expect("applied");
        store.sync().expect("synced");
        maker
    };
    let stands = |store: &Store| {
        let claims = store.queries().chain(&log, Resolution::Hour).expect("answers");
        claims.iter().map(|it| (it.from, it.to)).collect::<Vec<_>>()
    };
    assert_eq!(stands(&store), [(0, 4), (4, 7)]);
    store.bound(&log, Some(bound_at(&runs, log, 5))).expect("told");
    assert_eq!(stands(&store), [(0, 4)], "over what does not count");
    store.bound(&log, None).expect("told");
    store.bound(&maker, Some(Bound { size: 2, root: prefix_root(&store, &maker, 2) })).expect("told");
    assert_eq!(stands(&store), [(0, 4)], "made after its maker's end");
    // Erasing reaches those too: they say something of the bodies.
    store.erase(&log, 5..6).expect("erased");
    store.bound(&maker, None).expect("told");
    assert_eq!(stands(&store), [(0, 4)]);
    let claims = store.queries().claims(&log).expect("answers");
    assert_eq!(claims.iter().map(|it| it.from).collect::<Vec<_>>(), [0], "its body is gone");
}

fn prefix_root(store: &Store, log: &LogId, size: u64) -> crate::TreeHash {
    let held = store.shared.log(log).expect("held");
    store.shared.view().prefix(&held, size).expect("read").expect("whole").root()
}
