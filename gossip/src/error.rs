//! What can go wrong, and who is to blame.

use crate::area::INTEREST_CELLS_MAX;
use crate::interest::INTEREST_PREFIXES_MAX;
use crate::item::TOPIC_BYTES_MAX;

/// Text that is not a topic. Our own caller, or the peer whose message it came in, is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TopicError {
    /// Nothing, or nothing but slashes.
    #[error("a topic needs at least one segment")]
    Empty,
    /// Over [`TOPIC_BYTES_MAX`], counted with the trailing slash.
    #[error("a topic of {bytes} bytes is over the limit of {TOPIC_BYTES_MAX}: shorten the path")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Two slashes in a row.
    #[error("a topic has an empty segment: remove the doubled slash")]
    EmptySegment,
    /// A character that people can't see and terminals obey.
    #[error("a topic holds a control character")]
    ControlCharacter,
    /// Not spelled as [`crate::Topic::new`] would spell it, or at no spot that there is. Only a peer can be guilty of this.
    #[error("a topic is not in its canonical spelling")]
    NotCanonical,
}

/// Prefixes, or an area, that are not an interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InterestError {
    /// One of the prefixes is no path.
    #[error("a prefix is not a path")]
    Prefix(#[from] TopicError),
    /// Over [`INTEREST_PREFIXES_MAX`].
    #[error("an interest has at most {max} prefixes: name a common parent instead")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A place off the Earth, a radius that is none, or a southern corner north of the northern one.
    #[error(
        "an area needs degrees north from -90 to 90 and east from -180 to 180, and a radius in metres or a corner in the north-east"
    )]
    Area,
    /// Unordered, doubled, or one within another. Only a peer can be guilty of this.
    #[error(
        "an interest is not in its canonical order (at most {INTEREST_PREFIXES_MAX} prefixes and {INTEREST_CELLS_MAX} cells, none within another)"
    )]
    NotCanonical,
}

/// A [`crate::Config`] that can't work. Whoever wrote it is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConfigError {
    /// A limit or an interval is zero: nothing would move, or a timer would never rest.
    #[error("`{field}` is zero: give it a positive value")]
    Zero {
        /// Which field.
        field: &'static str,
    },
    /// Two fields contradict each other.
    #[error("`{smaller}` must not be over `{larger}`")]
    Order {
        /// The field that is too large.
        smaller: &'static str,
        /// The field that it is measured against.
        larger: &'static str,
    },
    /// More items a message than any peer decodes.
    #[error("`list_max` is {given}, over the wire format's limit of {max}")]
    ListMax {
        /// The value.
        given: usize,
        /// The limit.
        max: usize,
    },
    /// More trees than a message tells of.
    #[error("`trees_max` is {given}, over the wire format's limit of {max}")]
    TreesMax {
        /// The value.
        given: usize,
        /// The limit.
        max: usize,
    },
    /// A full list, or a full push, would not fit into a message.
    #[error("`message_bytes_max` is {given}: with these other limits it must be at least {needed}")]
    MessageBytesMax {
        /// The value.
        given: usize,
        /// The least that works.
        needed: usize,
    },
}

impl ConfigError {
    /// The first field that is zero, of fields that must not be.
    pub(crate) fn of_zeros<const N: usize>(fields: [(&'static str, bool); N]) -> Result<(), Self> {
        let zero = fields.into_iter().find(|(_, is_zero)| *is_zero);
        zero.map_or(Ok(()), |(field, _)| Err(Self::Zero { field }))
    }

    /// The first pair of fields that are in the wrong order.
    pub(crate) fn of_orders<const N: usize>(
        pairs: [(&'static str, &'static str, bool); N],
    ) -> Result<(), Self> {
        let broken = pairs.into_iter().find(|(.., is_broken)| *is_broken);
        broken.map_or(Ok(()), |(smaller, larger, _)| Err(Self::Order { smaller, larger }))
    }
}

/// Bytes off the wire that are no frame of messages.
///
/// The peer is incompatible if it is [`DecodeError::Version`], and misbehaves in all other cases; we are never to
/// blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// No message at all.
    #[error("an empty frame")]
    Empty,
    /// Refused unread.
    #[error("a frame of {bytes} bytes is over the limit of {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// [`crate::Config::message_bytes_max`].
        max: usize,
    },
    /// The peer is incompatible.
    #[error("wire version {given}; this peer speaks {ours}")]
    Version {
        /// The frame's first byte.
        given: u8,
        /// What we speak.
        ours: u8,
    },
    /// Cut short, of an unknown kind, over one of the format's limits, or not canonical. Postcard's own error says no
    /// more than that, so it is not kept.
    #[error("a malformed message")]
    Malformed,
    /// More messages than a frame may hold.
    #[error("a frame of more than {max} messages")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// Its ranges overlap, or its items are unordered, doubled, or outside the list's range.
    #[error("a message whose parts are out of order or out of range")]
    Disordered,
    /// A message that may not come at this point, such as a second greeting.
    #[error("a message out of turn")]
    OutOfTurn,
}
