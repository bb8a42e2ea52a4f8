//! Two designs of a store, as far as it takes to measure them: no signatures, no proofs, no care for bad bytes.
//!
//! - [`Segments`]: truth is an append-only file of frames, cut into segments; an index in redb is written when a segment is
//!   full, and what it does not cover is read again at the start;
//! - [`Tables`]: everything is in redb: entries by log and position, heads, latest values.
//!
//! Both keep a head for each log in memory, since a node must answer neighbours without waiting for a disk.

mod segments;
mod tables;

use std::path::Path;

pub use segments::{SEGMENT_BYTES, Segments};
pub use tables::Tables;

use crate::seed;

/// What an entry takes beside its log and position: kind, time, salt, and a body of 200 bytes, which hold an hour of minutes.
pub const ENTRY_BYTES: usize = 230;
/// What is kept of a log: its signed head, and the right edge of its tree.
pub const HEAD_BYTES: usize = 480;
/// The entries of a day.
pub const DAY_ENTRIES: u64 = 24;
/// What redb may cache: a Raspberry Pi has little.
pub const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which log.
    pub log: u64,
    /// Where in it.
    pub position: u64,
    /// What nobody can compress.
    pub bytes: [u8; ENTRY_BYTES],
}

impl Entry {
    /// The entry that stands there.
    pub fn at(log: u64, position: u64) -> Self {
        let mut bytes = [0; ENTRY_BYTES];
        let mut state = seed::mix_all(&[log, position]);
        for part in bytes.chunks_mut(8) {
            state = seed::mix(state);
            part.copy_from_slice(&state.to_le_bytes()[..part.len()]);
        }
        Self { log, position, bytes }
    }

    /// The value that it stands for: of an hour the last.
    pub fn value(&self) -> u64 {
        value_of(&self.bytes)
    }
}

/// What comes in turn from so many logs, `count` of them from the `from`th on: all speak equally often.
pub fn in_turn(logs: u64, from: u64, count: u64) -> Vec<Entry> {
    (from..from + count).map(|n| Entry::at(n % logs, n / logs)).collect()
}

/// A store by one of the designs.
pub trait Design {
    /// Appends entries, each at the end of its log, and returns when they are on disk.
    fn commit(&mut self, entries: &[Entry]) -> anyhow::Result<()>;

    /// The latest value of each log, in the order of the logs.
    fn latest(&self) -> anyhow::Result<Vec<(u64, u64)>>;

    /// Entries of a log from a position on.
    fn range(&self, log: u64, from: u64, count: u64) -> anyhow::Result<Vec<Entry>>;
}

/// Which design, and in what setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// [`Segments`].
    Segments,
    /// [`Tables`], as redb comes: after a crash it reads everything.
    Tables,
    /// [`Tables`], with redb's quick repair: each commit writes more, and a crash costs nothing.
    TablesQuick,
}

impl Which {
    /// Opens what lies in that directory, or a new one.
    pub fn open(self, directory: &Path) -> anyhow::Result<Box<dyn Design>> {
        Ok(match self {
            Self::Segments => Box::new(Segments::open(directory)?),
            Self::Tables => Box::new(Tables::open(directory, false)?),
            Self::TablesQuick => Box::new(Tables::open(directory, true)?),
        })
    }
}

fn value_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// Stands for a log's head and edge, which change with each entry.
fn head_of(log: u64, size: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    for (part, bytes) in head.chunks_mut(32).enumerate() {
        bytes.copy_from_slice(&seed::bytes(&[log, size, part as u64]));
    }
    head
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn both_designs_give_back_what_they_were_given_after_every_start() {
        for which in Which::value_variants() {
            let directory = tempfile::tempdir().expect("a directory");
            let mut next = 0;
            for start in 0..3 {
                let mut store = which.open(directory.path()).expect("opens");
                for _ in 0..4 {
                    store.commit(&in_turn(100, next, 150)).expect("committed");
                    next += 150;
                }
                let latest = store.latest().expect("latest");
                let wanted = |log| Entry::at(log, next / 100 - 1).value();
                assert!(
                    latest.iter().copied().eq((0..100).map(|log| (log, wanted(log)))),
                    "{which:?} {start}"
                );
                let range = store.range(7, 2, 3).expect("range");
                assert_eq!(range, [Entry::at(7, 2), Entry::at(7, 3), Entry::at(7, 4)], "{which:?}");
            }
        }
    }

    #[test]
    fn segments_are_found_by_the_index_and_without_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = Segments::open_with(directory.path(), 100_000).expect("opens");
        for n in 0..20 {
            store.commit(&in_turn(50, n * 100, 100)).expect("committed");
        }
        let range = |store: &Segments| store.range(3, 5, 24).expect("range");
        let wanted: Vec<Entry> = (5..29).map(|position| Entry::at(3, position)).collect();
        assert_eq!(range(&store), wanted);
        drop(store);
        let store = Segments::open_with(directory.path(), 100_000).expect("opens");
        assert_eq!(range(&store), wanted);
        drop(store);
        std::fs::remove_file(directory.path().join("index.redb")).expect("removed");
        let store = Segments::open_with(directory.path(), 100_000).expect("opens without an index");
        assert_eq!(range(&store), wanted);
        assert_eq!(store.latest().expect("latest")[3], (3, Entry::at(3, 39).value()));
    }
}
