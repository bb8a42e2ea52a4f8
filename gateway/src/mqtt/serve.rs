//! The listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::carry;
use super::intake::Intake;

/// How long open sessions may take to end once the gateway stops. Those that take longer are broken off.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The pause after the system would not let a connection in: it has no more files, and has none again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes the address to listen on. Port 0 takes any that is free; the listener knows which.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves devices until `stop` turns true, and then for at most [`SHUTDOWN_GRACE`].
pub async fn serve(listener: TcpListener, intake: Arc<Intake>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "an MQTT session broke off");
                }
                continue;
            }
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, address)) => match intake.strangers.clone().try_acquire_owned() {
                Ok(stranger) => {
                    connections.spawn(carry(stream, intake.clone(), stranger, stopping.clone()));
                }
                Err(_) => tracing::debug!(%address, "too many that have not said who they are: closed"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot let an MQTT client in");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(SHUTDOWN_GRACE, all).await.is_err() {
        tracing::warn!("some MQTT sessions did not end in time: what they had under way is not acknowledged");
    }
}
