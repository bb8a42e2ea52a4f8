//! Readings of entries, counted into buckets.

use std::collections::BTreeMap;

use msec_identity::UnixMillis;

use super::bucket::{Bucket, Resolution, plus};
use crate::log::{Entry, EntryKind, TimeQuality};
use crate::reading::Reading;

/// What of the entries is in no bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LeftOut {
    /// Readings whose writer did not know the time: no bucket is theirs.
    pub untimed: u64,
    /// Entries of readings whose body was erased.
    pub erased: u64,
    /// Entries of readings that cannot be read. Their author is to blame.
    pub malformed: u64,
}

impl LeftOut {
    pub(crate) fn join(&mut self, other: &Self) {
        self.untimed = plus(self.untimed, other.untimed);
        self.erased = plus(self.erased, other.erased);
        self.malformed = plus(self.malformed, other.malformed);
    }
}

/// What one entry adds, before it is put into buckets: it is unpacked once for all resolutions.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(super) readings: Vec<Reading>,
    pub(super) left_out: LeftOut,
    /// Whether it is of readings and its body is there.
    pub(super) has_body: bool,
}

impl Told {
    /// How many readings it holds in memory.
    pub(crate) fn len(&self) -> usize {
        self.readings.len()
    }

    /// Leaves out readings of other times.
    pub(crate) fn retain(&mut self, wanted: impl Fn(UnixMillis) -> bool) {
        self.readings.retain(|reading| wanted(reading.time));
    }

    pub(crate) fn by(entry: &Entry) -> Self {
        Self::of(entry, entry.readings())
    }

    /// As [`Told::by`], of an entry whose readings were unpacked before.
    pub(crate) fn of(entry: &Entry, readings: Vec<Reading>) -> Self {
        let left_out = |left_out| Self { left_out, has_body: true, ..Self::default() };
        if entry.kind != EntryKind::Readings {
            return Self::default();
        }
        if entry.body.bytes().is_none() {
            let erased = LeftOut { erased: 1, ..LeftOut::default() };
            return Self { has_body: false, ..left_out(erased) };
        }
        // What can be read holds a reading at least.
        if readings.is_empty() {
            return left_out(LeftOut { malformed: 1, ..LeftOut::default() });
        }
        if entry.quality != TimeQuality::Synchronised {
            return left_out(LeftOut { untimed: readings.len() as u64, ..LeftOut::default() });
        }
        Self { readings, ..left_out(LeftOut::default()) }
    }
}

/// Buckets of one resolution.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tally {
    pub(crate) resolution: Resolution,
    pub(crate) buckets: BTreeMap<i64, Bucket>,
    pub(super) left_out: LeftOut,
}

impl Tally {
    pub(crate) fn new(resolution: Resolution) -> Self {
        Self { resolution, buckets: BTreeMap::new(), left_out: LeftOut::default() }
    }

    pub(crate) fn add(&mut self, told: &Told) {
        self.left_out.join(&told.left_out);
        let mut rest = &told.readings[..];
        // Neighbours mostly share a bucket, which is then looked up once.
        while let Some(first) = rest.first() {
            let number = self.resolution.number(first.time);
            let bucket = self.buckets.entry(number).or_default();
            let len = rest.iter().take_while(|it| self.resolution.number(it.time) == number).count();
            bucket.add_all(&rest[..len]);
            rest = &rest[len..];
        }
    }

    /// How many buckets there would be.
    pub(super) fn len_with(&self, told: &Told) -> usize {
        let numbers = told.readings.iter().map(|reading| self.resolution.number(reading.time));
        let mut new: Vec<_> = numbers.filter(|number| !self.buckets.contains_key(number)).collect();
        new.sort_unstable();
        new.dedup();
        self.buckets.len() + new.len()
    }
}
