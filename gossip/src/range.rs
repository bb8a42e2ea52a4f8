//! A range of keys: all that begin with the same hexadecimal digits.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use crate::item::Key;

/// How many parts a range splits into: one for each next digit.
pub(crate) const FANOUT: usize = 16;

/// All keys that share the first `digits` hexadecimal digits of `prefix`, whose other digits are zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    prefix: [u8; 32],
    digits: u8,
}

impl Range {
    /// Every key.
    pub(crate) const ALL: Self = Self { prefix: [0; 32], digits: 0 };
    const DIGITS_MAX: u8 = 64;

    /// One key alone.
    pub(crate) const fn exactly(key: &Key) -> Self {
        Self { prefix: key.0, digits: Self::DIGITS_MAX }
    }

    /// All keys that share the first `digits` digits of `key`, whose others are zero.
    pub(crate) const fn beginning(key: &Key, digits: u8) -> Self {
        Self { prefix: key.0, digits }
    }

    /// How many digits its keys share.
    pub(crate) const fn digits(&self) -> u8 {
        self.digits
    }

    /// Whether it can hold no more than one key.
    pub(crate) const fn is_exact(&self) -> bool {
        self.digits == Self::DIGITS_MAX
    }

    /// The first `digits` of its digits, and zeros.
    pub(crate) fn first_of(&self, digits: u8) -> Key {
        let mut first = self.prefix;
        for digit in digits..Self::DIGITS_MAX {
            set_digit(&mut first, digit, 0);
        }
        Key(first)
    }

    pub(crate) const fn first(&self) -> Key {
        Key(self.prefix)
    }

    pub(crate) fn last(&self) -> Key {
        let mut last = self.prefix;
        for digit in self.digits..Self::DIGITS_MAX {
            set_digit(&mut last, digit, 0xf);
        }
        Key(last)
    }

    pub(crate) fn bounds(&self) -> RangeInclusive<Key> {
        self.first()..=self.last()
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.bounds().contains(key)
    }

    /// Its sixteen parts, in order; itself if it is one key.
    pub(crate) fn split(&self) -> Vec<Self> {
        if self.is_exact() {
            return vec![*self];
        }
        let part = |value: u8| {
            let mut part = Self { digits: self.digits + 1, ..*self };
            set_digit(&mut part.prefix, self.digits, value);
            part
        };
        (0..FANOUT as u8).map(part).collect()
    }
}

/// The digit of `key` at that place.
pub(crate) fn digit_of(key: &Key, digit: u8) -> usize {
    let byte = key.0[usize::from(digit / 2)];
    usize::from(if digit.is_multiple_of(2) { byte >> 4 } else { byte & 0xf })
}

fn set_digit(bytes: &mut [u8; 32], digit: u8, value: u8) {
    let byte = &mut bytes[usize::from(digit / 2)];
    *byte = if digit.is_multiple_of(2) { (*byte & 0x0f) | (value << 4) } else { (*byte & 0xf0) | value };
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Range(")?;
        for digit in 0..self.digits {
            let byte = self.prefix[usize::from(digit / 2)];
            write!(f, "{:x}", if digit.is_multiple_of(2) { byte >> 4 } else { byte & 0xf })?;
        }
        f.write_str("*)")
    }
}

/// On the wire: the number of digits, then the bytes that they fill.
impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; 33];
        bytes[0] = self.digits;
        bytes[1..].copy_from_slice(&self.prefix);
        let used = 1 + usize::from(self.digits).div_ceil(2);
        serializer.serialize_bytes(&bytes[..used])
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Range;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of keys")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Range, E> {
                let refuse = || E::invalid_length(bytes.len(), &self);
                let (digits, used) = bytes.split_first().ok_or_else(refuse)?;
                if *digits > Range::DIGITS_MAX || used.len() != usize::from(*digits).div_ceil(2) {
                    return Err(refuse());
                }
                let mut range = Range { prefix: [0; 32], digits: *digits };
                range.prefix[..used.len()].copy_from_slice(used);
                if digits % 2 == 1 && used.last().is_some_and(|last| last & 0x0f != 0) {
                    return Err(E::custom("a digit past the end of the prefix"));
                }
                Ok(range)
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_cover_the_whole_without_overlap() {
        let mut range = Range::ALL;
        for depth in 0..usize::from(Range::DIGITS_MAX) {
            let parts = range.split();
            assert_eq!(parts.len(), FANOUT);
            assert_eq!(parts[0].first(), range.first());
            assert_eq!(parts[FANOUT - 1].last(), range.last());
            assert!(parts.windows(2).all(|pair| pair[0].last() < pair[1].first()));
            range = parts[depth % FANOUT];
        }
        assert_eq!(range, Range::exactly(&range.first()));
        assert_eq!(range.split(), vec![range]);
    }

    #[test]
    fn reads_as_digits() {
        let range = Range::ALL.split()[0xa].split()[0x3].split()[0xf];
        assert_eq!(format!("{range:?}"), "Range(a3f*)");
        assert!(range.contains(&Key([0xa3; 32])) != range.contains(&range.last()));
    }

    proptest! {
        #[test]
        fn the_wire_has_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((range, rest)) = postcard::take_from_bytes::<Range>(&bytes) {
                let again = postcard::to_allocvec(&range).unwrap();
                // Postcard's own length may be spelled longer; ours may not.
                prop_assert!(again.len() <= bytes.len() - rest.len());
                prop_assert_eq!(postcard::from_bytes::<Range>(&again).unwrap(), range);
            }
        }

        #[test]
        fn every_range_travels(key in any::<[u8; 32]>(), depth in 0usize..=64) {
            let mut range = Range::ALL;
            while usize::from(range.digits) < depth {
                range = *range.split().iter().find(|part| part.contains(&Key(key))).unwrap();
            }
            let bytes = postcard::to_allocvec(&range).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Range>(&bytes).unwrap(), range);
        }
    }
}
