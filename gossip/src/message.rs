//! The wire format: [`Message`]s, postcard-encoded. `frame` puts a byte of version before them.
//!
//! Decoding borrows from the input, checks every length against a limit before it keeps anything, and takes nothing
//! that is out of order: what a handler sees is sorted, without doubles, and in range.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::bounded;
use crate::error::DecodeError;
use crate::item::{Item, Key};
use crate::lazy::IDS_MAX;
use crate::name::{self, NAMED_MAX, Named};
use crate::range::Range;
use crate::recent::Id;
use crate::reconcile::message::{Fingerprint, Salt, Step};
use crate::trees::dist::TreeId;
use crate::trees::wire::TreeMessage;

/// The first byte of every frame: version 2, channel 0.
pub(crate) const WIRE_VERSION: u8 = 2;

/// The most items that a message may carry. `Config::list_max` is at most this.
pub(crate) const ITEMS_MAX: usize = 256;

/// More than a message takes besides its payload or its items.
pub(crate) const OVERHEAD_BYTES_MAX: usize = 128;

/// What peers say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message<'a> {
    /// A live payload, which ends at `size`, on its way along `tree`.
    Push {
        tree: TreeId,
        key: Key,
        size: u64,
        #[serde(borrow)]
        payload: Payload<'a>,
    },
    /// Where do we differ?
    Reconcile(Step),
    /// All that the sender holds in `range` of the common interest: what is not listed, it doesn't hold.
    List {
        range: Range,
        #[serde(deserialize_with = "bounded::seq::<_, _, ITEMS_MAX>")]
        items: Vec<Item>,
    },
    /// Some of what the sender holds. `ask`: say how far you hold these.
    Have {
        ask: bool,
        #[serde(deserialize_with = "bounded::seq::<_, _, ITEMS_MAX>")]
        items: Vec<Item>,
    },
    /// The sender holds `key` up to `from`, and asks for what follows: about `kib_max` KiB of it, and something in any case.
    Want {
        id: WantId,
        /// Or its name.
        #[serde(with = "name::key")]
        key: Key,
        from: u64,
        kib_max: u32,
    },
    /// The answer to a want, or as much of it as fits.
    Chunk { id: WantId, payload: Payload<'a> },
    /// The other answer to a want: the sender cannot, or may not, or had to drop what it sent.
    Unserved { id: WantId },
    /// Where the sender is in the trees.
    Tree(TreeMessage),
    /// The sender holds pushes of these names.
    Ihave {
        #[serde(deserialize_with = "bounded::seq::<_, _, IDS_MAX>")]
        ids: Vec<Id>,
    },
    /// The sender asks for pushes that it was told of.
    Fetch {
        #[serde(deserialize_with = "bounded::seq::<_, _, IDS_MAX>")]
        ids: Vec<Id>,
    },
    /// The sender, a leaf, wants all pushes from the receiver, or none.
    Feed { on: bool },
    /// The sender holds these, and does not want them itself: what of them does the receiver hold?
    Offer {
        salt: Salt,
        #[serde(with = "name::list")]
        items: Vec<Named>,
    },
    /// The sender holds what the offer of that salt named, just as much and on disk, but for those at some places.
    Held {
        salt: Salt,
        /// Of what it holds.
        fingerprint: Fingerprint,
        #[serde(deserialize_with = "bounded::seq::<_, _, NAMED_MAX>")]
        lacking: Vec<u16>,
    },
}

/// What a want is called on its link, by who asks, so that its answer need not say again what it is of. Numbers go up and
/// never come twice, so that what is late is not taken for something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct WantId(pub(crate) u64);

/// Opaque bytes, still lying in the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload<'a>(pub(crate) &'a [u8]);

impl<'a> Message<'a> {
    /// The first message of `bytes`, and what follows it.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let (message, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| DecodeError::Malformed)?;
        message.check_order()?;
        Ok((message, rest))
    }

    /// A frame of this message alone.
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(WIRE_VERSION, self))
            .expect("these types always encode, and a vector always grows")
    }

    fn check_order(&self) -> Result<(), DecodeError> {
        let ordered = match self {
            Self::Reconcile(step) => step.is_ordered(),
            Self::List { range, items } => {
                sorted(items) && items.iter().all(|item| range.contains(&item.key))
            }
            Self::Have { items, .. } => sorted(items),
            Self::Tree(message) => message.is_ordered(),
            Self::Push { .. } | Self::Want { .. } | Self::Chunk { .. } | Self::Unserved { .. } => true,
            Self::Ihave { .. } | Self::Fetch { .. } | Self::Feed { .. } => true,
            Self::Offer { .. } => true,
            Self::Held { lacking, .. } => lacking.is_sorted_by(|a, b| a < b),
        };
        if ordered { Ok(()) } else { Err(DecodeError::Disordered) }
    }
}

fn sorted(items: &[Item]) -> bool {
    items.is_sorted_by(|a, b| a.key < b.key)
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> de::Visitor<'de> for Borrowed {
            type Value = &'de [u8];
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes that outlive the message")
            }
            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<&'de [u8], E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_bytes(Borrowed).map(Payload)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
