//! What the machine counted, and how full its tables are.

use super::checks::CHECKS_MAX;
use super::config::Config;
use super::contact::Place;
use super::core::Core;
use super::machine::Protocols;
use super::walk::WALKS_MAX;

/// Deadlines that are for no link and no dial.
const TIMERS_OF_ALL: usize = 6;

/// Counters since the machine was made. They only grow, and wrap never in practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stats {
    /// Dials asked for.
    pub dials: u64,
    /// Of these, probes for another part.
    pub probes: u64,
    /// Neighbours that came up.
    pub ups: u64,
    /// Neighbours that were lost without leaving.
    pub lost: u64,
    /// Links that were exchanged for cheaper ones, because we asked.
    pub exchanged: u64,
    /// Links into what may be another part, because we asked.
    pub merged: u64,
    /// Visitors that we refused.
    pub refused: u64,
    /// Records handed to the node to be checked.
    pub checks: u64,
    /// Records dropped because one neighbour told too many.
    pub told_dropped: u64,
    /// Contacts that the node was told to forget.
    pub forgotten: u64,
    /// Messages that were none, or came out of turn.
    pub violations: u64,
    /// Messages from peers without a link, and dropped.
    pub strangers: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
}

/// The sizes of all tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Relays that are up: at most [`Config::active_max`].
    pub active: usize,
    /// Leaves that are up: at most [`Config::leaves_max`].
    pub leaves: usize,
    /// Links that are not up: at most [`Config::visits_max`], and one for each neighbour that was just dropped.
    pub visits: usize,
    /// Configured and discovered contacts: at most [`Config::fixed_max`].
    pub fixed: usize,
    /// Contacts by hearsay in the passive view: at most [`Config::passive_max`].
    pub passive: usize,
    /// Contacts by hearsay that are only remembered: at most [`Config::remembered_max`].
    pub remembered: usize,
    /// Contacts by hearsay that are up: at most one for each link that is.
    pub linked: usize,
    /// Dials that are waited for: at most [`Config::dials_max`].
    pub dials: usize,
    /// Records that the node has not judged: at most 64.
    pub checks: usize,
    /// Walks whose answers may still come: at most 32.
    pub walks: usize,
    /// Deadlines: at most one for each link and dial, and six more.
    pub timers: usize,
}

impl Tables {
    /// Of each table what it holds, how much of it there is, and how much there may be with these settings.
    pub fn bounds(&self, may: &Config) -> [(&'static str, usize, usize); 11] {
        let up = self.active + self.leaves;
        let up_max = may.active_max + may.leaves_max;
        [
            ("relays that are up", self.active, may.active_max),
            ("leaves that are up", self.leaves, may.leaves_max),
            // Each of those who are up may be dropped for a visitor that takes the place.
            ("visits", self.visits, may.visits_max + up_max),
            ("fixed contacts", self.fixed, may.fixed_max),
            ("passive contacts", self.passive, may.passive_max),
            ("remembered contacts", self.remembered, may.remembered_max),
            ("linked contacts", self.linked, up),
            ("dials", self.dials, may.dials_max),
            ("records to be checked", self.checks, CHECKS_MAX),
            ("walks under way", self.walks, WALKS_MAX),
            ("deadlines", self.timers, up + self.visits + self.dials + TIMERS_OF_ALL),
        ]
    }

    pub(super) fn of(core: &Core, all: &Protocols) -> Self {
        let (active, leaves) = (core.relay_count(), core.leaf_count());
        Self {
            active,
            leaves,
            visits: core.links.len() - active - leaves,
            fixed: core.contacts.count(Place::Fixed),
            passive: core.contacts.count(Place::Passive),
            remembered: core.contacts.count(Place::Remembered),
            linked: core.contacts.count(Place::Linked),
            dials: core.dials.len(),
            checks: core.checks.len(),
            walks: all.walk.len(),
            timers: core.timers.len(),
        }
    }
}
