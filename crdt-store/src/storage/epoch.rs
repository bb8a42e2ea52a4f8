//! A store's epoch: while it is the same, a run's number means the same.

/// Of one store, from one loss to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub [u8; 8]);

impl Epoch {
    /// The one after this, made of random bytes. Were those not random, it would be another one than this all the same.
    pub(super) fn next(self, fresh: [u8; 8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("msec/store/epoch/1");
        hasher.update(&self.0).update(&fresh);
        Self(*hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
    }
}
