//! What apps folded: it is given back as long as it is of what is held, and is nowhere once something was erased.

use super::crash::holds;
use super::*;
use crate::SNAPSHOT_BYTES_MAX;
use crate::changes::{ChangesQuery, Snapshot};

const SECRET: &[u8] = b"what an app made of who went by at night";

/// Changes and readings of one log, and what an app made of them.
fn with_changes(dir: &MemoryDir, config: &StoreConfig) -> (Store, Writer) {
    let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
    let mut a = writer("a");
    for seq in 1..6 {
        a.log.append_change(START, TimeQuality::Synchronised, [9; 16], vec![seq; 40]).expect("appended");
        store.apply(seq.into(), &[a.run(3)]).expect("applied");
    }
    store.sync().expect("synced");
    (store, a)
}

fn snapshot(store: &Store, writer: &Writer, bytes: &[u8]) -> Snapshot {
    let header = writer.log.header();
    let (collection, stream) = (header.collection().clone(), header.stream().to_owned());
    let query =
        ChangesQuery { collection: collection.clone(), stream: stream.clone(), from: BTreeMap::new() };
    let page = store.changes(&query).expect("read");
    assert!(!page.more);
    Snapshot { collection, stream, covers: page.next, generation: page.generation, bytes: bytes.to_vec() }
}

fn kept(store: &Store, writer: &Writer) -> Option<Vec<u8>> {
    let header = writer.log.header();
    let found = store.queries().snapshot(header.collection(), header.stream()).expect("answers");
    found.map(|snapshot| snapshot.bytes)
}

fn files(dir: &MemoryDir) -> Vec<String> {
    dir.lengths().into_keys().filter(|name| name.ends_with(".snapshot")).collect()
}

#[test]
fn what_was_kept_is_given_back_while_its_entries_are_held() {
    for index in [false, true] {
        let (dir, config) = (MemoryDir::default(), tiny(index));
        let (mut store, mut a) = with_changes(&dir, &config);
        assert_eq!(kept(&store, &a), None);
        assert!(store.keep_snapshot(&snapshot(&store, &a, b"one")).expect("kept"));
        assert_eq!((kept(&store, &a), kept(&store, &writer("bb"))), (Some(b"one".to_vec()), None));
        // The log goes on, and is looked at as it was then.
        store.apply(9, &[a.run(40)]).expect("applied");
        store.close();
        drop(store);
        let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        let first = snapshot(&store, &a, b"two");
        assert_eq!(kept(&store, &a), Some(b"one".to_vec()));
        assert!(store.keep_snapshot(&first).expect("kept"));
        assert_eq!((kept(&store, &a), files(&dir).len()), (Some(b"two".to_vec()), 1), "in its place");
        assert_eq!(store.queries().snapshot(&first.collection, &first.stream).expect("answers"), Some(first));
    }
}

#[test]
fn what_is_not_of_what_is_held_is_not_given() {
    // A store that was cut back, and holds less.
    let dir = MemoryDir::default();
    let (mut store, a) = with_changes(&dir, &StoreConfig::default());
    store.keep_snapshot(&snapshot(&store, &a, b"one")).expect("kept");
    let end = dir.lengths()[FIRST];
    dir.flip(FIRST, end - 20, 1);
    let (store, opened) = Store::open(dir.clone()).expect("opens");
    assert!(opened.cut.is_some());
    assert_eq!((kept(&store, &a), files(&dir).len()), (None, 1));
    // A log that was let go up to a place.
    let dir = MemoryDir::default();
    let (mut store, a) = with_changes(&dir, &StoreConfig::default());
    store.keep_snapshot(&snapshot(&store, &a, b"one")).expect("kept");
    store.prune(&[(a.log.header().id(), 4)]).expect("pruned");
    assert_eq!(kept(&store, &a), None);
    // It is made again of what is left.
    assert!(store.keep_snapshot(&snapshot(&store, &a, b"two")).expect("kept"));
    assert_eq!(kept(&store, &a), Some(b"two".to_vec()));
}

#[test]
fn what_was_folded_before_something_went_is_not_kept() {
    let dir = MemoryDir::default();
    let (mut store, mut a) = with_changes(&dir, &StoreConfig::default());
    let log = a.log.header().id();
    let before = snapshot(&store, &a, b"old");
    store.erase(&log, 2..3).expect("erased");
    assert!(!store.keep_snapshot(&before).expect("refused"));
    // Nor of a commit that never became durable.
    store.apply(9, &[a.run(1)]).expect("applied");
    let before = snapshot(&store, &a, b"old");
    dir.break_at(dir.steps(), Breakage::Once);
    assert!(store.sync().is_err());
    assert!(!store.keep_snapshot(&before).expect("refused"));
    let mut long = snapshot(&store, &a, b"");
    long.bytes = vec![0; SNAPSHOT_BYTES_MAX + 1];
    assert!(!store.keep_snapshot(&long).expect("refused"));
    long.covers.insert(LogId([7; 32]), 1);
    long.bytes.clear();
    assert!(!store.keep_snapshot(&long).expect("refused"), "of a log that is not there");
    assert_eq!((kept(&store, &a), files(&dir).len()), (None, 0));
    assert!(store.keep_snapshot(&snapshot(&store, &a, b"new")).expect("kept"));
}

/// Whatever is erased, and whenever: before, after, or while the disk is full.
#[test]
fn an_erasure_leaves_no_snapshot() {
    for step in 0.. {
        let dir = MemoryDir::default();
        let (mut store, a) = with_changes(&dir, &tiny(true));
        store.keep_snapshot(&snapshot(&store, &a, SECRET)).expect("kept");
        assert!(holds(&dir, SECRET));
        let before = dir.steps();
        dir.break_at(before + step, Breakage::Once);
        let done = store.erase(&a.log.header().id(), 1..2);
        let is_whole = dir.steps() <= before + step;
        dir.mend();
        if done.is_err() {
            drop(store);
            store = Store::open_with(dir.clone(), tiny(true)).expect("opens").0;
            if holds(&dir, SECRET) {
                // The disk was full before anything was said.
                store.erase(&a.log.header().id(), 1..2).expect("erased");
            }
        }
        assert!(!holds(&dir, SECRET) && files(&dir).is_empty(), "step {step}");
        assert_eq!(kept(&store, &a), None);
        if is_whole {
            assert!(done.is_ok() && step > 5, "{step} steps");
            break;
        }
    }
}

#[test]
fn there_are_so_many_of_them_and_the_first_goes_first() {
    let dir = MemoryDir::default();
    let (mut store, a) = with_changes(&dir, &StoreConfig::default());
    let of = |n: usize| Snapshot { stream: format!("stream-{n}"), ..snapshot(&store, &a, b"some") };
    let all: Vec<_> = (0..20).map(of).collect();
    for (n, snapshot) in all.iter().enumerate() {
        assert!(store.keep_snapshot(snapshot).expect("kept"));
        // The first one is always written again.
        assert!(store.keep_snapshot(&all[0]).expect("kept"));
        assert_eq!(files(&dir).len(), (n + 1).min(16));
    }
    let there =
        |n: usize| store.queries().snapshot(&all[n].collection, &all[n].stream).expect("answers").is_some();
    let left: Vec<_> = (0..20).filter(|n| there(*n)).collect();
    assert_eq!(left, [vec![0], (5..20).collect()].concat());
}

/// A disk that is full, a power cut, or flipped bits, at any step and any place: it is the old one, the new one, or none.
#[test]
fn a_torn_snapshot_is_none() {
    let mut seen = [false; 3];
    for step in 0..12 {
        for fate in 0..8usize {
            let dir = MemoryDir::default();
            let (mut store, a) = with_changes(&dir, &tiny(false));
            store.keep_snapshot(&snapshot(&store, &a, b"the old one")).expect("kept");
            let rows = values(&store);
            dir.break_at(dir.steps() + step, Breakage::ForGood);
            let done = store.keep_snapshot(&snapshot(&store, &a, &[7; 3_000]));
            let mut at = 0;
            dir.crash_with(|unsynced| {
                at += 1;
                let is_kept = fate >> (at % 3) & 1;
                match unsynced {
                    Unsynced::Written(bytes) => 0..bytes * is_kept / (1 + fate % 2),
                    Unsynced::Renamed => 0..is_kept,
                }
            });
            let (store, opened) = Store::open_with(dir.clone(), tiny(false)).expect("opens");
            assert_eq!((opened.cut, values(&store)), (None, rows));
            assert!(dir.lengths().keys().all(|name| !name.ends_with(".new")));
            let found = kept(&store, &a).expect("the old one or the new one");
            seen[0] |= found == b"the old one";
            seen[1] |= found == [7; 3_000];
            assert!(found == b"the old one" || found == [7; 3_000]);
            assert!(done.is_err() || found == [7; 3_000], "it was said to be kept");
            seen[2] |= done.is_ok();
        }
    }
    assert_eq!(seen, [true; 3]);
    let dir = MemoryDir::default();
    let (mut store, a) = with_changes(&dir, &StoreConfig::default());
    store.keep_snapshot(&snapshot(&store, &a, b"whole")).expect("kept");
    let name = files(&dir).remove(0);
    for at in 0..dir.lengths()[&name] {
        dir.flip(&name, at, 1 << (at % 8));
        assert_eq!(kept(&store, &a), None, "byte {at}");
        dir.flip(&name, at, 1 << (at % 8));
    }
    assert_eq!(kept(&store, &a), Some(b"whole".to_vec()));
    for len in 0..dir.lengths()[&name] {
        let torn = dir.copy();
        torn.set_len(&name, len as u64).expect("cut");
        let (mut store, _) = Store::open(torn.clone()).expect("opens");
        assert_eq!(kept(&store, &a), None);
        assert!(store.keep_snapshot(&snapshot(&store, &a, b"again")).expect("kept"));
        assert_eq!((kept(&store, &a), files(&torn).len()), (Some(b"again".to_vec()), 1));
    }
}
