//! Letting go of the beginning of logs, down to the peaks.
//!
//! ```text
//! held -- prune --> written in the ledger --> not read any more --> compact --> not there any more
//! ```
//!
//! What stands for the entries that were let go is in the ledger, durably, before they are not read any more; their bytes go
//! when segments are rewritten. The log goes on from there: runs that begin later are verified, and served, as before. Whoever asks
//! for what went is given what stands for it. A store that holds less of the log takes that with the first run after it, and begins
//! the log there: what it held before goes, since a log has no gap but at its beginning.

use std::sync::Arc;

use msec_identity::{LogId, Unverified};

use super::held::{Base, Facts, HeldLog, SignedHead};
use super::ledger::Record;
use super::shared::Shared;
use super::view::View;
use super::{Storage, Store, answer};
use crate::error::StorageError;
use crate::log::{LogState, VerifiedPrefix, VerifiedRun, encode_prefix, peaks};
use crate::merkle::CompactRange;
use crate::rollup::RollUps;

impl Store {
    /// As [`Storage::prune`].
    pub(super) fn let_go(&mut self, logs: &[(LogId, u64)]) -> Result<u64, StorageError> {
        self.sync()?;
        let view = self.shared.view();
        let (mut pruned, mut records, mut entries) = (Vec::new(), Vec::new(), 0);
        for (id, end) in logs {
            let Some(held) = self.shared.log(id) else { continue };
            let held = HeldLog::whole(&held);
            // Entry 0 stays, and the last one: it says how far the log came, and when.
            let end = (*end).min(held.size().saturating_sub(1));
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
            let ids: Vec<_> = pruned.iter().map(HeldLog::id).collect();
            self.shared.logs_mut().extend(pruned.into_iter().map(|log| (log.id(), Arc::new(log))));
            // Until that is done buckets count what was let go, and claims over it do not.
            ids.iter().try_for_each(|log| self.roll_up_anew(log))?;
            self.look_again(ids)?;
        }
        Ok(entries)
    }

    /// Begins logs with what stands for their beginning, where less of them is held, durably: what is held of them before goes, and
    /// a crash before their first run leaves logs of which nothing but that is held.
    pub(super) fn adopt(&mut self, runs: &[VerifiedRun]) -> Result<(), StorageError> {
        let is_behind = |state: &LogState| {
            self.shared.logs().get(&state.log()).is_none_or(|log| log.size() < state.size())
        };
        let prefixes = runs.iter().filter_map(|run| run.prefix.as_ref());
        let bases: Vec<_> = prefixes
            .filter(|prefix| is_behind(&prefix.state))
            .map(|prefix| {
                let VerifiedPrefix { first, between, state } = VerifiedPrefix::clone(prefix);
                let mut facts = Facts::new(state.header, SignedHead::Verified(state.head));
                (facts.held, facts.rest, facts.continuable) = (state.held, state.rest, false);
                facts.run = self.durable.run;
                Arc::new(Base { first, between, facts, epoch: self.segment.epoch })
            })
            .collect();
        if bases.is_empty() {
            return Ok(());
        }
        let mut records: Vec<_> = bases.iter().cloned().map(Record::Pruned).collect();
        // What was held may have been another history. Its head shows that to whoever has the entries.
        let held = bases.iter().filter_map(|base| self.shared.log(&base.log()));
        let heads = held.filter(|log| log.size() > 0).map(|log| log.facts.head.to_bytes());
        records.extend(heads.filter_map(|head| Unverified::from_bytes(&head).ok()).map(Record::Behind));
        self.ledger.write(&records)?;
        for base in bases {
            let before = self.shared.log(&base.log());
            let number = before.as_ref().map_or(self.next_number, |log| log.number);
            self.next_number = self.next_number.max(number + 1);
            let log = Arc::new(HeldLog::from_base(number, &base, self.config.roll_ups));
            let shared = self.shared.clone();
            let _moving = shared.moving();
            shared.logs_mut().insert(base.log(), log);
            let is_rolled = self.config.roll_ups && before.is_some_and(|log| log.has_row);
            if let Some(index) = shared.index().filter(|_| is_rolled) {
                // Buckets of what went would be counted on. An index that refuses is made again.
                let nothing = RollUps::after(base.end());
                let _ = shared.note(index.replace(number, &nothing).map_err(StorageError::Index));
            }
        }
        Ok(())
    }
}

impl Shared {
    /// As [`super::Storage::prefix`], of one log.
    pub(super) fn prefix_of(&self, log: &HeldLog) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(base) = &log.base else { return Ok(None) };
        let mut rest = self.view().range(log, base.end())?;
        if !rest.join(&log.facts.rest) {
            return Err(StorageError::Damaged);
        }
        let head = log.facts.head.to_bytes();
        Ok(Some(encode_prefix(&log.id(), &base.first, &base.between, &rest, &head)))
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
    let latest = view.entry(log, end - 1)?.read_at();
    let facts = Facts { held, rest, newest: None, latest, ..log.facts.clone() };
    Ok(Base { first, between, facts, epoch })
}
