//! The care of a key: a passphrase over it, its words on paper, and what brings it back.

use std::fs;
use std::path::PathBuf;

use msec_identity::backup::{Share, combine, from_words};
use msec_identity::{
    ControlStream, Identity, KeyFileError, KeyStore, Passphrase, PassphraseCost, ShareError, UnixMillis,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::access::AccessFailed;
use super::data_dir::DataDir;
use super::error::DataDirError;
use super::peer::Peer;
use crate::net::random_seed;

/// A key that was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRestored {
    /// It was not there, and is now.
    New,
    /// It was there all the time.
    Same,
    /// Another one was, which lies here now.
    Instead {
        /// Where the other key lies, as it was.
        aside: PathBuf,
    },
}

/// The key that these texts hold, each of one key's words or one share's; what is beyond the shares that it takes is ignored.
/// `None`: there are fewer shares than it takes, so far. A whole key's words are refused beside others, since one of them would be ignored.
pub fn key_on_paper(texts: &[impl AsRef<str>]) -> Result<Option<Identity>, ShareError> {
    let mut shares: Vec<Share> = Vec::new();
    for text in texts {
        if Share::begins(text.as_ref()) {
            shares.push(Share::from_words(text.as_ref())?);
        } else {
            let whole = from_words(text.as_ref())?;
            return if texts.len() == 1 { Ok(Some(whole)) } else { Err(ShareError::Beside) };
        }
    }
    match combine(&shares) {
        Err(ShareError::TooFew { .. }) => Ok(None),
        found => found.map(Some),
    }
}

impl Peer {
    /// Makes another Noise key, and says that the ones before it are over: neighbours close their links and take the old keys no more, from
    /// whoever has them. When this returns, that is on disk; this peer's links come again by themselves. Returns since when keys count.
    pub async fn rotate_key(&self) -> Result<UnixMillis, AccessFailed> {
        let rotation = self.look(|node| node.rotation()).await?;
        let since = rotation.since;
        self.enter(ControlStream::Own, rotation).await?;
        Ok(since)
    }
}

impl DataDir {
    /// Whether the key lies under a passphrase.
    pub fn is_protected(&self) -> Result<bool, DataDirError> {
        Ok(self.key().is_protected()?)
    }

    /// Puts the key under a passphrase, or under a new one. The old file is replaced; what a disk keeps of it is out of reach.
    pub fn protect(&mut self, new: &Passphrase) -> Result<(), DataDirError> {
        let old = if self.is_protected()? { Some(self.unlocking.passphrase(&self.key())?) } else { None };
        let mut rng = ChaCha20Rng::from_seed(random_seed());
        self.key().protect(old.as_ref(), new, PassphraseCost::default(), &mut rng)?;
        self.unlocking.forget();
        Ok(())
    }

    /// Lets the key lie there without a passphrase, as a peer that starts by itself needs it.
    pub fn unprotect(&self) -> Result<(), DataDirError> {
        if self.is_protected()? {
            self.key().unprotect(&self.unlocking.passphrase(&self.key())?)?;
        }
        Ok(())
    }

    /// Splits the key among so many, of whom `threshold` bring it back; fewer learn nothing.
    pub fn split_key(
        &self,
        threshold: u8,
        shares: u8,
    ) -> Result<Result<Vec<Share>, ShareError>, DataDirError> {
        let mut rng = ChaCha20Rng::from_seed(random_seed());
        Ok(msec_identity::backup::split(&self.identity()?, threshold, shares, &mut rng))
    }

    /// Puts a key here that was brought back from paper. Another one is refused, or with `replace` set aside under another name;
    /// none is ever overwritten.
    pub fn restore_key(&self, identity: &Identity, replace: bool) -> Result<KeyRestored, DataDirError> {
        self.create(self.path())?;
        let key = self.key();
        match key.create(identity) {
            Ok(()) => return Ok(KeyRestored::New),
            Err(KeyFileError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // One that cannot be opened, say since nobody knows its passphrase, is another one for all that is known.
        if self.identity().is_ok_and(|held| held.peer() == identity.peer()) {
            return Ok(KeyRestored::Same);
        }
        if !replace {
            return Err(KeyFileError::Exists { path: key.path().to_owned() }.into());
        }
        let aside = self.set_aside()?;
        key.create(identity)?;
        Ok(KeyRestored::Instead { aside })
    }

    /// Gives the key that lies here another name. A link fails where there is such a file, unlike a rename.
    fn set_aside(&self) -> Result<PathBuf, DataDirError> {
        let key = self.key();
        let failed = |source| DataDirError::Io { path: key.path().to_owned(), source };
        let mut number = 1;
        loop {
            let aside = key.path().with_extension(format!("key.{number}"));
            match fs::hard_link(key.path(), &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < u16::MAX => {
                    number += 1
                }
                Err(error) => return Err(failed(error)),
                Ok(()) => {
                    fs::remove_file(key.path()).map_err(failed)?;
                    return Ok(aside);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::backup::to_words;

    use super::*;

    #[test]
    fn a_key_comes_back_from_its_words_and_from_two_of_three_shares() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = DataDir::at(home.path().join("office"));
        let identity = dir.init().expect("made");
        let words = to_words(&identity);
        let found = key_on_paper(&[words.as_str()]).expect("read").expect("a key");
        assert_eq!(found.peer(), identity.peer());
        let shares = dir.split_key(2, 3).expect("opened").expect("split");
        let texts: Vec<_> = shares.iter().map(Share::to_words).collect();
        let texts: Vec<_> = texts.iter().map(|it| it.as_str()).collect();
        assert!(key_on_paper(&texts[1..2]).expect("read").is_none(), "one share is not enough");
        let found = key_on_paper(&texts[1..]).expect("read").expect("a key");
        assert_eq!(found.peer(), identity.peer());
        assert_eq!(
            key_on_paper(&[texts[0], words.as_str()]).expect_err("one is ignored"),
            ShareError::Beside
        );
        assert_eq!(key_on_paper(&[words.as_str(), words.as_str()]).expect_err("twice"), ShareError::Beside);
        assert!(matches!(key_on_paper(&[texts[0], texts[0]]), Err(ShareError::Twice { index: 1 })));
    }

    #[test]
    fn a_key_that_lies_there_is_never_overwritten() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = DataDir::at(home.path());
        let [one, other] = [[1; 32], [2; 32]].map(Identity::from_seed);
        assert_eq!(dir.restore_key(&one, false).expect("new"), KeyRestored::New);
        assert_eq!(dir.restore_key(&one, false).expect("there"), KeyRestored::Same);
        assert!(matches!(
            dir.restore_key(&other, false),
            Err(DataDirError::Key(KeyFileError::Exists { .. }))
        ));
        assert_eq!(dir.identity().expect("kept").peer(), one.peer());
        let asides: Vec<_> = [&other, &one]
            .map(|identity| match dir.restore_key(identity, true).expect("replaced") {
                KeyRestored::Instead { aside } => aside,
                restored => panic!("{restored:?}"),
            })
            .into();
        assert_ne!(asides[0], asides[1]);
        let kept = asides
            .iter()
            .map(|aside| msec_identity::KeyFile::at(aside).load().expect("kept as it was").peer());
        assert_eq!(kept.collect::<Vec<_>>(), [one.peer(), other.peer()]);
        assert_eq!(dir.identity().expect("restored").peer(), one.peer());
    }
}
