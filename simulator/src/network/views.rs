//! What can be seen of connections: which are up, and which came and went.

use std::time::Duration;

use crate::PeerIndex;
use crate::link::ClassId;

/// Events that are remembered. Later ones are counted, and not remembered.
pub const LINK_EVENTS_MAX: usize = 200_000;

/// A connection that both ends know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkView {
    /// Who dialled.
    pub a: PeerIndex,
    /// Who was dialled.
    pub b: PeerIndex,
    /// Its class; of two, over the city's network, the slower. `None`: it has a [`crate::LinkModel`].
    pub class: Option<ClassId>,
    /// Since when, from the beginning of the world.
    pub up_since: Duration,
}

/// A connection came, or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkEvent {
    /// When.
    pub at: Duration,
    /// Which.
    pub link: LinkView,
    /// Whether it came.
    pub is_up: bool,
}

/// All that came and went.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) events: Vec<LinkEvent>,
    pub(super) forgotten: u64,
}

impl History {
    pub(super) fn add(&mut self, event: LinkEvent) {
        if self.events.len() < LINK_EVENTS_MAX {
            self.events.push(event);
        } else {
            self.forgotten += 1;
        }
    }
}
