//! What goes into the overlay's machine, and what comes out.

use std::time::Duration;

use msec_identity::PeerId;
use serde::{Deserialize, Serialize};

use crate::error::DecodeError;

/// A way to reach somebody, named by the node. The machine knows no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(pub u64);

/// What a peer does for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// It relays what others say, and others are told where it lives.
    Relay,
    /// It relays nothing: a sensor, a phone, whoever lives on a battery or behind a gateway.
    Leaf,
}

/// Who says that a contact is there. The best comes first, and is dialled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Whoever runs this peer.
    Configured,
    /// It was seen on an own link.
    Discovered,
    /// A neighbour, with a record that the contact itself has signed.
    Hearsay,
}

/// Why a link is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// The other side, or a broken path that said so at once.
    Closed,
    /// Nothing was heard for too long.
    TimedOut,
    /// It misbehaved, by proof: it is not dialled soon again.
    Misbehaved,
}

/// Why a dial led to no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DialFailure {
    /// There is no way, or nobody listens.
    Unreachable,
    /// No answer.
    TimedOut,
    /// An answer, and it was no: too many links, or too many handshakes.
    Refused,
    /// A stranger, another peer than expected, another version: asking soon again changes nothing.
    Denied,
}

/// Why this side ends a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Leave {
    /// There is no room, or somebody needed it more.
    Full,
    /// A cheaper link took its place.
    Exchanged,
    /// Not needed: it came late, it was only measured, or it made one too many.
    Surplus,
    /// It did not answer.
    Silent,
}

/// What happened. Handed to [`crate::Overlay::handle`] with the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A link to an admitted peer. It is a visit until [`Output::Up`]. One that is there already starts afresh.
    LinkUp {
        /// Who.
        peer: PeerId,
        /// The contact, if we dialled; `None` if the other side did.
        contact: Option<ContactId>,
        /// Added to what is measured: makes metered and slow carriers the last to be chosen.
        expense: Duration,
    },
    /// The link is gone, whoever ended it.
    LinkDown {
        /// Who.
        peer: PeerId,
        /// Why.
        why: Lost,
    },
    /// May be dialled from now on. Said again, it replaces what was said of the contact.
    Contact {
        /// Its name.
        contact: ContactId,
        /// Who says so.
        source: Source,
        /// Who lives there, if it is known. For hearsay: who signed the record.
        peer: Option<PeerId>,
        /// What is told to others about it, at most [`super::RECORD_BYTES_MAX`]. For hearsay: what was checked, byte
        /// for byte.
        record: Option<Vec<u8>>,
    },
    /// May not be dialled any more.
    ContactGone {
        /// Its name.
        contact: ContactId,
    },
    /// The answer to [`Output::Dial`], when there is no link.
    DialFailed {
        /// As in the output.
        contact: ContactId,
        /// Why.
        why: DialFailure,
    },
    /// What we tell about ourselves: opaque, signed, at most [`super::RECORD_BYTES_MAX`]. A leaf has none, and what is
    /// longer is not told.
    OwnRecord {
        /// The record.
        record: Vec<u8>,
    },
    /// The answer to [`Output::Check`], when there is nobody to dial.
    Checked {
        /// As in the output.
        record: Vec<u8>,
        /// Whether its peer signed it and it is valid now: then it is passed on, though this peer may not dial it.
        is_true: bool,
    },
    /// One message of this machine's kind off the wire, untrusted.
    Received {
        /// Who sent it. The messages of who has no link are dropped.
        from: PeerId,
        /// The message, with the byte that tells its kind.
        bytes: Vec<u8>,
    },
    /// Something else came over the link: the other side lives.
    Heard {
        /// Who.
        peer: PeerId,
    },
    /// [`crate::Overlay::poll_timeout`] has come.
    Timeout,
}

/// What to do. Taken from [`crate::Overlay::poll_output`] until there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Connect. Answered with [`Input::LinkUp`] or [`Input::DialFailed`], however late.
    Dial {
        /// The contact.
        contact: ContactId,
    },
    /// End the link, whether it is up or a visit. [`Input::LinkDown`] may follow, and need not.
    Disconnect {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: Leave,
    },
    /// Send one message. It may be lost: nothing relies on any single one.
    Send {
        /// Who.
        to: PeerId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A record, unverified. If it verifies, and may be dialled, the node answers [`Input::Contact`] with the same
    /// bytes; else [`Input::Checked`]. It answers at once: what is to be passed on waits for it.
    Check {
        /// Who told us.
        from: PeerId,
        /// The record.
        record: Vec<u8>,
    },
    /// This contact is not needed any more: it expired, was displaced, or there was no room for it. It is not dialled
    /// until [`Input::Contact`] says it again.
    Forget {
        /// Its name.
        contact: ContactId,
    },
    /// Both sides agreed: a neighbour.
    Up {
        /// Who.
        peer: PeerId,
        /// Whether it is a leaf.
        leaf: bool,
    },
    /// One side has left, and this neighbour is about to be [`Output::Down`]: it still carries what it carried, and
    /// other ways are to be found.
    Leaving {
        /// Who.
        peer: PeerId,
    },
    /// A neighbour no more. The link itself may last for a moment longer.
    Down {
        /// Who.
        peer: PeerId,
    },
    /// What the link to this neighbour costs, when that changes by much: the round trip, smoothed, and its expense.
    Cost {
        /// Who.
        peer: PeerId,
        /// The cost.
        cost: Duration,
    },
    /// Proof that a peer misbehaves. The node ends the link.
    Violation {
        /// Who.
        from: PeerId,
        /// What it sent.
        error: DecodeError,
    },
}
