//! The erasures that are held, and which of them count where.
//!
//! An erasure counts in a log as what a manager has entered does: its issuer holds a grant by which it manages a collection that the
//! log's lies in, or by which it may write there what it wrote itself, and that grant stands; where it is revoked, the erasure is entered in
//! a control log of its issuer below where that is cut. Or it is said in the name of the space as all else is that roots say. So who
//! has lost a right destroys nothing any more.
//!
//! What was erased before that was known does not come back where it is gone. So entries may lack their bodies wherever an erasure
//! names them whose issuer ever had such a right and entered it, whether it still counts or not. Who ended the right may not have known
//! of it where others had carried it out: so where it is entered past the cut nobody can tell, and all must say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Authority;
use super::bounds::{
    ERASED_BY_AUTHORS, ERASED_BY_ONE_AUTHOR, ERASED_BY_ONE_MANAGER, ERASED_BY_OTHERS, ERASURES_MAX,
    STRETCHES_MAX, WAITING_MAX,
};
use super::change::Change;
use super::index::{Index, slot};
use super::places::Slot;
use crate::access::{Erasure, Grant, Holder, Right, Stretches};
use crate::error::ControlError;
use crate::id::{LogId, PeerId};
use crate::path::CollectionPath;
use crate::record::{Record, Unverified};
use crate::time::UnixMillis;

/// Of each its stretches, by log; reason and signature lie in the control log alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Erasures {
    all: Vec<Held>,
    by_hash: Index,
    by_log: BTreeMap<LogId, Vec<Named>>,
    by_issuer: BTreeMap<PeerId, Count>,
    /// Of all; of those who are no roots; of those who do not manage anything either, when they said it.
    count: Count,
    pub(super) by_others: Count,
    by_authors: Count,
}

/// How many erasures, and stretches in them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) erasures: usize,
    stretches: usize,
}

impl Count {
    fn with(self, stretches: usize) -> Self {
        Self { erasures: self.erasures + 1, stretches: self.stretches + stretches }
    }

    /// Whether that is no more than a part of the tables.
    fn fits(self, part: usize) -> bool {
        self.erasures <= ERASURES_MAX / part && self.stretches <= STRETCHES_MAX / part
    }
}

#[derive(Debug, Clone)]
struct Held {
    hash: [u8; 32],
    issuer: PeerId,
    at: UnixMillis,
    logs: Vec<LogId>,
}

#[derive(Debug, Clone)]
struct Named {
    first: u64,
    end: u64,
    erasure: u32,
}

/// An erasure that is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Erased {
    /// When it was signed, by its issuer's clock, which proves nothing.
    pub at: UnixMillis,
    /// Its hash.
    pub erasure: [u8; 32],
    /// Who signed it.
    pub issuer: PeerId,
    /// The logs that it names, in order.
    pub logs: Vec<LogId>,
}

impl Erasures {
    fn find(&self, hash: &[u8; 32]) -> Option<u32> {
        self.by_hash.candidates(hash).find(|at| self.all[*at as usize].hash == *hash)
    }

    fn insert(&mut self, hash: [u8; 32], issuer: PeerId, at: UnixMillis, what: &Stretches) -> u32 {
        let erasure = slot(self.all.len());
        for stretch in what.as_slice() {
            let named = Named { first: stretch.first, end: stretch.end, erasure };
            self.by_log.entry(stretch.log).or_default().push(named);
        }
        self.by_hash.insert(&hash, erasure);
        self.all.push(Held { hash, issuer, at, logs: what.logs().collect() });
        erasure
    }
}

impl Authority {
    /// The entries of a log that are to be erased, by all that counts there: stretches of positions in their order, which don't touch.
    /// Header says who wrote it, and where. Nothing is ever erased in the mesh's own collections: what stands there decides what counts.
    pub fn erased(&self, log: &LogId, author: &PeerId, collection: &CollectionPath) -> Vec<Range<u64>> {
        self.named(log, collection, |erasure| self.erases(erasure, author, collection))
    }

    /// The entries of a log that may lack their bodies: those that are to be erased, and those that were, by what counted once.
    pub fn may_lack(&self, log: &LogId, author: &PeerId, collection: &CollectionPath) -> Vec<Range<u64>> {
        self.named(log, collection, |erasure| self.erased_once(erasure, author, collection))
    }

    /// Whether claims of roll-ups in a collection may lack their bodies: something there is to be erased, or was, and nothing that is
    /// left of a claim says of what it was made.
    pub fn may_lack_claims(&self, collection: &CollectionPath) -> bool {
        let once = |at| self.erased_once(at, &self.erasures.all[at as usize].issuer, collection);
        !collection.is_reserved() && (0..slot(self.erasures.all.len())).any(once)
    }

    fn named(
        &self,
        log: &LogId,
        collection: &CollectionPath,
        which: impl Fn(u32) -> bool,
    ) -> Vec<Range<u64>> {
        let Some(named) = self.erasures.by_log.get(log).filter(|_| !collection.is_reserved()) else {
            return Vec::new();
        };
        let (mut chosen, mut all) = (BTreeMap::new(), Vec::new());
        for Named { first, end, erasure } in named {
            if *chosen.entry(*erasure).or_insert_with(|| which(*erasure)) {
                all.push(*first..*end);
            }
        }
        all.sort_unstable_by_key(|range: &Range<u64>| (range.start, range.end));
        all.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        all
    }

    /// Whether an erasure that is held counts in a log of that author and collection.
    pub fn erases_in(&self, erasure: &[u8; 32], author: &PeerId, collection: &CollectionPath) -> bool {
        let held = self.erasures.find(erasure).filter(|_| !collection.is_reserved());
        held.is_some_and(|at| self.erases(at, author, collection))
    }

    /// Whether an erasure that is held counts in some log or other, whoever wrote it: its issuer manages something, or it is said in the
    /// name of the space.
    pub fn erases_of_others(&self, erasure: &[u8; 32]) -> bool {
        let held = self.erasures.find(erasure);
        held.is_some_and(|at| {
            self.is_said_by_right(at, None, |grant| self.stands_by(grant, Slot::Erasure(at)))
        })
    }

    /// The entries of a log that an erasure names which is held, whether it counts there or not.
    pub fn names_of(&self, erasure: &[u8; 32], log: &LogId) -> Vec<Range<u64>> {
        let held = self.erasures.find(erasure);
        let named = self.erasures.by_log.get(log).into_iter().flatten();
        named.filter(|it| Some(it.erasure) == held).map(|it| it.first..it.end).collect()
    }

    /// Whether anything is to be erased at all, as far as is known.
    pub fn has_erasures(&self) -> bool {
        !self.erasures.all.is_empty()
    }

    /// An erasure that is held, by its hash.
    pub fn erasure(&self, hash: &[u8; 32]) -> Option<Erased> {
        self.erasures.find(hash).map(|at| self.erased_by(at))
    }

    /// The erasures that are held, whether they count or not, the oldest first, by the clocks of those who signed them.
    pub fn all_erasures(&self) -> Vec<Erased> {
        let mut all: Vec<_> = (0..slot(self.erasures.all.len())).map(|at| self.erased_by(at)).collect();
        all.sort_unstable();
        all
    }

    /// The logs that erasures name which count otherwise than before, after a change.
    pub fn logs_erased_by(&self, change: &Change) -> BTreeSet<LogId> {
        if change.everything {
            return self.erasures.by_log.keys().copied().collect();
        }
        let holders: BTreeSet<_> = change.grants.iter().map(|(holder, _)| holder).collect();
        let mut logs = change.erased.clone();
        if self.erasures.all.is_empty() || holders.is_empty() {
            return logs;
        }
        for held in &self.erasures.all {
            // The roots of another space may manage by what that holds.
            let concerns = |holder: &&Holder| match holder {
                Holder::Peer(peer) => *peer == held.issuer,
                Holder::Space(_) => true,
            };
            if holders.iter().any(concerns) {
                logs.extend(&held.logs);
            }
        }
        logs
    }

    /// Whether somebody may have entries erased in a collection now, whoever wrote them: it is a root of today, or manages there.
    pub fn may_erase(&self, peer: &PeerId, collection: &CollectionPath) -> bool {
        self.own.roots().contains(peer) || self.allows(peer, Right::Manage, collection, None)
    }

    fn erased_by(&self, at: u32) -> Erased {
        let held = &self.erasures.all[at as usize];
        Erased { at: held.at, erasure: held.hash, issuer: held.issuer, logs: held.logs.clone() }
    }

    /// Whether an erasure counts in a log of that author and collection.
    fn erases(&self, at: u32, author: &PeerId, collection: &CollectionPath) -> bool {
        let record = Slot::Erasure(at);
        self.is_said_by_right(at, Some((author, collection)), |grant| self.stands_by(grant, record))
    }

    /// Whether it did, or could have.
    fn erased_once(&self, at: u32, author: &PeerId, collection: &CollectionPath) -> bool {
        let record = Slot::Erasure(at);
        let is_entered = self.places_of(record).next().is_some();
        let once = |grant| is_entered && self.grants.at(grant).state.founded || self.stands_by(grant, record);
        self.is_said_by_right(at, Some((author, collection)), once)
    }

    /// Whether an erasure is said by a right that `holds`: in a log, or in one of which it is not known who wrote it, and where.
    fn is_said_by_right(
        &self,
        at: u32,
        log: Option<(&PeerId, &CollectionPath)>,
        holds: impl Fn(u32) -> bool,
    ) -> bool {
        let held = &self.erasures.all[at as usize];
        let (record, hash, issuer) = (Slot::Erasure(at), &held.hash, &held.issuer);
        let covers = |grant: &Grant| log.is_none_or(|(_, collection)| grant.resource.covers(collection));
        let has = |holder: Holder, right: Right| {
            self.grants.of(holder).any(|held| {
                let gives = held.grant.rights.contains(right) && covers(&held.grant);
                gives && self.grants.find(&held.id).is_some_and(&holds)
            })
        };
        has(Holder::Peer(*issuer), Right::Manage)
            || log.is_some_and(|(author, _)| issuer == author) && has(Holder::Peer(*issuer), Right::Write)
            || self.speaks(&self.own, record, hash, issuer)
            || self.linked.iter().any(|(space, lineage)| {
                has(Holder::Space(*space), Right::Manage) && self.speaks(lineage, record, hash, issuer)
            })
    }

    /// Whether what somebody said holds by a grant of its: that stands, and is not revoked, or it is entered below where the control log is
    /// cut.
    fn stands_by(&self, grant: u32, record: Slot) -> bool {
        let state = self.grants.at(grant).state;
        state.stands && (!state.revoked || self.is_any_below(grant, self.places_of(record)))
    }

    pub(super) fn take_erasure(
        &mut self,
        erasure: Unverified<Erasure>,
        change: &mut Change,
    ) -> Result<Slot, ControlError> {
        self.is_here(&erasure.claims().space)?;
        let (hash, issuer) = (erasure.claims().hash(), erasure.claims().issuer);
        if let Some(at) = self.erasures.find(&hash) {
            return Ok(Slot::Erasure(at));
        }
        let stretches = erasure.claims().what.as_slice().len();
        self.has_room_to_erase(&issuer, stretches)?;
        let erasure = erasure.verify_by(&self.verifier, &issuer)?;
        self.count_erasure(&issuer, stretches);
        let at = self.erasures.insert(hash, issuer, erasure.at, &erasure.what);
        self.touch_erasure(at, change);
        Ok(Slot::Erasure(at))
    }

    /// Roots have at least half of the room, managers another quarter.
    fn has_room_to_erase(&self, issuer: &PeerId, more: usize) -> Result<(), ControlError> {
        let held = &self.erasures;
        let own = held.by_issuer.get(issuer).copied().unwrap_or_default().with(more);
        let fits = held.count.with(more).fits(1)
            && (self.own.was_root(issuer) || {
                own.fits(ERASED_BY_ONE_MANAGER) && held.by_others.with(more).fits(ERASED_BY_OTHERS)
            })
            && (self.is_known(issuer) || {
                own.fits(ERASED_BY_ONE_AUTHOR) && held.by_authors.with(more).fits(ERASED_BY_AUTHORS)
            });
        if !fits {
            return Err(ControlError::Erasures);
        }
        if self.is_known(issuer) || self.was_let_in(issuer) {
            return Ok(());
        }
        let waits = |it: &(&PeerId, &Count)| !self.was_any_root(it.0) && !self.was_let_in(it.0);
        let waiting: usize = held.by_issuer.iter().filter(waits).map(|(_, count)| count.stretches).sum();
        if waiting + more > WAITING_MAX as usize { Err(ControlError::Waiting) } else { Ok(()) }
    }

    fn count_erasure(&mut self, issuer: &PeerId, stretches: usize) {
        let (is_root, is_known) = (self.own.was_root(issuer), self.is_known(issuer));
        let held = &mut self.erasures;
        let own = held.by_issuer.entry(*issuer).or_default();
        *own = own.with(stretches);
        held.count = held.count.with(stretches);
        if !is_root {
            held.by_others = held.by_others.with(stretches);
        }
        if !is_known {
            held.by_authors = held.by_authors.with(stretches);
        }
    }

    /// The logs that an erasure names are to be looked at again.
    pub(super) fn touch_erasure(&self, at: u32, change: &mut Change) {
        self.erasures.all[at as usize].logs.iter().for_each(|log| change.add_erased(*log));
    }

    pub(super) fn find_erasure(&self, hash: &[u8; 32]) -> Option<u32> {
        self.erasures.find(hash)
    }
}
