//! Which collections are sealed, to which epochs, and who can be wrapped for.
//!
//! An epoch counts where its issuer manages the collection: it is entered in a control log of the issuer, either as a root's, of whom
//! as many agree as must; or under a grant with `manage` that covers the collection and stands, below where that log is cut. So it
//! is with grants that a manager has entered. A collection is sealed from its first epoch on that counts, with all that lies
//! below it; where one below is sealed too, that one's epochs count there. Of the epochs of a collection the current one has the highest number, and of several the lowest hash.
//!
//! A manager that misuses numbers has its control log cut where it began to: what is past the cut never counted.
//!
//! All of it is a function of the set of records and places, within the bounds: what is full refuses what comes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Authority;
use super::bounds::{EPOCHS_MAX, PLACES_OF_ONE_RECORD_MAX, SEALING_KEYS_MAX, WAITING_MAX};
use super::change::Change;
use super::places::Entered;
use crate::access::{Cuts, Holder, Right};
use crate::error::ControlError;
use crate::id::{EpochId, GrantId, LogId, PeerId};
use crate::path::CollectionPath;
use crate::record::{Record, Unverified, Verified};
use crate::sealed::{EpochRecord, SealingEndorsement};
use crate::time::UnixMillis;

/// Epochs and sealing keys that are held.
#[derive(Debug, Clone, Default)]
pub(super) struct Sealed {
    epochs: BTreeMap<EpochId, HeldEpoch>,
    /// By collection, whether they count or not.
    of: BTreeMap<CollectionPath, BTreeSet<EpochId>>,
    /// Of each peer the one with the highest number, of these the one that lasts longest, of these the lowest hash.
    pub(super) keys: BTreeMap<PeerId, Verified<SealingEndorsement>>,
}

#[derive(Debug, Clone)]
struct HeldEpoch {
    record: Verified<EpochRecord>,
    /// Where it is entered: log, under which grant, position. The lowest ones, if there are many.
    places: BTreeSet<(LogId, Option<GrantId>, u64)>,
}

/// What somebody may do in a sealed collection, as far as that is a reason to wrap an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entitled {
    /// From when on it may read: the earliest beginning of its grants that are valid. `None`: it may not.
    pub reads_from: Option<UnixMillis>,
    /// Whether it may write.
    pub writes: bool,
}

impl Authority {
    /// An epoch that is held, whether it counts or not.
    pub fn epoch(&self, id: &EpochId) -> Option<&Verified<EpochRecord>> {
        self.sealed.epochs.get(id).map(|held| &held.record)
    }

    /// The epochs of a collection that count, the current one last.
    pub fn epochs_of(&self, collection: &CollectionPath) -> Vec<&Verified<EpochRecord>> {
        let counting = self
            .sealed
            .epochs
            .iter()
            .filter(|(id, held)| held.record.collection == *collection && self.epoch_counts(id, held));
        let mut counting: Vec<_> =
            counting.map(|(id, held)| (held.record.number, Reverse(*id), &held.record)).collect();
        counting.sort_unstable_by_key(|(number, id, _)| (*number, *id));
        counting.into_iter().map(|(.., record)| record).collect()
    }

    /// The sealed collections and the current epoch of each.
    pub fn sealed(&self) -> BTreeMap<CollectionPath, Verified<EpochRecord>> {
        let mut current: BTreeMap<&CollectionPath, (u32, Reverse<EpochId>)> = BTreeMap::new();
        for (id, held) in &self.sealed.epochs {
            let rank = (held.record.number, Reverse(*id));
            let best = current.get(&held.record.collection);
            if best.is_none_or(|best| rank > *best) && self.epoch_counts(id, held) {
                current.insert(&held.record.collection, rank);
            }
        }
        let record = |(collection, (_, Reverse(id))): (&CollectionPath, (u32, Reverse<EpochId>))| {
            Some((collection.clone(), self.epoch(&id)?.clone()))
        };
        current.into_iter().filter_map(record).collect()
    }

    /// The sealed collections, in the order of their names.
    pub fn sealed_collections(&self) -> impl Iterator<Item = &CollectionPath> {
        let counts =
            |id: &EpochId| self.sealed.epochs.get(id).is_some_and(|held| self.epoch_counts(id, held));
        self.sealed.of.iter().filter(move |(_, ids)| ids.iter().any(counts)).map(|(collection, _)| collection)
    }

    /// What a peer says of its sealing key that was let in, or is a root.
    pub fn sealing_key(&self, peer: &PeerId) -> Option<&Verified<SealingEndorsement>> {
        self.sealed.keys.get(peer).filter(|_| self.was_let_in(peer) || self.was_any_root(peer))
    }

    /// Who may read or write all of a collection now, in the order of their ids. Who may by a grant for a part of it is not among them.
    pub fn entitled(&self, collection: &CollectionPath, now: UnixMillis) -> BTreeMap<PeerId, Entitled> {
        let mut entitled: BTreeMap<PeerId, Entitled> = BTreeMap::new();
        let held = self.grants.slots().map(|at| self.grants.at(at));
        let counting = held.filter(|held| held.state.counts()).map(|held| &held.grant);
        let visiting = self.visitors.all().map(|(_, grant)| grant).filter(|grant| self.visits(grant));
        for grant in counting.chain(visiting) {
            let Holder::Peer(holder) = grant.holder else { continue };
            let (reads, writes) = (grant.rights.contains(Right::Read), grant.rights.contains(Right::Write));
            if !(reads || writes) || !grant.is_valid(Some(now)) || !grant.resource.covers(collection) {
                continue;
            }
            let one = entitled.entry(holder).or_insert(Entitled { reads_from: None, writes: false });
            one.writes |= writes;
            if reads {
                let from = grant.not_before;
                one.reads_from = Some(one.reads_from.map_or(from, |before| before.min(from)));
            }
        }
        entitled
    }

    pub(super) fn take_epoch(
        &mut self,
        epoch: Unverified<EpochRecord>,
        place: Option<&Entered>,
        change: &mut Change,
    ) -> Result<(), ControlError> {
        self.is_here(&epoch.claims().space)?;
        let (id, issuer) = (epoch.claims().id(), epoch.claims().issuer);
        if !self.sealed.epochs.contains_key(&id) {
            if self.sealed.epochs.len() >= EPOCHS_MAX {
                return Err(ControlError::Epochs);
            }
            self.has_room(&issuer, 0)?;
            let record = epoch.verify_by(&self.verifier, &issuer)?;
            self.took(&issuer, 0);
            self.sealed.of.entry(record.collection.clone()).or_default().insert(id);
            self.sealed.epochs.insert(id, HeldEpoch { record, places: BTreeSet::new() });
            change.sealed = true;
        }
        if let (Some(place), Some(held)) = (place, self.sealed.epochs.get_mut(&id)) {
            // What is sealed is personal.
            let is_new = held.places.insert((place.log, place.under, place.position));
            (change.sealed, change.classes) = (change.sealed || is_new, change.classes || is_new);
            if held.places.len() > PLACES_OF_ONE_RECORD_MAX {
                held.places.pop_last();
            }
        }
        Ok(())
    }

    pub(super) fn take_sealing_key(
        &mut self,
        key: Unverified<SealingEndorsement>,
        change: &mut Change,
    ) -> Result<(), ControlError> {
        self.is_here(&key.claims().space)?;
        let peer = key.claims().peer;
        let rank = |it: &SealingEndorsement| (it.number, it.not_after, Reverse(it.hash()));
        let held = self.sealed.keys.get(&peer);
        if held.is_some_and(|held| rank(held) >= rank(key.claims())) {
            return Ok(());
        }
        if held.is_none() && self.sealed.keys.len() >= SEALING_KEYS_MAX {
            return Err(ControlError::SealingKeys);
        }
        let waits = |peer: &PeerId| !self.was_let_in(peer) && !self.was_any_root(peer);
        if held.is_none() && waits(&peer) {
            // Whoever makes up peers makes up many.
            let waiting = self.sealed.keys.keys().filter(|peer| waits(peer)).count();
            if waiting >= WAITING_MAX as usize {
                return Err(ControlError::Waiting);
            }
        }
        let key = key.verify_by(&self.verifier, &peer)?;
        self.sealed.keys.insert(peer, key);
        change.sealed = true;
        Ok(())
    }

    fn epoch_counts(&self, id: &EpochId, held: &HeldEpoch) -> bool {
        let (epoch, places) = (&held.record, &held.places);
        let is_below = |cuts: &Cuts| {
            let below = |log: &LogId, position: u64| cuts.of(log).is_some_and(|cut| position < cut.size);
            places.iter().any(|(log, _, position)| below(log, *position))
        };
        places.iter().any(|(log, under, position)| match under {
            None => self.speak_together(&self.own, &id.0, &epoch.issuer, is_below),
            Some(grant) => self.manages_at(grant, &epoch.issuer, &epoch.collection, (log, *position)),
        })
    }
}
