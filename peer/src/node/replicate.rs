//! Between gossip, which carries what it cannot read, and the logs, which are what it carries.

use std::collections::BTreeMap;

use msec_crdt_store::{
    CHUNK_BYTES_MAX, Chunk, ForkEvidence, LogHeader, LogState, Prefix, Run, RunError, Verdict, VerifiedRun,
};
use msec_gossip::{Input as GossipInput, Key, Output as GossipOutput, Priority};
use msec_identity::{CollectionPath, Grant, LogId, PeerId};

use super::lease::KEEPS_LEASES;
use super::links::holds;
use super::logs::{key_of, origin_of, topic_of};
use super::receipts::carries;
use super::{CloseReason, Event, Measured, Node, Output, RefusedKind, Ticket};

/// Reads that may be under way for one neighbour. Beyond it, it gets no answer, and asks again.
pub const READS_MAX: usize = 64;

/// Reads for neighbours that the storage has not answered.
#[derive(Debug, Default)]
pub(super) struct Reads {
    next: u64,
    pending: BTreeMap<Ticket, (PeerId, Key, u64)>,
}

impl Reads {
    /// The most that are under way for one neighbour.
    pub(super) fn most_of_one(&self) -> usize {
        let mut by_peer = BTreeMap::new();
        self.pending.values().for_each(|(peer, ..)| *by_peer.entry(peer).or_insert(0) += 1);
        by_peer.into_values().max().unwrap_or(0)
    }
}

impl Node {
    /// Hands gossip an input. What comes out is done by [`Node::pump`].
    pub(super) fn tell_gossip(&mut self, input: GossipInput) {
        self.gossip.handle(self.now.mono, input);
    }

    /// Does what the overlay and gossip ask for, until they ask for nothing.
    pub(super) fn pump(&mut self) {
        loop {
            if let Some(output) = self.overlay.poll_output() {
                self.obey_overlay(output);
            } else if let Some(output) = self.gossip.poll_output() {
                self.obey_gossip(output);
            } else if KEEPS_LEASES && let Some(output) = self.lease.asking.poll_output() {
                self.obey_lease(output);
            } else {
                return;
            }
        }
    }

    fn obey_gossip(&mut self, output: GossipOutput) {
        match output {
            GossipOutput::Send { to, priority, bytes } => {
                if let Some(link) = self.links.link_of(&to) {
                    if priority == Priority::Live {
                        self.served(to, bytes.len());
                        self.gave(&to, bytes.len());
                    }
                    self.output(Output::Send { link, priority, bytes });
                }
            }
            GossipOutput::Deliver { from, key, payload, live } => {
                self.deliver(from, key, &payload, live);
                self.tell_room();
            }
            GossipOutput::Serve { to, key, from, bytes_max } => self.serve(to, key, from, bytes_max),
            GossipOutput::Conflict { key, from, theirs } => self.conflict(key, from, theirs),
            GossipOutput::Violation { from, error } => {
                self.refused(Some(from), RefusedKind::Malformed, error.to_string());
                self.misbehaved(from);
            }
        }
    }

    /// A payload came, live or by catch-up.
    fn deliver(&mut self, from: PeerId, asked: Key, payload: &[u8], live: bool) {
        if self.commits.is_full(self.config.waiting_bytes_max) {
            // Not refused, only not now: gossip asks again later.
            return;
        }
        if let Ok(evidence) = ForkEvidence::from_bytes(payload) {
            return self.evidence_came(from, asked, evidence);
        }
        if Prefix::is_meant(payload) && !live {
            return self.deliver_prefix(from, asked, payload);
        }
        let run = match Run::from_bytes(payload) {
            Ok(run) if asked.names(&key_of(&run.log)) => run,
            Ok(_) => return self.refuse_run(from, asked, &RunError::NotARun),
            Err(error) => return self.refuse_run(from, asked, &error),
        };
        let (log, key, head) = (run.log, key_of(&run.log), run.head.clone());
        let header = self.header_of_new(&run);
        if self.takes_nothing_of(&log, header.as_deref(), from) {
            return;
        }
        let run = if live { Some(run) } else { self.follow(from, run) };
        let Some(run) = run.and_then(|run| self.clip(from, run)) else { return };
        let held = self.logs.get(&log);
        // Where what lies before is gone, it continues what stands for that.
        let prefix = self.prefixes.before(&log, held.map_or(0, LogState::size), run.from);
        let ground = prefix.as_ref().map(|prefix| prefix.state()).or(held);
        match run.verify(ground, &self.authority) {
            Ok(Verdict::New(run)) => {
                let run = prefix.into_iter().fold(run, VerifiedRun::after);
                self.accept(from, run, payload.len(), live);
            }
            Ok(Verdict::Known) => self.compare_heads(from, &log, &head),
            Ok(Verdict::Gap { held: have }) => {
                let topic = self.logs.topic(&log).cloned();
                self.tell_gossip(GossipInput::Gap { key, topic, from, have });
            }
            Err(error) => {
                let own =
                    self.logs.get(&log).map(|s| s.header().clone()).filter(|h| h.author() == self.peer());
                let may_be_fork = matches!(error, RunError::DoesNotFit);
                if let (RunError::DoesNotFit, Some(header)) = (&error, own) {
                    // Only a head that this peer signed and does not remember says that its store is not what it was.
                    let forgotten = head.clone().verify(&self.peer()).is_ok_and(|head| {
                        self.own_log(&header).is_some_and(|own| {
                            head.size > own.size() || (head.size == own.size() && head.root != own.root())
                        })
                    });
                    if forgotten {
                        self.abandon_own(&header, log);
                    }
                }
                if !(may_be_fork && self.trace(from, log, &head)) {
                    self.refuse_run(from, key, &error);
                }
            }
        }
    }

    /// Whether nothing of a log is taken, from whoever it comes: it was forked, so that no head of it is accepted any more, or there is no
    /// room for another log. Its sender is told.
    pub(super) fn takes_nothing_of(&mut self, log: &LogId, header: Option<&LogHeader>, from: PeerId) -> bool {
        let is_forked = self.forks.get(log).is_some();
        let is_over = self.logs.get(log).is_none() && self.is_full_for(header);
        if is_over && !is_forked {
            self.refused(Some(from), RefusedKind::OverBound, format!("{} logs are held", self.logs.len()));
        }
        if is_forked || is_over {
            self.tell_gossip(GossipInput::Refused { key: key_of(log), from });
        }
        is_forked || is_over
    }

    /// A run was verified: it is held from now on, shown, forwarded, and on its way to the disk.
    fn accept(&mut self, from: PeerId, run: VerifiedRun, bytes: usize, live: bool) {
        let state = run.state();
        let (log, header) = (state.log(), state.header().clone());
        let Some(topic) = self.logs.topic(&log).cloned().or_else(|| topic_of(&header)) else { return };
        let (mine, is_new) = (header.author() == self.peer(), self.logs.get(&log).is_none());
        // Not by its hour: what is wanted is caught up with from its first entries on.
        if !mine && !self.interest().covers(&topic) {
            tracing::debug!(%log, peer = %from, "a log that this peer does not want");
            return;
        }
        if run.from() == 0 || run.prefix().is_some() {
            self.learn_shown(&header);
        }
        if !mine && !self.has_room_for(&log, &header, run.entries()) {
            self.refused(
                Some(from),
                RefusedKind::OverBound,
                "more than its author's grant allows by now".into(),
            );
            return;
        }
        self.entered(state, run.from(), run.entries());
        if mine {
            self.abandon_own(&header, log);
        }
        let (mut shown, is_withheld) = (0, self.is_withheld(header.collection()));
        for (position, entry) in (run.from()..).zip(run.entries()) {
            let Some(measured) = Measured::of(state, position, entry) else { continue };
            shown += measured.readings.len() as u64;
            if !is_withheld {
                self.event(Event::Verified(measured));
            }
        }
        let key = key_of(&log);
        let payload = live.then(|| run.to_bytes());
        self.prefixes.forget(&log);
        self.logs.hold(topic, state.clone(), &self.authority);
        if is_new {
            self.count_log(&log);
        }
        self.check_ending(&log);
        let Some((topic, version)) = self.logs.told(&log) else { return };
        let entries = run.entries().len();
        self.commits.add(run, bytes, shown);
        self.await_commit(header.collection(), entries, self.config.store_window);
        let origin = Some(origin_of(&header));
        self.tell_gossip(GossipInput::Accepted { key, topic, version, from: Some(from), origin, payload });
        if is_new {
            if let Some(shown) = self.logs.shown_by(&log) {
                self.bound_log(log, self.bound_by(&log, shown));
            }
            self.erase_of_new(log);
        }
    }

    pub(super) fn refuse_run(&mut self, from: PeerId, key: Key, error: &RunError) {
        let (kind, proof) = match error {
            RunError::Head(_) => (RefusedKind::ForgedHead, true),
            RunError::DoesNotFit => (RefusedKind::TamperedEntry, false),
            RunError::NotAuthorised { .. } => (RefusedKind::NotAuthorised, false),
            RunError::LacksBody { .. } => (RefusedKind::LacksBody, false),
            RunError::TooLong { .. }
            | RunError::NotARun
            | RunError::Malformed(_)
            | RunError::Header
            | RunError::OtherSpace => (RefusedKind::Malformed, true),
        };
        self.refused(Some(from), kind, error.to_string());
        self.tell_gossip(GossipInput::Refused { key, from });
        if proof {
            self.misbehaved(from);
        }
    }

    /// An honest peer verifies what it forwards. What no honest peer can have verified convicts the neighbour that sent it.
    pub(super) fn misbehaved(&mut self, peer: PeerId) {
        if let Some(link) = self.links.link_of(&peer) {
            self.disconnect(link, CloseReason::Misbehaved);
        }
    }

    /// A neighbour asks for entries.
    fn serve(&mut self, to: PeerId, key: Key, from: u64, bytes_max: usize) {
        let log = LogId(key.0);
        // Reads outlive the link that asked for them; a neighbour that comes back does not get as many again.
        let busy = self.reads.pending.values().filter(|(peer, ..)| *peer == to).count() >= READS_MAX;
        if let Some(fork) = self.forks.get(&log) {
            // Nothing else is said of it any more.
            let chunk = self.may_have(&to, fork.header()).then(|| fork.to_bytes());
            return self.tell_gossip(GossipInput::Served { to, key, from, chunk });
        }
        if busy || !self.logs.get(&log).is_some_and(|state| self.may_have(&to, state.header())) {
            return self.tell_gossip(GossipInput::Served { to, key, from, chunk: None });
        }
        let ticket = Ticket(self.reads.next);
        self.reads.next += 1;
        self.reads.pending.insert(ticket, (to, key, from));
        self.output(Output::Read { ticket, log, from, bytes_max: bytes_max.min(CHUNK_BYTES_MAX) });
    }

    /// Whether a neighbour may be given this log: it may read or relay it, or it wrote it, or everybody is to have it.
    fn may_have(&self, peer: &PeerId, header: &LogHeader) -> bool {
        let now = self.wall();
        let place = header.place().map(|it| (it.latitude_e7, it.longitude_e7));
        // What has no place is kept from nobody by one.
        let lies_there = |grant: &Grant| place.is_none() || grant.reaches(place);
        let may_hold = |grant: &Grant| {
            grant.is_valid(now)
                && holds(grant.rights)
                && grant.resource.covers(header.collection())
                && lies_there(grant)
        };
        let is_control = header.collection().is_control();
        let is_receipts = *header.collection() == CollectionPath::receipts();
        if self.is_withheld(header.collection()) {
            return false;
        }
        let may_carry =
            || self.authority.grants_of(peer).any(|grant| grant.is_valid(now) && carries(grant.rights));
        is_control
            || (is_receipts && may_carry())
            || header.author() == *peer
            || !self.has_read_enough(peer) && self.authority.grants_of(peer).any(|grant| may_hold(grant))
    }

    /// Whether a neighbour may be given what the disk was asked for a moment ago: rights may have ended since, and leases. It asks again.
    fn may_still_have(&self, to: &PeerId, log: &LogId, end: u64) -> bool {
        let counts = self.logs.ending(log).is_none_or(|ending| end <= ending.size());
        counts && self.logs.get(log).is_none_or(|state| self.may_have(to, state.header()))
    }

    pub(super) fn read_done(&mut self, ticket: Ticket, chunk: Option<Chunk>) {
        if self.receipts_read(ticket, chunk.as_ref()) {
            return;
        }
        if let Some((to, key, from)) = self.reads.pending.remove(&ticket) {
            let log = LogId(key.0);
            let is_data = !self.is_control_log(&log);
            let chunk = chunk.filter(|chunk| self.may_still_have(&to, &log, chunk.end));
            let chunk = chunk.and_then(|chunk| self.whole_part(&log, chunk));
            if let Some(bytes) = chunk.as_ref().filter(|_| is_data) {
                self.served(to, bytes.len());
                self.gave(&to, bytes.len());
            }
            self.tell_gossip(GossipInput::Served { to, key, from, chunk });
        }
    }
}
