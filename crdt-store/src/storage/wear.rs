//! What storing costs the disk: flash cards wear out by what is written to them.
//!
//! Counted is what the store hands to its medium: segments, index, ledger and notes. A file system writes its own on top of that, and a
//! card moves whole blocks. The totals of a store are kept in its ledger when it is closed, and at checkpoints; a crash forgets
//! what was counted since.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Medium;

/// What was written, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wear {
    /// Bytes that were written, to all files.
    pub bytes: u64,
    /// Readings that were stored, and are durable.
    pub readings: u64,
}

impl Wear {
    /// Bytes that were written for each reading. `None`: there was none.
    pub fn bytes_per_reading(self) -> Option<u64> {
        self.bytes.checked_div(self.readings)
    }
}

/// Shows what a store has written, on any thread, from its first day on. It does not keep the store open.
#[derive(Debug, Clone, Default)]
pub struct WearGauge(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    readings: AtomicU64,
}

impl WearGauge {
    /// What was written so far.
    pub fn wear(&self) -> Wear {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Wear { bytes: count(&self.0.bytes), readings: count(&self.0.readings) }
    }

    /// So much more was written.
    pub(super) fn add(&self, wear: Wear) {
        self.0.bytes.fetch_add(wear.bytes, Ordering::Relaxed);
        self.0.readings.fetch_add(wear.readings, Ordering::Relaxed);
    }
}

/// A medium that counts what is written to it.
#[derive(Debug)]
pub(super) struct Metered<M> {
    pub(super) medium: M,
    pub(super) gauge: WearGauge,
}

impl<M: Medium> Medium for Metered<M> {
    fn list(&self) -> io::Result<Vec<String>> {
        self.medium.list()
    }

    fn len(&self, name: &str) -> io::Result<Option<u64>> {
        self.medium.len(name)
    }

    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.medium.read_at(name, offset, bytes)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.gauge.add(Wear { bytes: bytes.len() as u64, readings: 0 });
        self.medium.write_at(name, offset, bytes)
    }

    fn set_len(&self, name: &str, len: u64) -> io::Result<()> {
        self.medium.set_len(name, len)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.medium.sync(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.medium.remove(name)
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        self.medium.rename(name, to)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.medium.sync_dir()
    }
}
