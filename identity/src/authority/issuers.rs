//! Who issued how much.

use super::bounds::{CUTS_BY_MANAGERS_MAX, CUTS_OF_ONE_ISSUER_MAX, RECORDS_OF_ONE_ISSUER_MAX, WAITING_MAX};
use super::index::{Index, slot};
use crate::error::ControlError;
use crate::id::PeerId;

#[derive(Debug, Clone, Default)]
pub(super) struct Issuers {
    all: Vec<Issuer>,
    index: Index,
    /// Records and cuts of those that are not known.
    waiting: u32,
    /// Cuts of those that are no roots.
    cuts_by_managers: usize,
}

#[derive(Debug, Clone)]
struct Issuer {
    peer: PeerId,
    records: u32,
    cuts: usize,
    /// Records and cuts, as long as it is not known.
    weight: u32,
    /// A root of a space, or a manager to whom a chain leads.
    known: bool,
    /// A revocation of it was lost: no grant below it is taken.
    spent: bool,
}

impl Issuers {
    pub(super) fn peer(&self, issuer: u32) -> &PeerId {
        &self.all[issuer as usize].peer
    }

    pub(super) fn find(&self, peer: &PeerId) -> Option<u32> {
        self.index.candidates(peer.as_bytes()).find(|at| self.peer(*at) == peer)
    }

    /// Whether there is room for a record of that issuer. `bounded`: it is no root.
    pub(super) fn has_room(
        &self,
        peer: &PeerId,
        known: bool,
        bounded: bool,
        cuts: usize,
    ) -> Result<(), ControlError> {
        let held = |it: &Issuer| (it.records, it.cuts);
        let (records, own) = self.find(peer).map_or((0, 0), |at| held(&self.all[at as usize]));
        let names_too_many = cuts > 0
            && (own + cuts > CUTS_OF_ONE_ISSUER_MAX || self.cuts_by_managers + cuts > CUTS_BY_MANAGERS_MAX);
        if bounded && (records >= RECORDS_OF_ONE_ISSUER_MAX || names_too_many) {
            return Err(ControlError::Issuer);
        }
        if !known && self.waiting.saturating_add(weight(cuts)) > WAITING_MAX {
            return Err(ControlError::Waiting);
        }
        Ok(())
    }

    /// Counts a record.
    pub(super) fn took(&mut self, peer: &PeerId, known: bool, bounded: bool, cuts: usize) -> u32 {
        let at = self.number(peer);
        if known {
            self.know(at);
        }
        let issuer = &mut self.all[at as usize];
        issuer.records += 1;
        issuer.cuts += cuts;
        if !issuer.known {
            issuer.weight += weight(cuts);
            self.waiting += weight(cuts);
        }
        self.cuts_by_managers += if bounded { cuts } else { 0 };
        at
    }

    /// What it issued waits no longer.
    pub(super) fn know(&mut self, at: u32) {
        let issuer = &mut self.all[at as usize];
        issuer.known = true;
        self.waiting -= issuer.weight;
        issuer.weight = 0;
    }

    pub(super) fn spend(&mut self, peer: &PeerId) {
        let at = self.number(peer);
        self.all[at as usize].spent = true;
    }

    pub(super) fn is_spent(&self, peer: &PeerId) -> bool {
        self.find(peer).is_some_and(|at| self.all[at as usize].spent)
    }

    fn number(&mut self, peer: &PeerId) -> u32 {
        if let Some(at) = self.find(peer) {
            return at;
        }
        let at = slot(self.all.len());
        self.all.push(Issuer { peer: *peer, records: 0, cuts: 0, weight: 0, known: false, spent: false });
        self.index.insert(peer.as_bytes(), at);
        at
    }
}

fn weight(cuts: usize) -> u32 {
    u32::try_from(cuts).unwrap_or(u32::MAX).saturating_add(1)
}
