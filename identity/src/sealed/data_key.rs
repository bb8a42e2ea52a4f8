//! The key of a log's day, sealed to the epoch: the unit in which sealed data is erased.
//!
//! ```text
//! sealed data key = [epoch: 32 bytes, log: 32 bytes, day, enc: 32 bytes, ciphertext: 48 bytes]   CBOR, one encoding
//! info            = "msec/data-key/1"
//! aad             = CBOR [epoch, log, day]
//! ```
//!
//! A writer keeps the key in memory only, and cannot open what it sealed: after a restart it draws another. For a body that key
//! counts which lies last before it in the log, of those of its epoch and day.

use std::fmt;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::context;
use super::epoch::{EpochRecord, EpochSecret};
use super::suite::{self, TAG_BYTES};
use crate::error::{OpenError, SealError};
use crate::id::{EpochId, LogId};
use crate::record::Verified;
use crate::time::UnixMillis;

const INFO: &[u8] = b"msec/data-key/1";
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The longest encoding: three strings of 32 bytes, one of 48, and a number.
const SEALED_KEY_BYTES_MAX: usize = 1 + 3 * 34 + 5 + 2 + 48;

/// A day in UTC, counted from 1970-01-01. For a writer whose clock was never set, that of the clock it has: days only part keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] pub i32);

impl Day {
    /// The day in which `at` lies; the first or last one for a time out of range.
    pub fn of(at: UnixMillis) -> Self {
        let day = at.0.div_euclid(DAY_MS).clamp(i32::MIN.into(), i32::MAX.into());
        Self(i32::try_from(day).expect("it was clamped"))
    }
}

/// Opens the bodies of a log that were written on a day, in an epoch. Zeroised when it is dropped.
#[derive(Clone)]
pub struct DataKey {
    pub(super) epoch: EpochId,
    pub(super) log: LogId,
    pub(super) day: Day,
    pub(super) key: Zeroizing<[u8; 32]>,
}

impl DataKey {
    /// A new one. A writer draws one when the day or the epoch changes, and lets go of the old one.
    pub fn draw(epoch: EpochId, log: LogId, day: Day, rng: &mut impl CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        Self { epoch, log, day, key }
    }

    /// Seals it to its epoch, for the readers.
    pub fn seal(
        &self,
        epoch: &Verified<EpochRecord>,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedDataKey, SealError> {
        if epoch.id() != self.epoch {
            return Err(SealError::Epoch);
        }
        let aad = context(&(self.epoch, self.log, self.day));
        let capsule = suite::seal(&epoch.public, INFO, &aad, self.key.as_slice(), rng)?;
        Ok(SealedDataKey {
            epoch: self.epoch,
            log: self.log,
            day: self.day,
            enc: capsule.enc,
            ciphertext: capsule.ciphertext,
        })
    }

    /// The key, in the clear: for a test that searches for it where it must not be.
    #[doc(hidden)]
    pub fn reveal(&self) -> Zeroizing<[u8; 32]> {
        self.key.clone()
    }

    /// The epoch that it is sealed to.
    pub fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The log whose bodies it opens.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The day.
    pub fn day(&self) -> Day {
        self.day
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("DataKey");
        shown.field("epoch", &self.epoch).field("log", &self.log).field("day", &self.day);
        shown.finish_non_exhaustive()
    }
}

/// A [`DataKey`] as it lies in its log. Erasing it erases the day's bodies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SealedDataKey {
    #[n(0)]
    epoch: EpochId,
    #[n(1)]
    log: LogId,
    #[n(2)]
    day: Day,
    #[cbor(n(3), with = "minicbor::bytes")]
    enc: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

impl SealedDataKey {
    /// Opens it with the private half of its epoch.
    pub fn open(&self, epoch: &Verified<EpochRecord>, secret: &EpochSecret) -> Result<DataKey, OpenError> {
        if self.epoch != epoch.id() || !secret.is_of(epoch) {
            return Err(OpenError::Epoch);
        }
        let aad = context(&(self.epoch, self.log, self.day));
        let opened = suite::open(secret.secret(), &self.enc, INFO, &aad, &self.ciphertext);
        let opened = opened.ok_or(OpenError::Broken)?;
        let mut key = Zeroizing::new([0; 32]);
        if opened.len() != key.len() {
            return Err(OpenError::Malformed);
        }
        key.copy_from_slice(&opened);
        Ok(DataKey { epoch: self.epoch, log: self.log, day: self.day, key })
    }

    /// The epoch that it is sealed to.
    pub fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The log that it is for. It counts only where it lies in that log: anybody can seal to an epoch.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The day.
    pub fn day(&self) -> Day {
        self.day
    }

    /// The one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        context(self)
    }

    /// Parses what `to_bytes` wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        if bytes.len() > SEALED_KEY_BYTES_MAX {
            return Err(OpenError::Malformed);
        }
        let key: Self = minicbor::decode(bytes).map_err(|_| OpenError::Malformed)?;
        let whole = key.ciphertext.len() == 32 + TAG_BYTES && key.to_bytes() == bytes;
        if whole { Ok(key) } else { Err(OpenError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_also_before_1970() {
        assert_eq!(Day::of(UnixMillis(0)), Day(0));
        assert_eq!(Day::of(UnixMillis(DAY_MS - 1)), Day(0));
        assert_eq!(Day::of(UnixMillis(DAY_MS)), Day(1));
        assert_eq!(Day::of(UnixMillis(-1)), Day(-1));
        assert_eq!(Day::of(UnixMillis(i64::MAX)), Day(i32::MAX));
        assert_eq!(Day::of(UnixMillis(i64::MIN)), Day(i32::MIN));
    }
}
