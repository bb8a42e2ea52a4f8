//! The machine: hands each input to the protocol that it is for, and what one protocol learns to the next.

use std::time::Duration;

use msec_identity::PeerId;

use crate::announce::{self, Announce};
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::core::Core;
use crate::interest::Interest;
use crate::io::{Input, Output};
use crate::item::{Item, Key, Version};
use crate::message::Message;
use crate::name::Name;
use crate::neighbour::Neighbour;
use crate::push::Update;
use crate::reconcile::message::Epoch;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::timers::Timer;
use crate::wants::Wants;
use crate::{feed, frame, offer, push, reconcile, serve};

/// Gossip with all neighbours, as a machine without I/O.
///
/// - Handler: [`Gossip::handle`], for each thing that happens, with the time.
/// - Pollers: after it, [`Gossip::poll_output`] until there is none, then [`Gossip::poll_timeout`] for when to call
///   `handle` with [`Input::Timeout`] if nothing happens before.
/// - At the start, if the node keeps what it takes: [`Gossip::resume`].
/// - Getters: [`Gossip::neighbours`], [`Gossip::interest`], [`Gossip::held`], [`Gossip::on_disk`], [`Gossip::mark`],
///   [`Gossip::took_in`], [`Gossip::stats`], [`Gossip::table_sizes`], [`Gossip::cursors`], [`Gossip::cursor_moves`],
///   [`Gossip::me`].
///
/// Equal configurations, seeds and inputs give equal outputs.
#[derive(Debug)]
pub struct Gossip {
    me: PeerId,
    pub(crate) core: Core,
    broadcast: Broadcast,
    announce: Announce,
    wants: Wants,
}

impl Gossip {
    /// A machine that holds nothing and knows nobody. What is on disk follows as [`Input::Accepted`] and
    /// [`Input::Durable`].
    ///
    /// # Panics
    ///
    /// If [`Config::check`] refuses `config`: call it where the configuration comes from outside.
    pub fn new(config: Config, me: PeerId, interest: Interest, seed: [u8; 32]) -> Self {
        config.check().expect("a configuration is checked where it enters");
        Self {
            me,
            broadcast: Broadcast::new(&config, &me),
            core: Core::new(config, me, interest, seed),
            announce: Announce::default(),
            wants: Wants::default(),
        }
    }

    /// Goes on where the life before ended. Called when all that is on disk was told, with its numbers, and before there are
    /// neighbours. `epoch` is of the store, and means what its numbers mean, up to the last one, `head`; `cursors` are what
    /// [`Gossip::cursors`] gave, if all is there that was on disk then.
    pub fn resume(&mut self, epoch: [u8; 4], head: u64, cursors: &[u8]) {
        self.core.resume(Epoch(epoch), head, cursors);
    }

    /// How far this peer has come with what others hold, for [`Gossip::resume`]: 56 bytes for each of
    /// [`Config::cursors_max`] at most.
    pub fn cursors(&self) -> Vec<u8> {
        self.core.cursors.to_bytes()
    }

    /// Grows when what [`Gossip::cursors`] gives changes.
    pub fn cursor_moves(&self) -> u64 {
        self.core.cursors.moves()
    }

    /// Takes in what happened at `now`, the monotonic time since an epoch of the driver's choice. A time before the
    /// last one counts as the last one. Deadlines that have passed are met, whatever the input is.
    pub fn handle(&mut self, now: Duration, input: Input) {
        self.core.now = self.core.now.max(now);
        self.dispatch(input);
        while let Some(timer) = self.core.timers.pop(self.core.now) {
            match timer {
                Timer::Announce => {
                    self.broadcast.lazy.announce(&mut self.core);
                    self.announce.timeout(&mut self.core);
                }
                Timer::Trees => self.broadcast.trees_timeout(&mut self.core),
                Timer::Fetch => self.broadcast.fetch_timeout(&mut self.core),
                Timer::Reconcile(peer) => reconcile::timeout(&mut self.core, peer),
                Timer::Offer(peer) => offer::start(&mut self.core, peer),
                Timer::Want(key) => self.wants.timeout(&mut self.core, key),
                Timer::Owed(peer) => self.wants.overdue(&mut self.core, peer),
            }
        }
    }

    /// The next thing to do, in order. `None` until the next [`Gossip::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.poll_output()
    }

    /// When to call [`Gossip::handle`] with [`Input::Timeout`], on the clock that `handle` is given.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.core.timers.next()
    }

    /// Who we are.
    pub fn me(&self) -> PeerId {
        self.me
    }

    /// The neighbours, in order. One that was refused ([`Config::neighbours_max`]) is not among them.
    pub fn neighbours(&self) -> impl Iterator<Item = PeerId> {
        self.core.neighbours.keys().copied()
    }

    /// What we want to hold.
    pub fn interest(&self) -> &Interest {
        &self.core.interest
    }

    /// What the node last accepted of `key`.
    pub fn held(&self, key: &Key) -> Option<Version> {
        self.core.frontier.get(key).map(|held| held.version)
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.core.stats
    }

    /// How full the tables are.
    pub fn table_sizes(&self) -> Tables {
        Tables::of(&self.core, &self.broadcast, &self.announce, &self.wants)
    }

    fn dispatch(&mut self, input: Input) {
        let core = &mut self.core;
        match input {
            Input::NeighbourUp { peer, interest, leaf } => self.neighbour_up(peer, interest, leaf),
            Input::NeighbourDown { peer } => self.neighbour_down(peer),
            Input::Wanted { interest } => self.wanted(interest),
            Input::Cost { peer, cost } => self.broadcast.cost(core, peer, cost),
            Input::Leaving { peer } => self.broadcast.leaving(core, peer),
            Input::Received { from, bytes } => self.received(from, &bytes),
            Input::Accepted { key, topic, version, from, origin, payload } => {
                if version.size < core.frontier.size(&key) {
                    reconcile::cut(core);
                    self.broadcast.lazy.recent.forget(&key);
                }
                let payload = payload.as_deref().filter(|payload| core.may_push(origin, payload.len()));
                let update = Update { key, topic, version, from, origin };
                if !push::accepted(&mut self.broadcast, core, update, payload) {
                    self.announce.accepted(key);
                }
                core.check_numbers();
                self.wants.accepted(core, key);
            }
            Input::Durable { key, version, number } => {
                if core.frontier.durable(&key, version, number) {
                    core.check_numbers();
                    reconcile::durable(core, key);
                }
                self.announce.durable(core, key);
            }
            Input::Erased { key } => self.broadcast.lazy.recent.forget(&key),
            Input::Gap { key, topic, from: _, have } => self.wants.gap(core, key, topic.as_ref(), have),
            Input::Trace { key, from, have } => self.wants.trace(core, key, from, have),
            Input::Refused { key, from } => self.wants.refused(core, key, from),
            Input::PutOff { key, from } => self.wants.put_off(core, key, from),
            Input::Room { bytes } => self.wants.room(core, bytes),
            Input::Served { to, key, from, chunk } => serve::served(core, to, key, from, chunk.as_deref()),
            Input::Shed { peer, frame } => {
                reconcile::shed(core, peer);
                self.broadcast.shed(core, peer);
                self.shed(peer, &frame);
            }
            Input::Timeout => {}
        }
    }

    fn neighbour_up(&mut self, peer: PeerId, interest: Interest, leaf: bool) {
        // Where its interest changed, its end of the link knows of no new beginning.
        let before = self.core.neighbours.get(&peer).map(|before| (before.cost, before.is_fed));
        self.neighbour_down(peer);
        let core = &mut self.core;
        if peer == self.me || core.neighbours.len() >= core.config.neighbours_max {
            core.stats.neighbours_refused += 1;
            return;
        }
        let mut neighbour = Neighbour::new(core.now, interest, &core.interest, core.first_want, &core.config);
        neighbour.is_leaf = leaf;
        if let Some((cost, is_fed)) = before {
            (neighbour.cost, neighbour.is_fed) = (cost, is_fed);
        }
        core.neighbours.insert(peer, Box::new(neighbour));
        self.broadcast.neighbour_up(core, peer);
        reconcile::start(core, peer);
        offer::start(core, peer);
    }

    fn wanted(&mut self, interest: Interest) {
        if self.core.interest == interest {
            return;
        }
        self.core.interest = interest;
        let all = self.core.neighbours.iter();
        let all: Vec<_> = all.map(|(peer, it)| (*peer, it.interest.clone(), it.is_leaf)).collect();
        for (peer, interest, is_leaf) in all {
            self.neighbour_up(peer, interest, is_leaf);
        }
    }

    fn neighbour_down(&mut self, peer: PeerId) {
        if let Some(neighbour) = self.core.neighbours.remove(&peer) {
            // What it still owes may come yet, if only its interest changed.
            self.core.first_want = self.core.first_want.max(neighbour.answers.next());
            self.core.timers.cancel(Timer::Reconcile(peer));
            self.core.timers.cancel(Timer::Offer(peer));
            self.core.timers.cancel(Timer::Owed(peer));
            self.core.unsay(peer);
            self.wants.neighbour_down(&mut self.core, peer);
            self.broadcast.neighbour_down(&mut self.core, peer);
        }
    }

    /// A frame for `peer` was dropped. It is our own; what is none holds nothing that somebody waits for.
    fn shed(&mut self, peer: PeerId, frame: &[u8]) {
        for message in frame::decode(frame, self.core.config.message_bytes_max).unwrap_or_default() {
            match message {
                Message::Chunk { id, .. } => serve::shed(&mut self.core, peer, id),
                Message::Want { id, .. } => self.wants.unserved(&mut self.core, peer, id),
                _ => {}
            }
        }
    }

    fn received(&mut self, from: PeerId, bytes: &[u8]) {
        let core = &mut self.core;
        if !core.neighbours.contains_key(&from) {
            core.stats.strangers += 1;
            return;
        }
        let messages = match frame::decode(bytes, core.config.message_bytes_max) {
            Ok(messages) => messages,
            Err(error) => {
                core.stats.decode_errors += 1;
                return core.output(Output::Violation { from, error });
            }
        };
        for message in messages {
            self.hear(from, message);
        }
    }

    fn hear(&mut self, from: PeerId, message: Message<'_>) {
        let core = &mut self.core;
        if !core.may_ask(from, &message) {
            return;
        }
        match message {
            push @ Message::Push { .. } => push::received(&mut self.broadcast, core, from, &push),
            Message::Tree(message) => self.broadcast.tree_received(core, from, message),
            Message::Ihave { ids } => self.broadcast.lazy.announced(core, from, ids),
            Message::Fetch { ids } => self.broadcast.lazy.fetch(core, from, &ids),
            Message::Feed { on } => feed::received(core, from, on),
            Message::Offer { salt, items } => {
                for key in offer::received(core, from, salt, &items) {
                    self.wants.consider(&mut self.core, key, None);
                }
            }
            Message::Held { salt, fingerprint, lacking } => {
                offer::held(core, from, salt, fingerprint, &lacking);
            }
            Message::Reconcile(step) => {
                for key in reconcile::received(core, from, step) {
                    self.wants.consider(&mut self.core, key, None);
                }
            }
            Message::List { range, items } => {
                // The answer to a want of a key, or of a name.
                let first = range.first();
                let only = (range.is_exact() || range == Name::of(&first).range()).then_some(first);
                let ahead = reconcile::list(core, from, range, items);
                self.consider(ahead);
                if let Some(key) = only {
                    self.wants.listed(&mut self.core, from, key);
                }
            }
            Message::Have { ask, items } => {
                let ahead = announce::received(core, from, ask, items);
                self.consider(ahead);
            }
            Message::Want { id, key, from: size, kib_max } => {
                serve::wanted(core, from, id, key, size, kib_max);
            }
            Message::Chunk { id, payload } => match self.wants.chunk(core, from, id, payload.0.len()) {
                Some(key) => core.deliver(from, key, payload.0, false),
                None => core.stats.unwanted += 1,
            },
            Message::Unserved { id } => self.wants.unserved(core, from, id),
        }
    }

    fn consider(&mut self, ahead: Vec<Item>) {
        for item in ahead {
            self.wants.consider(&mut self.core, item.key, Some(&item.topic));
        }
    }
}
