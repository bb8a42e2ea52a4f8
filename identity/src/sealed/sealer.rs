//! What a writer holds of its sealed log: the key of the day, and nothing that opens yesterday's.

use rand_core::CryptoRng;

use super::data_key::{DataKey, Day, SealedDataKey};
use super::epoch::EpochRecord;
use crate::error::SealError;
use crate::id::LogId;
use crate::record::Verified;

/// Draws the data keys of one log.
#[derive(Debug)]
pub struct LogSealer {
    log: LogId,
    key: Option<DataKey>,
}

impl LogSealer {
    /// For that log, with no key yet.
    pub fn new(log: LogId) -> Self {
        Self { log, key: None }
    }

    /// The key for what is written on that day. A new one when the day or the epoch is another, and then it comes sealed as well:
    /// that has to be appended before the first body under it. The old one is forgotten.
    pub fn key(
        &mut self,
        epoch: &Verified<EpochRecord>,
        day: Day,
        rng: &mut impl CryptoRng,
    ) -> Result<(&DataKey, Option<SealedDataKey>), SealError> {
        let id = epoch.id();
        let kept = self.key.take().filter(|key| key.epoch() == id && key.day() == day);
        let (key, sealed) = match kept {
            Some(key) => (key, None),
            None => {
                let key = DataKey::draw(id, self.log, day, rng);
                let sealed = key.seal(epoch, rng)?;
                (key, Some(sealed))
            }
        };
        Ok((self.key.insert(key), sealed))
    }

    /// Forgets the key, as when the day's bodies are erased: what follows gets another.
    pub fn forget(&mut self) {
        self.key = None;
    }
}
