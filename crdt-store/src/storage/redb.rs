//! The index in redb: tables that are written at checkpoints, in one transaction each.
//!
//! ```text
//! meta      "checkpoint"           -> [format, segment, offset, check of the last frame, number of the last run, times rewritten]
//! headers   log:u32                -> the log's header
//! logs      log:u32                -> [head, entries held, their peaks, the rest's, continuable, number of the last run, time of the last entry, newest reading, first entry that was not let go]
//! stretches log:u32 from:u64       -> [entries, segment, offset, bytes, check, oldest, newest, greatest time]
//! nodes     log:u32 level:u8 leaf:u64 -> the root of the subtree of 2^level leaves that starts there
//! rolled    log:u32                -> [entries, the first with a body, untimed, erased, malformed]
//! buckets   log:u32 resolution:u8 row:i64 -> 64 buckets at most, as columns
//! claims    about:32 from:u64 to:u64 in:32 at:u64 -> [hash, root, resolution, first and last bucket, erased]
//! countersigned claim:32 in:32 at:u64 -> nothing
//! ```
//!
//! A log's number stands for its id: new rows of a log lie beside each other, and are as short as they can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use msec_identity::LogId;
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError};

use super::Medium;
use super::blocks::Blocks;
use super::claims::{CLAIMS_READ_MAX, COUNTERSIGNATURES_READ_MAX, ClaimFacts, ClaimKey, Claims};
use super::held::{HeldLog, NODE_LEVELS};
use super::index::{Checkpoint, Index, IndexError, Loaded, Rolled};
use super::stretch::Stretch;
use super::{rolled_row, row};
use crate::merkle::TreeHash;
use crate::rollup::{ClaimHash, Resolution, RollUps, Row};

/// What redb keeps of the file in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const CHECKPOINT: &str = "checkpoint";
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const HEADERS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("headers");
const LOGS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("logs");
const STRETCHES: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("stretches");
const NODES: TableDefinition<'_, (u32, u8, u64), &TreeHash> = TableDefinition::new("nodes");
const ROLLED: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("rolled");
const BUCKETS: TableDefinition<'_, (u32, u8, i64), &[u8]> = TableDefinition::new("buckets");
type ClaimRowKey<'a> = (&'a [u8; 32], u64, u64, &'a [u8; 32], u64);

const CLAIMS: TableDefinition<'_, ClaimRowKey<'_>, &[u8]> = TableDefinition::new("claims");
const COUNTERSIGNED: TableDefinition<'_, (&[u8; 32], &[u8; 32], u64), ()> =
    TableDefinition::new("countersigned");

type BucketsTable<'a> = Table<'a, (u32, u8, i64), &'static [u8]>;

/// An index in a file of redb's.
pub(super) struct RedbIndex {
    database: Database,
    detached: Arc<AtomicBool>,
}

impl std::fmt::Debug for RedbIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbIndex").finish_non_exhaustive()
    }
}

impl RedbIndex {
    /// Opens the file, or makes it; unless it is to be kept, it is made anew.
    pub(super) fn open(medium: &Arc<dyn Medium>, name: &str, keep: bool) -> Result<Self, IndexError> {
        if !keep {
            medium.remove(name)?;
        }
        let detached = Arc::new(AtomicBool::new(false));
        let blocks = Blocks::open(medium.clone(), name, detached.clone())?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(blocks)?;
        medium.sync_dir()?;
        Ok(Self { database, detached })
    }

    fn write(
        &self,
        checkpoint: Checkpoint,
        logs: &[Arc<HeldLog>],
        claims: &Claims,
    ) -> Result<(), IndexError> {
        let mut transaction = self.database.begin_write()?;
        // Opening after a power cut then need not read all of it; and no header is written before what it leads to.
        transaction.set_quick_repair(true);
        {
            let mut headers = transaction.open_table(HEADERS)?;
            let mut rows = transaction.open_table(LOGS)?;
            let mut stretches = transaction.open_table(STRETCHES)?;
            let mut nodes = transaction.open_table(NODES)?;
            for log in logs {
                if !log.has_row {
                    headers.insert(log.number, row::header(&log.facts.header).as_slice())?;
                }
                rows.insert(log.number, row::facts(&log.facts, log.begin()).as_slice())?;
                for stretch in &log.tail {
                    stretches.insert((log.number, stretch.from), row::stretch(stretch).as_slice())?;
                }
                for (level, start, node) in log.new_nodes() {
                    nodes.insert((log.number, level as u8, start), node)?;
                }
                let (number, begin) = (log.number, log.begin());
                if begin > log.swept {
                    let is_left =
                        |from, row: &[u8]| row::read_stretch(from, row).is_ok_and(|it| it.end > begin);
                    stretches.retain_in((number, 0)..(number, begin), |(_, from), row| is_left(from, row))?;
                    for level in (NODE_LEVELS..64).step_by(NODE_LEVELS as usize) {
                        let whole = begin >> level << level;
                        nodes.retain_in((number, level as u8, 0)..(number, level as u8, whole), |_, _| {
                            false
                        })?;
                    }
                }
            }
            let mut rolled = transaction.open_table(ROLLED)?;
            let mut buckets = transaction.open_table(BUCKETS)?;
            for (log, newer) in logs.iter().filter_map(|log| Some((log.number, log.rolled.as_ref()?))) {
                let older = rolled.get(log)?.map(|row| rolled_row::read_rolled(row.value())).transpose()?;
                let joined = older.unwrap_or_default().joined(newer);
                rolled.insert(log, rolled_row::rolled(&joined).as_slice())?;
                Resolution::KEPT.iter().try_for_each(|it| roll_up(&mut buckets, log, newer, *it))?;
            }
            let mut made = transaction.open_table(CLAIMS)?;
            for (key, facts) in &claims.made {
                let ClaimKey { log, from, to, maker, position } = key;
                let key = (&log.0, *from, *to, &maker.0, *position);
                made.insert(key, rolled_row::claim(facts).as_slice())?;
            }
            let mut countersigned = transaction.open_table(COUNTERSIGNED)?;
            for (claim, log, position) in &claims.countersigned {
                countersigned.insert((&claim.0, &log.0, *position), ())?;
            }
            transaction.open_table(META)?.insert(CHECKPOINT, row::checkpoint(&checkpoint).as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Joins what memory has of a log to the rows of buckets that are there, and leaves out those that are not kept.
fn roll_up(
    table: &mut BucketsTable<'_>,
    log: u32,
    newer: &RollUps,
    resolution: Resolution,
) -> Result<(), IndexError> {
    let code = resolution.code();
    for (number, mut row) in newer.rows(resolution) {
        let older = table.get((log, code, number))?;
        let older = older.map(|row| rolled_row::read_buckets(row.value(), resolution, number)).transpose()?;
        for (number, bucket) in older.into_iter().flatten() {
            row.entry(number).or_default().join(&bucket);
        }
        table.insert((log, code, number), rolled_row::buckets(&row).as_slice())?;
    }
    let rows = table.range((log, code, i64::MIN)..=(log, code, i64::MAX))?;
    let oldest = rows.rev().nth(resolution.rows_kept().saturating_sub(1)).transpose()?;
    let Some(oldest) = oldest.map(|(key, _)| key.value()) else { return Ok(()) };
    table.retain_in((log, code, i64::MIN)..oldest, |_, _| false)?;
    Ok(())
}

/// The table, unless this is before the first checkpoint: then there is none.
fn if_any<T>(table: Result<T, TableError>) -> Result<Option<T>, IndexError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Index for RedbIndex {
    fn load(&self) -> Result<Option<Loaded>, IndexError> {
        let transaction = self.database.begin_read()?;
        let Some(meta) = if_any(transaction.open_table(META))? else { return Ok(None) };
        let Some(checkpoint) = meta.get(CHECKPOINT)? else { return Ok(None) };
        let checkpoint = row::read_checkpoint(checkpoint.value())?;
        let headers = transaction.open_table(HEADERS)?;
        let mut headers = headers.iter()?;
        let mut logs = Vec::new();
        for facts in transaction.open_table(LOGS)?.iter()? {
            let (number, facts) = facts?;
            let (of, header) = headers.next().ok_or("a log has no header")??;
            if of.value() != number.value() {
                return Err("a log has no header".into());
            }
            let (facts, begin) = row::read_facts(header.value(), facts.value())?;
            logs.push((number.value(), facts, begin));
        }
        Ok(Some(Loaded { checkpoint, logs }))
    }

    fn back(&self, log: u32, position: u64, max: usize) -> Result<Vec<Stretch>, IndexError> {
        let stretches = self.database.begin_read()?.open_table(STRETCHES)?;
        let rows = stretches.range((log, 0)..=(log, position))?.rev().take(max);
        rows.map(|found| {
            let (key, value) = found?;
            row::read_stretch(key.value().1, value.value())
        })
        .collect()
    }

    fn node(&self, log: u32, level: u32, start: u64) -> Result<Option<TreeHash>, IndexError> {
        let nodes = self.database.begin_read()?.open_table(NODES)?;
        Ok(nodes.get((log, level as u8, start))?.map(|node| *node.value()))
    }

    fn rolled(&self, log: u32) -> Result<Rolled, IndexError> {
        let rolled = self.database.begin_read()?.open_table(ROLLED)?;
        let row = rolled.get(log)?.map(|row| rolled_row::read_rolled(row.value())).transpose()?;
        Ok(row.unwrap_or_default())
    }

    fn rows(&self, log: u32, resolution: Resolution, oldest: i64) -> Result<Vec<(i64, Row)>, IndexError> {
        let buckets = self.database.begin_read()?.open_table(BUCKETS)?;
        let code = resolution.code();
        let rows =
            buckets.range((log, code, oldest)..=(log, code, i64::MAX))?.rev().take(resolution.rows_kept());
        rows.map(|found| {
            let (key, value) = found?;
            let number = key.value().2;
            Ok((number, rolled_row::read_buckets(value.value(), resolution, number)?))
        })
        .collect()
    }

    fn claims(&self, from: &ClaimKey) -> Result<Vec<(ClaimKey, ClaimFacts)>, IndexError> {
        let claims = self.database.begin_read()?.open_table(CLAIMS);
        let Some(claims) = if_any(claims)? else { return Ok(Vec::new()) };
        let (log, greatest) = (from.log, [0xff; 32]);
        let first = (&log.0, from.from, from.to, &from.maker.0, from.position);
        let of_log = first..=(&log.0, u64::MAX, u64::MAX, &greatest, u64::MAX);
        let rows = claims.range(of_log)?.take(CLAIMS_READ_MAX);
        rows.map(|found| {
            let (key, value) = found?;
            let (_, from, to, maker, position) = key.value();
            let key = ClaimKey { log, from, to, maker: LogId(*maker), position };
            Ok((key, rolled_row::read_claim(value.value())?))
        })
        .collect()
    }

    fn countersigning(&self, claim: &ClaimHash, from: (LogId, u64)) -> Result<Vec<(LogId, u64)>, IndexError> {
        let countersigned = self.database.begin_read()?.open_table(COUNTERSIGNED);
        let Some(countersigned) = if_any(countersigned)? else { return Ok(Vec::new()) };
        let of_claim = (&claim.0, &from.0.0, from.1)..=(&claim.0, &[0xff; 32], u64::MAX);
        let rows = countersigned.range(of_claim)?.take(COUNTERSIGNATURES_READ_MAX);
        rows.map(|found| found.map(|(key, _)| (LogId(*key.value().1), key.value().2)).map_err(Into::into))
            .collect()
    }

    fn relocate(&self, checkpoint: Checkpoint, moved: &[(u32, u64, Stretch)]) -> Result<(), IndexError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut stretches = transaction.open_table(STRETCHES)?;
            for (log, from, stretch) in moved {
                if stretch.from != *from {
                    stretches.remove((*log, *from))?;
                }
                stretches.insert((*log, stretch.from), row::stretch(stretch).as_slice())?;
            }
            transaction.open_table(META)?.insert(CHECKPOINT, row::checkpoint(&checkpoint).as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn replace(&self, log: u32, with: &RollUps) -> Result<(), IndexError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut buckets = transaction.open_table(BUCKETS)?;
            buckets.retain_in((log, 0, i64::MIN)..=(log, u8::MAX, i64::MAX), |_, _| false)?;
            Resolution::KEPT.iter().try_for_each(|it| roll_up(&mut buckets, log, with, *it))?;
            let rolled = Rolled::default().joined(with);
            transaction.open_table(ROLLED)?.insert(log, rolled_row::rolled(&rolled).as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn commit(
        &self,
        checkpoint: Checkpoint,
        logs: &[Arc<HeldLog>],
        claims: &Claims,
    ) -> Result<(), IndexError> {
        // In the order of their keys, which is that of neither ids nor writing.
        let mut logs = logs.to_vec();
        logs.sort_unstable_by_key(|log| log.number);
        self.write(checkpoint, &logs, claims)
    }

    fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }
}
