//! What the machine counted, and how full its tables are.

use super::contact::Place;
use super::core::Core;

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
    /// Relays that are up: at most [`super::Config::active_max`].
    pub active: usize,
    /// Leaves that are up: at most [`super::Config::leaves_max`].
    pub leaves: usize,
    /// Links that are not up: at most [`super::Config::visits_max`], and one for each neighbour that was just dropped.
    pub visits: usize,
    /// Configured and discovered contacts: at most [`super::Config::fixed_max`].
    pub fixed: usize,
    /// Contacts by hearsay in the passive view: at most [`super::Config::passive_max`].
    pub passive: usize,
    /// Contacts by hearsay that are only remembered: at most [`super::Config::remembered_max`].
    pub remembered: usize,
    /// Dials that are waited for: at most [`super::Config::dials_max`].
    pub dials: usize,
    /// Records that the node has not judged: at most 64.
    pub checks: usize,
    /// Deadlines: at most one for each link and dial, and six more.
    pub timers: usize,
}

impl Tables {
    pub(super) fn of(core: &Core) -> Self {
        let (active, leaves) = (core.relay_count(), core.leaf_count());
        Self {
            active,
            leaves,
            visits: core.links.len() - active - leaves,
            fixed: core.contacts.count(Place::Fixed),
            passive: core.contacts.count(Place::Passive),
            remembered: core.contacts.count(Place::Remembered),
            dials: core.dials.len(),
            checks: core.checks.len(),
            timers: core.timers.len(),
        }
    }
}
