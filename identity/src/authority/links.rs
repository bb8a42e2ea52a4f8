//! Grants that somebody shows, and the chains among them.

use std::collections::BTreeMap;

use super::Authority;
use super::change::Change;
use super::grants::issued_by_holder;
use crate::access::{Approval, CHAIN_LINKS_MAX, ControlRecord, Grant, Holder, Linked};
use crate::error::ChainError;
use crate::id::{GrantId, PeerId};
use crate::record::{Unverified, Verified};

/// The links that are shown, each checked when it is needed, and once.
pub(super) struct Links(BTreeMap<GrantId, Link>);

enum Link {
    Shown(Unverified<Grant>),
    Good(Verified<Grant>),
}

impl Link {
    fn claims(&self) -> &Grant {
        match self {
            Self::Shown(grant) => grant.claims(),
            Self::Good(grant) => grant,
        }
    }
}

impl Links {
    pub(super) fn of(shown: impl IntoIterator<Item = Unverified<Grant>>) -> Self {
        Self(shown.into_iter().map(|grant| (grant.claims().id(), Link::Shown(grant))).collect())
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = (&GrantId, &Grant)> {
        self.0.iter().map(|(id, link)| (id, link.claims()))
    }

    /// With the links above them that are held already.
    fn and_known(mut self, authority: &Authority) -> Self {
        let above: Vec<_> = self.claims().filter_map(|(_, grant)| grant.parent).collect();
        let held = above.iter().filter_map(|id| authority.grants.find(id));
        for at in held.flat_map(|at| authority.grants.chain(at)) {
            let held = authority.grants.at(at);
            self.0.entry(held.id).or_insert_with(|| Link::Good(held.grant.clone()));
        }
        self
    }

    fn verified(&mut self, authority: &Authority, id: &GrantId) -> Result<&Grant, ChainError> {
        let link = self.0.get_mut(id).ok_or(ChainError::Missing)?;
        if let Link::Shown(grant) = link {
            let (space, issuer) = (grant.claims().space, grant.claims().issuer);
            if space != authority.space {
                return Err(ChainError::OtherSpace);
            }
            let known = authority.grants.find(id).map(|at| &authority.grants.at(at).grant);
            // What was checked when it was learnt is not checked again.
            *link = Link::Good(match known.filter(|known| known.is(grant)) {
                Some(known) => known.clone(),
                None => grant.clone().verify_by(&authority.verifier, &issuer)?,
            });
        }
        Ok(link.claims())
    }
}

impl Authority {
    /// Learns what a peer shows of itself: its own grants that go back to a root, the links above them, from the root's on, and
    /// what roots approve of these, and who the roots of a space are that holds one of them. What else it shows is left out, so that nobody fills the tables with what it made up; so
    /// is what there is no room for.
    pub fn learn_shown(&mut self, holder: &PeerId, shown: impl IntoIterator<Item = ControlRecord>) -> Change {
        self.learn_chains(holder, shown, false)
    }

    /// The same of a peer that is linked. What only lets it read or carry, and is entered nowhere, is kept for a while
    /// ([`super::VISITORS_MAX`]) and takes nobody's room.
    pub fn learn_visitor(
        &mut self,
        holder: &PeerId,
        shown: impl IntoIterator<Item = ControlRecord>,
    ) -> Change {
        self.learn_chains(holder, shown, true)
    }

    fn learn_chains(
        &mut self,
        holder: &PeerId,
        shown: impl IntoIterator<Item = ControlRecord>,
        visits: bool,
    ) -> Change {
        let (mut grants, mut approvals, mut linked) = (Vec::new(), Vec::new(), Vec::new());
        for record in shown {
            match record {
                ControlRecord::Grant(grant) => grants.push(grant),
                ControlRecord::Approval(approval) => approvals.push(approval),
                ControlRecord::Linked(manifest) => linked.push(manifest),
                _ => {}
            }
        }
        let mut change = Change::default();
        let mut links = Links::of(grants).and_known(self);
        // A root agrees with one of them: nobody else makes that up.
        let counts = |it: &Unverified<Approval>| {
            self.was_any_root(&it.claims().approver) && links.0.contains_key(&GrantId(it.claims().of))
        };
        approvals.retain(counts);
        for approval in approvals {
            change.join(self.learn(approval.into()).unwrap_or_default());
        }
        for linked in linked {
            self.take_shown_linked(&mut links, linked, &mut change);
        }
        let own = links.claims().filter(|(_, grant)| grant.holder == *holder);
        let own: Vec<_> = own.map(|(id, _)| *id).collect();
        for own in own {
            for id in self.follow(&mut links, own).unwrap_or_default().iter().rev() {
                if let Some(Link::Good(grant)) = links.0.get(id)
                    && !(visits && *id == own && self.visit(own, grant, &mut change))
                {
                    let _ = self.take_verified(*id, grant.clone(), &mut change);
                }
            }
        }
        change
    }

    /// Who the roots of a space are is told by whoever granted to it, where that goes back to a root of ours.
    fn take_shown_linked(&mut self, links: &mut Links, linked: Unverified<Linked>, change: &mut Change) {
        let issuer = linked.claims().issuer;
        let Ok(manifest) = linked.claims().manifest() else { return };
        let space = Holder::Space(manifest.space());
        let of = links.claims().filter(|(_, grant)| grant.holder == space && grant.issuer == issuer);
        let of: Vec<_> = of.map(|(id, _)| *id).collect();
        if of.into_iter().any(|id| self.follow(links, id).is_ok())
            && linked.verify_by(&self.verifier, &issuer).is_ok()
        {
            // What there is no room for is left out.
            let _ = self.take_manifest(&issuer, manifest, change);
        }
    }

    /// Checks the chain of one grant. Returns it, from the grant up to a root's.
    pub(super) fn follow(&self, links: &mut Links, id: GrantId) -> Result<Vec<GrantId>, ChainError> {
        let mut chain = vec![id];
        for _ in 0..CHAIN_LINKS_MAX {
            let next = chain[chain.len() - 1];
            let (parent, issuer) = {
                let grant = links.verified(self, &next)?;
                (grant.parent, grant.issuer)
            };
            let Some(above) = parent else {
                let founded = self.has_spoken(&self.own, &next.0, &issuer);
                return if founded { Ok(chain) } else { Err(ChainError::NotARoot) };
            };
            self.is_below(links, &above, &next)?;
            chain.push(above);
        }
        Err(ChainError::TooLong)
    }

    /// Whether a link narrows the one above it, and was signed by whoever holds that.
    fn is_below(&self, links: &Links, above: &GrantId, id: &GrantId) -> Result<(), ChainError> {
        let claims = |id| links.0.get(id).map(Link::claims).ok_or(ChainError::Missing);
        let (parent, grant) = (claims(above)?, claims(id)?);
        parent.allows_attenuation(grant)?;
        let by_its_space = match &parent.holder {
            Holder::Peer(_) => true,
            Holder::Space(space) => {
                self.lineage(space).is_some_and(|it| self.has_spoken(it, &id.0, &grant.issuer))
            }
        };
        if issued_by_holder(parent, grant) && by_its_space { Ok(()) } else { Err(ChainError::NotTheHolder) }
    }
}
