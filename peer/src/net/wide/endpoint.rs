//! iroh's endpoints: one that is dialled, one that dials.
//!
//! They are two because iroh looks for better ways to whoever it is connected with, at addresses that the other end names.
//! Who dialled a contact may do so: the contact has shown the key that its address names. Who is dialled by a stranger may
//! not, since nothing is dialled but contacts. So the endpoint that is dialled has no route to anywhere: it answers where
//! something came from, and sends nothing to any other host.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use ::iroh::endpoint::{
    BindError as IrohError, BindOpts, Connection, Endpoint, IdleTimeout, Incoming, NetReportConfig,
    PortmapperConfig, QuicTransportConfig, RecvStream, SendStream, VarInt, presets,
};
use ::iroh::{RelayMode, SecretKey};
use tokio::time::timeout;

use super::{Contacts, IrohAddress, WideArea};
use crate::net::error::BindError;
use crate::net::random_seed;
use crate::net::reception::{Reception, Welcome};
use crate::net::tls::ALPN;
use crate::node::DialFailure;
use crate::wire::{
    BIDI_STREAMS_MAX, CONNECT_TIMEOUT, CONNECTION_WINDOW, IDLE_MAX_MS, KEEP_ALIVE, SEND_WINDOW, STREAM_WINDOW,
};

/// The endpoints that a peer needs.
#[derive(Debug, Clone, Default)]
pub(in crate::net) struct Endpoints {
    dialled: Option<Endpoint>,
    dialling: Option<Endpoint>,
    contacts: Contacts,
}

impl Endpoints {
    /// Opens them: one where the peer is asked to listen, and one that dials from `home`, or from where it listens.
    pub(in crate::net) async fn bind(area: &WideArea, home: IpAddr) -> Result<Self, BindError> {
        let dialled = match area.listen {
            Some((address, _)) if address.ip().is_unspecified() => {
                return Err(BindError::Unspecified { address });
            }
            Some((address, key)) => {
                // Only this host itself is on the way; see above.
                let whole = if address.is_ipv4() { 32 } else { 128 };
                let nowhere = BindOpts::default().set_prefix_len(whole).set_is_default_route(false);
                Some(endpoint(address, key, nowhere, true).await?)
            }
            None => None,
        };
        let dialling = if area.contacts.is_empty() {
            None
        } else {
            let from = area.listen.map_or(home, |(address, _)| address.ip());
            Some(endpoint(SocketAddr::new(from, 0), random_seed(), BindOpts::default(), false).await?)
        };
        Ok(Self { dialled, dialling, contacts: area.contacts.clone() })
    }

    /// Where it is dialled.
    pub(in crate::net) fn address(&self) -> Option<IrohAddress> {
        let endpoint = self.dialled.as_ref()?;
        IrohAddress::new(endpoint.id(), endpoint.bound_sockets()).ok()
    }
}

/// An endpoint on that socket and no other, which calls nobody.
async fn endpoint(
    address: SocketAddr,
    key: [u8; 32],
    routes: BindOpts,
    accepts: bool,
) -> Result<Endpoint, BindError> {
    let failed = |source: IrohError| match source {
        IrohError::Sockets { source, .. } if source.kind() == ErrorKind::AddrInUse => {
            BindError::IrohTaken { address }
        }
        source => BindError::Iroh { address, source: Box::new(source) },
    };
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .portmapper_config(PortmapperConfig::Disabled)
        .net_report_config(NetReportConfig::minimal())
        .clear_address_lookup()
        .clear_ip_transports()
        .bind_addr_with_opts(address, routes)
        .expect("an address that is one already, a prefix that fits it, and no second socket")
        .secret_key(SecretKey::from_bytes(&key))
        // What is not kept is not resumed, and with it no 0-RTT is sent.
        .max_tls_tickets(0)
        .transport_config(transport())
        .alpns(if accepts { vec![ALPN.to_vec()] } else { Vec::new() });
    builder.bind().await.map_err(failed)
}

/// The same bounds as on the other socket. Where iroh has its own, they are as strict.
fn transport() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDI_STREAMS_MAX))
        // None before admission; see `link`.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .send_observed_address_reports(false)
        .receive_observed_address_reports(false)
        .keep_alive_interval(KEEP_ALIVE)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MAX_MS))))
        .build()
}

/// Makes and takes in connections over iroh.
#[derive(Debug, Clone)]
pub(in crate::net) struct Connector {
    endpoints: Endpoints,
    reception: Reception,
}

impl Connector {
    pub(in crate::net) fn new(endpoints: Endpoints, reception: Reception) -> Self {
        Self { endpoints, reception }
    }

    /// The contact that an address stands for.
    pub(in crate::net) fn contact(&self, address: SocketAddr) -> Option<&IrohAddress> {
        self.endpoints.contacts.of(address)
    }

    /// Turns away whoever connects where this peer only dials: what nobody takes in would wait there, and be kept.
    pub(in crate::net) async fn turn_away(self) {
        let Some(endpoint) = &self.endpoints.dialling else { return };
        while let Some(incoming) = endpoint.accept().await {
            incoming.ignore();
        }
    }

    /// Takes in whoever connects, until the endpoint is closed.
    pub(in crate::net) async fn accept(self) {
        let Some(endpoint) = &self.endpoints.dialled else { return };
        while let Some(incoming) = endpoint.accept().await {
            match self.reception.welcome(incoming.remote_addr_validated()) {
                Welcome::Refused => incoming.refuse(),
                // Fails only for an address that has proven itself already.
                Welcome::Retry => drop(incoming.retry()),
                Welcome::In(stranger) => self.reception.take_in(stranger, begun(incoming)),
            }
        }
    }

    /// Dials what a stand-in stands for, and tells the driver what became of it. `false`: it is none.
    pub(in crate::net) fn dial(&self, address: SocketAddr) -> bool {
        let Some(contact) = self.endpoints.contacts.of(address).cloned() else { return false };
        let connector = self.clone();
        tokio::spawn(async move {
            let dialled = timeout(CONNECT_TIMEOUT, connector.connect(address, &contact)).await;
            let why = match dialled {
                Ok(true) => return,
                Ok(false) => DialFailure::Unreachable,
                Err(_) => DialFailure::TimedOut,
            };
            connector.reception.dial_failed(address, why).await;
        });
        true
    }

    async fn connect(&self, address: SocketAddr, contact: &IrohAddress) -> bool {
        let Some(endpoint) = &self.endpoints.dialling else { return false };
        let Ok(connection) = endpoint.connect(contact.to_iroh(), ALPN).await else { return false };
        let Ok(streams) = connection.open_bi().await else { return false };
        self.reception.hand_over(connection, streams, Some(address), None).await
    }

    /// Closes all connections, and waits until their other ends were told.
    pub(in crate::net) async fn close(&self) {
        let close = async |endpoint: &Option<Endpoint>| {
            if let Some(endpoint) = endpoint {
                endpoint.close().await;
            }
        };
        tokio::join!(close(&self.endpoints.dialled), close(&self.endpoints.dialling));
    }
}

async fn begun(incoming: Incoming) -> Option<(Connection, (SendStream, RecvStream))> {
    // iroh's TLS takes what is sent before it is done. Nothing of that is looked at until it is, which whoever sends it a
    // second time cannot bring about; and nothing that is bound to this connection can be said before.
    let connection = incoming.await.ok()?;
    let streams = connection.accept_bi().await.ok()?;
    Some((connection, streams))
}
