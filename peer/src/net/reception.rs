//! Where connections become links, whatever carries them: each gets a name, and strangers are counted together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::carrier::{self, Carrier};
use super::driver::Inbound;
use super::link;
use crate::node::{DialFailure, Input, LinkId};
use crate::wire::{CONNECT_TIMEOUT, RETRY_ABOVE, STRANGERS_MAX};

/// Somebody who connected and is not admitted yet, for as long as this is held.
#[derive(Debug)]
pub(super) struct Stranger(Arc<AtomicUsize>);

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What becomes of somebody who connects.
pub(super) enum Welcome {
    /// It may come in, and counts as a stranger.
    In(Stranger),
    /// Its address must prove itself first.
    Retry,
    /// There are too many.
    Refused,
}

/// Names for links, and a count of strangers. A clone is the same reception.
#[derive(Debug, Clone)]
pub(super) struct Reception {
    to_driver: mpsc::Sender<Inbound>,
    next_link: Arc<AtomicU64>,
    strangers: Arc<AtomicUsize>,
}

impl Reception {
    pub(super) fn new(to_driver: mpsc::Sender<Inbound>) -> Self {
        Self { to_driver, next_link: Arc::default(), strangers: Arc::default() }
    }

    /// Decides about somebody who connects. `validated`: its address has proven itself.
    pub(super) fn welcome(&self, validated: bool) -> Welcome {
        let strangers = self.strangers.load(Ordering::Relaxed);
        if strangers >= STRANGERS_MAX {
            Welcome::Refused
        } else if strangers >= RETRY_ABOVE && !validated {
            Welcome::Retry
        } else {
            self.strangers.fetch_add(1, Ordering::Relaxed);
            Welcome::In(Stranger(self.strangers.clone()))
        }
    }

    /// Makes a link of what somebody begins who was welcomed: a connection and the first stream that it opens. It has
    /// [`CONNECT_TIMEOUT`] for that.
    pub(super) fn take_in<C: Carrier>(
        &self,
        stranger: Stranger,
        begun: impl Future<Output = Option<(C, (C::Sender, C::Receiver))>> + Send + 'static,
    ) {
        let reception = self.clone();
        let taken_in = async move {
            if let Some((connection, streams)) = begun.await {
                reception.hand_over(connection, streams, None, Some(stranger)).await;
            }
        };
        tokio::spawn(async move {
            if timeout(CONNECT_TIMEOUT, taken_in).await.is_err() {
                tracing::debug!("a stranger that said nothing");
            }
        });
    }

    /// Makes a link of a connection and its first stream; `false` if it cannot be one, or nobody wants links any more.
    pub(super) async fn hand_over<C: Carrier>(
        &self,
        connection: C,
        streams: (C::Sender, C::Receiver),
        dialled: Option<SocketAddr>,
        stranger: Option<Stranger>,
    ) -> bool {
        let Some(binding) = carrier::binding(&connection) else { return false };
        let id = LinkId(self.next_link.fetch_add(1, Ordering::Relaxed));
        let (handle, tasks) = link::ends(&connection, dialled.is_some());
        let expense = C::EXPENSE;
        let link = Inbound::Link { link: id, handle, binding, dialled, expense };
        if self.to_driver.send(link).await.is_err() {
            return false;
        }
        tasks.start(id, connection, streams, self.to_driver.clone(), stranger);
        true
    }

    /// Tells the driver that there is no connection to there.
    pub(super) async fn dial_failed(&self, address: SocketAddr, why: DialFailure) {
        let _ = self.to_driver.send(Inbound::Node(Input::DialFailed { address, why })).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_strangers_must_prove_their_address_and_more_are_refused() {
        let (to_driver, _inbound) = mpsc::channel(1);
        let reception = Reception::new(to_driver);
        // Counted together, whoever took them in.
        let other = reception.clone();
        let mut inside = Vec::new();
        for n in 0..STRANGERS_MAX {
            let unproven = reception.welcome(false);
            match unproven {
                Welcome::In(stranger) if n < RETRY_ABOVE => inside.push(stranger),
                Welcome::Retry if n >= RETRY_ABOVE => {
                    let Welcome::In(stranger) = other.welcome(true) else {
                        panic!("proven, and there is room")
                    };
                    inside.push(stranger);
                }
                _ => panic!("the {n}th is treated otherwise"),
            }
        }
        assert!(matches!(reception.welcome(true), Welcome::Refused));
        assert!(matches!(other.welcome(false), Welcome::Refused));
        inside.pop();
        assert!(matches!(reception.welcome(true), Welcome::In(_)));
        inside.truncate(RETRY_ABOVE - 1);
        assert!(matches!(reception.welcome(false), Welcome::In(_)));
    }
}
