//! The roll-ups of one log as a fold over its entries: updated in place, and the same when they are made anew.
//!
//! Folds over adjacent entries are joined without loss, whatever they hold: an index keeps what the older entries come to, memory
//! what the newer ones do. Buckets lie in rows of 64, in order of time. Of each resolution the newest rows that hold something
//! are kept, however far apart: one reading of a clock that runs ahead takes the place of one row, and not of all. A row that
//! is left out can't come back, since as many as are kept are newer; so it does not matter when it is left out: here, at once.
//!
//! Minutes are not kept: most streams have a reading or less in one, which would take more room than the reading. They are
//! counted when somebody asks, from the bodies that are there.

use std::collections::BTreeMap;

use super::bucket::{Bucket, Resolution};
use super::columns;
use super::shelf::{Shelf, Slot, next_bucket};
use super::tally::{LeftOut, Told};
use crate::error::RollUpError;
use crate::log::Entry;

/// Buckets in one row.
pub(crate) const BUCKETS_PER_ROW: i64 = 64;
/// Rows of hours that are kept of a log: a year of them, if each hour has something. What is in no row any more is in the
/// entries, and in claims over them.
pub const HOUR_ROWS_KEPT: usize = 144;
/// The same of days: eleven years.
pub const DAY_ROWS_KEPT: usize = 64;

const HOURS_PER_DAY: i64 = 24;

impl Resolution {
    /// Those of which buckets are kept.
    pub(crate) const KEPT: [Self; 2] = [Self::Hour, Self::Day];

    /// How many rows of buckets are kept of a log.
    pub(crate) fn rows_kept(self) -> usize {
        match self {
            Self::Minute => 0,
            Self::Hour => HOUR_ROWS_KEPT,
            Self::Day => DAY_ROWS_KEPT,
        }
    }
}

/// Buckets of one row, by their number.
pub(crate) type Row = BTreeMap<i64, Bucket>;

/// The row in which a bucket lies.
pub(crate) fn row_of(number: i64) -> i64 {
    number.div_euclid(BUCKETS_PER_ROW)
}

/// The bytes of a row: equal rows have equal bytes.
pub(crate) fn write_row(row: &Row) -> Vec<u8> {
    columns::write(row)
}

/// Reads what [`write_row`] wrote, and no other bytes.
#[cfg(feature = "index")]
pub(crate) fn read_row(
    bytes: &[u8],
    resolution: Resolution,
    row: i64,
) -> Result<Row, crate::error::ReadingError> {
    let buckets = columns::read(bytes, resolution)?;
    let lie_there = buckets.keys().all(|number| row_of(*number) == row);
    if lie_there && !buckets.is_empty() { Ok(buckets) } else { Err(crate::error::ReadingError::Malformed) }
}

/// What the entries of a log come to, from one position on.
#[derive(Debug, Clone)]
pub struct RollUps {
    /// The position after the last entry.
    end: u64,
    /// The position of the first entry of readings that has its body, or else `end`.
    gone: u64,
    left_out: LeftOut,
    shelves: [Shelf; 2],
}

impl Default for RollUps {
    fn default() -> Self {
        Self::after(0)
    }
}

impl RollUps {
    /// Of no entry: those from this position on are to come.
    pub fn after(position: u64) -> Self {
        let (left_out, shelves) = (LeftOut::default(), Resolution::KEPT.map(Shelf::new));
        Self { end: position, gone: position, left_out, shelves }
    }

    /// The position after the last entry.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The position of the first entry of readings that has its body; all that is known of those before it are claims.
    pub fn gone(&self) -> u64 {
        self.gone
    }

    /// What of the entries is in no bucket.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Adds entries from position `from` on, that were verified. What is known already is passed over.
    ///
    /// # Errors
    ///
    /// [`RollUpError::NotNext`] if entries are missing before them; then nothing is done.
    pub fn apply(&mut self, from: u64, entries: &[Entry]) -> Result<(), RollUpError> {
        if from > self.end {
            return Err(RollUpError::NotNext { size: self.end, from });
        }
        let new = usize::try_from(self.end - from).unwrap_or(usize::MAX);
        entries.iter().skip(new).for_each(|entry| self.add(&Told::by(entry)));
        Ok(())
    }

    /// Adds the next entry.
    pub(crate) fn add(&mut self, told: &Told) {
        if self.gone == self.end && !told.has_body {
            self.gone += 1;
        }
        self.end += 1;
        self.left_out.join(&told.left_out);
        let (mut rest, [hours, days]) = (&told.readings[..], &mut self.shelves);
        // What an hour comes to is added to its day as it is.
        while let Some((hour, readings)) = next_bucket(&mut rest, Resolution::Hour) {
            let slot = Slot::of(readings);
            hours.add(hour, &slot);
            days.add(hour.div_euclid(HOURS_PER_DAY), &slot);
        }
    }

    /// About how many bytes of memory its buckets take.
    pub(crate) fn bytes(&self) -> usize {
        self.shelves.iter().map(Shelf::bytes).sum()
    }

    fn shelf(&self, resolution: Resolution) -> impl Iterator<Item = &Shelf> {
        self.shelves.iter().filter(move |shelf| shelf.resolution == resolution)
    }

    /// The rows that are kept, from that number on, the oldest first.
    pub(crate) fn rows_from(&self, resolution: Resolution, oldest: i64) -> impl Iterator<Item = (i64, Row)> {
        self.shelf(resolution).flat_map(move |shelf| shelf.rows_from(oldest))
    }

    /// The rows that are kept, the oldest first.
    pub(crate) fn rows(&self, resolution: Resolution) -> impl Iterator<Item = (i64, Row)> {
        self.rows_from(resolution, i64::MIN)
    }

    /// The hours or the days that are kept, by their number, the oldest first. Of minutes there are none.
    pub fn buckets(&self, resolution: Resolution) -> impl Iterator<Item = (i64, Bucket)> {
        self.rows(resolution).flat_map(|(_, row)| row)
    }

    /// The bytes of all of it: equal roll-ups have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let LeftOut { untimed, erased, malformed } = self.left_out();
        let mut bytes = [self.end, self.gone, untimed, erased, malformed].map(u64::to_be_bytes).concat();
        for resolution in Resolution::KEPT {
            for (row, buckets) in self.rows(resolution) {
                let buckets = write_row(&buckets);
                bytes.push(resolution.code());
                bytes.extend_from_slice(&row.to_be_bytes());
                bytes.extend_from_slice(&(buckets.len() as u64).to_be_bytes());
                bytes.extend_from_slice(&buckets);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
