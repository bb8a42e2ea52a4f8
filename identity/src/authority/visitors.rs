//! Grants that whoever is linked shows, and nobody has entered: visitors come and go.
//!
//! They are kept apart from what is recorded for good, and count for nobody's room, so that no number of visitors uses up what their
//! issuer may say. That is for grants which only let somebody read or carry, signed by a peer that manages. Such a grant moves to the
//! others when it is entered, when the header of a log shows it, and when a revocation names it. It counts as any that is entered nowhere:
//! as long as the link above does.

use std::collections::{BTreeMap, BTreeSet};

use super::Authority;
use super::change::Change;
use super::grants::Held;
use crate::access::{CHAIN_LINKS_MAX, Grant, Holder, Right};
use crate::id::GrantId;
use crate::record::Verified;
use crate::time::UnixMillis;

/// The most grants of visitors. Beyond it that one is forgotten that ends first: its holder shows it again with its next link. A further
/// one that would end before all of them is kept with the others.
pub const VISITORS_MAX: usize = 16_384;

#[derive(Debug, Clone, Default)]
pub(super) struct Visitors {
    by_id: BTreeMap<GrantId, Box<Verified<Grant>>>,
    by_end: BTreeSet<(UnixMillis, GrantId)>,
    by_holder: BTreeSet<(Holder, GrantId)>,
}

impl Visitors {
    pub(super) fn find(&self, id: &GrantId) -> Option<&Verified<Grant>> {
        self.by_id.get(id).map(|grant| &**grant)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&GrantId, &Verified<Grant>)> {
        self.by_id.iter().map(|(id, grant)| (id, &**grant))
    }

    pub(super) fn of(&self, holder: Holder) -> impl Iterator<Item = &Verified<Grant>> {
        let range = (holder, GrantId([0; 32]))..=(holder, GrantId([u8::MAX; 32]));
        self.by_holder.range(range).filter_map(|(_, id)| self.find(id))
    }

    /// Keeps a grant. `false`: there are as many, and all of them end later.
    fn insert(&mut self, id: GrantId, grant: Verified<Grant>) -> bool {
        if self.by_id.len() >= VISITORS_MAX {
            let Some(first) = self.by_end.first().copied() else { return false };
            if (grant.not_after, id) <= first {
                return false;
            }
            self.remove(&first.1);
        }
        self.by_end.insert((grant.not_after, id));
        self.by_holder.insert((grant.holder, id));
        self.by_id.insert(id, Box::new(grant));
        true
    }

    pub(super) fn remove(&mut self, id: &GrantId) -> Option<Verified<Grant>> {
        let grant = self.by_id.remove(id)?;
        self.by_end.remove(&(grant.not_after, *id));
        self.by_holder.remove(&(grant.holder, *id));
        Some(*grant)
    }
}

impl Authority {
    /// Keeps a grant whose chain was checked among those of visitors, if it is one. `false`: it is none.
    pub(super) fn visit(&mut self, id: GrantId, grant: &Verified<Grant>, change: &mut Change) -> bool {
        let (manages, writes) = (grant.rights.contains(Right::Manage), grant.rights.contains(Right::Write));
        let is_held = self.grants.find(&id).is_some() || self.ended.of(&id).next().is_some();
        if manages || writes || is_held || self.above(grant).is_none() {
            return false;
        }
        if self.visitors.find(&id).is_some() {
            return true;
        }
        let is_kept = self.visitors.insert(id, grant.clone());
        if is_kept {
            change.add(grant.holder, id);
        }
        is_kept
    }

    /// A grant is recorded for good, if it was a visitor's.
    pub(super) fn settle(&mut self, id: &GrantId, change: &mut Change) {
        if let Some(grant) = self.visitors.remove(id) {
            // What there is no room for counts no more.
            let _ = self.take_verified(*id, grant, change);
        }
    }

    /// The link above a visitor's grant, whose holder signed that.
    fn above(&self, grant: &Grant) -> Option<&Held> {
        let above = self.grants.at(self.grants.find(&grant.parent?)?);
        let is_near = (1..CHAIN_LINKS_MAX).contains(&usize::from(above.state.links));
        (is_near && above.grant.holder == grant.issuer).then_some(above)
    }

    /// Whether a visitor's grant counts.
    pub(super) fn visits(&self, grant: &Grant) -> bool {
        self.above(grant).is_some_and(|above| above.state.counts()) && !self.is_below_spent(grant)
    }

    /// Whether it goes back to a root, and did so ever since.
    pub(super) fn is_founded(&self, grant: &Grant) -> bool {
        self.above(grant).is_some_and(|above| above.state.founded)
    }

    /// The grants of visitors that count.
    pub(super) fn visiting(&self, holder: Holder) -> impl Iterator<Item = &Verified<Grant>> {
        self.visitors.of(holder).filter(|grant| self.visits(grant))
    }
}
