//! What a gossip protocol looks like to the driver: both sides of the comparison are driven through this.

use std::fmt::Debug;

use crate::network::NodeId;
use crate::payload::Payload;
use crate::queue::Micros;

/// A node of one protocol.
pub trait Protocol: Sized + Debug {
    /// What tables call it.
    const NAME: &'static str;
    /// What it sends.
    type Message: Debug;
    /// What it wants to be told later.
    type Timer: Debug;

    /// A node that knows nobody.
    fn new(me: NodeId, seed: u64) -> Self;
    /// Takes in what happened at `now`, and says what to do.
    fn handle(&mut self, now: Micros, input: In<Self>, out: &mut Vec<Out<Self>>);
    /// When it wants [`In::Wake`], if nothing happens before. Asked after each input.
    fn wake(&self) -> Option<Micros> {
        None
    }
    /// What a message takes on the wire.
    fn wire(message: &Self::Message) -> Wire;
    /// What kind of message it is, for the profile.
    fn kind(_message: &Self::Message) -> &'static str {
        "message"
    }
    /// Who it floods to, were it to flood.
    fn neighbours(&self) -> Vec<NodeId>;
    /// Its configuration, for the record.
    fn configuration() -> String;
}

/// What happens to a node.
#[derive(Debug)]
pub enum In<P: Protocol> {
    /// It starts, and may join through this one.
    Join(Option<NodeId>),
    /// The application has something to say.
    Publish(Payload),
    /// A message came.
    Message {
        /// From whom.
        from: NodeId,
        /// What.
        message: P::Message,
    },
    /// A timer that it set.
    Timer(P::Timer),
    /// The time that it named in [`Protocol::wake`].
    Wake,
    /// A connection is up.
    LinkUp {
        /// With whom.
        peer: NodeId,
        /// We dialled it. Each [`Out::Dial`] is answered once: by this or by [`In::DialFailed`].
        dialled: bool,
    },
    /// A connection is gone, and not by our doing.
    LinkDown {
        /// With whom.
        peer: NodeId,
        /// It went silent; otherwise it was closed.
        timed_out: bool,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Whom it was to reach.
        peer: NodeId,
        /// Nothing came back; otherwise a refusal did.
        timed_out: bool,
    },
}

impl<P: Protocol> In<P> {
    /// What the profile counts it as.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Publish(_) => "publish",
            Self::Message { message, .. } => P::kind(message),
            Self::Timer(_) => "timer",
            Self::Wake => "wake",
            Self::LinkUp { .. } => "link up",
            Self::LinkDown { .. } => "link down",
            Self::DialFailed { .. } => "dial failed",
        }
    }
}

/// What a node does.
#[derive(Debug)]
pub enum Out<P: Protocol> {
    /// Sends over a connection that is up. Without one it is lost.
    Send(NodeId, P::Message),
    /// Makes a connection.
    Dial(NodeId),
    /// Ends a connection, after what was sent over it.
    Close(NodeId),
    /// Wants to be told at this time.
    Timer(Micros, P::Timer),
    /// Gives the application what another node published.
    Deliver(Payload),
}

/// What a message takes on the wire: with what tells it from the next one on a stream, without QUIC's own bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// All of it.
    pub bytes: u64,
    /// How many whole payloads are in it.
    pub copies: u64,
}
