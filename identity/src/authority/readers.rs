//! Who could read: what people ask afterwards.

use super::Authority;
use crate::access::{Grant, Holder, Right, Rights};
use crate::id::{GrantId, PeerId};
use crate::path::CollectionPath;
use crate::time::UnixMillis;

/// A peer that could read a collection at some time, by one of its grants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader {
    /// Who.
    pub holder: PeerId,
    /// By which grants, from that of a root to its own.
    pub chain: Vec<GrantId>,
    /// By which right: `read`, or `relay`, by which it carries what it could look at.
    pub right: Right,
    /// From when on.
    pub from: UnixMillis,
    /// Until when, had nobody ended it before.
    pub until: UnixMillis,
    /// What ended it, if something has.
    pub ended: Option<Ended>,
}

/// Why a grant counts no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    /// The grant that is over: its own, or one above.
    pub grant: GrantId,
    /// The revocation that says so, by its hash; `None` where there was no room to keep it, or where it was a root that
    /// went.
    pub revocation: Option<[u8; 32]>,
    /// When it was signed, by its issuer's clock, which proves nothing: who learnt of it when is known to those alone.
    pub at: Option<UnixMillis>,
}

impl Authority {
    /// Who could read `resource` at that time, by whichever grant, in order. Those whose grant was revoked since are
    /// listed with what ended it: when they learnt of it, and those that served them, is not known here.
    pub fn readers(&self, resource: &CollectionPath, at: UnixMillis) -> Vec<Reader> {
        // What is sealed is sealed from its first entry on.
        let is_sealed = self.sealed_collections().any(|sealed| sealed.covers(resource));
        let slots = self.grants.slots().map(|slot| (slot, self.grants.at(slot)));
        let could = slots.filter(|(_, held)| {
            held.state.founded && held.grant.is_valid(Some(at)) && held.grant.resource.covers(resource)
        });
        let settled = could.filter_map(|(slot, held)| self.reader(slot, &held.grant, is_sealed));
        let visitors = self.visitors.all().filter(|(_, grant)| {
            self.is_founded(grant) && grant.is_valid(Some(at)) && grant.resource.covers(resource)
        });
        let visitors = visitors.filter_map(|(id, grant)| {
            let above = self.grants.find(&grant.parent?)?;
            let mut reader = self.reader(above, grant, is_sealed)?;
            reader.chain.push(*id);
            Some(reader)
        });
        let mut readers: Vec<_> = settled.chain(visitors).collect();
        readers.sort_unstable();
        readers
    }

    /// Who reads by a grant, of which a link lies there: itself, or the one above.
    fn reader(&self, slot: u32, grant: &Grant, is_sealed: bool) -> Option<Reader> {
        let Holder::Peer(holder) = grant.holder else { return None };
        let right = reading(grant.rights, is_sealed)?;
        let chain = self.grants.chain(slot);
        let ended = if self.grants.at(slot).state.counts() { None } else { Some(self.ended_by(&chain)) };
        let chain = chain.into_iter().map(|at| self.grants.at(at).id).collect();
        let (from, until) = (grant.not_before, grant.not_after);
        Some(Reader { holder, chain, right, from, until, ended })
    }

    /// What ended the last link of a chain: the revocation nearest to the root without which it could count, and of those
    /// the one that claims to be the oldest.
    fn ended_by(&self, chain: &[u32]) -> Ended {
        let stops = |nth: usize| {
            let state = self.grants.at(chain[nth]).state;
            let next_stands = chain.get(nth + 1).is_some_and(|next| self.grants.at(*next).state.stands);
            !state.stands || state.revoked && !next_stands
        };
        let nth = (0..chain.len()).find(|nth| stops(*nth)).unwrap_or(chain.len() - 1);
        let chain = &chain[..=nth];
        let ends = |(at, _)| (self.ended.at(at).at, self.ended.at(at).hash);
        let first = self.binding(chain).into_iter().map(ends).min();
        Ended {
            grant: self.grants.at(chain[nth]).id,
            revocation: first.map(|(_, hash)| hash),
            at: first.map(|(at, _)| at),
        }
    }
}

/// Who carries something could look at it, unless it is sealed.
fn reading(rights: Rights, is_sealed: bool) -> Option<Right> {
    let ways: &[Right] = if is_sealed { &[Right::Read] } else { &[Right::Read, Right::Relay] };
    ways.iter().copied().find(|right| rights.contains(*right))
}
