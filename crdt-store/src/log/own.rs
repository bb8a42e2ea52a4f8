//! The writing end of a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use msec_identity::sealed::{SealedBody, SealedDataKey};
use msec_identity::{Identity, UnixMillis};

use super::entry::ENTRY_OVERHEAD_BYTES;
use super::run::FittingRun;
use super::{
    Body, COMMITMENT_SALT_BYTES, Entry, EntryKind, Head, LogHeader, LogState, TimeQuality, VerifiedRun,
};
use crate::error::EntryError;
use crate::merkle::{CompactRange, TreeHash};
use crate::reading::{Reading, encode_readings};
use crate::rollup::{Confirmed, Recomputed};

/// The longest body of an entry, in bytes. A longer one is refused.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of bodies that wait for one signature. More are refused until it is given, so that a run stays below
/// [`super::RUN_BYTES_MAX`].
const PENDING_BYTES_MAX: usize = 256 * 1024;

/// A log that this peer writes: what is signed, and what waits to be.
#[derive(Debug, Clone)]
pub struct OwnLog {
    header: Arc<LogHeader>,
    signed: CompactRange,
    pending: Vec<Entry>,
    pending_bytes: usize,
}

impl OwnLog {
    /// A new log; its header waits to be signed as entry 0.
    pub fn create(header: LogHeader) -> Self {
        Self {
            header: Arc::new(header),
            signed: CompactRange::empty(0),
            pending: Vec::new(),
            pending_bytes: 0,
        }
    }

    /// The log as it was left. `None` if entries of it are missing: it can't be continued then.
    pub fn resume(state: &LogState) -> Option<Self> {
        (state.size() == state.head.size).then(|| Self {
            header: state.header.clone(),
            signed: state.held.clone(),
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// The log's header.
    pub fn header(&self) -> &LogHeader {
        &self.header
    }

    /// How many entries are signed.
    pub fn size(&self) -> u64 {
        self.signed.end()
    }

    /// The root over the entries that are signed.
    pub fn root(&self) -> TreeHash {
        self.signed.root()
    }

    /// Bytes that wait to be signed.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Whether something waits to be signed.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Adds readings as one entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_readings(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        readings: &[Reading],
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Readings, now, quality, salt, encode_readings(readings)?)
    }

    /// Adds one change of a document as an entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_change(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        body: Vec<u8>,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Change, now, quality, salt, body)
    }

    /// Adds a claim as an entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_claim(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        claim: &Recomputed,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Claim, now, quality, salt, claim.as_body().to_vec())
    }

    /// Adds a countersignature as an entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_countersignature(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        confirmed: &Confirmed,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Countersignature, now, quality, salt, confirmed.as_body().to_vec())
    }

    /// Adds a control record as an entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_control(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        record: Vec<u8>,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Control, now, quality, salt, record)
    }

    /// Adds the key of a day as an entry, and returns its position. The salt is drawn at random by the caller.
    pub fn append_data_key(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        key: &SealedDataKey,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::DataKey, now, quality, salt, key.to_bytes())
    }

    /// Adds something that was sealed for [`Self::next_position`] and this very salt as an entry, and returns its position.
    pub fn append_sealed(
        &mut self,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        body: &SealedBody,
    ) -> Result<u64, EntryError> {
        self.append(EntryKind::Sealed, now, quality, salt, body.to_bytes())
    }

    /// The position of the entry that is appended next. The header goes before.
    pub fn next_position(&self) -> u64 {
        (self.signed.end() + self.pending.len() as u64).max(1)
    }

    /// Whether so many bytes of bodies have room before the next signature.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.pending_bytes + bytes <= PENDING_BYTES_MAX
    }

    fn append(
        &mut self,
        kind: EntryKind,
        now: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        bytes: Vec<u8>,
    ) -> Result<u64, EntryError> {
        if bytes.len() > BODY_BYTES_MAX {
            return Err(EntryError::TooLong { bytes: bytes.len() });
        }
        if self.pending_bytes + bytes.len() > PENDING_BYTES_MAX {
            return Err(EntryError::Busy);
        }
        self.header.check()?;
        self.begin(now, quality);
        Ok(self.push(kind, now, quality, salt, bytes))
    }

    /// Lets the header wait to be signed as entry 0, unless it is there already. Appending does so by itself.
    pub fn begin(&mut self, now: UnixMillis, quality: TimeQuality) {
        if self.signed.end() == 0 && self.pending.is_empty() {
            let body = minicbor::to_vec(&*self.header).expect("writing to a Vec cannot fail");
            // A header is no secret, and whoever holds the log's id must be able to recompute it.
            self.push(EntryKind::Header, now, quality, [0; COMMITMENT_SALT_BYTES], body);
        }
    }

    /// Moves what waits to be signed behind what waits in `next`, but for the header, for changes, and for what is sealed: those were made for
    /// this log. Returns the new positions of what was moved, by the old ones.
    pub fn hand_over(self, next: &mut Self) -> BTreeMap<u64, u64> {
        let moves = |kind| {
            !matches!(kind, EntryKind::Header | EntryKind::Change | EntryKind::DataKey | EntryKind::Sealed)
        };
        let entries = (self.signed.end()..).zip(self.pending).filter(|(_, entry)| moves(entry.kind));
        entries
            .map(|(before, entry)| {
                let position = next.signed.end() + next.pending.len() as u64;
                next.pending_bytes += entry.body_len() + ENTRY_OVERHEAD_BYTES;
                next.pending.push(entry);
                (before, position)
            })
            .collect()
    }

    fn push(
        &mut self,
        kind: EntryKind,
        time: UnixMillis,
        quality: TimeQuality,
        salt: [u8; COMMITMENT_SALT_BYTES],
        bytes: Vec<u8>,
    ) -> u64 {
        let position = self.signed.end() + self.pending.len() as u64;
        self.pending_bytes += bytes.len() + ENTRY_OVERHEAD_BYTES;
        self.pending.push(Entry { kind, time, quality, body: Body::Kept { salt, bytes } });
        position
    }

    /// Signs all that waits, with one signature. `None` if nothing does.
    ///
    /// # Panics
    ///
    /// If `identity` is not the log's author, which is a bug of the caller.
    pub fn sign(&mut self, identity: &Identity, now: UnixMillis) -> Option<VerifiedRun> {
        assert_eq!(identity.peer(), self.header.author(), "a log is signed by its author");
        if self.pending.is_empty() {
            return None;
        }
        let from = self.signed.end();
        let entries = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let leaves: Vec<_> = entries.iter().map(Entry::leaf).collect();
        leaves.iter().for_each(|leaf| self.signed.push(*leaf));
        let size = self.signed.end();
        let head = Head { log: self.header.id(), size, root: self.signed.root(), time: now };
        let head = identity.sign(head);
        let run = FittingRun {
            from,
            entries,
            leaves,
            header: self.header.clone(),
            held: self.signed.clone(),
            rest: CompactRange::empty(size),
            head: head.clone().into(),
        };
        Some(VerifiedRun { written: true, ..run.under(head) })
    }
}
