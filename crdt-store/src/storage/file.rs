//! A medium on disk. This is the one module of the crate that touches the file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Medium;
use crate::error::StorageError;

/// At most so many of the bytes that were cut are set aside.
const ASIDE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file in a directory that one process holds at a time.
#[derive(Debug)]
pub struct FileMedium {
    file: File,
    len: u64,
    dir: PathBuf,
    /// Held for as long as the medium lives; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl FileMedium {
    /// Opens or creates the store in `dir`, and locks it.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => StorageError::InUse { dir: dir.clone() },
            TryLockError::Error(e) => StorageError::Io(e),
        })?;
        let path = dir.join("logs.msec");
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
        sync_dir(&dir)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, dir, _lock: lock })
    }

    fn copy_aside(&self, from: u64) -> io::Result<()> {
        let path = self.dir.join("aside.msec");
        let mut copy = File::create(path)?;
        let end = self.len.min(from.saturating_add(ASIDE_BYTES_MAX));
        let mut buffer = vec![0; 64 * 1024];
        let mut at = from;
        while at < end {
            let n = buffer.len().min((end - at) as usize);
            self.file.read_exact_at(&mut buffer[..n], at)?;
            copy.write_all(&buffer[..n])?;
            at += n as u64;
        }
        copy.sync_all()
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Medium for FileMedium {
    fn len(&self) -> u64 {
        self.len
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.len = len;
        Ok(())
    }

    fn set_aside(&mut self, from: u64) {
        if let Err(error) = self.copy_aside(from) {
            tracing::warn!(%error, dir = %self.dir.display(), "what was cut from the store could not be set aside");
        }
    }
}
