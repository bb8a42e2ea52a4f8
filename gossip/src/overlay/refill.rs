//! Neighbours are missing: whom to dial, and how many at once.
//!
//! Sources: HyParView (Leitao, Pereira, Rodrigues, DSN 2007), section 4.3, for the passive view as the reserve of the
//! active one; RFC 8305 for dials that overlap.
//!
//! | when | then |
//! |---|---|
//! | relays are missing | dial as many contacts at once; then one more each `dial_pace`, up to twice as many |
//! | no relay is left | up to `dials_max` |
//! | a dial fails | the next contact at once; the failed one backs off, and is not passive any more |
//! | a dial is silent for `dial_timeout` | it is not waited for; a late answer still counts, and a late no is a pause from then on |
//! | only one is missing, and who answers is full | a pause that doubles: whoever else misses one dials, too |
//!
//! Contacts are taken in this order: configured, discovered, passive, remembered. Of those by hearsay a random one, but
//! first those that were known to live since a neighbour was last lost.

use std::time::Duration;

use super::contact::{Contact, Place};
use super::core::{Core, Timer};
use super::io::{ContactId, DialFailure, Source};
use super::link::Purpose;
use super::seat;

/// Refusals in a row that cost no pause.
const REFUSALS_FREE: u32 = 3;

/// How often the pause after refusals doubles, from a second.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Refill {
    not_before: Duration,
    /// When one more dial may be added to those that are waited for.
    pace_at: Duration,
    refusals: u32,
}

impl Refill {
    /// A neighbour came or went: what was refused before says little.
    pub(super) fn afresh(&mut self) {
        self.refusals = 0;
        self.not_before = Duration::ZERO;
    }

    /// Somebody was named who has room: a moment for that one.
    pub(super) fn hold(&mut self, core: &Core) {
        if core.trusted_count() > 1 {
            self.not_before = self.not_before.max(core.after(Duration::from_secs(1)));
        }
    }

    /// Who answered is full.
    pub(super) fn refused(&mut self, core: &mut Core) {
        self.refusals = self.refusals.saturating_add(1);
        if core.missing() < 2 && self.refusals > REFUSALS_FREE {
            let doublings = (self.refusals - REFUSALS_FREE - 1).min(PAUSE_DOUBLINGS_MAX);
            self.not_before = core.after_about(Duration::from_secs(1 << doublings));
        }
    }

    /// Dials whom it takes, and sets the deadline for the rest.
    pub(super) fn run(&mut self, core: &mut Core) {
        let missing = wanted(core);
        if missing == 0 {
            return wait_for_fixed(core);
        }
        if core.now < self.not_before {
            return core.timers.set(Timer::Refill, self.not_before);
        }
        let alone = core.trusted_count() == 0;
        let allowed = if alone { core.config.dials_max } else { (2 * missing).min(core.config.dials_max) };
        let refilling = |purpose: &&Purpose| matches!(purpose, Purpose::Refill | Purpose::Instead);
        let mut waiting = core.dials.values().filter(refilling).count();
        while waiting < allowed {
            if waiting >= missing && core.now < self.pace_at {
                return core.timers.set(Timer::Refill, self.pace_at);
            }
            let Some(id) = next(core) else { return wait(core) };
            if !core.dial(id, Purpose::Refill) {
                return core.timers.set(Timer::Refill, core.after(core.config.dial_pace));
            }
            waiting += 1;
            if waiting >= missing {
                self.pace_at = core.after(core.config.dial_pace);
            }
        }
        core.timers.cancel(Timer::Refill);
    }
}

/// Looks again, now.
pub(super) fn soon(core: &mut Core) {
    core.timers.set_no_later(Timer::Refill, core.now);
}

/// A dial that was waited for, or a visit, led to nothing.
pub(super) fn failed(core: &mut Core, id: ContactId, why: DialFailure) {
    core.contacts.failed(id, why, core.now, &core.config, &mut core.dice);
    core.flush_forgotten();
    soon(core);
}

/// A dial has taken so long that it is not waited for.
pub(super) fn timed_out(core: &mut Core, id: ContactId) {
    core.dials.remove(&id);
    core.contacts.too_late(id, core.now, &core.config, &mut core.dice);
    core.flush_forgotten();
    soon(core);
}

/// Links that are missing, or wanted besides: a leaf takes as many fixed contacts as it can; a relay dials leaves that
/// are configured.
fn wanted(core: &Core) -> usize {
    let missing = lacking(core);
    let besides = || if core.is_leaf() { core.leaf_has_room() } else { has_room_for_leaves(core) };
    if missing == 0 && besides() && fixed(core).next().is_some() { 1 } else { missing }
}

/// Relays that are missing. Where one is only suspected and nobody can make room, whoever came would be sent away.
fn lacking(core: &Core) -> usize {
    let is_stuck = !core.is_leaf() && core.is_full() && !seat::has_room_to_make(core);
    if is_stuck { 0 } else { core.missing() }
}

fn has_room_for_leaves(core: &Core) -> bool {
    core.leaf_count() < core.config.leaves_max
}

fn may_now(core: &Core, contact: &Contact) -> bool {
    let leaf = may_besides(core, contact);
    let fits = core.is_leaf() || if lacking(core) == 0 { leaf } else { leaf || !contact.leaf };
    contact.not_before <= core.now && fits && core.may_dial(contact)
}

/// Configured and discovered contacts that may be dialled now.
fn fixed(core: &Core) -> impl Iterator<Item = (Source, Duration, ContactId)> {
    let fixed = core.contacts.in_place(Place::Fixed).filter(|(_, it)| may_now(core, it));
    fixed.map(|(id, it)| (it.source, it.tried_at, id))
}

/// The next contact to dial.
fn next(core: &mut Core) -> Option<ContactId> {
    if let Some((_, _, id)) = fixed(core).min() {
        return Some(id);
    }
    if lacking(core) == 0 {
        return None;
    }
    let lost_at = core.lost_at;
    let fresh = |it: &Contact| it.lived_at > lost_at;
    let passive = core.random_passive(fresh).or_else(|| core.random_passive(|_| true));
    passive.or_else(|| {
        let remembered = core.contacts.in_place(Place::Remembered).filter(|(_, it)| may_now(core, it));
        let remembered: Vec<_> = remembered.map(|(id, _)| id).collect();
        core.dice.pick(&remembered)
    })
}

/// No relay is missing: waits for the first fixed contact that is wanted all the same.
fn wait_for_fixed(core: &mut Core) {
    let wanted = |it: &Contact| if core.is_leaf() { core.leaf_has_room() } else { may_besides(core, it) };
    let first = first_awake(core, core.contacts.in_place(Place::Fixed).filter(|(_, it)| wanted(it)));
    set(core, first);
}

/// A leaf that whoever runs us named is a neighbour besides the relays.
fn may_besides(core: &Core, contact: &Contact) -> bool {
    contact.leaf && contact.source == Source::Configured && has_room_for_leaves(core)
}

/// Nobody may be dialled now: waits for the first who may.
fn wait(core: &mut Core) {
    let first = first_awake(core, core.contacts.iter());
    set(core, first);
}

/// When the first of those may be dialled who may not now.
fn first_awake<'a>(
    core: &Core,
    contacts: impl Iterator<Item = (ContactId, &'a Contact)>,
) -> Option<Duration> {
    let asleep = contacts.filter(|(_, it)| core.is_apart(it)).map(|(_, it)| it.rests_until());
    asleep.filter(|at| *at > core.now).min()
}

fn set(core: &mut Core, at: Option<Duration>) {
    match at {
        Some(at) => core.timers.set(Timer::Refill, at),
        None => core.timers.cancel(Timer::Refill),
    }
}
