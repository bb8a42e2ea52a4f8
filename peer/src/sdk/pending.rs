//! Readings that were handed over, and are not acknowledged yet.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::error::{PeerClosed, PublishFailed};
use crate::node::{PublishError, Receipt};

/// The answer to [`super::Peer::enqueue`], to be awaited: the receipt, once the readings are signed and on disk. Whoever drops
/// it is not told; the readings are published all the same.
#[derive(Debug)]
#[must_use = "nothing is acknowledged before this is awaited"]
pub struct Pending {
    pub(super) answered: oneshot::Receiver<Result<Receipt, PublishError>>,
}

impl Future for Pending {
    type Output = Result<Receipt, PublishFailed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answered).poll(context).map(|answer| Ok(answer.map_err(|_| PeerClosed)??))
    }
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::Reading;
    use msec_identity::UnixMillis;

    use crate::{Membership, Owner, Peer, PeerConfig, StreamSpec};

    #[tokio::test]
    async fn many_are_under_way_and_keep_their_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let owner = Owner::found("harbour").expect("founded");
        let config = PeerConfig::new(dir.path()).expect("a data directory");
        let grant = owner.grant(config.peer(), "parks", "write", 30).expect("granted");
        let peer = Peer::open(config.join(Membership::new(owner.manifest(), [grant]))).await.expect("opens");
        let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
        let mut pending = Vec::new();
        for n in 0..50 {
            let reading = Reading::new(UnixMillis(1_700_000_000_000), f64::from(n));
            pending.push(peer.enqueue(&stream, &[reading]).await.expect("handed over"));
        }
        for (position, pending) in (1..).zip(pending) {
            assert_eq!(pending.await.expect("acknowledged").position, position);
        }
        peer.close().await;
    }
}
