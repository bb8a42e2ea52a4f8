//! A run of entries under a signed head: what travels live, what travels in catch-up, and what lies on disk.
//!
//! The entries need not reach up to the head: `rest` stands for those that come later (see [`CompactRange`]), so that one
//! signature verifies a whole log, chunk by chunk, each before it is stored. A verifier hashes the new entries onto what it
//! holds, joins the rest and compares the root: that the run continues *its* copy is part of the check.

use std::ops::Range;
use std::sync::Arc;

use minicbor::{Decoder, Encoder};
use msec_identity::{Authority, LogId, Unverified, Verified, Verifier};

use super::bare::Bare;
use super::entry::ENTRY_OVERHEAD_BYTES;
use super::{Entry, EntryKind, Head, LogHeader, LogState, VerifiedPrefix};
use crate::error::RunError;
use crate::merkle::{CompactRange, TreeHash};

/// The longest run, in bytes. A longer one is refused before it is parsed.
pub const RUN_BYTES_MAX: usize = 512 * 1024;

/// A run of entries that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The log.
    pub log: LogId,
    /// The position of the first entry.
    pub from: u64,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The subtrees between the last entry and the head's size.
    pub rest: Vec<TreeHash>,
    /// The head that covers them.
    pub head: Unverified<Head>,
}

/// A run that fits what is held, under a head that its author signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifiedRun {
    pub(crate) from: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) leaves: Vec<TreeHash>,
    /// The log once the run is added.
    pub(crate) state: LogState,
    /// Whether it was signed here, rather than received.
    pub(crate) written: bool,
    /// What stands for the entries before it, where less of the log was held.
    pub(crate) prefix: Option<Arc<VerifiedPrefix>>,
}

/// What a run that breaks no rule is to its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "the common case is the large one, and it is moved once")]
pub enum Verdict {
    /// It adds entries.
    New(VerifiedRun),
    /// All of it is held.
    Known,
    /// It starts beyond what is held.
    Gap {
        /// How many entries are held.
        held: u64,
    },
}

/// A run that fits what is held, under a head whose signature is still to be checked.
pub(crate) struct FittingRun {
    pub(crate) from: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) leaves: Vec<TreeHash>,
    pub(crate) header: Arc<LogHeader>,
    pub(crate) held: CompactRange,
    pub(crate) rest: CompactRange,
    pub(crate) head: Unverified<Head>,
}

pub(crate) enum Fit {
    Fits(Box<FittingRun>),
    Known,
    Gap { held: u64 },
}

impl Run {
    /// Parses one run that fills all of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RunError> {
        if bytes.len() > RUN_BYTES_MAX {
            return Err(RunError::TooLong { bytes: bytes.len() });
        }
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(5) {
            return Err(RunError::NotARun);
        }
        let log = d.decode()?;
        let from = d.u64()?;
        let entries = d.decode()?;
        let count = d.array()?.ok_or(RunError::NotARun)?;
        let mut rest = Vec::new();
        for _ in 0..count {
            rest.push(d.bytes()?.try_into().map_err(|_| RunError::NotARun)?);
        }
        let head = Unverified::from_bytes(d.bytes()?).map_err(RunError::Head)?;
        if d.position() != bytes.len() {
            return Err(RunError::NotARun);
        }
        Ok(Self { log, from, entries, rest, head })
    }

    /// The encoding that `from_bytes` reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, &self.log, self.from, &self.entries, &self.rest, &self.head.to_bytes());
        bytes
    }

    /// What the log's header says, where the run brings it.
    pub fn header(&self) -> Option<LogHeader> {
        if self.from == 0 { header_of(&self.log, &self.entries).ok() } else { None }
    }

    /// The run without its entries from `end` on, of which only hashes stay; `None` if there are no others.
    #[must_use]
    pub fn up_to(mut self, end: u64) -> Option<Self> {
        let kept = end.checked_sub(self.from).filter(|kept| *kept > 0)? as usize;
        if kept >= self.entries.len() {
            return Some(self);
        }
        let after = self.from.checked_add(self.entries.len() as u64)?;
        let mut rest = CompactRange::empty(end);
        self.entries.drain(kept..).for_each(|entry| rest.push(entry.leaf()));
        let joins = rest.join(&CompactRange::from_hashes(after, self.head.claims().size, self.rest)?);
        self.rest = rest.hashes().to_vec();
        joins.then_some(self)
    }

    /// The position of the first entry whose body whoever knows this much would miss, see [`Run::verify`]; `None`: there is none, or
    /// it is not told whose log it is.
    pub fn first_lacking(&self, header: &LogHeader, authority: &Authority) -> Option<u64> {
        Bare::of(header, authority).first_lacking(self.from, &self.entries)
    }

    /// Checks everything: that the run continues the copy that is held, that the author signed the head, that the
    /// author may write there, and that no entry lacks a body that nobody who may has had erased. Bodies that are to be erased are left
    /// out of what it returns. `held` is the state of the run's log, if any of it is held.
    pub fn verify(self, held: Option<&LogState>, authority: &Authority) -> Result<Verdict, RunError> {
        let fitting = match self.fit(held)? {
            Fit::Fits(fitting) => fitting,
            Fit::Known => return Ok(Verdict::Known),
            Fit::Gap { held } => return Ok(Verdict::Gap { held }),
        };
        let header = fitting.header.clone();
        if header.space() != authority.space() {
            return Err(RunError::OtherSpace);
        }
        if held.is_none() && !header.shows_right_to_write(authority) {
            return Err(RunError::NotAuthorised {
                author: header.author(),
                collection: header.collection().clone(),
            });
        }
        let bare = Bare::of(&header, authority);
        let mut run = fitting.signed(held, authority.verifier())?;
        if let Some(position) = bare.first_lacking(run.from, &run.entries) {
            return Err(RunError::LacksBody { position });
        }
        bare.strip(run.from, &mut run.entries);
        Ok(Verdict::New(run))
    }

    /// Checks everything but the signature and the right to write.
    pub(crate) fn fit(self, held: Option<&LogState>) -> Result<Fit, RunError> {
        let claims = self.head.claims();
        if claims.log != self.log {
            return Err(RunError::NotARun);
        }
        let ground = held.map(|held| (&held.header, &held.held));
        let (size, expected) = (claims.size, claims.root);
        let laid = match Laid::onto(ground, &self.log, self.from, self.entries, self.rest, size)? {
            Lay::Laid(laid) => laid,
            Lay::Known => return Ok(Fit::Known),
            Lay::Gap { held } => return Ok(Fit::Gap { held }),
        };
        if laid.root != expected {
            return Err(RunError::DoesNotFit);
        }
        let Laid { from, entries, leaves, header, held, rest, root: _ } = laid;
        Ok(Fit::Fits(Box::new(FittingRun { from, entries, leaves, header, held, rest, head: self.head })))
    }
}

/// Entries laid onto what is held of their log, and the root that a head over them has to sign.
pub(crate) struct Laid {
    pub(crate) from: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) leaves: Vec<TreeHash>,
    pub(crate) header: Arc<LogHeader>,
    pub(crate) held: CompactRange,
    pub(crate) rest: CompactRange,
    pub(crate) root: TreeHash,
}

#[allow(clippy::large_enum_variant, reason = "the common case is the large one, and it is moved once")]
pub(crate) enum Lay {
    Laid(Laid),
    Known,
    Gap { held: u64 },
}

impl Laid {
    /// Lays the entries from `from` on, of a log whose head covers `size`, onto the header and the leaves that are held.
    pub(crate) fn onto(
        ground: Option<(&Arc<LogHeader>, &CompactRange)>,
        log: &LogId,
        from: u64,
        mut entries: Vec<Entry>,
        rest: Vec<TreeHash>,
        size: u64,
    ) -> Result<Lay, RunError> {
        let len = entries.len() as u64;
        let end = from.checked_add(len).filter(|end| *end <= size).ok_or(RunError::DoesNotFit)?;
        if len == 0 {
            return Err(RunError::NotARun);
        }
        let held = ground.map_or(0, |(_, range)| range.end());
        if end <= held {
            return Ok(Lay::Known);
        }
        if from > held {
            return Ok(Lay::Gap { held });
        }
        entries.drain(..(held - from) as usize);
        let header = match ground {
            Some((header, _)) => header.clone(),
            None => Arc::new(header_of(log, &entries)?),
        };
        // Entry 0 is the header, and no other is.
        if entries.iter().zip(held..).any(|(e, at)| (e.kind == EntryKind::Header) != (at == 0)) {
            return Err(RunError::Header);
        }
        let leaves: Vec<_> = entries.iter().map(Entry::leaf).collect();
        let mut range = ground.map_or_else(|| CompactRange::empty(0), |(_, range)| range.clone());
        leaves.iter().for_each(|leaf| range.push(*leaf));
        let rest = CompactRange::from_hashes(end, size, rest).ok_or(RunError::DoesNotFit)?;
        let root = if rest.is_empty() {
            range.root()
        } else {
            let mut whole = range.clone();
            if !whole.join(&rest) {
                return Err(RunError::DoesNotFit);
            }
            whole.root()
        };
        Ok(Lay::Laid(Self { from: held, entries, leaves, header, held: range, rest, root }))
    }
}

/// The header in entry 0 of a log that is not held yet.
pub(super) fn header_of(log: &LogId, entries: &[Entry]) -> Result<LogHeader, RunError> {
    let body = entries.first().and_then(|e| e.body.bytes()).ok_or(RunError::Header)?;
    let header: LogHeader = minicbor::decode(body).map_err(|_| RunError::Header)?;
    let same = minicbor::to_vec(&header).is_ok_and(|again| again == body);
    if !same || header.check().is_err() || header.id() != *log {
        return Err(RunError::Header);
    }
    Ok(header)
}

impl FittingRun {
    /// Checks the head's signature, unless it is the head that is held: a catch-up brings it again with every chunk.
    pub(crate) fn signed(
        self,
        held: Option<&LogState>,
        verifier: &Verifier,
    ) -> Result<VerifiedRun, RunError> {
        let known = held.filter(|held| held.head.is(&self.head));
        let head = match known {
            Some(held) => held.head.clone(),
            None => self.head.clone().verify_by(verifier, &self.header.author()).map_err(RunError::Head)?,
        };
        Ok(self.under(head))
    }

    /// The run under the verified form of its own head.
    pub(crate) fn under(self, head: Verified<Head>) -> VerifiedRun {
        debug_assert!(head.is(&self.head), "the head is the run's own");
        let latest = self.entries.last().and_then(Entry::read_at);
        VerifiedRun {
            from: self.from,
            entries: self.entries,
            leaves: self.leaves,
            written: false,
            prefix: None,
            state: LogState { header: self.header, held: self.held, rest: self.rest, head, latest },
        }
    }
}

impl VerifiedRun {
    /// The same, for a store that holds less of the log: with what stands for the entries before it.
    ///
    /// # Panics
    ///
    /// If it does not continue that prefix, which is a bug of the caller.
    #[must_use]
    pub fn after(self, prefix: Arc<VerifiedPrefix>) -> Self {
        assert!(
            (prefix.state.log(), prefix.state.size()) == (self.state.log(), self.from),
            "a run goes on where its prefix ends"
        );
        Self { prefix: Some(prefix), ..self }
    }

    /// The position of the first new entry.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// What stands for the entries before it, where less of the log was held.
    pub fn prefix(&self) -> Option<&VerifiedPrefix> {
        self.prefix.as_deref()
    }

    /// The new entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The log once the run is added.
    pub fn state(&self) -> &LogState {
        &self.state
    }

    /// The encoding that [`Run::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Appends the encoding to `out`. Returns where in it each entry lies, counted from its first byte.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) -> Vec<Range<usize>> {
        let head = self.state.head.to_bytes();
        encode(out, &self.state.log(), self.from, &self.entries, self.state.rest.hashes(), &head)
    }
}

fn encode(
    out: &mut Vec<u8>,
    log: &LogId,
    from: u64,
    entries: &[Entry],
    rest: &[TreeHash],
    head: &[u8],
) -> Vec<Range<usize>> {
    let start = out.len();
    let of_entries: usize = entries.iter().map(|entry| entry.body_len() + ENTRY_OVERHEAD_BYTES).sum();
    out.reserve(RUN_OVERHEAD_BYTES + of_entries + rest.len() * HASH_BYTES + head.len());
    let mut places = Vec::with_capacity(entries.len());
    write(out, log, from, entries, rest, head, |e, entry| {
        let at = e.writer().len() - start;
        e.encode(entry).expect(INFALLIBLE);
        places.push(at..e.writer().len() - start);
    });
    places
}

/// Appends a run to `out`; `entry` writes each of `entries`, whatever is held of them.
pub(crate) fn write<T>(
    out: &mut Vec<u8>,
    log: &LogId,
    from: u64,
    entries: &[T],
    rest: &[TreeHash],
    head: &[u8],
    mut entry: impl FnMut(&mut Encoder<&mut Vec<u8>>, &T),
) {
    let mut e = Encoder::new(out);
    e.array(5).and_then(|e| e.encode(log)).and_then(|e| e.u64(from)).expect(INFALLIBLE);
    e.array(entries.len() as u64).expect(INFALLIBLE);
    entries.iter().for_each(|it| entry(&mut e, it));
    e.array(rest.len() as u64).expect(INFALLIBLE);
    for hash in rest {
        e.bytes(hash).expect(INFALLIBLE);
    }
    e.bytes(head).expect(INFALLIBLE);
}

/// What a run takes beside its entries, hashes and head, at most: the log, and where and how many they are.
const RUN_OVERHEAD_BYTES: usize = 80;
/// What a hash takes.
const HASH_BYTES: usize = 34;

const INFALLIBLE: &str = "writing to a Vec cannot fail";

#[cfg(test)]
mod tests;
