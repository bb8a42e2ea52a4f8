//! What can go wrong when a socket is opened.

use std::net::SocketAddr;

/// A socket that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else uses the port.
    #[error("UDP port {} on {} is taken: choose another one with --listen, or port 0 for any", address.port(), address.ip())]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("cannot listen on {address}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}
