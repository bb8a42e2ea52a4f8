//! A roll-up as a claim: what the entries of a stretch of a log come to, said by somebody who had them.
//!
//! A claim is the body of an entry of the kind [`EntryKind::Claim`](crate::EntryKind), in a log of its maker: the CBOR array
//! `[log, from, to, root, resolution, untimed, erased, malformed, columns]`. The head of that log signs it, as all that is
//! said. `root` is that of the first `to` entries, so that it is about these entries and no others, and whoever holds the log
//! can tie it to its head by a path of RFC 9162, 2.1.4. It names no maker and no time: who counts the same entries makes the
//! same claim, which then has one hash. It says what holds of the entries that still have their bodies, and how many have not;
//! what [`super::columns`] says of its buckets is drawn there.
//!
//! | who | what | then |
//! |---|---|---|
//! | a peer with the entries `from..to` | [`Recompute`]: folds them | [`Recomputed`]: an entry of its log |
//! | another one with these entries | folds them, and compares: [`Recomputed::confirm`] | [`Confirmed`]: an entry with the claim's hash |
//! | who has a claim and no entries | looks who said so | it stands for their bodies in the answers of the store |

use std::collections::BTreeMap;

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder, encode};
use msec_identity::LogId;

use super::bucket::{Bucket, Resolution};
use super::columns;
use super::confirmed::Confirmed;
use super::tally::{LeftOut, Tally, Told};
use crate::error::{ClaimError, ConfirmError};
use crate::log::Entry;
use crate::merkle::{CompactRange, TreeHash};
use crate::reading::READINGS_PER_ENTRY_MAX;

/// The most buckets in one claim. More are refused, when it is made and when it is read: claim fewer entries at a time. Any
/// one entry has no more.
pub const CLAIM_BUCKETS_MAX: usize = READINGS_PER_ENTRY_MAX;
/// The longest columns of one claim, in bytes. Longer ones are refused: claim fewer entries at a time. An entry of thousands of long decimals that are all in buckets of their own may be too long
/// alone; it can be claimed by longer buckets only.
pub const CLAIM_COLUMNS_BYTES_MAX: usize = 15 * 1024;

/// The longest claim, in bytes: its columns and what stands beside them. A longer one is refused before it is parsed.
pub const CLAIM_BYTES_MAX: usize = CLAIM_COLUMNS_BYTES_MAX + 256;

const HASH_CONTEXT: &str = "msec/rollup/1";
const INFALLIBLE: &str = "writing to a Vec cannot fail";

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

/// The name of a claim: a hash of all that it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimHash(pub [u8; 32]);

impl ClaimHash {
    /// The claim that the body of a countersignature names. `None`: it is nonsense, which a signed entry may well be.
    pub fn from_body(body: &[u8]) -> Option<Self> {
        body.try_into().ok().map(Self)
    }
}

impl RollUpClaim {
    /// Parses one claim that fills all of `bytes`.
    ///
    /// # Errors
    ///
    /// If it is not the encoding of a claim that some log can hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > CLAIM_BYTES_MAX {
            return Err(DecodeError::message("a claim is too long"));
        }
        let claim: Self = minicbor::decode(bytes)?;
        // There is one encoding: a claim has one hash.
        if claim.to_bytes() != bytes {
            return Err(DecodeError::message("not the one encoding of a claim"));
        }
        Ok(claim)
    }

    /// The encoding that `from_bytes` reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect(INFALLIBLE)
    }

    /// Its name.
    pub fn hash(&self) -> ClaimHash {
        ClaimHash(blake3::derive_key(HASH_CONTEXT, &self.to_bytes()))
    }

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
    /// If there are none, or if what they come to does not fit into a claim.
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
        let claim = RollUpClaim { log, from, to, root, resolution, left_out, buckets };
        Ok(Recomputed { bytes: claim.to_bytes(), claim })
    }
}

/// A claim whose maker had the entries: nothing else is said in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recomputed {
    claim: RollUpClaim,
    bytes: Vec<u8>,
}

impl Recomputed {
    /// What the entries come to.
    pub fn as_claim(&self) -> &RollUpClaim {
        &self.claim
    }

    /// The body of an entry that says so.
    pub(crate) fn as_body(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether somebody claimed just this: then it can be countersigned.
    ///
    /// # Errors
    ///
    /// What is different.
    pub fn confirm(&self, claim: &RollUpClaim) -> Result<Confirmed, ConfirmError> {
        let own = &self.claim;
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
        if own != claim { Err(ConfirmError::Wrong) } else { Ok(Confirmed::new(claim.hash())) }
    }
}

#[cfg(test)]
mod tests;
