//! Frames: small messages to one neighbour share one.
//!
//! A frame is one byte of version and channel, then postcard-encoded [`Message`]s, one after the other: postcard says
//! where each ends. The low six bits of the first byte are the wire's version, the high two the channel: 0 is gossip.
//!
//! What is said to a neighbour at one priority, from one look at the outputs to the next, goes in one frame, in the order
//! in which it was said. Nobody waits for that: what a driver hands in before it looks again was there already, and a
//! relay that is handed ten pushes in one frame sends ten on in one frame. A delay would only add to the latency, once
//! for each hop.
//!
//! A frame that breaks in the middle is a violation, and nothing of it counts. No honest peer sends one, so what came
//! before the break is the word of a peer that is about to be disconnected; and a frame that counts whole or not at all
//! leaves one state to think about, not as many as it has messages.

use std::collections::{BTreeMap, VecDeque};

use msec_identity::PeerId;

use crate::error::DecodeError;
use crate::io::{Output, Priority};
use crate::message::{Message, WIRE_VERSION};

/// The most messages that a frame may carry. The smallest takes two bytes, so a long frame could hold very many.
pub(crate) const FRAME_MESSAGES_MAX: usize = 256;

/// What is being said, frame by frame. Emptied by the driver after each input, and bounded by what one input can cause.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Frames that take more messages. Most urgent first.
    open: BTreeMap<(Priority, PeerId), Frame>,
    /// Frames that are full.
    full: VecDeque<(Priority, PeerId, Vec<u8>)>,
}

#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    messages: usize,
}

impl Frames {
    /// Adds a message, which comes as a frame of its own. It shares one of at most `bytes_max` bytes, unless it is longer
    /// than that.
    pub(crate) fn add(&mut self, to: PeerId, priority: Priority, alone: Vec<u8>, bytes_max: usize) {
        let place = (priority, to);
        if let Some(frame) = self.open.get_mut(&place) {
            if frame.messages < FRAME_MESSAGES_MAX && frame.bytes.len() + alone.len() - 1 <= bytes_max {
                frame.bytes.extend_from_slice(&alone[1..]);
                frame.messages += 1;
                return;
            }
            // Full, or in the way of one that goes alone: order is kept.
            let bytes = std::mem::take(&mut frame.bytes);
            self.open.remove(&place);
            self.full.push_back((priority, to, bytes));
        }
        if alone.len() > bytes_max {
            self.full.push_back((priority, to, alone));
        } else {
            self.open.insert(place, Frame { bytes: alone, messages: 1 });
        }
    }

    /// The next frame to send.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        let (priority, to, bytes) = self.full.pop_front().or_else(|| {
            let ((priority, to), frame) = self.open.pop_first()?;
            Some((priority, to, frame.bytes))
        })?;
        Some(Output::Send { to, priority, bytes })
    }

    /// Nothing is said to `peer` any more.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.open.retain(|(_, to), _| *to != peer);
        self.full.retain(|(_, to, _)| *to != peer);
    }
}

/// Reads a frame of at most `bytes_max` bytes: one message or more.
pub(crate) fn decode(bytes: &[u8], bytes_max: usize) -> Result<Vec<Message<'_>>, DecodeError> {
    if bytes.len() > bytes_max {
        return Err(DecodeError::TooLong { bytes: bytes.len(), max: bytes_max });
    }
    let (version, mut rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *version != WIRE_VERSION {
        return Err(DecodeError::Version { given: *version, ours: WIRE_VERSION });
    }
    if rest.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut messages = Vec::new();
    while !rest.is_empty() {
        if messages.len() == FRAME_MESSAGES_MAX {
            return Err(DecodeError::TooMany { max: FRAME_MESSAGES_MAX });
        }
        let (message, after) = Message::decode(rest)?;
        messages.push(message);
        rest = after;
    }
    Ok(messages)
}

/// The payloads that a frame carries, in their order; none of what is no frame. For those who look at links, as simulators do:
/// a node is handed what is for it.
pub fn payloads(frame: &[u8]) -> Vec<&[u8]> {
    let messages = decode(frame, frame.len()).unwrap_or_default();
    let payload = messages.into_iter().filter_map(|message| match message {
        Message::Push { payload, .. } | Message::Chunk { payload, .. } => Some(payload.0),
        _ => None,
    });
    payload.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::item::Key;
    use crate::message::{Payload, WantId};

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);

    fn want(n: u64) -> Message<'static> {
        Message::Want { id: WantId(9), key: Key([7; 32]), from: n, kib_max: 1 << 30 }
    }

    fn sent(frames: &mut Frames) -> Vec<(PeerId, Priority, Vec<u8>)> {
        let sent = std::iter::from_fn(|| frames.pop()).map(|output| match output {
            Output::Send { to, priority, bytes } => (to, priority, bytes),
            other => panic!("{other:?}"),
        });
        sent.collect()
    }

    #[test]
    fn what_is_said_to_one_neighbour_shares_a_frame_and_the_urgent_goes_first() {
        let mut frames = Frames::default();
        for n in 0..3 {
            frames.add(A, Priority::Live, want(n).encode(), 999);
            frames.add(B, Priority::Live, want(n + 10).encode(), 999);
        }
        frames.add(B, Priority::Control, want(20).encode(), 999);
        let sent = sent(&mut frames);
        let read: Vec<_> =
            sent.iter().map(|(to, priority, bytes)| (*to, *priority, decode(bytes, 999).unwrap())).collect();
        assert_eq!(
            read,
            [
                (B, Priority::Control, vec![want(20)]),
                (A, Priority::Live, (0..3).map(want).collect()),
                (B, Priority::Live, (10..13).map(want).collect()),
            ]
        );
    }

    #[test]
    fn nothing_is_said_to_who_is_gone() {
        let mut frames = Frames::default();
        for peer in [A, B] {
            frames.add(peer, Priority::Live, vec![WIRE_VERSION; 100], 50);
            frames.add(peer, Priority::Live, want(1).encode(), 50);
        }
        frames.forget(A);
        assert_eq!(sent(&mut frames).iter().map(|(to, ..)| *to).collect::<Vec<_>>(), [B, B]);
    }

    #[test]
    fn what_breaks_in_the_middle_counts_for_nothing() {
        let mut bytes = want(1).encode();
        assert_eq!(decode(&bytes[..1], 999), Err(DecodeError::Empty));
        bytes.push(0xff);
        assert_eq!(decode(&bytes, 999), Err(DecodeError::Malformed));
        assert_eq!(
            decode(&[0x42, 1], 999),
            Err(DecodeError::Version { given: 0x42, ours: WIRE_VERSION }),
            "the overlay's channel is not gossip's"
        );
    }

    #[test]
    fn no_frame_holds_more_messages_than_are_read() {
        let mut frames = Frames::default();
        for _ in 0..=FRAME_MESSAGES_MAX {
            frames.add(
                A,
                Priority::Live,
                Message::Want { id: WantId(0), key: Key([0; 32]), from: 0, kib_max: 0 }.encode(),
                9_999,
            );
        }
        let mut lengths = Vec::new();
        let mut whole = vec![WIRE_VERSION];
        for (_, _, bytes) in sent(&mut frames) {
            lengths.push(decode(&bytes, 9_999).unwrap().len());
            whole.extend_from_slice(&bytes[1..]);
        }
        assert_eq!(lengths, [FRAME_MESSAGES_MAX, 1]);
        assert_eq!(decode(&whole, 9_999), Err(DecodeError::TooMany { max: FRAME_MESSAGES_MAX }));
    }

    proptest! {
        #[test]
        fn all_arrives_in_order_and_frames_stay_in_their_bound(
            lengths in prop::collection::vec(0usize..200, 0..60), bytes_max in 0usize..300,
        ) {
            let bodies: Vec<Vec<u8>> = lengths.iter().map(|length| vec![9; *length]).collect();
            let message = |n: usize| Message::Chunk { id: WantId(n as u64), payload: Payload(&bodies[n]) };
            let mut frames = Frames::default();
            for n in 0..bodies.len() {
                frames.add(A, Priority::Live, message(n).encode(), bytes_max);
            }
            let sent = sent(&mut frames);
            let mut read = Vec::new();
            for (_, _, bytes) in &sent {
                let messages = decode(bytes, 999).unwrap();
                prop_assert!(bytes.len() <= bytes_max || messages.len() == 1);
                read.extend(messages);
            }
            prop_assert_eq!(read, (0..bodies.len()).map(message).collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, 200);
            let mut versioned = vec![WIRE_VERSION];
            versioned.extend(bytes);
            let _ = decode(&versioned, 200);
        }
    }

    #[test]
    fn who_looks_at_a_link_sees_what_is_carried() {
        let mut frames = Frames::default();
        let chunk = Message::Chunk { id: WantId(1), payload: Payload(b"of a log") };
        frames.add(A, Priority::Live, want(1).encode(), 999);
        frames.add(A, Priority::Live, chunk.encode(), 999);
        let Some(Output::Send { bytes, .. }) = frames.pop() else { panic!("nothing was said") };
        assert_eq!(payloads(&bytes), [b"of a log"]);
        assert!(payloads(&bytes[..bytes.len() - 1]).is_empty() && payloads(b"").is_empty());
    }
}
