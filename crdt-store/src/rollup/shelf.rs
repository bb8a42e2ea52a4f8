//! The buckets of one resolution that a fold keeps: rows of 64, the newest ones, in little memory.
//!
//! Most streams have a reading in an hour or none. Such a bucket is its value, and takes 16 bytes and not 100; and who fetches
//! a year of a stream adds thousands of them, one after the other. So a row knows by a bit each which buckets it has, and the
//! row that came last is looked at first.

use super::bucket::{Bucket, Resolution};
use super::fold::{BUCKETS_PER_ROW, Row, row_of};
use crate::reading::{Reading, ValueQuality};

/// About what a row takes beside its buckets.
const ROW_BYTES: usize = 64;
const SLOT_BYTES: usize = size_of::<Slot>();
/// What a bucket takes that is more than one value, and what its memory takes to be managed.
const BUCKET_BYTES: usize = size_of::<Bucket>() + 16;

/// What is in a bucket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// One good reading, finite and not minus zero.
    One(f64),
    More(Box<Bucket>),
}

impl Slot {
    pub(super) fn of(readings: &[Reading]) -> Self {
        match readings {
            [it] if it.quality == ValueQuality::Good && it.value.is_finite() => Self::One(it.value + 0.0),
            _ => {
                let mut bucket = Box::<Bucket>::default();
                bucket.add_all(readings);
                Self::More(bucket)
            }
        }
    }

    fn bucket(&self) -> Bucket {
        match self {
            Self::One(value) => Bucket::of(*value),
            Self::More(bucket) => Bucket::clone(bucket),
        }
    }

    /// Returns how many more bytes it takes.
    fn join(&mut self, other: &Self) -> usize {
        let bytes = self.bytes();
        if let Self::One(value) = self {
            *self = Self::More(Box::new(Bucket::of(*value)));
        }
        match (&mut *self, other) {
            (Self::More(bucket), Self::One(value)) => bucket.add_value(*value),
            (Self::More(bucket), Self::More(other)) => bucket.join(other),
            (Self::One(_), _) => {}
        }
        self.bytes() - bytes
    }

    fn bytes(&self) -> usize {
        SLOT_BYTES + if matches!(self, Self::One(_)) { 0 } else { BUCKET_BYTES }
    }
}

/// Takes the first of these readings, with those behind it that are in the same bucket, which has that number.
pub(super) fn next_bucket<'a>(
    readings: &mut &'a [Reading],
    resolution: Resolution,
) -> Option<(i64, &'a [Reading])> {
    let (time, millis) = (readings.first()?.time, resolution.millis());
    let past = time.0.rem_euclid(millis);
    let times = time.0.saturating_sub(past)..=time.0.saturating_add(millis - 1 - past);
    let is_in = |it: &&Reading| times.contains(&it.time.0);
    let (own, others) = readings.split_at(readings.iter().take_while(is_in).count());
    *readings = others;
    Some((resolution.number(time), own))
}

/// The buckets of one row.
#[derive(Debug, Clone, Default, PartialEq)]
struct Slots {
    /// Which of the 64 there are, the first one lowest.
    present: u64,
    /// Those, in their order.
    slots: Vec<Slot>,
}

impl Slots {
    /// Adds what is in a bucket. Returns how many more bytes it takes.
    fn add(&mut self, number: i64, slot: &Slot) -> usize {
        let bit = 1 << number.rem_euclid(BUCKETS_PER_ROW);
        let at = (self.present & (bit - 1)).count_ones() as usize;
        if self.present & bit != 0 {
            return self.slots[at].join(slot);
        }
        self.present |= bit;
        self.slots.insert(at, slot.clone());
        slot.bytes()
    }

    /// The buckets of the row with that number.
    fn buckets(&self, row: i64) -> impl DoubleEndedIterator<Item = (i64, Bucket)> {
        let present = (0..BUCKETS_PER_ROW).filter(|at| self.present >> at & 1 == 1);
        let numbers: Vec<_> = present.map(|at| row * BUCKETS_PER_ROW + at).collect();
        numbers.into_iter().zip(&self.slots).map(|(number, slot)| (number, slot.bucket()))
    }

    fn bytes(&self) -> usize {
        ROW_BYTES + self.slots.iter().map(Slot::bytes).sum::<usize>()
    }
}

/// The rows of one resolution, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shelf {
    pub(super) resolution: Resolution,
    rows: Vec<(i64, Slots)>,
    /// About what they take.
    bytes: usize,
}

impl Shelf {
    pub(super) fn new(resolution: Resolution) -> Self {
        Self { resolution, rows: Vec::new(), bytes: 0 }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what is in the bucket of that number.
    pub(super) fn add(&mut self, number: i64, slot: &Slot) {
        if let Some(row) = self.row(row_of(number)) {
            self.bytes += self.rows[row].1.add(number, slot);
        }
    }

    /// Where the row of that number is. `None`: as many as are kept are newer.
    fn row(&mut self, number: i64) -> Option<usize> {
        if self.rows.last().is_some_and(|(last, _)| *last == number) {
            return Some(self.rows.len() - 1);
        }
        let mut at = match self.rows.binary_search_by_key(&number, |(row, _)| *row) {
            Ok(at) => return Some(at),
            Err(at) => at,
        };
        if self.rows.len() >= self.resolution.rows_kept() {
            at = at.checked_sub(1)?;
            self.bytes -= self.rows.remove(0).1.bytes();
        }
        self.rows.insert(at, (number, Slots::default()));
        self.bytes += ROW_BYTES;
        Some(at)
    }

    /// The rows from that number on, the oldest first.
    pub(super) fn rows_from(&self, oldest: i64) -> impl Iterator<Item = (i64, Row)> {
        let first = self.rows.partition_point(|(row, _)| *row < oldest);
        self.rows[first..].iter().map(|(row, slots)| (*row, slots.buckets(*row).collect()))
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::UnixMillis;
    use proptest::prelude::*;

    use super::*;
    use crate::rollup::tally::{Tally, Told};

    const HOUR: i64 = 3_600_000;

    fn reading() -> impl Strategy<Value = Reading> {
        let time = prop_oneof![
            8 => (0i64..40 * HOUR).prop_map(|time| time / 1_000_000 * 1_000_000),
            2 => (0i64..20_000).prop_map(|n| n * 70 * HOUR),
            1 => any::<i64>(),
            1 => prop_oneof![Just(i64::MIN), Just(i64::MIN + 1), Just(i64::MAX)],
        ];
        let value =
            prop_oneof![4 => (-50i32..50).prop_map(f64::from), 1 => Just(-0.0), 1 => Just(f64::INFINITY)];
        let quality = prop_oneof![4 => Just(ValueQuality::Good), 1 => Just(ValueQuality::Bad)];
        (time, value, quality)
            .prop_map(|(time, value, quality)| Reading { quality, ..Reading::new(UnixMillis(time), value) })
    }

    proptest! {
        /// It has the newest rows of what all readings come to, and knows what they take.
        #[test]
        fn the_newest_rows_are_those_of_all(
            entries in prop::collection::vec(prop::collection::vec(reading(), 1..9), 0..200),
        ) {
            for resolution in Resolution::KEPT {
                let (mut shelf, mut all) = (Shelf::new(resolution), Tally::new(resolution));
                for readings in entries.clone() {
                    let mut rest = &readings[..];
                    while let Some((number, own)) = next_bucket(&mut rest, resolution) {
                        shelf.add(number, &Slot::of(own));
                    }
                    all.add(&Told { readings, ..Told::default() });
                }
                let mut rows: Vec<_> = all.buckets.keys().map(|number| row_of(*number)).collect();
                rows.dedup();
                let oldest = rows[rows.len().saturating_sub(resolution.rows_kept())..].first().copied().unwrap_or_default();
                let kept = all.buckets.split_off(&oldest.saturating_mul(BUCKETS_PER_ROW));
                prop_assert_eq!(shelf.rows_from(i64::MIN).flat_map(|(_, row)| row).collect::<Row>(), kept);
                let bytes = shelf.rows.iter().map(|(_, slots)| slots.bytes()).sum::<usize>();
                prop_assert_eq!(shelf.bytes(), bytes);
            }
        }
    }
}
