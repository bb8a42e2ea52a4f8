//! Erasing the bodies of entries, for good.
//!
//! ```text
//! kept -- erase --> a tombstone in the ledger: refused from here on, from anybody
//!               --> segments rewritten without salt and body, aside.msec and snapshots removed, the index made again
//!               --> the ledger says that it is done: acknowledged
//! ```
//!
//! What is left of an entry is its kind, its time and the commitment. That was made with 16 random bytes, which are gone with
//! the body, so that it can't be guessed back. A crash on the way is gone on from when the store is opened. Files that held
//! bodies are removed, or lose their name to another one: nothing of them is found through the file system. What a flash card keeps
//! of them in blocks that it has put aside, only the card knows.

use std::collections::BTreeMap;
use std::ops::Range;

use msec_identity::LogId;

use super::ledger::Record;
use super::segments::ASIDE;
use super::{About, Erasures, Storage, Store, compact, opening};
use crate::error::StorageError;
use crate::log::{Body, Entry};

/// Tombstones that a store keeps: ranges of entries, those that touch being one. No further one is taken.
pub(super) const TOMBSTONES_MAX: usize = 1 << 18;

/// Which entries were erased, of all logs, held or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Tombstones {
    /// In their order; they don't touch.
    by_log: BTreeMap<LogId, Vec<Range<u64>>>,
    count: usize,
}

impl Tombstones {
    pub(super) fn add(&mut self, log: LogId, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let ranges = self.by_log.entry(log).or_default();
        let first = ranges.partition_point(|other| other.end < range.start);
        let last = ranges.partition_point(|other| other.start <= range.end);
        let merged = ranges.get(first..last).unwrap_or_default().iter();
        let merged = merged.fold(range, |all, other| all.start.min(other.start)..all.end.max(other.end));
        let before = ranges.len();
        ranges.splice(first..last, [merged]);
        self.count = self.count + ranges.len() - before;
    }

    pub(super) fn has(&self, log: &LogId, position: u64) -> bool {
        let Some(ranges) = self.by_log.get(log) else { return false };
        let after = ranges.partition_point(|range| range.end <= position);
        ranges.get(after).is_some_and(|range| range.contains(&position))
    }

    /// Whether one of these positions has one.
    pub(super) fn touch(&self, log: &LogId, positions: Range<u64>) -> bool {
        let Some(ranges) = self.by_log.get(log) else { return false };
        let after = ranges.partition_point(|range| range.end <= positions.start);
        ranges.get(after).is_some_and(|range| range.start < positions.end)
    }

    /// How many of these positions have one.
    pub(super) fn count_in(&self, log: &LogId, positions: Range<u64>) -> u64 {
        let Some(ranges) = self.by_log.get(log) else { return 0 };
        let after = ranges.partition_point(|range| range.end <= positions.start);
        let touched = ranges[after..].iter().take_while(|range| range.start < positions.end);
        touched.map(|it| it.end.min(positions.end).saturating_sub(it.start.max(positions.start))).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_log.is_empty()
    }

    pub(super) fn has_room(&self, more: usize) -> bool {
        self.count.saturating_add(more) <= TOMBSTONES_MAX
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LogId, Range<u64>)> + '_ {
        self.by_log.iter().flat_map(|(log, ranges)| ranges.iter().map(move |range| (*log, range.clone())))
    }

    /// Erases those of these entries, of which the first is at `from`, that are to be. Returns how many bodies went.
    pub(super) fn erase_in(&self, log: &LogId, from: u64, entries: &mut [Entry]) -> u64 {
        let mut erased = 0;
        for (entry, position) in entries.iter_mut().zip(from..) {
            if self.has(log, position) && matches!(entry.body, Body::Kept { .. }) {
                entry.erase();
                erased += 1;
            }
        }
        erased
    }
}

impl Store {
    /// As [`Storage::erase_all`].
    pub(super) fn erase_bodies(&mut self, entries: &[(LogId, Range<u64>)]) -> Result<Erasures, StorageError> {
        self.sync()?;
        let mut gone = Tombstones::default();
        for (log, range) in entries {
            // Entry 0 is the header: without it nobody can verify the log.
            let range = range.start.max(1)..range.end;
            if !range.is_empty() {
                // Claims over them say something of their bodies.
                self.claims_go(log, &range, |_| true, &mut gone)?;
                gone.add(*log, range);
            }
        }
        self.bury(&gone)
    }

    /// As [`Storage::erase_about`].
    pub(super) fn erase_claims(
        &mut self,
        about: &[About],
    ) -> Result<(Erasures, Vec<[u8; 32]>), StorageError> {
        self.sync()?;
        let (mut gone, mut left) = (Tombstones::default(), Vec::new());
        for it in about {
            for (log, range) in &it.entries {
                self.claims_go(log, range, |maker| it.makers.contains(maker), &mut gone)?;
            }
        }
        for it in about {
            let mut is_left = false;
            for (log, range) in &it.entries {
                self.each_claim_over(log, range, |_, maker, position| {
                    is_left |= !gone.has(&maker, position);
                    Ok(())
                })?;
            }
            left.extend(is_left.then_some(it.order));
        }
        let entries = self.bury(&gone)?;
        // What was cut off may hold their bodies, and so may runs that are passed over since.
        if entries.is_empty() && self.shared.medium.len(ASIDE)?.is_some() {
            self.finish_erasing()?;
        }
        Ok((entries, left))
    }

    /// Adds the claims over some entries to what is to be gone, of those that stand in some logs, and what countersigns them.
    fn claims_go(
        &self,
        log: &LogId,
        range: &Range<u64>,
        in_log: impl Fn(&LogId) -> bool,
        gone: &mut Tombstones,
    ) -> Result<(), StorageError> {
        let room = |gone: &Tombstones| gone.has_room(1).then_some(()).ok_or(StorageError::TooManyErasures);
        self.each_claim_over(log, range, |claim, maker, position| {
            if !in_log(&maker) {
                return Ok(());
            }
            gone.add(maker, position..position.saturating_add(1));
            self.each_countersigning(&claim, |by, at| {
                gone.add(by, at..at.saturating_add(1));
                room(gone)
            })?;
            room(gone)
        })
    }

    /// Erases these, of which some may be gone already.
    fn bury(&mut self, gone: &Tombstones) -> Result<Erasures, StorageError> {
        let erased: Erasures = gone.iter().collect();
        if erased.is_empty() {
            return Ok(erased);
        }
        if !self.ledger.told.erased.has_room(erased.len()) {
            return Err(StorageError::TooManyErasures);
        }
        let records: Vec<_> = erased.iter().map(|(log, range)| Record::Erased(*log, range.clone())).collect();
        self.ledger.write(&records)?;
        self.shared.set_tombstones(self.ledger.told.erased.clone());
        self.finish_erasing()?;
        Ok(erased)
    }

    /// Sees to it that nothing is left of what has a tombstone.
    pub(super) fn finish_erasing(&mut self) -> Result<(), StorageError> {
        // Whatever is rewritten: pages of the index that are free hold what was in them.
        self.is_stale = true;
        self.sift_erased()?;
        if self.is_stale {
            let shared = self.shared.clone();
            let _nobody_reads = shared.files_change();
            self.read_again()?;
        }
        let medium = self.shared.medium.clone();
        compact::remove_ending(medium.as_ref(), compact::BESIDE)?;
        compact::remove_ending(medium.as_ref(), compact::SNAPSHOT)?;
        medium.remove(ASIDE)?;
        if self.shared.index().is_none() {
            // One that another build left.
            medium.remove(opening::INDEX)?;
        }
        medium.sync_dir()?;
        Ok(self.ledger.write(&[Record::Finished])?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tombstones_are_a_set_of_positions(
            added in proptest::collection::vec((0u64..60, 0u64..12, 0u8..2), 0..12),
            (from, len) in (0u64..70, 1u64..9),
        ) {
            let (mut it, mut set) = (Tombstones::default(), BTreeSet::new());
            for (start, len, log) in added {
                it.add(LogId([log; 32]), start..start + len);
                set.extend((start..start + len).map(|position| (log, position)));
            }
            for log in 0..2 {
                let id = LogId([log; 32]);
                prop_assert!((0..80).all(|position| it.has(&id, position) == set.contains(&(log, position))));
                let touched = (from..from + len).any(|position| set.contains(&(log, position)));
                prop_assert_eq!(it.touch(&id, from..from + len), touched);
                let count = (from..from + len).filter(|position| set.contains(&(log, *position))).count();
                prop_assert_eq!(it.count_in(&id, from..from + len), count as u64);
            }
            let ranges: Vec<_> = it.iter().collect();
            prop_assert_eq!(ranges.len(), it.count);
            prop_assert!(ranges.windows(2).all(|two| two[0].0 != two[1].0 || two[0].1.end < two[1].1.start));
        }
    }
}
