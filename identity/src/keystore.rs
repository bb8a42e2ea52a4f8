//! Where an identity lives between two runs.
//!
//! ```text
//! file = "msec-key/1 " seed in 64 hexadecimal digits      or a line as `keystore::passphrase` draws it; then a line feed
//! ```
//!
//! This is the one module of the crate that touches the file system.

mod passphrase;

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::keys::Identity;

pub use passphrase::{Passphrase, PassphraseCost};

const HEADER: &str = "msec-key/1 ";
/// No key file is longer, in bytes.
const FILE_BYTES_MAX: u64 = 256;

/// Holds one identity. A file does so today; a TPM or secure element, most of which cannot hold Ed25519, would keep a key
/// that endorses it.
pub trait KeyStore {
    /// Reads the identity.
    fn load(&self) -> Result<Identity, KeyFileError>;

    /// Keeps `identity`, durably, and refuses if there is one already.
    fn create(&self, identity: &Identity) -> Result<(), KeyFileError>;
}

/// An identity in a file of one line, readable by its owner only. Under a passphrase, whoever takes the file has to guess that too.
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

    /// Whether the key lies under a passphrase.
    pub fn is_protected(&self) -> Result<bool, KeyFileError> {
        Ok(self.read()?.starts_with(passphrase::HEADER))
    }

    /// Reads an identity that lies under a passphrase, or one that lies there without.
    pub fn load_with(&self, passphrase: &Passphrase) -> Result<Identity, KeyFileError> {
        let text = self.read()?;
        if text.starts_with(HEADER) {
            return self.plain(&text);
        }
        let unlocked = passphrase::unlock(text.trim_end(), passphrase);
        unlocked.map(|seed| Identity::from_seed(*seed)).map_err(|why| self.locked(&why))
    }

    /// Keeps `identity` under a passphrase, durably, and refuses if there is one already.
    pub fn create_with(
        &self,
        identity: &Identity,
        passphrase: &Passphrase,
        cost: PassphraseCost,
        rng: &mut impl CryptoRng,
    ) -> Result<(), KeyFileError> {
        let line = passphrase::lock(&identity.seed(), passphrase, cost, rng);
        self.create_text(&format!("{}\n", line.map_err(|why| self.locked(&why))?))
    }

    /// Keeps the same key in another file as well, under the same passphrase if it lies under one, and refuses if there is one already.
    pub fn copy_to(&self, other: &Self) -> Result<(), KeyFileError> {
        other.create_text(&self.read()?)
    }

    /// Puts the key that lies there under a passphrase, or under a new one; `old` is needed if it lies under one. The old file
    /// is replaced; what a disk keeps of it is out of reach, so a key that lay bare on one that others may read is to be replaced.
    pub fn protect(
        &self,
        old: Option<&Passphrase>,
        new: &Passphrase,
        cost: PassphraseCost,
        rng: &mut impl CryptoRng,
    ) -> Result<(), KeyFileError> {
        let identity = self.load_maybe_with(old)?;
        let line = passphrase::lock(&identity.seed(), new, cost, rng);
        self.replace_text(&format!("{}\n", line.map_err(|why| self.locked(&why))?))
    }

    /// Lets the key lie there without a passphrase, as a gateway that starts by itself needs it.
    pub fn unprotect(&self, old: &Passphrase) -> Result<(), KeyFileError> {
        let identity = self.load_with(old)?;
        self.replace_text(&plain_text(&identity))
    }

    fn load_maybe_with(&self, passphrase: Option<&Passphrase>) -> Result<Identity, KeyFileError> {
        match passphrase {
            Some(passphrase) => self.load_with(passphrase),
            None => self.load(),
        }
    }

    fn locked(&self, why: &passphrase::Locked) -> KeyFileError {
        let path = self.path.clone();
        match why {
            passphrase::Locked::Malformed => KeyFileError::Malformed { path },
            passphrase::Locked::Cost => KeyFileError::Cost { path },
            passphrase::Locked::Passphrase => KeyFileError::WrongPassphrase { path },
        }
    }

    fn malformed(&self) -> KeyFileError {
        KeyFileError::Malformed { path: self.path.clone() }
    }

    /// The text of the file, if nobody else can read it.
    fn read(&self) -> Result<Zeroizing<String>, KeyFileError> {
        let file = File::open(&self.path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => KeyFileError::Missing { path: self.path.clone() },
            _ => self.io(e),
        })?;
        // Of the open file, not of the path: what is checked is what is read.
        let meta = file.metadata().map_err(|e| self.io(e))?;
        if !meta.is_file() || meta.size() > FILE_BYTES_MAX {
            return Err(self.malformed());
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: self.path.clone(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize + 1));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| match e.kind() {
            ErrorKind::InvalidData => self.malformed(),
            _ => self.io(e),
        })?;
        Ok(text)
    }

    /// The identity in a file without a passphrase.
    fn plain(&self, text: &str) -> Result<Identity, KeyFileError> {
        let malformed = || self.malformed();
        let digits = text.strip_prefix(HEADER).map(str::trim_end).ok_or_else(malformed)?;
        let bytes = Zeroizing::new(HEXLOWER.decode(digits.as_bytes()).map_err(|_| malformed())?);
        let seed = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Ok(Identity::from_seed(seed))
    }

    fn create_text(&self, text: &str) -> Result<(), KeyFileError> {
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(KeyFileError::Exists { path: self.path.clone() });
        }
        // Unlike a rename, a link fails if somebody was faster.
        let linked = self.write_beside(text, |partial| {
            let linked = fs::hard_link(partial, &self.path);
            fs::remove_file(partial)?;
            linked
        });
        linked.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => KeyFileError::Exists { path: self.path.clone() },
            _ => self.io(e),
        })
    }

    fn replace_text(&self, text: &str) -> Result<(), KeyFileError> {
        self.write_beside(text, |partial| fs::rename(partial, &self.path)).map_err(|e| self.io(e))
    }

    fn io(&self, source: std::io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), source }
    }

    /// Writes a file beside the key's, durably, and has it put in place.
    fn write_beside(
        &self,
        text: &str,
        put: impl FnOnce(&Path) -> Result<(), std::io::Error>,
    ) -> Result<(), std::io::Error> {
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
        put(&partial)?;
        File::open(dir)?.sync_all()
    }
}

impl KeyStore for KeyFile {
    fn load(&self) -> Result<Identity, KeyFileError> {
        let text = self.read()?;
        if text.starts_with(passphrase::HEADER) && passphrase::is_whole(text.trim_end()) {
            return Err(KeyFileError::Protected { path: self.path.clone() });
        }
        self.plain(&text)
    }

    fn create(&self, identity: &Identity) -> Result<(), KeyFileError> {
        self.create_text(&plain_text(identity))
    }
}

fn plain_text(identity: &Identity) -> Zeroizing<String> {
    let digits = Zeroizing::new(HEXLOWER.encode(identity.seed().as_slice()));
    Zeroizing::new(format!("{HEADER}{}\n", digits.as_str()))
}

#[cfg(test)]
mod tests;
