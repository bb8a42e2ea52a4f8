//! A sealed collection by hand: a manager, a sensor, a reader, and a relay that is searched by somebody who holds all keys.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use msec_peer::DataDir;
use msec_peer::identity::sealed::{BodyPlace, EpochSecret, Opened, SealedBody, SealedDataKey};
use msec_peer::identity::{ControlRecord, Identity, UnixMillis};
use msec_peer::store::{Body, Entry, EntryKind, FileDir, Run, Storage, Store};
use msec_tests::desk::{self, text};
use msec_tests::own_desk;
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "meter-of-flat-4711";
/// Nobody finds that by chance.
const VALUE: &str = "48.12345678901";

own_desk! {
    Desk
}

impl Desk {
    fn admit(&self, home: &str, rights: &str) {
        let id = text(&self.msec(home, &["init"])[0]["peer"]);
        let file = self.path(&format!("{home}.invitation"));
        self.msec("office", &["grant", &id, "--may", rights, "--in", "homes", "--out", &file]);
        self.msec(home, &["join", &file]);
    }

    fn values(&self, home: &str) -> Vec<f64> {
        self.0.values(home, "homes")
    }

    fn identity(&self, home: &str) -> Identity {
        DataDir::at(self.path(home)).identity().expect("a key")
    }
}

/// All files below a directory.
fn files(dir: &Path, all: &mut Vec<u8>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, all);
        } else if path.is_file() {
            all.extend(fs::read(path).expect("read"));
        }
    }
}

/// Which of these are found in the memory of a process, over all that can be read of it.
fn found_in_memory(process: u32, needles: &[Vec<u8>]) -> Vec<bool> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("its own child");
    let memory = File::open(format!("/proc/{process}/mem")).expect("its own child");
    let (mut found, mut searched) = (vec![false; needles.len()], 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().expect("a range"), words.next().expect("rights"));
        let (from, to) = range.split_once('-').expect("a range");
        let [from, to] = [from, to].map(|it| u64::from_str_radix(it, 16).expect("an address"));
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let mut bytes = vec![0; (to - from) as usize];
        // What can't be read has no page.
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        searched += bytes.len();
        for (needle, found) in needles.iter().zip(&mut found) {
            *found |= holds(&bytes, needle);
        }
    }
    assert!(searched > 1 << 20, "{searched} bytes are no process");
    found
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().expect("a needle");
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first).map(|at| from + at) {
        if bytes[at + 1..].starts_with(rest) {
            return true;
        }
        from = at + 1;
    }
    false
}

/// All entries of a store that nobody holds.
fn entries(store: &str) -> Vec<(msec_peer::identity::LogId, u64, Entry)> {
    let (store, opened) =
        Store::open(FileDir::open(Path::new(store).join("store")).expect("free")).expect("opens");
    let mut all = Vec::new();
    for state in &opened.logs {
        let mut at = 0;
        while at < state.size() {
            let chunk = store.read(&state.log(), at, 1 << 18).expect("read").expect("held");
            let run = Run::from_bytes(&chunk.bytes).expect("a run");
            all.extend((at..).zip(run.entries).map(|(position, entry)| (state.log(), position, entry)));
            at = chunk.end;
        }
    }
    all
}

/// Every epoch's private half, every data key and every plaintext that the reader's key file and store give away.
fn secrets(reader: &Identity, all: &[(msec_peer::identity::LogId, u64, Entry)]) -> [Vec<Vec<u8>>; 3] {
    let (mut records, mut wraps) = (Vec::new(), Vec::new());
    for (.., entry) in all.iter().filter(|(.., entry)| entry.kind == EntryKind::Control) {
        match ControlRecord::from_bytes(entry.body.bytes().expect("kept")) {
            Ok(ControlRecord::EpochRecord(it)) => {
                let issuer = it.claims().issuer;
                records.push(it.verify(&issuer).expect("signed"));
            }
            Ok(ControlRecord::Wraps(it)) => wraps.push(it.claims().clone()),
            _ => {}
        }
    }
    let mut epochs: Vec<(_, EpochSecret)> = Vec::new();
    for of in &wraps {
        let record = records.iter().find(|record| record.id() == of.epoch).expect("its record");
        let key = reader.sealing_key(record.space, 0, UnixMillis(i64::MAX));
        for wrap in of.of_epoch().filter(|wrap| wrap.holder() == reader.peer()) {
            if let Ok(Opened::Reader(secret)) = wrap.open(record, &key) {
                epochs.push((record, secret));
            }
        }
    }
    let private = epochs.iter().map(|(_, secret)| secret.reveal()[..32].to_vec()).collect();
    let (mut keys, mut plaintexts) = (Vec::new(), Vec::new());
    for (log, at, entry) in all.iter().filter(|(.., entry)| entry.kind == EntryKind::DataKey) {
        let sealed = SealedDataKey::from_bytes(entry.body.bytes().expect("kept")).expect("a key");
        let (record, secret) = epochs.iter().find(|(it, _)| it.id() == sealed.epoch()).expect("wrapped");
        let key = sealed.open(record, secret).expect("opens");
        keys.push(key.reveal().to_vec());
        for (of, position, entry) in all.iter().filter(|(.., entry)| entry.kind == EntryKind::Sealed) {
            let Body::Kept { salt, bytes } = &entry.body else { panic!("kept") };
            let body = SealedBody::from_bytes(bytes).expect("a body");
            if of == log && body.key_at() == *at {
                let place = BodyPlace { log: *log, position: *position, salt: *salt };
                plaintexts.push(body.open(&key, &place).expect("opens").to_vec());
            }
        }
    }
    [private, keys, plaintexts]
}

#[test]
fn a_relay_that_is_searched_by_who_holds_all_keys_holds_nothing_of_what_it_carries() {
    let desk = Desk(desk::Desk::new(MSEC));
    desk.msec("office", &["found", "harbour"]);
    for (home, rights) in [("sensor", "write"), ("relay", "relay"), ("reader", "read")] {
        desk.admit(home, rights);
    }
    let (mut relay, at_relay) = desk.run("relay", &[]);
    let others = ["office", "sensor", "reader"].map(|home| desk.run(home, &[&at_relay]).0);
    let [mut office, mut sensor, mut reader] = others;
    let (_, refused) = desk.says("sensor", &["seal", "homes/power"]);
    assert!(refused.contains("may not seal `homes/power`"), "{refused}");
    let sealed = desk.msec("office", &["seal", "homes/power"]);
    assert_eq!((sealed.len(), sealed[0]["number"].as_u64()), (1, Some(0)), "{sealed:?}");
    block_until("all were wrapped for", || {
        let epochs = desk.msec("sensor", &["epochs"]);
        epochs.first().is_some_and(|it| {
            it["readers"].as_u64() == Some(2)
                && it["writers"].as_u64() >= Some(2)
                && it["waiting"] == Value::Array(Vec::new())
        })
    });
    // What is sealed is personal: nothing is shown of it before an issuer was heard from.
    block_until("the reader is fresh", || desk.says("reader", &["query", "--in", "homes/power"]).0);
    let stream = format!("homes/power/{STREAM}");
    let mut tail = desk.start("reader", &["tail", "--in", "homes"]);
    for value in [VALUE, "3.25"] {
        block_until("it is published", || {
            desk.says("sensor", &["publish", &stream, value, "--unit", "kW"]).0
        });
    }
    block_until("the reader reads", || desk.values("reader").len() == 2);
    assert_eq!(desk.values("reader"), [VALUE.parse::<f64>().expect("a number"), 3.25]);
    let row = &desk.msec("reader", &["query", "--stream", STREAM])[0];
    assert_eq!((text(&row["stream"]), text(&row["unit"])), (STREAM.into(), "kW".into()));
    block_until("and is shown what comes", || tail.out.json("value").len() == 2);
    tail.interrupt();
    // The relay has it all, and says what it has.
    block_until("the relay carries it", || desk.msec("relay", &["epochs"])[0]["entries"].as_u64() == Some(4));
    let (_, said) = desk.says("relay", &["query", "--in", "homes"]);
    assert!(said.contains("4 sealed entries in homes/power") && said.contains("cannot be read"), "{said}");
    let (_, said) = desk.says("relay", &["epochs"]);
    assert!(said.contains("wrapped for 2 readers") && said.contains("reads nothing of it"), "{said}");

    // A second copy of what the reader holds, so that both processes go on while they are searched.
    let copy = desk.path("copy");
    copy_dir(
        Path::new(&desk.path("reader")).join("store").as_path(),
        Path::new(&copy).join("store").as_path(),
    );
    let all = entries(&copy);
    let [private, keys, plaintexts] = secrets(&desk.identity("reader"), &all);
    assert_eq!((private.len(), keys.len(), plaintexts.len()), (1, 1, 3));
    let needles: Vec<_> = [&private[..], &keys, &plaintexts, &[STREAM.as_bytes().to_vec()]].concat();
    let mut on_disk = Vec::new();
    files(Path::new(&desk.path("relay")), &mut on_disk);
    for needle in &needles {
        assert!(!holds(&on_disk, needle), "a secret of {} bytes on the relay's disk", needle.len());
    }
    assert_eq!(found_in_memory(relay.id(), &needles), vec![false; needles.len()], "in the relay's memory");
    // The same search finds what is there: the epoch's key in memory of who reads, the ciphertexts on both disks.
    assert_eq!(found_in_memory(reader.id(), &private), [true]);
    let bodies = all.iter().filter(|(.., entry)| entry.kind == EntryKind::Sealed);
    for (.., entry) in bodies {
        assert!(holds(&on_disk, entry.body.bytes().expect("kept")), "it carries all of it");
    }
    for process in [&mut office, &mut sensor, &mut reader, &mut relay] {
        process.interrupt();
    }
    on_disk.clear();
    files(Path::new(&desk.path("relay")), &mut on_disk);
    assert!(needles.iter().all(|needle| !holds(&on_disk, needle)), "not after it was closed either");
    // What is sealed is personal: a store at rest has heard no issuer, and withholds it.
    let (_, said) = desk.says("reader", &["query", "--in", "homes"]);
    assert!(said.contains("`homes/power` is withheld") && !said.contains(STREAM), "{said}");
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        // The index is made again, and the lock is somebody else's.
        if path.extension().is_some_and(|ending| ending == "msec") {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}
