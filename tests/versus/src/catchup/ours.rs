//! Ours: two peers that ship, in a space that is founded for them. One log a stream.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use msec_crdt_store::{FileDir, LogHeader, OwnLog, Storage, Store, StoreConfig, TimeQuality};
use msec_identity::UnixMillis;
use msec_peer::{DataDir, Membership, Owner, Peer, PeerConfig, Reading, StreamSpec};
use tokio::runtime::Runtime;

use super::{Fetched, count};
use crate::city::Stream;
use crate::clock::Stopwatch;
use crate::seed;

/// Where all of it stands.
const COLLECTION: &str = "city";
/// So much waits for one signature: a run may hold little more.
const RUN_BYTES: usize = 200_000;
/// How often it is looked whether all is there.
const LOOK: Duration = Duration::from_millis(5);

/// Founds a space, lets both peers into it, and writes the logs of the first one.
pub(super) fn prepare(home: &Path, streams: &[Stream], per_entry: usize) -> anyhow::Result<()> {
    let owner = Owner::found("versus")?;
    let mut grants = Vec::new();
    for side in ["server", "client"] {
        let config = PeerConfig::new(home.join(side))?;
        let grant = owner.grant(config.peer(), COLLECTION, "relay,read,write", 30)?;
        DataDir::at(home.join(side)).join(&Membership::new(owner.manifest(), [grant.clone()]))?;
        grants.push(grant);
    }
    let directory = DataDir::at(home.join("server"));
    let identity = directory.identity()?;
    let config = StoreConfig { index: true, ..StoreConfig::default() };
    let (mut store, _) = Store::open_with(FileDir::open(directory.store())?, config)?;
    let (mut commits, mut entries) = (0, 0);
    for (n, stream) in streams.iter().enumerate() {
        let mut incarnation = [0; 16];
        incarnation[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let space = owner.manifest().space();
        let header = LogHeader::new(space, COLLECTION.parse()?, &stream.name, identity.peer(), incarnation);
        let mut log = OwnLog::create(header.with_unit(stream.unit).with_grants(&grants[..1]));
        for (position, readings) in stream.readings.chunks(per_entry).enumerate() {
            let now = readings.last().map_or(UnixMillis(0), |reading| reading.time);
            let salt = seed::bytes(&[n as u64, position as u64]);
            let salt = *salt.first_chunk().expect("sixteen of thirty-two bytes");
            log.append_readings(now, TimeQuality::Synchronised, salt, readings)?;
            if log.pending_bytes() > RUN_BYTES {
                commits += 1;
                store.apply(commits, &log.sign(&identity, now).into_iter().collect::<Vec<_>>())?;
            }
        }
        let end = stream.readings.last().map_or(UnixMillis(0), |reading| reading.time);
        commits += 1;
        store.apply(commits, &log.sign(&identity, end).into_iter().collect::<Vec<_>>())?;
        entries += log.size();
    }
    store.sync()?;
    store.close();
    fs::write(home.join("expected"), format!("{entries} {}", count(streams)))?;
    Ok(())
}

/// The peer that has them.
pub(super) fn serve(home: &Path, until_told: &mut dyn FnMut(String)) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let peer = Peer::open(PeerConfig::new(home.join("server"))?).await?;
        let address = peer.address().to_string();
        tokio::task::block_in_place(|| until_told(address));
        Ok(())
    })
}

/// The fresh peer: until all entries are verified and on its disk.
pub(super) fn fetch(home: &Path, address: &str, clock: Stopwatch) -> anyhow::Result<Fetched> {
    let expected = fs::read_to_string(home.join("expected"))?;
    let (entries, readings) = expected.split_once(' ').context("two numbers")?;
    let (entries, readings): (u64, usize) = (entries.parse()?, readings.parse()?);
    Runtime::new()?.block_on(async {
        let config = PeerConfig::new(home.join("client"))?.contact(address.parse()?);
        let peer = Peer::open(config).await?;
        let (mut told, mut linking_s) = (0.0, None);
        loop {
            let status = peer.status().await?;
            if status.neighbours > 0 {
                linking_s.get_or_insert(clock.seconds());
            }
            let held = status.entries;
            if held >= entries {
                break;
            }
            if clock.seconds() > told + 10.0 {
                told = clock.seconds();
                eprintln!("ours: {held} of {entries} entries after {told:.0} s");
            }
            tokio::time::sleep(LOOK).await;
        }
        // An own entry is acknowledged by the commit that takes along all that was verified before.
        let barrier = StreamSpec::new(COLLECTION, "barrier")?;
        peer.publish(&barrier, &[Reading::new(UnixMillis(0), 0.0)]).await?;
        let held = peer.status().await?.entries;
        ensure!(held == entries + 2, "{held} entries are held, of {entries} and two of its own");
        Ok(Fetched { readings, linking_s: linking_s.unwrap_or(clock.seconds()) })
    })
}
