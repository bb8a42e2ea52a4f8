//! Claims and countersignatures of a peer, as time goes by.
//!
//! | when | what |
//! |---|---|
//! | a minute after it opened, then [`Claims::every`] after the last time | all that is due by [`msec_crdt_store::Queries::due`], each as an entry |
//! | something is refused | the rest waits for the next time |
//!
//! What was said stands in the store: a restart says nothing twice. Claims of others are looked at again after a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use msec_crdt_store::{ClaimHash, Due, DueQuery, ROLL_UPS_STREAM, Resolution, Says, Statement};
use msec_identity::{CollectionPath, PeerId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::error::{PublishFailed, QueryFailed};
use super::peer::hand_over;
use crate::net::{Command, Disk};
use crate::node::{Content, StreamName, StreamSpec};

/// Claims and countersignatures that are made without looking at the store again.
pub const STATEMENTS_MAX: usize = 64;

/// Claims of others that are not right and are remembered, so that they are not recomputed each time. At one more all are
/// forgotten, and looked at again.
const REFUSED_MAX: usize = 4_096;

/// How long after it opened a peer claims something for the first time, at most: one that is started again and again does not
/// fill its log.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// The shortest pause between two looks at the store.
const EVERY_MIN: Duration = Duration::from_millis(100);

/// What a peer claims of the logs that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// How long after it claimed something it does so again. Each time a log that has something new costs an entry of some 100 bytes and more. Default: 24 h.
    pub every: Duration,
    /// Of logs in these collections and those below them, where it may write. Default: none.
    pub collections: Vec<CollectionPath>,
    /// How long the buckets are: longer ones are made of them. Default: hours.
    pub resolution: Resolution,
    /// Whether it claims what others wrote, too, and countersigns their claims once it has recomputed them: for gateways. Default:
    /// no, only what it wrote itself.
    pub of_others: bool,
}

impl Default for Claims {
    fn default() -> Self {
        let every = Duration::from_secs(24 * 3600);
        Self { every, collections: Vec::new(), resolution: Resolution::Hour, of_others: false }
    }
}

/// Claims, for as long as this lives.
#[derive(Debug)]
pub(super) struct Claiming(JoinHandle<()>);

impl Claiming {
    pub(super) fn start(config: Claims, me: PeerId, commands: mpsc::WeakSender<Command>, disk: Disk) -> Self {
        Self(tokio::spawn(async move {
            let (mut refused, mut pause) = (BTreeSet::new(), config.every.min(FIRST_AFTER));
            loop {
                sleep(pause).await;
                pause = config.every.max(EVERY_MIN);
                for collection in &config.collections {
                    let (resolution, of_others) = (config.resolution, config.of_others);
                    let collection = collection.clone();
                    let query = DueQuery { me, collection, resolution, of_others, limit: STATEMENTS_MAX };
                    // It is not kept from closing by this.
                    let Some(commands) = commands.upgrade() else { return };
                    if let Err(error) = say_all(query, &mut refused, &commands, &disk).await {
                        tracing::warn!(%error, "roll-ups are not claimed now, but the next time");
                    }
                }
            }
        }))
    }
}

impl Drop for Claiming {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why something that is due was not said.
#[derive(Debug, thiserror::Error)]
enum NotSaid {
    #[error("what is due cannot be read")]
    Query(#[from] QueryFailed),
    #[error("it cannot be published")]
    Publish(#[from] PublishFailed),
}

/// Says all that is due.
async fn say_all(
    query: DueQuery,
    refused: &mut BTreeSet<ClaimHash>,
    commands: &mpsc::Sender<Command>,
    disk: &Disk,
) -> Result<(), NotSaid> {
    loop {
        if refused.len() > REFUSED_MAX {
            refused.clear();
        }
        let (asked, mut known) = (query.clone(), std::mem::take(refused));
        let answered = disk.with(move |queries| (queries.due(&asked, &mut known), known)).await;
        let (due, known) = answered.ok_or(super::PeerClosed).map_err(QueryFailed::from)?;
        *refused = known;
        let Due { statements, more } = due.map_err(QueryFailed::from)?;
        let mut pending = Vec::with_capacity(statements.len());
        for Statement { collection, says } in statements {
            let name = StreamName { collection, stream: ROLL_UPS_STREAM.into() };
            let content = match says {
                Says::Claim(claim) => Content::Claim(Box::new(claim)),
                Says::Countersignature(confirmed) => Content::Countersignature(confirmed),
            };
            let stream = StreamSpec { name, unit: None, place: None };
            pending.push(hand_over(commands, stream, content).await.map_err(PublishFailed::from)?);
        }
        // What is on disk is not due again.
        for pending in pending {
            pending.await?;
        }
        if !more {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::{Reading, RollUpQuery};
    use msec_identity::UnixMillis;

    use super::*;
    use crate::{Membership, Owner, Peer, PeerConfig};

    const HOUR_MS: i64 = 3_600_000;

    fn claims(of_others: bool) -> Claims {
        let collections = vec!["parks".parse().expect("a path")];
        Claims { every: Duration::from_millis(200), collections, of_others, ..Claims::default() }
    }

    /// A writer claims its own, and a gateway that holds the entries countersigns: both see it.
    #[tokio::test]
    async fn a_writer_claims_and_a_gateway_countersigns() {
        let owner = Owner::found("harbour").expect("founded");
        let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let open = async |n: usize, rights: &str, of_others, contact: Option<std::net::SocketAddr>| {
            let config = PeerConfig::new(dirs[n].path()).expect("a data directory");
            let grant = owner.grant(config.peer(), "parks", rights, 30).expect("granted");
            let config = config.join(Membership::new(owner.manifest(), [grant])).claims(claims(of_others));
            let config = contact.into_iter().fold(config, PeerConfig::contact);
            Peer::open(config).await.expect("opens")
        };
        let gateway = open(0, "relay,read,write", true, None).await;
        let sensor = open(1, "read,write", false, Some(gateway.address())).await;
        let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB");
        let readings: Vec<_> = (0..12)
            .map(|n| Reading::new(UnixMillis(1_700_000_000_000 + n * HOUR_MS / 4), n as f64))
            .collect();
        let receipt = sensor.publish(&stream, &readings).await.expect("published");
        let vouched = async |peer: &Peer| loop {
            let claims = peer.claims(receipt.log).await.expect("answers");
            if let [claim] = &claims[..]
                && claim.vouchers() == 2
            {
                return claim.clone();
            }
            sleep(Duration::from_millis(20)).await;
        };
        let patience = Duration::from_secs(20);
        let at_gateway = tokio::time::timeout(patience, vouched(&gateway)).await.expect("in time");
        let at_sensor = tokio::time::timeout(patience, vouched(&sensor)).await.expect("in time");
        assert_eq!((at_gateway.from, at_gateway.to, at_gateway.fits), (0, 2, Some(true)));
        assert_eq!(at_gateway.hash, at_sensor.hash);
        let rows = gateway.roll_ups(RollUpQuery::every(Resolution::Hour)).await.expect("answers");
        assert_eq!(rows.iter().map(|row| row.bucket.count()).collect::<Vec<_>>(), [4, 4, 4]);
        // Nothing is said twice.
        sleep(Duration::from_millis(500)).await;
        let again = gateway.claims(receipt.log).await.expect("answers");
        assert_eq!(again, [at_gateway]);
        sensor.close().await;
        gateway.close().await;
    }
}
