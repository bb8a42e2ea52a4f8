//! TLS 1.3 as far as QUIC sees it: the messages of its handshake in their order and sizes, and nothing secret in them.
//!
//! Transitions (RFC 8446, section 2): a client says hello and waits for the server's; the server answers with its hello,
//! goes on with the rest (its key, its signature, its end) and waits for the client's end. A hello carries 32 random
//! bytes and the transport parameters. From both sides' random bytes follow the keys and what the exporter gives, so that
//! both ends come to the same channel binding, and no two connections to one.

use std::any::Any;
use std::sync::{Arc, Mutex};

use msec_peer::wire::{CLIENT_FINISHED_BYTES, CLIENT_HELLO_BYTES, SERVER_HELLO_BYTES, SERVER_REST_BYTES};
use quinn_proto::crypto::{
    ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session,
    UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportError, TransportErrorCode};

use super::keys;
use crate::seed::Dice;

/// The length of a message stands first, then random bytes, if it has some.
const LENGTH_BYTES: usize = 2;
const RANDOM_BYTES: usize = 32;

/// What sessions of one peer are made of.
pub(super) struct NullTls {
    /// For the random bytes of hellos. quinn-proto shares its configuration, hence the lock.
    dice: Mutex<Dice>,
}

impl NullTls {
    pub(super) fn new(dice: Dice) -> Self {
        Self { dice: Mutex::new(dice) }
    }

    fn session(&self, side: Side, parameters: &TransportParameters) -> Box<dyn Session> {
        let mut encoded = Vec::new();
        parameters.write(&mut encoded);
        Box::new(NullSession {
            side,
            random: self.dice.lock().expect("nobody panics while holding this lock").bytes(),
            other_random: [0; RANDOM_BYTES],
            parameters: encoded,
            other_parameters: None,
            step: if side.is_client() { Step::SayHello } else { Step::AwaitHello },
            unread: Vec::new(),
            greeted: false,
            updates: 0,
        })
    }
}

impl ClientConfig for NullTls {
    fn start_session(
        self: Arc<Self>,
        _version: u32,
        _server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        Ok(self.session(Side::Client, params))
    }
}

impl ServerConfig for NullTls {
    fn initial_keys(&self, _version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        Ok(keys::level(dst_cid, "initial", Side::Server))
    }

    fn retry_tag(&self, _version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        keys::tag("retry", &[orig_dst_cid, packet])
    }

    fn start_session(self: Arc<Self>, _version: u32, params: &TransportParameters) -> Box<dyn Session> {
        self.session(Side::Server, params)
    }
}

/// One side of a handshake.
struct NullSession {
    side: Side,
    random: [u8; RANDOM_BYTES],
    other_random: [u8; RANDOM_BYTES],
    parameters: Vec<u8>,
    other_parameters: Option<Vec<u8>>,
    step: Step,
    /// What has come of a message that is not complete.
    unread: Vec<u8>,
    /// Whether the other side's hello was reported.
    greeted: bool,
    /// Key updates so far.
    updates: u64,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The client's first message is to be written.
    SayHello,
    /// The other side's hello is to be read.
    AwaitHello,
    /// Both hellos are known, or this side's is to be written: the keys of the handshake are to be handed out.
    HandshakeKeys,
    /// The server's rest is to be written.
    SayRest,
    /// The server's rest is to be read.
    AwaitRest,
    /// The client's last message is to be written.
    SayFinished,
    /// The client's last message is to be read.
    AwaitFinished,
    Done,
}

impl NullSession {
    /// Known to both sides once both hellos were read.
    fn secret(&self) -> [u8; 32] {
        let (client, server) = match self.side {
            Side::Client => (&self.random, &self.other_random),
            Side::Server => (&self.other_random, &self.random),
        };
        keys::derive("secret", &[client, server])
    }

    /// Takes in a complete message.
    fn take(&mut self, message: &[u8]) -> Result<(), TransportError> {
        let body = &message[LENGTH_BYTES..];
        match (self.step, self.side) {
            (Step::AwaitHello, side) => {
                let (random, rest) = body.split_first_chunk().ok_or_else(|| refused("a short hello"))?;
                self.other_random = *random;
                if side.is_server() {
                    let length = message.len().saturating_sub(CLIENT_HELLO_BYTES);
                    let parameters = rest.get(..length).ok_or_else(|| refused("a short hello"))?;
                    self.other_parameters = Some(parameters.to_vec());
                }
                self.step = Step::HandshakeKeys;
            }
            (Step::AwaitRest, _) => {
                let length = message.len().saturating_sub(SERVER_REST_BYTES);
                let parameters = body.get(..length).ok_or_else(|| refused("a short answer"))?;
                self.other_parameters = Some(parameters.to_vec());
                self.step = Step::SayFinished;
            }
            (Step::AwaitFinished, _) => self.step = Step::Done,
            _ => return Err(refused("a message out of turn")),
        }
        Ok(())
    }
}

impl Session for NullSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        keys::level(dst_cid, "initial", side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.greeted.then(|| Box::new(()) as Box<dyn Any>)
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        None
    }

    fn is_handshaking(&self) -> bool {
        self.step != Step::Done
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        self.unread.extend_from_slice(buf);
        while let Some(length) = self.unread.first_chunk::<LENGTH_BYTES>() {
            let length = usize::from(u16::from_be_bytes(*length)).max(LENGTH_BYTES);
            if self.unread.len() < length {
                break;
            }
            let message: Vec<u8> = self.unread.drain(..length).collect();
            self.take(&message)?;
        }
        let first = !self.greeted && self.step != Step::AwaitHello;
        self.greeted |= first;
        Ok(first)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(encoded) = &self.other_parameters else { return Ok(None) };
        Ok(Some(TransportParameters::read(self.side, &mut encoded.as_slice())?))
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        match (self.step, self.side) {
            (Step::SayHello, _) => {
                let size = CLIENT_HELLO_BYTES + self.parameters.len();
                write_message(buf, size, &[&self.random, &self.parameters]);
                self.step = Step::AwaitHello;
                None
            }
            (Step::HandshakeKeys, side) => {
                if side.is_server() {
                    write_message(buf, SERVER_HELLO_BYTES, &[&self.random]);
                }
                self.step = if side.is_server() { Step::SayRest } else { Step::AwaitRest };
                Some(keys::level(&self.secret(), "handshake", side))
            }
            (Step::SayRest, side) => {
                let size = SERVER_REST_BYTES + self.parameters.len();
                write_message(buf, size, &[&self.parameters]);
                self.step = Step::AwaitFinished;
                Some(keys::level(&self.secret(), "1-RTT", side))
            }
            (Step::SayFinished, side) => {
                write_message(buf, CLIENT_FINISHED_BYTES, &[]);
                self.step = Step::Done;
                Some(keys::level(&self.secret(), "1-RTT", side))
            }
            (Step::AwaitHello | Step::AwaitRest | Step::AwaitFinished | Step::Done, _) => None,
        }
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.updates += 1;
        let secret = keys::derive("update", &[&self.secret(), &self.updates.to_le_bytes()]);
        Some(keys::packet_keys(&secret, "1-RTT", self.side))
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        let Some((token, found)) = payload.split_last_chunk::<16>() else { return false };
        keys::tag("retry", &[orig_dst_cid, &[header, token].concat()]) == *found
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        keys::expand("export", &[&self.secret(), label, context], output);
        Ok(())
    }
}

/// A message of that size: its length, what it carries, and zeros for what TLS would say besides.
fn write_message(buf: &mut Vec<u8>, size: usize, parts: &[&[u8]]) {
    let (start, length) = (buf.len(), u16::try_from(size).expect("a message fits into a few datagrams"));
    buf.extend_from_slice(&length.to_be_bytes());
    parts.iter().for_each(|part| buf.extend_from_slice(part));
    debug_assert!(buf.len() - start <= size, "a message is no shorter than what it carries");
    buf.resize(start + size, 0);
}

fn refused(reason: &str) -> TransportError {
    TransportError { code: TransportErrorCode::PROTOCOL_VIOLATION, frame: None, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Both sides of a handshake, each message in two pieces, and the sizes of the messages.
    fn handshake(seed: u64) -> ([Box<dyn Session>; 2], Vec<usize>) {
        let tls = |index| Arc::new(NullTls::new(Seed(seed).dice("test", index)));
        let parameters = TransportParameters::read(Side::Client, &mut [4u8, 1, 9].as_slice()).expect("valid");
        let client = ClientConfig::start_session(tls(0), 1, "msec", &parameters).expect("a session");
        let server = ServerConfig::start_session(tls(1), 1, &parameters);
        let (mut sides, mut sizes) = ([client, server], Vec::new());
        for (from, messages) in [(0, 1), (1, 2), (0, 1)] {
            for _ in 0..messages {
                let mut message = Vec::new();
                while message.is_empty() {
                    sides[from].write_handshake(&mut message);
                }
                sizes.push(message.len());
                let (one, two) = message.split_at(message.len() / 2);
                assert!(!sides[1 - from].read_handshake(one).expect("in turn"));
                sides[1 - from].read_handshake(two).expect("in turn");
                if from == 1 && sizes.len() == 2 {
                    assert!(sides[0].write_handshake(&mut Vec::new()).is_some(), "keys of the handshake");
                }
            }
        }
        (sides, sizes)
    }

    fn binding(side: &dyn Session) -> [u8; 32] {
        let mut bytes = [0; 32];
        side.export_keying_material(&mut bytes, b"label", b"").expect("exported");
        bytes
    }

    #[test]
    fn both_ends_come_to_one_binding_and_no_two_connections_do() {
        let ([client, server], sizes) = handshake(1);
        assert!(!client.is_handshaking() && !server.is_handshaking());
        assert_eq!(binding(&*client), binding(&*server));
        assert_ne!(binding(&*client), binding(&*handshake(2).0[0]));
        assert!(client.transport_parameters().expect("valid").is_some());
        assert!(server.transport_parameters().expect("valid").is_some());
        // Three bytes of parameters are in two of them.
        let told = [CLIENT_HELLO_BYTES + 3, SERVER_HELLO_BYTES, SERVER_REST_BYTES + 3, CLIENT_FINISHED_BYTES];
        assert_eq!(sizes, told);
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let ([mut client, _], _) = handshake(1);
        assert!(client.read_handshake(&[0, 3, 1]).is_err(), "it is over");
        let server = Arc::new(NullTls::new(Seed(1).dice("test", 0)));
        let parameters = TransportParameters::read(Side::Client, &mut [].as_slice()).expect("valid");
        for hello in [[0, 0].as_slice(), &[0, 5, 1, 2, 3], &[0; 2]] {
            let mut server = ServerConfig::start_session(server.clone(), 1, &parameters);
            assert!(server.read_handshake(hello).is_err());
        }
    }

    #[test]
    fn a_retry_is_checked() {
        let tls = Arc::new(NullTls::new(Seed(1).dice("test", 0)));
        let parameters = TransportParameters::read(Side::Client, &mut [].as_slice()).expect("valid");
        let cid = ConnectionId::new(b"somebody");
        let tag = tls.retry_tag(1, &cid, b"headertoken");
        let client = ClientConfig::start_session(tls, 1, "msec", &parameters).expect("a session");
        assert!(client.is_valid_retry(&cid, b"header", &[b"token".as_slice(), &tag].concat()));
        assert!(!client.is_valid_retry(&cid, b"header", &[b"taken".as_slice(), &tag].concat()));
        assert!(!client.is_valid_retry(
            &ConnectionId::new(b"another"),
            b"header",
            &[b"token".as_slice(), &tag].concat()
        ));
        assert!(!client.is_valid_retry(&cid, b"header", b"short"));
    }
}
