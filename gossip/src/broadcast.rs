//! Broadcast: the trees, the short ids and the feeding of leaves, and what each learns from the others.

use std::time::Duration;

use msec_identity::PeerId;

use crate::config::Config;
use crate::core::Core;
use crate::feed::Feed;
use crate::io::Priority;
use crate::lazy::Lazy;
use crate::message::Message;
use crate::timers::Timer;
use crate::trees::Trees;
use crate::trees::wire::TreeMessage;

/// See the module. Who is pushed to is decided in `push`.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) trees: Trees,
    pub(crate) lazy: Lazy,
    pub(crate) feed: Feed,
}

impl Broadcast {
    pub(crate) fn new(config: &Config, me: &PeerId) -> Self {
        Self { trees: Trees::new(config, me), lazy: Lazy::default(), feed: Feed::default() }
    }

    /// `core` knows it already.
    pub(crate) fn neighbour_up(&mut self, core: &mut Core, peer: PeerId) {
        let Some(neighbour) = core.neighbours.get(&peer).filter(|neighbour| !neighbour.is_leaf) else {
            return;
        };
        if core.config.leaf {
            self.feed.neighbour_up(core, peer);
        } else {
            let (covers, cost) = (neighbour.interest.contains(&core.interest), neighbour.cost);
            self.trees.link_up(core.now, peer, cost, covers);
            self.trees_moved(core);
        }
    }

    /// `core` has forgotten it already.
    pub(crate) fn neighbour_down(&mut self, core: &mut Core, peer: PeerId) {
        self.lazy.neighbour_down(core, peer);
        self.feed.neighbour_down(core, peer);
        self.trees.link_down(core.now, &peer);
        self.trees_moved(core);
    }

    pub(crate) fn cost(&mut self, core: &mut Core, peer: PeerId, cost: Duration) {
        let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
        neighbour.cost = cost;
        self.feed.cost(core, peer, cost);
        self.trees.cost(core.now, &peer, cost);
        self.trees_moved(core);
    }

    pub(crate) fn leaving(&mut self, core: &mut Core, peer: PeerId) {
        self.trees.leaving(core.now, &peer);
        self.trees_moved(core);
    }

    pub(crate) fn shed(&mut self, core: &mut Core, peer: PeerId) {
        self.trees.shed(core.now, &peer);
        self.trees_moved(core);
    }

    pub(crate) fn tree_received(&mut self, core: &mut Core, from: PeerId, message: TreeMessage) {
        self.trees.received(core.now, &from, message);
        self.trees_moved(core);
    }

    /// [`Timer::Trees`] fired.
    pub(crate) fn trees_timeout(&mut self, core: &mut Core) {
        self.trees.timeout(core.now);
        self.trees_moved(core);
    }

    /// [`Timer::Fetch`] fired.
    pub(crate) fn fetch_timeout(&mut self, core: &mut Core) {
        for holder in self.lazy.timeout(core) {
            self.feed.missed(core, holder);
        }
    }

    fn trees_moved(&mut self, core: &mut Core) {
        while let Some((to, message)) = self.trees.poll_output() {
            let bytes = Message::Tree(message).encode();
            core.stats.tree_bytes += bytes.len() as u64;
            core.send_encoded(to, Priority::Live, bytes);
        }
        match self.trees.poll_timeout() {
            Some(deadline) => core.timers.set(Timer::Trees, deadline),
            None => core.timers.cancel(Timer::Trees),
        }
    }
}
