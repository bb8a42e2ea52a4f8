//! Links become cheaper, but for the far ones.
//!
//! Source: X-BOT (Leitao, Marques, Pereira, Rodrigues, IEEE TPDS 2012), sections 3 and 4: with a full view, a costly
//! link is exchanged for a cheaper one to a peer of the passive view, while some links are never exchanged for cost. A
//! simple form: who is asked decides by its own links alone.
//!
//! | when | then |
//! |---|---|
//! | each `optimise_min`, with a full view | two passive peers are dialled: the cheapest known, or one not measured |
//! | such a link is there | two pings, and a question for records if there are few passive peers left to measure |
//! | it would cost less than the most costly link | `Hello` with `Exchange`; else the end |
//! | it pays | again in `optimise_min`; after some times that it did not, the interval doubles to `optimise_max` |
//! | there is no far link, or the time has come to draw it anew | a random passive peer is dialled, and gets `Hello` with `Far` |

use std::time::Duration;

use msec_identity::PeerId;

use super::contact::{Contact, Place};
use super::core::{Core, Timer};
use super::io::{ContactId, Leave};
use super::link::{Purpose, State, pays};
use super::liveness;
use super::message::Wish;
use super::{seat, visit};

/// Peers that are dialled at a time.
const CANDIDATES: usize = 2;

/// Round trips that are measured before a question.
const SAMPLES: u8 = 2;

/// Times in a row that may bring nothing before the interval doubles.
const PATIENCE: u32 = 4;

#[derive(Debug)]
pub(super) struct Optimise {
    interval: Duration,
    idle: u32,
    far_interval: Duration,
}

impl Optimise {
    pub(super) fn new(interval: Duration, far_interval: Duration) -> Self {
        Self { interval, idle: 0, far_interval }
    }

    /// Sets the deadlines, if there are none.
    pub(super) fn arm(&mut self, core: &mut Core) {
        if core.is_leaf() {
            return;
        }
        for (timer, interval) in [(Timer::Optimise, self.interval), (Timer::Far, self.far_interval)] {
            if !core.timers.is_set(timer) {
                let at = core.after_about(interval);
                core.timers.set(timer, at);
            }
        }
    }

    /// An exchange was made: there may be more to be had.
    pub(super) fn paid(&mut self, core: &mut Core) {
        self.idle = 0;
        self.interval = core.config.optimise_min;
        let at = core.after_about(self.interval);
        core.timers.set_no_later(Timer::Optimise, at);
    }

    pub(super) fn timeout(&mut self, core: &mut Core) {
        if core.is_full() {
            self.look(core);
        }
        self.arm(core);
    }

    fn look(&mut self, core: &mut Core) {
        self.idle = self.idle.saturating_add(1);
        if self.idle > PATIENCE {
            self.interval = (self.interval * 2).min(core.config.optimise_max);
        }
        if core.far_count() < core.config.far_links {
            far(core);
        }
        for _ in 0..CANDIDATES {
            let Some(id) = candidate(core) else { return };
            core.dial(id, Purpose::Optimise);
        }
    }

    /// The far link is drawn anew.
    pub(super) fn far_timeout(&mut self, core: &mut Core) {
        if core.is_full() {
            far(core);
            self.far_interval = (self.far_interval * 4).min(core.config.far_max);
        }
        self.arm(core);
    }
}

fn far(core: &mut Core) {
    let now = core.now;
    if let Some(id) = core.random_passive(|it| it.exchange_at <= now) {
        core.dial(id, Purpose::Far);
    }
}

/// Whom to ask: the cheapest that is known to be cheaper than what we have, else one that was not measured.
fn candidate(core: &mut Core) -> Option<ContactId> {
    let (_, worst) = seat::most_costly(core)?;
    let now = core.now;
    let may = |it: &Contact| it.exchange_at <= now && core.may_dial(it) && it.not_before <= now;
    let passive = core.contacts.in_place(Place::Passive).filter(|(_, it)| may(it));
    let known = passive.filter_map(|(id, it)| Some((it.cost.filter(|cost| pays(*cost, worst))?, id))).min();
    match known {
        Some((_, id)) => Some(id),
        None => core.random_passive(|it| it.exchange_at <= now && it.cost.is_none()),
    }
}

/// A peer that is visited has answered a ping.
pub(super) fn measured(core: &mut Core, peer: PeerId) {
    let Some(link) = core.links.get(&peer) else { return };
    if link.samples < SAMPLES {
        return liveness::ping(core, peer);
    }
    let (Some(cost), Some((id, _))) = (link.cost(), link.dialled) else { return };
    if let Some(contact) = core.contacts.get_mut(id) {
        contact.cost = Some(cost);
    }
    let worst = seat::most_costly(core).map(|(_, cost)| cost);
    // One question at a time: two that are granted would cost two neighbours.
    let asking = core.links.values().any(|link| link.state == State::Greeted && link.instead_of.is_some());
    if core.missing() == 0 && (asking || !worst.is_some_and(|worst| pays(cost, worst))) {
        core.part(peer, Leave::Surplus);
        return super::refill::soon(core);
    }
    let cost_us = u32::try_from(cost.as_micros()).unwrap_or(u32::MAX);
    visit::greet_for(core, peer, Purpose::Optimise, |instead| Wish::Exchange { cost_us, instead });
}
