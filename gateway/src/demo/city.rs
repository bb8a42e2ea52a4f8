//! Founds the space, opens the peers, links them.
//!
//! The gateways form a triangle; each sensor has one gateway; the citizen has two. No sensor is linked to the citizen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use msec_identity::PeerId;
use msec_peer::gossip::Interest;
use msec_peer::store::Query;
use msec_peer::{DataDir, Event, Measured, Membership, Notice, Owner, Peer, PeerConfig, Place, StreamSpec};
use tokio::task::JoinHandle;

use super::auckland::UNIT;
use super::ledger::{Ledger, READERS};
use super::plant::Victims;
use crate::web;

/// The collection that the sensors write to.
pub(super) const COLLECTION: &str = "pedestrians";
/// How long the peers have to find each other.
const LINKED_WITHIN: Duration = Duration::from_secs(20);
const GATEWAYS: usize = 3;
const GRANT_DAYS: u32 = 3650;

/// The open peers.
pub(super) struct City {
    gateways: Vec<Peer>,
    sensors: Vec<(Peer, StreamSpec)>,
    citizen: Peer,
    owner: Arc<Owner>,
    victim: Membership,
    victim_dir: DataDir,
}

impl City {
    /// Opens the city that lives in `dir`, or founds it there.
    pub(super) async fn open(dir: &Path, places: &[web::Place]) -> anyhow::Result<Self> {
        let owner = Arc::new(owner(dir)?);
        let config = |name: String, rights: &str| -> anyhow::Result<(PeerConfig, Membership)> {
            let config = PeerConfig::new(dir.join(&name)).with_context(|| name)?;
            let grant = owner.grant(
                config.peer(),
                if rights == ALL { "" } else { COLLECTION },
                rights,
                GRANT_DAYS,
            )?;
            let membership = Membership::new(owner.manifest(), [grant]);
            Ok((config.join(membership.clone()), membership))
        };
        let mut gateways: Vec<Peer> = Vec::new();
        for n in 1..=GATEWAYS {
            let (config, _) = config(format!("gateway-{n}"), ALL)?;
            let config = gateways
                .iter()
                .fold(config, |config, gateway| config.contact_peer(gateway.address(), gateway.id()));
            gateways.push(Peer::open(config).await?);
        }
        let mut sensors = Vec::new();
        let mut victim = None;
        for (i, place) in places.iter().enumerate() {
            let name = format!("sensor-{:02}", i + 1);
            let (config, membership) = config(name.clone(), "write")?;
            let gateway = &gateways[i % GATEWAYS];
            let config =
                config.interest(Interest::none()).leaf().contact_peer(gateway.address(), gateway.id());
            let stream = StreamSpec::new(COLLECTION, &place.name)?
                .unit(UNIT)
                .place(place.position.and_then(|at| Place::from_degrees(at.latitude, at.longitude)));
            sensors.push((Peer::open(config).await?, stream));
            victim.get_or_insert((membership, DataDir::at(dir.join(name))));
        }
        let (config, _) = config("citizen".into(), "read")?;
        let contacts = [&gateways[0], &gateways[2]];
        let config = contacts
            .iter()
            .fold(config.leaf(), |config, gateway| config.contact_peer(gateway.address(), gateway.id()));
        let citizen = Peer::open(config).await?;
        let (victim, victim_dir) = victim.context("a city without sensors")?;
        Ok(Self { gateways, sensors, citizen, owner, victim, victim_dir })
    }

    /// How many peers there are.
    pub(super) fn peers(&self) -> usize {
        self.gateways.len() + self.sensors.len() + 1
    }

    pub(super) fn sensor_ids(&self) -> Vec<PeerId> {
        self.sensors.iter().map(|(peer, _)| peer.id()).collect()
    }

    pub(super) fn sensors(&self) -> &[(Peer, StreamSpec)] {
        &self.sensors
    }

    /// Those who check every reading themselves: the gateways, and the citizen last.
    fn readers(&self) -> [(String, &Peer); READERS] {
        let [a, b, c] = &self.gateways[..] else { unreachable!("three gateways are opened") };
        let named = |n: usize, peer| (format!("gateway {n}"), peer);
        [named(1, a), named(2, b), named(3, c), ("citizen".into(), &self.citizen)]
    }

    /// Whom the attacks are aimed at.
    pub(super) fn victims(&self) -> Victims {
        Victims {
            stranger_at: self.gateways[0].address(),
            tamper_at: self.gateways[1].address(),
            forge_at: self.gateways[2].address(),
            manifest: self.owner.manifest().clone(),
            sensor: self.victim.clone(),
            sensor_dir: self.victim_dir.clone(),
            relay: self.owner.clone(),
        }
    }

    /// Writes down what the readers say, and shows the first gateway's readings on the page.
    pub(super) fn observe(&self, ledger: &Arc<Ledger>, board: &web::Board) -> Vec<JoinHandle<()>> {
        let observers = self.readers().into_iter().enumerate().map(|(reader, (name, peer))| {
            let mut events = peer.subscribe();
            let (ledger, board) = (ledger.clone(), board.clone());
            tokio::spawn(async move {
                while let Some(notice) = events.next().await {
                    match notice {
                        Notice::Event(Event::Verified(Measured { header, readings, .. })) => {
                            let Some(sensor) = ledger.sensor(&header.author()) else { continue };
                            for reading in readings {
                                ledger.verified(reader, sensor, reading.time, Instant::now());
                                if reader == 0 {
                                    board.reading(sensor, reading.time.0, reading.value);
                                }
                            }
                        }
                        Notice::Event(Event::Stored { readings }) => ledger.stored(reader, readings),
                        Notice::Event(Event::Refused(refused)) => {
                            board.refused(format!("{name}: {}", refused.detail));
                            ledger.refuse(refused);
                        }
                        Notice::Missed(missed) => {
                            tracing::warn!(reader = name, missed, "the observer was too slow")
                        }
                        Notice::Event(_) => {}
                    }
                }
            })
        });
        observers.collect()
    }

    /// Waits until everybody is linked.
    pub(super) async fn linked(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LINKED_WITHIN;
        let gateways = self.gateways.iter().map(|peer| (peer, GATEWAYS - 1));
        let sensors = self.sensors.iter().map(|(peer, _)| (peer, 1));
        for (peer, links) in gateways.chain(sensors).chain([(&self.citizen, 2)]) {
            while peer.neighbours().await?.len() < links {
                anyhow::ensure!(Instant::now() < deadline, "the peers do not find each other on loopback");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    /// How many of the published readings lie in the stores of all readers, read back from disk.
    pub(super) async fn count_stored(&self, ledger: &Ledger) -> anyhow::Result<usize> {
        let mut stored = ledger.entries();
        for (_, reader) in self.readers() {
            let mut held = BTreeSet::new();
            for (sensor, (peer, _)) in self.sensors.iter().enumerate() {
                let rows = reader.query(Query { author: Some(peer.id()), ..Query::default() }).await?;
                held.extend(rows.into_iter().map(|row| (sensor, row.log, row.position, row.reading.time)));
            }
            stored.retain(|entry| held.contains(entry));
        }
        Ok(stored.len())
    }

    /// Closes all peers.
    pub(super) async fn close(self) {
        let sensors = self.sensors.into_iter().map(|(peer, _)| peer);
        let closing: Vec<_> = self
            .gateways
            .into_iter()
            .chain(sensors)
            .chain([self.citizen])
            .map(|peer| tokio::spawn(peer.close()))
            .collect();
        for peer in closing {
            // A peer that broke off is closed too.
            let _ = peer.await;
        }
    }
}

/// Everything, everywhere: what a gateway may do.
const ALL: &str = "relay,read,write";

/// The owner of the city in `dir`; a new one where there is none.
fn owner(dir: &Path) -> anyhow::Result<Owner> {
    let home = DataDir::at(dir.join("owner"));
    let root = home.identity_or_init()?;
    match home.membership()? {
        Some(membership) => Ok(Owner::of(root, membership.manifest().clone())?),
        None => {
            let owner = Owner::found_with("Auckland", root)?;
            home.join(&Membership::new(owner.manifest(), []))?;
            Ok(owner)
        }
    }
}
