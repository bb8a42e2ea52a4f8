//! One connection.
//!
//! The first bidirectional stream carries frames (`length:u32` big endian, then the message): two of the handshake from
//! each side, then live messages. Chunks of catch-up each have a unidirectional stream, at lower priority, so that they
//! never stand in front of a reading. Until the node has admitted the other side, two small frames are read and no more.

use std::sync::Arc;
use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::handshake::MESSAGE_BYTES_MAX;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::carrier::{Carrier, Receiver, Sender};
use super::driver::Inbound;
use super::queue::Queue;
use super::reception::Stranger;
use crate::node::{CloseReason, Input, LinkId};
use crate::outbox::{Dropped, Lane};
use crate::wire::{CHUNK_STREAMS_MAX, FRAME_BYTES_MAX, HANDSHAKE_FRAMES, LINGER};

/// Bytes of messages of one link that may wait for the node. Beyond it, the link is not read, and QUIC's flow control
/// slows its sender down.
const INBOUND_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The other end of a link's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where it is, as a contact is written.
    pub address: String,
    /// Whether this side dialled.
    pub dialled: bool,
    /// The round-trip time, as it is estimated now; `None`: not known.
    pub round_trip: Option<Duration>,
}

/// The driver's end of a link.
pub(super) struct LinkHandle {
    /// Asks the connection. Boxed, so that the driver need not know what carries a link; only people ask.
    remote: Box<dyn Fn() -> Remote + Send>,
    queue: Arc<Queue>,
    admitted: watch::Sender<bool>,
    reason: watch::Sender<Option<CloseReason>>,
}

/// The link's ends for its tasks.
pub(super) struct LinkTasks {
    queue: Arc<Queue>,
    admitted: watch::Receiver<bool>,
    reason: watch::Receiver<Option<CloseReason>>,
}

/// The two ends of a link. The handle goes to the driver before the tasks start, so that nothing is heard of a link
/// before the link is.
pub(super) fn ends(connection: &impl Carrier, dialled: bool) -> (LinkHandle, LinkTasks) {
    let connection = connection.clone();
    let remote =
        move || Remote { address: connection.address(), dialled, round_trip: connection.round_trip() };
    let queue = Arc::new(Queue::default());
    let (admitted, admitted_rx) = watch::channel(false);
    let (reason, reason_rx) = watch::channel(None);
    let tasks = LinkTasks { queue: queue.clone(), admitted: admitted_rx, reason: reason_rx };
    (LinkHandle { remote: Box::new(remote), queue, admitted, reason }, tasks)
}

impl LinkHandle {
    /// Where the other end is, and how far away.
    pub(super) fn remote(&self) -> Remote {
        (self.remote)()
    }

    /// Queues a message. Returns what was dropped for it.
    pub(super) fn send(&self, priority: Priority, bytes: Vec<u8>) -> Vec<Dropped> {
        self.queue.push(priority, bytes)
    }

    /// Lets more than the handshake in.
    pub(super) fn admit(&self) {
        self.admitted.send_replace(true);
    }

    /// Closes the link once what is live has left.
    pub(super) fn close(self, reason: CloseReason) {
        self.reason.send_replace(Some(reason));
        self.queue.close();
    }
}

impl LinkTasks {
    /// Starts the tasks. `stranger` is let go once the other side is admitted, or the link ends.
    pub(super) fn start<C: Carrier>(
        self,
        link: LinkId,
        connection: C,
        (send, recv): (C::Sender, C::Receiver),
        to_driver: mpsc::Sender<Inbound>,
        stranger: Option<Stranger>,
    ) {
        let Self { queue, admitted, reason } = self;
        let reader = Reader { link, to_driver, budget: Arc::new(Semaphore::new(INBOUND_BYTES_MAX)) };
        let ended = connection.clone();
        tokio::spawn(write_live(connection.clone(), send, queue.clone(), reason));
        tokio::spawn(write_chunks(connection.clone(), queue.clone()));
        tokio::spawn(read_chunks(reader.clone(), connection, admitted.clone()));
        tokio::spawn(async move {
            read_live(&reader, &ended, recv, admitted, stranger).await;
            // Whatever ended the reading: nothing is left to say on this connection.
            queue.close();
            let why = ended.lost();
            let _ = reader.to_driver.send(Inbound::Node(Input::LinkDown { link, why })).await;
        });
    }
}

async fn write_live<C: Carrier>(
    connection: C,
    mut send: C::Sender,
    queue: Arc<Queue>,
    mut reason: watch::Receiver<Option<CloseReason>>,
) {
    let drained = async {
        while let Some(bytes) = queue.pop(Lane::Live).await {
            let length = (bytes.len() as u32).to_be_bytes();
            if send.write(&length).await.is_none() || send.write(&bytes).await.is_none() {
                return;
            }
        }
        send.finish();
        let _ = timeout(LINGER, send.stopped()).await;
    };
    // Somebody who never reads must not keep a connection that was closed. An error: the driver has let go of it.
    let mut told = reason.clone();
    let overdue = async {
        let _ = told.wait_for(Option::is_some).await;
        sleep(LINGER).await;
    };
    tokio::select! {
        () = drained => {}
        () = overdue => {}
    }
    let reason = *reason.borrow_and_update();
    connection.close(reason.map_or(0, CloseReason::code));
}

async fn write_chunks(connection: impl Carrier, queue: Arc<Queue>) {
    while let Some(bytes) = queue.pop(Lane::Chunks).await {
        let Some(mut stream) = connection.open_uni().await else { return };
        stream.give_way();
        if stream.write(&bytes).await.is_none() {
            return;
        }
        stream.finish();
    }
}

/// What hands messages to the driver.
#[derive(Clone)]
struct Reader {
    link: LinkId,
    to_driver: mpsc::Sender<Inbound>,
    budget: Arc<Semaphore>,
}

impl Reader {
    /// Hands over a message, once there is room; `false` if nobody takes it any more.
    async fn hand_over(&self, bytes: Vec<u8>) -> bool {
        let cost = bytes.len().clamp(1, INBOUND_BYTES_MAX) as u32;
        let Ok(room) = self.budget.clone().acquire_many_owned(cost).await else { return false };
        self.to_driver.send(Inbound::Message { link: self.link, bytes, room }).await.is_ok()
    }
}

async fn read_live(
    reader: &Reader,
    connection: &impl Carrier,
    mut recv: impl Receiver,
    mut admitted: watch::Receiver<bool>,
    mut stranger: Option<Stranger>,
) {
    for frame in 0.. {
        if frame >= HANDSHAKE_FRAMES {
            let is_admitted = tokio::select! {
                it = admitted.wait_for(|admitted| *admitted) => it.is_ok(),
                // Whoever waits for an answer may hang up before it comes.
                () = connection.closed() => false,
            };
            if !is_admitted {
                return;
            }
            drop(stranger.take());
        }
        let limit = if frame < HANDSHAKE_FRAMES { MESSAGE_BYTES_MAX } else { FRAME_BYTES_MAX };
        let Some(bytes) = read_frame(&mut recv, limit).await else { return };
        if !reader.hand_over(bytes).await {
            return;
        }
    }
}

/// One frame; `None` at the end of the stream, and where a frame is longer than allowed.
pub(super) async fn read_frame(recv: &mut impl Receiver, limit: usize) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    recv.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        tracing::debug!(length, limit, "a frame that is too long");
        return None;
    }
    // Grows with what arrives: a length alone makes nobody allocate.
    let mut bytes = Vec::with_capacity(length.min(16 * 1024));
    while bytes.len() < length {
        let missing = length - bytes.len();
        recv.read_some(&mut bytes, missing).await?;
    }
    Some(bytes)
}

async fn read_chunks(reader: Reader, connection: impl Carrier, mut admitted: watch::Receiver<bool>) {
    if admitted.wait_for(|admitted| *admitted).await.is_err() {
        return;
    }
    connection.allow_uni(CHUNK_STREAMS_MAX);
    // One at a time: a neighbour that opens many streams gets no more memory than one that opens one.
    while let Some(mut stream) = connection.accept_uni().await {
        let Some(bytes) = stream.read_to_end(FRAME_BYTES_MAX).await else { continue };
        if !reader.hand_over(bytes).await {
            return;
        }
    }
}
