//! What was erased is nowhere, and never comes back.

use super::crash::holds;
use super::*;
use crate::log::{Body, Entry};
use crate::storage::segments::ASIDE;

const SALT: [u8; 16] = *b"the salt of it 1";
const SECRET: &[u8] = b"who went by at night";

/// A secret waits to be signed.
fn whisper(writer: &mut Writer) {
    writer.log.append_change(START, TimeQuality::Synchronised, SALT, SECRET.into()).expect("appended");
}

#[test]
fn nothing_of_it_is_found_through_the_file_system() {
    for config in [StoreConfig { index: true, ..StoreConfig::default() }, tiny(true), tiny(false)] {
        let dir = tempfile::tempdir().expect("a directory");
        let files_hold = |part: &[u8]| {
            let files = std::fs::read_dir(dir.path()).expect("a directory");
            let mut all = files.map(|file| std::fs::read(file.expect("a file").path()).expect("read"));
            all.any(|bytes| bytes.windows(part.len()).any(|it| it == part))
        };
        let open = || {
            let medium = FileDir::open(dir.path()).expect("opens");
            Store::open_with(medium, config.clone()).expect("opens")
        };
        let (mut a, mut b) = (writer("a"), writer("bb"));
        let (mut store, _) = open();
        store.apply(1, &[a.run(5)]).expect("applied");
        a.log.append_change(START, TimeQuality::Synchronised, SALT, SECRET.into()).expect("appended");
        store.apply(2, &[a.run(5), b.run(9)]).expect("applied");
        (3..20).for_each(|seq| store.apply(seq, &[b.run(3)]).expect("applied"));
        // In a place for what was cut, too, as after a damage.
        std::fs::write(dir.path().join(ASIDE), SECRET).expect("written");
        store.close();
        assert!(files_hold(SECRET) && files_hold(&SALT));
        let log = a.log.header().id();
        store.erase(&log, 6..7).expect("erased");
        assert!(!files_hold(SECRET) && !files_hold(&SALT));
        let all = values(&store);
        assert_eq!(all.len(), 10 + 9 + 17 * 3, "the others are there");
        drop(store);
        let (mut store, opened) = open();
        assert_eq!((opened.cut, opened.continuable.len()), (None, 2));
        assert_eq!(values(&store), all);
        // Who fetches it gets the rest, verified, and no body.
        let chunk = store.read(&log, 0, 100_000).expect("read").expect("some");
        let run = received(&chunk.bytes, None);
        assert_eq!(run.state().root(), a.log.root());
        let bodies: Vec<_> = run.entries().iter().map(|entry| entry.body.bytes().is_some()).collect();
        assert_eq!(bodies, (0..12).map(|position| position != 6).collect::<Vec<_>>());
        store.apply(99, &[a.run(1)]).expect("goes on");
    }
}

#[test]
fn a_reading_that_was_erased_is_in_no_answer_and_no_index() {
    for index in [false, true] {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        let mut a = writer("a");
        let secret = Reading::new(START.saturating_add(3_600_000), 1_234.567_891);
        a.log.append_readings(START, TimeQuality::Synchronised, SALT, &[secret]).expect("appended");
        store.apply(1, &[a.run(4)]).expect("applied");
        store.close();
        let newest = |store: &Store| store.latest(&Query::default()).expect("answers")[0].reading.value;
        assert_eq!((newest(&store), values(&store).len()), (secret.value, 5));
        // The index has it too, as the newest reading.
        let body = crate::reading::encode_readings(&[secret]).expect("encodes");
        let in_index = dir.bytes("index.redb").is_some_and(|it| it.windows(body.len()).any(|it| it == body));
        assert_eq!((holds(&dir, &body), in_index), (true, index && cfg!(feature = "index")));
        store.erase(&a.log.header().id(), 1..2).expect("erased");
        assert_eq!((newest(&store), values(&store).len()), (3.0, 4));
        assert!(!holds(&dir, &body));
    }
}

#[test]
fn what_was_erased_before_it_came_is_kept_without_its_body() {
    let (dir, mut store) = in_memory();
    let mut a = writer("a");
    let log = a.log.header().id();
    store.erase(&log, 2..4).expect("erased");
    a.run(1);
    let mut a = writer("a");
    a.log
        .append_readings(START, TimeQuality::Synchronised, SALT, &[Reading::new(START, 7.0)])
        .expect("appended");
    whisper(&mut a);
    store.apply(1, &[a.run(2)]).expect("applied");
    assert_eq!(values(&store), [1.0, 7.0], "the third one was erased");
    assert!(!holds(&dir, SECRET));
    let (mut store, opened) = Store::open(dir.clone()).expect("opens");
    assert_eq!((opened.logs[0].root(), opened.continuable.len()), (a.log.root(), 1));
    store.apply(1, &[a.run(1)]).expect("goes on");
}

/// A store that lost its logs is given them again by whoever has them, and keeps nothing of what was erased.
#[test]
fn what_was_erased_and_lost_does_not_come_back() {
    let (dir, mut store) = in_memory();
    let mut a = writer("a");
    whisper(&mut a);
    let whole = a.run(2);
    store.apply(1, std::slice::from_ref(&whole)).expect("applied");
    store.erase(&whole.state().log(), 1..2).expect("erased");
    dir.flip(FIRST, 60, 1);
    let (mut store, opened) = Store::open(dir.clone()).expect("opens");
    assert!(opened.logs.is_empty() && opened.cut.is_some());
    store.apply(1, &[received(&whole.to_bytes(), None)]).expect("applied");
    store.sync().expect("synced");
    assert!(!holds(&dir, SECRET));
    assert_eq!(values(&store).len(), 2);
}

/// Runs that are passed over, since their predecessors were cut off, hold bodies too.
#[test]
fn a_body_in_a_run_that_does_not_count_is_erased_with_the_others() {
    let (dir, config) = (MemoryDir::default(), tiny(false));
    let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
    let (mut a, mut b) = (writer("a"), writer("bb"));
    let mut runs = vec![a.run(1)];
    store.apply(1, &runs).expect("applied");
    (2..20).for_each(|seq| {
        store.apply(seq, &[b.run(2)]).and_then(|()| store.sync()).map(drop).expect("applied")
    });
    whisper(&mut a);
    runs.push(a.run(1));
    store.apply(20, &runs[1..]).expect("applied");
    store.sync().expect("synced");
    dir.flip(FIRST, 60, 1);
    let (mut store, opened) = Store::open_with(dir.clone(), config.clone()).expect("opens");
    let log = a.log.header().id();
    assert!(opened.cut.is_some() && opened.logs.iter().all(|state| state.log() != log));
    assert!(holds(&dir, SECRET));
    store.apply(1, &runs).expect("fetched again");
    store.erase(&log, 2..3).expect("erased");
    assert!(!holds(&dir, SECRET));
    assert_eq!(Store::open_with(dir, config).expect("opens").1.cut, None);
}

/// Nobody knows whose the log was, and so whether an order counts there: what is of logs that are not held goes altogether.
#[test]
fn nothing_lies_aside_or_passed_over_once_an_order_about_a_log_that_is_not_held_was_looked_at() {
    for index in [false, true] {
        let (dir, config) = (MemoryDir::default(), tiny(index));
        let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        let (mut a, mut b) = (writer("a"), writer("bb"));
        whisper(&mut a);
        store.apply(1, &[a.run(1)]).expect("applied");
        (2..20).for_each(|seq| {
            store.apply(seq, &[b.run(2)]).and_then(|()| store.sync()).map(drop).expect("applied")
        });
        whisper(&mut a);
        store.apply(20, &[a.run(1)]).expect("applied");
        store.sync().expect("synced");
        drop(store);
        dir.flip(FIRST, 60, 1);
        dir.remove("index.redb").expect("removed");
        let (mut store, opened) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        assert!(opened.cut.is_some() && opened.logs.len() < 2);
        assert!(holds(&dir, SECRET) && dir.bytes(ASIDE).is_some());
        let about = About { entries: vec![(a.log.header().id(), 1..9)], ..About::default() };
        store.erase_about(&[about]).expect("looked at");
        assert!(!holds(&dir, SECRET) && dir.bytes(ASIDE).is_none());
        drop(store);
        assert_eq!(Store::open_with(dir, config).expect("opens").1.cut, None);
    }
}

#[test]
fn a_header_stays_and_erasures_have_a_bound() {
    let (_, mut store) = in_memory();
    let mut a = writer("a");
    store.apply(1, &[a.run(3)]).expect("applied");
    let log = a.log.header().id();
    store.erase(&log, 0..1).expect("nothing to do");
    store.erase(&log, 0..3).expect("erased");
    let run = received(&store.read(&log, 0, 9_000).expect("read").expect("some").bytes, None);
    assert!(matches!(run.entries()[0].body, Body::Kept { .. }));
    assert_eq!(values(&store), [2.0]);
    let many = (0..crate::storage::erase::TOMBSTONES_MAX as u64).map(|n| 10 + 2 * n);
    many.for_each(|at| store.ledger.told.erased.add(log, at..at + 1));
    assert!(matches!(store.erase(&log, 3..4), Err(StorageError::TooManyErasures)));
    assert_eq!(values(&store), [2.0], "and is as it was");
}

/// A disk that is full for a moment, at any step: it says so, and the next try, or the next opening, goes on with it.
#[test]
fn an_erasure_that_fails_is_gone_on_with() {
    for (index, reopen) in [(false, false), (true, false), (false, true), (true, true)] {
        for step in 0.. {
            let dir = MemoryDir::default();
            let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
            let mut a = writer("a");
            for seq in 1..9 {
                if seq == 3 || seq == 8 {
                    whisper(&mut a);
                }
                store.apply(seq, &[a.run(4)]).expect("applied");
                store.sync().expect("synced");
            }
            let log = a.log.header().id();
            let before = dir.steps();
            dir.break_at(before + step, Breakage::Once);
            let done = store.erase(&log, 1..1_000);
            let is_whole = dir.steps() <= before + step;
            dir.mend();
            if done.is_ok() {
                assert!(!holds(&dir, SECRET), "step {step}");
            }
            if reopen {
                drop(store);
                store = Store::open_with(dir.clone(), tiny(index)).expect("opens").0;
                assert!(holds(&dir, SECRET) == (values(&store).len() == 32), "all or nothing of it");
            }
            store.erase(&log, 1..1_000).expect("erased");
            assert!(!holds(&dir, SECRET) && values(&store).is_empty(), "step {step}");
            store.apply(9, &[a.run(1)]).expect("goes on");
            store.sync().expect("synced");
            drop(store);
            let (_, opened) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
            assert_eq!((opened.cut, opened.logs[0].root()), (None, a.log.root()));
            if is_whole {
                assert!(done.is_ok() && step > 10, "{step} steps");
                break;
            }
        }
    }
}

/// Which of 4,096 values a reading had, as somebody finds who knows all else of it, tries each of them, and takes every 16 bytes that
/// lie together for its salt.
fn guessed(bytes: &[u8], commitment: [u8; 32]) -> Option<u32> {
    let bodies: Vec<_> = (0..4_096u32)
        .map(|value| crate::reading::encode_readings(&[Reading::new(START, value.into())]).expect("encodes"))
        .collect();
    let salts: BTreeSet<[u8; 16]> =
        bytes.windows(16).map(|window| window.try_into().expect("16 bytes")).collect();
    let is_it =
        |salt: [u8; 16], body: &Vec<u8>| Body::Kept { salt, bytes: body.clone() }.commitment() == commitment;
    let mut found =
        salts.into_iter().filter_map(|salt| (0..4_096u32).find(|at| is_it(salt, &bodies[*at as usize])));
    found.next()
}

/// All that lies on a disk, and what a neighbour is given of a log.
fn in_reach(dir: &MemoryDir, store: &Store, log: &LogId) -> (Vec<u8>, Vec<Entry>) {
    let mut all: Vec<u8> =
        dir.lengths().keys().flat_map(|name| dir.bytes(name).unwrap_or_default()).collect();
    let chunk = store.read(log, 0, 100_000).expect("read").expect("some");
    all.extend(&chunk.bytes);
    (all, Run::from_bytes(&chunk.bytes).expect("a run").entries)
}

#[test]
fn no_list_of_possible_values_tells_what_a_reading_was_that_was_erased() {
    let (dir, mut store) = in_memory();
    let mut a = writer("a");
    let salt = *blake3::hash(b"random").as_bytes().first_chunk().expect("16 bytes");
    a.log
        .append_readings(START, TimeQuality::Synchronised, salt, &[Reading::new(START, 1_234.0)])
        .expect("appended");
    store.apply(1, &[a.run(0)]).expect("applied");
    store.sync().expect("synced");
    let log = a.log.header().id();
    let (bytes, entries) = in_reach(&dir, &store, &log);
    let commitment = entries[1].body.commitment();
    assert_eq!(guessed(&bytes, commitment), Some(1_234), "while it is kept, it is read");
    store.erase(&log, 1..2).expect("erased");
    let (bytes, entries) = in_reach(&dir, &store, &log);
    assert!(matches!(entries[1].body, Body::Erased { commitment: left } if left == commitment));
    assert_eq!(guessed(&bytes, commitment), None);
}
