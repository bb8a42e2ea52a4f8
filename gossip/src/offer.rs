//! Offers: what a neighbour wants and we don't, which reconciliation therefore doesn't compare.
//!
//! A leaf wants nothing, so it has no interest in common with anyone, and still has readings to hand on. No paper is
//! followed here; it is a positive acknowledgement with retransmission, key by key. It has a timer of its own, since
//! that of reconciliation rests whenever the neighbour finds that the common interest is equal.
//!
//! Transitions, for one neighbour:
//!
//! ```text
//! NeighbourUp, Timer::Offer  --> Have(ask) of all that it hasn't said it holds; timer in reconcile_interval
//!                            -- over offers_max --> of a window of it; timer in reconcile_hurry, for the next one
//! Have received, of as much  --> it holds that: no longer offered (see `announce`, which also answers the ask)
//! Shed                       --> timer in reconcile_hurry, if that is sooner
//! ```
//!
//! As in `reconcile`, the hurry doubles while nothing arrives.

use msec_identity::PeerId;

use crate::core::Core;
use crate::item::{Item, in_order};
use crate::neighbour::doubled;
use crate::range::Range;
use crate::timers::Timer;

/// Offers `peer` what it lacks. Only its own word ends that: a push may have been lost, and no fingerprint would tell.
pub(crate) fn start(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    let (max, start) = (core.config.offers_max, neighbour.offers.next.take());
    let mut delay = core.config.reconcile_interval;
    let may_be_offered = |path: &str| neighbour.interest.reaches(path) && !core.interest.holds_all_of(path);
    let mut items = Vec::new();
    // Most neighbours want nothing that we hold without wanting it: then no key needs to be looked at.
    if core.frontier.any_path(may_be_offered) {
        let lacks =
            |item: &Item| !core.interest.covers(&item.topic) && neighbour.told(&item.key) < item.version.size;
        items.extend(core.frontier.items(&Range::ALL, &neighbour.interest).filter(lacks));
    }
    if items.len() > max {
        let start = start.map_or(0, |start| items.partition_point(|item| item.key < start));
        items.rotate_left(start);
        neighbour.offers.next = Some(items[max].key);
        items.truncate(max);
        items = in_order(items);
        delay = delay.min(doubled(core.config.reconcile_hurry, neighbour.offers.fruitless));
        neighbour.offers.fruitless = neighbour.offers.fruitless.saturating_add(1);
    }
    core.send_have(peer, items, true);
    let deadline = core.after_about(delay);
    core.timers.set(Timer::Offer(peer), deadline);
}

/// `from` says that it holds `item`. If that is all we could offer of it, the next window may follow soon.
pub(crate) fn acknowledged(core: &mut Core, from: PeerId, item: &Item) {
    if !core.interest.covers(&item.topic)
        && core.frontier.get(&item.key).is_some_and(|held| held.durable() == Some(item.version))
        && let Some(neighbour) = core.neighbours.get_mut(&from)
    {
        neighbour.offers.fruitless = 0;
    }
}
