//! The handshake of a pairing: Noise XXpsk0, one type for each phase, beside the handshake of a link.
//!
//! ```text
//! first   70, 01, tag of the secret: 8 bytes, then psk, e
//! second  70, 01, then e, ee, s, es, papers      or: 70, 00, refusal, seconds in 2 bytes
//! third   s, se, papers
//! fourth  the answer, under the keys of the handshake
//! papers  CBOR [endorsement, space or null, name, greeting]
//! answer  CBOR [0, [welcome]] or [1, [refusal]]
//! ```
//!
//! The pre-shared key derives from the code's secret and goes in first: without it the first message does not verify, and the
//! inviter, who has said nothing yet, answers with a refusal that names nobody. The inviter's papers go to somebody who
//! knows the secret; the joiner's go to nobody but the identity that the code names.

use std::time::Duration;

use minicbor::{Decode, Encode};
use rand_core::Rng;
use snow::{HandshakeState, TransportState};
use zeroize::Zeroizing;

use super::book::{InviteBook, Ticket};
use super::invite::{Door, SpaceTag};
use super::papers::{BYTES_MAX, Counterpart, PairingPapers, Papers};
use super::refusal::PairingRefusal;
use super::safety_words::SafetyWords;
use super::secret::InviteTag;
use crate::error::PairingError;
use crate::handshake::{ChannelBinding, Protocol, TAG_BYTES, encode, read, write};
use crate::id::{PeerId, SpaceId};
use crate::keys::NoiseKey;
use crate::time::UnixMillis;

/// The first byte of the first two messages. No version of a link's handshake is numbered so: whoever reads a first message
/// tells by it what is wanted.
pub const PAIRING: u8 = 0x70;

const VERSION: u8 = 1;
const PROTOCOL: Protocol =
    Protocol { pattern: "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s", prologue: b"msec/pairing/1" };

#[derive(Encode, Decode)]
enum Answer {
    #[n(0)]
    Approved(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(1)]
    Refused(#[n(0)] PairingRefusal),
}

/// The joiner before its first message.
#[derive(Debug)]
pub struct Joiner;

impl Joiner {
    /// Knocks at the door; the bytes are for the inviter.
    pub fn start(
        door: &Door,
        key: &NoiseKey,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitInviter, Vec<u8>), PairingError> {
        let mut noise = PROTOCOL
            .start(key, binding, Some(&*door.secret.psk()), rng, true)
            .map_err(PairingError::Noise)?;
        let mut first = vec![PAIRING, VERSION];
        first.extend(door.secret.tag().0);
        first.extend(write(&mut noise, &[])?);
        Ok((AwaitInviter { noise, peer: door.peer, space: door.space }, first))
    }
}

/// The joiner that waits for the inviter's papers.
#[derive(Debug)]
pub struct AwaitInviter {
    noise: HandshakeState,
    peer: PeerId,
    space: SpaceTag,
}

impl AwaitInviter {
    /// Reads the second message; the bytes are the third. Whoever is not the one that the code names learns no name from it.
    /// `now` is `None` where the clock was never set.
    pub fn read(
        mut self,
        message: &[u8],
        key: &NoiseKey,
        papers: &PairingPapers,
        now: Option<UnixMillis>,
    ) -> Result<(AwaitAnswer, Vec<u8>), PairingError> {
        if let Some(refusal) = PairingRefusal::from_bytes(message) {
            return Err(PairingError::Refused(refusal));
        }
        let Some(message) = message.strip_prefix(&[PAIRING, VERSION]) else {
            return Err(PairingError::Malformed);
        };
        let payload = read(&mut self.noise, message)?;
        let inviter = Papers::check(&payload, self.noise.get_remote_static(), now)?;
        if inviter.peer != self.peer {
            return Err(PairingError::SomebodyElse);
        }
        if inviter.space.map(SpaceTag::from) != Some(self.space) {
            return Err(PairingError::OtherSpace);
        }
        let third = write(&mut self.noise, &encode(&Papers::of(key, None, papers)?))?;
        let words = SafetyWords::of(self.noise.get_handshake_hash());
        let noise = self.noise.into_transport_mode().map_err(PairingError::Noise)?;
        Ok((AwaitAnswer { noise, inviter, words }, third))
    }
}

/// The joiner that shows its words, and waits for the owner.
#[derive(Debug)]
pub struct AwaitAnswer {
    noise: TransportState,
    inviter: Counterpart,
    words: SafetyWords,
}

impl AwaitAnswer {
    /// Who invites.
    pub fn inviter(&self) -> &Counterpart {
        &self.inviter
    }

    /// What to show.
    pub fn words(&self) -> SafetyWords {
        self.words
    }

    /// Reads the answer: the welcome, bytes of the layer above, or why not.
    pub fn read(mut self, message: &[u8]) -> Result<Vec<u8>, PairingError> {
        if message.len() > BYTES_MAX + 64 {
            return Err(PairingError::Malformed);
        }
        let mut payload = vec![0; message.len()];
        let len = self.noise.read_message(message, &mut payload).map_err(PairingError::Noise)?;
        match minicbor::decode(&payload[..len]).map_err(|_| PairingError::Malformed)? {
            Answer::Approved(welcome) => Ok(welcome),
            Answer::Refused(refusal) => Err(PairingError::Refused(refusal)),
        }
    }
}

/// What an inviter brings along.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// Its Noise key.
    pub key: &'a NoiseKey,
    /// The space that it invites into.
    pub space: SpaceId,
    /// What it says of itself.
    pub papers: &'a PairingPapers,
}

/// The inviter before the first message.
#[derive(Debug)]
pub struct Inviter;

impl Inviter {
    /// Reads the first message, the code's tag first, and looks it up in the book; the bytes are the second message. What is
    /// refused is to be answered with [`PairingError::answer`]. `now` is monotonic.
    pub fn respond(
        message: &[u8],
        book: &mut InviteBook,
        now: Duration,
        host: Host<'_>,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitJoiner, Vec<u8>), PairingError> {
        let (&[PAIRING, version], message) = message.split_first_chunk().ok_or(PairingError::Malformed)?
        else {
            return Err(PairingError::Malformed);
        };
        if version != VERSION {
            return Err(PairingError::Refused(PairingRefusal::Version));
        }
        let (tag, message) = message.split_first_chunk().ok_or(PairingError::Malformed)?;
        let tag = InviteTag(*tag);
        let secret = book.knock(tag, now).map_err(PairingError::Refused)?;
        let mut noise = PROTOCOL
            .start(host.key, binding, Some(&*secret.psk()), rng, false)
            .map_err(PairingError::Noise)?;
        if !read(&mut noise, message).is_ok_and(|payload| payload.is_empty()) {
            return Err(PairingError::Refused(book.wrong(now)));
        }
        let mut second = vec![PAIRING, VERSION];
        let papers = Papers::of(host.key, Some(host.space), host.papers)?;
        second.extend(write(&mut noise, &encode(&papers))?);
        Ok((AwaitJoiner { noise, ticket: book.take(tag) }, second))
    }
}

/// The inviter that waits for the joiner's papers.
#[derive(Debug)]
pub struct AwaitJoiner {
    noise: HandshakeState,
    ticket: Ticket,
}

impl AwaitJoiner {
    /// Which code it came with.
    pub fn tag(&self) -> InviteTag {
        self.ticket.tag()
    }

    /// For [`InviteBook::give_back`], should the link break.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Reads the third message.
    pub fn read(mut self, message: &[u8], now: Option<UnixMillis>) -> Result<Compare, PairingError> {
        let payload = read(&mut self.noise, message)?;
        let joiner = Papers::check(&payload, self.noise.get_remote_static(), now)?;
        let words = SafetyWords::of(self.noise.get_handshake_hash());
        let noise = self.noise.into_transport_mode().map_err(PairingError::Noise)?;
        Ok(Compare { noise, joiner, words, ticket: self.ticket })
    }
}

/// The inviter that shows its words, and waits for the owner.
#[derive(Debug)]
pub struct Compare {
    noise: TransportState,
    joiner: Counterpart,
    words: SafetyWords,
    ticket: Ticket,
}

impl Compare {
    /// Who asks.
    pub fn joiner(&self) -> &Counterpart {
        &self.joiner
    }

    /// What to show.
    pub fn words(&self) -> SafetyWords {
        self.words
    }

    /// For [`InviteBook::give_back`], should the link break.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// The answer that lets it in, with what the layer above has for it: the space's manifest and the first grant.
    pub fn approve(self, book: &mut InviteBook, welcome: Vec<u8>) -> Result<Vec<u8>, PairingError> {
        if welcome.len() > BYTES_MAX {
            return Err(PairingError::TooLong);
        }
        book.settle(self.ticket);
        self.answer(&Answer::Approved(welcome))
    }

    /// The answer that does not. The code is used up all the same: somebody has it who should not.
    pub fn decline(self, book: &mut InviteBook) -> Result<Vec<u8>, PairingError> {
        book.settle(self.ticket);
        self.answer(&Answer::Refused(PairingRefusal::Declined))
    }

    fn answer(mut self, answer: &Answer) -> Result<Vec<u8>, PairingError> {
        let payload = Zeroizing::new(encode(answer));
        let mut message = vec![0; payload.len() + TAG_BYTES];
        let len = self.noise.write_message(&payload, &mut message).map_err(PairingError::Noise)?;
        message.truncate(len);
        Ok(message)
    }
}
