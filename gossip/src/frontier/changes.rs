//! What changed since: each durable version of a key has a number, and a key has one number, that of its last change.

use std::collections::BTreeMap;

use crate::item::Key;

/// Bounded by the keys that are held.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The first bytes of the key, which find it again: whole keys would take twice the room.
    by_number: BTreeMap<u64, u64>,
    head: u64,
}

impl Changes {
    /// The number of the last change.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// `key` changed; its last number was `before` (0: none). Returns its new one.
    pub(crate) fn renew(&mut self, key: &Key, before: u64) -> u64 {
        self.by_number.remove(&before);
        self.head += 1;
        self.by_number.insert(self.head, beginning(key));
        self.head
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
