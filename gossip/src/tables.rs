//! How full the tables are: what somebody who watches the bounds looks at.

use crate::announce::Announce;
use crate::broadcast::Broadcast;
use crate::core::Core;
use crate::neighbour::Neighbour;
use crate::wants::Wants;

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
    /// Ways in trees: at most twice [`crate::Config::trees_max`].
    pub trees: usize,
    /// Trees that one neighbour told of: at most twice [`crate::Config::trees_max`].
    pub trees_told: usize,
    /// Deadlines: at most one for each want, three for each neighbour, and three more.
    pub timers: usize,
}

impl Tables {
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
            (&mut self.taking, neighbour.session.waits_for()),
            (&mut self.wants_in_flight, neighbour.answers.len()),
            (&mut self.wants_queued, neighbour.wants_queued.len()),
        ] {
            *fullest = size.max(*fullest);
        }
    }
}
