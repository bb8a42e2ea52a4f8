//! Who is compared, and how each is set up.

use std::path::Path;

use fjall::PersistMode;

use super::{Append, Durable, Fjall, Ours, Redb, Sqlite};

/// One store in one setting.
pub struct Contender {
    /// What it is called in tables and JSON.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    /// Whether it commits readings one by one, so that a window means nothing to it.
    pub each: bool,
    make: fn(&Path, usize) -> anyhow::Result<Box<dyn Durable>>,
}

/// All of them, ours first.
pub const CONTENDERS: [Contender; 11] = [
    Contender {
        name: "ours",
        about: "a reading an entry, a signature for each log of a window, fdatasync",
        each: false,
        make: |at, logs| Ok(Box::new(Ours::create(at, logs)?)),
    },
    Contender {
        name: "append",
        about: "the floor: a bare file with a check for each reading, fdatasync",
        each: false,
        make: |at, _| Ok(Box::new(Append::create(at)?)),
    },
    Contender {
        name: "sqlite_full",
        about: "WAL, synchronous FULL, a transaction a reading",
        each: true,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "FULL", true)?)),
    },
    Contender {
        name: "sqlite_full_window",
        about: "WAL, synchronous FULL, a transaction a window",
        each: false,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "FULL", false)?)),
    },
    Contender {
        name: "sqlite_normal",
        about: "WAL, synchronous NORMAL, a transaction a reading: the last ones do not survive a power cut",
        each: true,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "NORMAL", true)?)),
    },
    Contender {
        name: "sqlite_normal_window",
        about: "WAL, synchronous NORMAL, a transaction a window: the last ones do not survive a power cut",
        each: false,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "NORMAL", false)?)),
    },
    Contender {
        name: "fjall_buffer",
        about: "a batch a window, PersistMode::Buffer: nothing survives a power cut",
        each: false,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::Buffer)?)),
    },
    Contender {
        name: "fjall_sync_data",
        about: "a batch a window, PersistMode::SyncData",
        each: false,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::SyncData)?)),
    },
    Contender {
        name: "fjall_sync_all",
        about: "a batch a window, PersistMode::SyncAll",
        each: false,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::SyncAll)?)),
    },
    Contender {
        name: "redb",
        about: "a transaction a window, Durability::Immediate, keys by log and position",
        each: false,
        make: |at, _| Ok(Box::new(Redb::create(at, false)?)),
    },
    Contender {
        name: "redb_in_order",
        about: "a transaction a window, Durability::Immediate, keys in the order of their coming",
        each: false,
        make: |at, _| Ok(Box::new(Redb::create(at, true)?)),
    },
];

impl Contender {
    /// A new store whose files lie in `directory`, for so many logs.
    pub fn create(&self, directory: &Path, logs: usize) -> anyhow::Result<Box<dyn Durable>> {
        (self.make)(directory, logs)
    }
}
