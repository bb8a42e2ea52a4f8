//! What tells the gateway to stop: Ctrl-C, and SIGTERM, which systemd sends.

use anyhow::Context;

/// Both signals, listened for from the moment this is made.
#[derive(Debug)]
pub(super) struct Signal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signal {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("cannot wait for SIGTERM")?,
        })
    }

    /// Waits for either.
    pub(super) async fn wait(self) {
        #[cfg(unix)]
        {
            let mut terminate = self.terminate;
            tokio::select! {
                // That one cannot be waited for leaves the other.
                Ok(()) = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
