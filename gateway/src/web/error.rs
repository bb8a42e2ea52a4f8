use std::io;
use std::net::SocketAddr;

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error("{taken} is in use by another program; choose another port, for example `--listen {free}`")]
    Taken {
        /// Where.
        taken: SocketAddr,
        /// An address to try instead. Nobody has looked whether it is free.
        free: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {addr}; choose another address, for example `--listen 127.0.0.1:8080`")]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Serving broke off.
    #[error("the page can no longer be served")]
    Serve(#[source] io::Error),
}

impl ServeError {
    pub(super) fn bind(addr: SocketAddr, source: io::Error) -> Self {
        if source.kind() != io::ErrorKind::AddrInUse {
            return Self::Bind { addr, source };
        }
        let mut free = addr;
        free.set_port(addr.port().checked_add(1).unwrap_or(8080));
        Self::Taken { taken: addr, free, source }
    }
}
