//! What stands for the entries of a log that were let go: its first entry, and the subtrees over those that follow it.
//!
//! ```text
//! prefix = [log, end, entry 0, [hash*], [hash*], head]     in CBOR: the subtrees that the leaves from 1 up to `end` are made
//!                                                          of, and those from there up to the head's size
//! ```
//!
//! Entry 0 stays, for it is the log's header, and a log's id does not name all that a header says. Joined with its leaf, the
//! subtrees are the peaks of the tree at `end` (RFC 9162), from which any later run is verified. One signature vouches for all
//! of it, but for nothing that was let go: who takes a prefix takes its giver's word that it is worth no more.

use std::sync::Arc;

use minicbor::{Decoder, Encoder};
use msec_identity::{Authority, LogId, Unverified};

use super::run::header_of;
use super::{Entry, EntryKind, Head, LogHeader, LogState, RUN_BYTES_MAX};
use crate::error::RunError;
use crate::merkle::{CompactRange, TreeHash};

/// An array of six.
const FIRST_BYTE: u8 = 0x86;

const INFALLIBLE: &str = "writing to a Vec cannot fail";

/// A prefix that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    log: LogId,
    end: u64,
    first: Entry,
    between: Vec<TreeHash>,
    rest: Vec<TreeHash>,
    head: Unverified<Head>,
}

/// A prefix under a head that the log's author signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifiedPrefix {
    pub(crate) first: Entry,
    pub(crate) between: CompactRange,
    pub(crate) state: LogState,
}

/// A prefix that leads to the root that its head names. The signature is still to be checked.
#[derive(Debug, Clone)]
pub(crate) struct FittingPrefix {
    pub(crate) first: Entry,
    pub(crate) between: CompactRange,
    pub(crate) header: Arc<LogHeader>,
    /// The peaks.
    pub(crate) held: CompactRange,
    pub(crate) rest: CompactRange,
    pub(crate) head: Unverified<Head>,
}

impl Prefix {
    /// Whether bytes that somebody sent are to be a prefix, and not a run: each says how many fields it has.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.first() == Some(&FIRST_BYTE)
    }

    /// Parses one prefix that fills all of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RunError> {
        if bytes.len() > RUN_BYTES_MAX {
            return Err(RunError::TooLong { bytes: bytes.len() });
        }
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(6) {
            return Err(RunError::NotARun);
        }
        let (log, end, first) = (d.decode()?, d.u64()?, d.decode()?);
        let (between, rest) = (hashes(&mut d)?, hashes(&mut d)?);
        let head = Unverified::from_bytes(d.bytes()?).map_err(RunError::Head)?;
        if d.position() != bytes.len() {
            return Err(RunError::NotARun);
        }
        Ok(Self { log, end, first, between, rest, head })
    }

    /// Which log it is of.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The first entry that was not let go.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Checks everything: that it is of that log, that its author signed the head, and may write there.
    pub fn verify(self, authority: &Authority) -> Result<VerifiedPrefix, RunError> {
        let FittingPrefix { first, between, header, held, rest, head } = self.fit()?;
        if header.space() != authority.space() {
            return Err(RunError::OtherSpace);
        }
        if !header.shows_right_to_write(authority) {
            let (author, collection) = (header.author(), header.collection().clone());
            return Err(RunError::NotAuthorised { author, collection });
        }
        let head = head.verify_by(authority.verifier(), &header.author()).map_err(RunError::Head)?;
        let state = LogState { header, held, rest, head, latest: None };
        Ok(VerifiedPrefix { first, between, state })
    }

    /// Checks everything but the signature and the right to write.
    pub(crate) fn fit(self) -> Result<FittingPrefix, RunError> {
        let Self { log, end, first, between, rest, head } = self;
        let claims = head.claims();
        if claims.log != log {
            return Err(RunError::NotARun);
        }
        if first.kind != EntryKind::Header {
            return Err(RunError::Header);
        }
        let header = Arc::new(header_of(&log, std::slice::from_ref(&first))?);
        let between = CompactRange::from_hashes(1, end, between).ok_or(RunError::DoesNotFit)?;
        let rest = CompactRange::from_hashes(end, claims.size, rest).ok_or(RunError::DoesNotFit)?;
        let held = peaks(&first, &between);
        let mut whole = held.clone();
        if !whole.join(&rest) || whole.root() != claims.root {
            return Err(RunError::DoesNotFit);
        }
        Ok(FittingPrefix { first, between, header, held, rest, head })
    }
}

impl VerifiedPrefix {
    /// The log, as of the last entry that was let go.
    pub fn state(&self) -> &LogState {
        &self.state
    }

    /// The encoding that [`Prefix::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { first, between, state } = self;
        let (log, head) = (state.log(), state.head.to_bytes());
        encode(&log, first, between, &state.rest, &head)
    }
}

/// The peaks of the tree over the first entry and those between.
pub(crate) fn peaks(first: &Entry, between: &CompactRange) -> CompactRange {
    let mut peaks = CompactRange::empty(0);
    peaks.push(first.leaf());
    let joined = peaks.join(between);
    debug_assert!(joined, "what is between begins at 1");
    peaks
}

/// The encoding of a prefix under the head with those bytes.
pub(crate) fn encode(
    log: &LogId,
    first: &Entry,
    between: &CompactRange,
    rest: &CompactRange,
    head: &[u8],
) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.array(6).and_then(|e| e.encode(log)).and_then(|e| e.u64(between.end())).expect(INFALLIBLE);
    e.encode(first).expect(INFALLIBLE);
    for range in [between, rest] {
        e.array(range.hashes().len() as u64).expect(INFALLIBLE);
        for hash in range.hashes() {
            e.bytes(hash).expect(INFALLIBLE);
        }
    }
    e.bytes(head).expect(INFALLIBLE);
    e.into_writer()
}

fn hashes(d: &mut Decoder<'_>) -> Result<Vec<TreeHash>, RunError> {
    let count = d.array()?.ok_or(RunError::NotARun)?;
    // Each takes more than a byte: what lies there bounds how many are read.
    (0..count).map(|_| d.bytes()?.try_into().map_err(|_| RunError::NotARun)).collect()
}

#[cfg(test)]
mod tests;
