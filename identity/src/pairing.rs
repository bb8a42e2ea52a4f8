//! How somebody comes into a space: a code on one screen, a few words on both, and the owner's yes.
//!
//! ```text
//! inviter                                                   joiner
//!  Invite, InviteBook::invite     -- code, by eye or hand -->  Code::parse -> Door
//!  Inviter::respond               <- psk, e -----------------  Joiner::start
//!                                 -- e, ee, s, es, papers -->  AwaitInviter::read
//!  AwaitJoiner::read              <- s, se, papers ----------
//!      both show SafetyWords; the owner compares, and decides
//!  Compare::approve | decline     -- answer ---------------->  AwaitAnswer::read -> welcome
//! ```
//!
//! | what | source |
//! |---|---|
//! | handshake | `Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s` (Noise Protocol Framework, revision 34, section 9) |
//! | tied to the connection | RFC 9266, as in [`crate::handshake`] |
//! | letters of a code | Crockford's base 32, all of them in the alphanumeric mode of QR codes (ISO/IEC 18004) |
//! | words to compare | 32 bits of the handshake's hash, as in ZRTP (RFC 6189, section 4.5.2) |
//!
//! Without the code's secret nobody gets past the first message, and nobody is named before. With it, and that is whoever
//! photographed the screen, one can ask to join: as oneself, and the owner sees it in the words, since the code names the inviter's
//! key and the rightful joiner will talk to nobody else. So nobody stands between the two, and nobody gains from searching for
//! keys that make the words agree.
//!
//! A walk-up code ([`OpenInvite`]) hangs on a bench: it is no secret, it works many times, at any gateway that may let others read there, and what
//! it gives is what everybody may have. It has a handshake of its own: [`Visitor`] and [`Doorkeeper`].

mod book;
mod code;
mod handshake;
mod hints;
mod invite;
mod open;
mod papers;
mod refusal;
mod safety_words;
mod secret;
mod walk_up;

pub use book::{CLOSED_FOR, INVITES_OPEN_MAX, INVITES_PAST_MAX, InviteBook, Ticket, WRONG_TRIES_MAX};
pub use code::{CODE_BYTES_MAX, Code};
pub use handshake::{AwaitAnswer, AwaitInviter, AwaitJoiner, Compare, Host, Inviter, Joiner, PAIRING};
pub use hints::{HINTS_MAX, Hints};
pub use invite::{Door, Invite, SpaceTag};
pub use open::{OPEN_INVITE_LASTS_MAX_S, OpenInvite};
pub use papers::{Counterpart, NAME_BYTES_MAX, PairingPapers};
pub use refusal::PairingRefusal;
pub use safety_words::SafetyWords;
pub use secret::{InviteSecret, InviteTag};
pub use walk_up::{
    AwaitCode, AwaitHost, AwaitWelcome, Doorkeeper, OPEN_USES_PER_MINUTE_MAX, Turnstile, Visitor, WALK_UP,
    Welcoming,
};

#[cfg(test)]
mod tests;
