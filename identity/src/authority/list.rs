//! What is held, for whoever looks at it: people who grant, revoke and explain.

use super::Authority;
use super::lineage::Voice;
use crate::access::{Grant, Holder};
use crate::id::{GrantId, PeerId, SpaceId};
use crate::manifest::Manifest;
use crate::record::Verified;
use crate::time::UnixMillis;

/// How many roots stand behind a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voices {
    /// Roots of today that do.
    pub agree: usize,
    /// How many must.
    pub needed: usize,
}

impl Voices {
    /// How many are missing.
    pub fn missing(self) -> usize {
        self.needed.saturating_sub(self.agree)
    }
}

/// A revocation that is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revoked {
    /// When it was signed, by its issuer's clock, which proves nothing.
    pub at: UnixMillis,
    /// Its hash.
    pub revocation: [u8; 32],
    /// What it ends.
    pub grant: GrantId,
    /// Who signed it.
    pub issuer: PeerId,
    /// Whether it binds: its issuer stands above the grant.
    pub binds: bool,
}

impl Authority {
    /// Every grant that is held, whether it counts or not, in the order of their ids.
    pub fn all_grants(&self) -> Vec<&Verified<Grant>> {
        let held = self.grants.slots().map(|at| self.grants.at(at)).map(|held| (held.id, &held.grant));
        let mut all: Vec<_> = held.chain(self.visitors.all().map(|(id, grant)| (*id, grant))).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, grant)| grant).collect()
    }

    /// The links from that of a root to this one, itself among them; empty where it is not held.
    pub fn chain(&self, id: &GrantId) -> Vec<GrantId> {
        let visitor = self.visitors.find(id).and_then(|grant| grant.parent);
        let known = visitor.as_ref().unwrap_or(id);
        let chain = self.grants.find(known).map(|at| self.grants.chain(at)).unwrap_or_default();
        chain.into_iter().map(|at| self.grants.at(at).id).chain(visitor.map(|_| *id)).collect()
    }

    /// The links right below this one, in the order of their ids.
    pub fn below(&self, id: &GrantId) -> Vec<GrantId> {
        let above = self.grants.find(id);
        let narrows = |at: &u32| above.is_some() && self.grants.at(*at).parent == above;
        let visitors = self.visitors.all().filter(|(_, grant)| grant.parent == Some(*id));
        let below = self.grants.below(id).filter(narrows).map(|at| self.grants.at(at).id);
        let mut below: Vec<_> = below.chain(visitors.map(|(id, _)| *id)).collect();
        below.sort_unstable();
        below
    }

    /// The revocations of a grant that are held, the oldest first, by the clocks of those who signed them.
    pub fn revocations_of(&self, grant: &GrantId) -> Vec<Revoked> {
        let chain = self.grants.find(grant).map(|at| self.grants.chain(at)).unwrap_or_default();
        let binding = self.binding(&chain);
        let one = |at: u32| {
            let held = self.ended.at(at);
            let issuer = *self.issuers.peer(held.issuer);
            let binds = binding.iter().any(|(binds, _)| *binds == at);
            Revoked { at: held.at, revocation: held.hash, grant: *grant, issuer, binds }
        };
        let mut all: Vec<_> = self.ended.of(grant).map(one).collect();
        all.sort_unstable();
        all
    }

    /// A revocation that is held, by its hash.
    pub fn revocation(&self, hash: &[u8; 32]) -> Option<Revoked> {
        let at = self.ended.find(hash)?;
        self.revocations_of(&self.ended.at(at).grant).into_iter().find(|it| it.revocation == *hash)
    }

    /// Whether a record that roots have to agree to is held, by its hash: a grant, a revocation, a restoration,
    /// an erasure, a succession or a class.
    pub fn knows(&self, hash: &[u8; 32]) -> bool {
        self.grant(&GrantId(*hash)).is_some()
            || self.ended.find(hash).is_some()
            || self.ended.find_restoration(hash).is_some()
            || self.find_erasure(hash).is_some()
            || self.own.knows(hash)
            || self.classes.knows(hash)
    }

    /// How many roots of today stand behind what one of them said in the name of the space. `None`: its issuer never was one.
    pub fn voices(&self, record: &[u8; 32], issuer: &PeerId) -> Option<Voices> {
        if matches!(self.own.voice(issuer), Voice::Never) {
            return None;
        }
        let others = self.approvals.of(record).map(|(_, by)| by).filter(|by| *by != issuer);
        let agree = std::iter::once(issuer).chain(others).filter(|by| self.own.roots().contains(by)).count();
        Some(Voices { agree, needed: usize::from(self.own.threshold()) })
    }

    /// Who approves a record that is held, roots or not, in the order of their ids.
    pub fn approvers(&self, record: &[u8; 32]) -> Vec<PeerId> {
        let mut approvers: Vec<_> = self.approvals.of(record).map(|(_, by)| *by).collect();
        approvers.sort_unstable();
        approvers
    }

    /// The manifest of another space whose roots are known.
    pub fn linked(&self, space: &SpaceId) -> Option<&Manifest> {
        self.linked.get(space).map(|lineage| lineage.manifest())
    }

    /// Whether a peer holds a grant, or is a root of today of the space that does.
    pub fn speaks_for(&self, holder: &Holder, peer: &PeerId) -> bool {
        match holder {
            Holder::Peer(holder) => holder == peer,
            Holder::Space(space) => self.lineage(space).is_some_and(|it| it.roots().contains(peer)),
        }
    }

    /// Whether a peer may end a grant, alone or with other roots: it is a root, or speaks for the holder of a link above.
    pub fn is_above(&self, peer: &PeerId, grant: &GrantId) -> bool {
        if self.own.roots().contains(peer) {
            return true;
        }
        let chain = self.chain(grant);
        let Some((_, above)) = chain.split_last() else { return false };
        above.iter().filter_map(|id| self.grant(id)).any(|link| self.speaks_for(&link.holder, peer))
    }
}
