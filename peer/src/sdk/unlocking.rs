//! How a key that lies under a passphrase is opened: whoever opens the peer is asked, once, and only if it is needed.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use msec_identity::{Identity, KeyFile, Passphrase};

use super::data_dir::DataDir;
use super::error::DataDirError;

/// Who is asked for a passphrase.
type Ask = dyn Fn(&Path) -> io::Result<Passphrase> + Send + Sync;

/// Who is asked, and what was said. Clones ask once between them.
#[derive(Clone, Default)]
pub(super) struct Unlocking {
    ask: Option<Arc<Ask>>,
    /// What opened the key.
    said: Arc<OnceLock<Passphrase>>,
}

impl fmt::Debug for Unlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlocking").field("asks", &self.ask.is_some()).finish_non_exhaustive()
    }
}

impl Unlocking {
    /// Opens a key that lies under a passphrase. `None`: it lies under none, or nobody can be asked.
    pub(super) fn unlock(&self, key: &KeyFile) -> Result<Option<Identity>, DataDirError> {
        if self.ask.is_none() || !key.is_protected()? {
            return Ok(None);
        }
        let passphrase = self.passphrase(key)?;
        let identity = key.load_with(&passphrase)?;
        // Kept only once it has opened the key: a slip is asked for again.
        let _ = self.said.set(passphrase);
        Ok(Some(identity))
    }

    /// What is said to open this key, right or wrong.
    pub(super) fn passphrase(&self, key: &KeyFile) -> Result<Passphrase, DataDirError> {
        if let Some(said) = self.said.get() {
            return Ok(said.clone());
        }
        let unasked =
            || DataDirError::Key(msec_identity::KeyFileError::Protected { path: key.path().to_owned() });
        let ask = self.ask.as_ref().ok_or_else(unasked)?;
        ask(key.path()).map_err(|source| DataDirError::Passphrase { path: key.path().to_owned(), source })
    }

    /// What was said counts no more.
    pub(super) fn forget(&mut self) {
        self.said = Arc::default();
    }
}

impl DataDir {
    /// Asks there for the passphrase, if the key lies under one: `ask` is given the path of the key, and called once at most where what it
    /// says is right. Without this, such a key is refused.
    #[must_use]
    pub fn unlocked_by(
        mut self,
        ask: impl Fn(&Path) -> io::Result<Passphrase> + Send + Sync + 'static,
    ) -> Self {
        self.unlocking = Unlocking { ask: Some(Arc::new(ask)), said: Arc::default() };
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    #[test]
    fn whoever_opens_a_key_under_a_passphrase_is_asked_once_and_only_if_it_is_needed() {
        let home = tempfile::tempdir().expect("a directory");
        let peer = DataDir::at(home.path()).init().expect("made").peer();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let mut dir = DataDir::at(home.path()).unlocked_by(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(phrase("four plain words"))
        });
        assert_eq!(dir.identity().expect("bare").peer(), peer);
        assert_eq!(asked.load(Ordering::Relaxed), 0, "it lies bare");
        dir.protect(&phrase("four plain words")).expect("protected");
        assert!(matches!(
            DataDir::at(home.path()).identity(),
            Err(DataDirError::Key(msec_identity::KeyFileError::Protected { .. }))
        ));
        assert_eq!(dir.identity().expect("opened").peer(), peer);
        assert_eq!(dir.clone().identity_or_init().expect("opened").peer(), peer);
        assert_eq!(asked.load(Ordering::Relaxed), 1, "what was said is remembered");
        assert!(!format!("{dir:?}").contains("plain words"));
    }

    #[test]
    fn a_wrong_passphrase_is_not_remembered() {
        let home = tempfile::tempdir().expect("a directory");
        DataDir::at(home.path()).init().expect("made");
        DataDir::at(home.path()).protect(&phrase("right")).expect("protected");
        let asked = AtomicUsize::new(0);
        let dir = DataDir::at(home.path()).unlocked_by(move |_| {
            let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            Ok(phrase(if first { "rigth" } else { "right" }))
        });
        let wrong = dir.identity();
        assert!(matches!(wrong, Err(DataDirError::Key(msec_identity::KeyFileError::WrongPassphrase { .. }))));
        dir.identity().expect("the second one is right");
    }
}
