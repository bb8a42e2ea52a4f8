//! One connection.
//!
//! The first bidirectional stream carries frames (`length:u32` big endian, then the message): two of the handshake from
//! each side, then live messages. Chunks of catch-up each have a unidirectional stream, at lower priority, so that they
//! never stand in front of a reading. Until the node has admitted the other side, two small frames are read and no more.

use std::sync::Arc;
use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::handshake::{ChannelBinding, MESSAGE_BYTES_MAX};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::driver::Inbound;
use super::queue::Queue;
use crate::node::{CloseReason, Input, LinkId};

/// The longest message after admission: a message of gossip with its envelope.
const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Frames that a side sends before it is admitted.
const HANDSHAKE_FRAMES: usize = 2;
/// How long what was sent last has to leave before a link is closed.
const LINGER: Duration = Duration::from_secs(1);
/// The label of the exporter (RFC 9266, section 4.2).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The driver's end of a link.
#[derive(Debug)]
pub(super) struct LinkHandle {
    live: Arc<Queue>,
    bulk: Arc<Queue>,
    admitted: watch::Sender<bool>,
    reason: watch::Sender<Option<CloseReason>>,
}

impl LinkHandle {
    /// Queues a message; `false` if it was dropped.
    pub(super) fn send(&self, priority: Priority, bytes: Vec<u8>) -> bool {
        match priority {
            Priority::Control | Priority::Live => self.live.push(priority, bytes),
            Priority::CatchUp | Priority::Bulk => self.bulk.push(priority, bytes),
        }
    }

    /// Lets more than the handshake in.
    pub(super) fn admit(&self) {
        self.admitted.send_replace(true);
    }

    /// Closes the link once its live queue has left.
    pub(super) fn close(self, reason: CloseReason) {
        self.reason.send_replace(Some(reason));
        self.live.close();
        self.bulk.close();
    }
}

/// What the connection's two ends, and nobody between them, both know.
pub(super) fn binding(connection: &Connection) -> Option<ChannelBinding> {
    let mut bytes = [0; 32];
    connection.export_keying_material(&mut bytes, EXPORTER_LABEL, &[]).ok()?;
    Some(ChannelBinding(bytes))
}

/// Starts the tasks of a link. The handle goes to the driver before anything that is read does.
pub(super) fn start(
    link: LinkId,
    connection: Connection,
    (send, recv): (SendStream, RecvStream),
    to_driver: mpsc::Sender<Inbound>,
) -> LinkHandle {
    let (live, bulk) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
    let (admitted, admitted_rx) = watch::channel(false);
    let (reason, reason_rx) = watch::channel(None);
    tokio::spawn(write_live(connection.clone(), send, live.clone(), reason_rx));
    tokio::spawn(write_bulk(connection.clone(), bulk.clone()));
    tokio::spawn(read_chunks(link, connection.clone(), admitted_rx.clone(), to_driver.clone()));
    tokio::spawn({
        let (live, bulk) = (live.clone(), bulk.clone());
        async move {
            read_live(link, recv, admitted_rx, &to_driver).await;
            // Whatever ended the reading: nothing is left to say on this connection.
            live.close();
            bulk.close();
            let _ = to_driver.send(Inbound::Node(Input::LinkDown { link })).await;
        }
    });
    LinkHandle { live, bulk, admitted, reason }
}

async fn write_live(
    connection: Connection,
    mut send: SendStream,
    queue: Arc<Queue>,
    reason: watch::Receiver<Option<CloseReason>>,
) {
    while let Some(bytes) = queue.pop().await {
        let length = (bytes.len() as u32).to_be_bytes();
        if send.write_all(&length).await.is_err() || send.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let _ = send.finish();
    let _ = timeout(LINGER, send.stopped()).await;
    let reason = *reason.borrow();
    connection.close(VarInt::from_u32(reason.map_or(0, CloseReason::code)), b"");
}

async fn write_bulk(connection: Connection, queue: Arc<Queue>) {
    while let Some(bytes) = queue.pop().await {
        let Ok(mut stream) = connection.open_uni().await else { return };
        let _ = stream.set_priority(-1);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        let _ = stream.finish();
    }
}

async fn read_live(
    link: LinkId,
    mut recv: RecvStream,
    mut admitted: watch::Receiver<bool>,
    to_driver: &mpsc::Sender<Inbound>,
) {
    for frame in 0.. {
        if frame >= HANDSHAKE_FRAMES && admitted.wait_for(|admitted| *admitted).await.is_err() {
            return;
        }
        let limit = if frame < HANDSHAKE_FRAMES { MESSAGE_BYTES_MAX } else { FRAME_BYTES_MAX };
        let Some(bytes) = read_frame(&mut recv, limit).await else { return };
        // Waits while the driver is busy: QUIC's flow control then slows the sender down.
        if to_driver.send(Inbound::Node(Input::Received { link, bytes })).await.is_err() {
            return;
        }
    }
}

/// One frame; `None` at the end of the stream, and where a frame is longer than allowed.
pub(super) async fn read_frame(recv: &mut RecvStream, limit: usize) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    recv.read_exact(&mut length).await.ok()?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        tracing::debug!(length, limit, "a frame that is too long");
        return None;
    }
    // Grows with what arrives: a length alone makes nobody allocate.
    let mut bytes = Vec::with_capacity(length.min(16 * 1024));
    while bytes.len() < length {
        let chunk = recv.read_chunk(length - bytes.len(), true).await.ok()??;
        bytes.extend_from_slice(&chunk.bytes);
    }
    Some(bytes)
}

async fn read_chunks(
    link: LinkId,
    connection: Connection,
    mut admitted: watch::Receiver<bool>,
    to_driver: mpsc::Sender<Inbound>,
) {
    if admitted.wait_for(|admitted| *admitted).await.is_err() {
        return;
    }
    // One at a time: a neighbour that opens many streams gets no more memory than one that opens one.
    while let Ok(mut stream) = connection.accept_uni().await {
        let Ok(bytes) = stream.read_to_end(FRAME_BYTES_MAX).await else { continue };
        if to_driver.send(Inbound::Node(Input::Received { link, bytes })).await.is_err() {
            return;
        }
    }
}
