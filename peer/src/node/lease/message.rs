//! What peers say to each other about freshness: the bytes of channel 2, which `docs/wire.md` writes down for others.
//!
//! A frame is one message. Numbers have a fixed length and what has none fills the rest, so that there is one spelling.

use msec_identity::{Question, WAY_STEPS_MAX, Way};

/// The first byte of every message: version 2 in the low six bits, channel 2 in the high two.
pub(super) const FIRST_BYTE: u8 = 0x82;

/// As many hops as nobody is away. The most that is said.
pub(super) const HOPS_MAX: u8 = 16;

/// The longest beat, as it travels: it names 32 logs. A longer one is malformed.
pub(super) const BEAT_BYTES_MAX: usize = 3_072;

/// The longest message: an answer of so many steps, with such a beat.
pub(super) const MESSAGE_BYTES_MAX: usize = 15 + 32 * WAY_STEPS_MAX + BEAT_BYTES_MAX;

const NEAR: u8 = 0;
const ASK: u8 = 1;
const ANSWER: u8 = 2;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// An issuer is so many hops from the sender: 0 is the sender itself, [`HOPS_MAX`] that it knows none, or that its way is over
    /// the receiver.
    Near { hops: u8 },
    /// Answer that. The sender chooses the id, which comes back.
    Ask { id: u32, question: Question },
    /// The way from the question with that id to what the beat is of.
    Answer { id: u32, way: Way, beat: Vec<u8> },
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::node) enum MessageError {
    /// More than a message may have.
    #[error("{bytes} bytes are too many for a message about freshness")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// It begins or ends otherwise than a message does.
    #[error("this is no message about freshness")]
    Malformed,
}

impl Message {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FIRST_BYTE];
        match self {
            Self::Near { hops } => bytes.extend([NEAR, *hops]),
            Self::Ask { id, question } => {
                bytes.push(ASK);
                bytes.extend(id.to_be_bytes());
                bytes.extend(question.0);
            }
            Self::Answer { id, way, beat } => {
                let (beside, left) = way.parts();
                bytes.push(ANSWER);
                bytes.extend(id.to_be_bytes());
                // At most 64.
                bytes.push(beside.len() as u8);
                bytes.extend(left.to_be_bytes());
                beside.iter().for_each(|question| bytes.extend(question.0));
                bytes.extend(beat);
            }
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLong { bytes: bytes.len() });
        }
        Self::parse(bytes).ok_or(MessageError::Malformed)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        let (kind, mut rest) = rest.split_first().filter(|_| *first == FIRST_BYTE)?;
        let message = match *kind {
            NEAR => {
                let [hops] = take(&mut rest)?;
                Self::Near { hops: (hops <= HOPS_MAX).then_some(hops)? }
            }
            ASK => {
                let id = u32::from_be_bytes(take(&mut rest)?);
                Self::Ask { id, question: Question(take(&mut rest)?) }
            }
            ANSWER => {
                let id = u32::from_be_bytes(take(&mut rest)?);
                let [steps] = take(&mut rest)?;
                let left = u64::from_be_bytes(take(&mut rest)?);
                let beside = (0..steps).map(|_| take(&mut rest).map(Question)).collect::<Option<_>>()?;
                let way = Way::from_parts(beside, left)?;
                let beat = std::mem::take(&mut rest);
                let is_beat = (1..=BEAT_BYTES_MAX).contains(&beat.len());
                Self::Answer { id, way, beat: is_beat.then(|| beat.to_vec())? }
            }
            _ => return None,
        };
        rest.is_empty().then_some(message)
    }
}

/// So many bytes from the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each of them, as it stands in `peer/vectors/freshness.txt`.
    fn examples() -> Vec<(&'static str, Message)> {
        let question = |n: u8| Question([n; 32]);
        let way = Way::from_parts(vec![question(0xb1), question(0xb2)], 0b10).expect("a way");
        vec![
            ("near, the sender issues", Message::Near { hops: 0 }),
            ("near, no way", Message::Near { hops: HOPS_MAX }),
            ("ask", Message::Ask { id: 7, question: question(0xa1) }),
            ("answer, alone", Message::Answer { id: 7, way: Way::default(), beat: b"beat".to_vec() }),
            ("answer, two steps", Message::Answer { id: 1 << 31, way, beat: b"beat".to_vec() }),
        ]
    }

    #[test]
    fn the_bytes_are_those_of_the_vectors() {
        let vectors = include_str!("../../../vectors/freshness.txt");
        let lines: Vec<_> =
            vectors.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let examples = examples();
        assert_eq!(lines.len(), examples.len());
        for (line, (name, message)) in lines.iter().zip(examples) {
            let hex: String = message.encode().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(*line, format!("{name}: {hex}"));
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn what_is_too_long_cut_short_or_spelled_otherwise_is_refused() {
        for (name, message) in examples() {
            let bytes = message.encode();
            // A shorter beat is a beat.
            let whole = bytes.len() - if name.starts_with("answer") { 4 } else { 1 };
            for length in 0..=whole {
                assert_eq!(
                    Message::decode(&bytes[..length]),
                    Err(MessageError::Malformed),
                    "{name}: {length}"
                );
            }
        }
        assert_eq!(Message::decode(&[FIRST_BYTE, NEAR, 17]), Err(MessageError::Malformed));
        assert_eq!(Message::decode(&[FIRST_BYTE, NEAR, 1, 0]), Err(MessageError::Malformed));
        assert_eq!(Message::decode(&[0x42, NEAR, 1]), Err(MessageError::Malformed));
        let long = Message::Answer { id: 0, way: Way::default(), beat: vec![0; BEAT_BYTES_MAX + 1] };
        assert_eq!(Message::decode(&long.encode()), Err(MessageError::Malformed));
        let bytes = MESSAGE_BYTES_MAX + 1;
        assert_eq!(Message::decode(&vec![FIRST_BYTE; bytes]), Err(MessageError::TooLong { bytes }));
    }

    #[test]
    fn the_longest_answer_is_as_long_as_a_message_may_be() {
        let way = Way::from_parts(vec![Question([1; 32]); WAY_STEPS_MAX], u64::MAX).expect("a way");
        let longest = Message::Answer { id: 0, way, beat: vec![0; BEAT_BYTES_MAX] };
        assert_eq!(longest.encode().len(), MESSAGE_BYTES_MAX);
        assert_eq!(Message::decode(&longest.encode()), Ok(longest));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(kind in 0u8..4, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
            let bytes = [&[FIRST_BYTE, kind], &bytes[..]].concat();
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }
    }
}
