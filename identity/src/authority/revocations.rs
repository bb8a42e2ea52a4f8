//! The revocations and restorations that are held.

use std::collections::BTreeMap;

use super::index::{Index, slot};
use super::places::Place;
use crate::access::{Cut, Cuts, Restoration, Revocation};
use crate::id::{GrantId, LogId};
use crate::time::UnixMillis;

/// How many lie side by side: a table that doubled would waste half of what the many take.
const BLOCK: usize = 64;

/// Ten thousand of one cut each take less than 2 MB: of a revocation that has bound, its log keeps signature and reason.
#[derive(Debug, Clone, Default)]
pub(super) struct Revocations {
    blocks: Vec<Vec<Revoked>>,
    by_hash: Index,
    by_grant: Index,
    /// The cuts of those that do not name exactly one log.
    cuts: BTreeMap<u32, Cuts>,
    restorations: Vec<Restored>,
    restorations_by_hash: Index,
    by_revocation: Index,
    /// In all of them.
    cuts_held: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Revoked {
    pub(super) hash: [u8; 32],
    pub(super) grant: GrantId,
    /// Where it names exactly one log.
    only: Cut,
    pub(super) at: UnixMillis,
    pub(super) issuer: u32,
    /// Where it is entered, as far as one place says it.
    place: Place,
    has_one: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Restored {
    pub(super) hash: [u8; 32],
    pub(super) revocation: [u8; 32],
    pub(super) issuer: u32,
    pub(super) cuts: Cuts,
}

impl Revocations {
    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    pub(super) fn restorations_len(&self) -> usize {
        self.restorations.len()
    }

    pub(super) fn cuts_held(&self) -> usize {
        self.cuts_held
    }

    pub(super) fn at(&self, at: u32) -> &Revoked {
        &self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }

    pub(super) fn restoration(&self, at: u32) -> &Restored {
        &self.restorations[at as usize]
    }

    pub(super) fn find(&self, hash: &[u8; 32]) -> Option<u32> {
        self.by_hash.candidates(hash).find(|at| self.at(*at).hash == *hash)
    }

    pub(super) fn find_restoration(&self, hash: &[u8; 32]) -> Option<u32> {
        self.restorations_by_hash.candidates(hash).find(|at| self.restoration(*at).hash == *hash)
    }

    /// Those of a grant.
    pub(super) fn of<'a>(&'a self, grant: &'a GrantId) -> impl Iterator<Item = u32> + 'a {
        self.by_grant.candidates(grant.as_bytes()).filter(|at| self.at(*at).grant == *grant)
    }

    /// What restores logs that a revocation did not name.
    pub(super) fn restoring<'a>(&'a self, revocation: &'a [u8; 32]) -> impl Iterator<Item = u32> + 'a {
        let candidates = self.by_revocation.candidates(revocation);
        candidates.filter(|at| self.restoration(*at).revocation == *revocation)
    }

    /// Where a revocation is entered first.
    pub(super) fn place(&self, at: u32) -> Option<Place> {
        let revoked = self.blocks.get(at as usize / BLOCK).and_then(|block| block.get(at as usize % BLOCK));
        revoked.map(|revoked| revoked.place).filter(|place| *place != Place::NOWHERE)
    }

    pub(super) fn put(&mut self, at: u32, place: Place) {
        self.blocks[at as usize / BLOCK][at as usize % BLOCK].place = place;
    }

    /// What a revocation names for a log.
    pub(super) fn named(&self, at: u32, log: &LogId) -> Option<Cut> {
        let revoked = self.at(at);
        if revoked.has_one {
            return Some(revoked.only).filter(|cut| cut.log == *log);
        }
        self.cuts.get(&at).and_then(|cuts| cuts.of(log)).copied()
    }

    pub(super) fn insert(&mut self, hash: [u8; 32], issuer: u32, revocation: &Revocation) -> u32 {
        let at = slot(self.len());
        let cuts = revocation.cuts.as_slice();
        self.cuts_held += cuts.len();
        let has_one = cuts.len() == 1;
        let only = if has_one { cuts[0] } else { nothing(LogId([0; 32])) };
        if cuts.len() > 1 {
            self.cuts.insert(at, revocation.cuts.clone());
        }
        if self.blocks.last().is_none_or(|last| last.len() == BLOCK) {
            // A peer that knows of few does not pay for a block.
            let room = if self.blocks.is_empty() { 0 } else { BLOCK };
            self.blocks.push(Vec::with_capacity(room));
        }
        let (grant, place) = (revocation.grant, Place::NOWHERE);
        let revoked = Revoked { hash, grant, only, at: revocation.at, issuer, place, has_one };
        self.blocks.last_mut().expect("a block with room").push(revoked);
        self.by_hash.insert(&hash, at);
        self.by_grant.insert(revocation.grant.as_bytes(), at);
        at
    }

    pub(super) fn insert_restoration(
        &mut self,
        hash: [u8; 32],
        issuer: u32,
        restoration: &Restoration,
    ) -> u32 {
        let at = slot(self.restorations.len());
        let (revocation, cuts) = (restoration.revocation, restoration.cuts.clone());
        self.cuts_held += cuts.as_slice().len();
        self.restorations_by_hash.insert(&hash, at);
        self.by_revocation.insert(&revocation, at);
        self.restorations.push(Restored { hash, revocation, issuer, cuts });
        at
    }
}

/// A log of which nothing counts. Its root stands for nothing.
pub(super) fn nothing(log: LogId) -> Cut {
    Cut { log, size: 0, root: [0; 32] }
}
