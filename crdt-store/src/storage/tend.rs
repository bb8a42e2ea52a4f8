//! How the index keeps up with what is written: it takes what is in memory now and then, and is made again where it fails.

use std::sync::Arc;

use super::claims::Claims;
use super::index::{AnyIndex, Checkpoint};
use super::ledger::Record;
use super::opening;
use super::replay::ROLLED_BYTES_MAX;
use super::segments::Segment;
use super::{Store, StoreConfig};
use crate::error::StorageError;

/// Stretches that are in memory before the index takes them, 64 bytes each: many short runs fill memory before they fill
/// segments.
const STRETCHES_MAX: usize = 100_000;

impl Store {
    /// Lets the index take what is in memory, if it is much; and makes it again if it failed somebody. Nothing that can
    /// happen to the index is a reason not to go on.
    pub(super) fn tend_index(&mut self) {
        if self.is_stale
            && let Err(error) = self.read_again()
        {
            tracing::error!(%error, "the store cannot be read after it was rewritten");
        }
        let Some(index) = self.shared.index() else { return };
        if self.shared.index_has_failed() {
            self.make_index_again(&index);
        } else if self.behind.0 >= self.config.checkpoint_bytes
            || self.behind.1 >= STRETCHES_MAX
            || self.unindexed >= ROLLED_BYTES_MAX
        {
            self.checkpoint(&index);
            self.keep_wear();
        }
    }

    /// Writes down what was written, if something was stored since the last time.
    pub(super) fn keep_wear(&mut self) {
        let wear = self.gauge.wear();
        if wear.readings != self.ledger.told.wear.readings
            && let Err(error) = self.ledger.write(&[Record::Wear(wear)])
        {
            tracing::warn!(%error, "how much was written to the store is forgotten when it is closed");
        }
    }

    /// Lets the index take all that is in memory. It is durable by now.
    pub(super) fn checkpoint(&mut self, index: &AnyIndex) {
        (self.behind, self.unindexed) = ((0, 0), 0);
        let shared = self.shared.clone();
        let moving = shared.moving();
        let logs: Vec<_> =
            self.shared.logs().values().filter(|log| log.changed && log.size() > 0).cloned().collect();
        let Segment { number: segment, len: offset, last, .. } = self.segment;
        let (run, rewritten) = (self.durable.run, self.ledger.told.rewritten);
        let (claims, roll_ups) = (self.shared.claims().clone(), self.config.roll_ups);
        let checkpoint = Checkpoint { segment, offset, last, run, rewritten, roll_ups };
        if let Err(error) = index.commit(checkpoint, &logs, &claims) {
            tracing::warn!(%error, "the store's index cannot be written: it is made again");
            drop(moving);
            return self.make_index_again(index);
        }
        drop(logs);
        *self.shared.claims_mut() = Claims::default();
        let mut logs = self.shared.logs_mut();
        let taken = logs.values_mut().filter(|log| log.changed && log.size() > 0);
        taken.for_each(|log| Arc::make_mut(log).forget_indexed());
    }

    /// Throws the index away, and reads all segments for another one.
    fn make_index_again(&mut self, old: &AnyIndex) {
        old.detach();
        match self.read_again() {
            // Others were told what the store holds. The next start cuts it back.
            Ok(()) | Err(StorageError::Damaged) => {}
            Err(error) => tracing::error!(%error, "the store cannot be read for its index"),
        }
    }

    /// Reads all segments, and makes another index. All that was applied is durable by now.
    pub(super) fn read_again(&mut self) -> Result<(), StorageError> {
        if let Some(index) = self.shared.index() {
            index.detach();
            self.shared.set_index(None);
        }
        self.is_stale = true;
        // One that cannot be removed is not used.
        let index = self.config.index && self.shared.medium.remove(opening::INDEX).is_ok();
        let config = StoreConfig { index, ..self.config.clone() };
        let (replay, index) = opening::read(&self.shared.medium, &config)?;
        if !replay.bad.is_empty() || replay.gaps {
            return self.shared.note(Err(StorageError::Damaged));
        }
        let (number, len, last) = replay.end;
        if number == self.segment.number {
            // It may be a shorter one by now.
            self.segment = Segment::open(self.shared.medium.clone(), number, self.segment.epoch, len, last);
        }
        self.next_number = replay.next_number();
        let stretches = replay.logs.values().map(|log| log.tail.len()).sum();
        let _moving = self.shared.moving();
        self.unindexed = replay.unindexed();
        *self.shared.logs_mut() = replay.logs;
        *self.shared.claims_mut() = replay.claims;
        self.shared.set_index(index);
        (self.behind, self.is_stale) = ((0, stretches), false);
        self.look_again(self.bounds.keys().copied())
    }
}
