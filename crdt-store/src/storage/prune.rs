//! Letting go of the beginning of logs, down to the peaks.
//!
//! ```text
//! held -- prune --> written in the ledger --> not read any more --> compact --> not there any more
//! ```
//!
//! What stands for the entries that were let go is in the ledger, durably, before they are not read any more; their bytes go
//! when segments are rewritten. The log goes on from there: runs that begin later are verified, and served, as before.

use std::sync::Arc;

use msec_identity::LogId;

use super::held::{Base, Facts, HeldLog};
use super::ledger::Record;
use super::view::View;
use super::{Storage, Store, answer};
use crate::error::StorageError;
use crate::log::peaks;
use crate::merkle::CompactRange;

impl Store {
    /// As [`Storage::prune`].
    pub(super) fn let_go(&mut self, logs: &[(LogId, u64)]) -> Result<u64, StorageError> {
        self.sync()?;
        let view = self.shared.view();
        let (mut pruned, mut records, mut entries) = (Vec::new(), Vec::new(), 0);
        for (id, end) in logs {
            let Some(held) = self.shared.logs().get(id).cloned() else { continue };
            let end = (*end).min(held.size());
            // Entry 0 stays.
            if end <= held.begin().max(1) {
                continue;
            }
            entries += end - held.begin().max(1);
            let base = Arc::new(base_of(&view, &held, end, self.segment.epoch)?);
            records.push(Record::Pruned(base.clone()));
            let mut log = HeldLog::clone(&held);
            log.let_go(base);
            if !log.has_newest() {
                log.facts.newest = answer::newest_of(&view, &log)?;
                log.changed = true;
            }
            pruned.push(log);
        }
        if !records.is_empty() {
            self.ledger.write(&records)?;
            self.shared.logs_mut().extend(pruned.into_iter().map(|log| (log.id(), Arc::new(log))));
        }
        Ok(entries)
    }
}

/// What stands for the entries of a log below `end`.
fn base_of(view: &View, log: &HeldLog, end: u64, epoch: super::Epoch) -> Result<Base, StorageError> {
    let (first, mut between) = match &log.base {
        Some(base) => (base.first.clone(), base.between.clone()),
        None => (view.entry(log, 0)?, CompactRange::empty(1)),
    };
    view.extend(log, &mut between, end)?;
    let mut rest = view.range(log, end)?;
    let held = peaks(&first, &between);
    let mut whole = held.clone();
    if !rest.join(&log.facts.rest) || !whole.join(&rest) || whole.root() != log.facts.head.claims().root {
        return Err(StorageError::Damaged);
    }
    let latest = match end == log.size() {
        true => log.facts.latest,
        false => view.entry(log, end - 1)?.read_at(),
    };
    let facts = Facts { held, rest, newest: None, latest, ..log.facts.clone() };
    Ok(Base { first, between, facts, epoch })
}
