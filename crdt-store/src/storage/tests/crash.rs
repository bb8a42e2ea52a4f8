//! Power cuts at every step of a store's way to the disk, its index's included.

mod points;
mod story;

use std::collections::BTreeMap;

use self::story::{Acknowledged, Next, Story, commits};
use super::*;
use crate::rollup::Resolution;

/// Steps at which each story is cut short. The nightly run, in release, plays 2,000 stories: 10,000 power cuts.
const POINTS: usize = if cfg!(debug_assertions) { 1 } else { 5 };

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
type Inventory = (Opened, Vec<Row>, Vec<Option<Chunk>>, Vec<RollUpRow>);

fn inventory(dir: &MemoryDir, config: &StoreConfig) -> Inventory {
    let (store, opened) = Store::open_with(dir.clone(), config.clone()).expect("always starts");
    assert!(is_what_is_folded(&store));
    let rows = store.query(&Query::default()).expect("answers");
    let chunks = opened.logs.iter().flat_map(|state| {
        let log = state.log();
        [0, state.size() / 2].map(|from| store.read(&log, from, 300).expect("reads"))
    });
    let chunks = chunks.collect();
    let buckets = match config.roll_ups {
        true => store.roll_ups(&RollUpQuery::every(Resolution::Minute)).expect("answers"),
        false => Vec::new(),
    };
    (opened, rows, chunks, buckets)
}

/// How the power is cut.
#[derive(Debug, Clone, Copy)]
struct PowerCut<'a> {
    /// At that step of the story.
    at: u64,
    /// And at that one of opening the store again.
    again_at: u64,
    /// What is left of what was not synced.
    fates: &'a [(usize, usize)],
    /// A bit of a file that flips then, on a disk that is looked at apart.
    flip: (usize, usize),
}

/// Plays a story until the power is cut, and once more while the store is opened.
fn crash(story: &Story, config: &StoreConfig, cut: PowerCut<'_>) -> Result<(), TestCaseError> {
    let dir = MemoryDir::default();
    let mut fates = cut.fates.iter().copied().cycle();
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
    dir.break_at(cut.at, Breakage::ForGood);
    let acknowledged = story.play(&dir, config);
    dir.crash_with(&mut fate);
    flip(story, config, &acknowledged, (&dir.copy(), cut.flip))?;
    dir.break_at(dir.steps() + cut.again_at, Breakage::ForGood);
    drop(Store::open_with(dir.clone(), config.clone()));
    dir.crash_with(&mut fate);

    // Without the index, all that counts is there.
    let truth = dir.copy();
    let found = inventory(&dir, config);
    let (mut again, ..) = inventory(&dir, config);
    prop_assert_eq!(again.cut.take(), None, "once");
    prop_assert_eq!((&again.logs, &again.continuable), (&found.0.logs, &found.0.continuable));
    truth.remove("index.redb").expect("removed");
    let without = inventory(&truth, &StoreConfig { index: false, ..config.clone() });
    let (opened, rows, chunks, buckets) = found;
    prop_assert!(
        without.0 == opened && without.1 == rows && without.2 == chunks,
        "the index says other things"
    );
    prop_assert_eq!(&without.3, &buckets);
    is_what_was_written(story, &opened, &rows)?;
    let (first, begin) = (story.place(0, 0).0, acknowledged.begin);
    prop_assert!(rows.iter().all(|row| row.log != first || row.position >= begin), "begins at {begin}");
    let erased = story.encoded(&acknowledged.erased);
    for entry in &erased {
        prop_assert!(!holds(&dir, entry), "an entry that was erased is there");
    }
    for (log, size) in &story.sizes(acknowledged.commits) {
        let held = opened.logs.iter().find(|state| state.log() == *log).map_or(0, LogState::size);
        prop_assert!(held >= *size, "{held} of {size}");
    }
    prop_assert!(!acknowledged.contested || opened.contested.len() == 1);
    // Where an append was torn in its middle, it may have been damage: that ends the epoch, and with it the note.
    let is_its = acknowledged.epoch == Some(opened.epoch);
    prop_assert!(!is_its || opened.note.map(|note| note[0]) >= acknowledged.note);

    // It goes on, and ends where it would have. Nothing that was erased comes back with what others bring.
    let (mut store, opened) = Store::open_with(dir.clone(), config.clone()).expect("opens");
    for (seq, run) in (1..).zip(story.missing(&opened)) {
        store.apply(seq, &[run]).expect("applied");
        store.sync().expect("synced");
    }
    drop(store);
    dir.crash(0);
    let (opened, rows, ..) = inventory(&dir, config);
    is_what_was_written(story, &opened, &rows)?;
    let sizes: BTreeMap<_, _> = opened.logs.iter().map(|state| (state.log(), state.size())).collect();
    prop_assert_eq!((opened.cut, sizes), (None, story.all()));
    prop_assert!(erased.iter().all(|entry| !holds(&dir, entry)));
    Ok(())
}

/// One bit of that directory flips. It may cost what was acknowledged, but nothing else is shown than what was written,
/// nothing that was erased comes to light, and no author goes on with a log of which something is missing.
fn flip(
    story: &Story,
    config: &StoreConfig,
    acknowledged: &Acknowledged,
    (dir, (file, place)): (&MemoryDir, (usize, usize)),
) -> Result<(), TestCaseError> {
    let lengths: Vec<_> = dir.lengths().into_iter().filter(|(_, len)| *len > 0).collect();
    if lengths.is_empty() {
        return Ok(());
    }
    let (name, len) = &lengths[file % lengths.len()];
    dir.flip(name, place % len, (place / len % 8) as u8);
    let sizes = story.sizes(acknowledged.commits);
    // What an index says is there may turn out to be damaged when it is read: the next start cuts it off.
    for start in 0..4 {
        // What is drawn at random for each start tells an epoch from one that began with the same bytes.
        let config = StoreConfig { fresh: [1 + start; 8], ..config.clone() };
        let (store, opened) = Store::open_with(dir.clone(), config).expect("always starts");
        for state in opened.logs.iter().filter(|state| opened.continuable.contains(&state.log())) {
            let least = sizes.get(&state.log()).copied().unwrap_or(0);
            prop_assert!(state.size() >= least, "{} of {least} would be gone on with: {name}", state.size());
        }
        let rows = store.query(&Query::default());
        is_what_was_written(story, &opened, rows.as_deref().unwrap_or_default())?;
        let logs = opened.logs.iter().map(LogState::log);
        let reads = logs.map(|log| store.read(&log, store.begin(&log), 100_000).map(drop));
        let is_read = reads.fold(rows.is_ok(), |all, read| all & read.is_ok());
        if is_read && opened.cut.is_none() {
            break;
        }
        prop_assert!(start < 3, "it is damaged at each start, with a bit of {name} flipped");
    }
    prop_assert!(story.encoded(&acknowledged.erased).iter().all(|entry| !holds(dir, entry)));
    Ok(())
}

/// Whether all that is shown was written: the root of each log, and each reading, of which the first is at 1.
fn is_what_was_written(story: &Story, opened: &Opened, rows: &[Row]) -> Result<(), TestCaseError> {
    let roots = story.roots();
    for state in &opened.logs {
        prop_assert_eq!(roots.get(&(state.log(), state.size())), Some(&state.root()));
    }
    prop_assert!(rows.iter().all(|row| row.reading.value == (row.position - 1) as f64));
    Ok(())
}

/// Steps of a story that nothing interrupts.
fn steps(story: &Story, config: &StoreConfig) -> u64 {
    let dir = MemoryDir::default();
    story.play(&dir, config);
    dir.steps()
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
        flip in any::<(usize, usize)>(),
        index in any::<bool>(),
    ) {
        let (story, config) = (Story::of(&commits), tiny(index));
        let steps = steps(&story, &config);
        for (step, again_at) in at {
            crash(&story, &config, PowerCut { at: step % (steps + 1), again_at, fates: &fates, flip })?;
        }
    }

    /// Where all that was written before the cut is there, and nothing after it, no damage is suspected.
    #[test]
    fn a_torn_append_is_not_taken_for_damage(commits in commits(), torn in 0usize..2_000, index in any::<bool>()) {
        let (story, dir) = (Story::of(&commits), MemoryDir::default());
        let config = StoreConfig { index, ..StoreConfig::default() };
        let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        for (seq, (runs, next)) in (1..).zip(story.commits()) {
            store.apply(seq, runs).expect("applied");
            if matches!(next, Next::Sync) {
                prop_assert_eq!(store.sync().expect("synced"), seq);
            }
        }
        dir.crash(torn);
        let (_, opened) = Store::open_with(dir, config).expect("always starts");
        prop_assert!(opened.cut.is_none_or(|cut| cut.torn));
        let adopted = opened.logs.iter().filter(|state| state.header().stream() == "dddd").count();
        prop_assert_eq!(opened.continuable.len() + adopted, opened.logs.len());
    }
}
