//! Logs whose authors signed two histories: what shows it is kept in the ledger, and what is held of them is marked, from where
//! the two histories are not known to be the same. Evidence says how far they are at least ([`Fork::in_common`]); it counts as far as
//! what is held has the same hashes, for that may be a third history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use msec_identity::LogId;

use super::Store;
use super::held::HeldLog;
use super::ledger::Record;
use super::shared::Shared;
use super::view::View;
use crate::error::StorageError;
use crate::log::Fork;
use crate::rollup::RollUpQuery;

/// Forked logs of which a store keeps the evidence, up to 32 KiB each and usually 1. Beyond it no more is kept: of a log that was
/// forked then, each peer goes on with the history that it saw first.
pub const CONTESTED_MAX: usize = 1_024;

impl Store {
    /// The logs that were forked.
    pub fn contested(&self) -> &BTreeMap<LogId, Arc<Fork>> {
        &self.ledger.told.contested
    }

    pub(super) fn keep_evidence(&mut self, fork: &Arc<Fork>) -> Result<(), StorageError> {
        if self.contested().contains_key(&fork.log()) {
            return Ok(());
        }
        if self.contested().len() >= CONTESTED_MAX {
            return Err(StorageError::TooManyForks);
        }
        self.ledger.write(&[Record::Contested(fork.clone())])?;
        self.mark(fork);
        Ok(())
    }

    /// Marks what is held of all forked logs, when the store was opened.
    pub(super) fn mark_forks(&self) {
        self.contested().values().for_each(|fork| self.mark(fork));
    }

    fn mark(&self, fork: &Fork) {
        let _stay = self.shared.files_stay();
        self.shared.mark_contested(fork.log(), self.common(fork));
    }

    /// How many entries that are held are in both histories. Where that cannot be read: none.
    fn common(&self, fork: &Fork) -> u64 {
        let Some(log) = self.shared.log(&fork.log()) else { return 0 };
        let (view, common) = (self.shared.view(), fork.common());
        let is_held = |root, end| {
            let held = self.shared.note(view.prefix(&log, end));
            held.is_ok_and(|held| held.is_some_and(|held| held.root() == root))
        };
        let mut beginnings = common.beginnings().filter(|it| it.end() <= log.size());
        beginnings.find(|it| is_held(it.root(), it.end())).map_or(0, |it| it.end())
    }
}

impl Shared {
    /// The buckets that are wanted in which readings of that log count that are contested.
    pub(super) fn contested_buckets(
        &self,
        view: &View,
        log: &HeldLog,
        query: &RollUpQuery,
    ) -> Result<BTreeSet<i64>, StorageError> {
        let mut buckets = BTreeSet::new();
        let Some(first) = self.contested_from(&log.id()) else { return Ok(buckets) };
        for stretch in view.stretches(log) {
            let stretch = stretch?;
            if stretch.end <= first {
                break;
            }
            if !stretch.has(query.since, query.until) {
                continue;
            }
            for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if position >= first && log.shows(position) {
                    buckets.extend(entry.readings().into_iter().map(|it| query.resolution.number(it.time)));
                }
            }
        }
        Ok(buckets)
    }
}
