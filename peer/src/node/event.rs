//! What apps and operators are told of what happens.

use std::sync::Arc;

use msec_crdt_store::{
    Entry, EntryKind, Fork, LogHeader, LogState, Reading, Row, TimeQuality, decode_readings,
};
use msec_identity::pairing::{InviteTag, OpenInvite, SafetyWords};
use msec_identity::{Class, LogId, PeerId, UnixMillis, Verified};

use super::io::{LinkId, StreamName};
use super::lease::Freshness;

/// Something that apps and operators want to know.
#[derive(Debug, Clone, Hash)]
pub enum Event {
    /// A peer is a neighbour: the two have admitted each other, and both want the link.
    NeighbourUp {
        /// Who.
        peer: PeerId,
    },
    /// It is a neighbour no more.
    NeighbourDown {
        /// Who.
        peer: PeerId,
    },
    /// Readings of another peer were verified: they belong to a log that their author signed and had the right to write.
    Verified(Measured),
    /// Readings of this peer are signed and on disk.
    Written(Measured),
    /// Readings of others that were verified are on disk.
    Stored {
        /// How many.
        readings: u64,
    },
    /// Changes of a document were verified and are on disk, own ones too: whoever folds it can read them.
    Changed {
        /// Which log.
        log: LogId,
        /// Whose it is, and which document.
        header: Arc<LogHeader>,
        /// The position of the last of them.
        position: u64,
    },
    /// Sealed entries were verified and are on disk, own ones too: whoever has the keys reads them there. What is withheld is not told.
    Sealed {
        /// Which log.
        log: LogId,
        /// Whose it is. It shows the stream's sealed name.
        header: Arc<LogHeader>,
        /// The position of the first of them.
        from: u64,
        /// The position after the last.
        end: u64,
    },
    /// A log was forked: its author signed two histories. No head of it is accepted any more.
    Contested {
        /// The evidence.
        fork: Arc<Fork>,
    },
    /// Somebody came with a code, and shows these words; [`super::Input::PairingDecision`] is awaited.
    Pairing {
        /// On which link.
        link: LinkId,
        /// With which code.
        tag: InviteTag,
        /// Who. That it holds that identity is proven.
        joiner: PeerId,
        /// What it calls itself. Nobody proves that.
        name: String,
        /// What both screens show.
        words: SafetyWords,
    },
    /// Somebody walked up with a code from a bench; [`super::Input::WalkUpDecision`] is awaited.
    WalkUp {
        /// On which link.
        link: LinkId,
        /// Who. That it holds that identity is proven.
        joiner: PeerId,
        /// The code. That its signer signed it is checked, and nothing else of it.
        code: Box<Verified<OpenInvite>>,
    },
    /// What became of somebody who came with a code.
    PairingEnded {
        /// On which link.
        link: LinkId,
        /// With which code.
        tag: InviteTag,
        /// What.
        outcome: PairingOutcome,
    },
    /// Something was refused.
    Refused(Refused),
    /// A stream of this peer goes on in a new log, because entries of the old one are missing here.
    NewIncarnation {
        /// Which stream.
        stream: StreamName,
        /// The log that is left behind.
        before: LogId,
    },
    /// The disk refuses to write. Nothing is lost: what waits is tried again.
    StorageFailing,
    /// The disk writes again.
    StorageRecovered,
    /// What is known is fresh enough for a class of data, or not any more. Said when it changes. What is verified of a collection while it is
    /// withheld is stored, and not told as [`Event::Verified`].
    Lease {
        /// Which class.
        class: Class,
        /// How it stands with it.
        freshness: Freshness,
    },
    /// The clock is not set: it shows a time before 2020, or the system says so. Entries are marked as unsynchronised until it is.
    ClockUnset {
        /// What it shows.
        shows: UnixMillis,
    },
}

/// What became of somebody who came with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PairingOutcome {
    /// It was let in, and told so. The code is used.
    Joined,
    /// The owner said no. The code is used.
    Declined,
    /// It went before anybody decided. The code is open again, a few times.
    Gone,
    /// It said nothing for too long, or nobody decided. The code is open again, a few times.
    TooSlow,
    /// It said something else than it should, or the welcome was too long. The code is open again, a few times.
    Failed,
}

/// Something that was refused, and who brought it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Who, if it proved who it is.
    pub peer: Option<PeerId>,
    /// What.
    pub kind: RefusedKind,
    /// In words.
    pub detail: String,
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedKind {
    /// A peer without a valid grant for the space.
    Stranger,
    /// A handshake that did not complete: a wrong key, somebody in between, another version, too slow.
    Handshake,
    /// A head that the log's author did not sign.
    ForgedHead,
    /// A record of where a peer lives that the peer did not sign.
    ForgedAddress,
    /// Entries that are not what the head signs.
    TamperedEntry,
    /// A log whose author had no right to write it.
    NotAuthorised,
    /// An entry without its body, and no erasure is known that covers it. It may come yet: the log is asked for again, elsewhere first.
    LacksBody,
    /// Bytes that are no message, no run or no header.
    Malformed,
    /// More than a stated bound.
    OverBound,
}

/// The readings of one entry.
#[derive(Debug, Clone, Hash)]
pub struct Measured {
    /// Which log.
    pub log: LogId,
    /// Whose it is, and what it measures.
    pub header: Arc<LogHeader>,
    /// The position of the entry.
    pub position: u64,
    /// What the writer knew of its clock.
    pub clock: TimeQuality,
    /// The readings.
    pub readings: Vec<Reading>,
}

impl Measured {
    /// What an entry of that log holds. `None`: something else, or nonsense, which a signed entry may well be; it is kept
    /// and forwarded, and shown to nobody.
    pub(super) fn of(state: &LogState, position: u64, entry: &Entry) -> Option<Self> {
        let (EntryKind::Readings, Some(body)) = (entry.kind, entry.body.bytes()) else { return None };
        let readings = decode_readings(body).ok()?;
        let (log, header) = (state.log(), state.header().clone());
        Some(Self { log, header, position, clock: entry.quality, readings })
    }

    /// A row for each reading.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let row = |(index, reading): (u32, &Reading)| {
            Row::of(&self.header, self.log, (self.position, index), self.clock, *reading)
        };
        (0..).zip(&self.readings).map(row)
    }
}
