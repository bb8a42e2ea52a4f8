//! The handshake of whoever walks up with a code from a bench: Noise XX, as between strangers, for the gateway need not know the code.
//!
//! ```text
//! first   70, 02, e
//! second  70, 02, then e, ee, s, es              or a refusal, as in a pairing
//! third   s, se, papers; their greeting is the code's record
//! fourth  under the keys of the handshake: CBOR [0, [papers, welcome]] or [1, [refusal]]
//! ```
//!
//! The signed code is what lets in, and not a secret beside it: so any gateway of the space can check it, with the signer switched off,
//! and none has to be told what hangs on which bench. A visitor shows the code, and who it is, before it knows whom it talks to; both hang
//! there for everybody, or were made for the visit. A gateway says who it is to nobody who has no code; that it may let in shows in the welcome,
//! whose grants go back to the roots of the space that the code names by the hash of its manifest.

use std::time::Duration;

use minicbor::{Decode, Encode};
use rand_core::Rng;
use snow::{HandshakeState, TransportState};

use super::handshake::{Host, PAIRING};
use super::open::OpenInvite;
use super::papers::{BYTES_MAX, Counterpart, PairingPapers, Papers};
use super::refusal::PairingRefusal;
use crate::error::PairingError;
use crate::handshake::{ChannelBinding, Protocol, TAG_BYTES, XX, encode, read, write};
use crate::keys::NoiseKey;
use crate::record::Verified;
use crate::time::UnixMillis;

/// The second byte of the first two messages.
pub const WALK_UP: u8 = 2;
/// How many may come in by walk-up codes in a minute. Others are told to try again.
pub const OPEN_USES_PER_MINUTE_MAX: u16 = 30;

const MINUTE: Duration = Duration::from_secs(60);
const PROTOCOL: Protocol = Protocol { pattern: XX, prologue: b"msec/walk-up/1" };

#[derive(Encode, Decode)]
enum Answer {
    #[n(0)]
    Welcome(#[n(0)] Box<Papers>, #[cbor(n(1), with = "minicbor::bytes")] Vec<u8>),
    #[n(1)]
    Refused(#[n(0)] PairingRefusal),
}

/// A visitor before its first message.
#[derive(Debug)]
pub struct Visitor;

impl Visitor {
    /// Knocks; the bytes are for whoever is there.
    pub fn start(
        key: &NoiseKey,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitHost, Vec<u8>), PairingError> {
        let mut noise = PROTOCOL.start(key, binding, None, rng, true).map_err(PairingError::Noise)?;
        let mut first = vec![PAIRING, WALK_UP];
        first.extend(write(&mut noise, &[])?);
        Ok((AwaitHost { noise }, first))
    }
}

/// The visitor that waits for a key to show its code to.
#[derive(Debug)]
pub struct AwaitHost {
    noise: HandshakeState,
}

impl AwaitHost {
    /// Reads the second message; the bytes are the third, which shows the code.
    pub fn read(
        mut self,
        message: &[u8],
        key: &NoiseKey,
        name: &PairingPapers,
        open: &Verified<OpenInvite>,
    ) -> Result<(AwaitWelcome, Vec<u8>), PairingError> {
        if let Some(refusal) = PairingRefusal::from_bytes(message) {
            return Err(PairingError::Refused(refusal));
        }
        let message = message.strip_prefix(&[PAIRING, WALK_UP]).ok_or(PairingError::Malformed)?;
        if !read(&mut self.noise, message)?.is_empty() {
            return Err(PairingError::Malformed);
        }
        let papers = PairingPapers { name: name.name.clone(), greeting: open.to_bytes() };
        let third = write(&mut self.noise, &encode(&Papers::of(key, None, &papers)?))?;
        let remote = self.noise.get_remote_static().map(<[u8]>::to_vec);
        let noise = self.noise.into_transport_mode().map_err(PairingError::Noise)?;
        Ok((AwaitWelcome { noise, remote, space: open.space }, third))
    }
}

/// The visitor that has shown its code.
#[derive(Debug)]
pub struct AwaitWelcome {
    noise: TransportState,
    remote: Option<Vec<u8>>,
    space: crate::id::SpaceId,
}

impl AwaitWelcome {
    /// Reads the answer: who lets in, and the welcome, bytes of the layer above; or why not. `now` is `None` where the clock was never set.
    pub fn read(
        mut self,
        message: &[u8],
        now: Option<UnixMillis>,
    ) -> Result<(Counterpart, Vec<u8>), PairingError> {
        if message.len() > 2 * BYTES_MAX {
            return Err(PairingError::Malformed);
        }
        let mut payload = vec![0; message.len()];
        let len = self.noise.read_message(message, &mut payload).map_err(PairingError::Noise)?;
        let (papers, welcome) =
            match minicbor::decode(&payload[..len]).map_err(|_| PairingError::Malformed)? {
                Answer::Welcome(papers, welcome) => (papers, welcome),
                Answer::Refused(refusal) => return Err(PairingError::Refused(refusal)),
            };
        let host = papers.checked(self.remote.as_deref(), now)?;
        if host.space != Some(self.space) {
            return Err(PairingError::OtherSpace);
        }
        Ok((host, welcome))
    }
}

/// A gateway before the first message.
#[derive(Debug)]
pub struct Doorkeeper;

impl Doorkeeper {
    /// Reads the first message; the bytes are the second.
    pub fn respond(
        message: &[u8],
        key: &NoiseKey,
        binding: ChannelBinding,
        rng: &mut impl Rng,
    ) -> Result<(AwaitCode, Vec<u8>), PairingError> {
        let message = message.strip_prefix(&[PAIRING, WALK_UP]).ok_or(PairingError::Malformed)?;
        let mut noise = PROTOCOL.start(key, binding, None, rng, false).map_err(PairingError::Noise)?;
        if !read(&mut noise, message)?.is_empty() {
            return Err(PairingError::Malformed);
        }
        let mut second = vec![PAIRING, WALK_UP];
        second.extend(write(&mut noise, &[])?);
        Ok((AwaitCode { noise }, second))
    }
}

/// The gateway that waits for a code.
#[derive(Debug)]
pub struct AwaitCode {
    noise: HandshakeState,
}

impl AwaitCode {
    /// Reads the third message: who comes, and with which code. That its signer signed it is checked, and nothing else of it.
    pub fn read(
        mut self,
        message: &[u8],
        now: Option<UnixMillis>,
    ) -> Result<(Counterpart, Verified<OpenInvite>, Welcoming), PairingError> {
        let payload = read(&mut self.noise, message)?;
        let visitor = Papers::check(&payload, self.noise.get_remote_static(), now)?;
        let open = OpenInvite::read(&visitor.greeting).map_err(|_| PairingError::Malformed)?;
        let noise = self.noise.into_transport_mode().map_err(PairingError::Noise)?;
        Ok((visitor, open, Welcoming { noise }))
    }
}

/// The gateway that has seen a code, and decides.
#[derive(Debug)]
pub struct Welcoming {
    noise: TransportState,
}

impl Welcoming {
    /// The answer that lets in, with what the layer above has for the visitor: the space's manifest and a grant.
    pub fn admit(self, host: Host<'_>, welcome: Vec<u8>) -> Result<Vec<u8>, PairingError> {
        if welcome.len() > BYTES_MAX {
            return Err(PairingError::TooLong);
        }
        let papers = Papers::of(host.key, Some(host.space), host.papers)?;
        self.answer(&Answer::Welcome(Box::new(papers), welcome))
    }

    /// The answer that does not, and says who refuses to nobody.
    pub fn refuse(self, refusal: PairingRefusal) -> Result<Vec<u8>, PairingError> {
        self.answer(&Answer::Refused(refusal))
    }

    fn answer(mut self, answer: &Answer) -> Result<Vec<u8>, PairingError> {
        let payload = encode(answer);
        let mut message = vec![0; payload.len() + TAG_BYTES];
        let len = self.noise.write_message(&payload, &mut message).map_err(PairingError::Noise)?;
        message.truncate(len);
        Ok(message)
    }
}

/// How many visitors come in: at most [`OPEN_USES_PER_MINUTE_MAX`] a minute.
#[derive(Debug, Default)]
pub struct Turnstile {
    since: Duration,
    passed: u16,
}

impl Turnstile {
    /// One more, at `now`, the monotonic time; or how long it has to wait.
    pub fn pass(&mut self, now: Duration) -> Result<(), PairingRefusal> {
        let left = self.since.saturating_add(MINUTE).saturating_sub(now);
        if left.is_zero() {
            (self.since, self.passed) = (now, 0);
        }
        if self.passed >= OPEN_USES_PER_MINUTE_MAX {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            let retry_after_s = u16::try_from(seconds).unwrap_or(u16::MAX);
            return Err(PairingRefusal::Closed { retry_after_s });
        }
        self.passed += 1;
        Ok(())
    }
}
