//! What becomes of roll-ups when readings go.
//!
//! | what goes | then |
//! |---|---|
//! | all entries before some place, where a chain of claims stands up to there | buckets are of what is left, and claims stand for the rest |
//! | the bodies of some entries, for good | so do the bodies of all claims over them, which say something of those, and of what countersigns these; buckets are made again of what is left |
//!
//! Claims that come later and still count what was erased are kept without their bodies, and stand for nothing.

use std::ops::Range;
use std::sync::Arc;

use msec_identity::LogId;

use super::claims::{CLAIMS_READ_MAX, COUNTERSIGNATURES_READ_MAX, ClaimFacts, ClaimKey};
use super::held::HeldLog;
use super::{Storage, Store};
use crate::error::StorageError;
use crate::rollup::{ClaimHash, RollUps, Told};

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

    /// Looks at the claims over some entries of a log, held or not, which say something of their bodies: each with its hash and where it
    /// stands. There may be any number of them: they are read page by page.
    pub(super) fn each_claim_over(
        &self,
        log: &LogId,
        entries: &Range<u64>,
        mut look: impl FnMut(ClaimHash, LogId, u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let _stay = self.shared.files_stay();
        let _still = self.shared.still();
        let mut look = |(key, facts): (ClaimKey, ClaimFacts)| {
            let is_over = key.from < entries.end && entries.start < key.to;
            if is_over { look(facts.hash, key.maker, key.position) } else { Ok(()) }
        };
        self.shared.claims().of(log).try_for_each(&mut look)?;
        let Some(index) = self.shared.index() else { return Ok(()) };
        let mut from = Some(ClaimKey::first_of(log));
        // In the order in which they begin.
        while let Some(first) = from.take().filter(|first| first.from < entries.end) {
            let page = self.shared.note(index.claims(&first).map_err(StorageError::Index))?;
            let last = page.last().filter(|_| page.len() == CLAIMS_READ_MAX);
            from = last.map(|(key, _)| ClaimKey { position: key.position.saturating_add(1), ..*key });
            page.into_iter().try_for_each(&mut look)?;
        }
        Ok(())
    }

    /// Looks at the entries that countersign a claim, whose hash says something of what it counts.
    pub(super) fn each_countersigning(
        &self,
        claim: &ClaimHash,
        mut look: impl FnMut(LogId, u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.shared.claims().countersigning(claim).try_for_each(|(log, at)| look(log, at))?;
        let Some(index) = self.shared.index() else { return Ok(()) };
        let mut from = Some((LogId([0; 32]), 0));
        while let Some(first) = from.take() {
            let page = self.shared.note(index.countersigning(claim, first).map_err(StorageError::Index))?;
            let last = page.last().filter(|_| page.len() == COUNTERSIGNATURES_READ_MAX);
            from = last.map(|(log, position)| (*log, position.saturating_add(1)));
            page.into_iter().try_for_each(|(log, at)| look(log, at))?;
        }
        Ok(())
    }
}
