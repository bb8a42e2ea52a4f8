//! Bytes from a socket, cut into packets.
//!
//! `mqtt-proto` parses what is inside of a packet. What it must not decide stands here: how long a packet may be is looked at
//! before any of it is kept, and a packet that is longer than what is in it is malformed.

use mqtt_proto::v3::{Connect, ConnectReturnCode, Header, PacketType, Publish, Subscribe, Unsubscribe};
use mqtt_proto::{Error, Pid};

/// A packet that a client may send to a server which it is subscribed to nothing at.
#[derive(Debug)]
pub(super) enum Packet {
    Connect(Box<Connect>),
    Publish(Box<Publish>),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Ping,
    Disconnect,
}

/// Bytes that are no packet. The connection ends with them.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// Longer than is taken.
    #[error("a packet of {bytes} bytes, where {max} are the most")]
    TooLong { bytes: usize, max: usize },
    /// Not what the standard says.
    #[error("a malformed packet: {0}")]
    Malformed(#[from] Error),
    /// A packet that no client sends here.
    #[error("a packet of type {0:?}, which no client sends to a server that sends it nothing")]
    Unexpected(PacketType),
}

/// How many whole packets these bytes hold; `None` if one is longer than that, malformed, or none that a client sends. This is
/// what a session does with what it reads, for whoever wants to see that no byte breaks it.
pub fn count_packets(bytes: &[u8], packet_bytes_max: usize) -> Option<usize> {
    let mut frames = Frames::new(packet_bytes_max);
    frames.add(bytes);
    let mut count = 0;
    while frames.next().ok()?.is_some() {
        count += 1;
    }
    Some(count)
}

/// What has come, and is no whole packet yet: at most one packet, and what was read with its end.
#[derive(Debug)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    /// Everything before it was taken.
    start: usize,
    packet_bytes_max: usize,
}

impl Frames {
    /// For packets of at most so many bytes.
    pub(super) fn new(packet_bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, packet_bytes_max }
    }

    /// Adds what was read. Whoever calls it has taken all packets that were whole before.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next packet; `None` until more has come.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, FrameError> {
        let waiting = &self.bytes[self.start..];
        let Some((first, length, header_bytes)) = header(waiting)? else { return Ok(None) };
        let total = header_bytes + length;
        if total > self.packet_bytes_max {
            return Err(FrameError::TooLong { bytes: total, max: self.packet_bytes_max });
        }
        let header = Header::new_with(first, length as u32, total as u32)?;
        let Some(body) = waiting.get(header_bytes..total) else { return Ok(None) };
        let packet = parse(header, body).map_err(|error| match error {
            // All of it is here: what reads on beyond the end is malformed.
            FrameError::Malformed(error) if error.is_eof() => Error::InvalidRemainingLength.into(),
            error => error,
        })?;
        self.start += total;
        if self.start == self.bytes.len() {
            // An idle session keeps no buffer.
            self.bytes = Vec::new();
            self.start = 0;
        }
        Ok(Some(packet))
    }
}

/// First byte, remaining length, and how many bytes both take; `None` until they are whole.
fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Error> {
    /// The remaining length has at most four bytes (section 2.2.3).
    const LENGTH_BYTES_MAX: usize = 4;
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut length = 0;
    for (i, byte) in rest.iter().take(LENGTH_BYTES_MAX).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((*first, length, i + 2)));
        }
    }
    if rest.len() < LENGTH_BYTES_MAX { Ok(None) } else { Err(Error::InvalidVarByteInt) }
}

fn parse(header: Header, body: &[u8]) -> Result<Packet, FrameError> {
    let mut read = 0;
    let packet = match header.typ {
        PacketType::Connect => Packet::Connect(Box::new(Connect::decode(body, &mut read)?)),
        PacketType::Publish => Packet::Publish(Box::new(Publish::decode(body, &mut read, header)?)),
        PacketType::Subscribe => Packet::Subscribe(Subscribe::decode(body, &mut read, header)?),
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe::decode(body, &mut read, header)?),
        PacketType::Pingreq => Packet::Ping,
        PacketType::Disconnect => Packet::Disconnect,
        other => return Err(FrameError::Unexpected(other)),
    };
    if read != body.len() {
        return Err(Error::InvalidRemainingLength.into());
    }
    Ok(packet)
}

/// A CONNACK. No session is ever present.
pub(super) fn connack(code: ConnectReturnCode) -> [u8; 4] {
    [0x20, 2, 0, code as u8]
}

/// A PUBACK.
pub(super) fn puback(pid: Pid) -> [u8; 4] {
    let [high, low] = pid.value().to_be_bytes();
    [0x40, 2, high, low]
}

/// An UNSUBACK.
pub(super) fn unsuback(pid: Pid) -> [u8; 4] {
    let [high, low] = pid.value().to_be_bytes();
    [0xb0, 2, high, low]
}

/// A PINGRESP.
pub(super) const PINGRESP: [u8; 2] = [0xd0, 0];

/// A SUBACK that says of so many filters that they are not subscribed to. The codec would write another code.
pub(super) fn suback_failures(pid: Pid, filters: usize) -> Vec<u8> {
    const FAILURE: u8 = 0x80;
    let mut bytes = vec![0x90];
    let mut length = filters + 2;
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(pid.value().to_be_bytes());
    bytes.resize(bytes.len() + filters, FAILURE);
    bytes
}

#[cfg(test)]
mod tests {
    use mqtt_proto::{QosPid, TopicName, v3};
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 200;

    /// Feeds bytes in pieces, and counts packets until something is wrong.
    fn feed<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Packet>, Option<FrameError>) {
        let (mut frames, mut packets) = (Frames::new(MAX), Vec::new());
        for piece in pieces {
            frames.add(piece);
            loop {
                match frames.next() {
                    Ok(Some(packet)) => packets.push(packet),
                    Ok(None) => break,
                    Err(error) => return (packets, Some(error)),
                }
            }
            assert!(frames.bytes.len() - frames.start < MAX + piece.len(), "no more is kept than a packet");
        }
        (packets, None)
    }

    fn publish(payload: usize) -> Vec<u8> {
        let topic = TopicName::try_from("a/b").expect("a topic");
        let pid = Pid::try_from(7).expect("an identifier");
        let publish = Publish::new(QosPid::Level1(pid), topic, vec![b'1'; payload].into());
        v3::Packet::from(publish).encode().expect("encodes").as_ref().to_vec()
    }

    #[test]
    fn packets_come_whole_however_they_are_cut() {
        let bytes: Vec<u8> = [publish(3), vec![0xc0, 0], publish(100), vec![0xe0, 0]].concat();
        for size in 1..bytes.len() {
            let (packets, error) = feed(bytes.chunks(size));
            assert!(error.is_none(), "{error:?}");
            assert!(matches!(
                packets[..],
                [Packet::Publish(_), Packet::Ping, Packet::Publish(_), Packet::Disconnect]
            ));
        }
    }

    #[test]
    fn packets_are_counted() {
        let bytes = [publish(3), vec![0xc0, 0, 0x30]].concat();
        assert_eq!(count_packets(&bytes, MAX), Some(2), "the third is not whole");
        assert_eq!((count_packets(&bytes, 3), count_packets(&[0xf0, 0], MAX)), (None, None));
    }

    #[test]
    fn a_packet_too_long_is_refused_by_its_header_alone() {
        let (_, error) = feed([&[0x30, 0xff, 0xff, 0xff, 0x7f][..]]);
        assert!(matches!(error, Some(FrameError::TooLong { bytes: 268_435_460, max: MAX })), "{error:?}");
        assert!(feed([&publish(MAX - 10)[..]]).1.is_none(), "one that just fits");
        assert!(matches!(feed([&publish(MAX - 9)[..]]).1, Some(FrameError::TooLong { .. })));
    }

    #[test]
    fn what_the_standard_does_not_allow_is_malformed() {
        for bytes in [
            &[0x00, 0][..],                                              // no such packet
            &[0xf0, 0],                                                  // nor this
            &[0x36, 0],                                                  // QoS 3
            &[0xc1, 0],                                                  // flags where there are none
            &[0xc0, 1, 0],                                               // a ping with a body
            &[0x80, 3, 0, 1, 0],                                         // SUBSCRIBE without its flag
            &[0x30, 0x80, 0x80, 0x80, 0x80],                             // a length of five bytes
            &[0x32, 5, 0, 1, b'a', 0, 0],                                // packet identifier 0
            &[0x30, 3, 0, 9, b'a'],                                      // a topic longer than its packet
            &[0x30, 4, 0, 2, b'+', b'a'],                                // a wildcard in a topic
            &[0x30, 3, 0, 1, 0xff],                                      // a topic that is no text
            &[0x82, 2, 0, 1],                                            // nothing to subscribe to
            &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 3, 0, 0, 0, 0], // a reserved flag of CONNECT
        ] {
            assert!(matches!(feed([bytes]).1, Some(FrameError::Malformed(_))), "{bytes:x?}");
        }
        for bytes in [&[0x20, 2, 0, 0][..], &[0x40, 2, 0, 1], &[0x62, 2, 0, 1], &[0xd0, 0]] {
            assert!(matches!(feed([bytes]).1, Some(FrameError::Unexpected(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn answers_are_what_the_codec_reads() {
        let pid = Pid::try_from(0x1234).expect("an identifier");
        let read = |bytes: &[u8]| v3::Packet::decode(bytes).expect("well-formed").expect("whole");
        assert_eq!(read(&puback(pid)), v3::Packet::Puback(pid));
        assert_eq!(read(&unsuback(pid)), v3::Packet::Unsuback(pid));
        assert_eq!(read(&PINGRESP), v3::Packet::Pingresp);
        for code in [ConnectReturnCode::Accepted, ConnectReturnCode::NotAuthorized] {
            assert_eq!(read(&connack(code)), v3::Connack::new(false, code).into());
        }
        for filters in [1, 125, 126, 20_000] {
            let codes = vec![v3::SubscribeReturnCode::Failure; filters];
            assert_eq!(read(&suback_failures(pid, filters)), v3::Suback::new(pid, codes).into());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512), size in 1usize..64) {
            feed(bytes.chunks(size));
        }

        #[test]
        fn damaged_packets_never_panic(
            kind in prop::sample::select(vec![0x10u8, 0x30, 0x32, 0x34, 0x82, 0xa2, 0x3b]),
            body in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(4), any::<u8>()], 0..120),
        ) {
            let bytes = [&[kind, body.len() as u8][..], &body].concat();
            feed([&bytes[..]]);
        }

        #[test]
        fn damaged_connects_never_panic(tail in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..60)) {
            let body = [&[0, 4, b'M', b'Q', b'T', b'T', 4][..], &tail].concat();
            feed([&[&[0x10, body.len() as u8][..], &body].concat()[..]]);
        }
    }
}
