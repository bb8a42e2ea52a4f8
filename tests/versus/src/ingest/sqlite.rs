//! SQLite with a write-ahead log: a table with an index by log and position, and one connection.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Durable, Offer};

/// A database.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    /// Whether each reading has a transaction of its own.
    each: bool,
}

impl Sqlite {
    /// A database in that directory. `synchronous` is `FULL` or `NORMAL`; `each` gives every reading a transaction of its own.
    pub(super) fn create(directory: &Path, synchronous: &str, each: bool) -> anyhow::Result<Self> {
        let connection = Connection::open(directory.join("readings.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.execute_batch(
            "CREATE TABLE readings (log INTEGER NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL);
             CREATE UNIQUE INDEX by_log ON readings (log, position);",
        )?;
        Ok(Self { connection, each })
    }

    fn insert(connection: &Connection, offer: &Offer) -> anyhow::Result<()> {
        let mut insert = connection.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3)")?;
        insert.execute(params![offer.log as i64, offer.position as i64, offer.body])?;
        Ok(())
    }
}

impl Durable for Sqlite {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        if self.each {
            for (n, offer) in offers.iter().enumerate() {
                Self::insert(&self.connection, offer)?;
                done(n + 1);
            }
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for offer in offers {
            Self::insert(&transaction, offer)?;
        }
        transaction.commit()?;
        done(offers.len());
        Ok(())
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}
