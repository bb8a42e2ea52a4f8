//! redb alone: one table, and a durable transaction a window.

use std::path::Path;

use redb::{Database, TableDefinition};

use super::{BODY_BYTES, Durable, Offer};

const BY_LOG: TableDefinition<'_, (u32, u64), &[u8; BODY_BYTES]> = TableDefinition::new("by_log");
const IN_ORDER: TableDefinition<'_, u64, (u32, u64, &[u8; BODY_BYTES])> = TableDefinition::new("in_order");

/// A database.
#[derive(Debug)]
pub(super) struct Redb {
    database: Database,
    /// Keys in the order of their coming, rather than by log: the least that it can write.
    in_order: bool,
    next: u64,
}

impl Redb {
    /// A database in that directory.
    pub(super) fn create(directory: &Path, in_order: bool) -> anyhow::Result<Self> {
        Ok(Self { database: Database::create(directory.join("readings.redb"))?, in_order, next: 0 })
    }
}

impl Durable for Redb {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        // Durability::Immediate is the default.
        let transaction = self.database.begin_write()?;
        if self.in_order {
            let mut table = transaction.open_table(IN_ORDER)?;
            for offer in offers {
                table.insert(self.next, (offer.log as u32, offer.position, &offer.body))?;
                self.next += 1;
            }
        } else {
            let mut table = transaction.open_table(BY_LOG)?;
            for offer in offers {
                table.insert((offer.log as u32, offer.position), &offer.body)?;
            }
        }
        transaction.commit()?;
        done(offers.len());
        Ok(())
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}
