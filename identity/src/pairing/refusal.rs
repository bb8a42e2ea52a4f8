//! Why a pairing is refused.

use minicbor::{Decode, Encode};

use super::handshake::PAIRING;

/// In place of the version: a refusal follows.
const REFUSED: u8 = 0;

/// Why nobody comes in, in words that reveal nothing about the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum PairingRefusal {
    /// The inviter never gave out that code, or the secret is another.
    #[error("the code is not one of the inviter's: ask for a new one")]
    #[n(0)]
    Unknown,
    /// It was used.
    #[error("the code was used already, and works once: ask for a new one")]
    #[n(1)]
    Used,
    /// It has expired, or was taken back.
    #[error("the code has expired, or was taken back: ask for a new one")]
    #[n(2)]
    Expired,
    /// Somebody uses it now.
    #[error("somebody is joining with this code at the moment: if that is not you, tell the inviter")]
    #[n(3)]
    Busy,
    /// Too many wrong tries, or too many visitors.
    #[error("too many tries: try again in {retry_after_s} s")]
    #[n(4)]
    Closed {
        /// How long nobody comes in, in seconds.
        #[n(0)]
        retry_after_s: u16,
    },
    /// The inviter speaks another version.
    #[error("the other side pairs in another version: update the older one")]
    #[n(5)]
    Version,
    /// The owner said no.
    #[error("the owner declined")]
    #[n(6)]
    Declined,
    /// Who is there may let nobody in with a walk-up code.
    #[error(
        "who answers there may not let visitors in with that code: go to where it hangs, or ask for another one"
    )]
    #[n(7)]
    Elsewhere,
    /// Whoever walks up is not on a link of the gateway's own.
    #[error(
        "that code works only on the local network of a gateway: join the Wi-Fi or the LAN where it hangs, and try again"
    )]
    #[n(8)]
    NotNear,
}

impl PairingRefusal {
    /// What to answer in place of the second message.
    pub fn to_bytes(self) -> Vec<u8> {
        let (number, seconds) = match self {
            Self::Unknown => (0, 0),
            Self::Used => (1, 0),
            Self::Expired => (2, 0),
            Self::Busy => (3, 0),
            Self::Closed { retry_after_s } => (4, retry_after_s),
            Self::Version => (5, 0),
            Self::Declined => (6, 0),
            Self::Elsewhere => (7, 0),
            Self::NotNear => (8, 0),
        };
        let [high, low] = u16::to_be_bytes(seconds);
        vec![PAIRING, REFUSED, number, high, low]
    }

    pub(super) fn from_bytes(message: &[u8]) -> Option<Self> {
        let &[PAIRING, REFUSED, number, high, low] = message else { return None };
        Some(match number {
            0 => Self::Unknown,
            1 => Self::Used,
            2 => Self::Expired,
            3 => Self::Busy,
            4 => Self::Closed { retry_after_s: u16::from_be_bytes([high, low]) },
            5 => Self::Version,
            6 => Self::Declined,
            7 => Self::Elsewhere,
            8 => Self::NotNear,
            _ => return None,
        })
    }
}
