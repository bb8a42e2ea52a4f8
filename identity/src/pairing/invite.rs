//! A code for one peer, once.
//!
//! ```text
//! payload = 11, space: the first 16 bytes of its id, inviter: 32 bytes, secret: 20 bytes, expiry: minutes since 1970 in 4 bytes, hints
//! ```
//!
//! With two IPv4 addresses the code has 149 letters. It names the inviter's identity and not its Noise key: that one rotates, and is
//! endorsed in the handshake by the identity that the code names.

use std::fmt;

use super::code;
use super::hints::{Hints, take};
use super::secret::InviteSecret;
use crate::error::InviteError;
use crate::id::{PeerId, SpaceId};
use crate::time::UnixMillis;

const MINUTE_MS: i64 = 60 * 1000;

/// The beginning of a space's id: nobody makes a second space that begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpaceTag(pub [u8; 16]);

impl From<SpaceId> for SpaceTag {
    fn from(space: SpaceId) -> Self {
        Self(*space.0.first_chunk().expect("32 bytes begin with 16"))
    }
}

/// At whose door a joiner knocks, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Who has to open.
    pub peer: PeerId,
    /// Which space lies behind it.
    pub space: SpaceTag,
    /// What proves that one was invited.
    pub secret: InviteSecret,
}

/// "Come in through there, once, until then."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    door: Door,
    expires_min: u32,
    hints: Hints,
}

impl Invite {
    pub(super) const KIND: u8 = 0x11;

    /// An invitation by `inviter` into `space`, good until `not_after`, which a code names in whole minutes: until the next one begins.
    pub fn new(
        space: SpaceId,
        inviter: PeerId,
        secret: InviteSecret,
        not_after: UnixMillis,
        hints: Hints,
    ) -> Self {
        let minutes =
            not_after.0.saturating_add(MINUTE_MS - 1).div_euclid(MINUTE_MS).clamp(0, u32::MAX.into());
        let expires_min = u32::try_from(minutes).expect("it was clamped");
        Self { door: Door { peer: inviter, space: space.into(), secret }, expires_min, hints }
    }

    /// What to knock with.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Until when it is good, inclusive.
    pub fn not_after(&self) -> UnixMillis {
        UnixMillis(i64::from(self.expires_min) * MINUTE_MS)
    }

    /// Refuses it if it has expired. A peer whose clock was never set passes `None`, and asks; the inviter knows.
    pub fn check(&self, now: Option<UnixMillis>) -> Result<(), InviteError> {
        if now.is_some_and(|now| now > self.not_after()) { Err(InviteError::Expired) } else { Ok(()) }
    }

    /// Where the inviter may be.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, InviteError> {
        let mut rest = payload;
        let space = SpaceTag(take(&mut rest)?);
        let peer = PeerId(take(&mut rest)?);
        let secret = InviteSecret::from_bytes(take(&mut rest)?);
        let expires_min = u32::from_be_bytes(take(&mut rest)?);
        Ok(Self { door: Door { peer, space, secret }, expires_min, hints: Hints::read(rest)? })
    }
}

/// The code, for a QR code or to be typed.
impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = vec![Self::KIND];
        payload.extend(self.door.space.0);
        payload.extend(self.door.peer.0);
        payload.extend(self.door.secret.as_bytes());
        payload.extend(self.expires_min.to_be_bytes());
        self.hints.write(&mut payload);
        f.write_str(&code::encode(&payload))
    }
}
