//! What neighbours say to each other while they find out where they differ.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounded;
use crate::frontier::Sum;
use crate::item::{Key, Version};
use crate::name::{self, Named};
use crate::range::{FANOUT, Range};
use crate::riblt::CELL_BYTES;

/// The most ranges that a message names.
pub(crate) const RANGES_MAX: usize = 256;
/// The most ranges that a summary splits.
pub(crate) const SPLITS_MAX: usize = 16;
/// The most cells that a message carries.
pub(crate) const CELLS_MAX: usize = 1_024;
/// More than the longest of these messages takes: a full one of cells, or of named items, and its ranges.
pub(crate) const STEP_BYTES_MAX: usize = CELLS_MAX * (CELL_BYTES + 7) + RANGES_MAX * 35;

/// One step of a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    Root(Root),
    Agreed(Agreed),
    Changes(Changes),
    Summary(Summary),
    Listing(Listing),
    Codes(Codes),
    More(More),
}

/// A range's hash, salted and cut short. The salt is drawn by who sends, so that nobody who isn't asked can prepare two
/// sets that look the same; what remains is chance, once in 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Fingerprint([u8; 8]);

/// Drawn anew by who starts something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Salt(pub(crate) [u8; 8]);

/// A life of a peer: its numbers mean nothing in another one. It outlives restarts where the node keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Epoch(pub(crate) [u8; 4]);

/// All that the sender holds of the common interest, and how far it has come with what the receiver holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Root {
    /// It wants an answer.
    pub(crate) asks: bool,
    pub(crate) salt: Salt,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) count: u32,
    /// The sender's life, and the number of its last change.
    pub(crate) epoch: Epoch,
    pub(crate) head: u64,
    /// It has taken in all that the receiver held, in that life, at that number.
    pub(crate) resume: Option<(Epoch, u64)>,
}

/// The sender holds what the receiver's root said, and this is its own last change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agreed {
    pub(crate) head: u64,
}

/// What changed at the sender after one number and up to another, without what the receiver is known to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub(crate) since: u64,
    pub(crate) upto: u64,
    /// There is more after that: ask when this is taken in.
    pub(crate) more: bool,
    #[serde(with = "name::list")]
    pub(crate) items: Vec<Named>,
}

/// The fingerprints of the parts of some ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) salt: Salt,
    /// Names and codes have shown nothing: list in full what is found.
    pub(crate) exact: bool,
    #[serde(deserialize_with = "bounded::seq::<_, _, SPLITS_MAX>")]
    pub(crate) splits: Vec<Split>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Split {
    pub(crate) of: Range,
    pub(crate) parts: [Fingerprint; FANOUT],
}

/// All that the sender holds in these ranges, by name: what is not there, it doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    #[serde(deserialize_with = "bounded::seq::<_, _, RANGES_MAX>")]
    pub(crate) ranges: Vec<Range>,
    #[serde(with = "name::list")]
    pub(crate) items: Vec<Named>,
}

/// Cells of what the sender holds in some ranges. The first ones say which ranges; further ones follow when asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Codes {
    pub(crate) salt: Salt,
    /// How many items that is, and the sender's last change, if nothing differs outside these ranges.
    pub(crate) count: u32,
    pub(crate) head: Option<u64>,
    #[serde(deserialize_with = "bounded::seq::<_, _, RANGES_MAX>")]
    pub(crate) ranges: Vec<Range>,
    /// The number of the first of these cells.
    pub(crate) first: u32,
    pub(crate) cells: Cells,
}

/// The receiver has cells up to `first`, and asks for those up to `upto`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct More {
    pub(crate) salt: Salt,
    pub(crate) first: u32,
    pub(crate) upto: u32,
}

/// Whole cells, at most [`CELLS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cells(pub(crate) Vec<u8>);

impl Step {
    /// Ranges must be in order and apart; what is split must have parts.
    pub(crate) fn is_ordered(&self) -> bool {
        match self {
            Self::Root(_) | Self::Agreed(_) | Self::Changes(_) | Self::More(_) => true,
            Self::Summary(summary) => {
                let ranges: Vec<Range> = summary.splits.iter().map(|split| split.of).collect();
                are_apart(&ranges) && ranges.iter().all(|range| !range.is_exact())
            }
            Self::Listing(listing) => {
                let mut ranges = listing.ranges.iter();
                let mut range = ranges.next();
                are_apart(&listing.ranges)
                    && listing.items.iter().all(|item| {
                        while range.is_some_and(|range| range.last() < item.name.stand_in()) {
                            range = ranges.next();
                        }
                        range.is_some_and(|range| range.first() <= item.name.range().last())
                    })
            }
            Self::Codes(codes) => are_apart(&codes.ranges) && (codes.first == 0) != codes.ranges.is_empty(),
        }
    }
}

fn are_apart(ranges: &[Range]) -> bool {
    ranges.is_sorted_by(|a, b| a.last() < b.first())
}

impl Fingerprint {
    pub(crate) fn of(salt: Salt, sum: &Sum) -> Self {
        let mut key = *b"msec/gossip/fingerprint/........";
        key[24..].copy_from_slice(&salt.0);
        let mut short = [0; 8];
        short.copy_from_slice(&blake3::keyed_hash(&key, &sum.hash).as_bytes()[..8]);
        Self(short)
    }

    /// Of what is offered, in order.
    pub(crate) fn of_offer(salt: Salt, items: impl Iterator<Item = (Key, Version)>) -> Self {
        let mut key = *b"msec/gossip/offer/1     ........";
        key[24..].copy_from_slice(&salt.0);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for (key, version) in items {
            hasher.update(&key.0).update(&version.size.to_le_bytes()).update(&version.digest);
        }
        let mut short = [0; 8];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(short)
    }
}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
        if bytes.is_empty() || bytes.len() > CELLS_MAX * CELL_BYTES || !bytes.len().is_multiple_of(CELL_BYTES)
        {
            return Err(serde::de::Error::invalid_length(bytes.len(), &"whole cells"));
        }
        Ok(Self(bytes.to_vec()))
    }
}
