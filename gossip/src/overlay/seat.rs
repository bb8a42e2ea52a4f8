//! Who gets a place among the neighbours, and who makes room for it.

use std::time::Duration;

use msec_identity::PeerId;

use super::core::Core;
use super::hearsay::DOUBTS_MANY;
use super::io::Leave;
use super::link::{Link, Purpose, pays};
use super::message::Wish;

/// A place for a visitor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// Whether the link is never exchanged for cost.
    pub(super) far: bool,
    /// Who makes room.
    pub(super) evicted: Option<(PeerId, Leave)>,
}

/// A place for `from`, which dialled us; `None` if there is none for its wish.
pub(super) fn find(core: &mut Core, from: PeerId, leaf: bool, wish: &Wish) -> Option<Seat> {
    let free = Seat { far: false, evicted: None };
    if core.is_leaf() {
        return core.leaf_has_room().then_some(free);
    }
    if leaf {
        return (core.leaf_count() < core.config.leaves_max).then_some(free);
    }
    let far = match wish {
        // One more than we ask for ourselves: else the last ones find nobody.
        Wish::Far { .. } => core.far_count() <= core.config.far_links,
        Wish::Merge { .. } => core.far_count() + 2 < core.config.active_max,
        Wish::Join | Wish::Neighbour { .. } | Wish::Exchange { .. } => false,
    };
    if !core.is_full() {
        return Some(Seat { far, evicted: None });
    }
    let evicted = match wish {
        Wish::Join => (somebody(core)?, Leave::Full),
        // Whoever makes room is told of it, and it has room for that one, too: so nobody's degree shrinks.
        Wish::Neighbour { missing } if *missing >= 2 => (somebody(core)?, Leave::Full),
        Wish::Neighbour { .. } => return None,
        Wish::Exchange { cost_us, .. } => {
            let expense = core.links.get(&from).map_or(Duration::ZERO, |link| link.expense());
            let cost = Duration::from_micros(u64::from(*cost_us)).saturating_add(expense);
            let (worst, its_cost) = most_costly(core)?;
            pays(cost, its_cost).then_some((worst, Leave::Exchanged))?
        }
        Wish::Far { .. } if !far => return None,
        Wish::Far { .. } => (most_costly(core)?.0, Leave::Exchanged),
        Wish::Merge { .. } => (somebody(core)?, Leave::Exchanged),
    };
    Some(Seat { far, evicted: Some(evicted) })
}

/// Whom we give up, with a full view, for what `purpose` dials.
pub(super) fn given_up(core: &mut Core, purpose: Purpose) -> Option<PeerId> {
    match purpose {
        Purpose::Optimise => most_costly(core).map(|(peer, _)| peer),
        Purpose::Far if core.far_count() >= core.config.far_links => {
            let far = core.relays().filter(|(_, link)| link.far && is_settled(core, link));
            far.min_by_key(|(peer, link)| (link.since, *peer)).map(|(peer, _)| peer)
        }
        Purpose::Far => most_costly(core).map(|(peer, _)| peer),
        Purpose::Refill | Purpose::Instead | Purpose::Newcomer | Purpose::Probe => somebody(core),
    }
}

/// The neighbour that costs most, of those that may be exchanged.
pub(super) fn most_costly(core: &Core) -> Option<(PeerId, Duration)> {
    let biased = core.relays().filter(|(_, link)| !link.far && is_settled(core, link));
    let costs = biased.filter_map(|(peer, link)| Some((link.cost()?, peer)));
    costs.max().map(|(cost, peer)| (peer, cost))
}

/// Somebody who can make room: whoever is silent or odd, else a random one. Far links last if others do.
fn somebody(core: &mut Core) -> Option<PeerId> {
    let settled: Vec<_> = core.relays().filter(|(_, link)| is_settled(core, link)).collect();
    let worst = settled.iter().filter(|(_, link)| link.ping.is_some() || link.doubts >= DOUBTS_MANY);
    if let Some((peer, _)) = worst.max_by_key(|(peer, link)| (link.doubts, *peer)) {
        return Some(*peer);
    }
    let near: Vec<_> = settled.iter().filter(|(_, link)| !link.far).map(|(peer, _)| *peer).collect();
    let all: Vec<_> = settled.iter().map(|(peer, _)| *peer).collect();
    core.dice.pick(if near.is_empty() { &all } else { &near })
}

/// Whether a full view has somebody who can make room.
pub(super) fn has_room_to_make(core: &Core) -> bool {
    core.relays().any(|(_, link)| is_settled(core, link))
}

/// Young links are left alone, so that a storm of wishes does not pass the same place from hand to hand; and so are those
/// that one of the two was told to keep.
fn is_settled(core: &Core, link: &Link) -> bool {
    !link.kept && core.now.saturating_sub(link.since) >= core.config.settle
}
