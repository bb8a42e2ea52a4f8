//! A link by hand: what a node never says can be said with it. For adversarial tests, and for the attacks that the demo
//! plants.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use msec_gossip::overlay::{self, ContactId, Overlay, Role};
use msec_identity::handshake::{ChannelBinding, Claim, Initiator, Introduction};
use msec_identity::{HandshakeError, Identity, PeerId, UnixMillis};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::time::timeout;

use super::driver::wall_clock;
use super::error::BindError;
use super::link::read_frame;
use super::{bind, carrier, random_seed};
use crate::sdk::Membership;
use crate::wire::{FRAME_BYTES_MAX, is_of_overlay};

/// How long the other side has for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a peer, and its first stream.
#[derive(Debug)]
pub struct Probe {
    endpoint: Endpoint,
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
}

/// What a probe came up against.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody there, or no longer.
    #[error("{address} does not answer, has no room, or has closed the connection")]
    Gone {
        /// Where.
        address: SocketAddr,
    },
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

impl Probe {
    /// Connects over QUIC. Nobody has said who they are yet.
    pub async fn dial(address: SocketAddr) -> Result<Self, ProbeError> {
        let endpoint = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let gone = || ProbeError::Gone { address };
        let connecting = endpoint.connect(address, "msec").map_err(|_| gone())?;
        let connection = timeout(PATIENCE, connecting).await.map_err(|_| gone())?.map_err(|_| gone())?;
        let (send, recv) = connection.open_bi().await.map_err(|_| gone())?;
        Ok(Self { endpoint, connection, send, recv })
    }

    fn gone(&self) -> ProbeError {
        ProbeError::Gone { address: self.connection.remote_address() }
    }

    /// The connection's exporter.
    pub fn binding(&self) -> Result<ChannelBinding, ProbeError> {
        carrier::binding(&self.connection).ok_or_else(|| self.gone())
    }

    /// Sends one frame, whatever is in it.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        let length = (bytes.len() as u32).to_be_bytes();
        let sent = async { self.send.write_all(&[&length, bytes].concat()).await };
        sent.await.map_err(|_| self.gone())
    }

    /// The next frame.
    pub async fn receive(&mut self) -> Result<Vec<u8>, ProbeError> {
        let frame = timeout(PATIENCE, read_frame(&mut self.recv, FRAME_BYTES_MAX)).await;
        frame.ok().flatten().ok_or_else(|| self.gone())
    }

    /// Does the handshake as `identity`, showing the grants of `membership`. Returns what the other side says of itself.
    pub async fn introduce(
        &mut self,
        identity: &Identity,
        membership: &Membership,
    ) -> Result<Claim, ProbeError> {
        let binding = self.binding()?;
        self.introduce_bound(identity, membership, binding).await
    }

    /// As [`Probe::introduce`], bound to a connection of the caller's choice.
    pub async fn introduce_bound(
        &mut self,
        identity: &Identity,
        membership: &Membership,
        binding: ChannelBinding,
    ) -> Result<Claim, ProbeError> {
        let key = identity.endorse(random_seed(), UnixMillis(i64::MAX));
        let introduction = Introduction {
            space: membership.manifest.space(),
            records: membership.grants.iter().cloned().map(Into::into).collect(),
            greeting: Vec::new(),
        };
        let mut rng = ChaCha20Rng::from_seed(random_seed());
        let (wait, first) = Initiator::start(&key, binding, &mut rng)?;
        self.send(&first).await?;
        let (wait, third) = wait.read(&self.receive().await?, &key, &introduction)?;
        self.send(&third).await?;
        Ok(wait.read(&self.receive().await?, Some(wall_clock()))?)
    }

    /// As [`Probe::introduce`], and then becomes a neighbour, as a leaf: before that, nothing of gossip is listened to.
    pub async fn join(&mut self, identity: &Identity, membership: &Membership) -> Result<Claim, ProbeError> {
        let claim = self.introduce(identity, membership).await?;
        self.befriend(identity.peer(), claim.peer).await?;
        Ok(claim)
    }

    /// Asks the other side, which has admitted `me`, for a place among its neighbours.
    async fn befriend(&mut self, me: PeerId, other: PeerId) -> Result<(), ProbeError> {
        let mut overlay = Overlay::new(overlay::Config::default(), me, Role::Leaf, random_seed());
        let (contact, source) = (ContactId(0), overlay::Source::Configured);
        let known = overlay::Input::Contact { contact, source, peer: Some(other), record: None };
        overlay.handle(Duration::ZERO, known);
        let up = overlay::Input::LinkUp { peer: other, contact: Some(contact), expense: Duration::ZERO };
        overlay.handle(Duration::ZERO, up);
        loop {
            while let Some(output) = overlay.poll_output() {
                match output {
                    overlay::Output::Send { bytes, .. } => self.send(&bytes).await?,
                    overlay::Output::Up { .. } => return Ok(()),
                    overlay::Output::Disconnect { .. } => return Err(self.gone()),
                    _ => {}
                }
            }
            // What is not the overlay's it does not know, and gossip says nothing that matters before.
            let bytes = self.receive().await?;
            if is_of_overlay(&bytes) {
                overlay.handle(Duration::ZERO, overlay::Input::Received { from: other, bytes });
            }
        }
    }

    /// Waits until the other side closes the connection; the code says why. `None` if it does not.
    pub async fn closed(&self) -> Option<u64> {
        match timeout(PATIENCE, self.connection.closed()).await {
            Ok(quinn::ConnectionError::ApplicationClosed(close)) => Some(close.error_code.into_inner()),
            _ => None,
        }
    }

    /// Lets what was sent leave, and goes.
    pub async fn leave(mut self) {
        let _ = self.send.finish();
        let _ = timeout(PATIENCE, self.send.stopped()).await;
        self.endpoint.close(0u32.into(), b"");
        let _ = timeout(PATIENCE, self.endpoint.wait_idle()).await;
    }
}
