//! What was let go is gone, and all else is as it was.

use super::*;
use crate::merkle::Tree;

/// What happens to a store.
#[derive(Debug, Clone)]
enum Act {
    /// One of the writers writes so many entries.
    Write(usize, usize),
    /// The log of one of the writers is let go up to a part of it, in 16ths.
    Prune(usize, u64),
    /// It is opened again; with its index, or without.
    Reopen(bool),
    /// Segments are rewritten where so many hundredths are dead.
    Compact(u8),
    /// It is closed, so that the index knows all.
    Close,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3usize, 1..25usize).prop_map(|(writer, n)| Act::Write(writer, n)),
        2 => (0..3usize, 0..=16u64).prop_map(|(writer, part)| Act::Prune(writer, part)),
        1 => any::<bool>().prop_map(Act::Reopen),
        1 => (0..100u8).prop_map(Act::Compact),
        1 => Just(Act::Close),
    ]
}

/// A log, as it should be.
struct Expected {
    writer: Writer,
    tree: Tree,
    /// Entries from here on are held, and the header.
    begin: u64,
}

struct Rig {
    dir: MemoryDir,
    config: StoreConfig,
    store: Store,
    seq: u64,
    logs: Vec<Expected>,
}

impl Rig {
    fn new(index: bool) -> Self {
        let (dir, config) = (MemoryDir::default(), tiny(index));
        let (store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        let expected = |name| Expected { writer: writer(name), tree: Tree::default(), begin: 0 };
        Self { dir, config, store, seq: 0, logs: ["a", "bb", "ccc"].map(expected).into() }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Write(of, n) => {
                let log = &mut self.logs[of];
                let run = log.writer.run(n);
                run.leaves.iter().for_each(|leaf| log.tree.push(*leaf));
                self.seq += 1;
                self.store.apply(self.seq, &[run]).expect("applied");
                self.store.sync().expect("synced");
            }
            Act::Prune(of, part) => {
                let log = &mut self.logs[of];
                let asked = log.tree.size() * part / 16;
                let went = self.store.prune(&[(log.writer.log.header().id(), asked)]).expect("pruned");
                let end = asked.min(log.tree.size().saturating_sub(1));
                assert_eq!(went, end.saturating_sub(log.begin.max(1)));
                log.begin = if end > 1 { log.begin.max(end) } else { log.begin };
            }
            Act::Reopen(with_index) => drop(self.reopen(with_index)),
            Act::Compact(percent) => {
                let before = self.bytes();
                let done = self.store.compact(percent).expect("compacted");
                assert_eq!(before - self.bytes(), done.bytes);
            }
            Act::Close => self.store.close(),
        }
    }

    fn reopen(&mut self, with_index: bool) -> Opened {
        // Two that are open would write to one index.
        self.store = Store::open(MemoryDir::default()).expect("opens").0;
        if !with_index {
            self.dir.remove("index.redb").expect("removed");
        }
        let (store, opened) = Store::open_with(self.dir.clone(), self.config.clone()).expect("opens");
        self.store = store;
        opened
    }

    /// Bytes of segments.
    fn bytes(&self) -> u64 {
        let lengths = self.dir.lengths().into_iter();
        lengths.filter(|(name, _)| name.ends_with(".msec")).map(|(_, len)| len as u64).sum()
    }

    /// Checks all that can be asked of the store.
    fn check(&self) {
        let mut rows = Vec::new();
        for Expected { writer, tree, begin } in &self.logs {
            let log = writer.log.header().id();
            // The entry at a position has the value before it.
            rows.extend((1.max(*begin)..tree.size()).map(|position| (position - 1) as f64));
            let (_, size) = (0, tree.size());
            for from in [0, *begin, begin.saturating_sub(1), begin + 1, (begin + size) / 2] {
                let chunk = self.store.read(&log, from, 300).expect("reads");
                let Some(chunk) = chunk else {
                    assert!(from >= *begin && from >= size, "{from} of {begin}..{size}");
                    continue;
                };
                if from < *begin {
                    assert_eq!((chunk.from, chunk.end), (0, *begin));
                    assert_eq!(Some(chunk.bytes), self.store.prefix(&log).expect("reads"));
                    continue;
                }
                assert!(chunk.from == from && chunk.end > from);
                let run = Run::from_bytes(&chunk.bytes).expect("parses");
                let leaves = tree.range(from, chunk.end).expect("there");
                let mut of_run = crate::merkle::CompactRange::empty(from);
                run.entries.iter().for_each(|entry| of_run.push(entry.leaf()));
                assert_eq!(of_run, leaves);
                assert!(run.rest == tree.range(chunk.end, size).expect("there").hashes());
            }
        }
        rows.sort_by(f64::total_cmp);
        rows.reverse();
        assert_eq!(values(&self.store), rows);
        let newest: Vec<_> = self
            .store
            .latest(&Query::default())
            .expect("answers")
            .iter()
            .map(|row| row.reading.value)
            .collect();
        let mut expected: Vec<_> = self
            .logs
            .iter()
            .filter(|log| log.tree.size() > log.begin.max(1))
            .map(|log| (log.tree.size() - 2) as f64)
            .collect();
        expected.sort_by(f64::total_cmp);
        expected.reverse();
        assert_eq!(newest, expected);
    }
}

/// Few cases where each is slow; the nightly run, in release, plays as many as it is told.
fn some_cases() -> ProptestConfig {
    let all = ProptestConfig::default();
    if cfg!(debug_assertions) { ProptestConfig { cases: all.cases.min(48), ..all } } else { all }
}

proptest! {
    #![proptest_config(some_cases())]

    /// Whatever is let go and when, a store shows and serves what is left, and is the same when it is opened again.
    #[test]
    fn a_store_is_what_was_not_let_go(acts in proptest::collection::vec(act(), 1..12), index in any::<bool>()) {
        let mut rig = Rig::new(index);
        for act in &acts {
            rig.act(act);
            if matches!(act, Act::Prune(..) | Act::Compact(_) | Act::Reopen(_)) {
                rig.check();
            }
        }
        rig.check();
        let with = rig.reopen(true);
        prop_assert_eq!(&with.cut, &None);
        prop_assert_eq!(with.continuable.len(), with.logs.len());
        rig.config.index = false;
        prop_assert_eq!(&rig.reopen(false), &with);
        for (state, log) in with.logs.iter().filter_map(|state| {
            let is_its = |log: &&Expected| log.writer.log.header().id() == state.log();
            Some((state, rig.logs.iter().find(is_its)?))
        }) {
            prop_assert_eq!((state.size(), state.root()), (log.writer.log.size(), log.writer.log.root()));
        }
    }
}

/// Nothing of what was let go is left once segments are rewritten, and the numbers of runs are what they were.
#[test]
fn segments_are_rewritten_without_what_was_let_go() {
    for index in [false, true] {
        let mut rig = Rig::new(index);
        for n in 0..60 {
            rig.act(&Act::Write(n % 2, 1 + n % 3));
        }
        let before = rig.reopen(true);
        rig.act(&Act::Prune(0, 16));
        rig.act(&Act::Compact(0));
        rig.check();
        let all = rig.bytes();
        let opened = rig.reopen(true);
        assert_eq!((opened.run, &opened.runs, opened.epoch), (before.run, &before.runs, before.epoch));
        rig.act(&Act::Prune(1, 16));
        let done = rig.store.compact(100).expect("compacted");
        assert!(done.removed > 3, "{done:?}");
        rig.check();
        assert!(rig.bytes() < all / 4, "{} of {all}", rig.bytes());
        let opened = rig.reopen(true);
        assert_eq!((opened.run, opened.runs), (before.run, before.runs));
        rig.act(&Act::Reopen(false));
        rig.act(&Act::Write(0, 3));
        rig.check();
    }
}

/// A power cut between what is written in the ledger and all else.
#[test]
fn what_was_let_go_stays_so_in_a_power_cut() {
    let mut rig = Rig::new(true);
    for n in 0..6 {
        rig.act(&Act::Write(n % 2, 10));
    }
    rig.act(&Act::Prune(0, 12));
    rig.dir.crash(0);
    rig.act(&Act::Reopen(true));
    rig.check();
    rig.act(&Act::Write(0, 3));
    rig.check();
}

/// A disk that is full for a moment, at any step: it says so, and nothing is worse than before.
#[test]
fn a_step_that_fails_can_be_tried_again() {
    for index in [false, true] {
        for step in 0.. {
            let mut rig = Rig::new(index);
            (0..30).for_each(|n| rig.act(&Act::Write(n % 2, 2)));
            let log = rig.logs[0].writer.log.header().id();
            let before = rig.dir.steps();
            rig.dir.break_at(before + step, Breakage::Once);
            let pruned = rig.store.prune(&[(log, 20)]);
            let compacted = pruned.is_ok().then(|| rig.store.compact(0));
            let is_whole = rig.dir.steps() <= before + step;
            rig.dir.mend();
            if pruned.is_ok() {
                rig.logs[0].begin = 20;
            }
            rig.check();
            rig.act(&Act::Prune(0, 6));
            rig.act(&Act::Compact(0));
            rig.check();
            rig.act(&Act::Reopen(true));
            rig.check();
            if is_whole {
                assert!(compacted.is_some_and(|done| done.is_ok()) && step > 10, "{step} steps");
                break;
            }
        }
    }
}

#[test]
fn a_damaged_record_costs_its_log_the_beginning_and_no_other() {
    let mut rig = Rig::new(false);
    for n in 0..6 {
        rig.act(&Act::Write(n % 3, 10));
    }
    (0..3).for_each(|of| rig.act(&Act::Prune(of, 8)));
    rig.dir.flip("ledger", 40, 1);
    rig.act(&Act::Reopen(false));
    // Its entries were not removed from the segments yet.
    rig.logs[0].begin = 0;
    rig.check();
    rig.act(&Act::Reopen(false));
    rig.check();
    rig.act(&Act::Prune(0, 16));
    rig.act(&Act::Reopen(false));
    rig.check();
}

proptest! {
    #![proptest_config(some_cases())]

    /// Whatever becomes of the ledger, the store starts, and what it shows was written.
    #[test]
    fn a_damaged_ledger_keeps_no_store_from_starting(
        damage in proptest::collection::vec(any::<(usize, u8)>(), 1..4),
        cut in proptest::option::of(any::<usize>()),
        compacted in any::<bool>(),
        index in any::<bool>(),
    ) {
        let mut rig = Rig::new(index);
        (0..12).for_each(|n| rig.act(&Act::Write(n % 3, 9)));
        (0..3).for_each(|of| rig.act(&Act::Prune(of, 9)));
        rig.store.erase(&rig.logs[2].writer.log.header().id(), 30..33).expect("erased");
        if compacted {
            rig.act(&Act::Compact(0));
        }
        let len = rig.dir.lengths()["ledger"];
        damage.iter().for_each(|(at, bit)| rig.dir.flip("ledger", at % len, *bit));
        if let Some(cut) = cut {
            rig.dir.set_len("ledger", (cut % len) as u64).expect("cut");
        }
        let opened = rig.reopen(index);
        for state in &opened.logs {
            let is_its = |log: &&Expected| log.writer.log.header().id() == state.log();
            let tree = &rig.logs.iter().find(is_its).expect("one of them").tree;
            prop_assert_eq!(state.root(), tree.range(0, state.size()).expect("written").root());
        }
        let again = rig.reopen(index);
        prop_assert_eq!((&again.cut, &again.logs), (&None, &opened.logs), "once");
        let is_value = |value: &f64| value.fract() == 0.0 && *value < 36.0;
        prop_assert!(values(&rig.store).iter().all(is_value));
    }
}

/// Where the index is of before a log was let go, and says of its newest reading what is gone.
#[test]
fn the_newest_reading_is_one_that_is_left() {
    let dir = MemoryDir::default();
    let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    let mut a = writer("a");
    // The clock was set back in between.
    for (seq, minutes) in (1..).zip([90, 10, 20]) {
        let reading = Reading::new(START.saturating_add(minutes * 60_000), minutes as f64);
        a.log.append_readings(START, TimeQuality::Synchronised, [3; 16], &[reading]).expect("appended");
        store.apply(seq, &[a.log.sign(&a.identity, START).expect("a run")]).expect("applied");
        store.sync().expect("synced");
    }
    store.close();
    let newest = |store: &Store| store.latest(&Query::default()).expect("answers")[0].reading.value;
    assert_eq!(newest(&store), 90.0);
    store.prune(&[(a.log.header().id(), 2)]).expect("pruned");
    assert_eq!(newest(&store), 20.0);
    dir.crash(0);
    let (store, _) = Store::open_with(dir, tiny(true)).expect("opens");
    assert_eq!(newest(&store), 20.0);
}

/// Where the store was cut back, own logs are not continued, and so are none that begin with what was let go.
#[test]
fn what_was_let_go_before_a_cut_is_not_continued_after_it() {
    let mut rig = Rig::new(false);
    (0..4).for_each(|_| rig.act(&Act::Write(0, 10)));
    rig.act(&Act::Prune(0, 16));
    rig.act(&Act::Write(1, 1));
    let (name, len) =
        rig.dir.lengths().into_iter().rfind(|(name, _)| name.starts_with('0')).expect("a segment");
    rig.dir.flip(&name, len - 1, 1);
    for _ in 0..2 {
        let (_, opened) = Store::open_with(rig.dir.clone(), rig.config.clone()).expect("opens");
        assert_eq!(opened.continuable.len(), 0);
        assert_eq!(opened.logs.len(), 1);
    }
}

/// One segment after the other, and the index is told: it is not made again, and says the same as one that is.
#[cfg(feature = "index")]
#[test]
fn the_index_is_told_where_entries_lie_once_a_segment_is_rewritten() {
    let mut rig = Rig::new(true);
    (0..60).for_each(|n| rig.act(&Act::Write(n % 2, 1 + n % 3)));
    rig.act(&Act::Close);
    let before = rig.store.shared.index().expect("an index");
    // In the middle of runs, too.
    rig.act(&Act::Prune(0, 7));
    rig.act(&Act::Prune(1, 3));
    let (mut next, mut rewritten) = (Some(0), 0);
    while let Some(from) = next {
        let (done, after) = rig.store.compact_next(0, from).expect("compacted");
        assert!(done.rewritten + done.removed <= 1, "one at a time: {done:?}");
        (next, rewritten) = (after, rewritten + done.rewritten);
        rig.check();
    }
    assert!(rewritten >= 3, "{rewritten} segments");
    assert!(Arc::ptr_eq(&before, &rig.store.shared.index().expect("an index")));
    drop(before);
    rig.act(&Act::Write(0, 3));
    rig.act(&Act::Close);
    rig.store = Store::open(MemoryDir::default()).expect("opens").0;
    // It is one that the next opening goes on from.
    let medium: Arc<dyn Medium> = Arc::new(rig.dir.clone());
    let index = redb::RedbIndex::open(&medium, "index.redb", true).expect("opens");
    let loaded = crate::storage::index::Index::load(&index).expect("reads").expect("a checkpoint");
    let told = ledger::Told::read(medium.as_ref()).expect("reads");
    assert_eq!((loaded.checkpoint.rewritten, told.rewritten), (rewritten as u64, rewritten as u64));
    drop(index);
    let with = rig.reopen(true);
    rig.check();
    assert_eq!(rig.reopen(false), with);
    rig.check();
}

/// A log of which three entries are held goes on behind what stands for the first twelve: those three are gone, from roll-ups too.
#[test]
fn who_is_behind_goes_on_where_what_was_let_go_ends() {
    for (index, close) in [(false, false), (true, false), (true, true)] {
        let config = StoreConfig { roll_ups: true, ..tiny(index) };
        let (from, to) = (MemoryDir::default(), MemoryDir::default());
        let mut source = Store::open_with(from, config.clone()).expect("opens").0;
        let mut store = Store::open_with(to.clone(), config.clone()).expect("opens").0;
        let mut a = writer("a");
        let first = a.run(3);
        store.apply(1, std::slice::from_ref(&first)).expect("applied");
        store.sync().expect("synced");
        if close {
            store.close();
        }
        let log = first.state().log();
        source.apply(1, &[first]).expect("applied");
        source.apply(2, &[a.run(20)]).expect("applied");
        source.sync().expect("synced");
        source.prune(&[(log, 12)]).expect("let go");
        let mut wanted = Vec::new();
        while let Some(chunk) =
            source.read(&log, wanted.last().map_or(4, |it: &Chunk| it.end), 400).expect("reads")
        {
            wanted.push(chunk);
        }
        let prefix = Prefix::from_bytes(&wanted[0].bytes).expect("a prefix").fit().expect("fits");
        assert_eq!(prefix.held.end(), 12);
        let head = prefix.head.verify_by(&Verifier::strict(), &prefix.header.author()).expect("signed");
        let state =
            LogState { header: prefix.header, held: prefix.held, rest: prefix.rest, head, latest: None };
        let verified = VerifiedPrefix { first: prefix.first, between: prefix.between, state: state.clone() };
        let mut held = state;
        for (seq, chunk) in (2..).zip(&wanted[1..]) {
            let run = received(&chunk.bytes, Some(&held));
            held = run.state().clone();
            let run = if seq == 2 { run.after(Arc::new(verified.clone())) } else { run };
            store.apply(seq, &[run]).expect("applied");
            store.sync().expect("synced");
        }
        let positions = |store: &Store| {
            store
                .query(&Query::default())
                .expect("answers")
                .iter()
                .map(|row| row.position)
                .collect::<Vec<_>>()
        };
        let rolled = |store: &Store| {
            let rows = store.roll_ups(&RollUpQuery::every(crate::rollup::Resolution::Hour)).expect("answers");
            rows.iter().map(|row| row.bucket.count()).sum::<u64>()
        };
        for _ in 0..2 {
            assert_eq!(positions(&store), (12..24).rev().collect::<Vec<_>>());
            assert_eq!(rolled(&store), 12);
            let (chunk, theirs) = (store.read(&log, 4, 400), source.read(&log, 4, 400));
            assert_eq!(chunk.expect("reads"), theirs.expect("reads"), "it passes on what it was given");
            store.compact(0).expect("compacted");
            if close {
                store.close();
            }
            drop(store);
            let (again, opened) = Store::open_with(to.clone(), config.clone()).expect("opens");
            store = again;
            assert_eq!((opened.cut, opened.logs.len(), opened.logs[0].size()), (None, 1, 24));
            assert!(opened.continuable.is_empty());
        }
    }
}

#[test]
fn the_ledger_stays_as_short_as_what_counts_in_it() {
    let mut rig = Rig::new(false);
    for _ in 0..500 {
        rig.act(&Act::Write(0, 2));
        rig.act(&Act::Prune(0, 16));
    }
    let longest = rig.dir.lengths()["ledger"];
    assert!(longest < 100_000, "{longest} bytes");
    rig.act(&Act::Reopen(false));
    rig.check();
}
