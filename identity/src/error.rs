//! What can go wrong, an enum for each operation. The variants say who is to blame.

mod pairing;
mod sealed;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::{ERASURE_STRETCHES_MAX, REVOCATION_CUTS_MAX};
use crate::address::ADDRESSES_MAX;
use crate::authority;
use crate::handshake::Refusal;
use crate::manifest::MANIFEST_ROOTS_MAX;
use crate::path::PATH_BYTES_MAX;
use crate::record::RECORD_BYTES_MAX;

pub use pairing::{InviteError, PairingError};
pub use sealed::{OpenError, SealError};
pub use words::{ShareError, WordsError};

/// A name that cannot stand for a collection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is longer than [`PATH_BYTES_MAX`].
    #[error("a collection's name has at most {PATH_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An empty segment or a control character.
    #[error(
        "`{text}` is not a collection: write segments with single slashes between them, such as `parks/noise`"
    )]
    Malformed {
        /// The text.
        text: String,
    },
}

/// Bytes that are not a signed record, or not one that `signer` signed. The sender is to blame.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Longer than [`RECORD_BYTES_MAX`].
    #[error("a signed record has at most {RECORD_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not an array of domain, body and signature.
    #[error("not a signed record")]
    NotARecord,
    /// A record of another kind or version.
    #[error("expected a record of kind {expected}, found `{found}`")]
    Domain {
        /// The kind that was asked for.
        expected: &'static str,
        /// The kind that came, cut to 64 characters.
        found: String,
    },
    /// The bytes do not decode.
    #[error("malformed record")]
    Malformed(#[from] minicbor::decode::Error),
    /// The bytes decode, but are not the one encoding of what they say.
    #[error("the record is not in its canonical encoding")]
    NotCanonical,
    /// The signature is not the expected signer's.
    #[error("the signature does not verify")]
    BadSignature,
}

/// Addresses that cannot stand in a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// None, too many, or one twice.
    #[error("a peer tells 1 to {ADDRESSES_MAX} addresses of itself, each once; these are {addresses}")]
    Count {
        /// How many were named.
        addresses: usize,
    },
    /// A wildcard, a group, port 0, or an address that only one machine can read.
    #[error(
        "nobody can be dialled at {address}: name the address and port of one interface, such as 192.0.2.1:4000"
    )]
    NoHost {
        /// The address.
        address: SocketAddr,
    },
}

/// A manifest that cannot found a space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No roots, too many, or one twice.
    #[error("a space has 1 to {MANIFEST_ROOTS_MAX} roots, each once; this manifest names {roots}")]
    Roots {
        /// How many were named.
        roots: usize,
    },
    /// The threshold is 0 or more than there are roots.
    #[error("{threshold} of {roots} roots is not a threshold")]
    Threshold {
        /// Signatures needed.
        threshold: u8,
        /// Roots named.
        roots: usize,
    },
    /// The bytes do not decode, or not canonically.
    #[error("not a manifest")]
    Malformed,
}

/// Words that do not fit a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text has {bytes} bytes: write at most {bytes_max} on one line, without control characters")]
pub struct TextError {
    pub(crate) bytes: usize,
    pub(crate) bytes_max: usize,
}

/// Cuts that cannot stand in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutsError {
    /// More than [`REVOCATION_CUTS_MAX`].
    #[error("one record cuts at most {REVOCATION_CUTS_MAX} logs: name the others in restorations")]
    TooMany,
    /// A log twice, or not in the order of their ids.
    #[error("the cuts name a log twice, or are not in the order of the logs' ids")]
    Order,
}

/// Stretches that cannot stand in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StretchesError {
    /// More than [`ERASURE_STRETCHES_MAX`].
    #[error("one record erases at most {ERASURE_STRETCHES_MAX} stretches: name the others in further ones")]
    TooMany,
    /// None at all, an empty one, or a header.
    #[error("there is nothing to erase: a header stays, and a stretch ends behind its beginning")]
    Nothing,
    /// Two that overlap or touch, or not in their order.
    #[error("the stretches are not in the order of their logs and positions, or are not apart")]
    Order,
}

/// How a link is wider than the one above it. Its issuer is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Widened {
    /// It names another link as its parent, or another space.
    #[error("the link does not stand below that one")]
    NotBelow,
    /// The link above lets nobody pass anything on.
    #[error("the link above does not hold the right to manage")]
    NotManaged,
    /// Rights that the link above lacks.
    #[error("the link has rights that the one above it lacks")]
    Rights,
    /// A resource that the link above does not cover.
    #[error("the link reaches collections that the one above it does not cover")]
    Resource,
    /// A validity that begins earlier or ends later.
    #[error("the link is valid when the one above it is not")]
    Validity,
    /// No fewer further links than the link above allows.
    #[error("the link lets as many follow as the one above it, or none may follow there")]
    Depth,
    /// A limit that is wider or left out.
    #[error("a limit of the link above is wider in this one, or left out")]
    Caveats,
}

/// A record about rights that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It speaks of another space.
    #[error("the record is about another space")]
    OtherSpace,
    /// Its roots or its threshold can't found a space.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The table of grants is full.
    #[error("no room for another grant: {} are held", authority::GRANTS_MAX)]
    Grants,
    /// The table of approvals is full.
    #[error("no room for another approval: {} are held", authority::APPROVALS_MAX)]
    Approvals,
    /// The table of revocations is full, and what this one ends is not known. No grant below its issuer is taken any more.
    #[error(
        "no room for another revocation: {} are held, or {} cuts",
        authority::REVOCATIONS_MAX,
        authority::CUTS_MAX
    )]
    Revocations,
    /// The table of restorations is full.
    #[error(
        "no room for another restoration: {} are held, or {} cuts",
        authority::RESTORATIONS_MAX,
        authority::CUTS_MAX
    )]
    Restorations,
    /// The table of erasures is full, or its issuer has used up its room in it.
    #[error(
        "no room for another erasure: {} are held, or {} stretches, of which one issuer that is no root has at most {}, and far fewer if it manages nothing",
        authority::ERASURES_MAX,
        authority::STRETCHES_MAX,
        authority::STRETCHES_OF_ONE_ISSUER_MAX
    )]
    Erasures,
    /// The table of successions is full.
    #[error("no room for another succession: {} of that space are held", authority::SUCCESSIONS_MAX)]
    Successions,
    /// The table of other spaces is full.
    #[error("no room for another space: {} are linked", authority::LINKED_SPACES_MAX)]
    Spaces,
    /// The table of classes is full, or its issuer's share of it.
    #[error(
        "no room for another class: {} are held, or {} of that issuer",
        authority::CLASSES_MAX,
        authority::CLASSES_OF_ONE_ISSUER_MAX
    )]
    Classes,
    /// The table of epochs is full, or its issuer's share of it.
    #[error(
        "no room for another epoch: {} are held, or {} of that issuer",
        authority::EPOCHS_MAX,
        authority::EPOCHS_OF_ONE_ISSUER_MAX
    )]
    Epochs,
    /// The table of sealing keys is full.
    #[error("no room for another sealing key: those of {} peers are held", authority::SEALING_KEYS_MAX)]
    SealingKeys,
    /// Its issuer has used up its room.
    #[error(
        "its issuer may say no more: {} of its records are held, or {} cuts, or managers have used up their half of these",
        authority::RECORDS_OF_ONE_ISSUER_MAX,
        authority::CUTS_OF_ONE_ISSUER_MAX
    )]
    Issuer,
    /// No chain leads to its issuer yet, and too much waits for one.
    #[error("no chain of grants leads to its issuer: show the chain first, and then this")]
    Waiting,
    /// The signature or the encoding is wrong.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Why a log's author shows no right to write it.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// None of the grants shown lets it.
    #[error("none of the grants that are shown lets its author write there")]
    NoGrant,
    /// A grant names one above it that is not shown.
    #[error("a link of the chain is missing: show every grant, from that of a root on")]
    Missing,
    /// Too many links.
    #[error("the chain has more than {} links", crate::access::CHAIN_LINKS_MAX)]
    TooLong,
    /// The first link's issuer never was a root of the space, or too few roots stand behind it.
    #[error("the first link was not issued by as many roots of the space as must agree")]
    NotARoot,
    /// A link was issued by somebody who does not hold the one above.
    #[error("a link was issued by somebody else than the holder of the one above it")]
    NotTheHolder,
    /// A grant for another space.
    #[error("a link is for another space")]
    OtherSpace,
    /// A stream of the mesh's own that has no meaning.
    #[error("nobody writes a stream of that name in the mesh's own collections")]
    Stream,
    /// A link allows what the one above it does not.
    #[error(transparent)]
    Widened(#[from] Widened),
    /// A signature or an encoding is wrong.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key at {}: is that the right data directory (--data-dir, or `data_dir` in a gateway's file)? `msec init` makes a new peer there", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already, and it is not overwritten.
    #[error("a key lies at {} already: it is never overwritten, move it away first", path.display())]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// Others than its owner can read it.
    #[error("others can read the key at {} (mode {mode:03o}): run `chmod 600 {}`, and replace the key if it was exposed", path.display(), path.display())]
    Exposed {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It lies under a passphrase.
    #[error("the key at {} lies under a passphrase, and opens with that only", path.display())]
    Protected {
        /// Where it is.
        path: PathBuf,
    },
    /// The passphrase is another.
    #[error("the passphrase is wrong, or the key at {} was changed: try again, or restore it from its words", path.display())]
    WrongPassphrase {
        /// Where it is.
        path: PathBuf,
    },
    /// It asks for more memory or time than a passphrase may cost here.
    #[error("the key at {} asks for more memory or time than this machine gives for a passphrase: open it where it was made", path.display())]
    Cost {
        /// Where it is.
        path: PathBuf,
    },
    /// It is not a key file.
    #[error("{} is not a key file of this version: restore it from a backup, or move it away and run `msec init`", path.display())]
    Malformed {
        /// Where it is.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot use the key at {}", path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A link that was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The other side speaks other versions of the protocol.
    #[error(
        "the other side speaks protocol versions {oldest} to {newest}, this peer {}: update the older one",
        crate::handshake::VERSION
    )]
    Version {
        /// The oldest version that it speaks.
        oldest: u8,
        /// The newest version that it speaks.
        newest: u8,
    },
    /// Noise failed: the other side does not hold its key, or somebody stands between (the TLS exporters differ).
    #[error("the Noise handshake failed: wrong key, or somebody between the two ends of the connection")]
    Noise(#[source] snow::Error),
    /// The message is not one of this protocol.
    #[error("malformed handshake message")]
    Malformed,
    /// The Noise key is not endorsed by the identity that is claimed, or no longer.
    #[error(
        "the Noise key is not endorsed by the identity that the other side claims, or its endorsement has expired"
    )]
    Endorsement,
    /// The other side has no room, and said so before it asked who we are.
    #[error("the other side holds as many links as it will: try another peer, or in {retry_after_s} s")]
    Busy {
        /// How long it asks us to wait, in seconds.
        retry_after_s: u16,
    },
    /// The other side would not admit us.
    #[error("the other side does not admit this peer: {0}")]
    Refused(Refusal),
}
