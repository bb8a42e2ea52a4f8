//! Short names of keys, for what two peers can look up.
//!
//! A name is the first twelve hexadecimal digits of a key: in a city with a million keys, two have the same one with a
//! chance of 0.2 %. Who would make a key with the name of another, say to hide it, needs 2^48 hashes, and gains nothing:
//! whoever holds two keys of one name tells both in full, and what names hide, fingerprints still show.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::bounded;
use crate::item::Key;
use crate::range::Range;

/// The most named items that a message may carry.
pub(crate) const NAMED_MAX: usize = 1_024;

/// Bytes of a key that make its name.
const BYTES: usize = 6;
const DIGITS: u8 = 12;
/// No name is this large.
const END: u64 = 1 << (8 * BYTES);

/// The first digits of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u64);

/// A name, and how far the sender holds the key that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub(crate) name: Name,
    pub(crate) size: u64,
}

impl Name {
    pub(crate) fn of(key: &Key) -> Self {
        let mut bytes = [0; 8];
        bytes[8 - BYTES..].copy_from_slice(&key.0[..BYTES]);
        Self(u64::from_be_bytes(bytes))
    }

    /// The name in these bytes.
    pub(crate) fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let mut key = [0; 32];
        key[..BYTES].copy_from_slice(&bytes);
        Self::of(&Key(key))
    }

    pub(crate) fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&self.0.to_be_bytes()[8 - BYTES..]);
        bytes
    }

    /// All keys of that name.
    pub(crate) fn range(self) -> Range {
        Range::beginning(&self.stand_in(), DIGITS)
    }

    /// The key that stands in for one of which only the name is known: its first possible one.
    pub(crate) fn stand_in(self) -> Key {
        let mut key = [0; 32];
        key[..BYTES].copy_from_slice(&self.to_bytes());
        Key(key)
    }
}

impl Key {
    /// Whether this is `key`, or stands in for it: what is asked for by its name is known as its first six bytes, and zeros,
    /// until the node says which key that is.
    pub fn names(&self, key: &Self) -> bool {
        self == key || *self == Name::of(key).stand_in()
    }
}

/// Whether `key` is but a name.
pub(crate) fn is_stand_in(key: &Key) -> bool {
    key.0[BYTES..].iter().all(|byte| *byte == 0)
}

/// A key as wants name it: in full, or by its name. Bytes with their length in front, 6 or 32.
pub(crate) mod key {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(if is_stand_in(key) { &key.0[..BYTES] } else { &key.0 })
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
        let mut key = Key([0; 32]);
        match bytes.len() {
            BYTES => key.0[..BYTES].copy_from_slice(bytes),
            32 => key.0.copy_from_slice(bytes),
            length => return Err(D::Error::invalid_length(length, &"6 or 32 bytes")),
        }
        // One spelling for each.
        if bytes.len() == 32 && is_stand_in(&key) {
            return Err(D::Error::custom("a name in a key's spelling"));
        }
        Ok(key)
    }
}

/// Named items, sorted, without doubles. Each name travels as its distance to the one before: half of them would be zeros.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(items: &[Named], serializer: S) -> Result<S::Ok, S::Error> {
        let mut next = 0;
        serializer.collect_seq(items.iter().map(|item| {
            let distance = item.name.0.wrapping_sub(next);
            next = item.name.0 + 1;
            (distance, item.size)
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Named>, D::Error> {
        let pairs: Vec<(u64, u64)> = bounded::seq::<_, _, NAMED_MAX>(deserializer)?;
        let mut next = 0u64;
        let mut items = Vec::with_capacity(pairs.len());
        for (distance, size) in pairs {
            let name = next.checked_add(distance).filter(|name| *name < END);
            let name = name.ok_or_else(|| D::Error::custom("a name out of range"))?;
            next = name + 1;
            items.push(Named { name: Name(name), size });
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use serde::Serialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List(#[serde(with = "list")] Vec<Named>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wanted(#[serde(with = "key")] Key);

    proptest! {
        #[test]
        fn lists_travel(items in prop::collection::btree_map(0u64..END, any::<u64>(), 0..50)) {
            let list = List(items.into_iter().map(|(name, size)| Named { name: Name(name), size }).collect());
            let bytes = postcard::to_allocvec(&list).unwrap();
            prop_assert_eq!(postcard::from_bytes::<List>(&bytes).unwrap(), list);
        }

        #[test]
        fn any_bytes_are_a_sorted_list_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(List(items)) = postcard::from_bytes(&bytes) {
                prop_assert!(items.is_sorted_by(|a, b| a.name < b.name) && items.iter().all(|item| item.name.0 < END));
            }
        }

        #[test]
        fn a_name_finds_its_key(bytes in any::<[u8; 32]>()) {
            let name = Name::of(&Key(bytes));
            prop_assert!(name.range().contains(&Key(bytes)));
            prop_assert_eq!(name.range().first(), name.stand_in());
            prop_assert_eq!(Name::of(&name.stand_in()), name);
            prop_assert_eq!(Name::from_bytes(name.to_bytes()), name);
            prop_assert!(name.stand_in().names(&Key(bytes)) && Key(bytes).names(&Key(bytes)));
            let mut other = bytes;
            other[5] ^= 1;
            prop_assert!(!name.stand_in().names(&Key(other)) && !Key(bytes).names(&Key(other)));
        }
    }

    #[test]
    fn a_wanted_key_has_one_spelling() {
        for (key, length) in [(Key([7; 32]), 33), (Name::of(&Key([7; 32])).stand_in(), 7)] {
            let bytes = postcard::to_allocvec(&Wanted(key)).unwrap();
            assert_eq!(bytes.len(), length);
            assert_eq!(postcard::from_bytes::<Wanted>(&bytes).unwrap(), Wanted(key));
        }
        let mut long = vec![32];
        long.extend(Name(9).stand_in().0);
        assert!(postcard::from_bytes::<Wanted>(&long).is_err());
    }
}
