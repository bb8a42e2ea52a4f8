//! Between the overlay, which decides who is linked with whom, and the links, which are what it decides about.
//!
//! A link that is admitted is a visit until the overlay says that both sides want it; only then is the peer a neighbour, for
//! gossip and for everybody who is told of neighbours.

use std::collections::BTreeSet;
use std::time::Duration;

use msec_gossip::overlay::{self, Input as OverlayInput, Leave, Lost, Output as OverlayOutput};
use msec_gossip::{Input as GossipInput, Interest, Priority};
use msec_identity::PeerId;

use super::lease::LeaseInput;
use super::{CloseReason, Config, Event, Node, Output, RefusedKind};
use crate::wire::{is_of_freshness, is_of_overlay};

/// Who is a neighbour, as gossip was told.
#[derive(Debug, Default)]
pub(super) struct Neighbours(BTreeSet<PeerId>);

impl Neighbours {
    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.0.contains(peer)
    }
}

impl Config {
    /// The overlay's settings as the node has them: with views that have room for whom this peer was told to dial.
    pub fn views(&self) -> overlay::Config {
        let (contacts, overlay) = (self.contacts.len(), &self.overlay);
        // As many again for those who were told to dial this one, and two more: one far link, one that is free.
        let active_max = overlay.active_max.max(2 * contacts + 2);
        let leaf_links = overlay.leaf_links.max(contacts);
        overlay::Config {
            active_max: active_max.max(leaf_links),
            leaf_links,
            keep_configured: true,
            fixed_max: overlay.fixed_max.max(contacts.saturating_add(self.discovered_max)),
            ..overlay.clone()
        }
    }
}

impl Node {
    /// Hands the overlay an input. What comes out is done by [`Node::pump`].
    pub(super) fn tell_overlay(&mut self, input: OverlayInput) {
        self.overlay.handle(self.now.mono, input);
    }

    /// A frame of an admitted peer.
    pub(super) fn frame(&mut self, from: PeerId, bytes: Vec<u8>) {
        if is_of_overlay(&bytes) {
            return self.tell_overlay(OverlayInput::Received { from, bytes });
        }
        self.tell_overlay(OverlayInput::Heard { peer: from });
        if is_of_freshness(&bytes) {
            return self.tell_lease(LeaseInput::Received { from, bytes });
        }
        self.tell_gossip(GossipInput::Received { from, bytes });
    }

    /// Does one thing that the overlay asks for.
    pub(super) fn obey_overlay(&mut self, output: OverlayOutput) {
        match output {
            OverlayOutput::Dial { contact } => self.dial(contact),
            OverlayOutput::Disconnect { peer, reason } => {
                if let Some(link) = self.links.link_of(&peer) {
                    self.disconnect(link, CloseReason::of(reason));
                }
            }
            OverlayOutput::Send { to, bytes } => {
                if let Some(link) = self.links.link_of(&to) {
                    self.output(Output::Send { link, priority: Priority::Control, bytes });
                }
            }
            OverlayOutput::Check { from, record } => self.check_record(from, record),
            OverlayOutput::Forget { contact } => self.dialler.book.forget(contact),
            OverlayOutput::Up { peer, leaf } => self.neighbour_up(peer, leaf),
            OverlayOutput::Down { peer } => self.neighbour_down(peer),
            OverlayOutput::Leaving { peer } => self.tell_gossip(GossipInput::Leaving { peer }),
            OverlayOutput::Cost { peer, cost } => self.costs(peer, cost),
            OverlayOutput::Violation { from, error } => {
                self.refused(Some(from), RefusedKind::Malformed, error.to_string());
                self.misbehaved(from);
            }
        }
    }

    fn neighbour_up(&mut self, peer: PeerId, leaf: bool) {
        let Some(interest) = self.links.becomes_neighbour(&peer, leaf) else { return };
        if self.neighbours.0.insert(peer) {
            self.event(Event::NeighbourUp { peer });
        }
        self.tell_lease(LeaseInput::NeighbourUp { peer, leaf });
        self.tell_gossip_of(peer, interest, leaf);
    }

    /// Tells gossip of a neighbour that is up, or that may hold other things than before.
    pub(super) fn tell_gossip_of(&mut self, peer: PeerId, interest: Interest, leaf: bool) {
        self.tell_gossip(GossipInput::NeighbourUp { peer, interest, leaf });
    }

    fn neighbour_down(&mut self, peer: PeerId) {
        self.links.no_neighbour(&peer);
        if self.neighbours.0.remove(&peer) {
            self.event(Event::NeighbourDown { peer });
            self.forks.gone(&peer);
            self.tell_lease(LeaseInput::NeighbourDown { peer });
            self.tell_gossip(GossipInput::NeighbourDown { peer });
        }
    }

    fn costs(&mut self, peer: PeerId, cost: Duration) {
        self.links.costs(&peer, cost);
        self.tell_gossip(GossipInput::Cost { peer, cost });
    }
}

impl CloseReason {
    /// Why the overlay ends a link.
    fn of(reason: Leave) -> Self {
        match reason {
            Leave::Full => Self::Full,
            Leave::Exchanged => Self::Exchanged,
            Leave::Surplus => Self::Surplus,
            Leave::Silent => Self::Silent,
        }
    }

    /// What the overlay is told of a link that is closed here for this.
    pub(super) fn lost(self) -> Lost {
        match self {
            Self::Misbehaved => Lost::Misbehaved,
            Self::Silent | Self::TooSlow => Lost::TimedOut,
            _ => Lost::Closed,
        }
    }
}
