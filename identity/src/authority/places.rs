//! Where records are entered: of each control log the lowest position, since a cut that keeps any keeps that.
//!
//! The first log of a record comes with it; each further one costs its issuer one of its records. So which of them are known does not
//! depend on which came first, until somebody has used up its room, or all have theirs.

use std::collections::BTreeMap;

use super::Authority;
use super::bounds::{
    CONTROL_LOGS_BY_MANAGERS_MAX, CONTROL_LOGS_MAX, CONTROL_LOGS_OF_ONE_ISSUER_MAX,
    FURTHER_PLACES_BY_MANAGERS_MAX, FURTHER_PLACES_MAX,
};
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
    Class(u32),
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
            Self::Class(at) => at << 3 | 5,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    logs: Vec<Log>,
    index: Index,
    /// How many logs are of each issuer that is no root.
    by_manager: BTreeMap<PeerId, usize>,
    /// And of all of these.
    by_managers: usize,
    /// By record and log, the lowest position.
    places: BTreeMap<(u32, u32), u32>,
    /// Those that are not the first of their record.
    further: usize,
    /// Those of them whose issuers are no roots.
    further_by_managers: usize,
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
    /// Whether there is room for another log of a record that is entered in one.
    fn has_room(&self, is_root: bool) -> bool {
        let is_over = self.further_by_managers >= FURTHER_PLACES_BY_MANAGERS_MAX;
        self.further < FURTHER_PLACES_MAX && (is_root || !is_over)
    }

    /// Notes a place. Says whether the record is entered there further ahead than was known.
    fn insert(&mut self, record: Slot, place: Place) -> bool {
        let known = self.places.entry((record.packed(), place.log)).or_insert(u32::MAX);
        let is_news = place.position < *known;
        *known = place.position.min(*known);
        is_news
    }

    /// Where that is.
    pub(super) fn at(&self, place: Place) -> (&Log, u64) {
        (&self.logs[place.log as usize], u64::from(place.position))
    }

    /// Where a record is entered.
    pub(super) fn of(&self, record: Slot) -> impl Iterator<Item = (&Log, u64)> {
        let at = record.packed();
        let range = self.places.range((at, 0)..=(at, u32::MAX));
        range.map(|((_, log), position)| self.at(Place { log: *log, position: *position }))
    }

    fn find(&self, log: &LogId) -> Option<u32> {
        self.index.candidates(log.as_bytes()).find(|at| self.logs[*at as usize].id == *log)
    }

    /// Gives a log a number; `None` where there is no room.
    fn number(&mut self, place: &Entered, is_root: bool) -> Option<u32> {
        let of_one = self.by_manager.get(&place.author).copied().unwrap_or(0);
        let is_full =
            of_one >= CONTROL_LOGS_OF_ONE_ISSUER_MAX || self.by_managers >= CONTROL_LOGS_BY_MANAGERS_MAX;
        if self.logs.len() >= CONTROL_LOGS_MAX || !is_root && is_full {
            return None;
        }
        if !is_root {
            *self.by_manager.entry(place.author).or_default() += 1;
            self.by_managers += 1;
        }
        let at = slot(self.logs.len());
        self.logs.push(Log { id: place.log, under: place.under });
        self.index.insert(place.log.as_bytes(), at);
        Some(at)
    }
}

impl Authority {
    /// Where a record is entered.
    pub(super) fn places_of(&self, record: Slot) -> impl Iterator<Item = (&Log, u64)> {
        let first = match record {
            Slot::Revocation(at) => self.ended.place(at),
            _ => None,
        };
        first.map(|place| self.places.at(place)).into_iter().chain(self.places.of(record))
    }

    fn is_in(&self, record: Slot, log: u32) -> bool {
        let is_first = |at| self.ended.place(at).is_some_and(|place| place.log == log);
        matches!(record, Slot::Revocation(at) if is_first(at))
            || self.places.places.contains_key(&(record.packed(), log))
    }

    /// Notes where a record is entered by its issuer. Says whether that is news.
    pub(super) fn put(&mut self, record: Slot, place: &Entered) -> bool {
        // No log is that long.
        let Some(position) = u32::try_from(place.position).ok().filter(|it| *it < u32::MAX) else {
            return false;
        };
        let known = self.places.find(&place.log);
        let is_further =
            !known.is_some_and(|log| self.is_in(record, log)) && self.places_of(record).next().is_some();
        let is_root = self.own.was_root(&place.author);
        if is_further && (self.has_room(&place.author, 0).is_err() || !self.places.has_room(is_root)) {
            return false;
        }
        let Some(log) = known.or_else(|| self.places.number(place, is_root)) else { return false };
        if is_further {
            self.took(&place.author, 0);
            self.places.further += 1;
            self.places.further_by_managers += usize::from(!is_root);
        }
        let place = Place { log, position };
        let Slot::Revocation(at) = record else { return self.places.insert(record, place) };
        match self.ended.place(at) {
            Some(first) if first.log != log => self.places.insert(record, place),
            Some(first) if first.position <= position => false,
            _ => {
                self.ended.put(at, place);
                true
            }
        }
    }
}

/// No record's number: one that is not kept is entered nowhere.
pub(super) const NOWHERE: u32 = u32::MAX >> 3;
