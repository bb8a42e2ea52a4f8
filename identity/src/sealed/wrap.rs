//! An epoch's secrets, sealed to one holder.
//!
//! ```text
//! wrap   = [epoch: 32 bytes, holder: 32 bytes, enc: 32 bytes, ciphertext: 80 or 48 bytes]   CBOR, one encoding
//! sealed = private half of the epoch, 32 bytes, then the names' secret, 32 bytes            for who reads
//!          the names' secret, 32 bytes                                                      for who only writes
//! info   = "msec/wrap/1 read" or "msec/wrap/1 write"
//! aad    = CBOR [space, collection, epoch, holder]
//! ```

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::context;
use super::epoch::{EpochRecord, EpochSecret};
use super::key::{SealingEndorsement, SealingKey};
use super::names::NamesSecret;
use super::suite::{self, TAG_BYTES};
use crate::error::{OpenError, SealError};
use crate::id::{EpochId, PeerId};
use crate::record::Verified;
use crate::time::UnixMillis;

/// No wrap is longer, in bytes. Longer ones are refused unread.
pub const WRAP_BYTES_MAX: usize = 185;

const READ: &[u8] = b"msec/wrap/1 read";
const WRITE: &[u8] = b"msec/wrap/1 write";
const READ_BYTES: usize = 64 + TAG_BYTES;
const WRITE_BYTES: usize = 32 + TAG_BYTES;

/// The secrets of one epoch for one holder. Nobody signs it: what is in it is compared with the epoch's signed record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Wrap {
    #[n(0)]
    epoch: EpochId,
    #[n(1)]
    holder: PeerId,
    #[cbor(n(2), with = "minicbor::bytes")]
    enc: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

/// What was in a wrap.
#[derive(Debug, Clone)]
pub enum Opened {
    /// The holder reads.
    Reader(EpochSecret),
    /// The holder writes, and reads nothing.
    Writer(NamesSecret),
}

impl Wrap {
    /// For somebody who may read. `now` is `None` where the clock was never set.
    pub fn for_reader(
        secret: &EpochSecret,
        epoch: &Verified<EpochRecord>,
        holder: &Verified<SealingEndorsement>,
        now: Option<UnixMillis>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealError> {
        if !secret.is_of(epoch) {
            return Err(SealError::Epoch);
        }
        Self::seal(READ, secret.to_bytes().as_slice(), epoch, holder, now, rng)
    }

    /// For somebody who may write and not read.
    pub fn for_writer(
        names: &NamesSecret,
        epoch: &Verified<EpochRecord>,
        holder: &Verified<SealingEndorsement>,
        now: Option<UnixMillis>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealError> {
        if names.commitment() != epoch.names {
            return Err(SealError::Epoch);
        }
        Self::seal(WRITE, names.as_bytes(), epoch, holder, now, rng)
    }

    fn seal(
        info: &[u8],
        secrets: &[u8],
        epoch: &EpochRecord,
        holder: &SealingEndorsement,
        now: Option<UnixMillis>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealError> {
        if !holder.is_valid(now) {
            return Err(SealError::Expired { holder: holder.peer });
        }
        let id = epoch.id();
        let capsule = suite::seal(&holder.public, info, &aad(epoch, id, &holder.peer), secrets, rng)?;
        Ok(Self { epoch: id, holder: holder.peer, enc: capsule.enc, ciphertext: capsule.ciphertext })
    }

    /// Opens it, and compares what is in it with the record.
    pub fn open(&self, epoch: &Verified<EpochRecord>, key: &SealingKey) -> Result<Opened, OpenError> {
        if self.epoch != epoch.id() {
            return Err(OpenError::Epoch);
        }
        if self.holder != key.endorsement().peer {
            return Err(OpenError::Holder);
        }
        let reads = self.ciphertext.len() == READ_BYTES;
        let info = if reads { READ } else { WRITE };
        let aad = aad(epoch, self.epoch, &self.holder);
        let opened = suite::open(key.secret(), &self.enc, info, &aad, &self.ciphertext);
        let opened = opened.ok_or(OpenError::Broken)?;
        if let Ok(both) = <&[u8; 64]>::try_from(opened.as_slice()) {
            let secret = EpochSecret::from_bytes(both);
            return if secret.is_of(epoch) { Ok(Opened::Reader(secret)) } else { Err(OpenError::WrongKey) };
        }
        let mut names = Zeroizing::new([0; 32]);
        if opened.len() != names.len() {
            return Err(OpenError::Malformed);
        }
        names.copy_from_slice(&opened);
        let names = NamesSecret::from_bytes(*names);
        if names.commitment() == epoch.names { Ok(Opened::Writer(names)) } else { Err(OpenError::WrongKey) }
    }

    /// The epoch.
    pub fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// For whom it is.
    pub fn holder(&self) -> PeerId {
        self.holder
    }

    /// Whether it is for a reader, by its length.
    pub fn reads(&self) -> bool {
        self.ciphertext.len() == READ_BYTES
    }

    /// Whether it is as long as one for a reader or a writer.
    pub(super) fn is_of_known_length(&self) -> bool {
        [READ_BYTES, WRITE_BYTES].contains(&self.ciphertext.len())
    }

    /// The one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        context(self)
    }

    /// Parses what `to_bytes` wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        if bytes.len() > WRAP_BYTES_MAX {
            return Err(OpenError::Malformed);
        }
        let wrap: Self = minicbor::decode(bytes).map_err(|_| OpenError::Malformed)?;
        if wrap.is_of_known_length() && wrap.to_bytes() == bytes {
            Ok(wrap)
        } else {
            Err(OpenError::Malformed)
        }
    }
}

fn aad(epoch: &EpochRecord, id: EpochId, holder: &PeerId) -> Vec<u8> {
    context(&(epoch.space, &epoch.collection, id, holder))
}
