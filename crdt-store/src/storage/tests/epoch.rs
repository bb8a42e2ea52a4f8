//! Numbers of runs mean the same in every life of an epoch, and notes are there as long as what they vouch for.

use super::*;

/// Opens it with random bytes of its own.
fn reopen(dir: &MemoryDir, fresh: u8) -> (Store, Opened) {
    let config = StoreConfig { fresh: [fresh; 8], ..tiny(cfg!(feature = "index")) };
    Store::open_with(dir.clone(), config).expect("opens")
}

/// A store whose last run has the number 6.
fn of_six(dir: &MemoryDir) -> (Store, Epoch) {
    let (mut store, opened) = reopen(dir, 1);
    let mut writer = writer("mic-1");
    for seq in 1..=6 {
        store.apply(seq, &[writer.run(1)]).expect("applied");
        store.sync().expect("synced");
    }
    (store, opened.epoch)
}

#[test]
fn runs_are_numbered_and_each_log_knows_its_last_one() {
    over_each_medium(|open| {
        let mut writers = [writer("a"), writer("bb"), writer("ccc")];
        let (mut store, first) = open();
        assert_eq!((first.run, first.runs), (0, vec![]));
        for seq in 1..=40 {
            let [a, b, c] = &mut writers;
            let runs = if seq % 2 == 0 { vec![a.run(1), b.run(2), a.run(1)] } else { vec![c.run(3)] };
            store.apply(seq, &runs).expect("applied");
            store.sync().expect("synced");
            if seq % 16 == 0 {
                store.close();
            }
        }
        drop(store);
        let (_, opened) = open();
        assert_eq!((opened.epoch, opened.run), (first.epoch, 80));
        let runs: BTreeMap<_, _> = opened.logs.iter().map(LogState::log).zip(opened.runs).collect();
        let expected = writers.iter().zip([80, 79, 77]).map(|(writer, run)| (writer.log.header().id(), run));
        assert_eq!(runs, expected.collect());
    });
}

#[test]
fn an_append_that_a_crash_tore_ends_no_epoch_and_damage_does() {
    let dir = MemoryDir::default();
    let (store, epoch) = of_six(&dir);
    drop(store);
    let (name, len) = dir.lengths().into_iter().rfind(|(name, _)| name.starts_with('0')).expect("a segment");
    dir.set_len(&name, len as u64 - 1).expect("cut");
    let (_, torn) = reopen(&dir, 2);
    assert_eq!((torn.epoch, torn.run), (epoch, 5));
    dir.flip(FIRST, 40, 1);
    let (_, damaged) = reopen(&dir, 3);
    assert!(damaged.cut.is_some_and(|cut| !cut.torn));
    assert_ne!(damaged.epoch, epoch);
    assert!(damaged.run >= 5, "no number is given twice");
    assert_eq!(reopen(&dir, 4).1.epoch, damaged.epoch, "once");
    let other = MemoryDir::default();
    assert_ne!(reopen(&other, 5).1.epoch, epoch, "each store has its own");
}

#[test]
fn what_a_failed_sync_took_back_gives_its_numbers_back() {
    let dir = MemoryDir::default();
    let (mut store, _) = of_six(&dir);
    let (mut a, mut b) = (writer("a"), writer("bb"));
    store.apply(7, &[a.run(1), b.run(1)]).expect("applied");
    dir.break_at(dir.steps(), Breakage::Once);
    assert!(matches!(store.sync(), Err(StorageError::SyncFailed)));
    store.apply(7, &[writer("ccc").run(1)]).expect("applied");
    store.sync().expect("synced");
    drop(store);
    assert_eq!(reopen(&dir, 2).1.run, 7);
}

#[test]
fn the_last_note_comes_back_and_no_longer_one() {
    over_each_medium(|open| {
        let (mut store, opened) = open();
        assert_eq!(opened.note, None);
        for note in [&b"first"[..], b"second, and longer", b"third"] {
            store.keep(note).expect("kept");
        }
        assert!(matches!(store.keep(&[0; NOTE_BYTES_MAX + 1]), Err(StorageError::NoteTooLong { .. })));
        drop(store);
        let (mut store, opened) = open();
        assert_eq!(opened.note.as_deref(), Some(&b"third"[..]));
        store.keep(&[7; NOTE_BYTES_MAX]).expect("kept");
        drop(store);
        assert_eq!(open().1.note, Some(vec![7; NOTE_BYTES_MAX]));
    });
}

#[test]
fn a_note_that_is_torn_leaves_the_one_before() {
    for kept in 0..50 {
        let dir = MemoryDir::default();
        let (mut store, _) = of_six(&dir);
        store.keep(b"first").expect("kept");
        store.keep(b"second").expect("kept");
        // It is written, and the machine stops before it is synced.
        dir.break_at(dir.steps() + 1, Breakage::ForGood);
        store.keep(b"third").expect_err("stopped");
        drop(store);
        dir.crash(kept);
        let note = reopen(&dir, 2).1.note;
        let expected = if kept < 49 { &b"second"[..] } else { b"third" };
        assert_eq!(note.as_deref(), Some(expected), "{kept} bytes are kept");
    }
}

#[test]
fn a_note_is_gone_when_what_it_vouches_for_is() {
    let dir = MemoryDir::default();
    let (mut store, _) = of_six(&dir);
    store.keep(b"of six").expect("kept");
    drop(store);
    let older = dir.copy();
    let (name, _) = older.lengths().into_iter().rfind(|(name, _)| name.starts_with('0')).expect("a segment");
    older.remove(&name).expect("removed");
    let (mut store, opened) = reopen(&older, 2);
    assert!(opened.run < 6, "whole frames are missing at the end");
    assert_eq!((opened.cut, opened.note), (None, None));
    store.keep(b"of fewer").expect("kept");
    drop(store);
    assert_eq!(reopen(&older, 3).1.note.as_deref(), Some(&b"of fewer"[..]));
    dir.flip(FIRST, 40, 1);
    assert_eq!(reopen(&dir, 2).1.note, None, "what is missing may be what it vouches for");
}

#[test]
fn a_store_that_is_distrusted_continues_no_log_and_says_so_after_a_restart() {
    let dir = MemoryDir::default();
    let (mut store, epoch) = of_six(&dir);
    store.keep(b"whom it met").expect("kept");
    store.close();
    drop(store);
    let (mut store, opened) = reopen(&dir, 1);
    assert_eq!((opened.epoch, opened.continuable.len(), opened.note.is_some()), (epoch, 1, true));
    store.distrust().expect("marked");
    let mut other = writer("a");
    store.apply(7, &[other.run(1)]).expect("applied");
    store.sync().expect("synced");
    let check = |opened: Opened| {
        assert_ne!(opened.epoch, epoch, "whatever was drawn at random");
        assert_eq!((opened.run, opened.note, opened.cut), (7, None, None));
        assert_eq!(
            opened.continuable,
            BTreeSet::from([other.log.header().id()]),
            "what came later is its own"
        );
    };
    // From the segments, and from the index.
    check(reopen(&dir.copy(), 1).1);
    store.close();
    drop(store);
    check(reopen(&dir, 1).1);
}
