//! Answering wants: the node reads, we send.
//!
//! Transitions, for one neighbour and one key:
//!
//! ```text
//! Want received -- we hold no more than it  --> List of that one key: what it heard of us is wrong
//!               -- already serving, or full --> dropped; it retries
//!               -- else                     --> Serve; serving
//! Served        -- a chunk                  --> Chunk, at CatchUp; done
//!               -- none                     --> done: it may not, or we can't, and its timeout asks another
//! ```

use msec_identity::PeerId;

use crate::core::Core;
use crate::io::{Output, Priority};
use crate::item::Key;
use crate::message::{Message, OVERHEAD_BYTES_MAX, Payload};
use crate::range::Range;

/// A neighbour asks for what follows `size`.
pub(crate) fn wanted(core: &mut Core, from: PeerId, key: Key, size: u64) {
    let ours = core.frontier.get(&key).map(|held| held.version.size);
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    if ours.is_some() {
        neighbour.tell_exactly(key, size);
    }
    if ours.unwrap_or(0) <= size {
        let items: Vec<_> = core.frontier.durable_item(&key).into_iter().collect();
        core.stats.listed += items.len() as u64;
        core.send(from, Priority::Live, &Message::List { range: Range::exactly(&key), items });
    } else if neighbour.serving.len() >= core.config.serves_in_flight_max
        || neighbour.serving.contains_key(&key)
    {
        core.stats.serves_dropped += 1;
    } else {
        neighbour.serving.insert(key, size);
        core.output(Output::Serve { to: from, key, from: size });
    }
}

/// The node read it. An answer to what a neighbour asked before its link went down and came back is dropped.
pub(crate) fn served(core: &mut Core, to: PeerId, key: Key, from: u64, chunk: Option<&[u8]>) {
    let Some(neighbour) = core.neighbours.get_mut(&to) else { return };
    if neighbour.serving.get(&key) != Some(&from) {
        return;
    }
    neighbour.serving.remove(&key);
    let Some(chunk) = chunk else { return };
    if chunk.len().saturating_add(OVERHEAD_BYTES_MAX) > core.config.message_bytes_max {
        core.stats.oversize += 1;
        return;
    }
    core.stats.served += 1;
    let priority = core.priority_of(&key, Priority::CatchUp);
    core.send(to, priority, &Message::Chunk { key, from, payload: Payload(chunk) });
}
