//! What must be refused: a stranger, a tampered entry and a forged head.
//!
//! The last two come from a relay that was bought: it holds a valid grant and does the handshake as it should, and then
//! forwards what it has changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use msec_identity::{Identity, Manifest, UnixMillis};
use msec_peer::gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_peer::net::probe::{Probe, ProbeError};
use msec_peer::store::{Body, LogHeader, OwnLog, Run, TimeQuality, encode_readings};
use msec_peer::{DataDir, Membership, Owner, Reading, RefusedKind};
use tokio::sync::watch;

use super::city::COLLECTION;
use super::feed::Pace;
use super::ledger::Ledger;
use super::wait_for;

/// How long a victim has to refuse.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the sensor says: so many people, and when.
const PEOPLE: f64 = 100.0;
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Whom the attacks are aimed at, and what the attackers know.
#[derive(Debug)]
pub(super) struct Victims {
    pub(super) stranger_at: SocketAddr,
    pub(super) tamper_at: SocketAddr,
    pub(super) forge_at: SocketAddr,
    pub(super) manifest: Manifest,
    /// The sensor whose data the relay changes.
    pub(super) sensor: Membership,
    pub(super) sensor_dir: DataDir,
    /// Who was talked into a grant for the relay.
    pub(super) relay: Arc<Owner>,
}

/// Plants the attacks one after the other, and returns how many it planted.
pub(super) async fn plant(
    victims: Victims,
    pace: Pace,
    ledger: Arc<Ledger>,
    halted: watch::Receiver<bool>,
) -> usize {
    let kinds = [RefusedKind::Stranger, RefusedKind::TamperedEntry, RefusedKind::ForgedHead];
    let mut planted = 0;
    for (kind, part) in kinds.into_iter().zip([0.2, 0.4, 0.6]) {
        tokio::select! {
            () = tokio::time::sleep_until(pace.after(part).into()) => {}
            () = wait_for(halted.clone()) => break,
        }
        let attacker = attack(kind, &victims).await.unwrap_or_else(|error| {
            tracing::error!(?kind, %error, "an attack could not be planted");
            None
        });
        planted += 1;
        let deadline = Instant::now() + PATIENCE;
        while !ledger.refused().iter().any(|refused| refused.kind == kind) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Not before: what was sent is read as long as the link stands.
        if let Some(attacker) = attacker {
            attacker.leave().await;
        }
    }
    planted
}

/// Plants one. Whoever was admitted for it stays until it is refused.
async fn attack(kind: RefusedKind, victims: &Victims) -> anyhow::Result<Option<Probe>> {
    let attacker = Identity::from_seed(msec_peer::net::random_seed());
    if kind == RefusedKind::Stranger {
        let mut probe = Probe::dial(victims.stranger_at).await?;
        let nothing = Membership::new(&victims.manifest, []);
        return match probe.introduce(&attacker, &nothing).await {
            Err(ProbeError::Handshake(_)) => Ok(None),
            other => anyhow::bail!("the stranger was not refused: {other:?}"),
        };
    }
    let mut run = honest_run(victims)?;
    let victim = if kind == RefusedKind::TamperedEntry {
        let Some(Body::Kept { bytes, .. }) = run.entries.last_mut().map(|entry| &mut entry.body) else {
            anyhow::bail!("the run has no reading");
        };
        // One person more.
        *bytes = encode_readings(&[Reading::new(NOW, PEOPLE + 1.0)])?;
        victims.tamper_at
    } else {
        run.head = attacker.sign(run.head.claims().clone()).into();
        victims.forge_at
    };
    let grant = victims.relay.grant(attacker.peer(), COLLECTION, "relay,read", 1)?;
    let membership = Membership::new(&victims.manifest, [grant]);
    let mut probe = Probe::dial(victim).await?;
    let claim = probe.join(&attacker, &membership).await?;
    probe.send(&pushed(&run, attacker.peer(), claim.peer)?).await?;
    Ok(Some(probe))
}

/// What the sensor says, before somebody changes it: a reading in a stream that the city has not seen yet.
fn honest_run(victims: &Victims) -> anyhow::Result<Run> {
    let sensor = victims.sensor_dir.identity()?;
    let incarnation = *msec_peer::net::random_seed().first_chunk().context("sixteen of thirty-two bytes")?;
    let header =
        LogHeader::new(victims.manifest.space(), COLLECTION.parse()?, "diverted", sensor.peer(), incarnation)
            .with_grants(victims.sensor.grants());
    let mut log = OwnLog::create(header);
    log.append_readings(NOW, TimeQuality::Synchronised, [7; 16], &[Reading::new(NOW, PEOPLE)])?;
    let run = log.sign(&sensor, NOW).context("there is a reading to sign")?;
    Ok(Run::from_bytes(&run.to_bytes())?)
}

/// The run as a live message, made by the machine that honest peers use.
fn pushed(run: &Run, from: msec_identity::PeerId, to: msec_identity::PeerId) -> anyhow::Result<Vec<u8>> {
    let mut gossip = Gossip::new(Config::default(), from, Interest::none(), [0; 32]);
    gossip.handle(Duration::ZERO, Input::NeighbourUp { peer: to, interest: Interest::all(), leaf: false });
    let (key, version) =
        (Key(run.log.0), Version { size: run.head.claims().size, digest: run.head.claims().root });
    let (topic, payload) = (Topic::new(COLLECTION)?, Some(run.to_bytes()));
    gossip.handle(Duration::ZERO, Input::Accepted { key, topic, version, from: None, origin: None, payload });
    let sent = std::iter::from_fn(|| gossip.poll_output()).find_map(|output| match output {
        Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    sent.context("gossip pushes what was accepted")
}
