//! The claims that the store's logs make of other logs' entries: where they stand, and what is known of them without reading
//! them. As with stretches, the index holds those up to its checkpoint, and memory those since.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::LogId;

use crate::log::{Entry, EntryKind};
use crate::merkle::TreeHash;
use crate::rollup::{ClaimHash, Resolution, RollUpClaim};

/// The most claims of one log that are looked at for an answer. Of more, those that begin last are left out.
pub(super) const CLAIMS_READ_MAX: usize = 4_096;
/// The most countersignatures of one claim that are looked at. Further ones don't count.
pub(super) const COUNTERSIGNATURES_READ_MAX: usize = 64;

/// Where a claim stands. In the order in which claims of one log follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClaimKey {
    /// The log that it is about.
    pub(super) log: LogId,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The log that it stands in, and where.
    pub(super) maker: LogId,
    pub(super) position: u64,
}

impl ClaimKey {
    /// What all claims of a log come after.
    pub(super) fn first_of(log: &LogId) -> Self {
        Self { log: *log, from: 0, to: 0, maker: LogId([0; 32]), position: 0 }
    }
}

/// What is known of it beside that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClaimFacts {
    pub(super) hash: ClaimHash,
    pub(super) root: TreeHash,
    pub(super) resolution: Resolution,
    /// The numbers of its first and its last bucket; an empty range if it has none.
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) erased: u64,
}

/// Claims and countersignatures that are not in the index.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    pub(super) made: BTreeMap<ClaimKey, ClaimFacts>,
    /// Of that claim, by the log at that position.
    pub(super) countersigned: BTreeSet<(ClaimHash, LogId, u64)>,
}

/// What one entry adds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stated {
    Claim(ClaimKey, ClaimFacts),
    Countersignature(ClaimHash, LogId, u64),
}

impl Stated {
    /// What the entry at that position of that log says of others. What it says may be nonsense: then nothing.
    pub(super) fn by(entry: &Entry, maker: LogId, position: u64) -> Option<Self> {
        let body = entry.body.bytes()?;
        match entry.kind {
            EntryKind::Claim => {
                let claim = RollUpClaim::from_bytes(body).ok()?;
                let key = ClaimKey { log: claim.log(), from: claim.from(), to: claim.to(), maker, position };
                let numbers = claim.buckets().keys();
                let (first, last) = (numbers.clone().next(), numbers.last());
                let facts = ClaimFacts {
                    hash: claim.hash(),
                    root: claim.root(),
                    resolution: claim.resolution(),
                    first: first.copied().unwrap_or(i64::MAX),
                    last: last.copied().unwrap_or(i64::MIN),
                    erased: claim.left_out().erased,
                };
                Some(Self::Claim(key, facts))
            }
            EntryKind::Countersignature => {
                Some(Self::Countersignature(ClaimHash::from_body(body)?, maker, position))
            }
            _ => None,
        }
    }
}

impl Claims {
    pub(super) fn add(&mut self, stated: Stated) {
        match stated {
            Stated::Claim(key, facts) => drop(self.made.insert(key, facts)),
            Stated::Countersignature(claim, log, position) => {
                self.countersigned.insert((claim, log, position));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.made.len() + self.countersigned.len()
    }

    /// The claims of a log, those that begin first. There may be any number of them.
    pub(super) fn of(&self, log: &LogId) -> impl Iterator<Item = (ClaimKey, ClaimFacts)> {
        let first = ClaimKey::first_of(log);
        let of_log = self.made.range(first..).take_while(move |(key, _)| key.log == first.log);
        of_log.map(|(key, facts)| (*key, *facts))
    }

    /// The entries that countersign a claim: log and position. There may be any number of them.
    pub(super) fn countersigning(&self, claim: &ClaimHash) -> impl Iterator<Item = (LogId, u64)> {
        let first = (*claim, LogId([0; 32]), 0);
        let of_claim = self.countersigned.range(first..).take_while(move |it| it.0 == first.0);
        of_claim.map(|(_, log, position)| (*log, *position))
    }
}
