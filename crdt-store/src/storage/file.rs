//! A directory on disk. This is the one module of the crate that touches the file system.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Medium;
use crate::error::StorageError;

/// Files that are kept open. Beyond it the one that was opened first is closed, and opened again when it is asked for.
const OPEN_FILES_MAX: usize = 64;

/// The one file of stores before there were segments.
const OLD_STORE: &str = "logs.msec";

/// A directory that one process holds at a time.
pub struct FileDir {
    dir: PathBuf,
    open: Mutex<Vec<(String, Arc<File>)>>,
    /// Held for as long as the medium lives; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl fmt::Debug for FileDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileDir").field(&self.dir).finish()
    }
}

impl FileDir {
    /// Opens or creates the directory, and locks it.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => StorageError::InUse { dir: dir.clone() },
            TryLockError::Error(e) => StorageError::Io(e),
        })?;
        if dir.join(OLD_STORE).exists() {
            return Err(StorageError::OldStore { dir });
        }
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
        Ok(Self { dir, open: Mutex::default(), _lock: lock })
    }

    /// The open file of that name.
    fn file(&self, name: &str, create: bool) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(opened, _)| opened == name) {
            return Ok(file.clone());
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).truncate(false);
        let file = Arc::new(options.open(self.dir.join(name))?);
        if open.len() >= OPEN_FILES_MAX {
            open.remove(0);
        }
        open.push((name.to_owned(), file.clone()));
        Ok(file)
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Nothing, if there is no such file.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Medium for FileDir {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn len(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(unless_missing(fs::metadata(self.dir.join(name)))?.map(|data| data.len()))
    }

    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file(name, false)?.read_exact_at(bytes, offset)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name, true)?.write_all_at(bytes, offset)
    }

    fn set_len(&self, name: &str, len: u64) -> io::Result<()> {
        self.file(name, true)?.set_len(len)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.file(name, false)?.sync_data()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(opened, _)| opened != name);
        unless_missing(fs::remove_file(self.dir.join(name))).map(|_| ())
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(opened, _)| opened != name && opened != to);
        fs::rename(self.dir.join(name), self.dir.join(to))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_dir(&self.dir)
    }
}
