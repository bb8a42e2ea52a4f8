//! Sealed collections: what a relay carries, stores and reconciles, and cannot read.
//!
//! ```text
//! manager   EpochSecret::draw -> EpochRecord, signed      one key pair for each epoch of a collection
//!           Wrap::for_reader, Wrap::for_writer            one for each holder of a grant
//! writer    LogSealer::key -> DataKey, SealedDataKey      one for each log, day and epoch
//!           SealedBody::seal                              one for each entry
//! reader    Wrap::open -> EpochSecret
//!           SealedDataKey::open -> DataKey
//!           SealedBody::open -> what was written
//! ```
//!
//! Writers get the public half of an epoch only: a sensor that is stolen reads nothing, not even what it wrote yesterday, if
//! it let go of the day's key. Whoever erases a data key, in its sealed form and in every copy, has erased that day's bodies of
//! that log. Revocation starts a new epoch, and wraps it for those who are left: a reader that is out keeps what it could read,
//! and gets nothing further.
//!
//! | step | how | source |
//! |---|---|---|
//! | wraps and data keys | HPKE base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305 | RFC 9180 |
//! | an entry's key, nonce and commitment | BLAKE3 in key derivation mode | the BLAKE3 paper, section 2.3 |
//! | an entry's body | ChaCha20Poly1305 | RFC 8439 |
//! | the commitment is checked before anything is decrypted | so no ciphertext opens under two keys | Len, Grubbs, Ristenpart: Partitioning Oracle Attacks (USENIX Security 2021) |
//! | lengths | Padmé: at most 12 % longer | Nikitin and others: Reducing Metadata Leakage from Encrypted Files (PETS 2019), section 4 |
//!
//! HPKE's base mode proves no sender. So nothing rests on who made a wrap or a data key: what a wrap holds is compared with the
//! signed epoch record, and a data key arrives in an entry of the very log that it is for.
//!
//! What is not hidden: that a collection is sealed and what it is called (grants name it), who writes and when, and lengths up
//! to their class. The keys that things are sealed to derive from an identity's seed: whoever steals that opens old wraps too.

mod body;
mod data_key;
mod epoch;
mod key;
mod keyring;
mod names;
mod padding;
mod sealer;
mod suite;
mod wrap;
mod wraps;

pub use body::{BodyPlace, SEALED_CONTENT_BYTES_MAX, SealedBody};
pub use data_key::{DataKey, Day, SealedDataKey};
pub use epoch::{EpochRecord, EpochSecret};
pub use key::{SealingEndorsement, SealingKey};
pub use keyring::{EPOCHS_HELD_MAX, Keyring};
pub use names::{NamesSecret, SealedName};
pub use sealer::LogSealer;
pub use suite::SealingPublic;
pub use wrap::{Opened, WRAP_BYTES_MAX, Wrap};
pub use wraps::{WRAPS_MAX, WrapList, Wraps};

/// The one encoding of what is bound to a key or a ciphertext: CBOR, of definite length.
fn context(value: &impl minicbor::Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail")
}

#[cfg(test)]
mod tests;
