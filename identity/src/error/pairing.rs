//! What goes wrong when somebody joins.

use super::HandshakeError;
use crate::pairing::{HINTS_MAX, INVITES_OPEN_MAX, NAME_BYTES_MAX, PairingRefusal};

/// A code that cannot be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Too short or too long for one.
    #[error("that is not a code: it begins with MSEC: and has a hundred letters or more")]
    NotACode,
    /// A letter that no code has.
    #[error("`{letter}` does not occur in a code: look at that place again")]
    Letter {
        /// The letter.
        letter: char,
    },
    /// The check does not fit.
    #[error("a letter of the code is wrong, or the code is not whole: compare it with the other screen")]
    Typo,
    /// A kind that this version does not know.
    #[error("the code is of a later version: update this peer")]
    Version,
    /// It has no slip, and is none of ours all the same. Whoever made it is to blame.
    #[error("the code is malformed: ask for a new one")]
    Malformed,
    /// A walk-up code that its gateway did not sign.
    #[error("the gateway that the code names did not sign it: somebody has changed it, don't use it")]
    Signature,
    /// It has expired.
    #[error("the code has expired: ask for a new one, and check both clocks")]
    Expired,
    /// Too many addresses, one twice, or one that names no host.
    #[error(
        "a code holds at most {HINTS_MAX} addresses, each once, and each the address and port of one interface"
    )]
    Hints,
    /// As many codes are open as may be.
    #[error("{INVITES_OPEN_MAX} codes are open: wait until one is used or expires, or take one back")]
    Full,
}

/// A pairing that failed.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// Refused, by us or by the other side, in these words.
    #[error("{0}")]
    Refused(PairingRefusal),
    /// Noise failed: the other side does not know the code's secret or hold its key, or somebody stands between.
    #[error("the pairing failed: another code, or somebody between the two ends of the connection")]
    Noise(#[source] snow::Error),
    /// The message is not one of this protocol.
    #[error("malformed pairing message")]
    Malformed,
    /// The Noise key is not endorsed by the identity that is claimed, or no longer.
    #[error(
        "the Noise key is not endorsed by the identity that the other side claims, or its endorsement has expired: check both clocks"
    )]
    Endorsement,
    /// Who answers is not the one that the code names. It may have copied the code.
    #[error(
        "somebody else answers than the one who wrote the code: don't go on, and make sure that you dial the right address"
    )]
    SomebodyElse,
    /// The inviter speaks for another space than the code.
    #[error("the inviter speaks for another space than the code: ask for a new one")]
    OtherSpace,
    /// What we were to say is longer than a message may be, or no name.
    #[error(
        "too long for a pairing: a name has at most {NAME_BYTES_MAX} bytes and no control characters, what is sent along 24 KiB"
    )]
    TooLong,
}

impl PairingError {
    /// What an inviter answers in place of the second message, before it closes the link; `None` where nothing is to be said.
    pub fn answer(&self) -> Option<Vec<u8>> {
        match self {
            Self::Refused(refusal) => Some(refusal.to_bytes()),
            _ => None,
        }
    }
}

/// The two handshakes share their framing.
impl From<HandshakeError> for PairingError {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Noise(source) => Self::Noise(source),
            _ => Self::Malformed,
        }
    }
}
