//! One UDP socket, and the connections that come and go through it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, Incoming, RecvStream,
    SendStream, ServerConfig, TransportConfig, VarInt,
};
use tokio::time::timeout;

use super::error::BindError;
use super::reception::{Reception, Welcome};
use super::{random_seed, tls};
use crate::node::DialFailure;
use crate::wire::{
    BIDI_STREAMS_MAX, CONNECT_TIMEOUT, CONNECTION_WINDOW, IDLE_MAX_MS, KEEP_ALIVE, SEND_WINDOW, SERVER_NAME,
    STREAM_WINDOW,
};

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
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDI_STREAMS_MAX))
        // None before admission; see `link`.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MAX_MS))));
    config
}

/// Makes and takes in connections on one UDP socket.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    reception: Reception,
}

impl Connector {
    pub(super) fn new(endpoint: Endpoint, reception: Reception) -> Self {
        Self { endpoint, reception }
    }

    /// Takes in whoever connects, until the endpoint is closed.
    pub(super) async fn accept(self) {
        while let Some(incoming) = self.endpoint.accept().await {
            match self.reception.welcome(incoming.remote_address_validated()) {
                Welcome::Refused => incoming.refuse(),
                // Fails only for an address that has proven itself already.
                Welcome::Retry => drop(incoming.retry()),
                Welcome::In(stranger) => self.reception.take_in(stranger, begun(incoming)),
            }
        }
    }

    /// Dials an address, and tells the driver what became of it.
    pub(super) fn dial(&self, address: SocketAddr) {
        let connector = self.clone();
        tokio::spawn(async move {
            let dialled = timeout(CONNECT_TIMEOUT, connector.connect(address)).await;
            if let Err(why) = dialled.unwrap_or(Err(DialFailure::TimedOut)) {
                connector.reception.dial_failed(address, why).await;
            }
        });
    }

    async fn connect(&self, address: SocketAddr) -> Result<(), DialFailure> {
        let connecting = self.endpoint.connect(address, SERVER_NAME).map_err(|_| DialFailure::Unreachable)?;
        let connection = connecting.await.map_err(|error| failure(&error))?;
        let streams = connection.open_bi().await.map_err(|error| failure(&error))?;
        let link = self.reception.hand_over(connection, streams, Some(address), None).await;
        link.then_some(()).ok_or(DialFailure::Unreachable)
    }

    /// Closes all connections, and waits until their other ends were told.
    pub(super) async fn close(&self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
        self.endpoint.wait_idle().await;
    }
}

async fn begun(incoming: Incoming) -> Option<(Connection, (SendStream, RecvStream))> {
    let connection = incoming.await.ok()?;
    let streams = connection.accept_bi().await.ok()?;
    Some((connection, streams))
}

/// What a dial that came to nothing means.
fn failure(error: &ConnectionError) -> DialFailure {
    match error {
        ConnectionError::TimedOut => DialFailure::TimedOut,
        // Whoever has too many strangers says so (RFC 9000, section 20.1: CONNECTION_REFUSED), or hangs up.
        ConnectionError::ConnectionClosed(_) | ConnectionError::ApplicationClosed(_) => DialFailure::Refused,
        ConnectionError::VersionMismatch => DialFailure::Denied,
        _ => DialFailure::Unreachable,
    }
}
