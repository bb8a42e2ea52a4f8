//! Files that are written once something was done: they are opened before, so that nothing is done that cannot be written down.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// An open file. What stands in it is left alone until [`Out::write`]; one that was made for it goes where that never comes.
#[derive(Debug)]
pub(super) struct Out {
    path: PathBuf,
    file: File,
    is_new: bool,
}

impl Out {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        Self::with_mode(path, 0o666)
    }

    /// One that nobody else on this machine may read, if it is made for it.
    #[cfg(feature = "index")]
    pub(super) fn secret(path: &Path) -> anyhow::Result<Self> {
        Self::with_mode(path, 0o600)
    }

    fn with_mode(path: &Path, mode: u32) -> anyhow::Result<Self> {
        let open = |is_new: bool| OpenOptions::new().write(true).create_new(is_new).mode(mode).open(path);
        let opened = match open(true) {
            Ok(file) => Ok((file, true)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => open(false).map(|file| (file, false)),
            Err(error) => Err(error),
        };
        let (file, is_new) = opened.with_context(|| cannot(path))?;
        Ok(Self { path: path.to_owned(), file, is_new })
    }

    /// Writes it whole.
    pub(super) fn write(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.put(bytes).with_context(|| cannot(&self.path))?;
        self.is_new = false;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Pipes and terminals have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(bytes)
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_secret_nobody_else_on_this_machine_reads() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("code.png");
        Out::secret(&path).expect("opens").write(b"a picture").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_is_there_once_it_is_written_and_what_stood_in_it_stays_until_then() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("m.invitation");
        assert!(Out::open(&dir.path().join("nope/m.invitation")).is_err());
        drop(Out::open(&path).expect("opens"));
        assert!(!path.exists(), "nothing was written");
        Out::open(&path).expect("opens").write(b"a longer one").expect("written");
        drop(Out::open(&path).expect("opens"));
        assert_eq!(fs::read(&path).expect("there"), b"a longer one");
        Out::open(&path).expect("opens").write(b"short").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"short");
    }
}
