//! What cannot be granted, ended or explained.

use msec_crdt_store::StorageError;
use msec_identity::{
    CutsError, GrantId, LogId, ManifestError, ParseClassError, ParseRightsError, PathError, PeerId,
    TextError, Widened,
};

use crate::sdk::error::{PeerClosed, PublishFailed};

/// Something about who may do what that was not done. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum AccessFailed {
    /// The peer holds nothing under which it could be granted.
    #[error(
        "this peer may not let others in: ask a root, or whoever manages, for a grant with `--may manage --depth 1` or more"
    )]
    NoLink,
    /// More is sealed there than an invitation tells of.
    #[error(
        "{count} sealed collections lie there, and an invitation tells of {} at most: grant fewer collections at a time",
        super::granting::SEALED_TOLD_MAX
    )]
    Sealed {
        /// How many.
        count: usize,
    },
    /// No such grant is held by this peer.
    #[error("this peer does not hold {grant}: `msec grants` shows which it does")]
    NotYours {
        /// Which.
        grant: GrantId,
    },
    /// The grant under which it would be is over, or not valid now.
    #[error(
        "nothing can be issued under {grant} any more: it has ended, or it is not valid now. Ask for a new one"
    )]
    Over {
        /// Which.
        grant: GrantId,
    },
    /// It would reach further than the link above it.
    #[error(
        "that reaches further than what this peer may pass on, {} ({may}): {what}. Grant less, or ask who issued that one for more",
        above.short()
    )]
    Wider {
        /// The link above.
        above: GrantId,
        /// What that one allows, and where.
        may: String,
        /// In what.
        what: Widened,
    },
    /// A code lets in at once, and too few roots stand behind what it would give.
    #[error(
        "{needed} of the space's roots must agree to what a root grants, and nobody who comes with a code waits for that: let an everyday \
         issuer do it, by `msec grant --may manage,read --depth 2` and `msec approve`; or give an invitation with `msec grant`, and have that \
         approved"
    )]
    RootsMustAgree {
        /// How many.
        needed: u8,
    },
    /// Links are to follow a grant that lets nobody pass anything on.
    #[error(
        "only a grant with `manage` lets links follow: add `manage` to the rights, or leave `--depth` out"
    )]
    DepthWithoutManage,
    /// Nothing is known by that name.
    #[error(
        "nothing here is called {name}: `msec grants` shows grants, revocations and peers, `msec erasures` the orders to erase"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A name is too short to tell one from another.
    #[error(
        "{name} is too short to call anything by: write at least {} digits of its id",
        super::names::DIGITS_MIN
    )]
    TooFewDigits {
        /// What was asked for.
        name: String,
    },
    /// More than one thing is known by that name.
    #[error("{name} may be any of {found}: write more digits")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it may be.
        found: String,
    },
    /// A lost device is called by something else than its own id.
    #[error(
        "{name} is no peer whose grants count: name the lost device by its id, as `msec grants` shows it"
    )]
    NotAPeer {
        /// What was asked for.
        name: String,
    },
    /// A device would take its own place.
    #[error(
        "a device does not replace itself: run `msec init` on the new one, and name the id that it shows"
    )]
    Itself,
    /// The lost device has nothing that could be given again.
    #[error(
        "nothing that it was granted is valid now: end its grants with `msec revoke`, and let the new one in with `msec grant`"
    )]
    NothingToReplace,
    /// Somebody else has to end it.
    #[error("only who stands above a grant may end it, or restore what it wrote: ask {above}")]
    NotAbove {
        /// Who may.
        above: String,
    },
    /// It has ended before.
    #[error(
        "{grant} has been revoked before: `msec restore` names further logs, `--cut none` or `--cut LOG=SIZE` cuts lower"
    )]
    AlreadyOver {
        /// Which.
        grant: GrantId,
    },
    /// The peer is no root.
    #[error("only a root of the space approves, and {peer} is none: `msec grants` shows who is")]
    NotARoot {
        /// Who would.
        peer: PeerId,
    },
    /// A log is not held so far.
    #[error(
        "log {log} is not held up to {size} under that grant: name a log and a size that this peer holds"
    )]
    NotHeld {
        /// Which.
        log: LogId,
        /// Up to where.
        size: u64,
    },
    /// A log is cut where it cannot be read any more.
    #[error(
        "log {log} is cut lower than that already: what can be named is all that is held of it, {held} entries"
    )]
    CutBelow {
        /// Which.
        log: LogId,
        /// How much is held.
        held: u64,
    },
    /// The beginning of a log was let go, so that no root below that is known.
    #[error(
        "the beginning of log {log} was let go here: cut it at {begin} or beyond, or where more of it is held"
    )]
    LetGo {
        /// Which.
        log: LogId,
        /// Up to where.
        begin: u64,
    },
    /// There is nothing to be restored.
    #[error(
        "nothing is held that this revocation leaves out: run it where more of the logs is held, or name them with `--log LOG=SIZE`"
    )]
    NothingToRestore,
    /// The peer does not manage it.
    #[error(
        "only who manages a collection says what it holds: ask a root, or whoever manages above, for a grant with `--may manage` there"
    )]
    NotManaged,
    /// The class is none.
    #[error(transparent)]
    Class(#[from] ParseClassError),
    /// It is not said what is to be erased.
    #[error(
        "say what is to be erased: streams, all that a peer wrote, or all that was written under a grant"
    )]
    NothingNamed,
    /// Nothing of it is held.
    #[error(
        "nothing that is held here fits that: run it where it is held, with other times, or look at it with `msec query`"
    )]
    NothingToErase,
    /// No log of that stream is held.
    #[error(
        "no stream {stream} is held here: write COLLECTION/STREAM as `msec query` shows it, or run it where it is held"
    )]
    NoSuchStream {
        /// Which.
        stream: String,
    },
    /// Somebody else has to say so.
    #[error(
        "this peer may not have {stream} erased: its author may, whoever holds a grant to manage its collection, and roots"
    )]
    MayNotErase {
        /// Which stream.
        stream: String,
    },
    /// Entries go whole, and some hold readings that were not asked for.
    #[error(
        "{readings} readings outside of these times lie in the same entries, which are erased whole: say that this is meant (`--whole-entries`), or choose other times"
    )]
    Outside {
        /// How many.
        readings: u64,
    },
    /// What is sealed and not opened here, or of a later version.
    #[error(
        "when the readings in {stream} were measured cannot be told here: leave the times out, or have it done by a peer that reads all of it"
    )]
    Untimed {
        /// Which.
        stream: String,
    },
    /// Changes of a document build on each other.
    #[error(
        "{document} is a document, of which no part can be erased: leave the times out, or go on in another collection (`msec things compact`)"
    )]
    PartOfDocument {
        /// Which.
        document: String,
    },
    /// The name of a collection is refused.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The rights are refused.
    #[error(transparent)]
    Rights(#[from] ParseRightsError),
    /// A reason or a purpose is too long, or has more than a line.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The other space's manifest is refused.
    #[error("that is not the manifest of a space")]
    Manifest(#[from] ManifestError),
    /// A log is named twice.
    #[error(transparent)]
    Cuts(#[from] CutsError),
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StorageError),
    /// The peer refuses to publish it.
    #[error(transparent)]
    Publish(#[from] PublishFailed),
    /// The peer was closed.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}
