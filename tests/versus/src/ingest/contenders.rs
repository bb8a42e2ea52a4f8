//! Who is compared, and how each is set up.

use std::path::Path;

use fjall::PersistMode;

use super::{Append, Durable, Fjall, Mode, Ours, Redb, Running, Sqlite};

/// What is done to stores, by the names of the table.
pub const ALL: [&str; 3] = ["burst", "prompt", "thrifty"];
/// Where readings are committed one by one, a window means nothing.
const ONE_BY_ONE: [&str; 2] = ["burst", "prompt"];
/// A peer makes its own windows.
const BURST: [&str; 1] = ["burst"];

/// One store in one setting.
pub struct Contender {
    /// What it is called in tables and JSON.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    /// What it is run with.
    pub loads: &'static [&'static str],
    make: fn(&Path, usize) -> anyhow::Result<Box<dyn Durable>>,
}

/// All of them, ours first.
pub const CONTENDERS: [Contender; 13] = [
    Contender {
        name: "ours",
        about: "a reading an entry, a signature for each log of a window, fdatasync",
        loads: &ALL,
        make: |at, logs| Ok(Box::new(Ours::create(at, logs)?)),
    },
    Contender {
        name: "ours_peer_prompt",
        about: "a running peer, an entry of 203 bytes a reading; it commits as soon as the last sync has ended",
        loads: &BURST,
        make: |at, logs| Ok(Box::new(Running::create(at, logs, Mode::Prompt)?)),
    },
    Contender {
        name: "ours_peer_thrifty",
        about: "the same in a thrifty collection: a commit waits for 50 entries or a second",
        loads: &BURST,
        make: |at, logs| Ok(Box::new(Running::create(at, logs, Mode::Thrifty)?)),
    },
    Contender {
        name: "append",
        about: "the floor: a bare file with a check for each reading, fdatasync",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Append::create(at)?)),
    },
    Contender {
        name: "sqlite_full",
        about: "WAL, synchronous FULL, a transaction a reading",
        loads: &ONE_BY_ONE,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "FULL", true)?)),
    },
    Contender {
        name: "sqlite_full_window",
        about: "WAL, synchronous FULL, a transaction a window",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "FULL", false)?)),
    },
    Contender {
        name: "sqlite_normal",
        about: "WAL, synchronous NORMAL, a transaction a reading: the last ones do not survive a power cut",
        loads: &ONE_BY_ONE,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "NORMAL", true)?)),
    },
    Contender {
        name: "sqlite_normal_window",
        about: "WAL, synchronous NORMAL, a transaction a window: the last ones do not survive a power cut",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Sqlite::create(at, "NORMAL", false)?)),
    },
    Contender {
        name: "fjall_buffer",
        about: "a batch a window, PersistMode::Buffer: nothing survives a power cut",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::Buffer)?)),
    },
    Contender {
        name: "fjall_sync_data",
        about: "a batch a window, PersistMode::SyncData",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::SyncData)?)),
    },
    Contender {
        name: "fjall_sync_all",
        about: "a batch a window, PersistMode::SyncAll",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Fjall::create(at, PersistMode::SyncAll)?)),
    },
    Contender {
        name: "redb",
        about: "a transaction a window, Durability::Immediate, keys by log and position",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Redb::create(at, false)?)),
    },
    Contender {
        name: "redb_in_order",
        about: "a transaction a window, Durability::Immediate, keys in the order of their coming",
        loads: &ALL,
        make: |at, _| Ok(Box::new(Redb::create(at, true)?)),
    },
];

impl Contender {
    /// A new store whose files lie in `directory`, for so many logs.
    pub fn create(&self, directory: &Path, logs: usize) -> anyhow::Result<Box<dyn Durable>> {
        (self.make)(directory, logs)
    }
}
