//! Who speaks for a space: its manifest, and the successions that were agreed to.

use super::approvals::Approvals;
use super::bounds::SUCCESSIONS_MAX;
use crate::access::{Cuts, Succession};
use crate::error::ControlError;
use crate::id::PeerId;
use crate::manifest::Manifest;

/// The manifests of one space.
#[derive(Debug, Clone)]
pub(super) struct Lineage {
    manifest: Manifest,
    genesis: [u8; 32],
    /// All that are known, agreed to or not.
    known: Vec<(Box<Succession>, [u8; 32])>,
    /// Those that count, in order.
    counts: Vec<usize>,
}

/// What a peer's word is worth in the name of a space.
#[derive(Debug, Clone, Copy)]
pub(super) enum Voice<'a> {
    /// It is a root.
    Now,
    /// It was one: what stands below these cuts of its control logs counts. So many had to agree then.
    Gone { cuts: &'a Cuts, threshold: u8 },
    /// It never was.
    Never,
}

impl Lineage {
    pub(super) fn new(manifest: Manifest) -> Self {
        let genesis = manifest.space().0;
        Self { manifest, genesis, known: Vec::new(), counts: Vec::new() }
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The roots of today.
    pub(super) fn roots(&self) -> &[PeerId] {
        self.at(self.counts.len()).0
    }

    /// How many of them must agree.
    pub(super) fn threshold(&self) -> u8 {
        self.at(self.counts.len()).1
    }

    /// The fewest that ever had to.
    pub(super) fn threshold_ever(&self) -> u8 {
        (0..=self.counts.len()).map(|nth| self.at(nth).1).min().unwrap_or(u8::MAX)
    }

    /// All who are or were roots.
    pub(super) fn ever(&self) -> impl Iterator<Item = &PeerId> {
        (0..=self.counts.len()).flat_map(|nth| self.at(nth).0)
    }

    pub(super) fn was_root(&self, peer: &PeerId) -> bool {
        self.ever().any(|root| root == peer)
    }

    pub(super) fn voice(&self, peer: &PeerId) -> Voice<'_> {
        let last = self.counts.len();
        if self.at(last).0.contains(peer) {
            return Voice::Now;
        }
        // Where it went last: whoever went twice came back in between.
        let went = (0..last).rev().find(|nth| self.at(*nth).0.contains(peer));
        went.map_or(Voice::Never, |nth| Voice::Gone {
            cuts: &self.known[self.counts[nth]].0.cuts,
            threshold: self.at(nth).1,
        })
    }

    pub(super) fn knows(&self, succession: &[u8; 32]) -> bool {
        self.known.iter().any(|(_, hash)| hash == succession)
    }

    /// Those by peers that never were roots, as far as is known, have half of it: roots have the rest.
    pub(super) fn has_room(&self, issuer: &PeerId) -> Result<(), ControlError> {
        let by_others = || self.known.iter().filter(|(it, _)| !self.was_root(&it.issuer)).count();
        let has_room = self.known.len() < SUCCESSIONS_MAX
            && (self.was_root(issuer) || by_others() < SUCCESSIONS_MAX / 2);
        if has_room { Ok(()) } else { Err(ControlError::Successions) }
    }

    pub(super) fn insert(&mut self, succession: Succession, hash: [u8; 32]) {
        self.known.push((Box::new(succession), hash));
    }

    /// Follows the successions from the manifest on. Says whether others speak for the space than before.
    pub(super) fn recount(&mut self, approvals: &Approvals) -> bool {
        let before = std::mem::take(&mut self.counts);
        let mut previous = self.genesis;
        while let Some(next) = self.next(&previous, approvals) {
            previous = self.known[next].1;
            self.counts.push(next);
        }
        self.counts != before
    }

    /// What follows the last that counts: of those that its roots agree to, the one with the lowest hash.
    fn next(&self, previous: &[u8; 32], approvals: &Approvals) -> Option<usize> {
        let serial = u32::try_from(self.counts.len()).ok()? + 1;
        let (roots, threshold) = self.at(self.counts.len());
        let agreed = |(succession, hash): &(Box<Succession>, [u8; 32])| {
            let others = approvals.of(hash).filter(|(_, by)| **by != succession.issuer && roots.contains(by));
            roots.contains(&succession.issuer) && 1 + others.count() >= usize::from(threshold)
        };
        let follows = |(succession, _): &(Box<Succession>, [u8; 32])| {
            succession.previous == *previous && succession.serial == serial
        };
        let candidates =
            (0..self.known.len()).filter(|at| follows(&self.known[*at]) && agreed(&self.known[*at]));
        candidates.min_by_key(|at| self.known[*at].1)
    }

    /// The nth manifest: roots and threshold. The manifest itself is the 0th.
    fn at(&self, nth: usize) -> (&[PeerId], u8) {
        match nth.checked_sub(1).map(|nth| &self.known[self.counts[nth]].0) {
            None => (self.manifest.roots(), self.manifest.threshold()),
            Some(succession) => (&succession.roots, succession.threshold),
        }
    }
}
