//! QUIC's TLS: raw public keys (RFC 7250), made for this process and thrown away with it.
//!
//! Each side accepts any key of the other. That keeps out whoever only listens; somebody in between is found out by the
//! Noise handshake inside, which is bound to this connection's exporter (RFC 9266).

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms, ring,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// What both sides say they speak.
pub(super) const ALPN: &[u8] = b"msec/1";
/// PKCS #8 for an Ed25519 key (RFC 8410), up to the 32 bytes of its seed.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The server's half, with the key of this seed.
pub(super) fn server(seed: [u8; 32]) -> Result<QuicServerConfig, Error> {
    QuicServerConfig::try_from(server_config(seed)?).map_err(|e| Error::General(e.to_string()))
}

fn server_config(seed: [u8; 32]) -> Result<rustls::ServerConfig, Error> {
    let pkcs8 = [PKCS8_PREFIX.as_slice(), &seed].concat();
    let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
    let spki = key.public_key().ok_or_else(|| Error::General("an Ed25519 key has a public half".into()))?;
    let certified = CertifiedKey::new(vec![CertificateDer::from(spki.to_vec())], key);
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // No resumption, and with it no 0-RTT.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// What a link needs of cryptography, and no more: X25519 and Ed25519. With ring's own list a sensor's program would carry P-256, P-384 and
/// RSA, which nobody here speaks.
fn provider() -> CryptoProvider {
    use ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256};
    CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256],
        kx_groups: vec![ring::kx_group::X25519],
        signature_verification_algorithms: ED25519,
        secure_random: &System,
        key_provider: &System,
    }
}

const ED25519: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[webpki::ring::ED25519],
    mapping: &[(SignatureScheme::ED25519, &[webpki::ring::ED25519])],
};

/// The operating system's randomness.
#[derive(Debug)]
struct System;

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for System {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("keys are made for each process, and none is loaded".into()))
    }
}

/// The client's half.
pub(super) fn client() -> Result<QuicClientConfig, Error> {
    QuicClientConfig::try_from(client_config()?).map_err(|e| Error::General(e.to_string()))
}

fn client_config() -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey { provider }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Accepts any raw public key that signs the handshake.
#[derive(Debug)]
struct AnyKey {
    provider: Arc<CryptoProvider>,
}

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
        verify_tls13_signature_with_raw_key(
            message,
            &key,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CLIENT_FINISHED_BYTES, CLIENT_HELLO_BYTES, SERVER_HELLO_BYTES, SERVER_REST_BYTES};
    use rustls::quic::{ClientConnection, KeyChange, ServerConnection, Version};

    /// Whoever imitates these messages counts on their sizes.
    #[test]
    fn handshake_messages_have_the_sizes_that_are_told() {
        const PARAMETERS: usize = 70;
        let name = ServerName::try_from(crate::wire::SERVER_NAME).expect("a name");
        let client = Arc::new(client_config().expect("a configuration"));
        let mut client =
            ClientConnection::new(client, Version::V1, name, vec![1; PARAMETERS]).expect("a client");
        let server = Arc::new(server_config([7; 32]).expect("a configuration"));
        let mut server = ServerConnection::new(server, Version::V1, vec![2; PARAMETERS]).expect("a server");

        let mut hello = Vec::new();
        assert!(client.write_hs(&mut hello).is_none());
        server.read_hs(&hello).expect("a hello");
        let (mut answer, mut rest, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        assert!(matches!(server.write_hs(&mut answer), Some(KeyChange::Handshake { .. })));
        assert!(matches!(server.write_hs(&mut rest), Some(KeyChange::OneRtt { .. })));
        client.read_hs(&answer).expect("an answer");
        assert!(matches!(client.write_hs(&mut Vec::new()), Some(KeyChange::Handshake { .. })));
        client.read_hs(&rest).expect("the rest");
        assert!(matches!(client.write_hs(&mut finished), Some(KeyChange::OneRtt { .. })));
        server.read_hs(&finished).expect("the end");
        assert!(!client.is_handshaking() && !server.is_handshaking());

        let sizes = [hello.len() - PARAMETERS, answer.len(), rest.len() - PARAMETERS, finished.len()];
        let told = [CLIENT_HELLO_BYTES, SERVER_HELLO_BYTES, SERVER_REST_BYTES, CLIENT_FINISHED_BYTES];
        assert_eq!(sizes, told);
    }
}
