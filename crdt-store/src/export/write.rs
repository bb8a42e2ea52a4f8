//! Writing logs to a file.

use std::io::{self, Write};

use msec_identity::{LogId, SpaceId};

use super::chunk::{FileHead, Kind, chunk};
use crate::error::{ExportError, StorageError};
use crate::log::LogState;
use crate::storage::{CHUNK_BYTES_MAX, Storage, Store};

/// What was written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// How many logs.
    pub logs: u64,
    /// How many entries of them.
    pub entries: u64,
    /// In how many runs.
    pub runs: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Logs that could not be read to their end, since the disk gives back something else than was written. Their first
    /// entries are in the file.
    pub unreadable: u64,
    /// Logs that were forked, with the evidence.
    pub contested: u64,
}

/// Writes the logs of a space that are wanted, in the order of their ids, and says how far it is after each run. It takes the memory
/// of one chunk. The caller makes the file durable.
pub fn export(
    store: &Store,
    space: SpaceId,
    wants: &dyn Fn(&LogState) -> bool,
    to: &mut dyn Write,
    told: &mut dyn FnMut(&Exported),
) -> Result<Exported, ExportError> {
    export_in(CHUNK_BYTES_MAX, store, space, wants, to, told)
}

/// As [`export`], in chunks of so many bytes of entries.
pub(super) fn export_in(
    chunk_bytes: usize,
    store: &Store,
    space: SpaceId,
    wants: &dyn Fn(&LogState) -> bool,
    to: &mut dyn Write,
    told: &mut dyn FnMut(&Exported),
) -> Result<Exported, ExportError> {
    let mut file = File { to, told, done: Exported::default() };
    file.write(&FileHead::of(space).to_bytes()).map_err(ExportError::Write)?;
    let logs = store.logs_that(|state| state.header().space() == space && wants(state));
    for log in logs {
        file.done.logs += 1;
        match file.log(store, &log, chunk_bytes) {
            Err(ExportError::Store(StorageError::Damaged | StorageError::Index(_))) => {
                file.done.unreadable += 1;
            }
            written => written?,
        }
        if let Some(fork) = store.contested().get(&log) {
            file.write(&chunk(Kind::Evidence, &fork.to_bytes())).map_err(ExportError::Write)?;
            file.done.contested += 1;
        }
    }
    let runs = file.done.runs.to_le_bytes();
    file.write(&chunk(Kind::End, &runs)).map_err(ExportError::Write)?;
    Ok(file.done)
}

struct File<'a> {
    to: &'a mut dyn Write,
    told: &'a mut dyn FnMut(&Exported),
    done: Exported,
}

impl File<'_> {
    fn log(&mut self, store: &Store, log: &LogId, chunk_bytes: usize) -> Result<(), ExportError> {
        let mut at = 0;
        if let Some(prefix) = store.prefix(log).map_err(ExportError::Store)? {
            self.write(&chunk(Kind::Prefix, &prefix)).map_err(ExportError::Write)?;
            at = store.begin(log);
        }
        while let Some(run) = store.read(log, at, chunk_bytes).map_err(ExportError::Store)? {
            self.write(&chunk(Kind::Run, &run.bytes)).map_err(ExportError::Write)?;
            self.done.runs += 1;
            self.done.entries += run.end - run.from;
            at = run.end;
            (self.told)(&self.done);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.done.bytes += bytes.len() as u64;
        Ok(())
    }
}
