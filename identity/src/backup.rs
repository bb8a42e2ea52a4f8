//! An identity's seed on paper: as words, whole or split.
//!
//! ```text
//! whole = 36 words, a byte each: 01, the seed in 32, the first 3 bytes of BLAKE3 (context "msec/backup/1") over these 33
//! share = 40 words: 02, threshold << 4 | index, group in 4, value in 32, the first 2 bytes of BLAKE3 (context "msec/share/1")
//! group = the first 4 bytes of BLAKE3 (context "msec/share/1 group") over the peer's id
//! ```
//!
//! The words are our own list, a byte each, and not BIP-39's 24: a share has more than 32 bytes, so a second list would be needed
//! anyway, 256 words far apart bear slips that 2,048 near ones don't, and nobody takes these for the seed of a wallet.
//!
//! Splitting is Shamir's (How to Share a Secret, 1979), byte by byte over GF(256), the secret at 255, as in SLIP-39: fewer shares than
//! the threshold say nothing at all. The group's id says which shares belong together, and proves in the end that what came
//! back is the key of that peer. Whoever may sign for a space should have it split: 2 of 3 lie in two places.

mod field;
mod phrase;
mod shares;

pub use phrase::{from_words, to_words};
pub use shares::{SHARES_MAX, Share, combine, split};
