//! The overlay's wire format: one byte of version and channel, then one postcard-encoded [`Message`].
//!
//! Nothing in it is believed: records are opaque here, and go to the node to be checked.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::RECORD_BYTES_MAX;
use super::io::{Leave, Role};
use crate::bounded;
use crate::error::DecodeError;

/// The first byte of every message: version 2 in the low six bits, channel 1 in the high two.
pub(super) const FIRST_BYTE: u8 = 0x42;

/// Records that one message may carry besides those that it has a field for.
pub(super) const TOLD_MAX: usize = 8;

/// The longest message: twelve full records would fit.
const MESSAGE_BYTES_MAX: usize = 12 * RECORD_BYTES_MAX;

/// What peers say to each other about who is linked with whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// The dialler's first message, besides pings.
    Hello {
        role: Role,
        wish: Wish,
        /// Whether the sender was told to keep a link with the other side.
        kept: bool,
        record: Option<Record>,
    },
    /// Yes. Both are neighbours now.
    Welcome {
        role: Role,
        /// Whether both count it as a far link.
        far: bool,
        record: Option<Record>,
        /// Who was dropped for it.
        instead: Option<Record>,
        told: ToldList,
    },
    /// No, and who else there is.
    Full { told: ToldList },
    /// The sender is a neighbour no more.
    Leave {
        reason: Leave,
        /// Who has room now, because of the same change.
        instead: Option<Record>,
    },
    /// Say `Pong`.
    Ping { nonce: u32 },
    /// The answer to a ping.
    Pong { nonce: u32 },
    /// A newcomer's record, on its walk (HyParView's `ForwardJoin`).
    Newcomer { steps: u8, record: Record },
    /// Walks `steps` further, and asks who is there for records (HyParView's `Shuffle`, without records on the way).
    Shuffle { walk: u64, steps: u8 },
    /// The answer, back along the walk.
    ShuffleReply { walk: u64, told: ToldList },
    /// The sender tells something else about itself from now on.
    Record { record: Record },
}

/// Why the dialler came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wish {
    /// It has no neighbour.
    Join,
    /// It lacks this many.
    Neighbour { missing: u8 },
    /// It has a full view, and this link would cost less than one of its others.
    Exchange {
        /// The round trip, in microseconds, and its side's expense.
        cost_us: u32,
        /// Whom it drops for it.
        instead: Option<Record>,
    },
    /// It has a full view, and needs a link that is never exchanged for cost.
    Far { instead: Option<Record> },
    /// As `Far`: it believes that the two live in different parts.
    Merge { instead: Option<Record> },
}

/// What a peer tells about itself. Opaque, and not checked yet. It is kept once, however often it is told on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record(Arc<[u8]>);

/// A record, and how long ago its peer was known to live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) age_s: u16,
    pub(super) record: Record,
}

/// At most [`TOLD_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ToldList(
    #[serde(deserialize_with = "bounded::seq::<_, _, TOLD_MAX>")] pub(super) Vec<Told>,
);

impl Message {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(FIRST_BYTE, self))
            .expect("these types always encode, and a vector always grows")
    }
}

/// Reads one message.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len(), max: MESSAGE_BYTES_MAX });
    }
    let (first, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *first != FIRST_BYTE {
        return Err(DecodeError::Version { given: *first, ours: FIRST_BYTE });
    }
    let (message, rest) = postcard::take_from_bytes(body).map_err(|_| DecodeError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(DecodeError::Malformed) }
}

impl Record {
    /// `None` if it is empty or too long.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        (1..=RECORD_BYTES_MAX).contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.0.len())
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Record;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {RECORD_BYTES_MAX} bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Record, E> {
                Record::new(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(bytes: usize) -> Record {
        Record(vec![7; bytes].into())
    }

    fn any_record() -> impl Strategy<Value = Record> {
        proptest::collection::vec(any::<u8>(), 1..=RECORD_BYTES_MAX).prop_map(|bytes| Record(bytes.into()))
    }

    fn any_told() -> impl Strategy<Value = ToldList> {
        let told = (any::<u16>(), any_record()).prop_map(|(age_s, record)| Told { age_s, record });
        proptest::collection::vec(told, 0..=TOLD_MAX).prop_map(ToldList)
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let instead = || proptest::option::of(any_record());
        let wish = prop_oneof![
            Just(Wish::Join),
            any::<u8>().prop_map(|missing| Wish::Neighbour { missing }),
            (any::<u32>(), instead()).prop_map(|(cost_us, instead)| Wish::Exchange { cost_us, instead }),
            instead().prop_map(|instead| Wish::Far { instead }),
            instead().prop_map(|instead| Wish::Merge { instead }),
        ];
        prop_oneof![
            (wish, any::<bool>(), instead()).prop_map(|(wish, kept, record)| Message::Hello {
                role: Role::Relay,
                wish,
                kept,
                record
            }),
            (any::<bool>(), instead(), instead(), any_told()).prop_map(|(far, record, instead, told)| {
                Message::Welcome { role: Role::Leaf, far, record, instead, told }
            }),
            any_told().prop_map(|told| Message::Full { told }),
            instead().prop_map(|instead| Message::Leave { reason: Leave::Exchanged, instead }),
            any_record().prop_map(|record| Message::Record { record }),
            any::<u32>().prop_map(|nonce| Message::Ping { nonce }),
            any::<u32>().prop_map(|nonce| Message::Pong { nonce }),
            (any::<u8>(), any_record()).prop_map(|(steps, record)| Message::Newcomer { steps, record }),
            (any::<u64>(), any::<u8>()).prop_map(|(walk, steps)| Message::Shuffle { walk, steps }),
            (any::<u64>(), any_told()).prop_map(|(walk, told)| Message::ShuffleReply { walk, told }),
        ]
    }

    proptest! {
        #[test]
        fn every_message_travels(message in any_message()) {
            let bytes = message.encode();
            prop_assert_eq!(decode(&bytes), Ok(message));
            prop_assert!(decode(&bytes[..bytes.len() - 1]).is_err(), "cut short");
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes);
            let _ = decode(&[&[FIRST_BYTE], &*bytes].concat());
        }
    }

    #[test]
    fn what_is_over_a_limit_is_refused() {
        let told = |count| ToldList(vec![Told { age_s: 0, record: record(1) }; count]);
        let full = |count| decode(&Message::Full { told: told(count) }.encode());
        assert!(full(TOLD_MAX).is_ok());
        assert_eq!(full(TOLD_MAX + 1), Err(DecodeError::Malformed));
        let newcomer = |bytes| decode(&Message::Newcomer { steps: 0, record: record(bytes) }.encode());
        assert!(newcomer(RECORD_BYTES_MAX).is_ok());
        assert_eq!(newcomer(RECORD_BYTES_MAX + 1), Err(DecodeError::Malformed));
        assert_eq!(newcomer(0), Err(DecodeError::Malformed));
        assert_eq!(decode(&[]), Err(DecodeError::Empty));
        assert_eq!(decode(&[2, 0]), Err(DecodeError::Version { given: 2, ours: FIRST_BYTE }));
        let long = vec![FIRST_BYTE; MESSAGE_BYTES_MAX + 1];
        assert!(matches!(decode(&long), Err(DecodeError::TooLong { .. })));
        let mut trailing = Message::Ping { nonce: 1 }.encode();
        trailing.push(0);
        assert_eq!(decode(&trailing), Err(DecodeError::Malformed));
    }

    #[test]
    fn the_largest_message_fits() {
        let told = ToldList(vec![Told { age_s: u16::MAX, record: record(RECORD_BYTES_MAX) }; TOLD_MAX]);
        let own = || Some(record(RECORD_BYTES_MAX));
        let welcome = Message::Welcome { role: Role::Leaf, far: true, record: own(), instead: own(), told };
        assert!(decode(&welcome.encode()).is_ok());
    }
}
