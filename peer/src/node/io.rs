//! What goes into the node, and what comes out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{
    Bound, Chunk, Confirmed, Erasures, Fork, Place, Reading, Recomputed, TimeQuality, ToErase, VerifiedRun,
};
use msec_gossip::Priority;
use msec_gossip::overlay::{DialFailure, Lost, Source};
use msec_identity::handshake::{ChannelBinding, Refusal};
use msec_identity::pairing::PairingRefusal;
use msec_identity::{CollectionPath, ControlRecord, LogId, PathError, PeerId, UnixMillis};

use super::error::PublishError;
use super::event::Event;
use super::reach::Network;

/// The time, from two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Now {
    /// Since the driver started; never runs backwards. What waits is measured on it.
    pub mono: Duration,
    /// Civil time, as the system shows it. It may jump, and it may never have been set.
    pub wall: UnixMillis,
}

/// A connection, named by the driver and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What ties an answer to its question. The one who asks chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A stream of this peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName {
    /// The collection.
    pub collection: CollectionPath,
    /// The name in the collection.
    pub stream: String,
}

/// A stream and what its readings are. Unit and place are written down when the stream's log is created.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamSpec {
    /// Its name.
    pub name: StreamName,
    /// The unit of its values, in UCUM's case-sensitive notation. `None`: the stream's own, or "1", which counts things, for
    /// a new one. Another one than the stream's own is refused.
    pub unit: Option<String>,
    /// Where they are measured.
    pub place: Option<Place>,
}

impl StreamSpec {
    /// A stream of that name.
    pub fn new(collection: &str, stream: &str) -> Result<Self, PathError> {
        let name = StreamName { collection: collection.parse()?, stream: stream.to_owned() };
        Ok(Self { name, unit: None, place: None })
    }

    /// With another unit.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Measured at this place.
    #[must_use]
    pub fn place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

/// A neighbour: a peer that was admitted and admitted us, and whose link both sides want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Neighbour {
    /// Who.
    pub peer: PeerId,
    /// The link.
    pub link: LinkId,
    /// Whether this side dialled.
    pub dialled: bool,
    /// Why it was dialled; `None`: it was not, or nobody knows any more.
    pub source: Option<Source>,
    /// Since when it is linked, on the monotonic clock.
    pub since: Duration,
    /// Whether it is a leaf, which relays nothing.
    pub leaf: bool,
    /// What the link costs: the round trip as the overlay measured it, and the link's expense. `None`: not known yet.
    pub cost: Option<Duration>,
}

/// What is published as one entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Readings.
    Readings(Vec<Reading>),
    /// One change of a document. The node carries it, and reads nothing in it.
    Change {
        /// The log that it was made for: its writer's name in the document. In another log it would be nobody's.
        log: LogId,
        /// The change.
        body: Vec<u8>,
    },
    /// What entries of a log come to.
    Claim(Box<Recomputed>),
    /// That a claim of somebody else is right.
    Countersignature(Confirmed),
    /// Something about who may do what, in the control log that its stream names ([`msec_identity::ControlStream`]).
    Control(Box<ControlRecord>),
}

/// What happened. Handed to [`super::Node::handle`] with the time.
#[derive(Debug)]
pub enum Input {
    /// A connection is up. Nobody is admitted yet: the first messages on it are a handshake.
    LinkUp {
        /// Its name from now on.
        link: LinkId,
        /// The connection's TLS exporter.
        binding: ChannelBinding,
        /// The address, if [`Output::Dial`] asked for it; `None` if somebody else dialled.
        dialled: Option<SocketAddr>,
        /// What the link costs beside its delay: more than zero makes it the last to be chosen. For carriers that are metered
        /// or slow.
        expense: Duration,
        /// Whether the other end is on a link of this machine's own: no router lies between. Whoever walks up is let in only from
        /// there, unless its code says otherwise.
        own_link: bool,
    },
    /// The connection is gone, whoever closed it.
    LinkDown {
        /// Which.
        link: LinkId,
        /// Why, as far as the carrier knows.
        why: Lost,
    },
    /// What the machine's interfaces are now, if that is not what [`super::Config`] says any more.
    Moved {
        /// As [`super::Config::advertise`].
        advertise: Vec<SocketAddr>,
        /// As [`super::Config::networks`].
        networks: Vec<Network>,
    },
    /// What the system knows of its clock now. `None`: nothing, as it is before this was said; then a time after 2020 counts
    /// as set.
    Clock(Option<TimeQuality>),
    /// Somebody of this space says on an own link that it is there.
    Discovered {
        /// Where.
        address: SocketAddr,
    },
    /// There is no connection to there.
    DialFailed {
        /// Where.
        address: SocketAddr,
        /// Why.
        why: DialFailure,
    },
    /// One message, untrusted.
    Received {
        /// On which link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The driver had no room and dropped a message for this link. If it was a control entry, the neighbour is let go.
    Shed {
        /// Which.
        link: LinkId,
        /// How urgent the message was.
        priority: Priority,
        /// The message.
        frame: Vec<u8>,
    },
    /// An app publishes something, as one entry.
    Publish {
        /// Comes back with the answer.
        ticket: Ticket,
        /// Where to.
        stream: StreamSpec,
        /// What.
        content: Content,
    },
    /// A manager begins to seal a collection in which nothing lies yet. The answer is the place of its first epoch.
    #[cfg(any(feature = "index", not(feature = "net")))]
    Seal {
        /// Comes back with the answer.
        ticket: Ticket,
        /// Which.
        collection: CollectionPath,
    },
    /// An app wants to know which log a stream writes now; one is started if there is none. The answer is the place of its
    /// header, once that is signed and on disk.
    OpenLog {
        /// Comes back with the answer.
        ticket: Ticket,
        /// Which stream.
        stream: StreamSpec,
    },
    /// The answer to [`Event::WalkUp`].
    WalkUpDecision {
        /// As in the event. One that is gone meanwhile is passed over.
        link: LinkId,
        /// What the visitor is let in with: the space's manifest and its grant; or why it is not.
        decision: Result<Vec<u8>, PairingRefusal>,
    },
    /// The answer to [`Event::Pairing`]: the owner has compared the words.
    PairingDecision {
        /// As in the event. One that is gone meanwhile is passed over.
        link: LinkId,
        /// What the joiner is let in with: the space's manifest and its grant. `None`: it is not let in.
        welcome: Option<Vec<u8>>,
    },
    /// All commits up to this one are on disk.
    Durable {
        /// Which.
        through: u64,
    },
    /// The evidence of [`Output::Contest`] is on disk.
    Contested {
        /// Of which log.
        log: LogId,
    },
    /// The answer to [`Output::Bound`].
    Bounded {
        /// Of which log.
        log: LogId,
        /// As in the output.
        bound: Option<Bound>,
        /// Whether what is held of it is of the history that the bound is about.
        fits: bool,
    },
    /// The commit is not on disk, and nothing of it is kept. The node tries it again.
    CommitFailed {
        /// Which.
        seq: u64,
    },
    /// Entries were erased in the store, or were to be: the answer to [`Output::Erase`], or what an app wanted for this peer alone.
    Erased {
        /// Which, with the claims that went with them; those that were to be, where it failed.
        entries: Erasures,
        /// The orders about logs that are not held, over which claims are left in other logs.
        left: Vec<[u8; 32]>,
        /// Whether nothing is left of them.
        done: bool,
        /// Whether it is an answer to [`Output::Erase`].
        ordered: bool,
    },
    /// The answer to [`Output::Read`].
    ReadDone {
        /// As in the output.
        ticket: Ticket,
        /// What was read; `None` if there is nothing, or it cannot be read.
        chunk: Option<Chunk>,
    },
    /// [`super::Node::poll_timeout`] has come.
    Timeout,
}

/// What to do. Taken from [`super::Node::poll_output`] until there is none.
#[derive(Debug, Hash)]
pub enum Output {
    /// Connect to this address; answer with [`Input::LinkUp`] or [`Input::DialFailed`].
    Dial {
        /// Where.
        address: SocketAddr,
    },
    /// Send one message. If there is no room, say [`Input::Shed`].
    Send {
        /// On which link.
        link: LinkId,
        /// How urgent it is.
        priority: Priority,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The other side is admitted: from now on more than the handshake may be read from this link.
    Admitted {
        /// Which.
        link: LinkId,
    },
    /// Close a link, once what was sent on it has left. No [`Input::LinkDown`] is expected for it.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Store these runs and sync; answer with [`Input::Durable`] or [`Input::CommitFailed`].
    Commit {
        /// The number of the commit. They count up from 1; one that failed comes again.
        seq: u64,
        /// What to store.
        runs: Arc<Vec<VerifiedRun>>,
    },
    /// Keep this evidence of a fork, durably; answer with [`Input::Contested`]. Where that fails, nothing answers: it is asked again
    /// after the next commit. What is kept already is answered as kept.
    Contest {
        /// The evidence.
        fork: Arc<Fork>,
    },
    /// Show and serve a log up to there only, or all of it again; answer with [`Input::Bounded`]. Whatever is asked of the store from
    /// here on is answered accordingly.
    Bound {
        /// Which.
        log: LogId,
        /// Up to where; `None`: all of it.
        bound: Option<Bound>,
    },
    /// Erase this, durably, as [`msec_crdt_store::Storage::erase_ordered`] does; answer with [`Input::Erased`]. One is under way at a time.
    /// Where it fails, it comes again.
    Erase {
        /// What.
        order: Arc<ToErase>,
    },
    /// Keep this in place of the note before, after the commits that were told durable, and give it back with
    /// [`msec_crdt_store::Opened`]. Nothing answers: what is lost of it is only a cost.
    Keep {
        /// At most [`msec_crdt_store::NOTE_BYTES_MAX`].
        note: Vec<u8>,
    },
    /// Read entries of a log, of what is synced; answer with [`Input::ReadDone`].
    Read {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The log.
        log: LogId,
        /// The first entry.
        from: u64,
        /// How much.
        bytes_max: usize,
    },
    /// The answer to [`Input::Publish`] or [`Input::OpenLog`].
    Published {
        /// As in the input.
        ticket: Ticket,
        /// Where the entry stands now, signed and on disk.
        result: Result<Receipt, PublishError>,
    },
    /// Something that apps and operators want to know.
    Event(Event),
}

/// Where a published entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The log.
    pub log: LogId,
    /// The position of the entry.
    pub position: u64,
}

/// Why a link is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// The other side was refused, and was told why.
    Refused(Refusal),
    /// The other side refused us.
    RefusedByPeer(Refusal),
    /// The handshake failed.
    Handshake,
    /// Another version of the protocol.
    Version,
    /// The handshake took too long, or not even control entries find room in the link's outbox.
    TooSlow,
    /// Too many handshakes at once.
    Crowded,
    /// Somebody else than expected answered.
    WrongPeer,
    /// Another link to the same peer is kept.
    Duplicate,
    /// It sent something that no honest peer sends.
    Misbehaved,
    /// Its grants are no longer valid.
    Expired,
    /// There is no room for it, or somebody needed it more.
    Full,
    /// A cheaper link took its place.
    Exchanged,
    /// It is not needed.
    Surplus,
    /// The other side did not answer.
    Silent,
    /// The Noise key that it came with was replaced by its owner. It comes again with the next one.
    OldKey,
    /// The other side came with a code and was let in; it comes again, on a link like any other.
    Paired,
    /// The other side came with a code, and was not let in.
    NotPaired,
}

impl CloseReason {
    /// The code that the other side sees on the wire.
    pub fn code(self) -> u32 {
        match self {
            Self::Refused(_) => 1,
            Self::RefusedByPeer(_) => 2,
            Self::Handshake => 3,
            Self::Version => 4,
            Self::TooSlow => 5,
            Self::Crowded => 6,
            Self::WrongPeer => 7,
            Self::Duplicate => 8,
            Self::Misbehaved => 9,
            Self::Expired => 10,
            Self::Full => 11,
            Self::Exchanged => 12,
            Self::Surplus => 13,
            Self::Silent => 14,
            Self::Paired => 15,
            Self::NotPaired => 16,
            Self::OldKey => 17,
        }
    }
}
