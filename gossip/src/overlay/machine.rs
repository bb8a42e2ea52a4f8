//! The machine: hands each input to the protocol that it is for.

use std::time::Duration;

use msec_identity::PeerId;

use super::config::Config;
use super::core::{Core, Timer};
use super::io::{ContactId, DialFailure, Input, Lost, Output, Role};
use super::link::{Purpose, State};
use super::merge::Merge;
use super::message::{self, Message, Record};
use super::optimise::Optimise;
use super::refill::{self, Refill};
use super::stats::{Stats, Tables};
use super::visit::{Hello, OutOfTurn, Welcome};
use super::walk::Walks;
use super::{hearsay, liveness, parting, visit, walk};
use crate::error::DecodeError;

/// Time between two looks at what is too old.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(60);

/// Who is linked with whom, as a machine without I/O.
///
/// - Handler: [`Overlay::handle`], for each thing that happens, with the time.
/// - Pollers: after it, [`Overlay::poll_output`] until there is none, then [`Overlay::poll_timeout`] for when to call
///   `handle` with [`Input::Timeout`] if nothing happens before.
/// - Getters: [`Overlay::neighbours`], [`Overlay::cost`], [`Overlay::stats`], [`Overlay::table_sizes`],
///   [`Overlay::me`], [`Overlay::role`].
///
/// Equal configurations, seeds and inputs give equal outputs.
#[derive(Debug)]
pub struct Overlay {
    core: Core,
    protocols: Protocols,
}

/// What the protocols remember beside what they share.
#[derive(Debug)]
pub(super) struct Protocols {
    pub(super) refill: Refill,
    pub(super) walk: Walks,
    pub(super) optimise: Optimise,
    pub(super) merge: Merge,
}

impl Protocols {
    /// A relay is our neighbour: what rests while we are alone starts.
    pub(super) fn neighbour_up(&mut self, core: &mut Core) {
        self.walk.arm(core);
        self.optimise.arm(core);
    }
}

impl Overlay {
    /// A machine that knows nobody.
    ///
    /// # Panics
    ///
    /// If [`Config::check`] refuses `config`: call it where the configuration comes from outside.
    pub fn new(config: Config, me: PeerId, role: Role, seed: [u8; 32]) -> Self {
        config.check().expect("a configuration is checked where it enters");
        let protocols = Protocols {
            refill: Refill::default(),
            walk: Walks::new(config.shuffle_min),
            optimise: Optimise::new(config.optimise_min, config.far_min),
            merge: Merge::default(),
        };
        Self { core: Core::new(config, me, role, seed), protocols }
    }

    /// Takes in what happened at `now`, the monotonic time since an epoch of the driver's choice. A time before the
    /// last one counts as the last one. Deadlines that have passed are met, whatever the input is.
    pub fn handle(&mut self, now: Duration, input: Input) {
        self.core.now = self.core.now.max(now);
        self.dispatch(input);
        while let Some(timer) = self.core.timers.pop(self.core.now) {
            self.timeout(timer);
        }
    }

    /// The next thing to do, in order. `None` until the next [`Overlay::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// When to call [`Overlay::handle`] with [`Input::Timeout`], on the clock that `handle` is given.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.core.timers.next()
    }

    /// Who we are.
    pub fn me(&self) -> PeerId {
        self.core.me
    }

    /// What we do for others.
    pub fn role(&self) -> Role {
        self.core.role
    }

    /// Those of whom it was said last that they are [`Output::Up`], or leaving, in order: who, and whether it is a leaf.
    pub fn neighbours(&self) -> impl Iterator<Item = (PeerId, bool)> {
        self.core.links.iter().filter(|(_, link)| link.carries).map(|(peer, link)| (*peer, link.leaf))
    }

    /// What the link to this neighbour costs, once it was measured.
    pub fn cost(&self, peer: &PeerId) -> Option<Duration> {
        self.core.links.get(peer).filter(|link| link.is_up())?.cost()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.core.stats
    }

    /// How full the tables are.
    pub fn table_sizes(&self) -> Tables {
        Tables::of(&self.core, &self.protocols)
    }

    fn dispatch(&mut self, input: Input) {
        let (core, all) = (&mut self.core, &mut self.protocols);
        match input {
            Input::LinkUp { peer, contact, expense } => visit::link_up(core, all, peer, contact, expense),
            Input::LinkDown { peer, why } => parting::gone(core, all, peer, Some(why)),
            Input::Contact { contact, source, peer, record } => {
                hearsay::contact(core, all, contact, source, peer, record);
                self.arm();
            }
            Input::ContactGone { contact } => {
                core.dials.remove(&contact);
                core.timers.cancel(Timer::Dial(contact));
                core.contacts.gone(contact);
            }
            Input::DialFailed { contact, why } => self.dial_failed(contact, why),
            Input::OwnRecord { record } => walk::own(core, Record::new(&record)),
            Input::Checked { record, is_true } => hearsay::checked(core, all, &record, is_true),
            Input::Received { from, bytes } => self.received(from, &bytes),
            Input::Heard { peer } => {
                if let Some(link) = core.links.get_mut(&peer) {
                    link.heard_at = core.now;
                }
            }
            Input::Timeout => {}
        }
    }

    fn dial_failed(&mut self, contact: ContactId, why: DialFailure) {
        let core = &mut self.core;
        let Some(purpose) = core.dials.remove(&contact) else {
            core.contacts.failed_late(contact, why, core.now, &core.config, &mut core.dice);
            core.flush_forgotten();
            return refill::soon(core);
        };
        core.timers.cancel(Timer::Dial(contact));
        refill::failed(core, contact, why);
        if why == DialFailure::Refused && purpose == Purpose::Refill {
            self.protocols.refill.refused(core);
        }
    }

    /// Somebody may be known now: the slow deadlines run.
    fn arm(&mut self) {
        let core = &mut self.core;
        self.protocols.merge.arm(core);
        core.timers.set_no_later(Timer::Expire, core.after(EXPIRE_INTERVAL));
    }

    fn timeout(&mut self, timer: Timer) {
        let (core, all) = (&mut self.core, &mut self.protocols);
        match timer {
            Timer::Link(peer) => match core.links.get(&peer).map(|link| link.state) {
                Some(State::Up) => liveness::timeout(core, all, peer),
                Some(_) => parting::timeout(core, all, peer),
                None => {}
            },
            Timer::Dial(contact) => refill::timed_out(core, contact),
            Timer::Refill => all.refill.run(core),
            Timer::Shuffle => all.walk.timeout(core),
            Timer::Optimise => all.optimise.timeout(core),
            Timer::Far => all.optimise.far_timeout(core),
            Timer::Merge => all.merge.timeout(core),
            Timer::Expire => {
                hearsay::expire(core);
                core.contacts.expire(core.now, &core.config, &mut core.dice);
                core.flush_forgotten();
                core.timers.set(Timer::Expire, core.after(EXPIRE_INTERVAL));
            }
        }
    }

    fn received(&mut self, from: PeerId, bytes: &[u8]) {
        let core = &mut self.core;
        let Some(link) = core.links.get_mut(&from) else {
            core.stats.strangers += 1;
            return;
        };
        link.heard_at = core.now;
        let result = message::decode(bytes)
            .and_then(|message| self.message(from, message).map_err(|OutOfTurn| DecodeError::OutOfTurn));
        if let Err(error) = result {
            self.core.stats.violations += 1;
            parting::gone(&mut self.core, &mut self.protocols, from, Some(Lost::Misbehaved));
            self.core.output(Output::Violation { from, error });
        }
    }

    fn message(&mut self, from: PeerId, message: Message) -> Result<(), OutOfTurn> {
        let (core, all) = (&mut self.core, &mut self.protocols);
        match message {
            Message::Hello { role, wish, kept, record } => {
                visit::hello(core, all, from, Hello { role, wish, kept, record })?;
            }
            Message::Welcome { role, far, record, instead, told } => {
                visit::welcome(core, all, from, Welcome { role, far, record, instead, told })?;
            }
            Message::Full { told } => visit::full(core, all, from, told)?,
            Message::Leave { reason, instead } => parting::left(core, all, from, reason, instead),
            Message::Ping { nonce } => core.send(from, &Message::Pong { nonce }),
            Message::Pong { nonce } => liveness::pong(core, from, nonce),
            Message::Newcomer { steps, record } => walk::newcomer(core, from, steps, record),
            Message::Shuffle { walk, steps } => walk::shuffle(core, all, from, walk, steps),
            Message::ShuffleReply { walk, told } => walk::reply(core, all, from, walk, told),
            Message::Record { record } => walk::renewed(core, from, record),
        }
        Ok(())
    }
}
