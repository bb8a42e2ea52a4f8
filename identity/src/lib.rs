//! Who a peer is, what it may do, and how a link is admitted.
//!
//! | module | what it holds |
//! |---|---|
//! | `id` | [`PeerId`], [`SpaceId`], [`GrantId`], [`LogId`]: keys and hashes as types |
//! | `time` | [`UnixMillis`], the civil time that records carry |
//! | `path` | [`CollectionPath`], what grants and interests name |
//! | `record` | the codec of signed records: [`Unverified`] becomes [`Verified`] by one check, and only there |
//! | `keys` | [`Identity`]: the Ed25519 key, and the Noise key that it endorses |
//! | `keystore` | [`KeyStore`] and [`KeyFile`], where the key lives between two runs, bare or under a [`Passphrase`] |
//! | `backup` | the key on paper: as words, whole or split among several |
//! | `words` | 256 plain words, far apart |
//! | `verifier` | [`Verifier`]: how signatures are checked, and the [`SignatureMemory`] that simulated peers share |
//! | `manifest` | [`Manifest`]: the root keys of a space |
//! | `address` | [`AddressRecord`]: where a peer can be dialled, in its own word |
//! | `access` | [`Grant`], [`Revocation`], [`Succession`] and the other records about rights: [`ControlRecord`] is any of them |
//! | `authority` | [`Authority`]: the fold of all these into "who may do what", in whatever order they come |
//! | `freshness` | [`Question`]s that many ask and one signature answers |
//! | `handshake` | Noise XX inside a QUIC stream, one type for each phase |
//! | `pairing` | codes that invite, Noise XXpsk0, and the words that two people compare |
//! | `sealed` | epochs, wraps, data keys and bodies of sealed collections |
//!
//! ```
//! use msec_identity::{Authority, CollectionPath, Grant, Identity, Manifest, Right, Rights, UnixMillis};
//!
//! let root = Identity::from_seed([1; 32]);
//! let sensor = Identity::from_seed([2; 32]);
//! let manifest = Manifest::new("harbour", vec![root.peer()], 1, [0; 16])?;
//! let noise: CollectionPath = "harbour/noise".parse()?;
//! let grant = Grant {
//!     space: manifest.space(),
//!     issuer: root.peer(),
//!     holder: sensor.peer().into(),
//!     resource: noise.clone(),
//!     rights: Rights::of([Right::Write]),
//!     not_before: UnixMillis(0),
//!     not_after: UnixMillis(1_000),
//!     depth: 0,
//!     parent: None,
//!     caveats: None,
//! };
//!
//! let mut authority = Authority::new(manifest);
//! let _ = authority.learn(root.sign(grant).into())?;
//! assert!(authority.allows(&sensor.peer(), Right::Write, &noise, Some(UnixMillis(500))));
//! assert!(!authority.allows(&sensor.peer(), Right::Read, &noise, Some(UnixMillis(500))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod address;
mod authority;
pub mod backup;
mod error;
mod freshness;
pub mod handshake;
mod id;
mod keys;
mod keystore;
mod manifest;
pub mod pairing;
mod path;
mod record;
pub mod sealed;
mod time;
mod verifier;
mod words;

pub use access::{
    Approval, Area, BEAT_LOGS_MAX, Beat, CHAIN_LINKS_MAX, Caveats, Class, Classified, ControlRecord,
    ControlStream, Cut, Cuts, ERASURE_STRETCHES_MAX, Erasure, Grant, Holder, Linked, PURPOSE_BYTES_MAX,
    ParseClassError, ParseRightsError, REASON_BYTES_MAX, REPLACED_STREAMS_MAX, REVOCATION_CUTS_MAX, Receipt,
    ReplacedStream, ReplacedStreams, Replacement, Restoration, Revocation, Right, Rights, Rotation,
    ShortText, Stretch, Stretches, Succession, UNKNOWN_DOMAIN_BYTES_MAX, UnknownRecord,
};
pub use address::{
    ADDRESS_RECORD_BYTES_MAX, ADDRESS_VALIDITY_MAX_MS, ADDRESSES_MAX, AddressRecord, Addresses,
};
pub use authority::{
    APPROVALS_MAX, Admissible, Authority, CHANGED_ERASED_MAX, CHANGED_GRANTS_MAX, CLASSES_MAX,
    CLASSES_OF_ONE_ISSUER_MAX, CONTROL_LOGS_MAX, CONTROL_LOGS_OF_ONE_ISSUER_MAX, CUTS_MAX,
    CUTS_OF_ONE_ISSUER_MAX, Change, EPOCHS_MAX, EPOCHS_OF_ONE_ISSUER_MAX, ERASURES_MAX, Ended, Entered,
    Entitled, Erased, FURTHER_PLACES_MAX, GRANTS_MAX, LINKED_SPACES_MAX, RECEIPTS_STREAM,
    RECORDS_OF_ONE_ISSUER_MAX, RESTORATIONS_MAX, REVOCATIONS_MAX, ROTATIONS_MAX, Reader, Revoked,
    SEALING_KEYS_MAX, STRETCHES_MAX, STRETCHES_OF_ONE_ISSUER_MAX, SUCCESSIONS_MAX, Shown, VISITORS_MAX,
    Voices, WAITING_MAX, Written,
};
pub use error::{
    AddressError, ChainError, ControlError, CutsError, HandshakeError, InviteError, KeyFileError,
    ManifestError, OpenError, PairingError, PathError, RecordError, SealError, ShareError, StretchesError,
    TextError, Widened, WordsError,
};
pub use freshness::{Question, Questions, WAY_STEPS_MAX, Way};
pub use id::{EpochId, GrantId, LogId, ParseIdError, PeerId, SpaceId};
pub use keys::{Endorsement, Identity, NoiseKey, NoisePublic};
pub use keystore::{KeyFile, KeyStore, Passphrase, PassphraseCost};
pub use manifest::{MANIFEST_ROOTS_MAX, Manifest};
pub use path::{CollectionPath, PATH_BYTES_MAX};
pub use record::{RECORD_BYTES_MAX, Record, Unverified, Verified};
pub use time::{SYNCHRONISED_SINCE, UnixMillis};
pub use verifier::{SIGNATURES_REMEMBERED_MAX, SignatureChecks, SignatureMemory, Verifier};
