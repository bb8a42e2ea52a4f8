//! What carries a link: a connection with TLS, whoever made it, and its streams.
//!
//! `link` is written once, over these traits, and compiled for each carrier. What a carrier says of its errors is not
//! passed on: whatever went wrong, the link is over, and its neighbour is dialled again.

use std::time::Duration;

use msec_identity::handshake::ChannelBinding;

use crate::node::Lost;
use crate::wire::{BEHIND, EXPORTER_LABEL};

/// A connection. A clone is the same connection.
pub(super) trait Carrier: Clone + Send + Sync + 'static {
    /// The sending half of its streams.
    type Sender: Sender;
    /// The receiving half of its streams.
    type Receiver: Receiver;

    /// What a link costs beside its delay, when peers choose among links.
    const EXPENSE: Duration;

    /// Opens a stream in one direction, once the other side allows one more.
    fn open_uni(&self) -> impl Future<Output = Option<Self::Sender>> + Send;

    /// Takes in such a stream of the other side.
    fn accept_uni(&self) -> impl Future<Output = Option<Self::Receiver>> + Send;

    /// Lets the other side have so many of them open at once. Before this is called: none.
    fn allow_uni(&self, streams: u32);

    /// Closes it, with all that has not left yet.
    fn close(&self, code: u32);

    /// Waits until it is over.
    fn closed(&self) -> impl Future<Output = ()> + Send;

    /// Why it is over, once it is.
    fn lost(&self) -> Lost;

    /// Bytes that both ends of the connection know, and nobody between them (RFC 5705).
    fn export(&self, output: &mut [u8], label: &[u8]) -> Option<()>;

    /// Where the other end is now.
    fn address(&self) -> String;

    /// The round-trip time, as it is estimated now; `None`: not known.
    fn round_trip(&self) -> Option<Duration>;
}

/// The sending half of a stream. `None`: it is over.
pub(super) trait Sender: Send + 'static {
    /// Hands all of it over, as flow control allows.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Option<()>> + Send;

    /// Says that nothing follows.
    fn finish(&mut self);

    /// Waits until the other side has all of it, or wants no more.
    fn stopped(&mut self) -> impl Future<Output = ()> + Send;

    /// Lets other streams go before this one.
    fn give_way(&self);
}

/// The receiving half of a stream. `None`: it is over.
pub(super) trait Receiver: Send + 'static {
    /// Fills `buffer`.
    fn read_exact(&mut self, buffer: &mut [u8]) -> impl Future<Output = Option<()>> + Send;

    /// Appends what has come to `bytes`, at least one byte and at most `limit`.
    fn read_some(&mut self, bytes: &mut Vec<u8>, limit: usize) -> impl Future<Output = Option<()>> + Send;

    /// All of it; `None` also where it is longer than `limit`.
    fn read_to_end(&mut self, limit: usize) -> impl Future<Output = Option<Vec<u8>>> + Send;
}

/// What the connection's two ends, and nobody between them, both know.
pub(super) fn binding(connection: &impl Carrier) -> Option<ChannelBinding> {
    let mut bytes = [0; 32];
    connection.export(&mut bytes, EXPORTER_LABEL)?;
    Some(ChannelBinding(bytes))
}

impl Carrier for quinn::Connection {
    type Sender = quinn::SendStream;
    type Receiver = quinn::RecvStream;

    const EXPENSE: Duration = Duration::ZERO;

    async fn open_uni(&self) -> Option<quinn::SendStream> {
        Self::open_uni(self).await.ok()
    }

    async fn accept_uni(&self) -> Option<quinn::RecvStream> {
        Self::accept_uni(self).await.ok()
    }

    fn allow_uni(&self, streams: u32) {
        self.set_max_concurrent_uni_streams(streams.into());
    }

    fn close(&self, code: u32) {
        Self::close(self, code.into(), b"");
    }

    async fn closed(&self) {
        Self::closed(self).await;
    }

    fn lost(&self) -> Lost {
        match self.close_reason() {
            Some(quinn::ConnectionError::TimedOut) => Lost::TimedOut,
            _ => Lost::Closed,
        }
    }

    fn export(&self, output: &mut [u8], label: &[u8]) -> Option<()> {
        self.export_keying_material(output, label, &[]).ok()
    }

    fn address(&self) -> String {
        self.remote_address().to_string()
    }

    fn round_trip(&self) -> Option<Duration> {
        Some(self.rtt())
    }
}

impl Sender for quinn::SendStream {
    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.write_all(bytes).await.ok()
    }

    fn finish(&mut self) {
        // Fails only for a stream that is over.
        let _ = Self::finish(self);
    }

    async fn stopped(&mut self) {
        let _ = Self::stopped(self).await;
    }

    fn give_way(&self) {
        let _ = self.set_priority(BEHIND);
    }
}

impl Receiver for quinn::RecvStream {
    async fn read_exact(&mut self, buffer: &mut [u8]) -> Option<()> {
        Self::read_exact(self, buffer).await.ok()
    }

    async fn read_some(&mut self, bytes: &mut Vec<u8>, limit: usize) -> Option<()> {
        let chunk = self.read_chunk(limit, true).await.ok()??;
        bytes.extend_from_slice(&chunk.bytes);
        Some(())
    }

    async fn read_to_end(&mut self, limit: usize) -> Option<Vec<u8>> {
        Self::read_to_end(self, limit).await.ok()
    }
}
