//! The directory in which a peer lives.
//!
//! ```text
//! identity.key      the Ed25519 key; nobody else may read it
//! space.manifest    the space's roots
//! grants/*.grant    what this peer may do, and the links above that
//! grants/*.record   approvals, successions and linked spaces on which these hang
//! benches/*.bench   the walk-up codes that it opens for
//! store/            its logs
//! control/          how commands reach it while it runs
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use msec_crdt_store::StoreConfig;
use msec_identity::{ControlRecord, Grant, Identity, KeyFile, KeyStore, Manifest, Unverified, Verified};

use super::error::DataDirError;
use super::invitation::Membership;
#[cfg(feature = "index")]
use super::unlocking::Unlocking;
use crate::net::random_seed;

/// The longest manifest or grant that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The directory in which a peer lives.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    #[cfg(feature = "index")]
    pub(super) unlocking: Unlocking,
}

/// How a peer opens its store, and whoever looks at it while no peer runs: with other settings the index would be made again.
pub(crate) fn store_config() -> StoreConfig {
    let fresh = *random_seed().first_chunk().expect("a seed has 32 bytes");
    StoreConfig { index: true, roll_ups: cfg!(feature = "index"), fresh, ..StoreConfig::default() }
}

impl DataDir {
    /// The directory at `path`, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            #[cfg(feature = "index")]
            unlocking: Unlocking::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the logs are.
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where a running peer takes commands.
    pub(crate) fn control(&self) -> PathBuf {
        self.path.join("control")
    }

    pub(super) fn key(&self) -> KeyFile {
        KeyFile::at(self.path.join("identity.key"))
    }

    /// Refuses a directory in which no identity lives: a mistyped one. The key is not opened.
    pub fn inhabited(&self) -> Result<(), DataDirError> {
        self.key().is_protected()?;
        Ok(())
    }

    /// The identity that lives here.
    pub fn identity(&self) -> Result<Identity, DataDirError> {
        #[cfg(feature = "index")]
        if let Some(identity) = self.unlocking.unlock(&self.key())? {
            return Ok(identity);
        }
        Ok(self.key().load()?)
    }

    /// Makes a new identity here. Refuses if there is one.
    pub fn init(&self) -> Result<Identity, DataDirError> {
        self.create(&self.path)?;
        let identity = Identity::from_seed(random_seed());
        self.key().create(&identity)?;
        Ok(identity)
    }

    /// Takes over the key of another directory, under the same passphrase if it lies under one: for another space. Refuses if another key lies
    /// here.
    pub fn take_key(&self, from: &Self) -> Result<(), DataDirError> {
        from.inhabited()?;
        self.create(&self.path)?;
        match from.key().copy_to(&self.key()) {
            Err(msec_identity::KeyFileError::Exists { .. })
                if self.identity()?.peer() == from.identity()?.peer() =>
            {
                Ok(())
            }
            copied => Ok(copied?),
        }
    }

    /// The identity that lives here, or a new one.
    pub fn identity_or_init(&self) -> Result<Identity, DataDirError> {
        match self.identity() {
            Err(DataDirError::Key(msec_identity::KeyFileError::Missing { .. })) => self.init(),
            found => found,
        }
    }

    /// Keeps a manifest and grants. Refuses another space than the one that is kept.
    pub fn join(&self, membership: &Membership) -> Result<(), DataDirError> {
        if self.manifest()?.is_some_and(|manifest| manifest != membership.manifest) {
            return Err(DataDirError::OtherSpace);
        }
        let grants = self.path.join("grants");
        self.create(&grants)?;
        self.write(&self.path.join("space.manifest"), &membership.manifest.to_bytes())?;
        for grant in &membership.grants {
            self.write(&grants.join(format!("{}.grant", grant.id())), &grant.to_bytes())?;
        }
        for record in &membership.records {
            let bytes = record.to_bytes();
            let name = blake3::hash(&bytes).to_hex();
            self.write(&grants.join(format!("{name}.record")), &bytes)?;
        }
        Ok(())
    }

    /// What is kept of the space; `None` if this peer belongs to none.
    pub fn membership(&self) -> Result<Option<Membership>, DataDirError> {
        let Some(manifest) = self.manifest()? else { return Ok(None) };
        let mut paths = Vec::new();
        let grants = self.path.join("grants");
        match fs::read_dir(&grants) {
            Ok(entries) => {
                for entry in entries {
                    paths.push(entry.map_err(|source| io(&grants, source))?.path());
                }
            }
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(io(&grants, source)),
        }
        paths.sort();
        let of_kind = |kind: &'static str| {
            paths.iter().filter(move |path| path.extension().is_some_and(|extension| extension == kind))
        };
        let grants = of_kind("grant").map(|path| read_grant(path)).collect::<Result<Vec<_>, _>>()?;
        let records = of_kind("record").map(|path| read_record(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Membership::new(&manifest, grants).with_records(records)))
    }

    fn manifest(&self) -> Result<Option<Manifest>, DataDirError> {
        let path = self.path.join("space.manifest");
        if path.exists() { read_manifest(&path).map(Some) } else { Ok(None) }
    }

    /// Makes a directory that nobody else on this machine may look into: leases and rights bind them, too.
    pub(super) fn create(&self, path: &Path) -> Result<(), DataDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| io(path, source))
    }

    /// Writes a file whole or not at all.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
        let write = || {
            let partial = path.with_extension("partial");
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, path)?;
            path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        };
        write().map_err(|source| io(path, source))
    }
}

fn io(path: &Path, source: std::io::Error) -> DataDirError {
    DataDirError::Io { path: path.to_owned(), source }
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, DataDirError> {
    let length = fs::metadata(path).map_err(|source| io(path, source))?.len();
    if length > FILE_BYTES_MAX {
        return Err(DataDirError::Malformed { path: path.to_owned(), what });
    }
    fs::read(path).map_err(|source| io(path, source))
}

/// Reads a manifest from a file.
fn read_manifest(path: &Path) -> Result<Manifest, DataDirError> {
    const WHAT: &str = "manifest";
    Manifest::from_bytes(&read(path, WHAT)?)
        .map_err(|_| DataDirError::Malformed { path: path.to_owned(), what: WHAT })
}

/// Reads another record from a file.
fn read_record(path: &Path) -> Result<ControlRecord, DataDirError> {
    const WHAT: &str = "record";
    let malformed = |_| DataDirError::Malformed { path: path.to_owned(), what: WHAT };
    ControlRecord::from_bytes(&read(path, WHAT)?).map_err(malformed)
}

/// Reads a grant from a file, and checks that its issuer signed it.
fn read_grant(path: &Path) -> Result<Verified<Grant>, DataDirError> {
    const WHAT: &str = "grant";
    let malformed = |_| DataDirError::Malformed { path: path.to_owned(), what: WHAT };
    let grant = Unverified::<Grant>::from_bytes(&read(path, WHAT)?).map_err(malformed)?;
    let issuer = grant.claims().issuer;
    grant.verify(&issuer).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sdk::Owner;

    #[test]
    fn what_was_joined_is_found_again_and_no_second_space_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = DataDir::at(dir.path());
        let identity = dir.identity_or_init().expect("made");
        assert_eq!(dir.identity_or_init().expect("found").peer(), identity.peer());
        assert!(dir.membership().expect("read").is_none());
        let owner = Owner::found("harbour").expect("founded");
        let grant = owner.grant(identity.peer(), "parks", "read,write", 30).expect("granted");
        let membership = Membership::new(owner.manifest(), [grant]);
        dir.join(&membership).expect("joined");
        dir.join(&membership).expect("joined again");
        let found = dir.membership().expect("read").expect("a space");
        assert_eq!((found.manifest, found.grants), (membership.manifest, membership.grants));
        let other = Owner::found("airport").expect("founded");
        let refused = dir.join(&Membership::new(other.manifest(), []));
        assert!(matches!(refused, Err(DataDirError::OtherSpace)));
    }

    #[test]
    fn nobody_else_on_this_machine_reads_what_a_peer_keeps() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("peers/mic-1");
        DataDir::at(&path).identity_or_init().expect("made");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
