//! QUIC by hand, without a node: streams that nobody expects, and somebody between two peers.
//!
//! What a [`msec_peer::net::probe::Probe`] can do is done with that. TLS is set up here a second time, from the documents
//! and not from the driver's code, so that a change of what is spoken on the wire is noticed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use msec_peer::Membership;
use msec_peer::gossip::overlay::{self, ContactId, Overlay, Role};
use msec_peer::identity::handshake::{ChannelBinding, Claim, Initiator, Introduction};
use msec_peer::identity::{HandshakeError, Identity, NoiseKey, PeerId, UnixMillis};
use msec_peer::net::random_seed;
use msec_peer::wire::is_of_overlay;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, ConnectionError, Endpoint, EndpointConfig, RecvStream, SendStream};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use tokio::time::timeout;

/// How long the other side has for each step.
const STEP: Duration = Duration::from_secs(15);
/// The longest frame that is read.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// A connection and its first stream.
#[derive(Debug)]
pub struct RawLink {
    /// The connection.
    pub connection: Connection,
    send: SendStream,
    recv: RecvStream,
    /// Kept, since its connections end with it.
    _endpoint: Endpoint,
}

impl RawLink {
    /// Connects, and opens the first stream.
    pub async fn dial(address: SocketAddr) -> anyhow::Result<Self> {
        Self::dial_from(&endpoint(), address).await
    }

    /// As [`RawLink::dial`], from a socket that is shared.
    pub async fn dial_from(endpoint: &Endpoint, address: SocketAddr) -> anyhow::Result<Self> {
        let connection = timeout(STEP, endpoint.connect(address, "msec")?).await??;
        let (send, recv) = connection.open_bi().await?;
        Ok(Self { connection, send, recv, _endpoint: endpoint.clone() })
    }

    /// Takes in who connects.
    pub async fn accept(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let incoming = timeout(STEP, endpoint.accept()).await?.context("the endpoint is closed")?;
        let connection = timeout(STEP, incoming).await??;
        let (send, recv) = timeout(STEP, connection.accept_bi()).await??;
        Ok(Self { connection, send, recv, _endpoint: endpoint.clone() })
    }

    /// What only the two ends of the connection know.
    ///
    /// # Panics
    ///
    /// If the exporter is used up, which it is not.
    pub fn binding(&self) -> ChannelBinding {
        let mut bytes = [0; 32];
        let exported = self.connection.export_keying_material(&mut bytes, b"EXPORTER-Channel-Binding", b"");
        exported.expect("thirty-two bytes can be exported");
        ChannelBinding(bytes)
    }

    /// Sends bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(timeout(STEP, self.send.write_all(bytes)).await??)
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &[u8]) -> anyhow::Result<()> {
        timeout(STEP, send(&mut self.send, frame)).await?
    }

    /// The next frame.
    pub async fn receive(&mut self) -> anyhow::Result<Vec<u8>> {
        timeout(STEP, receive(&mut self.recv)).await?
    }

    /// Splits the first stream, for somebody who passes frames on.
    pub fn into_streams(self) -> (SendStream, RecvStream, Connection) {
        (self.send, self.recv, self.connection)
    }

    /// Does the handshake as `identity`. Returns what the other side answers, and in how many bytes.
    pub async fn introduce(
        &mut self,
        identity: &Identity,
        membership: &Membership,
    ) -> anyhow::Result<(Result<Claim, HandshakeError>, usize)> {
        let key = identity.endorse(random_seed(), UnixMillis(i64::MAX));
        let (answered, messages) = self.introduce_with(&key, membership).await?;
        Ok((answered, messages[3].len()))
    }

    /// As [`RawLink::introduce`], with a Noise key alone, whoever has it. Returns all four messages too, as they went over the wire.
    pub async fn introduce_with(
        &mut self,
        key: &NoiseKey,
        membership: &Membership,
    ) -> anyhow::Result<(Result<Claim, HandshakeError>, [Vec<u8>; 4])> {
        let mut rng = ChaCha8Rng::from_seed(random_seed());
        let (wait, first) = Initiator::start(key, self.binding(), &mut rng)?;
        self.send(&first).await?;
        let second = self.receive().await?;
        let (wait, third) = wait.read(&second, key, &introduction(membership))?;
        self.send(&third).await?;
        let answer = self.receive().await?;
        Ok((wait.read(&answer, None), [first, second, third, answer]))
    }

    /// As [`RawLink::introduce`], and then asks for a place among the neighbours: before that, nothing of gossip is listened
    /// to.
    pub async fn join(&mut self, identity: &Identity, membership: &Membership) -> anyhow::Result<Claim> {
        let claim = self.introduce(identity, membership).await?.0?;
        self.befriend(identity.peer(), claim.peer).await?;
        Ok(claim)
    }

    /// Asks the other side, which has admitted `me`, for a place among its neighbours.
    pub async fn befriend(&mut self, me: PeerId, peer: PeerId) -> anyhow::Result<()> {
        let mut overlay = Overlay::new(overlay::Config::default(), me, Role::Leaf, random_seed());
        let contact = ContactId(0);
        let source = overlay::Source::Configured;
        let known = overlay::Input::Contact { contact, source, peer: Some(peer), record: None };
        overlay.handle(Duration::ZERO, known);
        let up = overlay::Input::LinkUp { peer, contact: Some(contact), expense: Duration::ZERO };
        overlay.handle(Duration::ZERO, up);
        loop {
            while let Some(output) = overlay.poll_output() {
                match output {
                    overlay::Output::Send { bytes, .. } => self.send(&bytes).await?,
                    overlay::Output::Up { .. } => return Ok(()),
                    overlay::Output::Disconnect { .. } => bail!("there is no place"),
                    _ => {}
                }
            }
            let bytes = self.receive().await?;
            if is_of_overlay(&bytes) {
                overlay.handle(Duration::ZERO, overlay::Input::Received { from: peer, bytes });
            }
        }
    }

    /// The first message of a handshake, after which nothing follows.
    pub async fn begin(&mut self, identity: &Identity) -> anyhow::Result<()> {
        let first = self.first_message(identity)?;
        self.send(&first).await
    }

    /// The first message of a handshake on this connection.
    pub fn first_message(&self, identity: &Identity) -> anyhow::Result<Vec<u8>> {
        let key = identity.endorse(random_seed(), UnixMillis(i64::MAX));
        let mut rng = ChaCha8Rng::from_seed(random_seed());
        Ok(Initiator::start(&key, self.binding(), &mut rng)?.1)
    }

    /// Waits until the other side closes the connection; the code says why.
    pub async fn closed(&self) -> anyhow::Result<u64> {
        match timeout(STEP, self.connection.closed()).await.context("the connection was not closed")? {
            ConnectionError::ApplicationClosed(close) => Ok(close.error_code.into_inner()),
            other => bail!("the connection ended otherwise: {other}"),
        }
    }
}

/// What a peer shows in a handshake.
fn introduction(membership: &Membership) -> Introduction {
    Introduction {
        space: membership.manifest().space(),
        records: membership.grants().iter().cloned().map(Into::into).collect(),
        greeting: Vec::new(),
    }
}

/// Reads one frame.
pub async fn receive(recv: &mut RecvStream) -> anyhow::Result<Vec<u8>> {
    let mut length = [0; 4];
    recv.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    anyhow::ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
    let mut frame = vec![0; length];
    recv.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Sends one frame.
pub async fn send(send: &mut SendStream, frame: &[u8]) -> anyhow::Result<()> {
    let length = u32::try_from(frame.len())?.to_be_bytes();
    Ok(send.write_all(&[&length, frame].concat()).await?)
}

/// A socket on a port of loopback that dials and is dialled.
///
/// # Panics
///
/// If there is no socket for it.
pub fn endpoint() -> Endpoint {
    let provider = Arc::new(ring::default_provider());
    let server = server(provider.clone()).expect("a server's TLS");
    let client = client(provider).expect("a client's TLS");
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port on loopback");
    let runtime = Arc::new(quinn::TokioRuntime);
    let server = Some(quinn::ServerConfig::with_crypto(Arc::new(server)));
    let mut endpoint =
        Endpoint::new(EndpointConfig::default(), server, socket, runtime).expect("a QUIC endpoint");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(client)));
    endpoint
}

/// Ed25519 keys as raw public keys (RFC 7250), which identify nobody.
fn server(provider: Arc<CryptoProvider>) -> anyhow::Result<QuicServerConfig> {
    // PKCS #8 (RFC 8410) in front of the 32 bytes of a seed.
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let pkcs8 = [prefix.as_slice(), &random_seed()].concat();
    let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
    let public = key.public_key().context("a public half")?;
    let certified = CertifiedKey::new(vec![CertificateDer::from(public.to_vec())], key);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))));
    config.alpn_protocols = vec![b"msec/1".to_vec()];
    Ok(config.try_into()?)
}

fn client(provider: Arc<CryptoProvider>) -> anyhow::Result<QuicClientConfig> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"msec/1".to_vec()];
    Ok(config.try_into()?)
}

#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("QUIC is TLS 1.3".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
