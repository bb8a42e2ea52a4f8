//! Logs that count up to some entry only, since the right by which they are written is over.
//!
//! Where they end is for the space's [`msec_identity::Authority`] to say; what follows from it is here. Transitions, for one log:
//!
//! ```text
//! whole   -- a bound, below what is held   --> asked: neighbours are told nothing of it, and the store is
//!         -- a bound, at what is held      --> bounded, or nothing of it, by the root that is held
//!         -- a bound, beyond what is held  --> bounded: what lacks comes, and no more than that
//! asked   -- the store: it fits            --> bounded: neighbours are told of it as far as it counts; but while some of it waits
//!                                              for the disk, the store has not seen all: asked again once it has
//!         -- the store: another history    --> nothing of it
//! bounded -- another bound, or none        --> as if from whole
//! ```
//!
//! Where nothing of a log counts, gossip is told so, and it is as if it were not held. What lies beyond a bound is taken from nobody
//! and given to nobody, and shown to nobody; what is held of it stays, for a bound may be raised again. The log of a stream of this
//! peer that ends so is not continued: the stream goes on in another one, if the peer still may write there.

use std::sync::Arc;

use msec_crdt_store::{Bound, LogHeader, LogState, Run};
use msec_gossip::{Input as GossipInput, Key, Version};
use msec_identity::{LogId, PeerId};

use super::logs::{key_of, origin_of};
use super::{Node, Output, PublishError, RefusedKind};

/// What is told of a log of which nothing counts.
const NOTHING: Version = Version { size: 0, digest: [0; 32] };

/// What is known of where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    /// As it was said.
    said: Bound,
    /// Whether nothing of it counts: the store has not answered yet, or holds another history.
    is_hidden: bool,
}

impl Ending {
    /// What neighbours are told of a log that is held like this.
    pub(super) fn version(&self, state: &LogState) -> Version {
        let Bound { size, root } = self.said;
        match self.is_hidden {
            true => NOTHING,
            false if size <= state.size() => Version { size, digest: root },
            false => Version { size: state.size(), digest: state.root() },
        }
    }

    /// How many entries count.
    pub(super) fn size(&self) -> u64 {
        if self.is_hidden { 0 } else { self.said.size }
    }
}

impl Node {
    /// Up to there a log counts from now on; `None`: all of it.
    pub(super) fn bound_log(&mut self, log: LogId, bound: Option<Bound>) {
        let Some(held) = self.logs.held_mut(&log) else { return };
        if held.ending.map(|ending| ending.said) == bound {
            return;
        }
        let state = &held.state;
        let is_hidden = bound.is_some_and(|bound| {
            bound.size < state.size() || (bound.size == state.size() && bound.root != state.root())
        });
        held.ending = bound.map(|said| Ending { said, is_hidden });
        let header = state.header().clone();
        self.output(Output::Bound { log, bound });
        if bound.is_some() && header.author() == self.peer() {
            self.end_own(&header, log);
        }
        self.tell_of(&log);
    }

    /// A log was found in the store. That what is held of it is the history that was meant was seen before, or the store finds it out.
    pub(super) fn bound_loaded(&mut self, log: &LogId) {
        let bound = self.logs.shown_by(log).and_then(|shown| self.bound_by(log, shown));
        if let (Some(said), Some(held)) = (bound, self.logs.held_mut(log)) {
            held.ending = Some(Ending { said, is_hidden: false });
            self.output(Output::Bound { log: *log, bound });
        }
    }

    /// The store has looked at what it holds.
    pub(super) fn bounded(&mut self, log: LogId, bound: Option<Bound>, fits: bool) {
        if fits && self.commits.brings(&log) {
            return;
        }
        let Some(held) = self.logs.held_mut(&log) else { return };
        // It may have been said otherwise meanwhile.
        let Some(ending) = held.ending.as_mut().filter(|ending| Some(ending.said) == bound) else { return };
        let is_hidden = !fits || ending.said.size == 0;
        if fits {
            tracing::debug!(%log, size = ending.said.size, "a log ends there");
        } else {
            tracing::warn!(%log, size = ending.said.size, "another history is held than the one of which some counts");
        }
        if ending.is_hidden != is_hidden {
            ending.is_hidden = is_hidden;
            self.tell_of(&log);
        }
    }

    /// What waited of a log is on disk: the store is asked again where it may not have seen all.
    pub(super) fn ask_again(&mut self, log: &LogId) {
        let hidden = self.logs.ending(log).filter(|ending| ending.is_hidden && ending.said.size > 0);
        if let Some(bound) = hidden.map(|ending| ending.said).filter(|_| !self.commits.brings(log)) {
            self.output(Output::Bound { log: *log, bound: Some(bound) });
        }
    }

    /// What lacks of a bounded log has come: whether it is the history that was meant.
    pub(super) fn check_ending(&mut self, log: &LogId) {
        let Some(held) = self.logs.held_mut(log) else { return };
        let state = &held.state;
        if let Some(ending) = &mut held.ending
            && ending.said.size == state.size()
            && ending.said.root != state.root()
        {
            ending.is_hidden = true;
            let bound = Some(Bound::nothing());
            self.output(Output::Bound { log: *log, bound });
        }
    }

    /// Tells gossip how much of a log counts now.
    fn tell_of(&mut self, log: &LogId) {
        if self.forks.get(log).is_some() {
            return;
        }
        if let Some((key, version)) = self.tell_held(log)
            && !self.commits.brings(log)
        {
            self.tell_gossip(GossipInput::Durable { key, version, number: None });
        }
    }

    /// Tells gossip what is held of a log, and counts: nobody delivered it, and nothing of it is pushed.
    pub(super) fn tell_held(&mut self, log: &LogId) -> Option<(Key, Version)> {
        let (topic, version) = self.logs.told(log)?;
        let key = key_of(log);
        let origin = self.logs.get(log).map(|state| origin_of(state.header()));
        self.tell_gossip(GossipInput::Accepted { key, topic, version, from: None, origin, payload: None });
        Some((key, version))
    }

    /// A run as far as its log counts. `None`: nothing of it does, and its sender is told so.
    pub(super) fn clip(&mut self, from: PeerId, run: Run) -> Option<Run> {
        let (log, begin) = (run.log, run.from);
        let end = match self.logs.ending(&log) {
            Some(ending) => Some(ending.size()),
            // What is not held yet says by what right it is written.
            None if self.logs.get(&log).is_none() => self.bound_of_new(&run).map(|bound| bound.size),
            None => None,
        };
        let Some(end) = end.into_iter().chain(self.entries_max(&run)).min() else { return Some(run) };
        let held = self.logs.get(&log).map_or(0, LogState::size);
        if end > held.max(begin)
            && let Some(run) = run.up_to(end)
        {
            return Some(run);
        }
        self.refused(
            Some(from),
            RefusedKind::NotAuthorised,
            "its author's right to write has ended, or is used up".into(),
        );
        self.tell_gossip(GossipInput::Refused { key: key_of(&log), from });
        None
    }

    /// Up to where a log counts of which nothing is held. What shows no right to be written is refused where the run is verified.
    fn bound_of_new(&mut self, run: &Run) -> Option<Bound> {
        let header = self.header_of_new(run)?;
        let shown = header.right_to_write(&self.authority).ok()?;
        self.learn_shown(&header);
        self.bound_of(&run.log, &header, &shown)
    }

    /// Whose a log is of which nothing is held: its first run says so, or what stands for entries that are gone.
    pub(super) fn header_of_new(&self, run: &Run) -> Option<Arc<LogHeader>> {
        run.header().map(Arc::new).or_else(|| self.prefixes.header(&run.log))
    }

    /// The log of an own stream is over.
    fn end_own(&mut self, header: &LogHeader, log: LogId) {
        let collection = header.collection().clone();
        let waiting = self.logs.end_own(header, &log);
        for ticket in waiting {
            let result =
                Err(PublishError::NotAuthorised { peer: self.peer(), collection: collection.clone() });
            self.output(Output::Published { ticket, result });
        }
    }
}
