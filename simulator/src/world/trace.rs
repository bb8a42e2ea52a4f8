//! Tracing one peer: all that it is told, and all that it asks for.

use std::time::Duration;

use msec_peer::node::{Input, Output};

use super::World;
use crate::peer::PeerIndex;

/// Something that a watched peer is told or asks for.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// Its node is told this.
    Input(&'a Input),
    /// Its node asks for this.
    Output(&'a Output),
}

/// Is shown what a watched peer sees, with the time of the world.
pub type Watcher = Box<dyn FnMut(Duration, Seen<'_>)>;

/// The peer that is traced, if one is.
#[derive(Default)]
pub(super) struct Trace(Option<(PeerIndex, Watcher)>);

impl Trace {
    pub(super) fn see(&mut self, time: Duration, peer: PeerIndex, seen: Seen<'_>) {
        if let Some((_, watcher)) = self.0.as_mut().filter(|(watched, _)| *watched == peer) {
            watcher(time, seen);
        }
    }
}

impl World {
    /// Shows from now on all that a peer sees, and no other. It changes nothing of what happens.
    pub fn trace(&mut self, peer: PeerIndex, watcher: Watcher) {
        self.trace = Trace(Some((peer, watcher)));
    }
}
