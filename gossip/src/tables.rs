//! How full the tables are: what somebody who watches the bounds looks at.

use crate::announce::Announce;
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::core::Core;
use crate::neighbour::Neighbour;
use crate::offer::OFFERS_KEPT;
use crate::trees::ROUTES_PER_TREE;
use crate::trees::link::ADVERTS_PER_TREE;
use crate::wants::Wants;

/// Deadlines for each neighbour.
const TIMERS_EACH: usize = 3;

/// Deadlines that are for no neighbour and no want.
const TIMERS_OF_ALL: usize = 3;

/// The sizes of all tables. Where each neighbour has one, that of the fullest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Keys that we hold. The node bounds them.
    pub held: usize,
    /// Neighbours, at most [`crate::Config::neighbours_max`].
    pub neighbours: usize,
    /// What one neighbour holds of what we hold: at most `held`.
    pub known: usize,
    /// What one neighbour announced and we don't hold: at most [`crate::Config::hearsay_max`].
    pub hearsay: usize,
    /// Keys for which one neighbour is backed off: at most [`crate::Config::backoffs_max`].
    pub backoffs: usize,
    /// Conflicts with one neighbour: at most [`crate::Config::conflicts_max`].
    pub conflicts: usize,
    /// Serves for one neighbour: at most [`crate::Config::serves_in_flight_max`].
    pub serving: usize,
    /// Items offered to one neighbour that it has not answered for: at most twice [`crate::Config::offers_max`].
    pub offered: usize,
    /// Wants that one neighbour owes an answer to: at most [`crate::Config::wants_in_flight_max`].
    pub wants_in_flight: usize,
    /// All wants: at most one for each key that is held, or that a neighbour announced.
    pub wants: usize,
    /// Wants that wait for one neighbour: at most `wants`.
    pub wants_queued: usize,
    /// Authors whose quota is counted: at most [`crate::Config::authors_max`].
    pub authors: usize,
    /// Peers, met now or before, with a cursor: at most [`crate::Config::cursors_max`].
    pub cursors: usize,
    /// What one neighbour told of its changes and is waited for before the cursor moves: at most
    /// [`crate::Config::hearsay_max`].
    pub taking: usize,
    /// Keys with news: at most `held`.
    pub news: usize,
    /// Pushes announced by short ids that have not come: at most [`crate::Config::fetches_max`] for each neighbour.
    pub fetches: usize,
    /// Pushes that are remembered: at most [`crate::Config::recent_max`].
    pub recent: usize,
    /// Ways in trees: at most twice [`crate::Config::trees_max`], and our own.
    pub trees: usize,
    /// Trees that one neighbour told of: at most twice [`crate::Config::trees_max`].
    pub trees_told: usize,
    /// Deadlines: at most one for each want, three for each neighbour, and three more.
    pub timers: usize,
}

impl Tables {
    /// Of each table what it holds, how much of it there is, and how much there may be with these settings. What is held is
    /// the node's to bound.
    pub fn bounds(&self, may: &Config) -> [(&'static str, usize, usize); 19] {
        // Each key may be heard of by its name and in full.
        let wants_max = self.held + self.neighbours * may.hearsay_max;
        [
            ("neighbours", self.neighbours, may.neighbours_max),
            ("keys known of one neighbour", self.known, self.held),
            ("keys heard from one neighbour", self.hearsay, may.hearsay_max),
            ("keys backed off at one neighbour", self.backoffs, may.backoffs_max),
            ("conflicts with one neighbour", self.conflicts, may.conflicts_max),
            ("serves for one neighbour", self.serving, may.serves_in_flight_max),
            ("items offered to one neighbour", self.offered, OFFERS_KEPT * may.offers_max),
            ("wants in flight at one neighbour", self.wants_in_flight, may.wants_in_flight_max),
            ("wants", self.wants, wants_max),
            ("wants queued at one neighbour", self.wants_queued, self.wants),
            ("authors", self.authors, may.authors_max),
            ("cursors", self.cursors, may.cursors_max),
            ("changes of one neighbour that are waited for", self.taking, may.hearsay_max),
            ("keys with news", self.news, self.held),
            ("announced pushes that are waited for", self.fetches, self.neighbours * may.fetches_max),
            ("pushes remembered", self.recent, may.recent_max),
            // Our own is one more.
            ("trees", self.trees, may.trees_max * ROUTES_PER_TREE + 1),
            ("trees told by one neighbour", self.trees_told, may.trees_max * ADVERTS_PER_TREE),
            ("deadlines", self.timers, self.wants + TIMERS_EACH * self.neighbours + TIMERS_OF_ALL),
        ]
    }

    pub(crate) fn of(core: &Core, broadcast: &Broadcast, announce: &Announce, wants: &Wants) -> Self {
        let [trees, trees_told] = broadcast.trees.table_sizes();
        let mut tables = Self {
            held: core.frontier.len(),
            neighbours: core.neighbours.len(),
            wants: wants.len(),
            authors: core.authors(),
            cursors: core.cursors.len(),
            news: announce.len(),
            fetches: broadcast.lazy.pending(),
            recent: broadcast.lazy.recent.len(),
            trees,
            trees_told,
            timers: core.timers.len(),
            ..Self::default()
        };
        core.neighbours.values().for_each(|neighbour| tables.take_in(neighbour));
        tables
    }

    fn take_in(&mut self, neighbour: &Neighbour) {
        let [known, hearsay, backoffs, conflicts] = neighbour.table_sizes();
        for (fullest, size) in [
            (&mut self.known, known),
            (&mut self.hearsay, hearsay),
            (&mut self.backoffs, backoffs),
            (&mut self.conflicts, conflicts),
            (&mut self.serving, neighbour.serving.len()),
            (&mut self.offered, neighbour.offers.len()),
            (&mut self.taking, neighbour.session.waits_for()),
            (&mut self.wants_in_flight, neighbour.answers.len()),
            (&mut self.wants_queued, neighbour.wants_queued.len()),
        ] {
            *fullest = size.max(*fullest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_bound_that_can_be_broken() {
        let much = usize::MAX / 2;
        let tables = Tables {
            held: 1,
            neighbours: much,
            known: much,
            hearsay: much,
            backoffs: much,
            conflicts: much,
            serving: much,
            offered: much,
            wants_in_flight: much,
            wants: much,
            wants_queued: much,
            cursors: much,
            taking: much,
            authors: much,
            news: much,
            fetches: much,
            recent: much,
            trees: much,
            trees_told: much,
            timers: much,
        };
        let few = Tables { neighbours: 1, ..tables };
        let config = Config::default();
        let broken = |tables: &Tables| tables.bounds(&config).iter().filter(|(_, is, may)| is > may).count();
        // Wants that are queued are bounded by wants, and timers by both: those two are broken by themselves.
        assert_eq!(broken(&few), 16);
        assert_eq!(broken(&Tables { wants: 0, ..few }), 17);
        assert_eq!(broken(&Tables::default()), 0);
    }
}
