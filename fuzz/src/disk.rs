//! The store's file, written down a second time: what somebody with a hex editor would write.

use std::sync::LazyLock;

use msec_crdt_store::{Medium, MemoryMedium, Query, Storage, Store, VerifiedRun};

use crate::script::Step;
use crate::town::{self, COMMITS};

/// Appends frames of which every check is right, whatever is in them.
pub fn frame(out: &mut Vec<u8>, payload: &[u8]) {
    let length = (payload.len() as u32).to_le_bytes();
    out.extend(length);
    out.extend(&blake3::hash(&length).as_bytes()[..4]);
    out.extend(&blake3::hash(payload).as_bytes()[..8]);
    out.extend(payload);
}

/// The first bytes of a file of this version.
pub fn file_header() -> Vec<u8> {
    let mut header = b"MSECLOG\x01".to_vec();
    let check = blake3::hash(&header);
    header.extend(&check.as_bytes()[..8]);
    header
}

/// What is done to a file, from the first step to the last.
pub mod act {
    /// Appends the bytes as they are.
    pub const BYTES: u8 = 0;
    /// Appends the bytes as the payload of a frame whose checks are right.
    pub const PAYLOAD: u8 = 1;
    /// Appends one of the sensor's commits, as its own store or somebody else's would.
    pub const COMMIT: u8 = 2;
    /// Flips bits of the last 256 bytes: the byte at the argument from the end, by the first of the bytes.
    pub const FLIP: u8 = 3;
    /// Cuts off so many bytes as the argument says.
    pub const CUT: u8 = 4;
    /// How many of these there are.
    pub const COUNT: u8 = 5;
}

/// The bytes of the sensor's commits.
pub fn commits() -> &'static [Vec<u8>] {
    static COMMITS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| town::runs().iter().map(VerifiedRun::to_bytes).collect());
    &COMMITS
}

/// What the sensor serves of its stream to somebody who holds so many entries: one more, under its last head.
pub fn serve(from: u64) -> Option<Vec<u8>> {
    let (mut store, _) = Store::open(MemoryMedium::default()).expect("an empty store opens");
    let runs = town::runs();
    store.apply(1, runs).expect("runs that follow each other");
    let log = runs[0].state().log();
    store.read(&log, from, 1).expect("memory can be read").map(|chunk| chunk.bytes)
}

/// Does to a file what the steps say, and opens it. It always opens, and shows nothing that the sensor did not sign.
pub fn check<'a>(steps: impl Iterator<Item = Step<'a>>) {
    let commits = commits();
    let mut file = file_header();
    for step in steps {
        match step.kind % act::COUNT {
            act::BYTES => file.extend(step.bytes),
            act::PAYLOAD => frame(&mut file, step.bytes),
            act::COMMIT => {
                let run = &commits[usize::from(step.argument & 0x7f) % COMMITS];
                frame(&mut file, &[&[u8::from(step.flag())], &run[..]].concat());
            }
            act::FLIP => {
                let at = file.len().checked_sub(1 + usize::from(step.argument));
                if let (Some(byte), Some(bits)) = (at.and_then(|at| file.get_mut(at)), step.bytes.first()) {
                    *byte ^= bits;
                }
            }
            _ => file.truncate(file.len().saturating_sub(step.argument.into())),
        }
    }
    let mut medium = MemoryMedium::default();
    medium.append(&file).expect("memory takes everything");
    let (store, opened) = match Store::open(medium) {
        Ok(opened) => opened,
        Err(error) => panic!("it always opens: {error}"),
    };
    if let Some(cut) = opened.cut {
        assert!(cut.at + cut.bytes == file.len() as u64 && cut.bytes > 0, "{cut:?}");
    }
    let logs = opened.logs.len();
    assert!(logs <= 1, "the sensor has one log");
    let signed = (0..COMMITS).rev().map(|n| n as f64);
    let rows = store.query(&Query::default()).expect("memory can be read");
    assert!(rows.iter().all(|row| row.author == town::sensor().peer()));
    let values: Vec<_> = rows.iter().map(|row| row.reading.value).collect();
    assert!(
        values.is_empty() || signed.skip(COMMITS - values.len()).eq(values),
        "a prefix of what was signed"
    );
    for state in &opened.logs {
        let chunk = store.read(&state.log(), 0, usize::MAX).expect("memory can be read");
        assert_eq!(chunk.map(|chunk| chunk.end), Some(state.size()), "all that is held can be served");
    }

    // It is written on, and opens again as it was left.
    let mut store = store;
    store.apply(1, town::other_runs()).expect("a run of another log fits");
    store.sync().expect("memory syncs");
    let (_, again) = Store::open(store.into_medium()).expect("it always opens");
    assert_eq!((again.cut, again.logs.len()), (None, logs + 1));
}
