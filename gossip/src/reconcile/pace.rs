//! When the next round with a neighbour begins.
//!
//! The transitions stand in `reconcile`. The interval grows while both agree and nothing happens here, since then a round
//! only asks whether a clock still ticks. Whoever takes something in is back at the shortest: it holds what its neighbours
//! may have missed, so a lost push is found within that.

use std::time::Duration;

use msec_identity::PeerId;

use super::{give_up, root};
use crate::core::Core;
use crate::item::Key;
use crate::neighbour::doubled;
use crate::timers::Timer;

/// When the next round starts, and how much walking the neighbour may still ask for.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    pub(super) round_started: Duration,
    /// Our root that nothing has answered yet: when it went.
    pub(super) asked: Option<Duration>,
    /// When we last went on from two roots that differ.
    pub(super) descended: Option<Duration>,
    /// The last round found differences.
    differs: bool,
    /// Rounds in a row that found differences and brought nothing.
    pub(crate) fruitless: u32,
    /// Rounds in a row that found none, while nothing happened here.
    quiet: u32,
    pub(super) walked: u64,
    pub(super) walked_since: Duration,
}

impl Pace {
    pub(crate) fn new(now: Duration) -> Self {
        Self { round_started: now, walked_since: now, ..Self::default() }
    }
}

/// Starts a round: at once when a neighbour comes, then by the timer. With whom nothing is in common, there are none.
pub(crate) fn start(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    if neighbour.common.is_empty() {
        return;
    }
    let pace = &mut neighbour.pace;
    pace.fruitless = pace.fruitless.saturating_add(u32::from(pace.differs));
    pace.differs = false;
    pace.round_started = core.now;
    if pace.asked.is_none() {
        neighbour.session.said = core.frontier.head();
    }
    pace.asked = Some(core.now);
    (neighbour.session.sending, neighbour.session.reading) = (None, None);
    rest(core, peer);
    give_up(core, peer);
    core.stats.rounds += 1;
    root::send(core, peer, true);
}

/// [`Timer::Reconcile`] fired.
pub(crate) fn timeout(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get(&peer) else { return };
    let latest = neighbour.pace.round_started.saturating_add(core.config.reconcile_interval);
    if neighbour.pace.differs && !neighbour.wants_queued.is_empty() && core.now < latest {
        core.timers.set(Timer::Reconcile(peer), core.after(core.config.reconcile_hurry));
    } else {
        start(core, peer);
    }
}

/// The driver dropped messages to `peer`.
pub(crate) fn shed(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    neighbour.doubt();
    let is_compared = !neighbour.common.is_empty();
    let deadline = core.after_about(core.config.reconcile_hurry);
    if is_compared {
        core.timers.set_no_later(Timer::Reconcile(peer), deadline);
    }
    core.timers.set_no_later(Timer::Offer(peer), deadline);
}

/// What we hold changed: neighbours that we hadn't looked at for long are looked at soon.
pub(crate) fn changed(core: &mut Core, key: Key) {
    let Some(topic) = core.frontier.get(&key).map(|held| held.topic.clone()) else { return };
    let mut peers = Vec::new();
    for (peer, neighbour) in &mut core.neighbours {
        if neighbour.pace.quiet > 0 && neighbour.common.covers(&topic) {
            neighbour.pace.quiet = 0;
            peers.push(*peer);
        }
    }
    for peer in peers {
        let deadline = core.after_about(core.config.reconcile_interval);
        core.timers.set_no_later(Timer::Reconcile(peer), deadline);
    }
}

/// We agree.
pub(super) fn calm(core: &mut Core, peer: PeerId) {
    if let Some(neighbour) = core.neighbours.get_mut(&peer) {
        neighbour.pace.differs = false;
        neighbour.pace.fruitless = 0;
        neighbour.pace.quiet = neighbour.pace.quiet.saturating_add(1);
    }
    rest(core, peer);
}

/// There is no hurry.
pub(super) fn rest(core: &mut Core, peer: PeerId) {
    // The first agreement follows on news, which may not have been all.
    let quiet = core.neighbours.get(&peer).map_or(0, |neighbour| neighbour.pace.quiet.saturating_sub(1));
    let pause = doubled(core.config.reconcile_interval, quiet).min(core.config.reconcile_interval_max);
    let deadline = core.after_about(pause);
    core.timers.set(Timer::Reconcile(peer), deadline);
}

/// We differ: once that is repaired, the next round should say so.
pub(super) fn hurry(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    neighbour.pace.differs = true;
    neighbour.pace.quiet = 0;
    let pause = doubled(core.config.reconcile_hurry, neighbour.pace.fruitless);
    let pause = pause.min(core.config.reconcile_interval);
    let deadline = core.after_about(pause);
    core.timers.set(Timer::Reconcile(peer), deadline);
}
