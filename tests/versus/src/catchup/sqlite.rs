//! The floor: a database that is copied as a file over TCP, synced, and checked for its own integrity. It proves nothing about
//! who wrote what.

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use anyhow::ensure;
use rusqlite::{Connection, OpenFlags, params};

use super::Fetched;
use crate::city::Stream;
use crate::clock::Stopwatch;

const FILE: &str = "readings.sqlite";

/// Writes the database.
pub(super) fn prepare(home: &Path, streams: &[Stream]) -> anyhow::Result<()> {
    let mut connection = Connection::open(home.join(FILE))?;
    connection.execute_batch(
        "CREATE TABLE readings (stream INTEGER NOT NULL, at_s INTEGER NOT NULL, value REAL NOT NULL,
             PRIMARY KEY (stream, at_s)) WITHOUT ROWID;",
    )?;
    let transaction = connection.transaction()?;
    for (n, stream) in streams.iter().enumerate() {
        let mut insert = transaction.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3)")?;
        for reading in &stream.readings {
            insert.execute(params![n as i64, reading.time.0 / 1_000, reading.value])?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("VACUUM")?;
    Ok(())
}

/// Sends the file to whoever connects.
pub(super) fn serve(home: &Path, until_told: &mut dyn FnMut(String)) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, path) = (listener.local_addr()?.to_string(), home.join(FILE));
    std::thread::spawn(move || -> io::Result<()> {
        for stream in listener.incoming() {
            io::copy(&mut File::open(&path)?, &mut stream?)?;
        }
        Ok(())
    });
    until_told(address);
    Ok(())
}

/// Copies the file and checks it.
pub(super) fn fetch(home: &Path, address: &str, clock: Stopwatch) -> anyhow::Result<Fetched> {
    let path = home.join("copy.sqlite");
    let mut file = File::create(&path)?;
    let mut stream = TcpStream::connect(address)?;
    let linking_s = clock.seconds();
    io::copy(&mut stream, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(verdict == "ok", "the copy is damaged: {verdict}");
    let count: i64 = connection.query_row("SELECT count(*) FROM readings", [], |row| row.get(0))?;
    Ok(Fetched { readings: usize::try_from(count)?, linking_s })
}
