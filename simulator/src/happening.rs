//! What the queue of a world holds.

use std::net::SocketAddr;
use std::time::Duration;

use msec_peer::node::{DialFailure, LinkId};

use crate::PeerIndex;
use crate::link::{Half, Kind};
use crate::network::Path;
#[cfg(feature = "quic")]
use crate::wire::Wired;

/// A peer from one start to the next crash. What was meant for one life reaches no later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) peer: PeerIndex,
    pub(crate) boot: u32,
}

/// Something that is to happen. What is rare is boxed, so that all are small: they are moved about in the queue.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A node's timeout has come.
    Wake(Life),
    /// A packet that opens a connection reaches whoever lives at the address.
    Knock(Box<Knock>),
    /// The dialler learns that its connection is up.
    Answered { link: LinkId, knock: Box<Knock> },
    /// A peer dials an address where nobody lived yet when it began to.
    Dial { life: Life, address: SocketAddr },
    /// A dial has come to nothing.
    DialFailed { life: Life, address: SocketAddr, why: DialFailure },
    /// A message reaches the interface of this end.
    Reach { link: LinkId, message: Message },
    /// A message reaches this end.
    Arrive { link: LinkId, message: Message },
    /// The line of this end is free again.
    Drain { link: LinkId },
    /// The chunk that is first in an interface is due.
    Look { interface: u32, half: Half },
    /// A peer hears another announce itself, for as long as the meeting of that number lasts.
    Hear { life: Life, of: PeerIndex, meeting: u64 },
    /// This end learns that the connection is gone; `sure`: without anybody telling it.
    HangUp { link: LinkId, sure: bool },
    /// Nothing has come through a connection for too long.
    Idle { connection: u64, cut: u64 },
    /// Something happens to a datagram or a timer of QUIC.
    #[cfg(feature = "quic")]
    Wire(Wired),
    /// The disk has done the first of its jobs.
    DiskDone(Life),
    /// A hostile peer does something by itself.
    Act(Life),
    /// A second device of a peer is made, and started.
    Copied(PeerIndex),
    /// An issuer has something to say.
    Issue(usize),
}

/// An attempt to connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knock {
    pub(crate) dialler: Life,
    pub(crate) address: SocketAddr,
    pub(crate) path: Path,
    pub(crate) since: Duration,
}

/// A message under way.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}
