//! A segment of the store, written down a second time: what somebody with a hex editor would write.

use std::sync::LazyLock;

use minicbor::Encoder;
use msec_crdt_store::{Medium, MemoryDir, Query, Storage, Store, VerifiedRun};

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

/// The first segment.
const SEGMENT: &str = "00000001.msec";

/// A run as it lies in a frame, after its mark. Its head covers nothing beyond it.
fn stored(run: &VerifiedRun) -> Vec<u8> {
    let head = run.state().head();
    let signed = head.to_bytes();
    let mut out = [head.log.as_bytes(), &signed[signed.len() - 64..]].concat();
    let mut e = Encoder::new(&mut out);
    let count = run.entries().len() as u64;
    let done = e.i64(head.time.0).and_then(|e| e.u64(head.size)).and_then(|e| e.u64(run.from()));
    done.and_then(|e| e.u64(count)).expect("writing to a Vec cannot fail");
    for entry in run.entries() {
        e.encode(entry).expect("writing to a Vec cannot fail");
    }
    out
}

/// The first bytes of a segment of this version, in an epoch of zeros, before any run.
pub fn file_header() -> Vec<u8> {
    let mut header = [b"MSECLOG\x02".as_slice(), &[0; 16]].concat();
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

/// The sensor's commits, as they lie in frames.
pub fn commits() -> &'static [Vec<u8>] {
    static COMMITS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| town::runs().iter().map(stored).collect());
    &COMMITS
}

/// What the sensor serves of its stream to somebody who holds so many entries: one more, under its last head.
pub fn serve(from: u64) -> Option<Vec<u8>> {
    let (mut store, _) = Store::open(MemoryDir::default()).expect("an empty store opens");
    let runs = town::runs();
    store.apply(1, runs).expect("runs that follow each other");
    let log = runs[0].state().log();
    store.read(&log, from, 1).expect("memory can be read").map(|chunk| chunk.bytes)
}

/// What the sensor serves instead, once it has let go of the beginning of its stream.
pub fn serve_what_stands_for_the_beginning() -> Option<Vec<u8>> {
    let (mut store, _) = Store::open(MemoryDir::default()).expect("an empty store opens");
    let runs = town::runs();
    store.apply(1, runs).expect("runs that follow each other");
    let log = runs[0].state().log();
    store.prune(&[(log, runs[1].state().size())]).expect("memory can be written");
    store.read(&log, 1, 1).expect("memory can be read").map(|chunk| chunk.bytes)
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
    let dir = MemoryDir::default();
    dir.write_at(SEGMENT, 0, &file).expect("memory takes everything");
    let (store, opened) = match Store::open(dir.clone()) {
        Ok(opened) => opened,
        Err(error) => panic!("it always opens: {error}"),
    };
    if let Some(cut) = opened.cut {
        // What is missing before it, by its number, leaves nothing to cut off.
        assert!(cut.at + cut.bytes == file.len() as u64 && (cut.bytes > 0 || !cut.torn), "{cut:?}");
    }
    let logs = opened.logs.len();
    assert!(logs <= 1, "the sensor has one log");
    let signed = (0..COMMITS).rev().map(|n| n as f64);
    let rows = store.query(&Query::default()).expect("memory can be read");
    assert!(rows.iter().all(|row| row.author() == town::sensor().peer()));
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
    let (_, again) = Store::open(dir).expect("it always opens");
    assert_eq!((again.cut, again.logs.len()), (None, logs + 1));
}
