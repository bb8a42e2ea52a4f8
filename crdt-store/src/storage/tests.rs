//! The contract of storage, over every medium, with and without an index.

mod check;
mod contested;
mod control;
mod crash;
mod damage;
mod epoch;
mod erase;
#[cfg(feature = "index")]
mod index;
mod pairs;
mod prune;
mod queries;
mod retain;
mod roll_ups;
mod sight;
#[cfg(feature = "documents")]
mod snapshots;
#[cfg(feature = "index")]
mod unseal;
mod wear;

use std::collections::BTreeMap;

use msec_identity::{Identity, SpaceId, UnixMillis, Verifier};
use proptest::prelude::*;

use super::*;
use crate::log::{FittingPrefix, LogHeader, OwnLog, Prefix, Run, TimeQuality, VerifiedPrefix};
use crate::reading::Reading;

const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// The first segment.
const FIRST: &str = "00000001.msec";

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
        // No two logs have an entry of the same bytes.
        let salt = [2 + self.log.header().stream().len() as u8; 16];
        for _ in 0..n {
            let reading = Reading::new(START.saturating_add(self.written), self.written as f64);
            let done = self.log.append_readings(START, TimeQuality::Synchronised, salt, &[reading]);
            done.expect("appended");
            self.written += 1;
        }
        self.log.sign(&self.identity, START).expect("something to sign")
    }
}

/// An answer that is asked for page by page, each after the last row of the one before.
fn all_pages<R, C>(limit: usize, cursor: impl Fn(&R) -> C, page: impl Fn(Option<C>) -> Vec<R>) -> Vec<R> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = page(after);
        assert!(page.len() <= limit);
        let Some(last) = page.last() else { return pages };
        after = Some(cursor(last));
        pages.extend(page);
    }
}

fn values(store: &(impl Storage + ?Sized)) -> Vec<f64> {
    store.query(&Query::default()).expect("answers").iter().map(|row| row.reading.value).collect()
}

type Open<'a> = &'a dyn Fn() -> (Box<dyn Storage>, Opened);

/// As large as a segment is, and as much as is in memory, where all of that is to happen in a small test.
fn tiny(index: bool) -> StoreConfig {
    StoreConfig { segment_bytes: 1_000, checkpoint_bytes: 1_500, index, ..StoreConfig::default() }
}

/// Runs `body` over memory and over files, with all in one segment and with many, with and without an index. What it is
/// given opens the store, and opens it again once it was dropped.
fn over_each_medium(body: impl Fn(Open<'_>)) {
    for config in [StoreConfig::default(), tiny(false), tiny(true)] {
        let memory = MemoryDir::default();
        body(&|| boxed(memory.clone(), &config));
        let dir = tempfile::tempdir().expect("a directory");
        body(&|| boxed(FileDir::open(dir.path()).expect("opens"), &config));
    }
}

fn boxed(medium: impl Medium + 'static, config: &StoreConfig) -> (Box<dyn Storage>, Opened) {
    let (store, opened) = Store::open_with(medium, config.clone()).expect("opens");
    (Box::new(store), opened)
}

/// A store in memory, and the memory.
fn in_memory() -> (MemoryDir, Store) {
    let dir = MemoryDir::default();
    let (store, _) = Store::open(dir.clone()).expect("opens");
    (dir, store)
}

/// The run in an encoding, as it is once it was received.
fn received(bytes: &[u8], held: Option<&LogState>) -> VerifiedRun {
    let run = Run::from_bytes(bytes).expect("parses");
    let Ok(crate::log::Fit::Fits(fitting)) = run.fit(held) else { panic!("does not fit") };
    fitting.signed(held, &Verifier::strict()).expect("signed")
}

/// What stands for a log's beginning, as it is once it was received.
fn received_prefix(bytes: &[u8]) -> VerifiedPrefix {
    let fitting = Prefix::from_bytes(bytes).and_then(Prefix::fit).expect("a prefix");
    let FittingPrefix { first, between, header, held, rest, head } = fitting;
    let head = head.verify(&header.author()).expect("signed");
    VerifiedPrefix { first, between, state: LogState { header, held, rest, head, latest: None } }
}

#[test]
fn what_is_applied_is_read_and_what_is_synced_is_durable() {
    over_each_medium(|open| {
        let (mut store, opened) = open();
        assert_eq!(opened, Opened { epoch: opened.epoch, ..Opened::default() });
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
            held = Some(received(&chunk.bytes, held.as_ref()).state);
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
fn a_partial_catch_up_resumes_and_can_be_served() {
    let mut writer = writer("mic-1");
    let whole = writer.run(20);
    let log = whole.state().log();
    let (_, mut source) = in_memory();
    source.apply(1, std::slice::from_ref(&whole)).expect("applied");
    let half = source.read(&log, 0, 500).expect("read").expect("some");
    let (dir, mut store) = in_memory();
    store.apply(1, &[received(&half.bytes, None)]).expect("applied");
    let (store, opened) = Store::open(dir).expect("opens");
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

/// What is served is a proof whatever part of it is asked for, wherever the hashes that it takes are.
#[test]
fn every_part_of_a_long_log_is_served_as_the_whole_tree_proves_it() {
    for config in [StoreConfig::default(), tiny(true)] {
        let (mut store, _) = Store::open_with(MemoryDir::default(), config).expect("opens");
        let (mut writer, mut tree) = (writer("mic-1"), crate::merkle::Tree::default());
        let mut size = 0;
        for (seq, n) in (1..).zip([1, 3, 20, 300, 1, 40, 7, 200]) {
            let run = writer.run(n);
            run.leaves.iter().for_each(|leaf| tree.push(*leaf));
            size = run.state().size();
            store.apply(seq, &[run]).expect("applied");
            store.sync().expect("synced");
        }
        let log = writer.log.header().id();
        for from in (0..size).step_by(13) {
            let chunk = store.read(&log, from, 1_000).expect("read").expect("some");
            let run = Run::from_bytes(&chunk.bytes).expect("parses");
            let rest = tree.range(chunk.end, size).expect("lies in the tree");
            assert_eq!((run.from, run.from + run.entries.len() as u64), (from, chunk.end));
            assert!(run.rest == rest.hashes(), "{from}..{}", chunk.end);
            let leaves = tree.range(from, chunk.end).expect("lies in the tree");
            let mut range = crate::merkle::CompactRange::empty(from);
            run.entries.iter().for_each(|entry| range.push(entry.leaf()));
            assert_eq!(range, leaves);
        }
    }
}

proptest! {
    /// A run that is stored is the run that is read back, and bytes that are none are refused.
    #[test]
    fn stored_runs_come_back(counts in proptest::collection::vec(1usize..5, 1..4), flip in any::<(usize, u8)>()) {
        let mut writer = writer("mic-1");
        for n in counts {
            let run = writer.run(n);
            let mut payload = vec![1];
            stored::write(&mut payload, &run);
            let back = stored::StoredRun::read(&payload).expect("reads");
            prop_assert_eq!((back.log, back.from, &back.entries), (run.state.log(), run.from, &run.entries));
            let head = back.head(run.state.root()).expect("a head");
            prop_assert!(run.state.head.is(&head));
            let at = 1 + flip.0 % (payload.len() - 1);
            payload[at] ^= 1 << (flip.1 % 8);
            let _ = stored::StoredRun::read(&payload);
            payload.truncate(at);
            prop_assert!(stored::StoredRun::read(&payload).is_err());
        }
    }
}
