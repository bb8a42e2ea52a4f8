//! How a link is admitted: Noise XX (Noise Protocol Framework, revision 34) as `Noise_XX_25519_ChaChaPoly_BLAKE2s`, with
//! the connection's TLS exporter (RFC 9266) in the prologue, so that somebody who terminates TLS on both sides is found
//! out.
//!
//! ```text
//! initiator                                    responder
//!  Initiator::start       -- version, e -------->  Responder::respond
//!                         <- e, ee, s, es ------   AwaitClaim
//!  AwaitSecond::read      -- s, se, claim ------>  AwaitClaim::read -> (Claim, Decide)
//!  AwaitAnswer::read      <- answer ------------   Decide::admit | Decide::refuse
//! ```
//!
//! The claim (identity, endorsement, grants and what is above them) goes to a responder of whom only a Noise key is known yet; the responder's own
//! goes out only after the claim has verified. An active stranger learns one rotating key and no name. After the
//! answer the Noise keys are dropped: QUIC carries what follows, on the connection to which the handshake is bound.
//!
//! A message is at most [`MESSAGE_BYTES_MAX`] long. The machine does no I/O; the deadline is its owner's.

use minicbor::{Decode, Encode};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};

use crate::access::ControlRecord;
use crate::error::HandshakeError;
use crate::id::{PeerId, SpaceId};
use crate::keys::{Endorsement, NoiseKey};
use crate::record::Unverified;
use crate::time::UnixMillis;

/// The version of the protocol that this code speaks, handshake and everything after it. Version 1 had no overlay: who speaks
/// it is refused before it says anything that would not be understood.
pub const VERSION: u8 = 2;
/// The longest handshake message, in bytes. A longer one ends the link.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// The most records that a claim shows. A claim with more is malformed.
pub const RECORDS_SHOWN_MAX: usize = 64;
/// The longest greeting, in bytes.
pub const GREETING_BYTES_MAX: usize = 12 * 1024;

const PROTOCOL: Protocol = Protocol { pattern: XX, prologue: b"msec/link/1" };
pub(crate) const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
/// First byte of the responder's answer to a version that it does not speak; then its oldest and newest.
const WRONG_VERSION: u8 = 0;
/// In place of the version: no room. No version is ever numbered so.
const BUSY: u8 = 0xff;

/// What ties a handshake to the connection that carries it: 32 bytes of the TLS exporter `EXPORTER-Channel-Binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelBinding(pub [u8; 32]);

/// What a side says of itself.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The space that the link is for.
    pub space: SpaceId,
    /// The grants by which it comes, those above each, and who approves of them, at most [`RECORDS_SHOWN_MAX`] together.
    pub records: Vec<ControlRecord>,
    /// Bytes for the layer above, at most [`GREETING_BYTES_MAX`]; opaque here.
    pub greeting: Vec<u8>,
}

/// What the other side says of itself. That it holds the identity is proven; what the records are worth is for
/// [`crate::Authority`] to say.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who it is.
    pub peer: PeerId,
    /// The space that it wants the link for.
    pub space: SpaceId,
    /// The records that it shows: see [`Introduction`].
    pub records: Vec<ControlRecord>,
    /// Bytes for the layer above.
    pub greeting: Vec<u8>,
    /// When the identity endorsed the Noise key, if it says so. Whether it has named a later one is for [`crate::Authority::key_counts`] to say.
    pub since: Option<UnixMillis>,
}

/// Why a peer is not admitted, in words that reveal nothing about the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refusal {
    /// It shows no grant of this space that is valid now.
    #[error("no grant that is valid now: ask the space's owner for one, and check both clocks")]
    #[n(0)]
    Stranger,
    /// This peer does not serve that space.
    #[error("the two peers are in different spaces: `msec status` shows which")]
    #[n(1)]
    OtherSpace,
    /// This peer holds as many links as it will.
    #[error("too many links: try another peer, or later")]
    #[n(2)]
    Full,
    /// A link between the two stands already.
    #[error("the two peers are linked already")]
    #[n(3)]
    Duplicate,
    /// It dialled itself.
    #[error("a peer does not link to itself")]
    #[n(4)]
    Oneself,
    /// The identity has named a later Noise key than the one that it comes with.
    #[error(
        "that Noise key was replaced by its owner: `msec key rotate` was run there. Set the clock, and link again"
    )]
    #[n(5)]
    OldKey,
}

#[derive(Encode, Decode)]
struct Papers {
    #[n(0)]
    space: SpaceId,
    #[cbor(n(1), with = "minicbor::bytes")]
    endorsement: Vec<u8>,
    #[n(2)]
    records: Vec<minicbor::bytes::ByteVec>,
    #[cbor(n(3), with = "minicbor::bytes")]
    greeting: Vec<u8>,
}

#[derive(Encode, Decode)]
enum Answer {
    #[n(0)]
    Admitted(#[n(0)] Papers),
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

impl Papers {
    fn of(key: &NoiseKey, intro: &Introduction) -> Self {
        Self {
            space: intro.space,
            endorsement: key.endorsement().to_bytes(),
            records: intro.records.iter().map(|it| it.to_bytes().into()).collect(),
            greeting: intro.greeting.clone(),
        }
    }

    /// Checks that the identity answers for the Noise key at the other end.
    fn check(self, remote_static: Option<&[u8]>, now: Option<UnixMillis>) -> Result<Claim, HandshakeError> {
        if self.records.len() > RECORDS_SHOWN_MAX || self.greeting.len() > GREETING_BYTES_MAX {
            return Err(HandshakeError::Malformed);
        }
        let endorsement = Unverified::<Endorsement>::from_bytes(&self.endorsement)
            .and_then(|e| {
                let peer = e.claims().peer;
                e.verify(&peer)
            })
            .map_err(|_| HandshakeError::Endorsement)?;
        let fits = remote_static == Some(endorsement.noise.0.as_slice());
        if !fits || now.is_some_and(|now| endorsement.not_after < now) {
            return Err(HandshakeError::Endorsement);
        }
        let records = self
            .records
            .iter()
            .map(|bytes| ControlRecord::from_bytes(bytes).map_err(|_| HandshakeError::Malformed))
            .collect::<Result<_, _>>()?;
        let Endorsement { peer, since, .. } = *endorsement;
        Ok(Claim { peer, space: self.space, records, greeting: self.greeting, since })
    }
}

/// The initiator before its first message.
#[derive(Debug)]
pub struct Initiator;

impl Initiator {
    /// Starts a handshake; the bytes are for the responder.
    pub fn start(
        key: &NoiseKey,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitSecond, Vec<u8>), HandshakeError> {
        let mut noise = PROTOCOL.start(key, binding, None, rng, true).map_err(HandshakeError::Noise)?;
        let mut first = vec![VERSION];
        first.extend(write(&mut noise, &[])?);
        Ok((AwaitSecond { noise }, first))
    }
}

/// The initiator that waits for the second message.
#[derive(Debug)]
pub struct AwaitSecond {
    noise: HandshakeState,
}

impl AwaitSecond {
    /// Reads the second message; the bytes are the third. `key` is the one given to [`Initiator::start`].
    pub fn read(
        mut self,
        message: &[u8],
        key: &NoiseKey,
        intro: &Introduction,
    ) -> Result<(AwaitAnswer, Vec<u8>), HandshakeError> {
        match *message {
            [WRONG_VERSION, oldest, newest] => return Err(HandshakeError::Version { oldest, newest }),
            [BUSY, high, low] => {
                return Err(HandshakeError::Busy { retry_after_s: u16::from_be_bytes([high, low]) });
            }
            _ => {}
        }
        let Some((&VERSION, message)) = message.split_first() else { return Err(HandshakeError::Malformed) };
        if !read(&mut self.noise, message)?.is_empty() {
            return Err(HandshakeError::Malformed);
        }
        let third = write(&mut self.noise, &encode(&Papers::of(key, intro)))?;
        let remote = self.noise.get_remote_static().map(<[u8]>::to_vec);
        let noise = self.noise.into_transport_mode().map_err(HandshakeError::Noise)?;
        Ok((AwaitAnswer { noise, remote }, third))
    }
}

/// The initiator that waits to be admitted.
#[derive(Debug)]
pub struct AwaitAnswer {
    noise: TransportState,
    remote: Option<Vec<u8>>,
}

impl AwaitAnswer {
    /// Reads the answer: the responder's claim, or why it refuses. `now` is `None` where the clock was never set.
    pub fn read(mut self, message: &[u8], now: Option<UnixMillis>) -> Result<Claim, HandshakeError> {
        let mut payload = vec![0; message.len()];
        let len = self.noise.read_message(message, &mut payload).map_err(HandshakeError::Noise)?;
        match minicbor::decode(&payload[..len]).map_err(|_| HandshakeError::Malformed)? {
            Answer::Admitted(papers) => papers.check(self.remote.as_deref(), now),
            Answer::Refused(refusal) => Err(HandshakeError::Refused(refusal)),
        }
    }
}

/// The responder before the first message.
#[derive(Debug)]
pub struct Responder;

impl Responder {
    /// Reads the first message; the bytes are the second. An initiator of another version is to be sent
    /// [`wrong_version`] before the link is closed.
    pub fn respond(
        message: &[u8],
        key: &NoiseKey,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitClaim, Vec<u8>), HandshakeError> {
        let (&version, message) = message.split_first().ok_or(HandshakeError::Malformed)?;
        if version != VERSION {
            return Err(HandshakeError::Version { oldest: version, newest: version });
        }
        let mut noise = PROTOCOL.start(key, binding, None, rng, false).map_err(HandshakeError::Noise)?;
        if !read(&mut noise, message)?.is_empty() {
            return Err(HandshakeError::Malformed);
        }
        let mut second = vec![VERSION];
        second.extend(write(&mut noise, &[])?);
        Ok((AwaitClaim { noise }, second))
    }
}

/// What a responder tells an initiator whose version it does not speak.
pub fn wrong_version() -> Vec<u8> {
    vec![WRONG_VERSION, VERSION, VERSION]
}

/// What a responder that has no room tells an initiator, in place of the second message: before either has reckoned with a
/// key of the other. Nobody signs it; whoever could forge it inside TLS could also say nothing.
pub fn busy(retry_after_s: u16) -> Vec<u8> {
    let [high, low] = retry_after_s.to_be_bytes();
    vec![BUSY, high, low]
}

/// The responder that waits for the initiator's claim.
#[derive(Debug)]
pub struct AwaitClaim {
    noise: HandshakeState,
}

impl AwaitClaim {
    /// Reads the third message. What the claim's grants are worth is the caller's to decide, by [`Decide`].
    pub fn read(
        mut self,
        message: &[u8],
        now: Option<UnixMillis>,
    ) -> Result<(Claim, Decide), HandshakeError> {
        let payload = read(&mut self.noise, message)?;
        let papers: Papers = minicbor::decode(&payload).map_err(|_| HandshakeError::Malformed)?;
        let claim = papers.check(self.noise.get_remote_static(), now)?;
        let noise = self.noise.into_transport_mode().map_err(HandshakeError::Noise)?;
        Ok((claim, Decide { noise }))
    }
}

/// The responder that knows who asks, and decides.
#[derive(Debug)]
pub struct Decide {
    noise: TransportState,
}

impl Decide {
    /// The answer that admits. `key` is the one given to [`Responder::respond`].
    pub fn admit(self, key: &NoiseKey, intro: &Introduction) -> Result<Vec<u8>, HandshakeError> {
        self.answer(&Answer::Admitted(Papers::of(key, intro)))
    }

    /// The answer that refuses, and says nothing else.
    pub fn refuse(self, refusal: Refusal) -> Result<Vec<u8>, HandshakeError> {
        self.answer(&Answer::Refused(refusal))
    }

    fn answer(mut self, answer: &Answer) -> Result<Vec<u8>, HandshakeError> {
        let payload = encode(answer);
        let mut message = vec![0; payload.len() + TAG_BYTES];
        let len = self.noise.write_message(&payload, &mut message).map_err(HandshakeError::Noise)?;
        message.truncate(len);
        Ok(message)
    }
}

pub(crate) const TAG_BYTES: usize = 16;
/// What a message of XX adds to its payload at most: two keys and two tags.
const OVERHEAD_BYTES: usize = 2 * (32 + TAG_BYTES);

pub(crate) fn encode(value: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail")
}

/// What both sides take for granted before they say anything.
pub(crate) struct Protocol {
    pub(crate) pattern: &'static str,
    /// What the prologue begins with; then comes what ties it to the connection.
    pub(crate) prologue: &'static [u8],
}

impl Protocol {
    /// A handshake that has not begun. `psk`: for a pattern that begins with one.
    pub(crate) fn start(
        &self,
        key: &NoiseKey,
        binding: ChannelBinding,
        psk: Option<&[u8; 32]>,
        rng: &mut impl Rng,
        initiator: bool,
    ) -> Result<HandshakeState, snow::Error> {
        let params = self.pattern.parse().expect("a pattern that snow knows");
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let prologue = [self.prologue, &binding.0].concat();
        let builder = Builder::with_resolver(params, Box::new(SeededResolver { seed }))
            .local_private_key(key.secret())?
            .prologue(&prologue)?;
        let builder = match psk {
            Some(psk) => builder.psk(0, psk)?,
            None => builder,
        };
        if initiator { builder.build_initiator() } else { builder.build_responder() }
    }
}

pub(crate) fn write(noise: &mut HandshakeState, payload: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let len = noise.write_message(payload, &mut message).map_err(HandshakeError::Noise)?;
    message.truncate(len);
    Ok(message)
}

pub(crate) fn read(noise: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(HandshakeError::Malformed);
    }
    let mut payload = vec![0; message.len()];
    let len = noise.read_message(message, &mut payload).map_err(HandshakeError::Noise)?;
    payload.truncate(len);
    Ok(payload)
}

/// snow's own primitives with the caller's randomness: a node draws nothing from the system.
struct SeededResolver {
    seed: [u8; 32],
}

impl CryptoResolver for SeededResolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SeededRandom(ChaCha20Rng::from_seed(self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

struct SeededRandom(ChaCha20Rng);

impl Random for SeededRandom {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
