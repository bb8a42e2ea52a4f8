//! Everything in redb.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{CACHE_BYTES, Design, ENTRY_BYTES, Entry, HEAD_BYTES, head_of};

const ENTRIES: TableDefinition<'_, (u64, u64), &[u8; ENTRY_BYTES]> = TableDefinition::new("entries");
const HEADS: TableDefinition<'_, u64, (u64, &[u8; HEAD_BYTES])> = TableDefinition::new("heads");
const LATEST: TableDefinition<'_, u64, u64> = TableDefinition::new("latest");

/// A database of three tables.
#[derive(Debug)]
pub struct Tables {
    database: Database,
    quick: bool,
    heads: BTreeMap<u64, (u64, Box<[u8; HEAD_BYTES]>)>,
}

impl Tables {
    /// Opens or creates the database in that directory. `quick` turns redb's quick repair on.
    pub fn open(directory: &Path, quick: bool) -> anyhow::Result<Self> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(directory.join("store.redb"))?;
        let mut heads = BTreeMap::new();
        let begun = database.begin_write()?;
        begun.open_table(ENTRIES)?;
        begun.open_table(LATEST)?;
        for row in begun.open_table(HEADS)?.iter()? {
            let (log, head) = row?;
            let (size, head) = head.value();
            heads.insert(log.value(), (size, Box::new(*head)));
        }
        if heads.is_empty() {
            begun.commit()?;
        } else {
            begun.abort()?;
        }
        Ok(Self { database, quick, heads })
    }
}

impl Design for Tables {
    fn commit(&mut self, entries: &[Entry]) -> anyhow::Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(self.quick);
        {
            let (mut table, mut latest) = (transaction.open_table(ENTRIES)?, transaction.open_table(LATEST)?);
            let mut changed = BTreeMap::new();
            for entry in entries {
                table.insert((entry.log, entry.position), &entry.bytes)?;
                changed.insert(entry.log, entry);
            }
            let mut heads = transaction.open_table(HEADS)?;
            for (log, entry) in changed {
                let (size, head) = (entry.position + 1, head_of(log, entry.position + 1));
                latest.insert(log, entry.value())?;
                heads.insert(log, (size, &head))?;
                self.heads.insert(log, (size, Box::new(head)));
            }
        }
        Ok(transaction.commit()?)
    }

    fn latest(&self) -> anyhow::Result<Vec<(u64, u64)>> {
        let latest = self.database.begin_read()?.open_table(LATEST)?;
        latest
            .iter()?
            .map(|row| row.map(|(log, value)| (log.value(), value.value())).map_err(Into::into))
            .collect()
    }

    fn range(&self, log: u64, from: u64, count: u64) -> anyhow::Result<Vec<Entry>> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let row = |row: Result<(redb::AccessGuard<'_, _>, redb::AccessGuard<'_, _>), _>| {
            let (key, bytes) = row?;
            let (log, position): (u64, u64) = key.value();
            let bytes: &[u8; ENTRY_BYTES] = bytes.value();
            Ok(Entry { log, position, bytes: *bytes })
        };
        entries.range((log, from)..(log, from + count))?.map(row).collect()
    }
}
