//! The grants that are held, and what is known of each.

use super::index::{Index, slot};
use crate::access::{Grant, Holder};
use crate::id::GrantId;
use crate::record::Verified;

#[derive(Debug, Clone, Default)]
pub(super) struct Grants {
    #[expect(
        clippy::vec_box,
        reason = "most peers meet few others: a table that doubles would waste what it holds"
    )]
    all: Vec<Box<Held>>,
    by_id: Index,
    by_holder: Index,
    /// By the id of the link above, whether that is known or not.
    by_parent: Index,
}

#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) id: GrantId,
    pub(super) grant: Verified<Grant>,
    /// Where the link above lies, once it is known, if this one narrows it.
    pub(super) parent: Option<u32>,
    /// A revocation for which there was no room.
    pub(super) fallen: bool,
    pub(super) state: State,
}

/// What the fold says of a grant. It is computed anew when something changes on which it depends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// How many links there are from a root to it; 0 where the chain is not known, or widens.
    pub(super) links: u8,
    /// The chain begins with somebody who is or was a root.
    pub(super) founded: bool,
    /// All that was said above it lets it count.
    pub(super) stands: bool,
    /// A revocation of it binds.
    pub(super) revoked: bool,
}

impl State {
    pub(super) fn counts(self) -> bool {
        self.stands && !self.revoked
    }
}

pub(super) fn holder_bytes(holder: &Holder) -> &[u8; 32] {
    match holder {
        Holder::Peer(peer) => peer.as_bytes(),
        Holder::Space(space) => space.as_bytes(),
    }
}

impl Grants {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn at(&self, at: u32) -> &Held {
        &self.all[at as usize]
    }

    pub(super) fn at_mut(&mut self, at: u32) -> &mut Held {
        &mut self.all[at as usize]
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        0..slot(self.all.len())
    }

    pub(super) fn find(&self, id: &GrantId) -> Option<u32> {
        self.by_id.candidates(id.as_bytes()).find(|at| self.at(*at).id == *id)
    }

    pub(super) fn of(&self, holder: Holder) -> impl Iterator<Item = &Held> {
        let candidates = self.by_holder.candidates(holder_bytes(&holder)).map(|at| self.at(at));
        candidates.filter(move |held| held.grant.holder == holder)
    }

    /// The links that name this one as the one above them, whether they narrow it or not.
    pub(super) fn below(&self, id: &GrantId) -> impl Iterator<Item = u32> + '_ {
        let id = *id;
        self.by_parent.candidates(id.as_bytes()).filter(move |at| self.at(*at).grant.parent == Some(id))
    }

    pub(super) fn insert(&mut self, id: GrantId, grant: Verified<Grant>) -> u32 {
        let at = slot(self.all.len());
        self.by_id.insert(id.as_bytes(), at);
        self.by_holder.insert(holder_bytes(&grant.holder), at);
        if let Some(parent) = &grant.parent {
            self.by_parent.insert(parent.as_bytes(), at);
        }
        let parent =
            grant.parent.and_then(|above| self.find(&above)).filter(|above| fits(self.at(*above), &grant));
        self.all.push(Box::new(Held { id, grant, parent, fallen: false, state: State::default() }));
        let below: Vec<_> =
            self.below(&id).filter(|child| fits(self.at(at), &self.at(*child).grant)).collect();
        for child in below {
            self.at_mut(child).parent = Some(at);
        }
        at
    }

    /// The links from a root's to this one. Nothing of it is checked but that each narrows the one above.
    pub(super) fn chain(&self, at: u32) -> Vec<u32> {
        let mut chain: Vec<_> =
            std::iter::successors(Some(at), |at| self.at(*at).parent).take(crate::CHAIN_LINKS_MAX).collect();
        chain.reverse();
        chain
    }
}

/// Whether a link may stand below another, as far as that never changes.
fn fits(above: &Held, grant: &Grant) -> bool {
    issued_by_holder(&above.grant, grant) && above.grant.allows_attenuation(grant).is_ok()
}

/// Whether the holder of a link signed the one below. Who the roots of another space are is looked at elsewhere.
pub(super) fn issued_by_holder(above: &Grant, grant: &Grant) -> bool {
    match above.holder {
        Holder::Peer(peer) => grant.issuer == peer,
        Holder::Space(_) => true,
    }
}
