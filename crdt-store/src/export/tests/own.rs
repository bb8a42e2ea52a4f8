//! What a copy says of the logs of the peer that takes it in.

use super::*;

/// What an own peer's store says of own logs, when it is opened again.
fn own(dir: &MemoryDir) -> (Epoch, usize) {
    let (_, opened) = open(dir);
    (opened.epoch, opened.continuable.len())
}

#[test]
fn others_logs_end_no_epoch_and_leave_own_ones_as_they_are() {
    let me = author(1).peer();
    let (dir, mut store) = store_of(&THREE[..1]);
    let (_, others) = store_of(&THREE[1..]);
    let before = own(&dir);
    // A copy of its own with less in it says nothing, either.
    let shorter = exported(&store_of(&[(1, "parks/noise", "mic-1", 5)]).1);
    for file in [exported(&others), exported(&store), shorter] {
        let done = import_as(me, &mut store, &file).expect("imported");
        assert!(done.is_whole() && !done.own_were_missing);
    }
    assert_eq!(own(&dir), before);
    assert_eq!((before.1, frontier(&dir).len()), (1, 3));
}

#[test]
fn a_store_that_was_restored_continues_no_own_log_once_a_copy_shows_more() {
    let me = author(1).peer();
    let (longer, shorter) = ((1, "parks/noise", "mic-1", 12), (1, "parks/noise", "mic-1", 5));
    let (from, source) = store_of(&[longer]);
    let (dir, mut store) = store_of(&[shorter, (1, "parks/noise", "mic-2", 3)]);
    store.keep(b"whom it met").expect("kept");
    let before = own(&dir);
    assert_eq!(before.1, 2);
    let file = exported(&source);
    let done = import_as(me, &mut store, &file).expect("imported");
    assert!(done.own_were_missing && done.is_whole());
    let (_, opened) = open(&dir);
    assert_ne!(opened.epoch, before.0, "numbers of runs may have been given twice");
    assert!(opened.continuable.is_empty(), "the end of another own log may be missing, too");
    assert_eq!((opened.note, opened.cut), (None, None));
    assert!(opened.run > 5 + 3, "and none is given again");
    let (log, all) = frontier(&from).pop_first().expect("a log");
    assert_eq!(frontier(&dir)[&log], all, "and it has what was missing");
    let (epoch, lengths) = (opened.epoch, dir.lengths());
    let again = import_as(me, &mut store, &file).expect("imported");
    assert!(again.is_whole() && !again.own_were_missing && again.entries == 0);
    assert_eq!((own(&dir), dir.lengths()), ((epoch, 0), lengths));
}

/// A power cut at each step of an import; then another import, of the same file.
#[test]
fn a_power_cut_amid_an_import_leaves_no_own_log_to_be_continued_that_lacks_something() {
    let me = author(1).peer();
    let (longer, shorter) = ((1, "parks/noise", "mic-1", 12), (1, "parks/noise", "mic-1", 5));
    let (from, source) = store_of(&[longer]);
    let (restored, _) = store_of(&[shorter, (1, "parks/noise", "mic-2", 3)]);
    let (file, log) = (exported(&source), log(1, "parks/noise", "mic-1").header().id());
    let (before, all) = (frontier(&restored)[&log], frontier(&from)[&log]);
    let mut cuts = 0;
    for (fate, step) in (0..3).flat_map(|fate| (0..40).map(move |step| (fate, step))) {
        let dir = restored.copy();
        let (mut store, _) = open(&dir);
        dir.break_at(dir.steps() + step, Breakage::ForGood);
        cuts += usize::from(import_as(me, &mut store, &file).is_err());
        drop(store);
        dir.crash_with(|unsynced| match (unsynced, fate) {
            (Unsynced::Written(bytes), 0) => 0..bytes,
            (Unsynced::Written(bytes), 1) => 0..bytes / 2,
            (Unsynced::Renamed, 0 | 1) => 0..1,
            _ => 0..0,
        });
        let (mut store, opened) = open(&dir);
        let held = frontier(&dir)[&log];
        assert!(held >= before && (held == before || opened.continuable.is_empty()), "{fate} {step}");
        let done = import_as(me, &mut store, &file).expect("imported");
        assert_eq!(done.entries, all.0 - held.0);
        assert_eq!((own(&dir).1, frontier(&dir)[&log]), (0, all), "{fate} {step}");
    }
    assert!(cuts > 10, "{cuts}");
}

#[test]
fn an_own_log_that_was_lost_is_taken_in_and_not_continued() {
    let me = author(1).peer();
    let (_, source) = store_of(&THREE);
    let (dir, mut store) = store_of(&[]);
    let before = own(&dir);
    let authority = Authority::new(manifest());
    // It has no right to hold anything of others.
    let terms = ImportTerms { authority: &authority, me, wants: &|_| false, logs_max: 100 };
    let done = import(&mut store, &terms, &mut &*exported(&source), &mut |_| ()).expect("imported");
    assert!(done.own_were_missing && done.is_whole());
    assert_eq!((done.logs, done.unwanted, done.gaps, frontier(&dir).len()), (1, 2, 0, 1));
    let after = own(&dir);
    assert!(after.0 != before.0 && after.1 == 0);
}

#[test]
fn an_own_log_that_was_forked_by_a_restored_copy_is_not_continued_and_keeps_what_it_has() {
    let me = author(1).peer();
    let mut before = log(1, "parks/noise", "mic-1");
    let first = more(1, &mut before, 3);
    let (mut this, mut other) = (before.clone(), before);
    let (dir, mut store) = store_of(&[]);
    keep(&mut store, first.clone());
    keep(&mut store, more(1, &mut this, 2));
    // Other entries at the same positions.
    more_of(&mut other);
    let second = other.sign(&author(1), NOW).expect("something to sign");
    let file = file_of([&first, &second]);
    let (held, epoch) = (frontier(&dir), own(&dir).0);
    let done = import_as(me, &mut store, &file).expect("imported");
    assert!(done.own_were_missing);
    assert!(matches!(done.first_refusal, Some(RunError::DoesNotFit)), "{done:?}");
    let after = own(&dir);
    assert!(after.0 != epoch && after.1 == 0);
    assert_eq!(frontier(&dir), held, "never taken back");
    assert!(!import_as(me, &mut store, &file).expect("imported").own_were_missing);
    assert_eq!(own(&dir), after);
}

fn more_of(log: &mut OwnLog) {
    for value in 0..4 {
        let reading = Reading::new(NOW, 1_000.0 + f64::from(value));
        log.append_readings(NOW, TimeQuality::Synchronised, [4; 16], &[reading]).expect("appended");
    }
}

#[test]
fn an_own_head_is_enough_where_its_entries_are_damaged_and_a_forged_one_is_not() {
    let me = author(1).peer();
    let mut mine = log(1, "parks/noise", "mic-1");
    let first = more(1, &mut mine, 3);
    let (_, last) = (more(1, &mut mine, 3), more(1, &mut mine, 3));
    let store_of_first = || {
        let (dir, mut store) = store_of(&[]);
        keep(&mut store, first.clone());
        (dir, store)
    };
    let (dir, mut store) = store_of_first();
    let mut forged = last.to_bytes();
    *forged.last_mut().expect("a signature") ^= 1;
    let mut file = file_of([]);
    file.truncate(FILE_HEAD_BYTES);
    file.extend(chunk(Kind::Run, &forged));
    let epoch = own(&dir);
    assert!(!import_as(me, &mut store, &file).expect("imported").own_were_missing);
    assert_eq!(own(&dir), epoch);
    // The run between is missing: what is there cannot be taken, but says enough.
    let done = import_as(me, &mut store, &file_of([&first, &last])).expect("imported");
    assert!(done.own_were_missing && done.gaps == 1 && done.entries == 0);
    assert_eq!(own(&dir).1, 0);
    // Another peer learns nothing about itself from it.
    let (dir, mut store) = store_of_first();
    assert!(!import_as(NOBODY, &mut store, &file_of([&first, &last])).expect("imported").own_were_missing);
    assert_eq!(own(&dir), epoch);
}
