//! Which claims stand for entries whose bodies are gone.
//!
//! Anybody who may write in a collection may claim something of its logs, and some lie. Each entry is counted once, by what is
//! believed most: what the log's author says goes first, as in the log itself; then what more peers say who had the entries;
//! then what begins first. A claim that overlaps with one that is believed more is left out, and so is one whose root is not
//! that of the log, or which was made before an entry of it was erased. The order in which claims came does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use msec_identity::{LogId, PeerId};

use super::super::claims::{CLAIMS_READ_MAX, COUNTERSIGNATURES_READ_MAX, ClaimFacts, ClaimKey};
use super::super::held::HeldLog;
use super::super::shared::Shared;
use super::super::view::View;
use super::read_claim;
use crate::error::StorageError;
use crate::rollup::{ClaimHash, ClaimView, Claimed, Resolution, RollUpClaim};

/// What is known of the claims about logs.
pub(super) struct Known<'a> {
    pub(super) shared: &'a Shared,
    pub(super) view: &'a View,
}

/// A claim, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) view: ClaimView,
    pub(super) facts: ClaimFacts,
    /// Whether the log's author made or countersigned it.
    by_author: bool,
}

impl Found {
    /// What an answer says of it.
    pub(super) fn claimed(&self) -> Claimed {
        let vouchers = u32::try_from(self.view.vouchers()).unwrap_or(u32::MAX);
        Claimed { claims: 1, vouchers, by_author: self.by_author }
    }
}

impl Known<'_> {
    /// The claims about a log, by those who write in its collection: those that begin first. What is the same is one.
    pub(super) fn claims(&self, log: &HeldLog) -> Result<Vec<Found>, StorageError> {
        let id = log.id();
        let mut made: BTreeMap<ClaimKey, ClaimFacts> =
            self.shared.claims().of(&id).take(CLAIMS_READ_MAX).collect();
        if let Some(index) = &self.view.index {
            made.extend(index.claims(&ClaimKey::first_of(&id)).map_err(StorageError::Index)?);
        }
        let mut found = BTreeMap::<(u64, u64, ClaimHash), Found>::new();
        for (key, facts) in made.into_iter().take(CLAIMS_READ_MAX) {
            let Some(maker) = self.author_beside(log, &key.maker, key.position) else { continue };
            let new = || Found { view: unsaid(&key, &facts), facts, by_author: false };
            let it = found.entry((key.from, key.to, facts.hash)).or_insert_with(new);
            it.view.makers.push(maker);
            it.view.at.push((key.maker, key.position));
        }
        let mut found: Vec<_> = found.into_values().collect();
        found.iter_mut().try_for_each(|it| self.count(log, it))?;
        Ok(found)
    }

    /// Looks who countersigned a claim, and whether it fits the log.
    fn count(&self, log: &HeldLog, it: &mut Found) -> Result<(), StorageError> {
        let view = &mut it.view;
        view.makers.sort_unstable();
        view.makers.dedup();
        let mut at: BTreeSet<_> =
            self.shared.claims().countersigning(&view.hash).take(COUNTERSIGNATURES_READ_MAX).collect();
        if let Some(index) = &self.view.index {
            at.extend(index.countersigning(&view.hash, (LogId([0; 32]), 0)).map_err(StorageError::Index)?);
        }
        let mut by = BTreeSet::new();
        for (of, position) in at.into_iter().take(COUNTERSIGNATURES_READ_MAX) {
            let Some(peer) = self.author_beside(log, &of, position) else { continue };
            view.countersigned_at.push((of, position));
            if !view.makers.contains(&peer) {
                by.insert(peer);
            }
        }
        view.countersigned = by.into_iter().collect();
        let author = log.facts.header.author();
        it.by_author = view.makers.contains(&author) || view.countersigned.contains(&author);
        if view.to <= log.end() {
            view.fits = self.shared.root(self.view, log, view.to)?.map(|root| root == view.root);
        }
        Ok(())
    }

    /// Who writes a log of the same space and collection as another one, if the entry there counts.
    fn author_beside(&self, log: &HeldLog, other: &LogId, position: u64) -> Option<PeerId> {
        let (header, other) = (&log.facts.header, self.shared.log(other)?);
        if position >= other.end() {
            return None;
        }
        let other: &Arc<_> = &other.facts.header;
        let beside = other.space() == header.space() && other.collection() == header.collection();
        beside.then(|| other.author())
    }

    /// The claims that stand for a log's entries up to `end`, in their order, with buckets of that resolution or shorter.
    pub(super) fn chosen(
        &self,
        log: &HeldLog,
        resolution: Resolution,
        end: u64,
    ) -> Result<Vec<Found>, StorageError> {
        let mut found = self.claims(log)?;
        let erased = |it: &ClaimView| self.shared.erased(&it.log, it.from..it.to);
        // What shows the root of entries that were let go may have gone with them.
        let fits = |it: &ClaimView| it.fits.unwrap_or(it.to < log.begin());
        let stands = |it: &Found| it.view.to <= end && fits(&it.view) && it.view.erased >= erased(&it.view);
        found.retain(|it| stands(it) && it.facts.resolution <= resolution);
        found.sort_by_key(|it| {
            let ClaimView { from, to, hash, .. } = it.view;
            let believed = (it.by_author, it.view.vouchers());
            // Of what is believed as much: what begins first, goes on longest, and has the longest buckets.
            (std::cmp::Reverse(believed), from, std::cmp::Reverse((to, it.facts.resolution)), hash)
        });
        let mut chosen = BTreeMap::<u64, Found>::new();
        for it in found {
            // What overlaps begins before this one ends, and ends after it begins.
            let before = chosen.range(..it.view.to).next_back();
            if before.is_none_or(|(_, before)| before.view.to <= it.view.from) {
                chosen.insert(it.view.from, it);
            }
        }
        Ok(chosen.into_values().collect())
    }

    /// Reads a claim from where one of its makers says it.
    pub(super) fn read(&self, claim: &ClaimView) -> Result<RollUpClaim, StorageError> {
        let held = claim.at.iter().find_map(|(log, position)| Some((self.shared.log(log)?, *position)));
        let (log, position) = held.ok_or(StorageError::Damaged)?;
        read_claim(self.view, &log, position)
    }
}

/// A claim of which it is not known yet who said it.
fn unsaid(key: &ClaimKey, facts: &ClaimFacts) -> ClaimView {
    ClaimView {
        hash: facts.hash,
        log: key.log,
        from: key.from,
        to: key.to,
        root: facts.root,
        resolution: facts.resolution,
        erased: facts.erased,
        fits: None,
        makers: Vec::new(),
        countersigned: Vec::new(),
        at: Vec::new(),
        countersigned_at: Vec::new(),
    }
}
