//! Finds what lies in a table by a key or a hash.

use std::collections::BTreeSet;

/// The places in a table by the first four bytes of a name: twelve bytes each, where a map from the whole name would take
/// a hundred. Whoever looks compares the name itself. Names that begin alike are looked through one by one, which whoever
/// makes them up pays for dearly and the table's bound limits.
#[derive(Debug, Clone, Default)]
pub(super) struct Index(BTreeSet<(u32, u32)>);

impl Index {
    pub(super) fn insert(&mut self, name: &[u8; 32], slot: u32) {
        self.0.insert((prefix(name), slot));
    }

    /// Where things of that name may lie, and perhaps some others.
    pub(super) fn candidates<'a>(&'a self, name: &[u8; 32]) -> impl Iterator<Item = u32> + use<'a> {
        let prefix = prefix(name);
        self.0.range((prefix, 0)..=(prefix, u32::MAX)).map(|(_, slot)| *slot)
    }
}

fn prefix(name: &[u8; 32]) -> u32 {
    u32::from_be_bytes(*name.first_chunk().expect("four of thirty-two bytes"))
}

/// The place of what comes next in a table whose bound is far below 2^30.
pub(super) fn slot(len: usize) -> u32 {
    u32::try_from(len).expect("a table within its bound")
}
