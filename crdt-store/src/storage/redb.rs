//! The index in redb: tables that are written at checkpoints, in one transaction each.
//!
//! ```text
//! meta      "checkpoint"           -> [format, segment, offset, check of the last frame, number of the last run, times rewritten]
//! headers   log:u32                -> the log's header
//! logs      log:u32                -> [head, entries held, their peaks, the rest's, continuable, number of the last run, time of the last entry, newest reading, first entry that was not let go]
//! stretches log:u32 from:u64       -> [entries, segment, offset, bytes, check, oldest, newest, greatest time]
//! nodes     log:u32 level:u8 leaf:u64 -> the root of the subtree of 2^level leaves that starts there
//! ```
//!
//! A log's number stands for its id: new rows of a log lie beside each other, and are as short as they can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::Medium;
use super::blocks::Blocks;
use super::held::{HeldLog, NODE_LEVELS};
use super::index::{Checkpoint, Index, IndexError, Loaded};
use super::row;
use super::stretch::Stretch;
use crate::merkle::TreeHash;

/// What redb keeps of the file in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const CHECKPOINT: &str = "checkpoint";
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const HEADERS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("headers");
const LOGS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("logs");
const STRETCHES: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("stretches");
const NODES: TableDefinition<'_, (u32, u8, u64), &TreeHash> = TableDefinition::new("nodes");

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

    fn write(&self, checkpoint: Checkpoint, logs: &[Arc<HeldLog>]) -> Result<(), IndexError> {
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
            transaction.open_table(META)?.insert(CHECKPOINT, row::checkpoint(&checkpoint).as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Index for RedbIndex {
    fn load(&self) -> Result<Option<Loaded>, IndexError> {
        let transaction = self.database.begin_read()?;
        let meta = match transaction.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
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

    fn commit(&self, checkpoint: Checkpoint, logs: &[Arc<HeldLog>]) -> Result<(), IndexError> {
        // In the order of their keys, which is that of neither ids nor writing.
        let mut logs = logs.to_vec();
        logs.sort_unstable_by_key(|log| log.number);
        self.write(checkpoint, &logs)
    }

    fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }
}
