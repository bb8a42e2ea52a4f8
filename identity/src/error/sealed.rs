//! What goes wrong with sealed collections.

use crate::id::PeerId;
use crate::sealed::SEALED_CONTENT_BYTES_MAX;

/// Something that was not sealed. The caller is to blame, or the holder that it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A point of small order: everybody could open what is sealed to it.
    #[error("the public key is one that everybody can open: ask its holder for another")]
    PublicKey,
    /// The holder's sealing key is no longer endorsed.
    #[error("the sealing key of {} has expired: it has to show a newer one", holder.short())]
    Expired {
        /// The holder.
        holder: PeerId,
    },
    /// The secret is another epoch's than the record.
    #[error("the secret is not that of the epoch: take the one that was drawn with it")]
    Epoch,
    /// The data key is another log's.
    #[error("the data key is for another log: draw one for this log")]
    Log,
    /// Longer than [`SEALED_CONTENT_BYTES_MAX`].
    #[error("a sealed body holds at most {SEALED_CONTENT_BYTES_MAX} bytes, these are {bytes}: split it")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Something that did not open: a wrap, a data key or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are not the one encoding of anything sealed. Their sender is to blame.
    #[error("not something sealed, or of a later version")]
    Malformed,
    /// It is sealed to another epoch.
    #[error("it is sealed to another epoch: its readers have another wrap")]
    Epoch,
    /// The wrap is for somebody else.
    #[error("the wrap is for another holder")]
    Holder,
    /// The key is for another log.
    #[error("the data key is for another log")]
    Log,
    /// The key is not the one that it was sealed with, or this is not the place that it was sealed for. For a wrap: what is in
    /// it is not what the epoch's record commits to, and whoever made it is to blame.
    #[error("not the key that it was sealed with, or not the place")]
    WrongKey,
    /// The key is right and the bytes are not: they were changed, by the writer or on their way.
    #[error("the ciphertext was changed")]
    Broken,
}
