//! SQLite: all readings in one table, in the order of their key.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::city::Table;

/// Writes a row a reading.
pub(super) fn keep(directory: &Path, tables: &[Table]) -> anyhow::Result<usize> {
    let mut connection = Connection::open(directory.join("readings.sqlite"))?;
    connection.execute_batch(
        "CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL);
         CREATE TABLE readings (stream INTEGER NOT NULL, at_s INTEGER NOT NULL, value REAL NOT NULL,
             PRIMARY KEY (stream, at_s)) WITHOUT ROWID;",
    )?;
    let transaction = connection.transaction()?;
    for (n, stream) in tables.iter().flat_map(|table| &table.streams).enumerate() {
        transaction.execute(
            "INSERT INTO streams VALUES (?1, ?2, ?3)",
            params![n as i64, stream.name, stream.unit],
        )?;
        let mut insert = transaction.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3)")?;
        for reading in &stream.readings {
            insert.execute(params![n as i64, reading.time.0 / 1_000, reading.value])?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("VACUUM")?;
    let kept: i64 = connection.query_row("SELECT count(*) FROM readings", [], |row| row.get(0))?;
    Ok(usize::try_from(kept)?)
}
