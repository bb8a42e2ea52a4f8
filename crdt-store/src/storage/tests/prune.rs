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
    /// It is closed, so that the index knows all.
    Close,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3usize, 1..25usize).prop_map(|(writer, n)| Act::Write(writer, n)),
        2 => (0..3usize, 0..=16u64).prop_map(|(writer, part)| Act::Prune(writer, part)),
        1 => any::<bool>().prop_map(Act::Reopen),
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
                let end = log.tree.size() * part / 16;
                let went = self.store.prune(&[(log.writer.log.header().id(), end)]).expect("pruned");
                assert_eq!(went, end.saturating_sub(log.begin.max(1)));
                log.begin = if end > 1 { log.begin.max(end) } else { log.begin };
            }
            Act::Reopen(with_index) => {
                if !with_index {
                    self.dir.remove("index.redb").expect("removed");
                }
                self.store = Store::open_with(self.dir.clone(), self.config.clone()).expect("opens").0;
            }
            Act::Close => self.store.close(),
        }
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
                    assert!(from < *begin || from >= size, "{from} of {begin}..{size}");
                    continue;
                };
                assert!(from >= *begin && chunk.from == from && chunk.end > from);
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

proptest! {
    /// Whatever is let go and when, a store shows and serves what is left, and is the same when it is opened again.
    #[test]
    fn a_store_is_what_was_not_let_go(acts in proptest::collection::vec(act(), 1..14), index in any::<bool>()) {
        let mut rig = Rig::new(index);
        for act in &acts {
            rig.act(act);
            rig.check();
        }
        let opened = |config: &StoreConfig| Store::open_with(rig.dir.clone(), config.clone()).expect("opens").1;
        let with = opened(&rig.config);
        prop_assert_eq!(&with.cut, &None);
        prop_assert_eq!(with.continuable.len(), with.logs.len());
        rig.dir.remove("index.redb").expect("removed");
        prop_assert_eq!(&opened(&StoreConfig { index: false, ..rig.config.clone() }), &with);
        for (state, log) in with.logs.iter().filter_map(|state| {
            let is_its = |log: &&Expected| log.writer.log.header().id() == state.log();
            Some((state, rig.logs.iter().find(is_its)?))
        }) {
            prop_assert_eq!((state.size(), state.root()), (log.writer.log.size(), log.writer.log.root()));
        }
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
