//! What becomes of roll-ups when readings go.
//!
//! | what goes | then |
//! |---|---|
//! | all entries before some place, where a chain of claims stands up to there | buckets are of what is left, and claims stand for the rest |
//! | the bodies of some entries, for good | so do the bodies of claims over them, which say something of those; buckets are made again of what is left |
//!
//! Claims that come later and still count what was erased are kept and passed on, as all entries are, and stand for nothing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use msec_identity::LogId;

use super::held::HeldLog;
use super::{Storage, Store};
use crate::error::StorageError;
use crate::rollup::{RollUps, Told};

impl Store {
    /// Rolls up a log anew, from the entries that are held now. Until then its buckets count what was let go, and claims over it
    /// stand for nothing: nothing is counted twice.
    pub(super) fn roll_up_anew(&mut self, log: &LogId) -> Result<(), StorageError> {
        self.sync()?;
        let Some(held) = self.shared.log(log).filter(|held| held.rolled.is_some()) else { return Ok(()) };
        let done = self.rolled_anew(&held);
        let (older, newer) = self.shared.note(done)?;
        let shared = self.shared.clone();
        let _moving = shared.moving();
        if let Some(index) = shared.index().filter(|_| held.has_row) {
            shared.note(index.replace(held.number, &older).map_err(StorageError::Index))?;
        }
        if let Some(log) = shared.logs_mut().get_mut(log).map(Arc::make_mut) {
            log.rolled = Some(Arc::new(newer));
        }
        Ok(())
    }

    /// What the entries that are in the index come to, and the others.
    fn rolled_anew(&self, held: &HeldLog) -> Result<(RollUps, RollUps), StorageError> {
        let view = self.shared.view();
        let (begin, indexed) = (held.begin(), held.indexed);
        let (mut older, mut newer) = (RollUps::after(begin.min(indexed)), RollUps::after(begin.max(indexed)));
        loop {
            let next = if older.end() < indexed { older.end() } else { newer.end() };
            if next == held.size() {
                return Ok((older, newer));
            }
            let stretch = view.stretch(held, next)?;
            for ((entry, _), at) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                let rolled = if at < indexed { &mut older } else { &mut newer };
                if at == rolled.end() {
                    rolled.add(&Told::by(&entry));
                }
            }
        }
    }

    /// The entries that make claims over some of these, which say something of their bodies.
    pub(super) fn claims_over(
        &self,
        log: &LogId,
        entries: &Range<u64>,
    ) -> Result<BTreeSet<(LogId, u64)>, StorageError> {
        let over = {
            let _stay = self.shared.files_stay();
            let _still = self.shared.still();
            self.shared.note(self.shared.claims_about(log, true))?.into_iter()
        };
        let over = over.filter(|it| it.from < entries.end && entries.start < it.to);
        Ok(over.flat_map(|it| it.at).collect())
    }
}
