//! Announcements: "I hold this", for what was not pushed.
//!
//! A rumour as in Demers et al. (PODC 1987), told by its name: for what is too large to push, and for what came by
//! catch-up, which may be news to the next neighbour too.
//!
//! Transitions:
//!
//! ```text
//! Accepted without payload, or too large to push --> news, when durable
//! Durable of news          --> batch; the timer starts if it doesn't run
//! Timer::Announce          --> Have(news), to each neighbour that wants the topic and isn't known to hold it
//! Have received            --> told; ahead of us: want; behind us, or asked: Have of what we hold
//! ```

use std::collections::BTreeSet;

use msec_identity::PeerId;

use crate::core::Core;
use crate::item::{Item, Key};
use crate::offer;
use crate::timers::Timer;

/// Keys with news, bounded by the keys that we hold.
#[derive(Debug, Default)]
pub(crate) struct Announce {
    /// To be announced as soon as all that we hold of it is durable.
    news: BTreeSet<Key>,
    /// To be announced when the timer fires.
    batch: BTreeSet<Key>,
}

impl Announce {
    pub(crate) fn len(&self) -> usize {
        self.news.len().max(self.batch.len())
    }

    pub(crate) fn accepted(&mut self, key: Key) {
        self.news.insert(key);
    }

    /// Part of the news may be durable before all of it is: then the part is announced.
    pub(crate) fn durable(&mut self, core: &mut Core, key: Key) {
        let Some(held) = core.frontier.get(&key).filter(|_| self.news.contains(&key)) else { return };
        if held.durable() == Some(held.version) {
            self.news.remove(&key);
        }
        if core.neighbours.is_empty() {
            return;
        }
        self.batch.insert(key);
        core.timers.set_no_later(Timer::Announce, core.after(core.config.announce_delay));
    }

    pub(crate) fn timeout(&mut self, core: &mut Core) {
        let batch = std::mem::take(&mut self.batch);
        let news: Vec<Item> = batch.iter().filter_map(|key| core.frontier.durable_item(key)).collect();
        let peers: Vec<PeerId> = core.neighbours.keys().copied().collect();
        for peer in peers {
            let Some(neighbour) = core.neighbours.get(&peer) else { continue };
            let lacks = |item: &&Item| {
                neighbour.interest.covers(&item.topic) && neighbour.holds(&item.key) < item.version.size
            };
            let items: Vec<Item> = news.iter().filter(lacks).cloned().collect();
            core.send_have(peer, items, false);
        }
    }
}

/// A neighbour announced. Returns what it is ahead of us with.
pub(crate) fn received(core: &mut Core, from: PeerId, ask: bool, items: Vec<Item>) -> Vec<Item> {
    let mut ahead = Vec::new();
    let mut answer = Vec::new();
    for item in items {
        if core.learn(from, &item, false) {
            ahead.push(item);
            continue;
        }
        offer::acknowledged(core, from, &item);
        if let Some(ours) = core.frontier.durable_item(&item.key)
            && (ours.version.size > item.version.size || (ask && ours.version.size == item.version.size))
        {
            // Whatever its interest says: a peer that was restored learns here that its own log went further.
            answer.push(ours);
        }
    }
    core.send_have(from, answer, false);
    ahead
}
