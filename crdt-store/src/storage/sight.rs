//! Logs that count up to some entry only, since their author lost the right to write there.
//!
//! Who says so, and may say so, is decided by `msec_identity::Authority`; the store is told, and nothing of it is on disk: whoever
//! opens the store tells it again. What lies beyond stays where it is, since it may be given back; until then nobody is shown it,
//! nobody is served it, and claims over it, or in it, count for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use msec_identity::LogId;

use super::held::{HeldLog, Sight};
use super::{Storage, Store, answer};
use crate::error::StorageError;
use crate::merkle::{CompactRange, TreeHash};

/// Up to where a log counts: so many entries, and their root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bound {
    /// How many entries.
    pub size: u64,
    /// The root over them, as in the log.
    pub root: TreeHash,
}

impl Bound {
    /// Nothing of the log counts.
    pub fn nothing() -> Self {
        Self { size: 0, root: CompactRange::empty(0).root() }
    }
}

impl Store {
    /// As [`Storage::bound`].
    pub(super) fn set_bound(&mut self, log: &LogId, bound: Option<Bound>) -> Result<bool, StorageError> {
        // Whether or not it can: then what was applied is taken back.
        let _ = self.sync();
        match bound {
            Some(bound) => self.bounds.insert(*log, bound),
            None => self.bounds.remove(log),
        };
        let held = self.shared.log(log);
        let Some(held) = held.filter(|held| bound.is_some() || held.sight.is_some()) else { return Ok(true) };
        let looked = bound.map(|bound| self.look(&held, &bound)).transpose();
        // What cannot be read is not shown.
        let nothing = || Some((Sight { end: 0, newest: None }, false));
        let sight = looked.as_ref().map_or_else(|_| nothing(), |looked| *looked).map(|(sight, _)| sight);
        let _nobody_reads = self.shared.files_change();
        if let Some(log) = self.shared.logs_mut().get_mut(log).map(Arc::make_mut) {
            log.sight = sight;
        }
        // What apps folded of it may be more than there is now.
        self.shared.begin_generation();
        Ok(looked?.is_none_or(|(_, fits)| fits))
    }

    /// Says again up to where logs count, after they were read again, or some of what they had was let go.
    pub(super) fn look_again(&self, logs: impl IntoIterator<Item = LogId>) -> Result<(), StorageError> {
        for id in logs {
            let (Some(held), Some(bound)) = (self.shared.log(&id), self.bounds.get(&id)) else { continue };
            let (sight, _) = self.look(&held, bound)?;
            if let Some(log) = self.shared.logs_mut().get_mut(&id).map(Arc::make_mut) {
                log.sight = Some(sight);
            }
        }
        Ok(())
    }

    /// Looks again at those of the logs that went on beyond where they count: what was written when they were told to end.
    pub(super) fn look_at_grown(&self, logs: impl IntoIterator<Item = LogId>) {
        if self.bounds.is_empty() {
            return;
        }
        let is_cut =
            |id: &LogId| self.bounds.contains_key(id) && self.shared.log(id).is_some_and(|it| it.is_cut());
        let cut = logs.into_iter().filter(is_cut).collect::<BTreeSet<_>>();
        if let Err(error) = self.look_again(cut) {
            // What cannot be read is not shown.
            tracing::warn!(%error, "a log that ends cannot be read");
        }
    }

    /// Of a log of which another history is held than the bound is about, nothing counts.
    fn look(&self, held: &HeldLog, bound: &Bound) -> Result<(Sight, bool), StorageError> {
        let view = self.shared.view();
        let is_whole = held.size() >= bound.size;
        // What shows the root may have been let go: then no entry before it is there either.
        let root = if is_whole { self.shared.note(view.prefix(held, bound.size))? } else { None };
        let fits = root.is_none_or(|range| range.root() == bound.root);
        let end = if fits { bound.size } else { 0 };
        let cut = HeldLog { sight: Some(Sight { end, newest: None }), ..held.clone() };
        let newest = if cut.is_cut() { self.shared.note(answer::newest_of(&view, &cut))? } else { None };
        Ok((Sight { end, newest }, fits))
    }
}
