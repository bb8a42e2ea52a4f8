//! `msec store compact`, killed at any moment.

use std::path::Path;
use std::time::{Duration, Instant};

use msec_peer::DataDir;
use msec_peer::identity::{Identity, LogId, SpaceId, UnixMillis};
use msec_peer::store::{FileDir, LogHeader, OwnLog, Storage, Store, StoreConfig, TimeQuality, check};
use msec_tests::process::{Process, json};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::{MSEC, copy_dir};

/// How often it is killed, unless `MSEC_COMPACT_KILLS` says otherwise.
const KILLS: u32 = 6;
const LOGS: u64 = 8;
const ENTRIES: u64 = 100;
/// So many more entries were let go of each log than of the one before.
const LET_GO: u64 = 10;
const BODY_BYTES: usize = 60_000;

#[test]
fn a_compaction_that_is_killed_at_any_moment_loses_nothing() {
    let kills = std::env::var("MSEC_COMPACT_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a directory");
    let (home, copy) = (dir.path().join("gateway"), dir.path().join("copy"));
    let text = home.to_str().expect("text");
    json(MSEC, ["init", "--data-dir", text, "--json"]);
    let store = DataDir::at(&home).store();
    let logs = fill(&store);
    copy_dir(&store, &copy);
    let compact = ["store", "compact", "--data-dir", text, "--json"];

    let started = Instant::now();
    let whole = json(MSEC, compact);
    let takes = started.elapsed();
    assert!(whole[0]["rewritten"].as_u64().is_some_and(|segments| segments > 1), "{whole:?}");
    holds_all(&store, &logs);
    let bytes = bytes_of(&store);

    let mut dice = ChaCha8Rng::seed_from_u64(6);
    for kill in 0..kills {
        std::fs::remove_dir_all(&store).expect("removed");
        copy_dir(&copy, &store);
        let mut process = Process::start(MSEC, compact);
        let part = u64::from(dice.next_u32() % 1_000);
        std::thread::sleep(Duration::from_micros(takes.as_micros() as u64 * part / 1_000));
        process.kill();
        holds_all(&store, &logs);
        json(MSEC, compact);
        holds_all(&store, &logs);
        let left = bytes_of(&store);
        assert!(left <= bytes + bytes / 10, "kill {kill}: {left} bytes are left, of {bytes} without it");
    }
}

/// Logs of which most is to be cleared away, in more than one segment. Where each begins now, and what is left of it.
fn fill(directory: &Path) -> Vec<((LogId, u64), Vec<u8>)> {
    let identity = Identity::from_seed([7; 32]);
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let mut store = open(directory);
    let mut own: Vec<OwnLog> = (0..LOGS)
        .map(|log| {
            let collection = "parks/noise".parse().expect("a path");
            let stream = format!("mic-{log}");
            OwnLog::create(LogHeader::new(SpaceId([1; 32]), collection, &stream, identity.peer(), [0; 16]))
        })
        .collect();
    for entry in 1..ENTRIES {
        let now = UnixMillis(1_700_000_000_000 + entry as i64);
        let mut runs = Vec::new();
        for log in &mut own {
            let (mut salt, mut body) = ([0; 16], vec![0; BODY_BYTES]);
            dice.fill_bytes(&mut salt);
            dice.fill_bytes(&mut body);
            log.append_change(now, TimeQuality::Synchronised, salt, body).expect("appended");
            runs.extend(log.sign(&identity, now));
        }
        store.apply(entry, &runs).expect("written");
        // A segment that is full is followed by another one at the next commit.
        store.sync().expect("synced");
    }
    let begins = (1..).map(|n| n * LET_GO);
    let let_go: Vec<_> = own.iter().map(|log| log.header().id()).zip(begins).collect();
    store.prune(&let_go).expect("let go");
    let left = let_go.iter().map(|it| (*it, left_of(&store, *it))).collect();
    store.close();
    left
}

/// Every entry of a log from the first on that was not let go, as a neighbour would get them.
fn left_of(store: &Store, (log, begin): (LogId, u64)) -> Vec<u8> {
    let (mut next, mut bytes) = (begin, Vec::new());
    while let Some(chunk) = store.read(&log, next, usize::MAX).expect("readable") {
        bytes.extend(chunk.bytes);
        next = chunk.end;
    }
    assert_eq!(next, ENTRIES, "some are missing");
    bytes
}

fn holds_all(directory: &Path, logs: &[((LogId, u64), Vec<u8>)]) {
    let found = check(FileDir::open(directory).expect("nobody uses it")).expect("readable");
    assert!(found.damage.is_empty() && !found.gaps, "{:?}", found.damage);
    let store = open(directory);
    for (log, left) in logs {
        assert!(left_of(&store, *log) == *left, "{} is not what it was", log.0);
    }
}

fn open(directory: &Path) -> Store {
    let config = StoreConfig { index: true, roll_ups: true, ..StoreConfig::default() };
    let opened = FileDir::open(directory).map(|dir| Store::open_with(dir, config)).expect("nobody uses it");
    let (store, opened) = opened.expect("it opens");
    assert_eq!(opened.cut, None);
    store
}

/// What the segments take.
fn bytes_of(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file"));
    let segments = files.filter(|file| file.path().extension().is_some_and(|it| it == "msec"));
    segments.map(|file| file.metadata().expect("metadata").len()).sum()
}
