//! A peer that erases, killed at any moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use msec_peer::identity::LogId;
use msec_peer::store::{Body, FileDir, Run, Storage, Store, StoreConfig};
use msec_tests::process::Process;
use msec_tests::town::{Town, open};
use msec_tests::wait::block_until;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::Value;

/// A peer that erases entries of its log, and says so.
const ERASER: &str = env!("CARGO_BIN_EXE_eraser-under-test");
/// How often it is killed, unless `MSEC_ERASE_KILLS` says otherwise.
const KILLS: u32 = 5;
/// The longest time from the first entry that it begins to erase to a kill.
const LIFE_MAX_US: u32 = 150_000;
/// Entries that each life may erase.
const EACH: u64 = 8;

/// Salt and body of each entry that is not erased.
type Bodies = BTreeMap<u64, Vec<Vec<u8>>>;

#[tokio::test]
async fn what_was_erased_is_nowhere_whenever_the_peer_is_killed() {
    let kills = std::env::var("MSEC_ERASE_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let town = Town::found();
    open(town.gateway("gateway")).await.close().await;
    let (dir, mut dice) = (town.path("gateway"), ChaCha8Rng::seed_from_u64(7));
    let (mut known, mut size) = (Bodies::new(), 0);
    let (mut acknowledged, mut in_vain, mut next) = (0, 0, 1);
    for kill in 0..=kills {
        // The first life only publishes.
        let end = if kill == 0 { next } else { size.min(next + EACH) };
        let [from, to] = [next, end].map(|position| position.to_string());
        let mut process = Process::start(ERASER, [dir.to_str().expect("text"), &from, &to]);
        // Every second one has something acknowledged.
        let (begun, least) = match kill {
            0 => ("published", 20),
            odd if odd % 2 == 1 => ("erased", 1),
            _ => ("erasing", 1),
        };
        block_until("it has begun", || process.out.json(begun).len() >= least);
        std::thread::sleep(Duration::from_micros((dice.next_u32() % LIFE_MAX_US).into()));
        process.kill();

        let positions = |field| process.out.json(field).iter().filter_map(Value::as_u64).collect::<Vec<_>>();
        let (published, erasing, erased) =
            (positions("published"), positions("erasing"), positions("erased"));
        let (held, bodies) = held(&dir.join("store"));
        assert!(
            published.iter().all(|position| *position < held),
            "kill {kill}: of {published:?} {held} are left"
        );
        assert!(erased.iter().all(|position| !bodies.contains_key(position)), "kill {kill}: {erased:?}");
        let files = files_of(&dir);
        for (position, parts) in &known {
            match bodies.get(position) {
                Some(left) => assert_eq!(left, parts, "kill {kill}: entry {position} is not what it was"),
                None => {
                    // Whether or not that was acknowledged, an erasure that has begun is gone on with.
                    assert!(erasing.contains(position), "kill {kill}: nobody erased entry {position}");
                    let is_found = |part: &Vec<u8>| files.iter().any(|(_, bytes)| contains(bytes, part));
                    assert!(
                        !parts.iter().any(is_found),
                        "kill {kill}: something of entry {position} is left"
                    );
                }
            }
        }
        acknowledged += erased.len();
        in_vain += erasing.len() - erased.len();
        next = bodies.keys().next().copied().unwrap_or(held);
        (known, size) = (bodies, held);
    }
    assert!(acknowledged > 0, "none was acknowledged");
    eprintln!(
        "{kills} kills, {acknowledged} erasures acknowledged, {in_vain} under way when killed, {size} entries held"
    );
}

/// How much of the log is held, and what is not erased of it; after what was under way is finished.
fn held(store: &Path) -> (u64, Bodies) {
    let config = StoreConfig { index: true, roll_ups: true, ..StoreConfig::default() };
    let medium = FileDir::open(store).expect("nobody uses it");
    let (store, opened) = Store::open_with(medium, config).expect("it opens");
    assert!(opened.cut.is_none_or(|cut| cut.torn), "{:?}", opened.cut);
    let is_its = |log: &LogId| opened.continuable.contains(log);
    let state = opened.logs.iter().find(|state| state.header().stream() == "mic").expect("its log");
    assert!(is_its(&state.log()), "a process that was killed lost nothing");
    let (mut at, mut bodies) = (1, Bodies::new());
    while let Some(chunk) = store.read(&state.log(), at, usize::MAX).expect("readable") {
        let run = Run::from_bytes(&chunk.bytes).expect("a run");
        for (entry, position) in run.entries.into_iter().zip(chunk.from..) {
            if let Body::Kept { salt, bytes } = entry.body {
                bodies.insert(position, vec![salt.to_vec(), bytes]);
            }
        }
        at = chunk.end;
    }
    assert_eq!(at, state.size(), "some are missing");
    (at, bodies)
}

/// All files of a peer, the store's and others, and what is in them.
fn files_of(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            files.push((path, bytes));
        }
    }
    files
}

/// Whether `part` is in there. Its first byte is looked for first: files are large, and there are many parts.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let (Some(first), mut at) = (part.first(), 0) else { return false };
    while let Some(found) = bytes[at..].iter().position(|byte| byte == first) {
        at += found;
        if bytes[at..].starts_with(part) {
            return true;
        }
        at += 1;
    }
    false
}
