//! Logs whose beginning was let go are carried, too.

use super::*;
use crate::query::Query;

/// A store whose logs begin at the 6th entry, and the file that it exports.
fn pruned() -> (MemoryDir, Store, Vec<u8>) {
    let (dir, mut source) = store_of(&THREE);
    let logs: Vec<_> = frontier(&dir).into_keys().map(|log| (log, 6)).collect();
    source.prune(&logs).expect("pruned");
    let file = exported(&source);
    (dir, source, file)
}

fn values(store: &Store) -> Vec<(LogId, u64)> {
    let rows = store.query(&Query::default()).expect("answers");
    rows.iter().map(|row| (row.log, row.position)).collect()
}

#[test]
fn a_store_that_holds_nothing_takes_what_is_left_and_goes_on_from_there() {
    let (from, source, file) = pruned();
    let (to, mut store) = store_of(&[]);
    let done = taken(&mut store, &file);
    assert!(done.is_whole() && (done.logs, done.gaps, done.refused) == (3, 0, 0), "{done:?}");
    assert_eq!(frontier(&to), frontier(&from));
    assert_eq!(values(&store), values(&source));
    assert_eq!(exported(&store), file, "it passes on what it was given");
    let again = taken(&mut store, &file);
    assert!(again.entries == 0 && again.logs == 0 && again.gaps == 0, "{again:?}");
    // What it has is what it finds when it is opened again.
    let (mut store, opened) = open(&to);
    assert_eq!((opened.cut, opened.continuable.len()), (None, 0));
    assert_eq!(exported(&store), file);
    let (_, whole) = store_of(&[(1, "parks/noise", "mic-1", 15)]);
    assert_eq!(taken(&mut store, &exported(&whole)).entries, 3, "and goes on");
}

#[test]
fn a_store_that_is_behind_keeps_what_it_has_and_one_that_is_not_takes_the_rest() {
    let (_, _, file) = pruned();
    let (to, mut store) = store_of(&[(1, "parks/noise", "mic-1", 3), (2, "parks/noise", "mic-2", 6)]);
    let done = taken(&mut store, &file);
    assert_eq!((done.logs, done.behind, done.gaps, done.refused), (1, 1, 0, 0), "{done:?}");
    let sizes: Vec<_> = frontier(&to).values().map(|log| log.0).collect();
    assert!(sizes.contains(&4) && sizes.contains(&8) && sizes.contains(&10), "{sizes:?}");
}

#[test]
fn a_prefix_that_was_altered_or_has_no_run_leaves_nothing() {
    let (_, source, _) = pruned();
    let log = source.logs_that(|_: &LogState| true)[0];
    let prefix = source.prefix(&log).expect("read").expect("some");
    let mut forged = prefix.clone();
    *forged.last_mut().expect("a signature") ^= 1;
    for (bytes, refused) in [(forged, 1), (prefix, 0)] {
        let (_, mut store) = store_of(&[]);
        let mut file = chunk::FileHead::of(space()).to_bytes();
        file.extend(chunk(Kind::Prefix, &bytes));
        file.extend(chunk(Kind::End, &0u64.to_le_bytes()));
        let done = taken(&mut store, &file);
        assert_eq!((done.refused, store.logs_len()), (refused, 0));
    }
}

/// Its own log, up to which it was let go elsewhere: entries were missing here, and it is not continued.
#[test]
fn an_own_log_that_begins_later_is_not_continued() {
    let (_, _, file) = pruned();
    let (dir, mut store) = store_of(&[]);
    let done = import_as(author(1).peer(), &mut store, &file).expect("imported");
    assert!(done.own_were_missing && done.logs == 3);
    assert!(open(&dir).1.continuable.is_empty());
}

/// The power is cut, or the disk is full, while a log is begun with what stands for its beginning.
#[test]
fn a_log_that_is_begun_in_the_middle_is_there_whole_or_gone_on_with() {
    let (from, _, file) = pruned();
    for step in 0.. {
        let (dir, mut store) = store_of(&[]);
        let before = dir.steps();
        let how = if step % 2 == 0 { Breakage::Once } else { Breakage::ForGood };
        dir.break_at(before + step / 2, how);
        let authority = Authority::new(manifest());
        let terms = ImportTerms { authority: &authority, me: NOBODY, wants: &|_| true, logs_max: 100 };
        let done = import(&mut store, &terms, &mut &*file, &mut |_| ());
        let is_whole = dir.steps() <= before + step / 2;
        dir.mend();
        if how == Breakage::ForGood {
            drop(store);
            dir.crash(0);
            store = open(&dir).0;
        }
        let again = taken(&mut store, &file);
        assert!(again.is_whole() && again.gaps + again.refused == 0, "step {step}: {again:?}");
        assert_eq!(frontier(&dir), frontier(&from), "step {step}");
        if is_whole && done.is_ok() {
            assert!(step > 8, "{step}");
            break;
        }
    }
}
