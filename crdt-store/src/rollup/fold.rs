//! Roll-ups as a fold over logs: updated in place, and the same when they are made anew.

use std::collections::BTreeMap;

use msec_identity::LogId;

use super::bucket::{Bucket, Resolution};
use super::claim::RollUpClaim;
use super::columns;
use super::tally::{LeftOut, Tally, Told};
use crate::error::RollUpError;
use crate::log::Entry;

/// Buckets of minutes that are kept of a log: a day that has something in each. Those that begin last are kept, whatever came
/// when; what is in no bucket any more is in the entries, and in claims over them.
pub const MINUTES_KEPT: usize = 1_440;
/// The same of hours: 31 days.
pub const HOURS_KEPT: usize = 744;
/// The same of days: a year.
pub const DAYS_KEPT: usize = 366;

impl Resolution {
    /// How many buckets of a log are kept.
    pub fn kept(self) -> usize {
        match self {
            Self::Minute => MINUTES_KEPT,
            Self::Hour => HOURS_KEPT,
            Self::Day => DAYS_KEPT,
        }
    }
}

/// The buckets of one log, of one resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUp {
    size: u64,
    tally: Tally,
}

impl RollUp {
    /// Of a log of which nothing came.
    pub fn new(resolution: Resolution) -> Self {
        Self { size: 0, tally: Tally::new(resolution) }
    }

    /// How many entries it is over.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What of the entries is in no bucket.
    pub fn left_out(&self) -> LeftOut {
        self.tally.left_out
    }

    /// The buckets that are kept, by their number.
    pub fn buckets(&self) -> &BTreeMap<i64, Bucket> {
        &self.tally.buckets
    }

    /// Takes a claim for the entries that it is over: they may be gone since. The caller knows whether the word of its maker,
    /// and of those who countersigned, is enough.
    ///
    /// # Errors
    ///
    /// [`RollUpError::NotNext`] if it does not begin where this roll-up ends, or is of another resolution; then nothing is done.
    pub fn adopt(&mut self, claim: &RollUpClaim) -> Result<(), RollUpError> {
        if claim.resolution() != self.tally.resolution || claim.from() != self.size {
            return Err(RollUpError::NotNext { size: self.size, from: claim.from() });
        }
        for (number, bucket) in claim.buckets() {
            self.tally.buckets.entry(*number).or_default().join(bucket);
        }
        self.tally.left_out.join(&claim.left_out());
        self.size = claim.to();
        self.forget_old();
        Ok(())
    }

    fn add(&mut self, told: &Told) {
        self.tally.add(told);
        self.size += 1;
        self.forget_old();
    }

    /// A bucket that is left out here can't come back: as many as are kept begin later.
    fn forget_old(&mut self) {
        while self.tally.buckets.len() > self.tally.resolution.kept() {
            self.tally.buckets.pop_first();
        }
    }

    /// The bytes of all of it: equal roll-ups have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let LeftOut { untimed, erased, malformed } = self.tally.left_out;
        let numbers = [self.size, untimed, erased, malformed].map(u64::to_be_bytes).concat();
        [&[self.tally.resolution.code()], &numbers[..], &columns::write(&self.tally.buckets)].concat()
    }
}

/// The roll-ups of all logs: one of each resolution for each log that is held. It has as many logs as its caller gives it; each
/// takes at most 2,550 buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollUps {
    logs: BTreeMap<LogId, [RollUp; 3]>,
}

impl RollUps {
    /// Adds entries of a log from position `from` on, that were verified. What is known already is passed over.
    ///
    /// # Errors
    ///
    /// [`RollUpError::NotNext`] if entries are missing before them; then nothing is done.
    pub fn apply(&mut self, log: LogId, from: u64, entries: &[Entry]) -> Result<(), RollUpError> {
        let size = self.logs.get(&log).map_or(0, |them| them.iter().map(|it| it.size).min().unwrap_or(0));
        if from > size {
            return Err(RollUpError::NotNext { size, from });
        }
        let them = self.logs.entry(log).or_insert_with(|| Resolution::ALL.map(RollUp::new));
        for (position, entry) in (from..).zip(entries) {
            if position < size {
                continue;
            }
            let told = Told::by(entry);
            // One that adopted a claim may be ahead of the others.
            them.iter_mut().filter(|it| it.size == position).for_each(|it| it.add(&told));
        }
        Ok(())
    }

    /// Takes a claim: see [`RollUp::adopt`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn adopt(&mut self, claim: &RollUpClaim) -> Result<(), RollUpError> {
        let before = self.logs.get_mut(&claim.log());
        let mut new = None;
        let them = match before {
            Some(them) => them,
            None => new.insert(Resolution::ALL.map(RollUp::new)),
        };
        let it = them.iter_mut().find(|it| it.tally.resolution == claim.resolution());
        it.map_or(Ok(()), |it| it.adopt(claim))?;
        if let Some(them) = new {
            self.logs.insert(claim.log(), them);
        }
        Ok(())
    }

    /// Throws away what is known of a log: because a body of it was erased, or a prefix cut. It begins anew.
    pub fn forget(&mut self, log: &LogId) {
        self.logs.remove(log);
    }

    /// The roll-up of one log.
    pub fn of_log(&self, log: &LogId, resolution: Resolution) -> Option<&RollUp> {
        self.logs.get(log)?.iter().find(|it| it.tally.resolution == resolution)
    }

    /// The buckets of a stream, from all logs that carry it: one for each incarnation of its writer.
    pub fn of_stream<'a>(
        &self,
        logs: impl IntoIterator<Item = &'a LogId>,
        resolution: Resolution,
    ) -> BTreeMap<i64, Bucket> {
        let mut buckets = BTreeMap::<i64, Bucket>::new();
        for it in logs.into_iter().filter_map(|log| self.of_log(log, resolution)) {
            for (number, bucket) in it.buckets() {
                buckets.entry(*number).or_default().join(bucket);
            }
        }
        buckets
    }

    /// The bytes of all of it: equal roll-ups have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (log, them) in &self.logs {
            bytes.extend_from_slice(log.as_bytes());
            for it in them.iter().map(RollUp::to_bytes) {
                bytes.extend_from_slice(&(it.len() as u64).to_be_bytes());
                bytes.extend_from_slice(&it);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
