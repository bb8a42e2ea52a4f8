//! Feeding leaves: one of a leaf's relays pushes to it, the others only announce.
//!
//! A leaf is in no tree: it relays nothing, so nobody is further along it. It picks the one neighbour that pushes to it
//! (Plumtree's eager link, with the leaf as the judge), and hands what it makes to the same one. No paper is followed.
//!
//! Transitions, at the leaf:
//!
//! ```text
//! a relay comes up -- nobody feeds us                      --> Feed(on) to it
//!                  -- somebody does                        --> Feed(off) to it
//! the feeder goes down                                     --> Feed(on) to the cheapest other one
//! MISSES_MAX in a row were announced and had to be fetched --> Feed(off) to it, Feed(on) to who announced
//! another one costs less than half                         --> the same
//! ```
//!
//! At the relay: a leaf that has said nothing is fed, so that its first messages aren't late.

use std::time::Duration;

use msec_identity::PeerId;

use crate::core::Core;
use crate::io::Priority;
use crate::message::Message;

/// What the feeder may miss in a row. One may have been lost; three were not.
const MISSES_MAX: u32 = 3;

/// Who feeds us, if we are a leaf.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    feeder: Option<PeerId>,
    /// How many that were announced elsewhere it did not push, in a row.
    missed: u32,
}

impl Feed {
    /// Who pushes to us, and is pushed to.
    pub(crate) fn feeder(&self) -> Option<PeerId> {
        self.feeder
    }

    pub(crate) fn neighbour_up(&mut self, core: &mut Core, peer: PeerId) {
        if self.feeder.is_none() {
            self.choose(core, peer);
        } else {
            tell(core, peer, false);
        }
    }

    pub(crate) fn neighbour_down(&mut self, core: &mut Core, peer: PeerId) {
        if self.feeder == Some(peer) {
            self.feeder = None;
            let relays = core.neighbours.iter().filter(|(_, neighbour)| !neighbour.is_leaf);
            let cheapest = relays.min_by_key(|(peer, neighbour)| (neighbour.cost, **peer));
            if let Some(peer) = cheapest.map(|(peer, _)| *peer) {
                self.choose(core, peer);
            }
        }
    }

    /// `peer` costs that much.
    pub(crate) fn cost(&mut self, core: &mut Core, peer: PeerId, cost: Duration) {
        let feeder = self.feeder.and_then(|feeder| core.neighbours.get(&feeder));
        let is_relay = core.neighbours.get(&peer).is_some_and(|neighbour| !neighbour.is_leaf);
        if is_relay && feeder.is_some_and(|feeder| cost.saturating_mul(2) < feeder.cost) {
            self.choose(core, peer);
        }
    }

    /// `from` pushed.
    pub(crate) fn pushed(&mut self, from: PeerId) {
        if self.feeder == Some(from) {
            self.missed = 0;
        }
    }

    /// What nobody pushed is being fetched from `holder`.
    pub(crate) fn missed(&mut self, core: &mut Core, holder: PeerId) {
        if self.feeder.is_some_and(|feeder| feeder != holder) {
            self.missed += 1;
            let is_relay = core.neighbours.get(&holder).is_some_and(|neighbour| !neighbour.is_leaf);
            if self.missed >= MISSES_MAX && is_relay {
                self.choose(core, holder);
            }
        }
    }

    fn choose(&mut self, core: &mut Core, peer: PeerId) {
        if let Some(before) = self.feeder.replace(peer).filter(|before| *before != peer) {
            tell(core, before, false);
        }
        self.missed = 0;
        tell(core, peer, true);
    }
}

fn tell(core: &mut Core, peer: PeerId, on: bool) {
    core.send(peer, Priority::Live, &Message::Feed { on });
}

/// A neighbour says whether we are to feed it. Only to a leaf does that mean something.
pub(crate) fn received(core: &mut Core, from: PeerId, on: bool) {
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        neighbour.is_fed = on;
    }
}
