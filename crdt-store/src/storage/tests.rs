//! The contract of storage, over every medium, and what crashes and damage may do to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use msec_identity::{Identity, SpaceId, UnixMillis, Verifier};
use proptest::prelude::*;

use super::frame::FILE_HEADER_BYTES;
use super::*;
use crate::log::{LogHeader, OwnLog, Run, TimeQuality};
use crate::reading::Reading;

const START: UnixMillis = UnixMillis(1_700_000_000_000);

struct Writer {
    identity: Identity,
    log: OwnLog,
    written: i64,
}

fn writer(stream: &str) -> Writer {
    let identity = Identity::from_seed([stream.len() as u8; 32]);
    let path = "parks/noise".parse().expect("a path");
    let header = LogHeader::new(SpaceId([0; 32]), path, stream, identity.peer(), [1; 16]).with_unit("dB");
    Writer { identity, log: OwnLog::create(header), written: 0 }
}

impl Writer {
    /// A run with `n` readings, each an entry; their values count up.
    fn run(&mut self, n: usize) -> VerifiedRun {
        for _ in 0..n {
            let reading = Reading::new(START.saturating_add(self.written), self.written as f64);
            let done = self.log.append_readings(START, TimeQuality::Synchronised, [3; 16], &[reading]);
            done.expect("appended");
            self.written += 1;
        }
        self.log.sign(&self.identity, START).expect("something to sign")
    }
}

fn values(store: &(impl Storage + ?Sized)) -> Vec<f64> {
    store.query(&Query::default()).expect("answers").iter().map(|row| row.reading.value).collect()
}

type Open<'a> = &'a dyn Fn() -> (Box<dyn Storage>, Opened);

/// Runs `body` over memory and over a file. What it is given opens the store, and opens it again once it was dropped.
fn over_each_medium(body: impl Fn(Open<'_>)) {
    let memory = Shared::default();
    body(&|| boxed(memory.clone()));
    let dir = tempfile::tempdir().expect("a directory");
    body(&|| boxed(FileMedium::open(dir.path()).expect("opens")));
}

fn boxed(medium: impl Medium + 'static) -> (Box<dyn Storage>, Opened) {
    let (store, opened) = Store::open(medium).expect("opens");
    (Box::new(store), opened)
}

/// Memory that outlives the store on it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<MemoryMedium>>);

impl Medium for Shared {
    fn len(&self) -> u64 {
        self.0.borrow().len()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().sync()
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.borrow().read_at(offset, bytes)
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.borrow_mut().truncate(len)
    }
    fn set_aside(&mut self, from: u64) {
        self.0.borrow_mut().set_aside(from);
    }
}

#[test]
fn what_is_applied_is_read_and_what_is_synced_is_durable() {
    over_each_medium(|open| {
        let (mut store, opened) = open();
        assert_eq!(opened, Opened::default());
        let mut writer = writer("mic-1");
        store.apply(1, &[writer.run(2)]).expect("applied");
        store.apply(2, &[writer.run(1)]).expect("applied");
        assert_eq!(values(&*store), [2.0, 1.0, 0.0], "the newest first");
        assert_eq!(store.sync().expect("synced"), 2);
        assert_eq!(store.sync().expect("synced"), 2);
    });
}

#[test]
fn commits_that_do_not_continue_are_refused_whole() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let (mut a, mut b) = (writer("a"), writer("bb"));
        let first = a.run(1);
        let skipped = a.run(1);
        let refused = store.apply(1, &[b.run(1), skipped]);
        assert!(matches!(refused, Err(StorageError::NotNext)));
        assert_eq!(values(&*store), [0.0; 0], "nothing of the commit is kept");
        store.apply(1, &[first]).expect("applied");
    });
}

#[test]
fn chunks_verify_under_one_head_and_respect_the_limit() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let mut writer = writer("mic-1");
        let last = writer.run(50);
        let log = last.state().log();
        store.apply(1, std::slice::from_ref(&last)).expect("applied");
        let (mut at, mut chunks, mut held) = (0, 0, None);
        while let Some(chunk) = store.read(&log, at, 400).expect("read") {
            assert_eq!(chunk.from, at);
            let run = Run::from_bytes(&chunk.bytes).expect("parses");
            let Ok(crate::log::Fit::Fits(fitting)) = run.fit(held.as_ref()) else { panic!("does not fit") };
            held = Some(fitting.signed(held.as_ref(), &Verifier::strict()).expect("signed").state);
            (at, chunks) = (chunk.end, chunks + 1);
        }
        assert_eq!(held.as_ref(), Some(last.state()));
        assert!(chunks > 5, "{chunks} chunks");
        assert_eq!(store.read(&log, 51, 400).expect("read"), None);
        assert_eq!(store.read(&LogId([0; 32]), 0, 400).expect("read"), None);
    });
}

#[test]
fn queries_choose_by_stream_and_time_and_stop_at_the_limit() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let (mut a, mut b) = (writer("a"), writer("bb"));
        store.apply(1, &[a.run(5), b.run(3)]).expect("applied");
        let ask = |query: Query| -> Vec<f64> {
            store.query(&query).expect("answers").iter().map(|row| row.reading.value).collect()
        };
        assert_eq!(ask(Query { stream: Some("bb".into()), ..Query::default() }), [2.0, 1.0, 0.0]);
        assert_eq!(ask(Query { limit: 2, ..Query::default() }), [4.0, 3.0]);
        let (since, until) = (START.saturating_add(1), START.saturating_add(3));
        assert_eq!(ask(Query { since, until, stream: Some("a".into()), ..Query::default() }), [2.0, 1.0]);
        assert_eq!(
            ask(Query { collection: "harbour".parse().expect("a path"), ..Query::default() }),
            [0.0; 0]
        );
    });
}

/// Change entries of that stream, page by page, and how many pages they took.
fn changes(store: &(impl Storage + ?Sized), stream: &str) -> (Vec<(u64, Vec<u8>)>, usize) {
    let collection = "parks/noise".parse().expect("a path");
    let mut query = ChangesQuery { collection, stream: stream.into(), from: BTreeMap::new() };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.changes(&query).expect("answers");
        let bytes: usize = page.entries.iter().map(|entry| entry.body.len()).sum();
        assert!(bytes <= crate::CHANGES_BYTES_MAX, "{bytes} bytes");
        found.extend(page.entries.into_iter().map(|entry| (entry.position, entry.body)));
        pages += 1;
        query.from = page.next;
        if !page.more {
            let rest = store.changes(&query).expect("answers");
            assert!(rest.entries.is_empty() && !rest.more, "nothing comes twice");
            return (found, pages);
        }
    }
}

#[test]
fn changes_are_read_page_by_page_and_nothing_else_with_them() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let (mut a, mut b) = (writer("a"), writer("bb"));
        let mut expected = Vec::new();
        let mut seq = 0;
        for n in 0..40u8 {
            // Between readings, which are no changes.
            let body = vec![n; 60_000];
            let position = a.log.append_change(START, TimeQuality::Synchronised, [3; 16], body.clone());
            expected.push((position.expect("appended"), body));
            seq += 1;
            store.apply(seq, &[a.run(1)]).expect("applied");
        }
        b.log.append_change(START, TimeQuality::Synchronised, [3; 16], vec![7]).expect("appended");
        store.apply(seq + 1, &[b.run(1)]).expect("applied");
        let (found, pages) = changes(&*store, "a");
        assert!(found == expected && pages == 3, "{} changes in {pages} pages", found.len());
        assert_eq!(changes(&*store, "bb"), (vec![(1, vec![7])], 1));
        assert_eq!(changes(&*store, "b").0, []);
        assert_eq!(values(&*store).len(), 41, "and the readings are there");
    });
}

#[test]
fn a_change_that_the_disk_altered_is_not_given_out() {
    let mut a = writer("a");
    let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
    a.log.append_change(START, TimeQuality::Synchronised, [3; 16], vec![0x55; 500]).expect("appended");
    store.apply(1, &[a.run(1)]).expect("applied");
    let shared = Shared::default();
    let medium = store.into_medium();
    *shared.0.borrow_mut() = medium;
    let (store, _) = Store::open(shared.clone()).expect("opens");
    let at = {
        let medium = shared.0.borrow();
        let mut bytes = vec![0; medium.len() as usize];
        medium.read_at(0, &mut bytes).expect("read");
        bytes.windows(100).position(|part| part == [0x55; 100]).expect("the change") + 50
    };
    shared.0.borrow_mut().flip(at, 1);
    let collection = "parks/noise".parse().expect("a path");
    let query = ChangesQuery { collection, stream: "a".into(), from: BTreeMap::new() };
    assert!(matches!(store.changes(&query), Err(StorageError::Damaged)));
}

#[test]
fn a_partial_catch_up_resumes_and_can_be_served() {
    let mut writer = writer("mic-1");
    let whole = writer.run(20);
    let log = whole.state().log();
    let (mut source, _) = Store::open(MemoryMedium::default()).expect("opens");
    source.apply(1, std::slice::from_ref(&whole)).expect("applied");
    let half = source.read(&log, 0, 500).expect("read").expect("some");
    let Ok(crate::log::Fit::Fits(fitting)) = Run::from_bytes(&half.bytes).expect("parses").fit(None) else {
        panic!("does not fit")
    };
    let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
    store.apply(1, &[fitting.signed(None, &Verifier::strict()).expect("signed")]).expect("applied");
    let (store, opened) = Store::open(store.into_medium()).expect("opens");
    assert_eq!(opened.logs[0].size(), half.end);
    assert_eq!(opened.logs[0].head().size, 21);
    let served = store.read(&log, 3, 60).expect("read").expect("some");
    let run = Run::from_bytes(&served.bytes).expect("parses");
    let from_source = source.read(&log, 3, 60).expect("read").expect("some");
    assert_eq!(
        run,
        Run::from_bytes(&from_source.bytes).expect("parses"),
        "the same proof as the whole log gives"
    );
}

#[test]
fn a_restart_continues_every_log() {
    over_each_medium(|open| {
        let (mut a, mut b) = (writer("a"), writer("bb"));
        let (mut store, _) = open();
        store.apply(1, &[a.run(3), b.run(2)]).expect("applied");
        store.sync().expect("synced");
        drop(store);
        let (mut store, opened) = open();
        assert_eq!(opened.cut, None);
        assert_eq!(opened.logs.len(), 2);
        for (seq, state) in (1..).zip(&opened.logs) {
            let writer = if state.header().stream() == "a" { &mut a } else { &mut b };
            writer.log = OwnLog::resume(state).expect("complete");
            store.apply(seq, &[writer.run(1)]).expect("applied");
        }
        assert_eq!(values(&*store), [3.0, 2.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
    });
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = FileMedium::open(dir.path()).expect("opens");
    let error = FileMedium::open(dir.path()).expect_err("refused");
    assert!(error.to_string().contains("data directory of its own"), "{error}");
    drop(first);
    FileMedium::open(dir.path()).expect("free again");
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("logs.msec");
    let newer = [frame::file_header(9).as_slice(), b"something"].concat();
    std::fs::write(&path, &newer).expect("written");
    let refused = Store::open(FileMedium::open(dir.path()).expect("opens"));
    assert!(matches!(refused, Err(StorageError::Format { found: 9, .. })));
    assert_eq!(std::fs::read(&path).expect("read"), newer);
}

/// Found by the simulator: one flipped bit made a store of a version to come, which was refused instead of cut back.
#[test]
fn a_damaged_header_is_no_newer_format() {
    for at in 0..FILE_HEADER_BYTES as usize {
        let (store, _) = Store::open(MemoryMedium::default()).expect("opens");
        let mut medium = store.into_medium();
        medium.flip(at, 1);
        let (_, opened) = Store::open(medium).expect("always starts");
        assert!(opened.cut.is_some_and(|cut| cut.at == 0 && !cut.torn), "byte {at}");
    }
}

#[test]
fn a_tampered_file_is_cut_back_set_aside_and_written_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer("mic-1");
    let (mut store, _) = Store::open(FileMedium::open(dir.path()).expect("opens")).expect("opens");
    store.apply(1, &[writer.run(2)]).expect("applied");
    let kept = store.into_medium().len();
    let (mut store, opened) = Store::open(FileMedium::open(dir.path()).expect("opens")).expect("opens");
    assert_eq!(opened.cut, None);
    store.apply(1, &[writer.run(2)]).expect("applied");
    store.sync().expect("synced");
    drop(store);
    // Somebody changes a value in the last run.
    let path = dir.path().join("logs.msec");
    let mut bytes = std::fs::read(&path).expect("read");
    let at = kept as usize + 100;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).expect("written");

    let (store, opened) = Store::open(FileMedium::open(dir.path()).expect("opens")).expect("opens");
    let cut = opened.cut.expect("cut back");
    assert_eq!((cut.at, cut.torn), (kept, false));
    assert_eq!(values(&store), [1.0, 0.0]);
    assert_eq!(std::fs::read(dir.path().join("aside.msec")).expect("set aside"), &bytes[kept as usize..]);
}

#[test]
fn a_rewritten_file_with_right_checks_is_found_out() {
    let mut writer = writer("mic-1");
    let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
    store.apply(1, &[writer.run(1)]).expect("applied");
    let honest = writer.run(1);
    let mut run = Run::from_bytes(&honest.to_bytes()).expect("parses");
    run.entries[0].time = run.entries[0].time.saturating_add(1);
    let mut frames = Vec::new();
    frame::write(&mut frames, frame::Mark::Written, |frames| frames.extend(run.to_bytes()));
    let mut medium = store.into_medium();
    medium.append(&frames).expect("appended");
    let (store, opened) = Store::open(medium).expect("opens");
    assert!(opened.cut.is_some_and(|cut| !cut.torn));
    assert_eq!(values(&store), [0.0]);
}

/// Found end to end: a second start knew nothing of the cut, and the author forked its log.
#[test]
fn a_cut_is_remembered_over_every_start() {
    let (mut before, mut after) = (writer("a"), writer("bb"));
    let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
    store.apply(1, &[before.run(2)]).expect("applied");
    store.apply(2, &[before.run(2)]).expect("applied");
    let mut medium = store.into_medium();
    medium.flip(medium.len() as usize - 20, 0);
    let (mut store, opened) = Store::open(medium).expect("opens");
    assert!(opened.cut.is_some() && opened.logs.len() == 1 && opened.continuable.is_empty());
    let fresh = after.run(1);
    store.apply(1, std::slice::from_ref(&fresh)).expect("applied");
    let (_, opened) = Store::open(store.into_medium()).expect("opens");
    assert_eq!((opened.cut, opened.logs.len()), (None, 2));
    assert_eq!(opened.continuable, [fresh.state().log()].into());
}

#[test]
fn a_log_that_was_received_is_never_continued() {
    let run = writer("a").run(2);
    let Ok(crate::log::Fit::Fits(fitting)) = Run::from_bytes(&run.to_bytes()).expect("parses").fit(None)
    else {
        panic!("does not fit")
    };
    let received = fitting.signed(None, &Verifier::strict()).expect("signed");
    for (run, continuable) in [(run, 1), (received, 0)] {
        let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
        store.apply(1, &[run]).expect("applied");
        let (_, opened) = Store::open(store.into_medium()).expect("opens");
        assert_eq!((opened.logs.len(), opened.continuable.len()), (1, continuable));
    }
}

/// A medium that refuses to append, half-way, or to sync, when told.
#[derive(Default)]
struct Failing {
    inner: MemoryMedium,
    append: bool,
    sync: bool,
}

impl Medium for Failing {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.append {
            self.inner.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        if self.sync { Err(io::ErrorKind::Other.into()) } else { self.inner.sync() }
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, bytes)
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }
    fn set_aside(&mut self, from: u64) {
        self.inner.set_aside(from);
    }
}

#[test]
fn a_full_disk_keeps_nothing_of_the_commit_and_takes_it_later() {
    let mut writer = writer("mic-1");
    let (mut store, _) = Store::open(Failing::default()).expect("opens");
    let run = writer.run(2);
    let mut medium = store.into_medium();
    medium.append = true;
    (store, _) = Store::open(medium).expect("opens");
    assert!(matches!(store.apply(1, std::slice::from_ref(&run)), Err(StorageError::Io(_))));
    assert_eq!(values(&store), [0.0; 0]);
    let mut medium = store.into_medium();
    medium.append = false;
    let (mut store, opened) = Store::open(medium).expect("opens");
    assert_eq!(opened.cut, None, "the half that was written was taken back");
    store.apply(1, &[run]).expect("applied");
}

#[test]
fn after_a_failed_sync_nothing_is_promised_until_it_is_opened_again() {
    let mut writer = writer("mic-1");
    let (mut store, _) = Store::open(Failing::default()).expect("opens");
    store.apply(1, &[writer.run(1)]).expect("applied");
    let mut medium = store.into_medium();
    medium.sync = true;
    let (mut store, _) = Store::open(medium).expect("opens");
    store.apply(1, &[writer.run(1)]).expect("applied");
    assert!(matches!(store.sync(), Err(StorageError::Poisoned)));
    assert!(matches!(store.apply(2, &[writer.run(1)]), Err(StorageError::Poisoned)));
}

proptest! {
    /// Nothing acknowledged is lost in a power cut, wherever it tears what was not synced, and it always starts.
    #[test]
    fn a_crash_loses_nothing_that_was_synced(
        commits in proptest::collection::vec((1usize..4, any::<bool>()), 1..8),
        torn in 0usize..2_000,
    ) {
        let mut writer = writer("mic-1");
        let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
        let (mut written, mut acknowledged) = (0, 0);
        for (seq, (n, sync)) in (1..).zip(commits) {
            store.apply(seq, &[writer.run(n)]).expect("applied");
            written += n;
            if sync {
                prop_assert_eq!(store.sync().expect("synced"), seq);
                acknowledged = written;
            }
        }
        let mut medium = store.into_medium();
        medium.crash(torn);
        let (store, opened) = Store::open(medium).expect("always starts");
        let found = values(&store);
        prop_assert!(found.len() >= acknowledged, "{} of {acknowledged}", found.len());
        let expected: Vec<_> = (0..found.len()).rev().map(|v| v as f64).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(opened.cut.is_none_or(|cut| cut.torn), "a torn append is not taken for damage");
    }

    /// Whatever bits flip, the store starts, and holds a prefix of what was written.
    #[test]
    fn flipped_bits_cost_what_follows_and_nothing_else(flips in proptest::collection::vec((0usize..3_000, 0u8..8), 1..4)) {
        let mut writer = writer("mic-1");
        let (mut store, _) = Store::open(MemoryMedium::default()).expect("opens");
        for seq in 1..6 {
            store.apply(seq, &[writer.run(2)]).expect("applied");
        }
        let mut medium = store.into_medium();
        for (at, bit) in flips {
            medium.flip(at % medium.len() as usize, bit);
        }
        let (mut store, opened) = Store::open(medium).expect("always starts");
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
    fn arbitrary_files_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512), valid_start in any::<bool>()) {
        let mut medium = MemoryMedium::default();
        if valid_start {
            medium.append(&frame::file_header(frame::FORMAT)).expect("appended");
        }
        medium.append(&bytes).expect("appended");
        match Store::open(medium) {
            Ok((store, _)) => prop_assert_eq!(values(&store).len(), 0),
            Err(error) => prop_assert!(matches!(error, StorageError::Format { .. }), "{}", error),
        }
    }
}
