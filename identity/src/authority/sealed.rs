//! Which collections are sealed, to which epochs, and who can be wrapped for.
//!
//! An epoch counts where its issuer manages the collection: it is entered in a control log of the issuer, either as a root's, of whom
//! as many agree as must; or under a grant with `manage` and `read` that covers the collection and stands, below where that log is cut. So it
//! is with grants that a manager has entered. A collection is sealed from its first epoch on that counts, with all that lies
//! below it; where one below is sealed too, that one's epochs count there. Of the epochs of a collection the current one has the highest number, and of several the lowest hash.
//!
//! An epoch counts only right after the one that it ends: number 0, or one more than that of an epoch of the same collection that is
//! held. So nobody leaps to a number that none can follow. The one before need not count: what a manager said that was cut since does not
//! break the chain of those who went on.
//!
//! A manager that misuses numbers has its control log cut where it began to: what is past the cut never counted. A collection of which
//! nothing counts any more was *once sealed* all the same, and nothing is to be written there in clear: nobody can tell an epoch that
//! was in use until its manager's log was cut from one that was entered later.
//!
//! All of it is a function of the set of records and places, within the bounds: what is full refuses what comes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Authority;
use super::bounds::{
    EPOCHS_BY_MANAGERS_MAX, EPOCHS_MAX, EPOCHS_OF_ONE_ISSUER_MAX, SEALING_KEYS_MAX, WAITING_MAX,
};
use super::change::Change;
use super::places::Entered;
use crate::access::{Cuts, Grant, Holder, Right};
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
    /// By the epoch that is not held, those that are to follow it.
    loose: BTreeMap<EpochId, BTreeSet<EpochId>>,
    pub(super) room: Room,
    /// Of each peer the one with the highest number, of these the one that lasts longest, of these the lowest hash.
    pub(super) keys: BTreeMap<PeerId, Verified<SealingEndorsement>>,
}

#[derive(Debug, Clone)]
struct HeldEpoch {
    record: Verified<EpochRecord>,
    /// Whether all that it says to come after is held, with numbers from 0 on.
    follows: bool,
    /// Where it is entered: in each log the lowest position, and under which grant.
    places: BTreeMap<LogId, (Option<GrantId>, u64)>,
}

/// How much is held: epochs, and the logs beyond the first in which one is entered.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    all: usize,
    by_managers: usize,
    by_issuer: BTreeMap<PeerId, usize>,
}

impl Room {
    /// Whether there is room for one more. `bounded`: its issuer is no root.
    fn check(&self, issuer: &PeerId, bounded: bool) -> Result<(), ControlError> {
        let of_one = self.by_issuer.get(issuer).copied().unwrap_or(0);
        let is_full = self.by_managers >= EPOCHS_BY_MANAGERS_MAX || of_one >= EPOCHS_OF_ONE_ISSUER_MAX;
        if self.all >= EPOCHS_MAX || bounded && is_full { Err(ControlError::Epochs) } else { Ok(()) }
    }

    pub(super) fn took(&mut self, issuer: &PeerId, bounded: bool) {
        self.all += 1;
        self.by_managers += usize::from(bounded);
        *self.by_issuer.entry(*issuer).or_default() += 1;
    }
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
        let ids = self.sealed.of.get(collection).into_iter().flatten();
        let held = ids.filter_map(|id| self.sealed.epochs.get_key_value(id));
        let counting = held.filter(|(id, held)| self.epoch_counts(id, held));
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

    /// One epoch each of the collections of which somebody who managed and read them once, or a root, has made one, whether it counts or
    /// not: nothing is to be written there in clear.
    pub fn once_sealed(&self) -> impl Iterator<Item = &Verified<EpochRecord>> {
        self.sealed.of.values().filter_map(|ids| {
            let mut managed = BTreeMap::new();
            let mut records = ids.iter().filter_map(|id| Some((id, self.epoch(id)?)));
            let is_founded = |(id, record): &(&EpochId, &Verified<EpochRecord>)| {
                let issuer = &record.issuer;
                let ever = || self.had_grant_to_seal(issuer, Some(&record.collection));
                let by_grant = *managed.entry(*issuer).or_insert_with(ever);
                by_grant || self.has_spoken(&self.own, &id.0, issuer)
            };
            records.find(is_founded).map(|(_, record)| record)
        })
    }

    /// Whether somebody managed and read a collection at any time, or whatever, where none is named; or was a root.
    pub fn managed_once(&self, peer: &PeerId, collection: Option<&CollectionPath>) -> bool {
        self.own.was_root(peer) || self.had_grant_to_seal(peer, collection)
    }

    fn had_grant_to_seal(&self, peer: &PeerId, collection: Option<&CollectionPath>) -> bool {
        let mut founded = self.grants.of(Holder::Peer(*peer)).filter(|held| held.state.founded);
        let covers = |grant: &Grant| collection.is_none_or(|collection| grant.resource.covers(collection));
        founded.any(|held| lets_seal(&held.grant) && covers(&held.grant))
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
            self.has_room_for_epoch(&issuer)?;
            let record = epoch.verify_by(&self.verifier, &issuer)?;
            self.took_epoch(&issuer);
            self.sealed.insert(id, record);
            // What is sealed is personal; and others may count that come after it.
            (change.sealed, change.classes) = (true, true);
        }
        let Some(place) = place else { return Ok(()) };
        let known = self.sealed.epochs.get(&id).map(|held| &held.places);
        let before = known.and_then(|places| places.get(&place.log)).map(|(_, position)| *position);
        if before.is_some_and(|before| before <= place.position) {
            return Ok(());
        }
        // A further log takes the room of a further epoch, and no other's place.
        if before.is_none() && known.is_some_and(|places| !places.is_empty()) {
            self.has_room_for_epoch(&issuer)?;
            self.took_epoch(&issuer);
        }
        if let Some(held) = self.sealed.epochs.get_mut(&id) {
            held.places.insert(place.log, (place.under, place.position));
        }
        (change.sealed, change.classes) = (true, true);
        Ok(())
    }

    fn has_room_for_epoch(&self, issuer: &PeerId) -> Result<(), ControlError> {
        self.sealed.room.check(issuer, !self.was_any_root(issuer))?;
        self.has_room(issuer, 0)
    }

    fn took_epoch(&mut self, issuer: &PeerId) {
        let bounded = !self.was_any_root(issuer);
        self.sealed.room.took(issuer, bounded);
        self.took(issuer, 0);
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
        let epoch = &held.record;
        let is_below = |cuts: &Cuts| {
            let below = |log: &LogId, position: u64| cuts.of(log).is_some_and(|cut| position < cut.size);
            held.places.iter().any(|(log, (_, position))| below(log, *position))
        };
        let counts = |(log, (under, position)): (&LogId, &(Option<GrantId>, u64))| match under {
            None => self.speak_together(&self.own, &id.0, &epoch.issuer, is_below),
            Some(grant) => {
                self.grant(grant).is_some_and(|grant| lets_seal(grant))
                    && self.manages_at(grant, &epoch.issuer, &epoch.collection, (log, *position))
            }
        };
        held.follows && held.places.iter().any(counts)
    }
}

impl Sealed {
    fn insert(&mut self, id: EpochId, record: Verified<EpochRecord>) {
        let follows = match record.previous {
            None => record.number == 0,
            Some(previous) => self.epochs.get(&previous).is_some_and(|it| it.follows && is_next(it, &record)),
        };
        if let Some(previous) = record.previous.filter(|_| !follows) {
            self.loose.entry(previous).or_default().insert(id);
        }
        self.of.entry(record.collection.clone()).or_default().insert(id);
        self.epochs.insert(id, HeldEpoch { record, follows, places: BTreeMap::new() });
        let mut joined = if follows { vec![id] } else { Vec::new() };
        while let Some(before) = joined.pop() {
            for id in self.loose.remove(&before).unwrap_or_default() {
                let is_next = |it: &HeldEpoch| is_next(&self.epochs[&before], &it.record);
                if self.epochs.get(&id).is_some_and(is_next)
                    && let Some(held) = self.epochs.get_mut(&id)
                {
                    held.follows = true;
                    joined.push(id);
                }
            }
        }
    }
}

/// Whether an epoch comes right after that one.
fn is_next(before: &HeldEpoch, epoch: &EpochRecord) -> bool {
    before.record.collection == epoch.collection && before.record.number.checked_add(1) == Some(epoch.number)
}

/// Whether a grant lets its holder make epochs: whoever makes one opens it.
fn lets_seal(grant: &Grant) -> bool {
    grant.rights.contains(Right::Manage) && grant.rights.contains(Right::Read)
}
