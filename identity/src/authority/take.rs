//! How a record gets in: its space, its signature, room for it.

use super::Authority;
use super::bounds::{
    APPROVALS_MAX, CUTS_MAX, GRANTS_MAX, LINKED_BY_MANAGERS_MAX, LINKED_SPACES_MAX, RESTORATIONS_MAX,
    REVOCATIONS_MAX,
};
use super::change::Change;
use super::lineage::Lineage;
use super::places::{Entered, Slot};
use crate::access::{
    Approval, ControlRecord, Grant, Holder, Linked, Restoration, Revocation, Right, Succession,
};
use crate::error::ControlError;
use crate::id::{EpochId, GrantId, PeerId, SpaceId};
use crate::manifest::Manifest;
use crate::record::{Record, Unverified, Verified};

impl Authority {
    /// Checks a record that was shown, in whatever way, and lets it count. Learning one twice changes nothing.
    pub fn learn(&mut self, record: ControlRecord) -> Result<Change, ControlError> {
        let mut change = Change::default();
        self.take(record, &mut change)?;
        Ok(change)
    }

    /// Checks a record that stands in a control log, and lets it count, and its place with it.
    pub fn enter(&mut self, place: Entered, record: ControlRecord) -> Result<Change, ControlError> {
        let mut change = Change::default();
        if let ControlRecord::Classified(record) = record {
            self.enter_class(&place, record, &mut change)?;
            return Ok(change);
        }
        let is_own = record.issuer() == Some(place.author);
        if let (ControlRecord::EpochRecord(epoch), true) = (&record, is_own) {
            self.take_epoch(epoch.clone(), Some(&place), &mut change)?;
            return Ok(change);
        }
        let slot = self.take(record, &mut change)?.filter(|_| is_own);
        if let Some(slot) = slot.filter(|slot| self.put(*slot, &place)) {
            self.touch_place(slot, &place.author, &mut change);
        }
        Ok(change)
    }

    /// Lets the roots of another space speak for it, so that a grant which that space holds can be passed on by them.
    pub fn learn_manifest(&mut self, manifest: Manifest) -> Result<Change, ControlError> {
        let (space, mut change) = (manifest.space(), Change::default());
        if self.lineage(&space).is_some() {
            return Ok(change);
        }
        if self.linked.len() >= LINKED_SPACES_MAX {
            return Err(ControlError::Spaces);
        }
        self.linked.insert(space, Lineage::new(manifest));
        self.review_everything(&mut change);
        Ok(change)
    }

    fn take(&mut self, record: ControlRecord, change: &mut Change) -> Result<Option<Slot>, ControlError> {
        match record {
            ControlRecord::Grant(it) => self.take_grant(it, change).map(Some),
            ControlRecord::Approval(it) => self.take_approval(it, change).map(Some),
            ControlRecord::Revocation(it) => self.take_revocation(it, change),
            ControlRecord::Restoration(it) => self.take_restoration(it, change).map(Some),
            ControlRecord::Succession(it) => self.take_succession(it, change).map(|()| None),
            ControlRecord::Linked(it) => self.take_linked(it, change).map(|()| None),
            ControlRecord::Rotation(it) => self.take_rotation(it).map(|()| None),
            ControlRecord::EpochRecord(it) => self.take_epoch(it, None, change).map(|()| None),
            ControlRecord::SealingEndorsement(it) => self.take_sealing_key(it, change).map(|()| None),
            // A class counts only where it is entered, and what is in a wrap is for its holder to find.
            ControlRecord::Receipt(_)
            | ControlRecord::Classified(_)
            | ControlRecord::Replacement(_)
            | ControlRecord::Wraps(_)
            | ControlRecord::Unknown(_) => Ok(None),
            ControlRecord::Erasure(it) => self.take_erasure(it, change).map(Some),
        }
    }

    fn take_grant(&mut self, grant: Unverified<Grant>, change: &mut Change) -> Result<Slot, ControlError> {
        let claims = grant.claims();
        self.is_here(&claims.space)?;
        let (id, issuer) = (claims.id(), claims.issuer);
        if let Some(at) = self.grants.find(&id) {
            return Ok(Slot::Grant(at));
        }
        self.has_room(&issuer, 0)?;
        let grant = grant.verify_by(&self.verifier, &issuer)?;
        self.take_verified(id, grant, change)
    }

    pub(super) fn take_verified(
        &mut self,
        id: GrantId,
        grant: Verified<Grant>,
        change: &mut Change,
    ) -> Result<Slot, ControlError> {
        let issuer = grant.issuer;
        if let Some(at) = self.grants.find(&id) {
            return Ok(Slot::Grant(at));
        }
        if self.grants.len() >= GRANTS_MAX {
            return Err(ControlError::Grants);
        }
        self.has_room(&issuer, 0)?;
        if self.is_below_spent(&grant) {
            return Err(ControlError::Issuer);
        }
        self.took(&issuer, 0);
        self.visitors.remove(&id);
        let at = self.grants.insert(id, grant);
        self.review(at, change);
        Ok(Slot::Grant(at))
    }

    fn take_approval(
        &mut self,
        approval: Unverified<Approval>,
        change: &mut Change,
    ) -> Result<Slot, ControlError> {
        let (space, approver) = (approval.claims().space, approval.claims().approver);
        if self.lineage(&space).is_none() {
            return Err(ControlError::OtherSpace);
        }
        if let Some(at) = self.approvals.find(approval.claims()) {
            return Ok(Slot::Approval(at));
        }
        if self.approvals.len() >= APPROVALS_MAX {
            return Err(ControlError::Approvals);
        }
        self.has_room(&approver, 0)?;
        let approval = approval.verify_by(&self.verifier, &approver)?;
        self.took(&approver, 0);
        let slot = Slot::Approval(self.approvals.insert(&approval));
        self.touch_approved(&approval.of, change);
        Ok(slot)
    }

    fn take_revocation(
        &mut self,
        revocation: Unverified<Revocation>,
        change: &mut Change,
    ) -> Result<Option<Slot>, ControlError> {
        self.is_here(&revocation.claims().space)?;
        let (hash, issuer) = (revocation.claims().hash(), revocation.claims().issuer);
        if let Some(at) = self.ended.find(&hash) {
            return Ok(Some(Slot::Revocation(at)));
        }
        let cuts = revocation.claims().cuts.as_slice().len();
        let room = self.has_room(&issuer, cuts);
        if matches!(room, Err(ControlError::Waiting)) {
            return Err(ControlError::Waiting);
        }
        let revocation = revocation.verify_by(&self.verifier, &issuer)?;
        self.settle(&revocation.grant, change);
        if room.is_err() || self.ended.len() >= REVOCATIONS_MAX || self.ended.cuts_held() + cuts > CUTS_MAX {
            return self.fell(&revocation, &hash, change).map(|()| None);
        }
        let number = self.took(&issuer, cuts);
        let slot = Slot::Revocation(self.ended.insert(hash, number, &revocation));
        self.touch(slot, change);
        Ok(Some(slot))
    }

    /// There is no room for a revocation: what it ends must end all the same.
    fn fell(&mut self, it: &Revocation, hash: &[u8; 32], change: &mut Change) -> Result<(), ControlError> {
        let known = self.grants.find(&it.grant).filter(|at| self.grants.at(*at).state.links > 0);
        let nowhere = Slot::Revocation(super::places::NOWHERE);
        let binds = |at: &u32| self.level(&self.grants.chain(*at), nowhere, hash, &it.issuer).is_some();
        if let Some(at) = known.filter(binds) {
            self.grants.at_mut(at).fallen = true;
            self.review(at, change);
            return Ok(());
        }
        // It may bind yet: its grant is shown later, or other roots agree later.
        if known.is_none() || self.was_any_root(&it.issuer) {
            self.issuers.spend(&it.issuer);
        }
        Err(ControlError::Revocations)
    }

    fn take_restoration(
        &mut self,
        restoration: Unverified<Restoration>,
        change: &mut Change,
    ) -> Result<Slot, ControlError> {
        self.is_here(&restoration.claims().space)?;
        let (hash, issuer) = (restoration.claims().hash(), restoration.claims().issuer);
        if let Some(at) = self.ended.find_restoration(&hash) {
            return Ok(Slot::Restoration(at));
        }
        let cuts = restoration.claims().cuts.as_slice().len();
        if self.ended.restorations_len() >= RESTORATIONS_MAX || self.ended.cuts_held() + cuts > CUTS_MAX {
            return Err(ControlError::Restorations);
        }
        self.has_room(&issuer, cuts)?;
        let restoration = restoration.verify_by(&self.verifier, &issuer)?;
        let number = self.took(&issuer, cuts);
        let slot = Slot::Restoration(self.ended.insert_restoration(hash, number, &restoration));
        self.touch(slot, change);
        Ok(slot)
    }

    fn take_succession(
        &mut self,
        succession: Unverified<Succession>,
        change: &mut Change,
    ) -> Result<(), ControlError> {
        let (space, issuer) = (succession.claims().space, succession.claims().issuer);
        let hash = succession.claims().hash();
        let lineage = self.lineage(&space).ok_or(ControlError::OtherSpace)?;
        if lineage.knows(&hash) {
            return Ok(());
        }
        lineage.has_room(&issuer)?;
        succession.claims().check()?;
        let cuts = succession.claims().cuts.as_slice().len();
        self.has_room(&issuer, cuts)?;
        let succession = succession.verify_by(&self.verifier, &issuer)?;
        self.took(&issuer, cuts);
        if let Some(lineage) = self.lineage_mut(&space) {
            lineage.insert((*succession).clone(), hash);
        }
        self.recount(&space, change);
        Ok(())
    }

    /// The roots of another space are known from now on, if somebody says so to whom a chain leads.
    fn take_linked(&mut self, linked: Unverified<Linked>, change: &mut Change) -> Result<(), ControlError> {
        self.is_here(&linked.claims().space)?;
        let issuer = linked.claims().issuer;
        let manifest = linked.claims().manifest()?;
        if self.lineage(&manifest.space()).is_some() {
            return Ok(());
        }
        if !self.is_known(&issuer) {
            return Err(ControlError::Waiting);
        }
        linked.verify_by(&self.verifier, &issuer)?;
        self.take_manifest(&issuer, manifest, change)
    }

    /// Learns the manifest that somebody made known.
    pub(super) fn take_manifest(
        &mut self,
        issuer: &PeerId,
        manifest: Manifest,
        change: &mut Change,
    ) -> Result<(), ControlError> {
        if !self.own.was_root(issuer) && self.linked.len() >= LINKED_BY_MANAGERS_MAX {
            return Err(ControlError::Spaces);
        }
        change.join(self.learn_manifest(manifest)?);
        Ok(())
    }

    pub(super) fn is_here(&self, space: &SpaceId) -> Result<(), ControlError> {
        if *space == self.space { Ok(()) } else { Err(ControlError::OtherSpace) }
    }

    fn lineage_mut(&mut self, space: &SpaceId) -> Option<&mut Lineage> {
        if *space == self.space { Some(&mut self.own) } else { self.linked.get_mut(space) }
    }

    pub(super) fn was_any_root(&self, peer: &PeerId) -> bool {
        self.own.was_root(peer) || self.linked.values().any(|lineage| lineage.was_root(peer))
    }

    /// Whether a chain leads to that issuer.
    pub(super) fn is_known(&self, peer: &PeerId) -> bool {
        let manages =
            |held: &super::grants::Held| held.state.founded && held.grant.rights.contains(Right::Manage);
        self.was_any_root(peer) || self.grants.of(Holder::Peer(*peer)).any(manages)
    }

    /// Whether there is room for a record of that issuer. A manager can make up another space and link it: its roots have no more room
    /// than managers do.
    pub(super) fn has_room(&self, issuer: &PeerId, cuts: usize) -> Result<(), ControlError> {
        self.issuers.has_room(issuer, self.is_known(issuer), !self.own.was_root(issuer), cuts)
    }

    pub(super) fn took(&mut self, issuer: &PeerId, cuts: usize) -> u32 {
        self.issuers.took(issuer, self.is_known(issuer), !self.own.was_root(issuer), cuts)
    }

    pub(super) fn is_below_spent(&self, grant: &Grant) -> bool {
        let above = grant.parent.and_then(|parent| self.grants.find(&parent));
        let chain = above.map(|at| self.grants.chain(at)).unwrap_or_default();
        let mut issuers = chain.into_iter().map(|at| self.grants.at(at).grant.issuer);
        self.issuers.is_spent(&grant.issuer) || issuers.any(|issuer| self.issuers.is_spent(&issuer))
    }

    /// Looks again at what depends on where a record is entered. Of what ends or approves something that decides for roots alone.
    fn touch_place(&mut self, slot: Slot, issuer: &PeerId, change: &mut Change) {
        match slot {
            Slot::Grant(at) => self.review_alone(at, change),
            Slot::Erasure(_) | Slot::Class(_) => self.touch(slot, change),
            Slot::Revocation(_) | Slot::Restoration(_) | Slot::Approval(_) => {
                if self.was_any_root(issuer) {
                    self.touch(slot, change);
                }
            }
        }
    }

    /// Looks again at what depends on a record, because it is new.
    fn touch(&mut self, slot: Slot, change: &mut Change) {
        match slot {
            Slot::Grant(at) => self.review(at, change),
            Slot::Revocation(at) => self.touch_revoked(at, change),
            Slot::Restoration(at) => {
                let of = self.ended.restoration(at).revocation;
                if let Some(at) = self.ended.find(&of) {
                    self.touch_revoked(at, change);
                }
            }
            Slot::Erasure(at) => self.touch_erasure(at, change),
            Slot::Class(_) => change.classes = true,
            Slot::Approval(at) => {
                let of = *self.approvals.what(at);
                self.touch_approved(&of, change);
            }
        }
    }

    fn touch_revoked(&mut self, at: u32, change: &mut Change) {
        if let Some(at) = self.grants.find(&self.ended.at(at).grant) {
            self.review(at, change);
        }
    }

    fn touch_approved(&mut self, of: &[u8; 32], change: &mut Change) {
        if let Some(at) = self.grants.find(&GrantId(*of)) {
            self.touch(Slot::Grant(at), change);
        } else if let Some(at) = self.ended.find(of) {
            self.touch(Slot::Revocation(at), change);
        } else if let Some(at) = self.ended.find_restoration(of) {
            self.touch(Slot::Restoration(at), change);
        } else if self.classes.knows(of) {
            change.classes = true;
        } else if self.epoch(&EpochId(*of)).is_some() {
            // What is sealed is personal.
            (change.sealed, change.classes) = (true, true);
        } else if let Some(at) = self.find_erasure(of) {
            self.touch(Slot::Erasure(at), change);
        } else {
            let spaces = std::iter::once((&self.space, &self.own)).chain(&self.linked);
            let space = spaces.filter(|(_, lineage)| lineage.knows(of)).map(|(space, _)| *space).next();
            if let Some(space) = space {
                self.recount(&space, change);
            }
        }
    }

    fn recount(&mut self, space: &SpaceId, change: &mut Change) {
        let lineage = if *space == self.space { Some(&mut self.own) } else { self.linked.get_mut(space) };
        if lineage.is_some_and(|lineage| lineage.recount(&self.approvals)) {
            self.review_everything(change);
        }
    }
}
