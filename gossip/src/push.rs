//! Live push: what was just accepted goes on, at once, to all who want it and lack it.
//!
//! Follows "rumor mongering" of Demers et al., "Epidemic Algorithms for Replicated Database Maintenance" (PODC 1987),
//! section 1.4, with the simplest of its choices: to every neighbour, and once. What it loses, reconciliation finds.
//! A later issue puts Plumtree's trees here; who is pushed to is decided in one place, [`accepted`].
//!
//! Transitions, for one key and one neighbour:
//!
//! ```text
//! Accepted with payload -- wants the topic, not known to hold it --> Push; thought to hold it
//!                       -- larger than eager_bytes_max            --> announced, see `announce`
//! Push received         -- we hold as much                        --> duplicate: told, dropped
//!                       -- else                                   --> told; Deliver live
//! Shed, List            -->                                           no longer thought to hold it
//! ```

use msec_identity::PeerId;

use crate::core::Core;
use crate::io::Priority;
use crate::item::{Key, Topic, Version};
use crate::message::{Message, Payload};

/// The node holds `version` of `key` now: notes it, and who has it. True if `payload` was pushed, and needs no
/// announcement.
pub(crate) fn accepted(
    core: &mut Core,
    key: Key,
    topic: Topic,
    version: Version,
    from: Option<PeerId>,
    payload: Option<&[u8]>,
) -> bool {
    if core.frontier.accept(key, topic.clone(), version) {
        for neighbour in core.neighbours.values_mut() {
            neighbour.promote(key);
        }
    }
    if let Some(neighbour) = from.and_then(|from| core.neighbours.get_mut(&from)) {
        neighbour.tell_at_least(key, version.size);
        neighbour.forgive(&key);
    }
    let Some(payload) = payload.filter(|payload| payload.len() <= core.config.eager_bytes_max) else {
        return false;
    };
    // Whoever delivered it is known to hold it.
    let lacking = core
        .neighbours
        .iter_mut()
        .filter(|(_, neighbour)| neighbour.interest.covers(&topic) && neighbour.holds(&key) < version.size);
    let mut targets = Vec::new();
    for (peer, neighbour) in lacking {
        neighbour.think(key, version.size);
        targets.push(*peer);
    }
    if !targets.is_empty() {
        let priority = core.priority_of(&key, Priority::Live);
        let bytes = Message::Push { key, size: version.size, payload: Payload(payload) }.encode();
        core.stats.pushed += targets.len() as u64;
        for peer in targets {
            core.send_encoded(peer, priority, bytes.clone());
        }
    }
    true
}

/// A neighbour pushed.
pub(crate) fn received(core: &mut Core, from: PeerId, key: Key, size: u64, payload: &[u8]) {
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
    if held.is_some_and(|held| size <= held) {
        core.stats.duplicates += 1;
    } else {
        core.deliver(from, key, payload, true);
    }
}
