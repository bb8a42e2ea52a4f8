//! Entries that lie one after the other in a segment: what the index knows of where entries are, and when they were
//! measured.

use std::ops::Range;

use msec_identity::{LogId, UnixMillis};

use super::frame::check;
use crate::log::{Entry, TimeQuality};
use crate::query::RowCursor;
use crate::reading::Reading;

/// Bytes of entries that are read, and checked, together. A longer entry is a stretch of its own.
const STRETCH_BYTES_MAX: usize = 16 * 1024;

/// Entries of one log that lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The position of the first one.
    pub(super) from: u64,
    /// The position after the last one.
    pub(super) end: u64,
    /// Where they lie.
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
    /// The first bytes of the hash of theirs. They were verified when it was taken, and are not changed since if it is
    /// still right.
    pub(super) check: [u8; 8],
    /// The times of the readings in them. Without readings, none lies between.
    pub(super) oldest: UnixMillis,
    pub(super) newest: UnixMillis,
    /// The greatest time in the log up to its end: a query that wants what is newer need not look further back.
    pub(super) greatest: UnixMillis,
}

/// The newest reading of a log, with what a query has to show of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Newest {
    pub(super) key: RowCursor,
    pub(super) clock: TimeQuality,
    pub(super) reading: Reading,
}

impl Stretch {
    pub(super) fn holds(&self, position: u64) -> bool {
        (self.from..self.end).contains(&position)
    }

    /// Whether readings of these times may be in it.
    pub(super) fn has(&self, since: UnixMillis, until: UnixMillis) -> bool {
        self.oldest <= self.newest && self.newest >= since && self.oldest < until
    }
}

/// What stretches are made of: a frame that was written or read back, and its entries.
pub(super) struct Laid<'a> {
    pub(super) log: LogId,
    /// The number of the run.
    pub(super) run: u64,
    pub(super) segment: u32,
    /// Where in the segment `bytes` begin.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` each entry lies.
    pub(super) places: &'a [Range<usize>],
    pub(super) entries: &'a [Entry],
    /// What [`Entry::readings`] finds in each.
    pub(super) readings: &'a [Vec<Reading>],
}

impl Laid<'_> {
    /// Groups the entries, of which the first is at `from`, and goes on from the newest reading of their log. Returns how many
    /// readings are in them.
    pub(super) fn stretches(
        &self,
        mut from: u64,
        newest: &mut Option<Newest>,
        mut add: impl FnMut(Stretch),
    ) -> u64 {
        let (mut first, mut readings) = (0, 0);
        for last in 0..self.places.len() {
            let bytes = |end: usize| self.places[end].end - self.places[first].start;
            let is_full = self.places.get(last + 1).is_none() || bytes(last + 1) > STRETCH_BYTES_MAX;
            if is_full {
                let stretch = self.stretch(first..last + 1, from, newest, &mut readings);
                from = stretch.end;
                first = last + 1;
                add(stretch);
            }
        }
        readings
    }

    fn stretch(
        &self,
        group: Range<usize>,
        from: u64,
        newest: &mut Option<Newest>,
        count: &mut u64,
    ) -> Stretch {
        let place = self.places[group.start].start..self.places[group.end - 1].end;
        let mut stretch = Stretch {
            from,
            end: from + group.len() as u64,
            segment: self.segment,
            offset: (self.offset + place.start as u64) as u32,
            len: place.len() as u32,
            check: check(&self.bytes[place]),
            oldest: UnixMillis(i64::MAX),
            newest: UnixMillis(i64::MIN),
            greatest: UnixMillis(i64::MIN),
        };
        let entries = self.entries[group.clone()].iter().zip(&self.readings[group]);
        for ((entry, readings), position) in entries.zip(from..) {
            *count += readings.len() as u64;
            let oldest = readings.iter().map(|reading| reading.time).min();
            // Of several at one time the last one.
            let Some((index, reading)) = (0..).zip(readings).max_by_key(|(_, reading)| reading.time) else {
                continue;
            };
            stretch.oldest = stretch.oldest.min(oldest.unwrap_or(reading.time));
            stretch.newest = stretch.newest.max(reading.time);
            let key = RowCursor { time: reading.time, log: self.log, position, index };
            if newest.is_none_or(|newest| key > newest.key) {
                *newest = Some(Newest { key, clock: entry.quality, reading: *reading });
            }
        }
        stretch.greatest = newest.map_or(stretch.greatest, |newest| newest.key.time);
        stretch
    }
}
