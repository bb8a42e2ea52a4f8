//! Where entries lie once their segment was rewritten.
//!
//! ```text
//! sifted: each stretch of a run that is left, and where it will lie -- its segment takes its name --> memory and index say so
//! ```
//!
//! A stretch keeps its last entry. Where its log begins in the middle of it now, it begins there. Nothing is read again but what of it
//! was to be written. A crash before the index knows leaves one that is of before, as the ledger counts; it is made again then.

use std::sync::Arc;

use msec_identity::{LogId, UnixMillis};

use super::Store;
use super::frame::check;
use super::index::Checkpoint;
use super::segments::Segment;
use super::stored::StoredRun;
use super::stretch::Stretch;
use crate::error::StorageError;
use crate::log::Entry;

/// A stretch that lies elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) log: LogId,
    /// Its first position before.
    pub(super) from: u64,
    /// What it is now.
    pub(super) stretch: Stretch,
}

impl Stretch {
    /// What is left of it in a run that was written anew, in that payload, from which its place is counted.
    pub(super) fn in_rest(&self, run: &StoredRun, payload: &[u8]) -> Option<Self> {
        let from = self.from.max(run.from);
        let group = from.checked_sub(run.from)? as usize..self.end.checked_sub(run.from)? as usize;
        let (places, entries) = (run.places.get(group.clone())?, run.entries.get(group)?);
        let place = places.first()?.start..places.last()?.end;
        let mut it = Self {
            from,
            offset: place.start as u32,
            len: place.len() as u32,
            check: check(&payload[place]),
            oldest: UnixMillis(i64::MAX),
            newest: UnixMillis(i64::MIN),
            ..*self
        };
        for reading in entries.iter().flat_map(Entry::readings) {
            (it.oldest, it.newest) = (it.oldest.min(reading.time), it.newest.max(reading.time));
        }
        Some(it)
    }
}

impl Store {
    /// Whether the index knows all that is in memory, so that it can be told what moved.
    pub(super) fn is_indexed(&self) -> bool {
        self.shared.index().is_none() || (self.behind == (0, 0) && self.unindexed == 0)
    }

    /// Tells memory and index where stretches lie now. Nobody reads files meanwhile.
    pub(super) fn relocate(&mut self, moved: &[Moved]) -> Result<(), StorageError> {
        let shared = self.shared.clone();
        let _moving = shared.moving();
        let mut rows = Vec::new();
        let mut logs = shared.logs_mut();
        for Moved { log, from, stretch } in moved {
            let Some(log) = logs.get_mut(log) else { continue };
            match log.in_tail(*from).filter(|at| log.tail[*at].from == *from) {
                Some(at) => Arc::make_mut(log).tail[at] = *stretch,
                None => rows.push((log.number, *from, *stretch)),
            }
        }
        drop(logs);
        let Some(index) = shared.index() else {
            let is_lost = !rows.is_empty();
            return if is_lost {
                Err(StorageError::Index("entries are missing in memory".into()))
            } else {
                Ok(())
            };
        };
        rows.sort_unstable_by_key(|(log, from, _)| (*log, *from));
        let Segment { number: segment, len: offset, last, .. } = self.segment;
        let (run, rewritten, roll_ups) = (self.durable.run, self.ledger.told.rewritten, self.config.roll_ups);
        let checkpoint = Checkpoint { segment, offset, last, run, rewritten, roll_ups };
        shared.note(index.relocate(checkpoint, &rows).map_err(StorageError::Index))
    }
}
