//! Keys that hide nothing, and take as many bytes as real ones.
//!
//! A packet is sent as it is, with a tag of 16 bytes that follows from the key and the packet's number. So a packet opens
//! with the key of its level, side and number only, as RFC 9001 has it. The tag does not cover the payload, since nothing
//! alters a simulated datagram; what flips bits does so in messages, above QUIC.

use bytes::BytesMut;
use quinn_proto::Side;
use quinn_proto::crypto::{
    AeadKey, CryptoError, HandshakeTokenKey, HeaderKey, HmacKey, KeyPair, Keys, PacketKey,
};

const CONTEXT: &str = "msec-simulator/quic/1";

/// What an AEAD of TLS 1.3 adds to a packet, and the bytes that header protection samples (RFC 9001, section 5).
const TAG_BYTES: usize = 16;
/// Packets that one key of AES-GCM may seal, and that may fail to open (RFC 9001, section 6.6).
const CONFIDENTIALITY_LIMIT: u64 = 1 << 23;
const INTEGRITY_LIMIT: u64 = 1 << 52;

/// 32 bytes that follow from what is given, for one purpose.
pub(super) fn derive(purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    *hasher(purpose, parts).finalize().as_bytes()
}

/// As many bytes as fit into `output`, otherwise as [`derive`].
pub(super) fn expand(purpose: &str, parts: &[&[u8]], output: &mut [u8]) {
    hasher(purpose, parts).finalize_xof().fill(output);
}

/// Lengths go in too, so that no two lists of parts are the same bytes.
fn hasher(purpose: &str, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in [purpose.as_bytes()].iter().chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher
}

/// The keys of one level, for one side.
pub(super) fn level(secret: &[u8], level: &str, side: Side) -> Keys {
    Keys {
        header: KeyPair { local: Box::new(NoMask), remote: Box::new(NoMask) },
        packet: packet_keys(secret, level, side),
    }
}

/// Those of them that protect payloads.
pub(super) fn packet_keys(secret: &[u8], level: &str, side: Side) -> KeyPair<Box<dyn PacketKey>> {
    let key = |of: Side| {
        let side: &[u8] = if of.is_client() { b"client" } else { b"server" };
        let [tag, _] = halves(derive(level, &[secret, side]));
        Box::new(Tag(u128::from_le_bytes(tag)))
    };
    KeyPair { local: key(side), remote: key(!side) }
}

/// 16 bytes that follow from what is given.
pub(super) fn tag(purpose: &str, parts: &[&[u8]]) -> [u8; TAG_BYTES] {
    let [tag, _] = halves(derive(purpose, parts));
    tag
}

fn halves(bytes: [u8; 32]) -> [[u8; TAG_BYTES]; 2] {
    let mut halves = [[0; TAG_BYTES]; 2];
    halves.as_flattened_mut().copy_from_slice(&bytes);
    halves
}

/// A key of packets.
struct Tag(u128);

impl Tag {
    fn of(&self, packet: u64) -> [u8; TAG_BYTES] {
        (self.0 ^ u128::from(packet)).to_le_bytes()
    }
}

impl PacketKey for Tag {
    fn encrypt(&self, packet: u64, buf: &mut [u8], _header_len: usize) {
        let at = buf.len() - TAG_BYTES;
        buf[at..].copy_from_slice(&self.of(packet));
    }

    fn decrypt(&self, packet: u64, _header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        let length = payload.len().checked_sub(TAG_BYTES).ok_or(CryptoError)?;
        if payload[length..] != self.of(packet) {
            return Err(CryptoError);
        }
        payload.truncate(length);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        TAG_BYTES
    }

    fn confidentiality_limit(&self) -> u64 {
        CONFIDENTIALITY_LIMIT
    }

    fn integrity_limit(&self) -> u64 {
        INTEGRITY_LIMIT
    }
}

/// A header key that leaves headers as they are.
struct NoMask;

impl HeaderKey for NoMask {
    fn decrypt(&self, _pn_offset: usize, _packet: &mut [u8]) {}

    fn encrypt(&self, _pn_offset: usize, _packet: &mut [u8]) {}

    fn sample_size(&self) -> usize {
        TAG_BYTES
    }
}

/// What signs reset tokens, and seals the tokens of Retry packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Secret(pub(super) [u8; 32]);

impl HmacKey for Secret {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(&derive("sign", &[&self.0, data]));
    }

    fn signature_len(&self) -> usize {
        self.0.len()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if derive("sign", &[&self.0, data]) == signature { Ok(()) } else { Err(CryptoError) }
    }
}

impl HandshakeTokenKey for Secret {
    fn aead_from_hkdf(&self, random_bytes: &[u8]) -> Box<dyn AeadKey> {
        Box::new(Self(derive("token", &[&self.0, random_bytes])))
    }
}

impl AeadKey for Secret {
    fn seal(&self, data: &mut Vec<u8>, additional_data: &[u8]) -> Result<(), CryptoError> {
        let tag = tag("seal", &[&self.0, additional_data, data]);
        data.extend_from_slice(&tag);
        Ok(())
    }

    fn open<'a>(&self, data: &'a mut [u8], additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        let (data, found) =
            data.split_at_mut_checked(data.len().wrapping_sub(TAG_BYTES)).ok_or(CryptoError)?;
        if tag("seal", &[&self.0, additional_data, data]) != found {
            return Err(CryptoError);
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_opens_with_its_own_key_and_number_only() {
        let client = packet_keys(b"secret", "handshake", Side::Client);
        let server = packet_keys(b"secret", "handshake", Side::Server);
        let other = packet_keys(b"secret", "1-RTT", Side::Server);
        let mut packet = b"headerpayload----------------".to_vec();
        client.local.encrypt(7, &mut packet, 6);
        let payload = || BytesMut::from(&packet[6..]);
        let mut opened = payload();
        assert!(server.remote.decrypt(7, b"header", &mut opened).is_ok());
        assert_eq!(opened, b"payload"[..]);
        assert!(server.remote.decrypt(8, b"header", &mut payload()).is_err());
        assert!(client.remote.decrypt(7, b"header", &mut payload()).is_err());
        assert!(other.remote.decrypt(7, b"header", &mut payload()).is_err());
        assert!(server.remote.decrypt(7, b"header", &mut BytesMut::from(&b"short"[..])).is_err());
    }

    #[test]
    fn a_token_opens_where_it_was_sealed_and_unaltered_only() {
        let sealed = |key: &Secret| {
            let mut data = b"address".to_vec();
            key.aead_from_hkdf(b"nonce").seal(&mut data, b"").expect("sealed");
            data
        };
        let (mine, other) = (Secret([1; 32]), Secret([2; 32]));
        let mut data = sealed(&mine);
        assert_eq!(mine.aead_from_hkdf(b"nonce").open(&mut data, b"").expect("opened"), b"address");
        assert!(other.aead_from_hkdf(b"nonce").open(&mut data, b"").is_err());
        data[0] ^= 1;
        assert!(mine.aead_from_hkdf(b"nonce").open(&mut data, b"").is_err());
        assert!(mine.aead_from_hkdf(b"nonce").open(&mut [0; 3], b"").is_err());
    }
}
