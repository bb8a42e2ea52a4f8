//! What a link needs of iroh's connection. Its streams are those of iroh's fork of quinn, and read alike.

use std::time::Duration;

use ::iroh::TransportAddr;
use ::iroh::endpoint::{Connection, ConnectionError, Path, RecvStream, SendStream};

use crate::net::carrier::{Carrier, Receiver, Sender};
use crate::node::Lost;
use crate::wire::BEHIND;

/// What `of` tells of the path that a connection uses now, or of another one while none is chosen.
fn path<T>(connection: &Connection, of: impl FnOnce(&Path<'_>) -> T) -> Option<T> {
    let paths = connection.paths();
    paths.iter().find(Path::is_selected).or_else(|| paths.iter().next()).map(|path| of(&path))
}

impl Carrier for Connection {
    type Sender = SendStream;
    type Receiver = RecvStream;

    /// It may be metered: where there is a link on the own network, that one is chosen.
    const EXPENSE: Duration = Duration::from_millis(50);

    async fn open_uni(&self) -> Option<SendStream> {
        Self::open_uni(self).await.ok()
    }

    async fn accept_uni(&self) -> Option<RecvStream> {
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
            Some(ConnectionError::TimedOut) => Lost::TimedOut,
            _ => Lost::Closed,
        }
    }

    fn export(&self, output: &mut [u8], label: &[u8]) -> Option<()> {
        self.export_keying_material(output, label, &[]).ok()
    }

    fn address(&self) -> String {
        let direct = |path: &Path<'_>| match path.remote_addr() {
            TransportAddr::Ip(address) => Some(address.to_string()),
            _ => None,
        };
        let direct = path(self, direct).flatten().unwrap_or_default();
        format!("iroh:{}/{direct}", self.remote_id())
    }

    fn round_trip(&self) -> Option<Duration> {
        path(self, |path| path.rtt())
    }
}

impl Sender for SendStream {
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

impl Receiver for RecvStream {
    async fn read_exact(&mut self, buffer: &mut [u8]) -> Option<()> {
        Self::read_exact(self, buffer).await.ok()
    }

    async fn read_some(&mut self, bytes: &mut Vec<u8>, limit: usize) -> Option<()> {
        bytes.extend_from_slice(&self.read_chunk(limit).await.ok()??);
        Some(())
    }

    async fn read_to_end(&mut self, limit: usize) -> Option<Vec<u8>> {
        Self::read_to_end(self, limit).await.ok()
    }
}
