//! Power cuts at every step of a store's way to the disk, its index's included.

use std::collections::BTreeMap;

use super::*;
use crate::merkle::TreeHash;

/// Steps at which each story is cut short. The nightly run, in release, plays 2,000 stories: 10,000 power cuts.
const POINTS: usize = if cfg!(debug_assertions) { 2 } else { 5 };

/// Commits of runs, and what each is followed by.
struct Story {
    commits: Vec<(Vec<VerifiedRun>, Next)>,
}

/// What a commit is followed by.
#[derive(Debug, Clone, Copy)]
enum Next {
    Nothing,
    Sync,
    /// The first log is let go up to a part of it, in 16ths.
    Prune(u64),
    /// The entry at a part of the first log is erased, in 16ths.
    Erase(u64),
    /// Segments are rewritten where so many hundredths are dead.
    Compact(u8),
    /// An app keeps what it folded of the first log, if this build has documents.
    Fold,
}

/// What was acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    commits: usize,
    /// Where the first log begins.
    begin: u64,
    /// Which of its entries are erased.
    erased: Vec<u64>,
}

impl Story {
    /// Commits with so many entries for each of three logs.
    fn of(commits: &[([usize; 3], Next)]) -> Self {
        let mut writers = [writer("a"), writer("bb"), writer("ccc")];
        let commit = |(counts, next): &([usize; 3], Next)| {
            let written = writers.iter_mut().zip(counts).filter(|(_, n)| **n > 0);
            (written.map(|(writer, n)| writer.run(*n)).collect(), *next)
        };
        Self { commits: commits.iter().map(commit).collect() }
    }

    /// Plays it until the disk breaks.
    fn play(&self, dir: &MemoryDir, config: &StoreConfig) -> Acknowledged {
        let mut acknowledged = Acknowledged::default();
        let Ok((mut store, _)) = Store::open_with(dir.clone(), config.clone()) else { return acknowledged };
        for (seq, (runs, next)) in (1..).zip(&self.commits) {
            if store.apply(seq, runs).is_err() {
                return acknowledged;
            }
            let done = match *next {
                Next::Nothing => continue,
                Next::Sync => store.sync().map(drop),
                Next::Prune(part) => {
                    let (log, end) = self.place(seq as usize, part);
                    let done = store.prune(&[(log, end)]);
                    if done.is_ok() && end > 1 {
                        acknowledged.begin = acknowledged.begin.max(end);
                    }
                    done.map(drop)
                }
                Next::Erase(part) => {
                    let (log, at) = self.place(seq as usize, part);
                    let done = store.erase(&log, at..at + 1);
                    if done.is_ok() && at > 0 {
                        acknowledged.erased.push(at);
                    }
                    done
                }
                Next::Compact(percent) => store.compact(percent).map(drop),
                Next::Fold => keep_fold(&mut store),
            };
            if done.is_err() {
                return acknowledged;
            }
            acknowledged.commits = seq as usize;
        }
        store.close();
        acknowledged
    }

    /// A part of the first log, as it is after so many commits.
    fn place(&self, commits: usize, part: u64) -> (LogId, u64) {
        let log = writer("a").log.header().id();
        (log, self.sizes(commits).get(&log).map_or(0, |size| (size * part / 16).min(size - 1)))
    }

    /// Entries of the first log as they lie on disk.
    fn encoded(&self, positions: &[u64]) -> Vec<Vec<u8>> {
        let runs = self.commits.iter().flat_map(|(runs, _)| runs);
        let runs = runs.filter(|run| run.state().header().stream() == "a");
        let entries: Vec<_> = runs.flat_map(VerifiedRun::entries).collect();
        positions.iter().map(|at| minicbor::to_vec(entries[*at as usize]).expect("encodes")).collect()
    }

    /// How much of each log there is after so many commits.
    fn sizes(&self, commits: usize) -> BTreeMap<LogId, u64> {
        let runs = self.commits[..commits].iter().flat_map(|(runs, _)| runs);
        runs.map(|run| (run.state().log(), run.state().size())).collect()
    }

    /// The root of each log at each size that it had.
    fn roots(&self) -> BTreeMap<(LogId, u64), TreeHash> {
        let states = self.commits.iter().flat_map(|(runs, _)| runs).map(VerifiedRun::state);
        states.map(|state| ((state.log(), state.size()), state.root())).collect()
    }

    /// The runs that a store lacks, in their order.
    fn missing(&self, opened: &Opened) -> Vec<VerifiedRun> {
        let held: BTreeMap<_, _> = opened.logs.iter().map(|state| (state.log(), state.size())).collect();
        let runs = self.commits.iter().flat_map(|(runs, _)| runs);
        let lacks = |run: &&VerifiedRun| run.from >= held.get(&run.state().log()).copied().unwrap_or(0);
        runs.filter(lacks).cloned().collect()
    }
}

/// Whether a file in that directory holds `part`.
pub(super) fn holds(dir: &MemoryDir, part: &[u8]) -> bool {
    let has =
        |name: &String| dir.bytes(name).is_some_and(|bytes| bytes.windows(part.len()).any(|it| it == part));
    dir.lengths().keys().any(has)
}

/// What an app makes of entries of the first log, which it keeps as they lie on disk.
#[cfg(feature = "documents")]
fn fold(store: &Store, end: u64) -> Vec<u8> {
    let log = writer("a").log.header().id();
    let chunk = store.read(&log, store.begin(&log), 100_000).expect("reads");
    let run = chunk.map(|chunk| Run::from_bytes(&chunk.bytes).expect("parses"));
    let entries = run.iter().flat_map(|run| run.entries.iter().zip(run.from..)).filter(|(_, at)| *at < end);
    entries.flat_map(|(entry, _)| minicbor::to_vec(entry).expect("encodes")).collect()
}

/// Keeps what was folded. Whether or not that is done, the store is the same.
#[cfg(feature = "documents")]
fn keep_fold(store: &mut Store) -> Result<(), StorageError> {
    let a = writer("a");
    let (collection, stream) = (a.log.header().collection().clone(), a.log.header().stream().to_owned());
    let query = ChangesQuery { collection, stream, from: BTreeMap::new() };
    let page = store.changes(&query)?;
    let (end, ChangesQuery { collection, stream, .. }) = (page.next.values().sum(), query);
    let bytes = fold(store, end);
    let snapshot = Snapshot { collection, stream, covers: page.next, generation: page.generation, bytes };
    store.keep_snapshot(&snapshot).map(drop)
}

#[cfg(not(feature = "documents"))]
fn keep_fold(store: &mut Store) -> Result<(), StorageError> {
    store.sync().map(drop)
}

/// What was folded is given back as it would be folded now, or not at all.
#[cfg(feature = "documents")]
fn is_what_is_folded(store: &Store) -> bool {
    let a = writer("a");
    let kept = store.queries().snapshot(a.log.header().collection(), "a").expect("answers");
    kept.is_none_or(|kept| kept.bytes == fold(store, kept.covers.values().sum()))
}

#[cfg(not(feature = "documents"))]
fn is_what_is_folded(_: &Store) -> bool {
    true
}

/// What a store says of itself.
fn inventory(dir: &MemoryDir, config: &StoreConfig) -> (Opened, Vec<Row>, Vec<Option<Chunk>>) {
    let (store, opened) = Store::open_with(dir.clone(), config.clone()).expect("always starts");
    assert!(is_what_is_folded(&store));
    let rows = store.query(&Query::default()).expect("answers");
    let chunks = opened.logs.iter().flat_map(|state| {
        let log = state.log();
        [0, state.size() / 2].map(|from| store.read(&log, from, 300).expect("reads"))
    });
    let chunks = chunks.collect();
    (opened, rows, chunks)
}

/// Plays a story until the power is cut at that step, and once more while the store is opened; `fates` says what is left of
/// what was not synced.
fn crash(
    story: &Story,
    config: &StoreConfig,
    steps: (u64, u64),
    fates: &[(usize, usize)],
) -> Result<(), TestCaseError> {
    let dir = MemoryDir::default();
    let mut fates = fates.iter().copied().cycle();
    let mut fate = |unsynced| {
        let (from, len) = fates.next().expect("a cycle");
        match unsynced {
            // Whole, lost or torn.
            Unsynced::Written(bytes) if from % 3 == 0 => 0..bytes,
            Unsynced::Written(_) if from % 3 == 1 => 0..0,
            Unsynced::Written(_) => from..from + len,
            Unsynced::Renamed => 0..from % 2,
        }
    };
    dir.break_at(steps.0, Breakage::ForGood);
    let acknowledged = story.play(&dir, config);
    let (sizes, begin) = (story.sizes(acknowledged.commits), acknowledged.begin);
    let erased = story.encoded(&acknowledged.erased);
    dir.crash_with(&mut fate);
    dir.break_at(dir.steps() + steps.1, Breakage::ForGood);
    drop(Store::open_with(dir.clone(), config.clone()));
    dir.crash_with(&mut fate);

    // Without the index, all that counts is there.
    let truth = dir.copy();
    let (opened, rows, chunks) = inventory(&dir, config);
    let (mut again, ..) = inventory(&dir, config);
    prop_assert_eq!(again.cut.take(), None, "once");
    prop_assert_eq!((&again.logs, &again.continuable), (&opened.logs, &opened.continuable));
    truth.remove("index.redb").expect("removed");
    prop_assert_eq!(
        &inventory(&truth, &StoreConfig { index: false, ..config.clone() }),
        &(opened.clone(), rows.clone(), chunks)
    );
    let roots = story.roots();
    for state in &opened.logs {
        prop_assert_eq!(roots.get(&(state.log(), state.size())), Some(&state.root()));
    }
    let first = story.place(0, 0).0;
    prop_assert!(rows.iter().all(|row| row.log != first || row.position >= begin), "begins at {begin}");
    for entry in &erased {
        prop_assert!(!holds(&dir, entry), "an entry that was erased is there");
    }
    for (log, size) in &sizes {
        let held = opened.logs.iter().find(|state| state.log() == *log).map_or(0, LogState::size);
        prop_assert!(held >= *size, "{held} of {size}");
    }

    // It goes on, and ends where it would have. Nothing that was erased comes back with what others bring.
    let (mut store, opened) = Store::open_with(dir.clone(), config.clone()).expect("opens");
    for (seq, run) in (1..).zip(story.missing(&opened)) {
        store.apply(seq, &[run]).expect("applied");
        store.sync().expect("synced");
    }
    drop(store);
    dir.crash(0);
    let (opened, ..) = inventory(&dir, config);
    let sizes: BTreeMap<_, _> = opened.logs.iter().map(|state| (state.log(), state.size())).collect();
    prop_assert_eq!((opened.cut, sizes), (None, story.sizes(story.commits.len())));
    prop_assert!(erased.iter().all(|entry| !holds(&dir, entry)));
    Ok(())
}

/// Steps of a story that nothing interrupts.
fn steps(story: &Story, config: &StoreConfig) -> u64 {
    let dir = MemoryDir::default();
    story.play(&dir, config);
    dir.steps()
}

fn commits() -> impl Strategy<Value = Vec<([usize; 3], Next)>> {
    let counts = [0usize..3, 0usize..3, 1usize..4];
    let next = prop_oneof![
        2 => Just(Next::Nothing),
        2 => Just(Next::Sync),
        1 => (0..=16u64).prop_map(Next::Prune),
        1 => (0..16u64).prop_map(Next::Erase),
        1 => (0..90u8).prop_map(Next::Compact),
        1 => Just(Next::Fold),
    ];
    proptest::collection::vec((counts, next), 1..9)
}

/// What a process that was killed had not synced is found by the next one, which goes on behind it and tells others of it.
#[test]
fn what_a_killed_process_left_is_durable_once_it_counts() {
    for index in [false, true] {
        let (dir, mut a) = (MemoryDir::default(), writer("a"));
        let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        store.apply(1, &[a.run(9)]).expect("applied");
        drop(store);
        let (mut store, opened) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        assert_eq!((opened.logs[0].size(), opened.continuable.len()), (10, 1));
        // So with the ledger, whose last record was written and not synced.
        let log = a.log.header().id();
        dir.break_at(dir.steps() + 1, Breakage::ForGood);
        store.prune(&[(log, 5)]).expect_err("killed");
        drop(store);
        dir.mend();
        let (store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        assert_eq!(store.begin(&log), 5);
        drop(store);
        dir.crash(0);
        let (store, opened) = Store::open_with(dir, tiny(index)).expect("opens");
        assert_eq!((opened.cut, opened.logs.len(), store.begin(&log)), (None, 1, 5));
        assert_eq!(opened.logs[0].size(), 10);
    }
}

proptest! {
    /// Nothing acknowledged is lost in a power cut, whatever is left of what was not synced, and it always starts.
    #[test]
    fn a_power_cut_at_any_step_loses_nothing_acknowledged(
        commits in commits(),
        at in proptest::collection::vec((any::<u64>(), 0u64..40), POINTS),
        fates in proptest::collection::vec((0usize..2_000, 0usize..600), 1..40),
        index in any::<bool>(),
    ) {
        let (story, config) = (Story::of(&commits), tiny(index));
        let steps = steps(&story, &config);
        for (step, second) in at {
            crash(&story, &config, (step % (steps + 1), second), &fates)?;
        }
    }

    /// Where all that was written before the cut is there, and nothing after it, no damage is suspected.
    #[test]
    fn a_torn_append_is_not_taken_for_damage(commits in commits(), torn in 0usize..2_000, index in any::<bool>()) {
        let (story, dir) = (Story::of(&commits), MemoryDir::default());
        let config = StoreConfig { index, ..StoreConfig::default() };
        let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        for (seq, (runs, next)) in (1..).zip(&story.commits) {
            store.apply(seq, runs).expect("applied");
            if matches!(next, Next::Sync) {
                prop_assert_eq!(store.sync().expect("synced"), seq);
            }
        }
        dir.crash(torn);
        let (_, opened) = Store::open_with(dir, config).expect("always starts");
        prop_assert!(opened.cut.is_none_or(|cut| cut.torn));
        prop_assert_eq!(opened.continuable.len(), opened.logs.len());
    }
}
