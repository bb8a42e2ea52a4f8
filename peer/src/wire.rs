//! What a link is on the wire, whoever carries it: streams, frames, windows, times and bounds.
//!
//! The drivers in `net` keep to these, and so does whoever imitates them without a socket.

use std::time::Duration;

/// The first stream goes in both directions, and is the only one that does.
pub const BIDI_STREAMS_MAX: u32 = 1;
/// Chunks of catch-up that an admitted peer may send at once, each on a stream of its own. Before admission: none.
pub const CHUNK_STREAMS_MAX: u32 = 16;
/// The priority of a chunk's stream: it gives way to the first stream, which has priority 0.
pub const BEHIND: i32 = -1;

/// Whether a frame is one of the overlay, which decides who is a neighbour. The two highest bits of its first byte say so;
/// what is neither of the overlay nor of gossip is refused by gossip.
pub fn is_of_overlay(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first >> 6 == 1)
}

/// Whether a frame is about freshness, as [`is_of_overlay`] says it of the overlay.
pub fn is_of_freshness(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first >> 6 == 2)
}

/// The longest message after admission: a message of gossip with its envelope. Of a handshake:
/// [`msec_identity::handshake::MESSAGE_BYTES_MAX`].
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Frames that a side sends before it is admitted.
pub const HANDSHAKE_FRAMES: usize = 2;
/// Bytes that may wait in a link's outbox. Beyond it what is least urgent is shed; gossip is told, and reconciles later.
pub const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of live messages among them. Beyond it they are shed: what would wait for longer is old, and reconciliation tells
/// it shorter.
pub const LIVE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one stream that may wait to be read. Beyond it, flow control stops the sender.
pub const STREAM_WINDOW: u32 = 1024 * 1024;
/// As [`STREAM_WINDOW`], for all streams of a connection together.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes that may be under way to the other side. Beyond it, the link's queues fill.
pub const SEND_WINDOW: u64 = 4 * 1024 * 1024;

/// How long a dial may take, and how long a stranger has to open its first stream.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long a silence a side says that it is there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// After so many milliseconds of silence the connection is over.
pub const IDLE_MAX_MS: u32 = 20_000;
/// How long what was sent last has to leave before a link is closed.
pub const LINGER: Duration = Duration::from_secs(1);

/// Strangers at once above which an address must first prove that it receives what is sent to it (QUIC Retry).
pub const RETRY_ABOVE: usize = 16;
/// Strangers at once above which nobody else is let in.
pub const STRANGERS_MAX: usize = 64;

/// The name that TLS asks for, and that nobody looks at.
pub const SERVER_NAME: &str = "msec";
/// What the exporter is asked for (RFC 9266, section 4.2).
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// Bytes of the client's first TLS message, but for its transport parameters. A test in `net` holds these four against
/// the TLS that is used.
pub const CLIENT_HELLO_BYTES: usize = 175;
/// Bytes of the server's hello.
pub const SERVER_HELLO_BYTES: usize = 90;
/// Bytes of what the server says after it, its key and signature among them, but for its transport parameters.
pub const SERVER_REST_BYTES: usize = 197;
/// Bytes of the client's last message.
pub const CLIENT_FINISHED_BYTES: usize = 36;
