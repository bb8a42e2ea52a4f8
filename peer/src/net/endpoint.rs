//! One UDP socket, and the connections that come and go through it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TransportConfig,
    VarInt,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::driver::Inbound;
use super::error::BindError;
use super::{link, random_seed, tls};
use crate::node::{Input, LinkId};

/// How long a dial may take, and how long a stranger has to open its first stream.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Strangers at once above which an address must first prove that it receives what is sent to it (QUIC Retry).
const RETRY_ABOVE: usize = 16;
/// Strangers at once above which nobody else is let in.
const STRANGERS_MAX: usize = 64;
/// The name that TLS asks for, and that nobody looks at.
const SERVER_NAME: &str = "msec";

/// Opens the socket.
pub(crate) fn bind(address: SocketAddr) -> Result<Endpoint, BindError> {
    let transport = Arc::new(transport());
    let mut server = ServerConfig::with_crypto(Arc::new(tls::server(random_seed())?));
    server.transport_config(transport.clone());
    let mut client = ClientConfig::new(Arc::new(tls::client()?));
    client.transport_config(transport);

    let socket = std::net::UdpSocket::bind(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::Taken { address },
        _ => BindError::Io { address, source },
    })?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), Some(server), socket, runtime)
        .map_err(|source| BindError::Io { address, source })?;
    endpoint.set_default_client_config(client);
    Ok(endpoint)
}

fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        // None before admission; see `link`.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(1024 * 1024))
        .receive_window(VarInt::from_u32(4 * 1024 * 1024))
        .send_window(4 * 1024 * 1024)
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(20_000))));
    config
}

/// Somebody who connected and is not admitted yet, for as long as this is held.
#[derive(Debug)]
pub(super) struct Stranger(Arc<AtomicUsize>);

impl Stranger {
    fn count(strangers: &Arc<AtomicUsize>) -> Self {
        strangers.fetch_add(1, Ordering::Relaxed);
        Self(strangers.clone())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Names for links, and a count of strangers. Shared by all that makes links.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    to_driver: mpsc::Sender<Inbound>,
    next_link: Arc<AtomicU64>,
    strangers: Arc<AtomicUsize>,
}

impl Connector {
    pub(super) fn new(endpoint: Endpoint, to_driver: mpsc::Sender<Inbound>) -> Self {
        Self { endpoint, to_driver, next_link: Arc::default(), strangers: Arc::default() }
    }

    /// The way to the driver.
    pub(super) fn to_driver(&self) -> mpsc::Sender<Inbound> {
        self.to_driver.clone()
    }

    /// Takes in whoever connects, until the endpoint is closed.
    pub(super) async fn accept(self) {
        while let Some(incoming) = self.endpoint.accept().await {
            let strangers = self.strangers.load(Ordering::Relaxed);
            if strangers >= STRANGERS_MAX {
                incoming.refuse();
            } else if strangers >= RETRY_ABOVE && !incoming.remote_address_validated() {
                // Fails only for an address that has proven itself already.
                let _ = incoming.retry();
            } else {
                let (connector, stranger) = (self.clone(), Stranger::count(&self.strangers));
                tokio::spawn(async move {
                    if timeout(CONNECT_TIMEOUT, connector.take_in(incoming, stranger)).await.is_err() {
                        tracing::debug!("a stranger that said nothing");
                    }
                });
            }
        }
    }

    async fn take_in(&self, incoming: Incoming, stranger: Stranger) {
        let Ok(connection) = incoming.await else { return };
        let Ok(streams) = connection.accept_bi().await else { return };
        self.hand_over(connection, streams, None, Some(stranger)).await;
    }

    /// Dials an address, and tells the driver what became of it.
    pub(super) fn dial(&self, address: SocketAddr) {
        let connector = self.clone();
        tokio::spawn(async move {
            let dialled = timeout(CONNECT_TIMEOUT, connector.connect(address)).await;
            if !matches!(dialled, Ok(true)) {
                let _ = connector.to_driver.send(Inbound::Node(Input::DialFailed { address })).await;
            }
        });
    }

    async fn connect(&self, address: SocketAddr) -> bool {
        let Ok(connecting) = self.endpoint.connect(address, SERVER_NAME) else { return false };
        let Ok(connection) = connecting.await else { return false };
        let Ok(streams) = connection.open_bi().await else { return false };
        self.hand_over(connection, streams, Some(address), None).await
    }

    async fn hand_over(
        &self,
        connection: Connection,
        streams: (quinn::SendStream, quinn::RecvStream),
        dialled: Option<SocketAddr>,
        stranger: Option<Stranger>,
    ) -> bool {
        let Some(binding) = link::binding(&connection) else { return false };
        let id = LinkId(self.next_link.fetch_add(1, Ordering::Relaxed));
        let (handle, tasks) = link::ends();
        if self.to_driver.send(Inbound::Link { link: id, handle, binding, dialled }).await.is_err() {
            return false;
        }
        tasks.start(id, connection, streams, self.to_driver.clone(), stranger);
        true
    }
}
