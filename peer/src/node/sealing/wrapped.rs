//! For whom epochs were wrapped, as far as there is room to know.
//!
//! When the table is full, what is known of old epochs goes: first that of other makers, the oldest first; then that of own ones; that of
//! current ones last. Of an epoch of which it went nothing is known any more, before the next start: nobody is wrapped for, so that nobody is
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{EpochId, PeerId};

/// Of how many holders, of all epochs together, is known who wrapped for them.
const WRAPPED_MAX: usize = 262_144;

/// For whom an epoch was wrapped, whether to read, and by whom.
pub(super) type Wraps = BTreeSet<(PeerId, bool, PeerId)>;

#[derive(Debug)]
pub(in crate::node) struct Wrapped {
    pub(in crate::node) of: BTreeMap<EpochId, Wraps>,
    count: usize,
    pub(in crate::node) max: usize,
    /// Epochs of which it went.
    lost: BTreeSet<EpochId>,
}

impl Default for Wrapped {
    fn default() -> Self {
        Self { of: BTreeMap::new(), count: 0, max: WRAPPED_MAX, lost: BTreeSet::new() }
    }
}

impl Wrapped {
    /// Notes one. `worth`: what of an epoch is kept longer is worth more.
    pub(super) fn note<W: Ord>(
        &mut self,
        epoch: EpochId,
        one: (PeerId, bool, PeerId),
        worth: impl Fn(&EpochId) -> W,
    ) {
        if self.lost.contains(&epoch) {
            return;
        }
        self.count += usize::from(self.of.entry(epoch).or_default().insert(one));
        if self.count <= self.max {
            return;
        }
        // An eighth at once: it is looked for seldom.
        let mut all: Vec<_> = self.of.keys().map(|id| (worth(id), *id)).collect();
        all.sort_unstable();
        for (_, id) in all {
            if self.count <= self.max - self.max / 8 {
                break;
            }
            self.count -= self.of.remove(&id).map_or(0, |wraps| wraps.len());
            self.lost.insert(id);
        }
    }

    pub(super) fn is_lost(&self, epoch: &EpochId) -> bool {
        self.lost.contains(epoch)
    }
}
