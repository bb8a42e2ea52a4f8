//! What real readings take on disk, in ours and in what a user would pick instead.

mod automerge;
mod csv;
mod ours;
mod parquet;
mod sqlite;

use std::path::Path;

use crate::city::Table;
use crate::disk;

/// A way to keep readings.
pub struct Contender {
    /// What it is called in tables and JSON.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    /// Writes tables into a directory, and reads back how many readings are there.
    keep: fn(&Path, &[Table]) -> anyhow::Result<usize>,
}

/// All of them, ours first.
pub const CONTENDERS: [Contender; 8] = [
    Contender {
        name: "ours_bulk",
        about: "entries of 4,096 readings (the most), a signature for each run of up to 200 kB",
        keep: |at, tables| ours::keep(at, tables, msec_crdt_store::READINGS_PER_ENTRY_MAX),
    },
    Contender {
        name: "ours_60",
        about: "entries of 60 readings, signed in the same way",
        keep: |at, tables| ours::keep(at, tables, 60),
    },
    Contender {
        name: "ours_12",
        about: "entries of 12 readings, signed in the same way",
        keep: |at, tables| ours::keep(at, tables, 12),
    },
    Contender {
        name: "sqlite",
        about: "one table by stream and second without row ids, vacuumed",
        keep: sqlite::keep,
    },
    Contender {
        name: "parquet",
        about: "a file a table, a column a stream, zstd level 9; times delta-packed, counts as INT32, else DOUBLE",
        keep: parquet::keep,
    },
    Contender {
        name: "automerge_bulk",
        about: "a document a stream, all readings in one change",
        keep: |at, tables| automerge::keep(at, tables, usize::MAX),
    },
    Contender {
        name: "automerge_60",
        about: "a document a stream, 60 readings a change",
        keep: |at, tables| automerge::keep(at, tables, 60),
    },
    Contender { name: "csv_gz", about: "a file a table, a line an hour, gzip -9", keep: csv::keep },
];

impl Contender {
    /// The bytes that these tables take below `directory`, which is empty.
    pub fn measure(&self, directory: &Path, tables: &[Table]) -> anyhow::Result<u64> {
        let kept = (self.keep)(directory, tables)?;
        let readings: usize = tables.iter().map(Table::len).sum();
        anyhow::ensure!(kept == readings, "{} gave {kept} of {readings} readings back", self.name);
        Ok(disk::size_of(directory)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::{self, Stream};

    #[test]
    fn every_contender_gives_back_what_it_was_given() {
        let mut table = city::auckland(&city::committed()).expect("read");
        table.streams.truncate(3);
        table.streams.iter_mut().for_each(|stream| stream.readings.truncate(500));
        // A gap, and values with a fraction.
        table.streams[1].readings.remove(7);
        table.streams[2].readings.iter_mut().for_each(|reading| reading.value += 0.25);
        let empty = Stream { name: "silent".to_owned(), unit: "1", readings: Vec::new() };
        table.streams.push(empty);
        for contender in &CONTENDERS {
            let directory = tempfile::tempdir().expect("a directory");
            let bytes =
                contender.measure(directory.path(), std::slice::from_ref(&table)).expect(contender.name);
            assert!((1_000..200_000).contains(&bytes), "{}: {bytes} bytes", contender.name);
        }
    }
}
