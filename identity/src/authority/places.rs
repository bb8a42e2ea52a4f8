//! Where records are entered.

use std::collections::BTreeSet;

use super::bounds::{CONTROL_LOGS_MAX, PLACES_OF_ONE_RECORD_MAX};
use super::index::{Index, slot};
use crate::id::{GrantId, LogId, PeerId};

/// A place in a control log. Whoever names it has verified the log's head and path, and that the log's header says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// The log.
    pub log: LogId,
    /// Whose log it is. What others issued is not entered by standing there.
    pub author: PeerId,
    /// Under what its author issues there ([`crate::ControlStream`]); `None`: as a root.
    pub under: Option<GrantId>,
    /// Which entry of it.
    pub position: u64,
}

/// A record in one of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Grant(u32),
    Revocation(u32),
    Restoration(u32),
    Approval(u32),
    Erasure(u32),
}

impl Slot {
    /// As one number.
    fn packed(self) -> u32 {
        match self {
            Self::Grant(at) => at << 3,
            Self::Revocation(at) => at << 3 | 1,
            Self::Restoration(at) => at << 3 | 2,
            Self::Approval(at) => at << 3 | 3,
            Self::Erasure(at) => at << 3 | 4,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    logs: Vec<Log>,
    index: Index,
    /// Record, log, position.
    places: BTreeSet<(u32, u32, u32)>,
}

/// A place, of which the log has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    log: u32,
    position: u32,
}

impl Place {
    /// None that is known.
    pub(super) const NOWHERE: Self = Self { log: u32::MAX, position: u32::MAX };
}

#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) id: LogId,
    pub(super) under: Option<GrantId>,
}

impl Places {
    /// Notes a place. Says whether it is news.
    pub(super) fn insert(&mut self, record: Slot, place: &Entered) -> bool {
        // The first of a revocation is kept with it.
        let elsewhere = usize::from(matches!(record, Slot::Revocation(_)));
        if self.of(record).count() + elsewhere >= PLACES_OF_ONE_RECORD_MAX {
            return false;
        }
        let Some(place) = self.short(place) else { return false };
        self.places.insert((record.packed(), place.log, place.position))
    }

    /// A place in few bytes; `None` where there is no room, or no log is that long.
    pub(super) fn short(&mut self, place: &Entered) -> Option<Place> {
        let position = u32::try_from(place.position).ok()?;
        self.number(place).map(|log| Place { log, position })
    }

    /// Where that is.
    pub(super) fn at(&self, place: Place) -> (&Log, u64) {
        (&self.logs[place.log as usize], u64::from(place.position))
    }

    /// Where a record is entered.
    pub(super) fn of(&self, record: Slot) -> impl Iterator<Item = (&Log, u64)> {
        let at = record.packed();
        let range = self.places.range((at, 0, 0)..=(at, u32::MAX, u32::MAX));
        range.map(|(_, log, position)| self.at(Place { log: *log, position: *position }))
    }

    fn number(&mut self, place: &Entered) -> Option<u32> {
        let mut candidates = self.index.candidates(place.log.as_bytes());
        if let Some(known) = candidates.find(|at| self.logs[*at as usize].id == place.log) {
            return Some(known);
        }
        drop(candidates);
        if self.logs.len() >= CONTROL_LOGS_MAX {
            return None;
        }
        let at = slot(self.logs.len());
        self.logs.push(Log { id: place.log, under: place.under });
        self.index.insert(place.log.as_bytes(), at);
        Some(at)
    }
}

/// No record's number: one that is not kept is entered nowhere.
pub(super) const NOWHERE: u32 = u32::MAX >> 3;
