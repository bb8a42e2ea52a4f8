//! What tells a program to stop: Ctrl-C, and SIGTERM, which systemd sends.

use anyhow::Context;
use tokio::signal::unix::{self, SignalKind};

/// Both signals, listened for from the moment this is made.
#[derive(Debug)]
pub struct Signal {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signal {
    /// Listens.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| unix::signal(kind).context("cannot wait for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for either.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
