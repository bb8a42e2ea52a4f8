//! What documents cost: `cargo run --release -p msec-crdt-store --features documents --example documents`
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use msec_crdt_store::{
    ChangeEntry, Document, FileDir, LogHeader, OwnLog, Place, Storage, Store, Thing, ThingPatch, TimeQuality,
};
use msec_identity::{Identity, LogId, SpaceId, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const CHANGES: usize = 10_000;
const WRITERS: usize = 100;
const THINGS: usize = 1_000;

fn thing(n: usize) -> Thing {
    let at = n as f64 / 1e4;
    Thing {
        id: format!("parks/noise/mic-{n}"),
        name: Some(format!("microphone {n}")),
        unit: Some("dB".into()),
        owner: Some("the parks department".into()),
        place: Place::from_degrees(-36.8 + at, 174.7 + at),
    }
}

/// Resident memory in bytes, where the system tells.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// The entries of a log, each a change of the document that `base` and those before it left.
fn write(
    base: &[ChangeEntry],
    log: LogId,
    changes: usize,
    mut body: impl FnMut(&Document, usize) -> Vec<u8>,
) -> Vec<ChangeEntry> {
    let mut document = Document::new();
    document.fold(base.iter().cloned()).expect("folded");
    let mut entries = Vec::new();
    for n in 0..changes {
        let entry = ChangeEntry { log, position: n as u64 + 1, body: body(&document, n) };
        document.fold([entry.clone()]).expect("folded");
        entries.push(entry);
    }
    entries
}

fn batches() {
    // A hundred writers, each of whom renames one thing a hundred times: drafts cost more the longer a document is.
    let first = LogId([0xff; 32]);
    let mut entries =
        write(&[], first, 1, |document, _| document.add_thing(first, NOW, &thing(0)).expect("added").body);
    let base = entries.clone();
    for writer in 0..WRITERS {
        let log = LogId([writer as u8; 32]);
        entries.extend(write(&base, log, CHANGES / WRITERS, |document, n| {
            let name = format!("name {n} of {writer}");
            let patch = ThingPatch { name: Some(Some(name)), ..ThingPatch::default() };
            document.set_thing(log, NOW, &thing(0).id, &patch).expect("set").expect("a change").body
        }));
    }
    let start = Instant::now();
    let mut one = Document::new();
    one.fold(entries.iter().cloned()).expect("folded");
    let batch = start.elapsed();
    let start = Instant::now();
    let mut other = Document::new();
    for entry in entries {
        other.fold([entry]).expect("folded");
    }
    let single = start.elapsed();
    assert_eq!(one.heads(), other.heads());
    println!("{CHANGES} changes of one field by {WRITERS} writers, folded in one batch:  {batch:?}");
    println!("{CHANGES} changes of one field by {WRITERS} writers, folded one by one:    {single:?}");
    println!("ratio: {:.1}", single.as_secs_f64() / batch.as_secs_f64());
}

fn registry() {
    let author = Identity::from_seed([7; 32]);
    let path = "parks/noise".parse().expect("a path");
    let header = LogHeader::new(SpaceId([0; 32]), path, "things", author.peer(), [1; 16]);
    let (log, mut own) = (header.id(), OwnLog::create(header));
    let entries =
        write(&[], log, THINGS, |document, n| document.add_thing(log, NOW, &thing(n)).expect("added").body);
    let bodies: usize = entries.iter().map(|entry| entry.body.len()).sum();
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, _) = Store::open(FileDir::open(dir.path()).expect("opens")).expect("opens");
    for (seq, entry) in (1..).zip(&entries) {
        own.append_change(NOW, TimeQuality::Synchronised, [3; 16], entry.body.clone()).expect("appended");
        store.apply(seq, &[own.sign(&author, NOW).expect("a run")]).expect("applied");
    }
    store.sync().expect("synced");
    let on_disk = std::fs::metadata(dir.path().join("00000001.msec")).expect("the store").len();
    let start = Instant::now();
    let mut document = Document::new();
    document.fold(entries).expect("folded");
    let folded = start.elapsed();
    let before = resident();
    // Many, since what was freed before is used again.
    let copies = vec![document.clone(); 100];
    let memory = resident().saturating_sub(before) / copies.len();
    println!("{THINGS} things of 5 fields, each added by an edit of its own:");
    println!("  bodies of changes: {bodies} bytes; on disk, a commit each: {on_disk} bytes");
    println!("  folded in {folded:?}; {memory} bytes of memory; saved: {} bytes", document.save().len());
    let start = Instant::now();
    assert_eq!(document.things().expect("shown").things.len(), THINGS);
    println!("  listed in {:?}", start.elapsed());
    let start = Instant::now();
    let patch = ThingPatch { name: Some(Some("another".into())), ..ThingPatch::default() };
    document.set_thing(log, NOW, &thing(5).id, &patch).expect("set");
    println!("  one edit drafted in {:?}", start.elapsed());
}

fn main() {
    registry();
    batches();
}
