//! What stands, what is revoked, and from where on: the rules.
//!
//! Each is a function of the records and places that are held, of the links above a grant, and of nothing else. What a
//! grant's standing depends on can change by
//!
//! | what came | whose standing is looked at again |
//! |---|---|
//! | a grant | its own, and that of those below it |
//! | a place of a grant | its own, and where that changes, that of those below it |
//! | a revocation, a restoration | that of its grant, and of those below it |
//! | an approval | that of the grant that it approves or whose end it approves, and of those below it |
//! | a manifest, or a succession that counts | everybody's |
//!
//! and goes down from link to link as long as something changes.

use std::collections::BTreeMap;

use super::Authority;
use super::change::Change;
use super::grants::State;
use super::lineage::{Lineage, Voice};
use super::places::{Log, Slot};
use super::revocations::nothing;
use crate::access::{CHAIN_LINKS_MAX, Cut, Cuts, Holder, Right};
use crate::id::{GrantId, LogId, PeerId, SpaceId};
use crate::path::CollectionPath;

impl Authority {
    /// The manifests of a space, where they are known.
    pub(super) fn lineage(&self, space: &SpaceId) -> Option<&Lineage> {
        if *space == self.space { Some(&self.own) } else { self.linked.get(space) }
    }

    /// Whether a record counts that was said in the name of a space: as many roots stand behind it as must agree.
    pub(super) fn speaks(&self, lineage: &Lineage, record: Slot, hash: &[u8; 32], issuer: &PeerId) -> bool {
        self.speak_together(lineage, hash, issuer, |cuts| self.is_entered_in(record, cuts))
    }

    /// Whether as many roots stand behind a record as must agree. `is_below`: whether it is entered below cuts.
    pub(super) fn speak_together(
        &self,
        lineage: &Lineage,
        hash: &[u8; 32],
        issuer: &PeerId,
        is_below: impl Fn(&Cuts) -> bool,
    ) -> bool {
        if matches!(lineage.voice(issuer), Voice::Never) {
            return false;
        }
        let threshold = usize::from(lineage.threshold());
        let (mut now, mut gone, mut needed) = (0, 0, threshold);
        let approvals = self.approvals.of(hash).filter(|(_, by)| *by != issuer);
        let approvals = approvals.map(|(at, by)| (Some(Slot::Approval(at)), by));
        for (approval, by) in std::iter::once((None, issuer)).chain(approvals) {
            match lineage.voice(by) {
                Voice::Now => now += 1,
                Voice::Gone { cuts, threshold } => {
                    if approval.map_or_else(|| is_below(cuts), |approval| self.is_entered_in(approval, cuts))
                    {
                        gone += 1;
                        // It was one of so many: what too few of them said does not count because fewer must agree now.
                        needed = needed.max(usize::from(threshold));
                    }
                }
                Voice::Never => {}
            }
        }
        now >= threshold || now + gone >= needed
    }

    /// Whether a record is entered below cuts.
    fn is_entered_in(&self, record: Slot, cuts: &Cuts) -> bool {
        let below = |log: &LogId, position| cuts.of(log).is_some_and(|cut| position < cut.size);
        self.places_of(record).any(|(log, position)| below(&log.id, position))
    }

    /// Whether a record was ever said in the name of a space, whatever became of its roots since. What is stored is judged
    /// by it, so that it can be loaded again.
    pub(super) fn has_spoken(&self, lineage: &Lineage, hash: &[u8; 32], issuer: &PeerId) -> bool {
        let others = self.approvals.of(hash).filter(|(_, by)| *by != issuer && lineage.was_root(by));
        lineage.was_root(issuer) && 1 + others.count() >= usize::from(lineage.threshold_ever())
    }

    /// How far up the chain of a grant somebody stands: 0 for the roots, 1 for who issued the second link, and so on; none
    /// where it does not stand above the grant. `record` is what it says there.
    pub(super) fn level(
        &self,
        chain: &[u32],
        record: Slot,
        hash: &[u8; 32],
        issuer: &PeerId,
    ) -> Option<usize> {
        if self.speaks(&self.own, record, hash, issuer) {
            return Some(0);
        }
        let (_, above) = chain.split_last()?;
        let stands = |at: &u32| match &self.grants.at(*at).grant.holder {
            Holder::Peer(peer) => peer == issuer,
            Holder::Space(space) => {
                self.lineage(space).is_some_and(|lineage| self.speaks(lineage, record, hash, issuer))
            }
        };
        above.iter().position(stands).map(|nth| nth + 1)
    }

    /// The revocations that bind a grant, and how far up each was issued.
    pub(super) fn binding(&self, chain: &[u32]) -> Vec<(u32, usize)> {
        let Some(at) = chain.last() else { return Vec::new() };
        let level = |at: u32| {
            let revoked = self.ended.at(at);
            let issuer = self.issuers.peer(revoked.issuer);
            self.level(chain, Slot::Revocation(at), &revoked.hash, issuer).map(|level| (at, level))
        };
        self.ended.of(&self.grants.at(*at).id).filter_map(level).collect()
    }

    /// Whether what is said at that place under a grant counts: the grant stands, and where it is revoked, the place lies below where the
    /// log is cut.
    pub(super) fn counts_at(&self, grant: u32, log: &LogId, position: u64) -> bool {
        let below = |cut: Cut| position < cut.size;
        self.grants.at(grant).state.stands && self.cut_at(grant, log).is_none_or(below)
    }

    /// Whether it does for something that whoever manages a collection says: `issuer` holds the grant, with `manage` there.
    pub(super) fn manages_at(
        &self,
        under: &GrantId,
        issuer: &PeerId,
        collection: &CollectionPath,
        (log, position): (&LogId, u64),
    ) -> bool {
        let at = self.grants.find(under).filter(|at| self.manages(*at, issuer, collection));
        at.is_some_and(|at| self.counts_at(at, log, position))
    }

    /// Where a log is cut by what binds the grant; `None` where nothing binds it.
    pub(super) fn cut_at(&self, at: u32, log: &LogId) -> Option<Cut> {
        if self.grants.at(at).fallen {
            return Some(nothing(*log));
        }
        if !self.grants.at(at).state.revoked {
            return None;
        }
        let chain = self.grants.chain(at);
        let cut = |(revocation, level)| {
            let named = self.ended.named(revocation, log);
            named.or_else(|| self.restored(&chain, revocation, level, log)).unwrap_or(nothing(*log))
        };
        self.binding(&chain).into_iter().map(cut).min()
    }

    /// The lowest that the restorations of a revocation name for a log: those of its issuer, or of somebody further up.
    fn restored(&self, chain: &[u32], revocation: u32, level: usize, log: &LogId) -> Option<Cut> {
        let named = |at: u32| {
            let restored = self.ended.restoration(at);
            let cut = restored.cuts.of(log).copied()?;
            self.restores(chain, at, level).then_some(cut)
        };
        self.ended.restoring(&self.ended.at(revocation).hash).filter_map(named).min()
    }

    /// Whether a restoration is by whoever issued what it restores from, or by somebody further up.
    fn restores(&self, chain: &[u32], at: u32, level: usize) -> bool {
        let restored = self.ended.restoration(at);
        let issuer = self.issuers.peer(restored.issuer);
        let own = self.level(chain, Slot::Restoration(at), &restored.hash, issuer);
        own.is_some_and(|own| own <= level)
    }

    fn judge(&self, at: u32) -> State {
        let held = self.grants.at(at);
        let (links, founded, stands) = match (held.grant.parent, held.parent) {
            (None, _) => {
                let founded = self.has_spoken(&self.own, &held.id.0, &held.grant.issuer);
                (1, founded, self.speaks(&self.own, Slot::Grant(at), &held.id.0, &held.grant.issuer))
            }
            (Some(_), None) => (0, false, false),
            (Some(_), Some(above)) => self.judge_below(at, above),
        };
        let is_near = usize::from(links) <= CHAIN_LINKS_MAX;
        let links = if is_near { links } else { 0 };
        let revoked = held.fallen || links > 0 && !self.binding(&self.grants.chain(at)).is_empty();
        State { links, founded: founded && links > 0, stands: stands && links > 0, revoked }
    }

    /// Links, whether it is founded, and whether it stands, of a link that narrows another one.
    fn judge_below(&self, at: u32, above: u32) -> (u8, bool, bool) {
        let (held, parent) = (self.grants.at(at), self.grants.at(above));
        if parent.state.links == 0 {
            return (0, false, false);
        }
        let (issuer, hash) = (&held.grant.issuer, &held.id.0);
        let (founded, stands) = match &parent.grant.holder {
            Holder::Peer(_) => (true, true),
            Holder::Space(space) => self.lineage(space).map_or((false, false), |lineage| {
                (self.has_spoken(lineage, hash, issuer), self.speaks(lineage, Slot::Grant(at), hash, issuer))
            }),
        };
        let survives = !parent.state.revoked || self.is_entered_below(at, above);
        (parent.state.links + 1, parent.state.founded && founded, parent.state.stands && stands && survives)
    }

    /// Whether a grant is entered in a control log of the link above, below where that log is cut.
    fn is_entered_below(&self, at: u32, above: u32) -> bool {
        let parent = self.grants.at(above).id;
        self.is_any_below(above, self.places_of(Slot::Grant(at)).filter(|(log, _)| log.under == Some(parent)))
    }

    /// Whether any of these places lies below where its log is cut by what binds a grant; where nothing does, any place is enough.
    /// There may be many of them: what binds is looked for once.
    pub(super) fn is_any_below<'a>(&self, at: u32, mut places: impl Iterator<Item = (&'a Log, u64)>) -> bool {
        let held = self.grants.at(at);
        if held.fallen || !held.state.revoked {
            return !held.fallen && places.next().is_some();
        }
        let chain = self.grants.chain(at);
        let restoring = |of: u32, level| {
            let restores = self.ended.restoring(&self.ended.at(of).hash);
            restores.filter(|at| self.restores(&chain, *at, level)).collect::<Vec<_>>()
        };
        let binding = self.binding(&chain).into_iter().map(|(of, level)| (of, restoring(of, level)));
        let binding: Vec<_> = binding.collect();
        places.any(|(log, position)| {
            let below = |cut: Cut| position < cut.size;
            binding.iter().all(|(of, restored)| match self.ended.named(*of, &log.id) {
                Some(cut) => below(cut),
                None => {
                    let named = restored.iter().filter_map(|at| self.ended.restoration(*at).cuts.of(&log.id));
                    named.min().copied().is_some_and(below)
                }
            })
        })
    }

    /// Whether somebody enters a record who manages a collection: in a control log under a grant by which it does, below where
    /// that is cut.
    pub(super) fn is_entered_by_manager(
        &self,
        record: Slot,
        issuer: &PeerId,
        collection: &CollectionPath,
    ) -> bool {
        let mut places: BTreeMap<GrantId, Vec<(&Log, u64)>> = BTreeMap::new();
        for (log, position) in self.places_of(record) {
            if let Some(under) = log.under {
                places.entry(under).or_default().push((log, position));
            }
        }
        places.into_iter().any(|(under, places)| {
            let at = self.grants.find(&under).filter(|at| self.manages(*at, issuer, collection));
            at.is_some_and(|at| self.grants.at(at).state.stands && self.is_any_below(at, places.into_iter()))
        })
    }

    /// Whether somebody holds a grant, with `manage` there.
    fn manages(&self, at: u32, holder: &PeerId, collection: &CollectionPath) -> bool {
        let grant = &self.grants.at(at).grant;
        let is_right = grant.rights.contains(Right::Manage) && grant.resource.covers(collection);
        grant.holder == *holder && is_right
    }

    /// Looks again at a grant, and at those below it as far as something changes.
    pub(super) fn review(&mut self, at: u32, change: &mut Change) {
        let held = self.grants.at(at);
        change.add(held.grant.holder, held.id);
        self.descend(vec![(at, true)], false, change);
    }

    /// Looks again at a grant, and at those below it if it stands otherwise than before.
    pub(super) fn review_alone(&mut self, at: u32, change: &mut Change) {
        self.descend(vec![(at, false)], false, change);
    }

    /// Looks again at every grant.
    pub(super) fn review_everything(&mut self, change: &mut Change) {
        change.all();
        self.know_roots();
        let tops = self.grants.slots().filter(|at| self.grants.at(*at).parent.is_none());
        self.descend(tops.map(|at| (at, true)).collect(), true, change);
    }

    /// `deep`: those below are looked at although nothing changed.
    fn descend(&mut self, mut stack: Vec<(u32, bool)>, deep: bool, change: &mut Change) {
        while let Some((at, is_first)) = stack.pop() {
            let state = self.judge(at);
            let held = self.grants.at_mut(at);
            let changed = std::mem::replace(&mut held.state, state) != state;
            let (id, holder) = (held.id, held.grant.holder);
            let manages = state.founded && held.grant.rights.contains(Right::Manage);
            if let Some(issuer) = holder.peer().filter(|_| manages).and_then(|peer| self.issuers.find(&peer))
            {
                self.issuers.know(issuer);
            }
            if changed {
                change.add(holder, id);
            }
            if changed || is_first || deep {
                let below = self.grants.below(&id).filter(|child| self.grants.at(*child).parent == Some(at));
                stack.extend(below.map(|child| (child, false)));
            }
        }
    }

    fn know_roots(&mut self) {
        let roots: Vec<_> =
            std::iter::once(&self.own).chain(self.linked.values()).flat_map(Lineage::ever).collect();
        let known: Vec<_> = roots.into_iter().filter_map(|root| self.issuers.find(root)).collect();
        known.into_iter().for_each(|issuer| self.issuers.know(issuer));
    }
}
