//! What of the segments does not count any more: one small file beside them, which is read before they are.
//!
//! ```text
//! ledger  = frame*                   as in a segment
//! payload = mark:u8 record           0: a log was let go up to a place: its prefix, then [continuable, number of its last
//!                                       run, time of its last entry, epoch] as of there
//!                                    1: segments were rewritten: how often by now; an index that counts less is of before
//!                                    2: the first segment that counts: those before it are gone
//!                                    3: entries were erased: log, first, last + 1
//!                                    4: all that was erased before is gone from everywhere
//!                                    5: bytes that were written so far, and readings that were stored
//!                                    6: a log was forked: the evidence, as it travels
//!                                    7: the last head of what was held of a log, and went for what others let go of it
//! ```
//!
//! Records are appended and synced before anything of what they name is removed, so that a crash in between leaves what is
//! not read any more, and the next opening passes it over. Of one log's beginning the last record counts, of
//! erasures all do, of one log's evidence the first, and so of the heads that were held before. When the file is more than twice
//! as long as what counts in it, that is written beside it, synced, and takes its name.
//!
//! A record that is damaged is passed over. The log that it was of then begins where it did before, or lacks its beginning: the
//! store is cut back, and neighbours give back what they hold.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minicbor::{Decoder, Encoder};
use msec_identity::{LogId, Unverified, Verifier};

use super::erase::Tombstones;
use super::frame::{self, Found};
use super::held::{Base, Facts, SignedHead};
use super::wear::Wear;
use super::{CONTESTED_MAX, Epoch, Medium};
use crate::log::{FittingPrefix, Fork, ForkEvidence, Head, Prefix, encode_prefix};

/// The file.
pub(super) const LEDGER: &str = "ledger";
/// Where it is written anew.
const BESIDE: &str = "ledger.new";

/// Heads that are kept of what was held of logs before those were begun behind it, some 160 bytes each. Of a further log none is.
pub(super) const OLD_HEADS_MAX: usize = 4_096;

/// It is not written anew below so many bytes.
const REWRITTEN_BYTES_MIN: u64 = 64 * 1024;

const INFALLIBLE: &str = "writing to a Vec cannot fail";

/// Something to be written down.
#[derive(Debug, Clone)]
pub(super) enum Record {
    /// A log was let go up to a place.
    Pruned(Arc<Base>),
    /// Segments were rewritten, so many times by now.
    Rewritten(u64),
    /// Those before this segment are gone.
    First(u32),
    /// Entries of a log are erased, and refused from here on.
    Erased(LogId, Range<u64>),
    /// All that was erased is gone.
    Finished,
    /// So much was written so far.
    Wear(Wear),
    /// A log was forked.
    Contested(Arc<Fork>),
    /// This head was held, of a log that was begun behind it.
    Behind(Unverified<Head>),
}

/// What all records come to.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The logs that were let go up to a place.
    pub(super) bases: BTreeMap<LogId, Arc<Base>>,
    /// How often segments were rewritten.
    pub(super) rewritten: u64,
    /// The first segment.
    pub(super) first: u32,
    /// What was erased.
    pub(super) erased: Tombstones,
    /// Whether some of that may still be there.
    pub(super) is_erasing: bool,
    /// What was written when it was last told.
    pub(super) wear: Wear,
    /// The logs that were forked. At most [`CONTESTED_MAX`].
    pub(super) contested: BTreeMap<LogId, Arc<Fork>>,
    /// The heads that were held of logs before those were begun behind them, the first one of each. At most [`OLD_HEADS_MAX`].
    pub(super) behind: BTreeMap<LogId, Unverified<Head>>,
    /// Whether some of it cannot be read.
    pub(super) is_damaged: bool,
    /// Where the last whole record ends.
    len: u64,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            bases: BTreeMap::new(),
            rewritten: 0,
            first: 1,
            erased: Tombstones::default(),
            is_erasing: false,
            wear: Wear::default(),
            contested: BTreeMap::new(),
            behind: BTreeMap::new(),
            is_damaged: false,
            len: 0,
        }
    }
}

impl Told {
    /// Reads the ledger, if there is one.
    pub(super) fn read(medium: &dyn Medium) -> io::Result<Self> {
        let mut told = Self::default();
        let Some(len) = medium.len(LEDGER)? else { return Ok(told) };
        let mut at = 0;
        loop {
            let next = match frame::read(medium, LEDGER, len, at)? {
                Found::Payload(payload, _) => {
                    told.is_damaged |= told.take(&payload).is_none();
                    at + (frame::FRAME_HEADER_BYTES + payload.len()) as u64
                }
                Found::End | Found::Torn => break,
                Found::Corrupt(next) => {
                    told.is_damaged = true;
                    let Some(next) = next else { break };
                    next
                }
            };
            at = next;
        }
        told.len = at;
        Ok(told)
    }

    /// Takes in one record. `None`: there is no such record.
    fn take(&mut self, payload: &[u8]) -> Option<()> {
        let (mark, record) = payload.split_first()?;
        let mut d = Decoder::new(record);
        match mark {
            0 => {
                let base = read_base(&mut d)?;
                self.note(&Record::Pruned(Arc::new(base)));
            }
            1 => self.note(&Record::Rewritten(d.u64().ok()?)),
            2 => self.note(&Record::First(d.u32().ok()?)),
            3 => {
                let (log, start, end) = (d.decode().ok()?, d.u64().ok()?, d.u64().ok()?);
                self.note(&Record::Erased(log, start..end));
            }
            4 => self.note(&Record::Finished),
            5 => self.note(&Record::Wear(Wear { bytes: d.u64().ok()?, readings: d.u64().ok()? })),
            6 => {
                // Whoever wrote to the file: what convicts somebody is checked.
                let fork = ForkEvidence::from_bytes(record).ok()?.verify(&Verifier::strict()).ok()?;
                self.note(&Record::Contested(Arc::new(fork)));
                return Some(());
            }
            7 => {
                self.note(&Record::Behind(Unverified::from_bytes(record).ok()?));
                return Some(());
            }
            _ => return None,
        }
        (d.position() == record.len()).then_some(())
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Pruned(base) => drop(self.bases.insert(base.log(), base.clone())),
            Record::Rewritten(times) => self.rewritten = self.rewritten.max(*times),
            Record::First(first) => self.first = self.first.max(*first),
            Record::Erased(log, range) => {
                self.erased.add(*log, range.clone());
                self.is_erasing = true;
            }
            Record::Finished => self.is_erasing = false,
            Record::Wear(wear) => self.wear = *wear,
            Record::Contested(fork) if self.contested.len() < CONTESTED_MAX => {
                self.contested.entry(fork.log()).or_insert_with(|| fork.clone());
            }
            Record::Behind(head) if self.behind.len() < OLD_HEADS_MAX => {
                self.behind.entry(head.claims().log).or_insert_with(|| head.clone());
            }
            Record::Contested(_) | Record::Behind(_) => {}
        }
    }

    /// All that counts, as few records as it takes.
    fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let bases = self.bases.values().cloned().map(Record::Pruned);
        let erased = self.erased.iter().map(|(log, range)| Record::Erased(log, range));
        let finished = (!self.is_erasing).then_some(Record::Finished);
        let counts = [Record::Rewritten(self.rewritten), Record::First(self.first), Record::Wear(self.wear)];
        let contested = self.contested.values().cloned().map(Record::Contested);
        let behind = self.behind.values().cloned().map(Record::Behind);
        bases.chain(counts).chain(erased).chain(finished).chain(contested).chain(behind)
    }
}

/// The ledger of a store that is open.
#[derive(Debug)]
pub(super) struct Ledger {
    medium: Arc<dyn Medium>,
    pub(super) told: Told,
    /// How long the file is, as far as it counts.
    len: u64,
    /// How long it was when it was written anew.
    anew: u64,
    /// Whether its name is durable.
    is_named: bool,
}

impl Ledger {
    /// Goes on with what was read, without what a crash left behind it.
    pub(super) fn open(medium: Arc<dyn Medium>, told: Told) -> io::Result<Self> {
        medium.remove(BESIDE)?;
        let len = told.len;
        let is_damaged = told.is_damaged;
        let mut it = Self { medium, told, len, anew: len, is_named: true };
        if is_damaged {
            tracing::warn!("some of the store's ledger cannot be read: it is written anew");
            it.write_anew()?;
        }
        Ok(it)
    }

    /// Writes records down, durably. On an error none of them counts here.
    pub(super) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        if self.len > REWRITTEN_BYTES_MIN.max(2 * self.anew) {
            self.write_anew()?;
        }
        let mut frames = Vec::new();
        records.iter().for_each(|record| append(&mut frames, record));
        if let Err(error) = self.append(&frames) {
            // What is left there is cut off before anything is written after it.
            let _ = self.cut();
            return Err(error);
        }
        self.len += frames.len() as u64;
        records.iter().for_each(|record| self.told.note(record));
        Ok(())
    }

    fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.cut()?;
        self.medium.write_at(LEDGER, self.len, frames)?;
        self.medium.sync(LEDGER)?;
        self.sync_name()
    }

    /// Cuts off what a crash or a failed write left behind the last record.
    fn cut(&mut self) -> io::Result<()> {
        match self.medium.len(LEDGER)? {
            None => self.is_named = false,
            Some(found) if found > self.len => self.medium.set_len(LEDGER, self.len)?,
            Some(_) => {}
        }
        Ok(())
    }

    fn sync_name(&mut self) -> io::Result<()> {
        if !self.is_named {
            self.medium.sync_dir()?;
            self.is_named = true;
        }
        Ok(())
    }

    /// Writes what counts beside the file, and puts it in its place.
    fn write_anew(&mut self) -> io::Result<()> {
        let mut frames = Vec::new();
        self.told.records().for_each(|record| append(&mut frames, &record));
        self.medium.remove(BESIDE)?;
        self.medium.write_at(BESIDE, 0, &frames)?;
        self.medium.sync(BESIDE)?;
        self.medium.rename(BESIDE, LEDGER)?;
        (self.len, self.anew, self.is_named) = (frames.len() as u64, frames.len() as u64, false);
        self.sync_name()
    }
}

fn append(frames: &mut Vec<u8>, record: &Record) {
    let mark: u8 = match record {
        Record::Pruned(_) => 0,
        Record::Rewritten(_) => 1,
        Record::First(_) => 2,
        Record::Erased(..) => 3,
        Record::Finished => 4,
        Record::Wear(_) => 5,
        Record::Contested(_) => 6,
        Record::Behind(_) => 7,
    };
    frame::write(frames, mark, |out| match record {
        Record::Pruned(base) => write_base(out, base),
        Record::Rewritten(times) => drop(Encoder::new(out).u64(*times).expect(INFALLIBLE)),
        Record::First(first) => drop(Encoder::new(out).u32(*first).expect(INFALLIBLE)),
        Record::Erased(log, range) => {
            let mut e = Encoder::new(out);
            e.encode(log).and_then(|e| e.u64(range.start)).and_then(|e| e.u64(range.end)).expect(INFALLIBLE);
        }
        Record::Finished => {}
        Record::Wear(wear) => {
            let mut e = Encoder::new(out);
            e.u64(wear.bytes).and_then(|e| e.u64(wear.readings)).expect(INFALLIBLE);
        }
        Record::Contested(fork) => out.extend_from_slice(&fork.to_bytes()),
        Record::Behind(head) => out.extend_from_slice(&head.to_bytes()),
    });
}

fn write_base(out: &mut Vec<u8>, base: &Base) {
    let Base { first, between, facts, epoch } = base;
    let prefix = encode_prefix(&base.log(), first, between, &facts.rest, &facts.head.to_bytes());
    let mut e = Encoder::new(out);
    e.bytes(&prefix)
        .and_then(|e| e.bool(facts.continuable))
        .and_then(|e| e.u64(facts.run))
        .expect(INFALLIBLE);
    e.encode(facts.latest).and_then(|e| e.bytes(&epoch.0)).expect(INFALLIBLE);
}

/// A base whose prefix leads to the root of a head. Its signature is checked with those of all logs.
fn read_base(d: &mut Decoder<'_>) -> Option<Base> {
    let prefix = Prefix::from_bytes(d.bytes().ok()?).ok()?;
    let FittingPrefix { first, between, header, held, rest, head } = prefix.fit().ok()?;
    let mut facts = Facts::new(header, SignedHead::Read(head));
    (facts.held, facts.rest) = (held, rest);
    (facts.continuable, facts.run) = (d.bool().ok()?, d.u64().ok()?);
    facts.latest = d.decode().ok()?;
    let epoch = Epoch(d.bytes().ok()?.try_into().ok()?);
    Some(Base { first, between, facts, epoch })
}

impl Base {
    /// The same, if its author signed its head.
    pub(super) fn verified(&self) -> Option<Facts> {
        let mut facts = self.facts.clone();
        facts.verify(&Verifier::strict()).ok().map(|()| facts)
    }
}
