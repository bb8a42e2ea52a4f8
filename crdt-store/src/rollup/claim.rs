//! A roll-up as a signed claim: what the entries of a stretch of a log come to, said by somebody who had them.
//!
//! A claim is the CBOR array `[log, from, to, root, resolution, untimed, erased, malformed, columns]`. `root` is that of the
//! first `to` entries, so that it is about these entries and no others, and whoever holds a head of the log can tie it to
//! that by a path of RFC 9162, 2.1.4. It names no maker and no time: who counts the same entries makes the same claim,
//! which then has one hash, and its maker's signature is the first of several. It says what holds of the entries that
//! still have their bodies, and how many have not; what [`super::columns`] says of its buckets is drawn there.
//!
//! | who | what | then |
//! |---|---|---|
//! | a gateway with the entries `from..to` | [`Recompute`]: folds them | [`Recomputed`]: it signs the claim |
//! | another one with these entries | folds them, and compares: [`Recomputed::confirms`] | it countersigns |
//! | who has a claim and no entries | checks signatures | [`super::RollUp::adopt`] |

use std::collections::BTreeMap;

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder, encode};
use msec_identity::{Identity, LogId, Record, Verified};

use super::bucket::{Bucket, Resolution};
use super::columns;
use super::cosignature::RollUpCosignature;
use super::tally::{LeftOut, Tally, Told};
use crate::error::{ClaimError, ConfirmError};
use crate::log::Entry;
use crate::merkle::{CompactRange, TreeHash};
use crate::reading::READINGS_PER_ENTRY_MAX;

/// The most buckets in one claim. More are refused, when it is made and when it is read: claim fewer entries at a time. Any
/// one entry has no more.
pub const CLAIM_BUCKETS_MAX: usize = READINGS_PER_ENTRY_MAX;
/// The longest columns of one claim, in bytes, so that it stays below `RECORD_BYTES_MAX` of `identity`. Longer ones are refused:
/// claim fewer entries at a time. An entry of thousands of long decimals that are all in buckets of their own may be too long
/// alone; it can be claimed by longer buckets only.
pub const CLAIM_COLUMNS_BYTES_MAX: usize = 15 * 1024;

/// The entries of a log that claims reach, at most: no log has so many. A claim that goes further is refused.
const ENTRIES_MAX: u64 = 1 << 62;
const FIELDS: u64 = 9;

/// What somebody says of the entries of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUpClaim {
    log: LogId,
    from: u64,
    to: u64,
    root: TreeHash,
    resolution: Resolution,
    left_out: LeftOut,
    buckets: BTreeMap<i64, Bucket>,
}

impl Record for RollUpClaim {
    const DOMAIN: &'static str = "msec/rollup/1";
}

impl RollUpClaim {
    /// The log.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The first entry.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The entry after the last.
    pub fn to(&self) -> u64 {
        self.to
    }

    /// The root of the log's first `to` entries.
    pub fn root(&self) -> TreeHash {
        self.root
    }

    /// How long the buckets are.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// What of the entries is in no bucket.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The buckets, by their number.
    pub fn buckets(&self) -> &BTreeMap<i64, Bucket> {
        &self.buckets
    }

    /// Whether a log can have so many entries, and they so many readings.
    fn is_possible(&self) -> bool {
        let LeftOut { untimed, erased, malformed } = self.left_out;
        let gone = u128::from(erased) + u128::from(malformed);
        if self.from >= self.to || self.to > ENTRIES_MAX {
            return false;
        }
        let entries = self.to - self.from;
        let Some(read) = u128::from(entries).checked_sub(gone) else { return false };
        let readings = self.buckets.values().map(Bucket::readings).sum::<u128>() + u128::from(untimed);
        readings <= read * READINGS_PER_ENTRY_MAX as u128
    }
}

impl<C> Encode<C> for RollUpClaim {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        let LeftOut { untimed, erased, malformed } = self.left_out;
        e.array(FIELDS)?.encode(self.log)?.u64(self.from)?.u64(self.to)?.bytes(&self.root)?;
        e.u8(self.resolution.code())?.u64(untimed)?.u64(erased)?.u64(malformed)?;
        e.bytes(&columns::write(&self.buckets))?.ok()
    }
}

/// What was read is written again and compared by `Unverified::from_bytes`, as of every record.
impl<'b, C> Decode<'b, C> for RollUpClaim {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let wrong = |what| DecodeError::message(what);
        if d.array()? != Some(FIELDS) {
            return Err(wrong("a claim has nine fields"));
        }
        let (log, from, to) = (d.decode()?, d.u64()?, d.u64()?);
        let root = d.bytes()?.try_into().map_err(|_| wrong("a root of the wrong length"))?;
        let resolution = Resolution::of_code(d.u8()?).ok_or_else(|| wrong("an unknown resolution"))?;
        let left_out = LeftOut { untimed: d.u64()?, erased: d.u64()?, malformed: d.u64()? };
        let bytes = d.bytes()?;
        if bytes.len() > CLAIM_COLUMNS_BYTES_MAX {
            return Err(wrong("the columns of a claim are too long"));
        }
        let buckets = columns::read(bytes, resolution).map_err(|_| wrong("malformed buckets"))?;
        let claim = Self { log, from, to, root, resolution, left_out, buckets };
        if claim.is_possible() { Ok(claim) } else { Err(wrong("more readings than the entries can hold")) }
    }
}

/// Folds a stretch of entries, to claim something of them or to check what somebody claimed.
#[derive(Debug, Clone)]
pub struct Recompute {
    log: LogId,
    from: u64,
    leaves: CompactRange,
    tally: Tally,
}

impl Recompute {
    /// Begins behind the entries of a log for which `before` stands. The caller has verified that they are the log's.
    ///
    /// # Panics
    ///
    /// If `before` does not begin at entry 0, which is a bug of the caller.
    pub fn begin(log: LogId, resolution: Resolution, before: CompactRange) -> Self {
        assert_eq!(before.begin(), 0, "only a range from entry 0 on has a root");
        Self { log, from: before.end(), leaves: before, tally: Tally::new(resolution) }
    }

    /// Adds the next entry.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Buckets`] if there would be too many buckets. The entry is not added: a claim may end here, and another
    /// begin.
    pub fn push(&mut self, entry: &Entry) -> Result<(), ClaimError> {
        let told = Told::by(entry);
        if self.tally.len_with(&told) > CLAIM_BUCKETS_MAX {
            return Err(ClaimError::Buckets);
        }
        self.tally.add(&told);
        self.leaves.push(entry.leaf());
        Ok(())
    }

    /// What the entries come to.
    ///
    /// # Errors
    ///
    /// If there are none, or if what they come to does not fit into a record.
    pub fn finish(self) -> Result<Recomputed, ClaimError> {
        let Self { log, from, leaves, tally: Tally { resolution, buckets, left_out } } = self;
        let (to, root) = (leaves.end(), leaves.root());
        if from == to {
            return Err(ClaimError::Empty);
        }
        let bytes = columns::write(&buckets).len();
        if bytes > CLAIM_COLUMNS_BYTES_MAX {
            return Err(ClaimError::Bytes { bytes });
        }
        Ok(Recomputed(RollUpClaim { log, from, to, root, resolution, left_out, buckets }))
    }
}

/// A claim whose maker had the entries: nothing else is signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recomputed(RollUpClaim);

impl Recomputed {
    /// What the entries come to.
    pub fn as_claim(&self) -> &RollUpClaim {
        &self.0
    }

    /// Signs it.
    pub fn sign(&self, maker: &Identity) -> Verified<RollUpClaim> {
        maker.sign(self.0.clone())
    }

    /// Whether somebody claimed just this. The signature is checked elsewhere.
    ///
    /// # Errors
    ///
    /// What is different.
    pub fn confirms(&self, claim: &RollUpClaim) -> Result<(), ConfirmError> {
        let own = &self.0;
        if (own.log, own.from, own.to, own.resolution) != (claim.log, claim.from, claim.to, claim.resolution)
        {
            return Err(ConfirmError::OtherRange);
        }
        if own.root != claim.root {
            return Err(ConfirmError::OtherEntries);
        }
        if own.left_out.erased != claim.left_out.erased {
            return Err(ConfirmError::Erased { here: own.left_out.erased, claimed: claim.left_out.erased });
        }
        if own != claim { Err(ConfirmError::Wrong) } else { Ok(()) }
    }

    /// Countersigns a claim that says just this.
    ///
    /// # Errors
    ///
    /// As [`Recomputed::confirms`].
    pub fn countersign(
        &self,
        claim: &RollUpClaim,
        gateway: &Identity,
    ) -> Result<Verified<RollUpCosignature>, ConfirmError> {
        self.confirms(claim)?;
        Ok(gateway.sign(RollUpCosignature::new(claim.hash(), gateway.peer())))
    }
}

#[cfg(test)]
mod tests;
