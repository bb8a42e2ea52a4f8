//! A code for whoever walks up, printed and hung on a bench.
//!
//! ```text
//! payload = 22, then the signed record "msec/open-invite/2"
//! ```

use minicbor::{Decode, Encode};

use super::code;
use super::hints::Hints;
use crate::error::InviteError;
use crate::id::{GrantId, PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::{Record, Unverified, Verified};
use crate::time::UnixMillis;

/// The longest that what it gives may last, in seconds: a day.
pub const OPEN_INVITE_LASTS_MAX_S: u32 = 24 * 3600;

/// "Whoever comes with this may read there for a while", signed by the gateway that hung it there. Any gateway that may let others read there
/// honours it, for as long as the grant that it names counts: that is for [`crate::Authority`] to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct OpenInvite {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs, and holds the grant that it names.
    #[n(1)]
    pub gateway: PeerId,
    /// The bench's own grant, with `manage` and `read`: whoever ends it ends the code.
    #[n(2)]
    pub grant: GrantId,
    /// What may be read: this collection and those below it.
    #[n(3)]
    pub resource: CollectionPath,
    /// For how long, in seconds from when one came; at most [`OPEN_INVITE_LASTS_MAX_S`].
    #[n(4)]
    pub lasts_s: u32,
    /// Until when the code works, inclusive.
    #[n(5)]
    pub not_after: UnixMillis,
    /// Where the gateway may be.
    #[n(6)]
    pub hints: Hints,
    /// Whether it works from anywhere. Otherwise only for who is on a link of the gateway's own: a photograph of the code is good for nothing
    /// where the bench is not. A code that says nothing of it does not.
    #[cbor(n(7), with = "flag", has_nil)]
    pub anywhere: bool,
}

/// What is true, or not said.
mod flag {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        is_true: &bool,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        if *is_true { e.bool(true)?.ok() } else { e.null()?.ok() }
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<bool, DecodeError> {
        d.bool()
    }

    pub(super) fn nil() -> Option<bool> {
        Some(false)
    }

    pub(super) fn is_nil(is_true: &bool) -> bool {
        !is_true
    }
}

impl Record for OpenInvite {
    const DOMAIN: &'static str = "msec/open-invite/2";
}

impl OpenInvite {
    pub(super) const KIND: u8 = 0x22;

    /// Refuses it if it has expired. A peer whose clock was never set passes `None`, and asks.
    pub fn check(&self, now: Option<UnixMillis>) -> Result<(), InviteError> {
        if now.is_some_and(|now| now > self.not_after) { Err(InviteError::Expired) } else { Ok(()) }
    }

    pub(super) fn read(payload: &[u8]) -> Result<Verified<Self>, InviteError> {
        let record = Unverified::<Self>::from_bytes(payload).map_err(|_| InviteError::Malformed)?;
        let gateway = record.claims().gateway;
        let record = record.verify(&gateway).map_err(|_| InviteError::Signature)?;
        if (1..=OPEN_INVITE_LASTS_MAX_S).contains(&record.lasts_s) {
            Ok(record)
        } else {
            Err(InviteError::Malformed)
        }
    }
}

impl Verified<OpenInvite> {
    /// The code, for a QR code or to be typed.
    pub fn code(&self) -> String {
        code::encode(&[&[OpenInvite::KIND], &self.to_bytes()[..]].concat())
    }
}
