//! fjall: one keyspace, a batch a window, and what its persist modes promise.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Durable, Offer};

/// A database.
pub(super) struct Fjall {
    database: Database,
    readings: Keyspace,
    mode: PersistMode,
}

impl Fjall {
    /// A database in that directory.
    pub(super) fn create(directory: &Path, mode: PersistMode) -> anyhow::Result<Self> {
        let database = Database::builder(directory.join("fjall")).open()?;
        let readings = database.keyspace("readings", KeyspaceCreateOptions::default)?;
        Ok(Self { database, readings, mode })
    }
}

impl Durable for Fjall {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(self.mode));
        for offer in offers {
            let key = [(offer.log as u32).to_be_bytes().as_slice(), &offer.position.to_be_bytes()].concat();
            batch.insert(&self.readings, key, offer.body.as_slice());
        }
        batch.commit()?;
        done(offers.len());
        Ok(())
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
