//! What a peer opens, for the threads that answer its queries.

use std::sync::{Arc, PoisonError, RwLock};

use msec_crdt_store::Unseal;
use msec_identity::sealed::{DataKey, EpochRecord, EpochSecret, Keyring, SealedDataKey};
use msec_identity::{CollectionPath, EpochId, Verified};

/// The secrets of the epochs that were wrapped for a peer. Clones are the same: the node adds to it, and whoever answers queries
/// opens data keys with it.
#[derive(Debug, Clone, Default)]
pub struct Keys(Arc<RwLock<Keyring>>);

impl Keys {
    pub(super) fn add(&self, epoch: &Verified<EpochRecord>, secret: EpochSecret) {
        let added = self.0.write().unwrap_or_else(PoisonError::into_inner).add(epoch, secret);
        if !added {
            tracing::warn!(collection = %epoch.collection, "no room for the secret of another epoch: what is sealed to it stays closed");
        }
    }

    /// Whether it opens what is sealed to that epoch.
    pub fn holds(&self, epoch: &EpochId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).secret(epoch).is_some()
    }

    #[cfg(any(feature = "index", not(feature = "net")))]
    pub(super) fn secret(&self, epoch: &EpochId) -> Option<EpochSecret> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).secret(epoch).cloned()
    }
}

impl Unseal for Keys {
    fn reads(&self, collection: &CollectionPath) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).reads(collection)
    }

    fn data_key(&self, sealed: &SealedDataKey) -> Option<DataKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).open(sealed)
    }
}
