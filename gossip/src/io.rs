//! What goes into the machine, and what comes out.

use std::time::Duration;

use msec_identity::PeerId;

use crate::error::DecodeError;
use crate::interest::Interest;
use crate::item::{Key, Origin, Topic, Version};

/// What happened. Handed to [`crate::Gossip::handle`] with the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A link to an admitted neighbour is up. One that is up already starts afresh.
    NeighbourUp {
        /// Who.
        peer: PeerId,
        /// What it wants, clipped by the node to what it may hold.
        interest: Interest,
        /// Whether it relays nothing: then it is in no tree, and one of its neighbours feeds it.
        leaf: bool,
    },
    /// We want something else from now on. All neighbours start afresh.
    Wanted {
        /// What.
        interest: Interest,
    },
    /// What the link to a neighbour costs, as it was measured: trees take the shortest ways by it.
    Cost {
        /// Who.
        peer: PeerId,
        /// Its round-trip time, and what is added for a metered or slow carrier.
        cost: Duration,
    },
    /// The link to a neighbour goes soon: trees look for other ways, and take this one while there is none.
    Leaving {
        /// Who.
        peer: PeerId,
    },
    /// The link is gone: all about the neighbour is forgotten.
    NeighbourDown {
        /// Who.
        peer: PeerId,
    },
    /// One frame off the wire, untrusted.
    Received {
        /// The neighbour that sent it. A stranger's frames are dropped.
        from: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// The node verified this and holds it in memory. At start-up: once for each key. A size below the last one is a
    /// cut, and a size of 0 is as if it were not held: it is told to nobody, and the node refuses what comes of it.
    Accepted {
        /// What.
        key: Key,
        /// Where it belongs.
        topic: Topic,
        /// All that we hold of it now.
        version: Version,
        /// Who delivered it; `None` if we made it or found it on disk.
        from: Option<PeerId>,
        /// Who made it: beside those whose interest it lies in, nobody else is told how much we hold of it. `None`: not known, and told to
        /// whoever asks, and bounded by no quota.
        origin: Option<Origin>,
        /// `Some`: a live payload, to be pushed on. `None`: it came by catch-up or from disk, and is only announced.
        payload: Option<Vec<u8>>,
    },
    /// This is on disk now, and may be advertised. Comes after its `Accepted`.
    Durable {
        /// What.
        key: Key,
        /// All of it that is on disk.
        version: Version,
        /// What the store calls this change. Numbers grow, and mean the same in the next life ([`crate::Gossip::resume`]).
        /// `None`: gossip counts by itself, and its numbers mean nothing to the next life.
        number: Option<u64>,
    },
    /// Some of what is held of this was erased: no payload of it is kept for those who ask for what was pushed.
    Erased {
        /// What.
        key: Key,
    },
    /// The node's answer to a delivery that begins beyond what we hold, or says how what we lack is gone.
    Gap {
        /// What, as it was delivered.
        key: Key,
        /// Where it belongs, if the node could tell.
        topic: Option<Topic>,
        /// Who delivered it.
        from: PeerId,
        /// How much we hold: fetch from there.
        have: u64,
    },
    /// The node's answer to a delivery that does not fit what it holds, or to [`Output::Conflict`]: `from`, and nobody else, is asked
    /// for what it has of `key` from there on. What comes is another history, so that the node says [`Input::Trace`] again for what
    /// follows, or [`Input::Refused`]. Nothing is asked of who owes an answer about the key already, or as many as it may.
    Trace {
        /// What.
        key: Key,
        /// Who holds the other history.
        from: PeerId,
        /// How much of that the node has seen.
        have: u64,
    },
    /// The node's answer to a delivery that does not verify, or that it will not hold: `from` is left alone about this
    /// key, for a time that doubles.
    Refused {
        /// What.
        key: Key,
        /// Who delivered it.
        from: PeerId,
    },
    /// The node's answer to a delivery that it cannot use yet: others are asked first, and `from` again soon, as if it had said
    /// that it will not answer now.
    PutOff {
        /// What, as it was delivered.
        key: Key,
        /// Who delivered it.
        from: PeerId,
    },
    /// So many more bytes of chunks find room with the node: no more is wanted at a time, but a chunk of each neighbour while there is
    /// any, and what is control. Said again after each delivery, and when it grows. Before it is said, there is room for all.
    Room {
        /// How many.
        bytes: usize,
    },
    /// The node's answer to [`Output::Serve`].
    Served {
        /// As in the output.
        to: PeerId,
        /// As in the output.
        key: Key,
        /// As in the output.
        from: u64,
        /// The bytes, about as many as were asked for. `None`: it cannot, or the neighbour may not, which it is told.
        chunk: Option<Vec<u8>>,
    },
    /// The driver dropped a frame for this neighbour.
    Shed {
        /// Who misses it.
        peer: PeerId,
        /// The frame, as it was in [`Output::Send`].
        frame: Vec<u8>,
    },
    /// [`crate::Gossip::poll_timeout`] has come.
    Timeout,
}

/// What to do. Taken from [`crate::Gossip::poll_output`] until there is none.
///
/// Frames come last, so that a driver which answers the others at once lets what follows from them share the frames.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send one frame. If it can't be sent, say [`Input::Shed`].
    Send {
        /// The neighbour.
        to: PeerId,
        /// What the driver's queues sort by.
        priority: Priority,
        /// The frame: one message or more.
        bytes: Vec<u8>,
    },
    /// A payload, opaque and unverified. The node answers [`Input::Accepted`], [`Input::Gap`], [`Input::PutOff`] or
    /// [`Input::Refused`], and nothing for what it holds already.
    Deliver {
        /// Who sent it.
        from: PeerId,
        /// What it should belong to. Of what was asked for by its name, only that is known: see [`Key::names`].
        key: Key,
        /// The bytes.
        payload: Vec<u8>,
        /// Whether it was pushed, and is to be pushed on. Otherwise it was fetched.
        live: bool,
    },
    /// Read what follows `from`, if the neighbour may have it, and answer [`Input::Served`].
    Serve {
        /// Who asks.
        to: PeerId,
        /// For what.
        key: Key,
        /// How much of it the neighbour holds.
        from: u64,
        /// About how many bytes it asks for. One entry goes in any case.
        bytes_max: usize,
    },
    /// A neighbour holds as much as we do, and something else. Reported once for a neighbour and a version.
    Conflict {
        /// What.
        key: Key,
        /// Who.
        from: PeerId,
        /// What it says that it holds.
        theirs: Version,
    },
    /// A neighbour sent what is no frame. The node disconnects it.
    Violation {
        /// Who.
        from: PeerId,
        /// Why.
        error: DecodeError,
    },
}

/// How urgent a message is. Most urgent first, also in `Ord`.
///
/// Whatever concerns a topic of [`crate::Config::control`] is `Control`. Else all that is small and steers (pushes,
/// announcements, wants, summaries and lists) is `Live`: were repair to queue behind bulk, then shedding bulk would
/// also shed what repairs it; and it is bounded, by [`crate::Config::walks_max`], so it can't crowd out readings. What
/// fills (chunks) is `CatchUp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Grants, revocations, evidence: data waits for these.
    Control,
    /// Readings as they come, and the little messages that keep peers equal.
    Live,
    /// What was missed.
    CatchUp,
    /// Large bodies. Nothing here sends at it yet.
    Bulk,
}
