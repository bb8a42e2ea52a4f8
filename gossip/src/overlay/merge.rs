//! Two parts that forgot each other find each other again.
//!
//! A contact is *strange* if it failed since it was last known to live, or is configured or discovered and was never
//! reached: it may live in another part. Each relay probes strange contacts for as long as it knows them, whatever their
//! back-off; so does a leaf that lacks relays.
//!
//! | when | then |
//! |---|---|
//! | each `merge_interval`, +-25 % | as many strange contacts are dialled as neighbours are missing, and at least one |
//! | one answers, and is not known to live in our part | `Hello` with `Merge`: both make room, the link is far on both sides, both ask for records |
//! | one answers, is known to live in our part or we merged within the last `REST` intervals, and a neighbour is missing | it is a neighbour as any other |
//! | one answers, and none is missing | the link ends; unless it is fixed, it is strange no more |
//!
//! Fixed contacts and others take turns; of each, the one goes first that was dialled longest ago. So of `s` strange
//! contacts of its kind each is dialled once in `2.5 * s * merge_interval`, and twice as often if there are none of the
//! other kind. Hence the bound: if one relay knows one contact across that answers, the parts have a link after
//! `2.5 * s * merge_interval` and the time that a dial takes, where `s` is at most `fixed_max` for a fixed contact, and
//! `remembered_max` for hearsay. Each further relay that knows one can only shorten that: in a city cut in halves, where
//! all do, the first link is to be expected after a second or two, and one for each relay after 25 s.

use std::time::Duration;

use super::core::{Core, Timer};
use super::io::ContactId;
use super::link::Purpose;

/// Intervals after a merge in which whoever else answers is taken for a peer of the same two parts. Each relay of two
/// halves has its own link across by then, and a third part probes us, too.
const REST: u32 = 15;

#[derive(Debug, Default)]
pub(super) struct Merge {
    fixed_next: bool,
    rest_until: Duration,
}

impl Merge {
    pub(super) fn arm(&mut self, core: &mut Core) {
        if !core.timers.is_set(Timer::Merge) {
            let at = core.after_about(core.config.merge_interval);
            core.timers.set(Timer::Merge, at);
        }
    }

    pub(super) fn timeout(&mut self, core: &mut Core) {
        self.arm(core);
        let least = if core.is_leaf() { 0 } else { 1 };
        for _ in 0..core.missing().max(least) {
            self.fixed_next = !self.fixed_next;
            let next = stranger(core, self.fixed_next).or_else(|| stranger(core, !self.fixed_next));
            let Some(id) = next else { return };
            if core.dial(id, Purpose::Probe) {
                core.stats.probes += 1;
            }
        }
    }

    pub(super) fn rests(&self, core: &Core) -> bool {
        core.now < self.rest_until
    }

    /// Two parts may be one now.
    pub(super) fn merged(&mut self, core: &mut Core) {
        self.rest_until = core.after(core.config.merge_interval * REST);
    }
}

/// The strange contact of that kind that was dialled longest ago.
fn stranger(core: &Core, fixed: bool) -> Option<ContactId> {
    let strange = core.contacts.iter().filter(|(_, it)| it.is_fixed() == fixed && it.is_strange());
    let strange = strange.filter(|(_, it)| core.may_dial(it));
    strange.min_by_key(|(id, it)| (it.tried_at, *id)).map(|(id, _)| id)
}
