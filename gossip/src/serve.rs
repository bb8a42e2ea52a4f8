//! Answering wants: the node reads, we send.
//!
//! Transitions, for one neighbour and one key:
//!
//! ```text
//! Want received -- we hold no more than it  --> List of that one key, or name, as far as it may be told: what it heard is wrong
//!               -- already serving          --> dropped; it gets one answer, under the id that it gave last
//!               -- full                     --> Unserved
//!               -- else                     --> Serve; serving
//! Served        -- a chunk                  --> Chunk, at CatchUp; done
//!               -- none                     --> Unserved: it may not, or we can't; the List of nothing, if it may not be told
//! Shed          -- a chunk in it             --> Unserved
//!               -- a want in it              --> never asked, see `wants`
//! ```

use msec_identity::PeerId;

use crate::answers::KIB;
use crate::core::Core;
use crate::interest::Interest;
use crate::io::{Output, Priority};
use crate::item::{Item, Key};
use crate::message::{Message, OVERHEAD_BYTES_MAX, Payload, WantId};
use crate::name::{self, Name};
use crate::range::Range;

/// What the node reads for a neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    /// What the neighbour calls it.
    id: WantId,
    from: u64,
}

/// A neighbour asks for what follows `size`.
pub(crate) fn wanted(core: &mut Core, from: PeerId, id: WantId, key: Key, size: u64, kib_max: u32) {
    let key = core.frontier.named_in_full(key);
    let ours = core.frontier.get(&key).map(|held| held.version.size);
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    if ours.is_some() {
        neighbour.tell_exactly(key, size);
    }
    if ours.unwrap_or(0) <= size {
        list(core, from, &key);
    } else if let Some(serving) = neighbour.serving.get_mut(&key) {
        if serving.from == size {
            serving.id = id;
        }
        core.stats.serves_dropped += 1;
    } else if neighbour.serving.len() >= core.config.serves_in_flight_max
        || !neighbour.quotas.may_serve(core.now, &core.config)
    {
        core.stats.serves_dropped += 1;
        unserved(core, from, id, core.priority_of(&key, Priority::Live));
    } else {
        neighbour.serving.insert(key, Serving { id, from: size });
        let bytes_max = usize::try_from(kib_max).unwrap_or(usize::MAX).saturating_mul(KIB);
        core.output(Output::Serve { to: from, key, from: size, bytes_max });
    }
}

/// Says what we hold of a key, as far as the neighbour may be told; if it was only named, of all that the name may mean.
fn list(core: &mut Core, to: PeerId, key: &Key) {
    let is_name = name::is_stand_in(key);
    let range = if is_name { Name::of(key).range() } else { Range::exactly(key) };
    let told = |item: &Item| core.may_tell(&to, &item.key);
    let all = Interest::all();
    let items: Vec<_> = core.frontier.items(&range, &all).filter(told).take(core.config.list_max).collect();
    core.stats.listed += items.len() as u64;
    core.send(to, Priority::Live, &Message::List { range, items });
}

/// A chunk for `peer` was dropped on our side: it need not wait for that.
pub(crate) fn shed(core: &mut Core, peer: PeerId, id: WantId) {
    if core.neighbours.contains_key(&peer) {
        unserved(core, peer, id, Priority::Live);
    }
}

fn unserved(core: &mut Core, to: PeerId, id: WantId, priority: Priority) {
    core.send(to, priority, &Message::Unserved { id });
}

/// The node read it. An answer to what a neighbour asked before its link went down and came back is dropped.
pub(crate) fn served(core: &mut Core, to: PeerId, key: Key, from: u64, chunk: Option<&[u8]>) {
    let is_nothing = chunk.is_none() && !core.may_tell(&to, &key);
    let Some(neighbour) = core.neighbours.get_mut(&to) else { return };
    let Some(id) = neighbour.serving.get(&key).filter(|it| it.from == from).map(|it| it.id) else { return };
    neighbour.serving.remove(&key);
    let fits =
        |chunk: &&[u8]| chunk.len().saturating_add(OVERHEAD_BYTES_MAX) <= core.config.message_bytes_max;
    core.stats.oversize += u64::from(chunk.is_some_and(|chunk| !fits(&chunk)));
    if is_nothing {
        // As if nothing were held of it: from another answer it could find out how much is.
        return list(core, to, &key);
    }
    let Some(chunk) = chunk.filter(fits) else {
        return unserved(core, to, id, core.priority_of(&key, Priority::Live));
    };
    neighbour.quotas.served(core.now, chunk.len(), &core.config);
    core.stats.served += 1;
    let priority = core.priority_of(&key, Priority::CatchUp);
    core.send(to, priority, &Message::Chunk { id, payload: Payload(chunk) });
}
