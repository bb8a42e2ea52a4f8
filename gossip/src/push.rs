//! Eager push: what was just accepted goes on, at once, to those who are next to us in its tree.
//!
//! Follows Leitao, Pereira & Rodrigues, "Epidemic Broadcast Trees" (Plumtree, SRDS 2007), section 3.5, over trees made
//! from distances (see `trees`). A message carries the name of its tree; the relay where it begins picks the one whose
//! root is nearest. A relay that has no way in that tree goes on along its own nearest one, and one that knows no tree
//! pushes to all. Whoever is not pushed to is told the short id (see `lazy`). Each peer sends a message on once, when
//! it accepts it, so that nothing goes round.
//!
//! A push goes only to who wants the topic. A neighbour that doesn't want all that we want is a parent of last resort,
//! so that a tree runs among peers of one interest where there are such. Where not, what a relay between two others
//! doesn't want comes by announcement from whoever has it: `announce_delay`, `fetch_delay` and a round trip later.
//!
//! Transitions, for one key and one neighbour:
//!
//! ```text
//! Accepted with payload -- wants the topic, not known to hold it:
//!                            next to us in its tree, or fed by us      --> Push; thought to hold it
//!                            otherwise                                 --> told the short id
//!                       -- larger than eager_bytes_max                 --> announced, see `announce`
//! Push received         -- we hold as much                             --> duplicate: told, dropped
//!                       -- else                                        --> told; Deliver live
//! Shed, List            -->                                                no longer thought to hold it
//! ```

use msec_identity::PeerId;

use crate::broadcast::Broadcast;
use crate::core::Core;
use crate::io::Priority;
use crate::item::{Key, Origin, Topic, Version};
use crate::message::{Message, Payload};
use crate::neighbour::Neighbour;
use crate::recent::{Id, Pushed};
use crate::trees::dist::TreeId;

/// What the node holds of a key now, and who delivered it.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) key: Key,
    pub(crate) topic: Topic,
    pub(crate) version: Version,
    pub(crate) from: Option<PeerId>,
    pub(crate) origin: Option<Origin>,
}

/// Whether a payload is pushed. Otherwise it is announced. Whatever is to restrict pushing belongs here.
fn is_eager(core: &Core, payload: &[u8]) -> bool {
    payload.len() <= core.config.eager_bytes_max
}

/// The node holds `update` now: notes it, and who has it. True if `payload` was pushed, and needs no announcement.
pub(crate) fn accepted(
    broadcast: &mut Broadcast,
    core: &mut Core,
    update: Update,
    payload: Option<&[u8]>,
) -> bool {
    let Update { key, topic, version, from, origin } = update;
    if core.frontier.accept(key, topic.clone(), version) {
        for neighbour in core.neighbours.values_mut() {
            neighbour.promote(key);
        }
    }
    if let Some(origin) = origin {
        core.frontier.made_by(&key, origin);
    }
    if let Some(neighbour) = from.and_then(|from| core.neighbours.get_mut(&from)) {
        neighbour.tell_at_least(key, version.size);
        neighbour.forgive(&key);
    }
    let id = Id::of(&key, version.size);
    broadcast.lazy.held(core, id, key, version.size);
    let Some(payload) = payload.filter(|payload| is_eager(core, payload)) else {
        return false;
    };
    let tag = broadcast.lazy.came_by(&id).unwrap_or(TreeId::NONE);
    let tree = broadcast.trees.course(core.now, tag);
    // A leaf relays nothing.
    let goes_on = !core.config.leaf || from.is_none();
    if goes_on {
        send(
            broadcast,
            core,
            Message::Push { tree, key, size: version.size, payload: Payload(payload) },
            &topic,
        );
    }
    let payload = Some(payload.into());
    broadcast.lazy.pushed(
        core,
        Pushed { key, topic, size: version.size, tree, payload, at: core.now },
        goes_on,
    );
    true
}

/// Sends a push to all who are to have it from us.
fn send(broadcast: &Broadcast, core: &mut Core, push: Message<'_>, topic: &Topic) {
    let Message::Push { tree, key, size, .. } = push else { return };
    let is_leaf = core.config.leaf;
    let mut targets = Vec::new();
    // Whoever delivered or announced it is known to hold it.
    let lacking = core
        .neighbours
        .iter_mut()
        .filter(|(_, neighbour)| neighbour.interest.covers(topic) && neighbour.holds(&key) < size);
    for (peer, neighbour) in lacking {
        if is_next(broadcast, is_leaf, tree, peer, neighbour) {
            neighbour.think(key, size);
            targets.push(*peer);
        }
    }
    if !targets.is_empty() {
        let priority = core.priority_of(&key, Priority::Live);
        let bytes = push.encode();
        core.stats.pushed += targets.len() as u64;
        for peer in targets {
            core.send_encoded(peer, priority, bytes.clone());
        }
    }
}

/// Whether a message on `tree` goes from us to `peer` without being asked for.
fn is_next(
    broadcast: &Broadcast,
    are_leaf: bool,
    tree: TreeId,
    peer: &PeerId,
    neighbour: &Neighbour,
) -> bool {
    match (are_leaf, neighbour.is_leaf) {
        (_, true) => neighbour.is_fed,
        (true, false) => broadcast.feed.feeder().is_none_or(|feeder| feeder == *peer),
        (false, false) => tree == TreeId::NONE || broadcast.trees.joins(tree, peer),
    }
}

/// A neighbour pushed.
pub(crate) fn received(broadcast: &mut Broadcast, core: &mut Core, from: PeerId, push: &Message<'_>) {
    let Message::Push { tree, key, size, payload } = *push else { return };
    let held = core.frontier.get(&key).map(|held| held.version.size);
    let max = core.config.hearsay_max;
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        match held {
            Some(_) => neighbour.tell_at_least(key, size),
            // A push has no topic. If the node wants what it leads to, it says `Gap`, and this says whom to ask.
            None if neighbour.is_backed_off(&key, core.now) => {}
            None => {
                let heard = neighbour.hear(key, size, false, false, max);
                core.stats.hearsay_dropped += u64::from(!heard);
            }
        }
    }
    broadcast.feed.pushed(from);
    let id = Id::of(&key, size);
    if held.is_some_and(|held| size <= held) {
        core.stats.duplicates += 1;
        broadcast.lazy.held(core, id, key, size);
    } else {
        broadcast.trees.came(core.now, &from, tree);
        broadcast.lazy.arrives(core, id, tree);
        core.deliver(from, key, payload.0, true);
    }
}
