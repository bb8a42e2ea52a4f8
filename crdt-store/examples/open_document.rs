//! What opening a document costs, from its changes and from a snapshot:
//! `cargo run --release -p msec-crdt-store --features documents,index --example open_document -- 100000 1`
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::path::Path;
use std::time::{Duration, Instant};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ROOT};
use msec_crdt_store::{
    ChangesQuery, Document, FileDir, LogHeader, OwnLog, Snapshot, Storage, Store, StoreConfig, TimeQuality,
};
use msec_identity::{Identity, SpaceId, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const WRITERS: usize = 100;
/// Bytes of changes in one batch, as the SDK has it.
const BATCH_BYTES: usize = 15 << 20;
/// Entries of one commit of a writer.
const RUN: usize = 10;

fn config() -> StoreConfig {
    StoreConfig { index: true, ..StoreConfig::default() }
}

/// Resident memory in bytes, where the system tells.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// A hundred logs, each of which puts its own values: a map from seconds to values.
fn write(dir: &Path, changes: usize, puts: usize) {
    let (mut store, _) = Store::open_with(FileDir::open(dir).expect("opens"), config()).expect("opens");
    let mut seq = 0;
    for writer in 0..WRITERS {
        let author = Identity::from_seed([writer as u8 + 1; 32]);
        let path = "parks/noise".parse().expect("a path");
        let header = LogHeader::new(SpaceId([0; 32]), path, "notes", author.peer(), [1; 16]);
        let (log, mut own) = (header.id(), OwnLog::create(header));
        let mut document = Automerge::new().with_actor(ActorId::from(&log.0));
        for n in 0..changes / WRITERS {
            let options = |_: &()| CommitOptions::default().with_time(1_767_225_600);
            let put = document.transact_with::<_, _, AutomergeError, _>(options, |edit| {
                (0..puts).try_for_each(|put| {
                    edit.put(ROOT, format!("{writer}/{}", n * puts + put), n as f64 / 8.0)
                })
            });
            put.expect("put");
            let body = document.get_last_local_change().expect("a change").raw_bytes().to_vec();
            own.append_change(NOW, TimeQuality::Synchronised, [3; 16], body).expect("appended");
            if n % RUN == RUN - 1 {
                seq += 1;
                store.apply(seq, &[own.sign(&author, NOW).expect("a run")]).expect("applied");
            }
        }
        store.sync().expect("synced");
    }
    store.close();
}

fn query() -> ChangesQuery {
    let collection = "parks/noise".parse().expect("a path");
    ChangesQuery { collection, stream: "notes".into(), from: Default::default() }
}

/// Folds all that the store has got, in one batch as far as it fits. Returns how many changes, and batches.
fn fold(store: &Store, document: &mut Document) -> (usize, usize) {
    let (mut query, mut entries, mut bytes, mut done) = (query(), Vec::new(), 0, (0, 0));
    query.from = document.positions();
    loop {
        let page = store.changes(&query).expect("read");
        bytes += page.entries.iter().map(|entry| entry.body.len()).sum::<usize>();
        entries.extend(page.entries);
        query.from = page.next;
        if (!page.more || bytes > BATCH_BYTES) && !entries.is_empty() {
            let folded = document.fold(std::mem::take(&mut entries)).expect("folded");
            done = (done.0 + folded.applied, done.1 + 1);
            bytes = 0;
        }
        if !page.more {
            return done;
        }
    }
}

/// What something took on the clock, and on the processor where the system tells: others may hold it.
fn took<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let on_cpu = || {
        let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        schedstat
            .split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok())
            .map_or(Duration::ZERO, Duration::from_nanos)
    };
    let (clock, cpu) = (Instant::now(), on_cpu());
    let done = work();
    println!(
        "{what}: {:.3} s, {:.3} s of CPU",
        clock.elapsed().as_secs_f64(),
        (on_cpu() - cpu).as_secs_f64()
    );
    done
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (changes, puts) = (args.next().unwrap_or(100_000), args.next().unwrap_or(1));
    let dir = tempfile::tempdir().expect("a directory");
    println!("{changes} changes of {puts} puts by {WRITERS} writers");
    write(dir.path(), changes, puts);
    let open = || Store::open_with(FileDir::open(dir.path()).expect("opens"), config()).expect("opens").0;
    let mut store = took("the store opened", open);
    let (before, mut document) = (resident(), Document::new());
    let (applied, batches) = took("opened from changes", || fold(&store, &mut document));
    println!("  {applied} in {batches} batches, {} bytes of memory", resident() - before);
    let bytes = took("a snapshot made", || document.snapshot().expect("shown"));
    println!("  {} bytes, {} of them Automerge's", bytes.len(), document.save().len());
    let (covers, ChangesQuery { collection, stream, .. }) = (document.snapshot_covers(), query());
    let generation = store.changes(&query()).expect("read").generation;
    let snapshot = Snapshot { collection, stream, covers, generation, bytes };
    assert!(took("kept", || store.keep_snapshot(&snapshot).expect("kept")));
    store.close();
    drop((store, snapshot));
    let (store, before) = (open(), resident());
    let opened = took("opened from the snapshot", || {
        let ChangesQuery { collection, stream, .. } = query();
        let found = store.queries().snapshot(&collection, &stream).expect("read").expect("there is one");
        let mut opened = Document::from_snapshot(&found.bytes).expect("opens");
        assert_eq!(fold(&store, &mut opened), (0, 0));
        opened
    });
    println!("  {} bytes of memory", resident().saturating_sub(before));
    assert_eq!((opened.heads(), opened.positions()), (document.heads(), document.positions()));
}
