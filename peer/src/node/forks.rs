//! Logs whose authors signed two histories: how that is found out, and what follows from it.
//!
//! The evidence is that of [`msec_crdt_store::ForkEvidence`]: two heads that the author signed, and a path of RFC 9162 which shows
//! that one excludes the other. Gossip carries it as the last version that a log has, [`CONTESTED`]: whoever wants the log is told
//! that there is more of it, and is served the evidence. So it goes where the log goes, and is repaired as the log is.
//!
//! Transitions, for one log:
//!
//! ```text
//! held   -- a run under another head over as many entries            --> contested
//!        -- a run that does not fit, under a head over more          --> traced: its sender is asked from the first entry on
//!        -- a neighbour says that it holds as many, and others       --> it is asked for the last one
//!        -- a prefix with another root where the held head ends      --> contested
//! traced -- a chunk, the other history is still shorter than the head --> traced, asked for the next
//!        -- a chunk, and the heads can be compared                    --> contested
//!        -- a chunk that fits no head, or is of the same history      --> held; the sender is refused
//!        -- the neighbour is gone                                     --> held
//! any    -- evidence that verifies                                    --> contested, for ever
//!        -- evidence that does not                                    --> as before; who sent it should have checked
//! ```
//!
//! Of a contested log no head is accepted, and nothing but the evidence is served. What is held of it stays, and is shown as
//! contested. Where the log is this peer's own, its stream goes on in another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use msec_crdt_store::{
    CONTESTED_MAX, Fork, ForkEvidence, ForkTrace, Head, LogHeader, Prefix, Run, RunError, Traced,
};
use msec_gossip::{Input as GossipInput, Key, Version};
use msec_identity::{LogId, PeerId, Unverified};

use super::logs::{dated, key_of, topic_of};
use super::{Event, Node, Output, RefusedKind};

/// What gossip compares of a contested log: more than any log has, and the same whatever shows it.
const CONTESTED: Version = Version { size: u64::MAX, digest: [0xff; 32] };

/// Histories that are followed at one neighbour. Beyond it, what does not fit is refused, and followed when it comes again.
pub const TRACES_MAX: usize = 8;

/// What is known of forks, and looked into.
#[derive(Debug, Default)]
pub(super) struct Forks {
    /// At most [`CONTESTED_MAX`].
    contested: BTreeMap<LogId, Arc<Fork>>,
    /// Those of them whose evidence is not on disk.
    unkept: BTreeSet<LogId>,
    /// Whose history is followed, and how far; at most [`TRACES_MAX`] of one neighbour.
    traced: BTreeMap<LogId, (PeerId, ForkTrace)>,
}

impl Forks {
    pub(super) fn get(&self, log: &LogId) -> Option<&Arc<Fork>> {
        self.contested.get(log)
    }

    pub(super) fn len(&self) -> usize {
        self.contested.len()
    }

    /// The most histories that are followed at one neighbour.
    pub(super) fn traced_of_one(&self) -> usize {
        let mut by_peer = BTreeMap::new();
        self.traced.values().for_each(|(peer, _)| *by_peer.entry(peer).or_insert(0) += 1);
        by_peer.into_values().max().unwrap_or(0)
    }

    /// A neighbour is gone, and with it what it was asked for.
    pub(super) fn gone(&mut self, peer: &PeerId) {
        self.traced.retain(|_, (from, _)| from != peer);
    }
}

impl Node {
    /// Takes in what the store knows of forks, after the logs.
    pub(super) fn load_forks(&mut self, contested: Vec<Arc<Fork>>) {
        for fork in contested {
            let header = fork.header();
            let is_held = self.logs.get(&fork.log()).is_some();
            if header.space() == self.authority.space()
                && (is_held || header.shows_right_to_write(&self.authority))
            {
                self.hold_fork(fork, None, false);
            }
        }
    }

    /// A run came that is held already. Its head may be another one than the one that is held.
    pub(super) fn compare_heads(&mut self, from: PeerId, log: &LogId, head: &Unverified<Head>) {
        let held = self.logs.get(log).filter(|held| held.head().size == head.claims().size);
        let begun = held.and_then(|held| ForkTrace::begin(held, head, self.authority.verifier()));
        if let Some((_, Traced::Fork(fork))) = begun {
            self.forked(*fork, from, false);
        }
    }

    /// A run came that does not fit. Whether its sender is asked for the history that it has.
    pub(super) fn trace(&mut self, from: PeerId, log: LogId, head: &Unverified<Head>) -> bool {
        if let Some((asked, trace)) = self.forks.traced.get(&log) {
            // Asked again, where gossip could not: it asks nobody twice. Others are left alone about it meanwhile.
            let (is_asked, have) = (*asked == from, trace.size());
            if is_asked {
                self.tell_gossip(GossipInput::Trace { key: key_of(&log), from, have });
            }
            return is_asked;
        }
        let begun =
            self.logs.get(&log).and_then(|held| ForkTrace::begin(held, head, self.authority.verifier()));
        match begun {
            Some((_, Traced::Fork(fork))) => self.forked(*fork, from, false),
            Some((trace, Traced::Further(have))) => {
                if self.forks.traced.values().filter(|(peer, _)| *peer == from).count() >= TRACES_MAX {
                    return false;
                }
                self.forks.traced.insert(log, (from, trace));
                self.tell_gossip(GossipInput::Trace { key: key_of(&log), from, have });
            }
            Some((_, Traced::NoFork)) | None => return false,
        }
        true
    }

    /// A neighbour says that it holds as many entries as this peer, and others.
    pub(super) fn conflict(&mut self, key: Key, from: PeerId, theirs: Version) {
        let log = LogId(key.0);
        if theirs != CONTESTED && self.logs.get(&log).is_some() && self.forks.get(&log).is_none() {
            tracing::warn!(%log, peer = %from, size = theirs.size, "a neighbour holds another history");
            // Its last entry comes under its head.
            self.tell_gossip(GossipInput::Trace { key, from, have: theirs.size.saturating_sub(1) });
        }
    }

    /// Follows a chunk that was asked for, if it is of a history that is followed at this neighbour. Otherwise the run is given back.
    pub(super) fn follow(&mut self, from: PeerId, run: Run) -> Option<Run> {
        let log = run.log;
        let Some((asked, trace)) = self.forks.traced.get_mut(&log) else { return Some(run) };
        if *asked != from {
            return Some(run);
        }
        let before = trace.size();
        match trace.follow(run, self.authority.verifier()) {
            Ok(Traced::Fork(fork)) => self.forked(*fork, from, false),
            Ok(Traced::Further(have)) if have > before => {
                self.tell_gossip(GossipInput::Trace { key: key_of(&log), from, have });
            }
            Ok(Traced::Further(_) | Traced::NoFork) => self.end_trace(from, log, &RunError::DoesNotFit),
            Err(error) => self.end_trace(from, log, &error),
        }
        None
    }

    /// Goes on behind what a neighbour has let go of a history that is followed at it. `false`: none is.
    pub(super) fn follow_prefix(&mut self, from: PeerId, prefix: Prefix) -> bool {
        let log = prefix.log();
        let Some((asked, trace)) = self.forks.traced.get_mut(&log) else { return false };
        if *asked != from {
            return false;
        }
        match prefix.verify(&self.authority).map(|prefix| trace.skip(&prefix)) {
            Ok(Traced::Further(have)) => {
                self.tell_gossip(GossipInput::Trace { key: key_of(&log), from, have });
            }
            Ok(_) => self.end_trace(from, log, &RunError::DoesNotFit),
            Err(error) => self.end_trace(from, log, &error),
        }
        true
    }

    fn end_trace(&mut self, from: PeerId, log: LogId, error: &RunError) {
        self.forks.traced.remove(&log);
        self.refuse_run(from, key_of(&log), error);
    }

    /// Somebody says that a log was forked, and shows it.
    pub(super) fn evidence_came(&mut self, from: PeerId, asked: Key, evidence: ForkEvidence) {
        let log = evidence.shorter.claims().log;
        let key = key_of(&log);
        if !asked.names(&key) {
            return self.refuse_run(from, asked, &RunError::NotARun);
        }
        if self.forks.get(&log).is_some() {
            return;
        }
        let fork = match evidence.verify(self.authority.verifier()) {
            Ok(fork) => fork,
            Err(error) => {
                self.refused(Some(from), RefusedKind::ForgedHead, error.to_string());
                self.tell_gossip(GossipInput::Refused { key, from });
                return self.misbehaved(from);
            }
        };
        // Anybody can fork logs of its own. Only those count that somebody may write.
        if self.logs.get(&log).is_none() && !self.wants(fork.header()) {
            return self.tell_gossip(GossipInput::Refused { key, from });
        }
        self.forked(fork, from, true);
    }

    /// Whether a log that is not held would be.
    fn wants(&self, header: &LogHeader) -> bool {
        header.space() == self.authority.space()
            && header.shows_right_to_write(&self.authority)
            && topic_of(header).is_some_and(|topic| self.interest().covers(&topic))
    }

    /// A fork was proven: by what this neighbour holds, or by evidence that it had.
    pub(super) fn forked(&mut self, fork: Fork, from: PeerId, had_evidence: bool) {
        let log = fork.log();
        self.forks.traced.remove(&log);
        if self.forks.contested.len() >= CONTESTED_MAX && self.forks.get(&log).is_none() {
            self.refused(
                Some(from),
                RefusedKind::OverBound,
                format!("{CONTESTED_MAX} forked logs are known"),
            );
            return self.tell_gossip(GossipInput::Refused { key: key_of(&log), from });
        }
        let fork = Arc::new(fork);
        self.forks.unkept.insert(log);
        self.output(Output::Contest { fork: fork.clone() });
        self.event(Event::Contested { fork: fork.clone() });
        self.hold_fork(fork, had_evidence.then_some(from), true);
    }

    /// From now on the log is contested.
    fn hold_fork(&mut self, fork: Arc<Fork>, from: Option<PeerId>, is_new: bool) {
        let (log, header) = (fork.log(), fork.header());
        let held = self.logs.get(&log).zip(self.logs.topic(&log));
        let topic = held.map(|(state, topic)| dated(topic.clone(), state)).or_else(|| topic_of(header));
        let Some(topic) = topic else { return };
        if header.author() == self.peer() {
            self.abandon_own(header, log);
        }
        let (key, payload) = (key_of(&log), is_new.then(|| fork.to_bytes()));
        self.forks.contested.insert(log, fork);
        self.tell_gossip(GossipInput::Accepted {
            key,
            topic,
            version: CONTESTED,
            from,
            // Not against the quota of who forked its log: it is to be known.
            origin: None,
            payload,
        });
        if !is_new {
            self.fork_is_durable(&log);
        }
    }

    /// The disk takes what is written: evidence that it did not take before, or has not come to yet, comes again.
    pub(super) fn keep_forks(&mut self) {
        let unkept: Vec<_> =
            self.forks.unkept.iter().filter_map(|log| self.forks.get(log)).cloned().collect();
        for fork in unkept {
            self.output(Output::Contest { fork });
        }
    }

    /// The evidence is on disk.
    pub(super) fn fork_is_durable(&mut self, log: &LogId) {
        self.forks.unkept.remove(log);
        if self.forks.get(log).is_some() {
            // The store gives evidence no number: after a restart, neighbours compare all that is held.
            let (key, version) = (key_of(log), CONTESTED);
            self.tell_gossip(GossipInput::Durable { key, version, number: None });
        }
    }

    /// The evidence of each fork that is known, in the order of the logs' ids.
    pub fn contested(&self) -> impl Iterator<Item = &Arc<Fork>> {
        self.forks.contested.values()
    }
}
