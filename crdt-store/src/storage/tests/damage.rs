//! Stores that are not theirs to open, that were tampered with, or whose disk fails.

use super::*;
use crate::storage::frame::{self, FILE_HEADER_BYTES, FileHeader, Mark};
use crate::storage::shared::DOUBT;

/// Where something lies in a segment, far from its start.
fn find(dir: &MemoryDir, part: &[u8]) -> usize {
    let bytes = dir.bytes(FIRST).expect("a segment");
    bytes.windows(part.len()).position(|window| window == part).expect("it is there")
}

fn len(dir: &MemoryDir) -> usize {
    dir.lengths()[FIRST]
}

#[test]
fn a_change_that_the_disk_altered_is_not_given_out_and_the_next_start_cuts_it_off() {
    let mut a = writer("a");
    let (dir, mut store) = in_memory();
    a.log.append_change(START, TimeQuality::Synchronised, [3; 16], vec![0x55; 500]).expect("appended");
    store.apply(1, &[a.run(1)]).expect("applied");
    let (store, _) = Store::open(dir.clone()).expect("opens");
    dir.flip(FIRST, find(&dir, &[0x55; 100]) + 50, 1);
    let collection = "parks/noise".parse().expect("a path");
    let query = ChangesQuery { collection, stream: "a".into(), from: BTreeMap::new() };
    assert!(matches!(store.changes(&query), Err(StorageError::Damaged)));
    assert!(dir.lengths().contains_key(DOUBT));
    let (_, opened) = Store::open(dir.clone()).expect("opens");
    assert!(opened.cut.is_some_and(|cut| !cut.torn) && opened.logs.is_empty());
    assert!(!dir.lengths().contains_key(DOUBT));
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = FileDir::open(dir.path()).expect("opens");
    let error = FileDir::open(dir.path()).expect_err("refused");
    assert!(error.to_string().contains("data directory of its own"), "{error}");
    drop(first);
    FileDir::open(dir.path()).expect("free again");
}

#[test]
fn a_store_of_before_there_were_segments_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("logs.msec");
    std::fs::write(&path, b"MSECLOG\x01").expect("written");
    let error = FileDir::open(dir.path()).expect_err("refused");
    assert!(error.to_string().contains("move that file away"), "{error}");
    assert_eq!(std::fs::read(&path).expect("read"), b"MSECLOG\x01");
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let dir = MemoryDir::default();
    let header = FileHeader { format: 9, epoch: Epoch::default(), before: 0 };
    let newer = [header.to_bytes().as_slice(), b"something"].concat();
    dir.write_at(FIRST, 0, &newer).expect("written");
    let refused = Store::open(dir.clone());
    assert!(matches!(refused, Err(StorageError::Format { found: 9, .. })));
    assert_eq!(dir.bytes(FIRST).expect("there"), newer);
}

/// Found by the simulator: one flipped bit made a store of a version to come, which was refused instead of cut back.
#[test]
fn a_damaged_header_is_no_newer_format() {
    for at in 0..FILE_HEADER_BYTES as usize {
        let (dir, _) = in_memory();
        dir.flip(FIRST, at, 1);
        let (_, opened) = Store::open(dir).expect("always starts");
        assert!(opened.cut.is_some_and(|cut| cut.at == 0 && !cut.torn), "byte {at}");
    }
}

#[test]
fn a_tampered_file_is_cut_back_set_aside_and_written_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FIRST);
    let open = || Store::open(FileDir::open(dir.path()).expect("opens")).expect("opens");
    let mut writer = writer("mic-1");
    let (mut store, _) = open();
    store.apply(1, &[writer.run(2)]).expect("applied");
    store.sync().expect("synced");
    drop(store);
    let kept = std::fs::metadata(&path).expect("a segment").len();
    let (mut store, opened) = open();
    assert_eq!(opened.cut, None);
    store.apply(1, &[writer.run(2)]).expect("applied");
    store.sync().expect("synced");
    drop(store);
    // Somebody changes a value in the last run.
    let mut bytes = std::fs::read(&path).expect("read");
    let at = kept as usize + 100;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).expect("written");

    let (mut store, opened) = open();
    let cut = opened.cut.expect("cut back");
    assert_eq!((cut.segment, cut.at, cut.torn), (1, kept, false));
    assert_eq!(values(&store), [1.0, 0.0]);
    assert_eq!(std::fs::read(dir.path().join("aside.msec")).expect("set aside"), &bytes[kept as usize..]);
    let mut other = self::writer("another");
    store.apply(1, &[other.run(1)]).expect("written on");
    store.sync().expect("synced");
    drop(store);
    assert_eq!(open().1.cut, None, "once");
}

#[test]
fn a_rewritten_file_with_right_checks_is_found_out() {
    let mut writer = writer("mic-1");
    let (dir, mut store) = in_memory();
    store.apply(1, &[writer.run(1)]).expect("applied");
    let mut forged = writer.run(1);
    forged.entries[0].time = forged.entries[0].time.saturating_add(1);
    let mut frames = Vec::new();
    frame::write(&mut frames, Mark::Written, |frames| stored::write(frames, &forged));
    dir.write_at(FIRST, len(&dir) as u64, &frames).expect("appended");
    let (store, opened) = Store::open(dir).expect("opens");
    assert!(opened.cut.is_some_and(|cut| !cut.torn));
    assert_eq!(values(&store), [0.0], "back to the last head that its author signed");
}

/// Found end to end: a second start knew nothing of the cut, and the author forked its log.
#[test]
fn a_cut_is_remembered_over_every_start() {
    let (mut before, mut after) = (writer("a"), writer("bb"));
    let (dir, mut store) = in_memory();
    store.apply(1, &[before.run(2)]).expect("applied");
    store.apply(2, &[before.run(2)]).expect("applied");
    dir.flip(FIRST, len(&dir) - 20, 0);
    let (mut store, opened) = Store::open(dir.clone()).expect("opens");
    assert!(opened.cut.is_some() && opened.logs.len() == 1 && opened.continuable.is_empty());
    let fresh = after.run(1);
    store.apply(1, std::slice::from_ref(&fresh)).expect("applied");
    let (_, opened) = Store::open(dir).expect("opens");
    assert_eq!((opened.cut, opened.logs.len()), (None, 2));
    assert_eq!(opened.continuable, [fresh.state().log()].into());
}

#[test]
fn a_log_that_was_received_is_never_continued() {
    let run = writer("a").run(2);
    let from_elsewhere = received(&run.to_bytes(), None);
    for (run, continuable) in [(run, 1), (from_elsewhere, 0)] {
        let (dir, mut store) = in_memory();
        store.apply(1, &[run]).expect("applied");
        let (_, opened) = Store::open(dir).expect("opens");
        assert_eq!((opened.logs.len(), opened.continuable.len()), (1, continuable));
    }
}

/// One commit of one entry in each segment, of two logs in turn.
fn many_segments() -> (MemoryDir, Vec<VerifiedRun>) {
    let dir = MemoryDir::default();
    let config = StoreConfig { segment_bytes: 1, ..StoreConfig::default() };
    let (mut store, _) = Store::open_with(dir.clone(), config).expect("opens");
    let mut writers = [writer("a"), writer("bb")];
    let runs: Vec<_> = (0..8).map(|n| writers[n % 2].run(1)).collect();
    for (seq, run) in (1..).zip(&runs) {
        store.apply(seq, std::slice::from_ref(run)).expect("applied");
        store.sync().expect("synced");
    }
    (dir, runs)
}

/// What lies in segments beyond the damage is kept, but for the log that lacks an entry now, and that is fetched again.
#[test]
fn a_damaged_segment_costs_its_own_logs_and_no_others() {
    let damages: [fn(&MemoryDir); 3] = [
        |dir| dir.flip("00000004.msec", 100, 0),
        |dir| dir.set_len("00000004.msec", 100).expect("cut"),
        |dir| dir.remove("00000004.msec").expect("removed"),
    ];
    for damage in damages {
        let (dir, runs) = many_segments();
        damage(&dir);
        let (mut store, opened) = Store::open(dir.clone()).expect("opens");
        assert!(opened.cut.is_some_and(|cut| !cut.torn), "{:?}", opened.cut);
        assert_eq!(opened.continuable, BTreeSet::new());
        let sizes: Vec<_> = runs[..2]
            .iter()
            .map(|run| run.state().log())
            .map(|log| opened.logs.iter().find(|state| state.log() == log).map_or(0, LogState::size))
            .collect();
        assert_eq!(sizes, [2, 5]);
        for (seq, run) in (1..).zip(runs.iter().step_by(2).skip(1)) {
            store.apply(seq, std::slice::from_ref(run)).expect("it comes again");
        }
        store.sync().expect("synced");
        let (store, opened) = Store::open(dir).expect("opens");
        assert_eq!(opened.cut, None, "once");
        assert!(opened.logs.iter().all(|state| state.size() == 5) && opened.continuable.is_empty());
        assert_eq!(values(&store), [3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
    }
}

#[test]
fn a_full_disk_keeps_nothing_of_the_commit_and_takes_it_later() {
    let mut writer = writer("mic-1");
    let (dir, mut store) = in_memory();
    let run = writer.run(2);
    dir.break_at(dir.steps(), Breakage::Once);
    assert!(matches!(store.apply(1, std::slice::from_ref(&run)), Err(StorageError::Io(_))));
    assert_eq!(values(&store), [0.0; 0]);
    let (mut store, opened) = Store::open(dir).expect("opens");
    assert_eq!(opened.cut, None, "the half that was written was taken back");
    store.apply(1, &[run]).expect("applied");
}

#[test]
fn after_a_failed_sync_the_commit_is_taken_back_and_can_be_tried_again() {
    let mut writer = writer("mic-1");
    let (dir, mut store) = in_memory();
    store.apply(1, &[writer.run(1)]).expect("applied");
    store.sync().expect("synced");
    let run = writer.run(1);
    store.apply(2, std::slice::from_ref(&run)).expect("applied");
    dir.break_at(dir.steps(), Breakage::Once);
    assert!(matches!(store.sync(), Err(StorageError::SyncFailed)));
    assert_eq!(values(&store), [0.0]);
    store.apply(3, std::slice::from_ref(&run)).expect("applied");
    assert_eq!(store.sync().expect("synced"), 3);
    // What the first attempt left in its segment is not there to be found.
    dir.crash(0);
    let (store, opened) = Store::open(dir).expect("opens");
    assert_eq!((opened.cut, opened.continuable.len()), (None, 1));
    assert_eq!(values(&store), [1.0, 0.0]);
}

#[test]
fn a_disk_that_does_not_sync_any_more_promises_nothing() {
    let mut writer = writer("mic-1");
    let (dir, mut store) = in_memory();
    let run = writer.run(1);
    store.apply(1, std::slice::from_ref(&run)).expect("applied");
    dir.break_at(dir.steps(), Breakage::ForGood);
    assert!(matches!(store.sync(), Err(StorageError::SyncFailed)));
    assert!(matches!(store.apply(2, std::slice::from_ref(&run)), Err(StorageError::SyncFailed)));
    dir.mend();
    store.apply(3, &[run]).expect("applied");
    assert_eq!(store.sync().expect("synced"), 3);
}

proptest! {
    /// Whatever bits flip, the store starts, and holds a prefix of what was written.
    #[test]
    fn flipped_bits_cost_what_follows_and_nothing_else(flips in proptest::collection::vec((0usize..3_000, 0u8..8), 1..4)) {
        let mut writer = writer("mic-1");
        let (dir, mut store) = in_memory();
        for seq in 1..6 {
            store.apply(seq, &[writer.run(2)]).expect("applied");
        }
        for (at, bit) in flips {
            dir.flip(FIRST, at % len(&dir), bit);
        }
        let (mut store, opened) = Store::open(dir).expect("always starts");
        let found = values(&store);
        let expected: Vec<_> = (0..found.len()).rev().map(|v| v as f64).collect();
        if found.len() < 10 {
            prop_assert!(opened.cut.is_some_and(|cut| !cut.torn), "lost entries are never taken for a torn append");
        }
        prop_assert_eq!(found, expected);
        if let Some(state) = opened.logs.first() {
            writer.log = OwnLog::resume(state).expect("complete");
        } else {
            writer = self::writer("mic-1");
        }
        store.apply(1, &[writer.run(1)]).expect("written on");
    }

    #[test]
    fn arbitrary_files_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
        valid_start in any::<bool>(),
        name in prop_oneof![Just(FIRST), Just("00000002.msec"), Just("2000000000.msec"), Just("index.redb"), Just("note.1")],
    ) {
        let dir = MemoryDir::default();
        let header = FileHeader { format: frame::FORMAT, epoch: Epoch::default(), before: 0 };
        let start = if valid_start { header.to_bytes().to_vec() } else { Vec::new() };
        dir.write_at(name, 0, &[start, bytes].concat()).expect("written");
        match Store::open_with(dir.clone(), tiny(true)) {
            Ok((store, _)) => {
                prop_assert_eq!(values(&store).len(), 0);
                drop(store);
                let again = Store::open_with(dir, tiny(true)).expect("opens").1;
                prop_assert_eq!(again.cut, None, "once");
            }
            Err(error) => prop_assert!(matches!(error, StorageError::Format { .. }), "{}", error),
        }
    }
}
