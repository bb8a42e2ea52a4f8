//! Lazy push: who is not next to us in the tree of a message learns its short id, and fetches it if it doesn't come.
//!
//! Follows Leitao, Pereira & Rodrigues, "Epidemic Broadcast Trees" (Plumtree, SRDS 2007), sections 3.5 and 3.6. One
//! choice differs: a fetch does not make the link part of the tree, as Plumtree's `GRAFT` does. There the tree is made
//! of links that delivered first, and grafting is how it is repaired; here it is made of distances, and a link outside
//! it is outside because it is longer. What didn't come was lost, or met a tree that is being repaired. Were the link
//! eager from then on, every later message would come twice. So a fetch repairs the message, `trees` the tree; a hole
//! that lasts (a parent that doesn't know its child) is found by the check of that tree's link, which a fetch hastens.
//!
//! Ids are collected for `announce_delay`, so a burst of messages costs a frame and not one frame each. They go to all
//! neighbours that want the topic and aren't known to hold the message: who sent it or announced it isn't told. Of two
//! relays, the one with the higher name waits `LATER` for what the other one tells.
//!
//! Transitions, for one id:
//!
//! ```text
//! accepted                   --> known; with the batch: Ihave to leaves and to higher names who lack it
//!                                LATER after that: Ihave to lower names who lack it
//! Ihave received -- known    --> that neighbour holds it
//!                -- unknown  --> pending; fetched after fetch_delay
//! pending -- Push, accepted  --> known; all who announced it hold it
//!         -- time is over    --> Fetch, of those who announced it in turn; again when that takes too long
//!         -- fetch_tries_max --> gone: reconciliation brings it
//! Fetch received -- payload there --> Push
//!                -- gone          --> Have, if it is durable: the neighbour wants it
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use msec_identity::PeerId;

use crate::core::Core;
use crate::io::Priority;
use crate::item::{Item, Key};
use crate::message::{Message, Payload};
use crate::neighbour::{Neighbour, doubled};
use crate::recent::{Id, Pushed, Recent};
use crate::timers::Timer;
use crate::trees::dist::TreeId;

/// The most ids in one message.
pub(crate) const IDS_MAX: usize = 256;

/// Pushes that the node hasn't judged yet and whose tree we remember. Of the first ones over it the tree is forgotten,
/// and they go on along our nearest.
const ARRIVING_MAX: usize = 1_024;

/// How much later the end of a link with the higher name announces. By then the other end mostly has: what is off the
/// tree lies about as far from the root as we do, so both would announce at once, and one of them in vain.
const LATER: Duration = Duration::from_millis(100);

/// How long a neighbour at that cost may take to answer the nth fetch: three round trips and 100 ms, doubled each time.
fn patience(cost: Duration, tries: usize) -> Duration {
    let first = cost.saturating_mul(3).saturating_add(Duration::from_millis(100));
    doubled(first, tries.saturating_sub(1).try_into().unwrap_or(u32::MAX))
}

/// What we told and heard by short ids.
#[derive(Debug, Default)]
pub(crate) struct Lazy {
    pub(crate) recent: Recent,
    /// To be announced when the timer fires. Bounded by `Config::recent_max`: over it the first ones are announced.
    batch: BTreeSet<Id>,
    /// What was announced to half of the neighbours, and when it is to the others. Bounded as `batch`.
    later: VecDeque<(Duration, Id)>,
    /// The trees on which pushes came that the node has not judged yet. Bounded by `ARRIVING_MAX`.
    arriving: BTreeMap<Id, TreeId>,
    arrived: VecDeque<Id>,
    /// Announced, and not here. Bounded by `Config::fetches_max` for each neighbour.
    pending: BTreeMap<Id, Pending>,
    due: BTreeSet<(Duration, Id)>,
}

#[derive(Debug)]
struct Pending {
    /// In the order in which they announced it. Bounded by the neighbours.
    holders: Vec<PeerId>,
    /// The first of them, to whose account it goes.
    owner: PeerId,
    tries: usize,
    deadline: Duration,
}

impl Lazy {
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// A push came on `tree`, and the node will judge it.
    pub(crate) fn arrives(&mut self, core: &mut Core, id: Id, tree: TreeId) {
        if self.arriving.insert(id, tree).is_none() {
            self.arrived.push_back(id);
            if self.arrived.len() > ARRIVING_MAX
                && let Some(first) = self.arrived.pop_front()
            {
                self.arriving.remove(&first);
            }
        }
        // Should it be bad, then another neighbour is asked.
        if self.pending.contains_key(&id) {
            self.put_off(id, core.after(core.config.fetch_timeout));
        }
    }

    /// The tree on which `id` came, if it came by a push.
    pub(crate) fn came_by(&self, id: &Id) -> Option<TreeId> {
        self.arriving.get(id).copied()
    }

    /// We hold `id`, up to `size` of `key`: so do those who announced it.
    pub(crate) fn held(&mut self, core: &mut Core, id: Id, key: Key, size: u64) {
        let Some(pending) = self.remove(core, id) else { return };
        for peer in pending.holders {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.tell_at_least(key, size);
            }
        }
    }

    /// We hold `pushed`, and announce it to those who were not pushed to, if it `goes_on` from here.
    pub(crate) fn pushed(&mut self, core: &mut Core, pushed: Pushed, goes_on: bool) {
        let id = self.recent.insert(&core.config, pushed);
        if !goes_on || core.neighbours.is_empty() {
            return;
        }
        self.batch.insert(id);
        let delay = if self.batch.len() < core.config.recent_max {
            core.config.announce_delay
        } else {
            Duration::ZERO
        };
        core.timers.set_no_later(Timer::Announce, core.after(delay));
    }

    /// [`Timer::Announce`] fired.
    pub(crate) fn announce(&mut self, core: &mut Core) {
        let batch = std::mem::take(&mut self.batch);
        self.announce_to(core, &batch, true);
        let later = core.after(LATER);
        self.later.extend(batch.into_iter().map(|id| (later, id)));
        let mut due = BTreeSet::new();
        while let Some((at, id)) = self.later.front().copied()
            && (at <= core.now || self.later.len() > core.config.recent_max)
        {
            self.later.pop_front();
            due.insert(id);
        }
        self.announce_to(core, &due, false);
        if let Some((at, _)) = self.later.front() {
            core.timers.set_no_later(Timer::Announce, *at);
        }
    }

    /// Announces to those of the neighbours who are told first, or to the others, what they lack.
    fn announce_to(&self, core: &mut Core, ids: &BTreeSet<Id>, first: bool) {
        let news: Vec<(&Id, &Pushed)> =
            ids.iter().filter_map(|id| Some((id, self.recent.get(id)?))).collect();
        if news.is_empty() {
            return;
        }
        let me = core.me;
        let is_first = |peer: &PeerId, it: &Neighbour| it.is_leaf || core.config.leaf || me < *peer;
        let peers = core.neighbours.iter().filter(|(peer, it)| is_first(peer, it) == first);
        let peers: Vec<PeerId> = peers.map(|(peer, _)| *peer).collect();
        for peer in peers {
            let Some(neighbour) = core.neighbours.get(&peer) else { continue };
            let lacking = news.iter().filter(|(_, pushed)| {
                neighbour.interest.covers(&pushed.topic) && neighbour.holds(&pushed.key) < pushed.size
            });
            let (control, other): (Vec<_>, Vec<_>) =
                lacking.partition(|(_, pushed)| core.is_control(&pushed.topic));
            for (priority, news) in [(Priority::Control, control), (Priority::Live, other)] {
                for news in news.chunks(IDS_MAX) {
                    core.stats.ids_announced += news.len() as u64;
                    let ids = news.iter().map(|(id, _)| **id).collect();
                    core.send(peer, priority, &Message::Ihave { ids });
                }
            }
        }
    }

    /// A neighbour announced.
    pub(crate) fn announced(&mut self, core: &mut Core, from: PeerId, ids: Vec<Id>) {
        let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
        for id in ids {
            if let Some(known) = self.recent.get(&id) {
                neighbour.tell_at_least(known.key, known.size);
            } else if let Some(pending) = self.pending.get_mut(&id) {
                if !pending.holders.contains(&from) {
                    pending.holders.push(from);
                }
            } else if neighbour.fetches < core.config.fetches_max {
                neighbour.fetches += 1;
                let deadline = core.now.saturating_add(core.config.fetch_delay);
                let pending = Pending { holders: vec![from], owner: from, tries: 0, deadline };
                self.pending.insert(id, pending);
                self.due.insert((deadline, id));
            } else {
                core.stats.hearsay_dropped += 1;
            }
        }
        self.set_timer(core);
    }

    /// [`Timer::Fetch`] fired. Returns whom we asked for what nobody had pushed.
    pub(crate) fn timeout(&mut self, core: &mut Core) -> Vec<PeerId> {
        let mut fetches: BTreeMap<PeerId, Vec<Id>> = BTreeMap::new();
        let mut first = Vec::new();
        while let Some((deadline, id)) = self.due.first().copied()
            && deadline <= core.now
        {
            let Some(pending) = self.pending.get_mut(&id) else {
                self.due.remove(&(deadline, id));
                continue;
            };
            if pending.tries == core.config.fetch_tries_max {
                core.stats.unanswered += 1;
                self.remove(core, id);
                continue;
            }
            let peer = pending.holders[pending.tries % pending.holders.len()];
            if pending.tries == 0 {
                first.push(peer);
            }
            pending.tries += 1;
            fetches.entry(peer).or_default().push(id);
            let (tries, cost) = (pending.tries, core.neighbours.get(&peer).map(|neighbour| neighbour.cost));
            let patience = patience(cost.unwrap_or_default(), tries).min(core.config.fetch_timeout);
            self.put_off(id, core.after(patience));
        }
        for (peer, ids) in fetches {
            for ids in ids.chunks(IDS_MAX) {
                core.stats.fetched += ids.len() as u64;
                core.send(peer, Priority::Live, &Message::Fetch { ids: ids.to_vec() });
            }
        }
        self.set_timer(core);
        first
    }

    /// A neighbour asks for what we announced. As much of it as one message may be long is pushed, the rest named.
    pub(crate) fn fetch(&mut self, core: &mut Core, from: PeerId, ids: &[Id]) {
        let mut bytes = 0;
        let mut named = BTreeMap::new();
        for known in ids.iter().filter_map(|id| self.recent.get(id)) {
            let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
            if !neighbour.interest.covers(&known.topic) {
                continue;
            }
            let fits = |payload: &&[u8]| bytes + payload.len() <= core.config.message_bytes_max;
            if let Some(payload) = known.payload.as_deref().filter(fits) {
                bytes += payload.len();
                neighbour.think(known.key, known.size);
                neighbour.quotas.served(core.now, payload.len(), &core.config);
                core.stats.pushed += 1;
                let priority = core.priority_of(&known.key, Priority::Live);
                let Pushed { tree, key, size, .. } = *known;
                core.send(from, priority, &Message::Push { tree, key, size, payload: Payload(payload) });
            } else if let Some(item) = core.frontier.durable_item(&known.key) {
                named.insert(item.key, item);
            }
        }
        let named: Vec<Item> = named.into_values().collect();
        core.send_have(from, named, false);
    }

    /// `peer` is no neighbour any more: `core` has forgotten it already.
    pub(crate) fn neighbour_down(&mut self, core: &mut Core, peer: PeerId) {
        let mut left = Vec::new();
        for (id, pending) in &mut self.pending {
            pending.holders.retain(|holder| *holder != peer);
            if pending.holders.is_empty() {
                left.push(*id);
            }
        }
        for id in left {
            self.remove(core, id);
        }
        if core.neighbours.is_empty() {
            self.batch.clear();
            self.later.clear();
        }
    }

    fn remove(&mut self, core: &mut Core, id: Id) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.due.remove(&(pending.deadline, id));
        if let Some(owner) = core.neighbours.get_mut(&pending.owner) {
            owner.fetches = owner.fetches.saturating_sub(1);
        }
        if self.pending.is_empty() {
            core.timers.cancel(Timer::Fetch);
        }
        Some(pending)
    }

    fn put_off(&mut self, id: Id, deadline: Duration) {
        if let Some(pending) = self.pending.get_mut(&id) {
            self.due.remove(&(pending.deadline, id));
            pending.deadline = deadline;
            self.due.insert((deadline, id));
        }
    }

    /// Wakes no later than the first is due. It may wake in vain: most are pushed before their time is over.
    fn set_timer(&self, core: &mut Core) {
        if let Some((deadline, _)) = self.due.first() {
            core.timers.set_no_later(Timer::Fetch, *deadline);
        }
    }
}
