//! Reconciliation: two neighbours find out where they differ, however that came about. Push may lose; this may not.
//!
//! A round begins with a [`message::Root`]: the fingerprint of all that the sender holds of the common interest, and its
//! cursor. If the fingerprints are equal, that is all. If not, there are three ways:
//!
//! - **They have met** (`changes`): the other lists what changed since the cursor. One round trip, and it costs what
//!   changed.
//! - **Strangers** (`descend`, `codes`): the fingerprints of ranges are compared, and those of their parts where they
//!   differ, as in A. Meyer, "Range-Based Set Reconciliation" (SRDS 2023, arXiv:2212.13567). Few parts that differ are split
//!   further, and listed when they are small. Many are not worth it: the difference is spread, and is told by the rateless
//!   codes of `riblt` over all of them. So it costs by the difference, whether that is in one place or everywhere.
//! - **Exactly** (`list`): what names and codes cannot show, such as a conflict, or keys that share a name, shows in a round
//!   that splits down to lists of full items. It follows when the others find nothing.
//!
//! Ranges are prefixes of keys, not quantiles of items: keys are hashes, so that balances, and a range takes a few bytes.
//!
//! Compared is what both have on disk of what both are interested in. Each takes that interest from what its node said
//! of the other: if the two differ, rounds find differences for ever, at the cost of bytes and never of correctness.
//!
//! Of two neighbours the one with the lower id leads: it alone goes on from two roots that differ, so that nothing is
//! found twice. The other's roots make it do so.
//!
//! Transitions, for one neighbour:
//!
//! ```text
//! NeighbourUp, Timer::Reconcile --> Root; timer in the interval
//! Root received  -- equal                           --> Agreed, if it asks and crosses none of ours; as below
//!                -- differs                         --> Root, if it asks and crosses none of ours
//!                -- differs, its cursor is good      --> Changes since; timer in the interval
//!                -- differs, we lead, no cursor helps --> Summary of sixteen parts; timer in reconcile_hurry
//! Agreed received                  --> the cursor is at its head; timer in the interval, longer each time
//! Changes received                 --> want what is ahead; its cursor moves as that arrives; more: Root
//! Summary received, parts differ   -- small         --> Listing of them
//!                                  -- one or two    --> Summary of their parts
//!                                  -- more          --> Codes over all of them
//!                                  -- exact         --> Summary of their parts, List of small ones
//! Codes received -- not enough, a list costs more   --> More
//!                -- not enough, a list costs less   --> Listing
//!                -- far too many for one round      --> Summary of a part of them
//!                -- enough                          --> want what is ahead, Changes of what it lacks
//!                -- enough, and nothing new         --> Summary (exact)
//! More received                                     --> Codes, the next cells
//! Listing received                                  --> want what is ahead, Changes of what it lacks
//! List received                                     --> want what is ahead, Have of what it lacks, a window of list_max
//! Shed                                              --> timer in reconcile_hurry, if that is sooner
//! Durable        -- timer in a longer interval      --> timer in reconcile_interval, if that is sooner
//! ```
//!
//! `reconcile_hurry` doubles while rounds find differences and bring nothing, so that a difference which can't be
//! repaired (a conflict, a log that one side will not hold) costs a round an interval. While wants still queue for the
//! neighbour, its hurried round waits for them, up to the interval. Whatever is lost on the way, the next round begins
//! anew: nothing waits for an answer.

mod changes;
mod codes;
mod cursor;
mod descend;
mod list;
pub(crate) mod message;
mod pace;
mod root;

use msec_identity::PeerId;

use self::codes::Coding;
pub(crate) use self::cursor::Cursors;
use self::cursor::Taking;
pub(crate) use self::list::list;
use self::message::{Epoch, Step};
pub(crate) use self::pace::{Pace, changed, shed, start, timeout};
use crate::core::Core;
use crate::io::Priority;
use crate::item::Key;
use crate::message::Message;
use crate::name::Name;

/// What a round with one neighbour remembers. All of it is forgotten with the link, but what it moved of the cursor.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Its life, and the number of its last change, as its last root said.
    epoch: Option<Epoch>,
    head: u64,
    taking: Taking,
    /// In which life of ours, and up to which change, it holds what is on our disk: see [`crate::Mark`].
    took_in: Option<(Epoch, u64)>,
    /// The number of our last change when the oldest root went that nothing has answered.
    said: u64,
    /// The codes under way: ours, and those that we were sent.
    sending: Option<Box<Coding>>,
    reading: Option<Box<Coding>>,
    /// A hash of what codes showed last.
    shown: u64,
    /// How often in a row, after the first time.
    shown_again: u32,
    /// And of what they showed when we last went on exactly.
    exact: u64,
    /// Roots in a row that differed.
    unequal: u32,
}

impl Session {
    /// In which life of ours, and up to which change, it holds what is on our disk.
    pub(crate) fn took_in(&self) -> Option<(Epoch, u64)> {
        self.took_in
    }

    /// It says so up to that change.
    fn takes_in(&mut self, epoch: Epoch, through: u64) {
        let before = self.took_in.filter(|(before, _)| *before == epoch).map_or(0, |(_, before)| before);
        self.took_in = Some((epoch, through.max(before)));
    }

    /// How much is waited for before the cursor may move.
    pub(crate) fn waits_for(&self) -> usize {
        self.taking.len()
    }
}

/// A neighbour took a step. Returns the keys, or names of keys, that it is ahead of us with.
pub(crate) fn received(core: &mut Core, from: PeerId, step: Step) -> Vec<Key> {
    if core.neighbours.get(&from).is_none_or(|neighbour| neighbour.common.is_empty()) {
        return Vec::new();
    }
    match step {
        Step::Root(root) => root::received(core, from, &root),
        Step::Agreed(agreed) => root::agreed(core, from, &agreed),
        Step::Changes(changes) => return changes::received(core, from, changes),
        Step::Summary(summary) => descend::summary(core, from, &summary),
        Step::Listing(listing) => return descend::listing(core, from, &listing),
        Step::Codes(codes) => return codes::received(core, from, codes),
        Step::More(more) => codes::more(core, from, &more),
    }
    Vec::new()
}

/// `key` is on disk now, as far as that says: cursors may move, and neighbours that agreed may not any more.
pub(crate) fn durable(core: &mut Core, key: Key) {
    let Some(size) = core.frontier.get(&key).and_then(|held| held.durable()).map(|version| version.size)
    else {
        return;
    };
    let waiting = core.neighbours.iter_mut().filter(|(_, neighbour)| !neighbour.session.taking.is_empty());
    let mut peers = Vec::new();
    for (peer, neighbour) in waiting {
        neighbour.session.taking.settle(Name::of(&key), size);
        peers.push(*peer);
    }
    for peer in peers {
        changes::advance(core, peer);
    }
    changed(core, key);
}

/// What we hold of something is less than it was: no cursor is true any more.
pub(crate) fn cut(core: &mut Core) {
    core.cursors.forget_all();
    for neighbour in core.neighbours.values_mut() {
        neighbour.session.taking.forget();
        neighbour.session.took_in = None;
        neighbour.pace.asked = None;
    }
}

/// What is refused, or never answered, is not waited for.
fn give_up(core: &mut Core, peer: PeerId) {
    let now = core.now;
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    let mut taking = std::mem::take(&mut neighbour.session.taking);
    taking.give_up(|name| neighbour.withholds(name, now));
    neighbour.session.taking = taking;
    changes::advance(core, peer);
}

/// Whether we go on from two roots that differ.
fn leads(core: &Core, peer: PeerId) -> bool {
    core.me < peer
}

fn send(core: &mut Core, to: PeerId, step: Step) {
    core.send(to, Priority::Live, &Message::Reconcile(step));
}

/// Whether the neighbour may make us look at `items` once more, which is charged to it. Who has any credit left may
/// overdraw it, so that nothing is ever too large.
fn may_walk(core: &mut Core, peer: PeerId, items: u64) -> bool {
    let allowance = core.config.walks_max.saturating_mul(core.frontier.len() as u64 + WALK_ITEMS_FREE);
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return false };
    let pace = &mut neighbour.pace;
    if core.now.saturating_sub(pace.walked_since) >= core.config.reconcile_interval {
        pace.walked = 0;
        pace.walked_since = core.now;
    }
    if pace.walked >= allowance {
        core.stats.throttled += 1;
        return false;
    }
    charge(core, peer, items.saturating_add(1));
    true
}

fn charge(core: &mut Core, peer: PeerId, items: u64) {
    if let Some(neighbour) = core.neighbours.get_mut(&peer) {
        neighbour.pace.walked = neighbour.pace.walked.saturating_add(items);
    }
}

/// What a walk may cost beyond the items that we hold, so that a peer which holds nothing can be told everything.
const WALK_ITEMS_FREE: u64 = 1_024;
