//! Where an identity lives between two runs.
//!
//! This is the one module of the crate that touches the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::keys::Identity;

const HEADER: &str = "msec-key/1 ";
/// Header, 64 digits and a line feed.
const FILE_BYTES: u64 = HEADER.len() as u64 + 65;

/// Holds one identity. A file does so today; a TPM or secure element, most of which cannot hold Ed25519, would keep a key
/// that endorses it.
pub trait KeyStore {
    /// Reads the identity.
    fn load(&self) -> Result<Identity, KeyFileError>;

    /// Keeps `identity`, durably, and refuses if there is one already.
    fn create(&self, identity: &Identity) -> Result<(), KeyFileError>;
}

/// An identity in a file of one line, readable by its owner only.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key file at `path`, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn io(&self, source: std::io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), source }
    }

    fn write_new(&self, text: &str) -> Result<(), std::io::Error> {
        let dir = match self.path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        };
        let partial = self.path.with_extension("partial");
        match fs::remove_file(&partial) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link fails if somebody was faster.
        let linked = fs::hard_link(&partial, &self.path);
        fs::remove_file(&partial)?;
        linked?;
        File::open(dir)?.sync_all()
    }
}

impl KeyStore for KeyFile {
    fn load(&self) -> Result<Identity, KeyFileError> {
        let malformed = || KeyFileError::Malformed { path: self.path.clone() };
        let file = File::open(&self.path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => KeyFileError::Missing { path: self.path.clone() },
            _ => self.io(e),
        })?;
        // Of the open file, not of the path: what is checked is what is read.
        let meta = file.metadata().map_err(|e| self.io(e))?;
        if !meta.is_file() || meta.size() > FILE_BYTES {
            return Err(malformed());
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: self.path.clone(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES as usize + 1));
        file.take(FILE_BYTES).read_to_string(&mut text).map_err(|e| self.io(e))?;
        let digits = text.strip_prefix(HEADER).map(str::trim_end).ok_or_else(malformed)?;
        let bytes = Zeroizing::new(HEXLOWER.decode(digits.as_bytes()).map_err(|_| malformed())?);
        let seed = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Ok(Identity::from_seed(seed))
    }

    fn create(&self, identity: &Identity) -> Result<(), KeyFileError> {
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(KeyFileError::Exists { path: self.path.clone() });
        }
        let seed = identity.seed();
        let digits = Zeroizing::new(HEXLOWER.encode(seed.as_slice()));
        let text = Zeroizing::new(format!("{HEADER}{}\n", digits.as_str()));
        self.write_new(&text).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => KeyFileError::Exists { path: self.path.clone() },
            _ => self.io(e),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_in(dir: &tempfile::TempDir) -> KeyFile {
        KeyFile::at(dir.path().join("identity.key"))
    }

    #[test]
    fn kept_with_mode_0600_and_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = key_in(&dir);
        let identity = Identity::from_seed([9; 32]);
        key.create(&identity).expect("created");
        let mode = fs::metadata(key.path()).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(key.load().expect("loaded").peer(), identity.peer());
    }

    #[test]
    fn never_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = key_in(&dir);
        key.create(&Identity::from_seed([9; 32])).expect("created");
        let again = key.create(&Identity::from_seed([8; 32]));
        assert!(matches!(again, Err(KeyFileError::Exists { .. })));
        assert_eq!(key.load().expect("loaded").peer(), Identity::from_seed([9; 32]).peer());
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "no temporary file is left");
    }

    #[test]
    fn refused_when_others_can_read_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = key_in(&dir);
        key.create(&Identity::from_seed([9; 32])).expect("created");
        for mode in [0o640, 0o604, 0o644] {
            fs::set_permissions(key.path(), fs::Permissions::from_mode(mode)).expect("chmod");
            let error = key.load().expect_err("refused");
            assert!(matches!(error, KeyFileError::Exposed { .. }));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn missing_and_malformed_say_what_to_do() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = key_in(&dir);
        assert!(key.load().expect_err("missing").to_string().contains("msec init"));
        for text in ["", "hello", "msec-key/2 00", "msec-key/1 zz\n", &"x".repeat(4096)] {
            fs::write(key.path(), text).expect("written");
            fs::set_permissions(key.path(), fs::Permissions::from_mode(0o600)).expect("chmod");
            assert!(matches!(key.load(), Err(KeyFileError::Malformed { .. })), "{text:?}");
        }
    }
}
