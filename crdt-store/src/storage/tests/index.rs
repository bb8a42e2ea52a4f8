//! An index is what the segments say, whatever happens to it.

use super::*;
use crate::storage::frame::FILE_HEADER_BYTES;

const INDEX: &str = "index.redb";

/// A store with some of it in the index and some in memory, closed or not.
fn filled(close: bool) -> (MemoryDir, Vec<f64>) {
    let dir = MemoryDir::default();
    let mut writers = [writer("a"), writer("bb"), writer("ccc")];
    let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    for seq in 1..40 {
        let n = (seq % 3) as usize;
        store.apply(seq, &[writers[n].run(1 + n)]).expect("applied");
        store.sync().expect("synced");
    }
    if close {
        store.close();
    }
    let values = values(&store);
    (dir, values)
}

/// What a store holds, with that index and made from its segments.
fn opened(dir: &MemoryDir, index: bool) -> (Opened, Vec<Row>) {
    let (store, opened) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
    let rows = all_of(&store, &opened).expect("answers");
    (opened, rows)
}

/// All that a store has to say, by query and by log.
fn all_of(store: &Store, opened: &Opened) -> Result<Vec<Row>, StorageError> {
    let rows = store.query(&Query::default())?;
    for state in &opened.logs {
        let mut at = 0;
        while let Some(chunk) = store.read(&state.log(), at, 200)? {
            at = chunk.end;
        }
        assert_eq!(at, state.size());
    }
    Ok(rows)
}

#[test]
fn an_index_says_what_the_segments_say() {
    for close in [false, true] {
        let (dir, expected) = filled(close);
        let with = opened(&dir, true);
        assert_eq!(with.1.iter().map(|row| row.reading.value).collect::<Vec<_>>(), expected);
        assert_eq!(with.0.continuable.len(), 3);
        assert_eq!(with, opened(&dir, false), "without it");
        dir.remove(INDEX).expect("removed");
        assert_eq!(with, opened(&dir, true), "made again");
        assert_eq!(with, opened(&dir, true), "and kept");
    }
}

/// What is in the index is not read again when the store is opened, but in the segment of the checkpoint.
#[test]
fn opening_reads_what_came_after_the_checkpoint() {
    let (dir, expected) = filled(true);
    let segment = "00000002.msec";
    let bytes = dir.bytes(segment).expect("a segment");
    dir.overwrite(segment, 100, &[0; 400]);
    let (store, opened) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    assert_eq!(opened.cut, None);
    assert!(
        matches!(store.query(&Query::default()), Err(StorageError::Damaged)),
        "it is found when it is read"
    );
    drop(store);
    let (_, opened) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    assert!(
        opened.cut.is_some_and(|cut| cut.segment == 2 && !cut.torn),
        "and the next start looks at everything"
    );
    assert!(opened.continuable.is_empty());
    assert_eq!(
        dir.bytes("aside.msec").as_deref().map(<[u8]>::len),
        Some(bytes.len() - FILE_HEADER_BYTES as usize)
    );
    let (store, again) = Store::open_with(dir, tiny(true)).expect("opens");
    assert_eq!((again.cut, &again.logs), (None, &opened.logs));
    assert!(values(&store).len() < expected.len());
}

/// Segments of an older copy beside an index of a newer one: the segments are the truth.
#[test]
fn an_index_of_other_segments_is_made_again() {
    let (dir, _) = filled(true);
    let older = {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
        store.apply(1, &[writer("a").run(2)]).expect("applied");
        store.sync().expect("synced");
        store.close();
        dir
    };
    for name in dir.lengths().into_keys().filter(|name| name != INDEX) {
        dir.remove(&name).expect("removed");
    }
    dir.write_at(FIRST, 0, &older.bytes(FIRST).expect("a segment")).expect("written");
    assert_eq!(opened(&dir, true), opened(&older, false));
}

/// An index that breaks while it is used is made again, and nobody is told anything wrong meanwhile.
#[test]
fn an_index_that_cannot_be_read_is_made_again_beneath_a_running_store() {
    let (dir, expected) = filled(true);
    let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    let len = dir.lengths()[INDEX];
    dir.overwrite(INDEX, 12_288, &vec![0xa5; len]);
    let mut failed = 0;
    for seq in 1.. {
        match store.query(&Query::default()) {
            Ok(rows) => {
                assert!(rows.len() >= expected.len());
                break;
            }
            Err(error) => assert!(matches!(error, StorageError::Index(_)), "{error}"),
        }
        failed += 1;
        store.apply(seq, &[writer(&"x".repeat(failed + 9)).run(1)]).expect("applied");
        store.sync().expect("synced");
        assert!(failed < 3);
    }
    drop(store);
    assert_eq!(opened(&dir, true), opened(&dir, false));
}

/// A disk that is full for the index is none for the store.
#[test]
fn a_checkpoint_that_fails_costs_the_index_and_nothing_else() {
    for step in 0..40 {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
        let mut writer = writer("a");
        for seq in 1..6 {
            store.apply(seq, &[writer.run(1)]).expect("applied");
            store.sync().expect("synced");
        }
        dir.break_at(dir.steps() + step, Breakage::Once);
        store.close();
        dir.mend();
        assert_eq!(values(&store), [4.0, 3.0, 2.0, 1.0, 0.0]);
        store.apply(6, &[writer.run(1)]).expect("applied");
        store.sync().expect("synced");
        drop(store);
        let both = opened(&dir, true);
        assert_eq!((both.1.len(), &both), (6, &opened(&dir, false)));
    }
}

proptest! {
    /// Whatever bits of the index flip, nothing panics, and nothing else is said than by the segments.
    #[test]
    fn flipped_bits_of_an_index_cost_the_index(
        flips in proptest::collection::vec((any::<usize>(), 0u8..8, any::<bool>()), 1..6),
        close in any::<bool>(),
    ) {
        let (dir, expected) = filled(close);
        let len = dir.lengths()[INDEX];
        for (at, bit, in_header) in flips {
            dir.flip(INDEX, if in_header { at % 9_000 } else { at % len }, bit);
        }
        let (mut store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
        match store.query(&Query::default()) {
            Ok(rows) => prop_assert_eq!(rows.len(), expected.len()),
            Err(error) => prop_assert!(matches!(error, StorageError::Index(_)), "{}", error),
        }
        store.apply(1, &[writer("another").run(1)]).expect("applied");
        store.sync().expect("synced");
        store.close();
        drop(store);
        // What nobody read until now may fail who reads it first, and the next start makes the index again.
        let (store, found) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
        match all_of(&store, &found) {
            Ok(rows) => prop_assert_eq!(rows.len(), expected.len() + 1),
            Err(error) => prop_assert!(matches!(error, StorageError::Index(_)), "{}", error),
        }
        drop(store);
        let both = opened(&dir, true);
        prop_assert_eq!((both.1.len(), &both), (expected.len() + 1, &opened(&dir, false)));
    }
}

/// Found by flipped bits: nothing but a commit had it made again, and who only reads had none, whatever starts there were.
#[test]
fn an_index_that_failed_somebody_is_made_again_by_the_next_start() {
    let (dir, expected) = filled(true);
    let (store, _) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    let failed: Result<(), _> = store.shared.note(Err(StorageError::Index("a page is garbage".into())));
    assert!(failed.is_err());
    drop(store);
    // Whatever the next one finds in it is not used.
    let garbage = dir.bytes(INDEX).expect("an index");
    let (store, opened) = Store::open_with(dir.clone(), tiny(true)).expect("opens");
    assert_ne!(dir.bytes(INDEX), Some(garbage));
    assert_eq!((opened.cut, values(&store).len()), (None, expected.len()));
    drop(store);
    let kept = dir.bytes(INDEX);
    drop(Store::open_with(dir.clone(), tiny(true)).expect("opens"));
    assert_eq!(dir.bytes(INDEX).map(|bytes| bytes.len()), kept.map(|bytes| bytes.len()), "once");
    assert!(!dir.lengths().contains_key(shared::DOUBT));
}
