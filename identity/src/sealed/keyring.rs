//! What a reader holds: the secrets of all epochs that were wrapped for it.

use std::collections::BTreeMap;
use std::fmt;

use super::data_key::{DataKey, SealedDataKey};
use super::epoch::{EpochRecord, EpochSecret};
use crate::id::EpochId;
use crate::path::CollectionPath;
use crate::record::Verified;

/// The most epochs whose secrets are held: all that an authority holds.
pub const EPOCHS_HELD_MAX: usize = crate::authority::EPOCHS_MAX;

/// Secrets of epochs, each zeroised when it is dropped. What is sealed to an old epoch opens as long as its secret is here.
#[derive(Clone, Default)]
pub struct Keyring(BTreeMap<EpochId, (Verified<EpochRecord>, EpochSecret)>);

impl Keyring {
    /// Adds the secret of an epoch. `false`: it is not that epoch's, or there is no room.
    pub fn add(&mut self, epoch: &Verified<EpochRecord>, secret: EpochSecret) -> bool {
        let id = epoch.id();
        let has_room = self.0.len() < EPOCHS_HELD_MAX || self.0.contains_key(&id);
        let fits = has_room && secret.is_of(epoch);
        if fits {
            self.0.insert(id, (epoch.clone(), secret));
        }
        fits
    }

    /// The secret of an epoch.
    pub fn secret(&self, epoch: &EpochId) -> Option<&EpochSecret> {
        self.0.get(epoch).map(|(_, secret)| secret)
    }

    /// Opens a data key that is sealed to one of the epochs.
    pub fn open(&self, key: &SealedDataKey) -> Option<DataKey> {
        let (epoch, secret) = self.0.get(&key.epoch())?;
        key.open(epoch, secret).ok()
    }

    /// Whether an epoch of that collection is held.
    pub fn reads(&self, collection: &CollectionPath) -> bool {
        self.0.values().any(|(epoch, _)| epoch.collection == *collection)
    }

    /// How many epochs are held.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names the epochs, and shows nothing of them.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.0.len()).finish()
    }
}
