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
    /// Something else uses the port that iroh is to use.
    #[cfg(feature = "iroh")]
    #[error("UDP port {} on {} is taken: choose another one with --iroh, or port 0 for any", address.port(), address.ip())]
    IrohTaken {
        /// The address.
        address: SocketAddr,
    },
    /// iroh is to listen on all addresses, and would tell all of them to everybody who connects.
    #[cfg(feature = "iroh")]
    #[error(
        "iroh cannot listen on {address}, which is all addresses: name one of this machine, such as 192.0.2.7:4001"
    )]
    Unspecified {
        /// The address.
        address: SocketAddr,
    },
    /// iroh cannot listen.
    #[cfg(feature = "iroh")]
    #[error("iroh cannot listen on {address}")]
    Iroh {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: Box<iroh::endpoint::BindError>,
    },
}
