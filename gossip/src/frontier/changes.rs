//! What changed since: each durable version of a key has a number, and a key has one number, that of its last change.

use std::collections::BTreeMap;

use crate::item::Key;

/// Bounded by the keys that are held.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The first bytes of the key, which find it again: whole keys would take twice the room.
    by_number: BTreeMap<u64, u64>,
    head: u64,
    /// Whether a number was chosen here.
    own: bool,
}

impl Changes {
    /// The number of the last change.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// `key` changed; its last number was `before` (0: none). Returns its new one: `given`, if that is after the last one
    /// of all.
    pub(crate) fn renew(&mut self, key: &Key, before: u64, given: Option<u64>) -> u64 {
        self.by_number.remove(&before);
        let given = given.filter(|given| *given > self.head);
        self.own |= given.is_none();
        self.head = given.unwrap_or(self.head.saturating_add(1));
        self.by_number.insert(self.head, beginning(key));
        self.head
    }

    /// What had that number is not on disk any more.
    pub(crate) fn forget(&mut self, number: u64) {
        self.by_number.remove(&number);
    }

    /// Whether all numbers were given.
    pub(crate) fn all_given(&self) -> bool {
        !self.own
    }

    /// The last number was at least this.
    pub(crate) fn begin_after(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// The numbers after `since`, in order, and the range of keys in which to look for each one's.
    pub(crate) fn since(&self, since: u64) -> impl Iterator<Item = (u64, std::ops::RangeInclusive<Key>)> {
        self.by_number.range(since.saturating_add(1)..).map(|(number, beginning)| {
            let (mut first, mut last) = (Key([0; 32]), Key([0xff; 32]));
            first.0[..8].copy_from_slice(&beginning.to_be_bytes());
            last.0[..8].copy_from_slice(&beginning.to_be_bytes());
            (*number, first..=last)
        })
    }
}

fn beginning(key: &Key) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&key.0[..8]);
    u64::from_be_bytes(bytes)
}
