//! Ours: a log a stream, all in one store.

use std::path::Path;

use anyhow::ensure;
use msec_crdt_store::{FileDir, LogHeader, OwnLog, Query, Storage, Store, StoreConfig, TimeQuality};
use msec_identity::{Identity, SpaceId, UnixMillis};

use crate::city::Table;
use crate::seed;

/// So much waits for one signature: a run may hold little more.
const RUN_BYTES: usize = 200_000;

/// Writes entries of so many readings, and reads every value back.
pub(super) fn keep(directory: &Path, tables: &[Table], per_entry: usize) -> anyhow::Result<usize> {
    let config = StoreConfig { index: true, ..StoreConfig::default() };
    let (mut store, _) = Store::open_with(FileDir::open(directory)?, config)?;
    let identity = Identity::from_seed([7; 32]);
    let streams = || tables.iter().flat_map(|table| &table.streams).zip(0u64..);
    let mut commits = 0;
    for (stream, n) in streams() {
        let mut incarnation = [0; 16];
        incarnation[..8].copy_from_slice(&n.to_le_bytes());
        let collection = "city/real".parse()?;
        let header = LogHeader::new(SpaceId([1; 32]), collection, &stream.name, identity.peer(), incarnation);
        let mut log = OwnLog::create(header.with_unit(stream.unit));
        for (position, readings) in stream.readings.chunks(per_entry).enumerate() {
            let now = readings.last().map_or(UnixMillis(0), |reading| reading.time);
            let salt = seed::bytes(&[n, position as u64]);
            let salt = *salt.first_chunk().expect("sixteen of thirty-two bytes");
            log.append_readings(now, TimeQuality::Synchronised, salt, readings)?;
            if log.pending_bytes() > RUN_BYTES {
                commits += 1;
                store.apply(commits, &log.sign(&identity, now).into_iter().collect::<Vec<_>>())?;
            }
        }
        commits += 1;
        let end = stream.readings.last().map_or(UnixMillis(0), |reading| reading.time);
        store.apply(commits, &log.sign(&identity, end).into_iter().collect::<Vec<_>>())?;
    }
    store.sync()?;
    store.close();
    let mut kept = 0;
    for (stream, _) in streams() {
        let rows = store.query(&Query { stream: Some(stream.name.clone()), ..Query::default() })?;
        let same = rows.iter().rev().map(|row| row.reading).eq(stream.readings.iter().copied());
        ensure!(same, "{} came back otherwise than it was written", stream.name);
        kept += rows.len();
    }
    Ok(kept)
}
