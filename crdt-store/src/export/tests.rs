//! What a copy brings, and what is refused in one.

mod contested;
mod damage;
mod own;
mod pruned;

use std::collections::BTreeMap;

use msec_identity::{
    CollectionPath, Grant, Identity, LogId, Manifest, PeerId, Right, Rights, SpaceId, UnixMillis,
};
use proptest::prelude::*;

use super::chunk::{FILE_HEAD_BYTES, Kind, chunk};
use super::write::export_in;
use super::*;
use crate::error::{ImportError, RunError};
use crate::log::{LogHeader, LogState, OwnLog, TimeQuality, VerifiedRun};
use crate::merkle::TreeHash;
use crate::reading::Reading;
use crate::storage::{Breakage, Epoch, MemoryDir, Opened, Storage, Store, StoreConfig, Unsynced};
use msec_identity::Authority;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Small chunks, so that a log has many.
const CHUNK: usize = 200;

/// Who imports, unless a test says otherwise.
const NOBODY: PeerId = PeerId([0; 32]);

fn root() -> Identity {
    Identity::from_seed([1; 32])
}

fn manifest() -> Manifest {
    Manifest::new("harbour", vec![root().peer()], 1, [0; 16]).expect("a manifest")
}

fn space() -> SpaceId {
    manifest().space()
}

/// Who writes the streams of this number.
fn author(n: u8) -> Identity {
    Identity::from_seed([100 + n; 32])
}

fn path(collection: &str) -> CollectionPath {
    collection.parse().expect("a path")
}

/// A log of that author, who was granted the right to write it.
fn log(n: u8, collection: &str, stream: &str) -> OwnLog {
    let grant = Grant {
        space: space(),
        issuer: root().peer(),
        holder: author(n).peer().into(),
        resource: CollectionPath::everything(),
        rights: Rights::of([Right::Write]),
        not_before: NOW,
        not_after: NOW,
        depth: 0,
        parent: None,
        caveats: None,
    };
    let header = LogHeader::new(space(), path(collection), stream, author(n).peer(), [n; 16]);
    OwnLog::create(header.with_grants([&root().sign(grant)]))
}

/// A run with so many entries more.
fn more(n: u8, log: &mut OwnLog, entries: u64) -> VerifiedRun {
    for value in 0..entries {
        let reading = Reading::new(NOW, (log.size() + value) as f64);
        log.append_readings(NOW, TimeQuality::Synchronised, [3; 16], &[reading]).expect("appended");
    }
    log.sign(&author(n), NOW).expect("something to sign")
}

fn keep(store: &mut Store, run: VerifiedRun) {
    store.apply(1, &[run]).expect("applied");
    store.sync().expect("synced");
}

/// Opens what lies there, in an epoch of its own if one begins.
fn open(dir: &MemoryDir) -> (Store, Opened) {
    let config = StoreConfig { segment_bytes: 1_000, fresh: [7; 8], ..StoreConfig::default() };
    Store::open_with(dir.clone(), config).expect("opens")
}

/// A store in memory with these logs, of so many entries each, in small runs that come in turns.
fn store_of(logs: &[(u8, &str, &str, u64)]) -> (MemoryDir, Store) {
    let dir = MemoryDir::default();
    let (mut store, _) = open(&dir);
    let mut writers: Vec<_> =
        logs.iter().map(|(n, collection, stream, _)| (*n, log(*n, collection, stream))).collect();
    for round in 0..logs.iter().map(|log| log.3).max().unwrap_or(0) {
        for ((n, writer), (.., entries)) in writers.iter_mut().zip(logs) {
            if round < *entries {
                keep(&mut store, more(*n, writer, 1));
            }
        }
    }
    (dir, store)
}

fn exported(store: &Store) -> Vec<u8> {
    let mut file = Vec::new();
    let done = export_in(CHUNK, store, space(), &|_| true, &mut file, &mut |_| ()).expect("written");
    assert_eq!((done.bytes, done.unreadable), (file.len() as u64, 0));
    file
}

/// Imports as `me`, who wants everything.
fn import_as(me: PeerId, store: &mut Store, file: &[u8]) -> Result<Imported, ImportError> {
    let authority = Authority::new(manifest());
    let terms = ImportTerms { authority: &authority, me, wants: &|_| true, logs_max: 100 };
    import(store, &terms, &mut &*file, &mut |_| ())
}

fn taken(store: &mut Store, file: &[u8]) -> Imported {
    import_as(NOBODY, store, file).expect("imported")
}

/// What a store holds, read back from its segments.
fn frontier(dir: &MemoryDir) -> BTreeMap<LogId, (u64, TreeHash)> {
    open(dir).1.logs.iter().map(|state| (state.log(), (state.size(), state.root()))).collect()
}

const THREE: [(u8, &str, &str, u64); 3] =
    [(1, "parks/noise", "mic-1", 12), (2, "parks/noise", "mic-2", 7), (3, "harbour", "tide", 9)];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_that_takes_in_a_copy_holds_at_least_that_and_takes_nothing_twice(
        theirs in [0u64..20, 0u64..20, 0u64..20, 0u64..20],
        ours in [0u64..20, 0u64..20, 0u64..20, 0u64..20],
        wanted in any::<bool>(),
    ) {
        let logs = |sizes: [u64; 4]| {
            let names = [(1, "parks", "a"), (2, "parks/noise", "b"), (3, "harbour", "c"), (4, "parks", "d")];
            names.iter().zip(sizes).map(|((n, path, stream), size)| (*n, *path, *stream, size)).collect::<Vec<_>>()
        };
        let ((from, source), (to, mut store)) = (store_of(&logs(theirs)), store_of(&logs(ours)));
        let (file, mut expected) = (exported(&source), frontier(&to));
        let only = if wanted { CollectionPath::everything() } else { path("parks") };
        let harbour = log(3, "harbour", "c").header().id();
        for (id, copied) in frontier(&from).into_iter().filter(|(id, _)| wanted || *id != harbour) {
            let held = expected.entry(id).or_insert(copied);
            *held = (*held).max(copied);
        }
        let authority = Authority::new(manifest());
        let wants = |header: &LogHeader| only.covers(header.collection());
        let terms = ImportTerms { authority: &authority, me: NOBODY, wants: &wants, logs_max: 100 };
        let take = |store: &mut Store| import(store, &terms, &mut &*file, &mut |_| ()).expect("imported");
        let before: u64 = frontier(&to).values().map(|log| log.0).sum();
        let done = take(&mut store);
        prop_assert!(done.is_whole() && done.refused + done.gaps + done.over_bound == 0);
        prop_assert_eq!(done.bytes, file.len() as u64);
        let frontier_now = frontier(&to);
        prop_assert_eq!(done.entries, frontier_now.values().map(|log| log.0).sum::<u64>() - before);
        prop_assert_eq!(frontier_now, expected);
        let bytes = to.lengths();
        let again = take(&mut store);
        prop_assert!(again.is_whole() && again.entries == 0 && again.logs == 0);
        prop_assert_eq!(to.lengths(), bytes, "not a byte is written");
    }
}

/// A file with these runs, each as it travels.
fn file_of<'a>(runs: impl IntoIterator<Item = &'a VerifiedRun>) -> Vec<u8> {
    let mut file = chunk::FileHead::of(space()).to_bytes();
    let mut count = 0u64;
    for run in runs {
        file.extend(chunk(Kind::Run, &run.to_bytes()));
        count += 1;
    }
    file.extend(chunk(Kind::End, &count.to_le_bytes()));
    file
}

#[test]
fn nothing_unverified_is_taken() {
    let (_, mut store) = store_of(&[]);
    let elsewhere = LogHeader::new(SpaceId([9; 32]), path("parks"), "a", author(1).peer(), [1; 16]);
    let ungranted = LogHeader::new(space(), path("parks"), "a", author(1).peer(), [1; 16]);
    let run = |header| more(1, &mut OwnLog::create(header), 1);
    let mut refusals = Vec::new();
    for file in [file_of([&run(elsewhere)]), file_of([&run(ungranted)])] {
        refusals.extend(taken(&mut store, &file).first_refusal);
    }
    // Another's signature under a good run.
    let mut forged = more(1, &mut log(1, "parks", "a"), 1).to_bytes();
    *forged.last_mut().expect("a signature") ^= 1;
    let mut file = chunk::FileHead::of(space()).to_bytes();
    file.extend(chunk(Kind::Run, &forged));
    refusals.extend(taken(&mut store, &file).first_refusal);
    let [RunError::OtherSpace, RunError::NotAuthorised { .. }, RunError::Head(_)] = &refusals[..] else {
        panic!("{refusals:?}");
    };
    assert_eq!(store.logs_len(), 0);
}

#[test]
fn no_more_logs_are_taken_than_may_be_held() {
    let (_, source) = store_of(&THREE);
    let (dir, mut store) = store_of(&[]);
    let authority = Authority::new(manifest());
    let terms = ImportTerms { authority: &authority, me: NOBODY, wants: &|_| true, logs_max: 2 };
    let done = import(&mut store, &terms, &mut &*exported(&source), &mut |_| ()).expect("imported");
    assert!(done.is_whole() && done.over_bound > 1, "{done:?}");
    assert_eq!((done.logs, frontier(&dir).len()), (2, 2));
}

#[test]
fn only_what_is_wanted_is_exported() {
    let (_, source) = store_of(&THREE);
    let mut file = Vec::new();
    let harbour = |state: &LogState| state.header().collection() == &path("harbour");
    let mut told = 0;
    let done = export(&source, space(), &harbour, &mut file, &mut |_| told += 1).expect("written");
    assert_eq!((done.logs, done.entries, done.runs, told), (1, 10, 1, 1));
    let (dir, mut store) = store_of(&[]);
    assert_eq!(taken(&mut store, &file).logs, 1);
    assert_eq!(frontier(&dir).len(), 1);
    let nothing = export(&source, SpaceId([9; 32]), &|_| true, &mut file, &mut |_| ()).expect("written");
    assert_eq!(nothing.logs, 0, "none is of that space");
}
