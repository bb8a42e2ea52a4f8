//! The store: one append-only medium, and an index that is rebuilt from it.

use std::collections::BTreeMap;
use std::ops::Range;

use msec_identity::{LogId, Verifier};

use super::frame::{self, FILE_HEADER_BYTES, FORMAT, FRAME_HEADER_BYTES, Found, Mark};
use super::index::{Extent, LogIndex};
use super::{CHUNK_BYTES_MAX, Chunk, Cut, Medium, Opened, Storage};
use crate::changes::{CHANGES_BYTES_MAX, ChangeEntry, ChangesPage, ChangesQuery};
use crate::error::StorageError;
use crate::log::{Body, Entry, EntryKind, Fit, Run, VerifiedRun};
use crate::query::{QUERY_ROWS_MAX, Query, Row};
use crate::reading::decode_readings;

/// Where in a frame its run starts.
const RUN_OFFSET: u64 = FRAME_HEADER_BYTES as u64 + 1;

/// Logs on a medium.
#[derive(Debug)]
pub struct Store<M> {
    medium: M,
    /// In boxes: a node of the map has room for eleven, and a sensor has one log.
    logs: BTreeMap<LogId, Box<LogIndex>>,
    applied: u64,
    durable: u64,
    poisoned: bool,
}

impl<M: Medium> Store<M> {
    /// Opens what lies on `medium`, cutting it back to what verifies.
    pub fn open(mut medium: M) -> Result<(Self, Opened), StorageError> {
        let mut cut = None;
        if !read_file_header(&medium)? {
            if medium.len() > 0 {
                cut = Some(Cut { at: 0, bytes: medium.len(), torn: medium.len() < FILE_HEADER_BYTES });
                medium.set_aside(0);
                medium.truncate(0)?;
            }
            medium.append(&frame::file_header(FORMAT))?;
            medium.sync()?;
        }
        let mut store = Self { medium, logs: BTreeMap::new(), applied: 0, durable: 0, poisoned: false };
        if let Some((at, torn)) = store.replay()? {
            cut = Some(Cut { at, bytes: store.medium.len() - at, torn });
            store.medium.set_aside(at);
            store.medium.truncate(at)?;
            store.medium.sync()?;
        }
        if cut.is_some_and(|cut| !cut.torn) {
            store.remember_cut()?;
        }
        let logs = store.logs.values().map(|index| index.state.clone()).collect();
        let continuable =
            store.logs.iter().filter(|(_, index)| index.continuable).map(|(log, _)| *log).collect();
        Ok((store, Opened { logs, continuable, cut }))
    }

    /// The medium, for whoever wants a copy of it.
    pub fn medium(&self) -> &M {
        &self.medium
    }

    /// The medium, for whoever wants to damage it.
    pub fn into_medium(self) -> M {
        self.medium
    }

    /// Adds all frames to the index. Returns where the first one lies that does not fit, and whether it was torn.
    fn replay(&mut self) -> Result<Option<(u64, bool)>, StorageError> {
        let mut at = FILE_HEADER_BYTES;
        loop {
            let payload = match frame::read(&self.medium, at)? {
                Found::Payload(payload) => payload,
                Found::End => return Ok(None),
                Found::Torn => return Ok(Some((at, true))),
                Found::Corrupt => return Ok(Some((at, false))),
            };
            let (mark, run) =
                payload.split_first().map_or((None, [].as_slice()), |(mark, run)| (Mark::of(*mark), run));
            let verified = || self.verified(run);
            match mark {
                Some(Mark::Cut) if run.is_empty() => self.distrust_logs(),
                Some(mark @ (Mark::Received | Mark::Written)) => {
                    let Some(run) = verified() else { return Ok(Some((at, false))) };
                    let run = VerifiedRun { written: mark == Mark::Written, ..run };
                    let places = run.write_to(&mut Vec::new());
                    self.index(&run, at + RUN_OFFSET, places);
                }
                _ => return Ok(Some((at, false))),
            }
            at += (FRAME_HEADER_BYTES + payload.len()) as u64;
        }
    }

    /// Writes down that the file was cut back, for every start to come.
    fn remember_cut(&mut self) -> Result<(), StorageError> {
        let mut frame = Vec::new();
        frame::write(&mut frame, Mark::Cut, |_| ());
        self.medium.append(&frame)?;
        self.medium.sync()?;
        self.distrust_logs();
        Ok(())
    }

    /// The file was cut back: of no log that it holds by now is it known whether all is there.
    fn distrust_logs(&mut self) {
        self.logs.values_mut().for_each(|index| index.continuable = false);
    }

    /// The run in a frame, if it continues what was read before and its author signed it. The check of a frame is no
    /// secret, so that bytes which somebody else put there are found out here.
    fn verified(&self, payload: &[u8]) -> Option<VerifiedRun> {
        let run = Run::from_bytes(payload).ok()?;
        let held = self.logs.get(&run.log).map(|index| &index.state);
        match run.fit(held).ok()? {
            Fit::Fits(fitting) => fitting.signed(held, &Verifier::strict()).ok(),
            Fit::Known | Fit::Gap { .. } => None,
        }
    }

    /// Adds a run that lies at `offset`, its entries at `places` from there.
    fn index(&mut self, run: &VerifiedRun, offset: u64, places: Vec<Range<usize>>) {
        let extents = places
            .into_iter()
            .map(|place| Extent { offset: offset + place.start as u64, len: place.len() as u32 });
        let state = &run.state;
        let index = self.logs.entry(state.log()).or_insert_with(|| Box::new(LogIndex::new(state.clone())));
        index.continuable &= run.written;
        index.add(state.clone(), &run.leaves, extents);
    }

    /// Whether each run starts where its log ends, those before it in the same commit included.
    fn continued_by(&self, runs: &[VerifiedRun]) -> bool {
        let mut sizes = BTreeMap::new();
        runs.iter().all(|run| {
            let log = run.state.log();
            let size =
                sizes.entry(log).or_insert_with(|| self.logs.get(&log).map_or(0, |index| index.tree.size()));
            let continues = run.from == *size;
            *size = run.state.size();
            continues
        })
    }

    /// The bytes of the entry at `position`, checked against its leaf: a disk may change its mind after opening.
    fn entry(&self, index: &LogIndex, position: u64) -> Result<(Entry, Vec<u8>), StorageError> {
        let extent = index.extents[position as usize];
        let mut bytes = vec![0; extent.len as usize];
        self.medium.read_at(extent.offset, &mut bytes)?;
        let entry: Entry = minicbor::decode(&bytes).map_err(|_| StorageError::Damaged)?;
        let expected = index.tree.range(position, position + 1);
        if expected.is_some_and(|leaf| leaf.hashes() == [entry.leaf()]) {
            Ok((entry, bytes))
        } else {
            Err(StorageError::Damaged)
        }
    }

    /// The readings of one log that a query wants, from the last entry backwards.
    fn rows(
        &self,
        log: LogId,
        index: &LogIndex,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let mut rows = Vec::new();
        for position in (0..index.tree.size()).rev() {
            let (entry, _) = self.entry(index, position)?;
            let (EntryKind::Readings, Some(body)) = (entry.kind, entry.body.bytes()) else { continue };
            // A signed entry may still hold nonsense. It is kept and forwarded, and shown to nobody.
            let Ok(readings) = decode_readings(body) else { continue };
            let wanted = readings.into_iter().rev().filter(|r| query.wants_reading(r));
            let all =
                wanted.map(|reading| Row::of(&index.state.header, log, position, entry.quality, reading));
            rows.extend(all.filter(|row| query.is_near(row.place)));
            if rows.len() >= limit {
                break;
            }
        }
        Ok(rows)
    }
}

impl<M: Medium> Storage for Store<M> {
    fn apply(&mut self, seq: u64, runs: &[VerifiedRun]) -> Result<(), StorageError> {
        if self.poisoned {
            return Err(StorageError::Poisoned);
        }
        if !self.continued_by(runs) {
            return Err(StorageError::NotNext);
        }
        let start = self.medium.len();
        let mut frames = Vec::new();
        let mut written = Vec::with_capacity(runs.len());
        for run in runs {
            let offset = start + frames.len() as u64 + RUN_OFFSET;
            let mark = if run.written { Mark::Written } else { Mark::Received };
            let places = frame::write(&mut frames, mark, |frames| run.write_to(frames));
            written.push((run, offset, places));
        }
        if let Err(error) = self.medium.append(&frames) {
            // What a failed append left behind would be taken for a torn store.
            self.poisoned = self.medium.truncate(start).is_err();
            return Err(error.into());
        }
        for (run, offset, places) in written {
            self.index(run, offset, places);
        }
        self.applied = seq;
        Ok(())
    }

    fn sync(&mut self) -> Result<u64, StorageError> {
        if self.poisoned {
            return Err(StorageError::Poisoned);
        }
        if self.durable != self.applied {
            // After a failed sync the kernel may drop the pages and report success next time (Rebello et al., USENIX
            // ATC 2020): only opening the store again tells what is there.
            if self.medium.sync().is_err() {
                self.poisoned = true;
                return Err(StorageError::Poisoned);
            }
            self.durable = self.applied;
        }
        Ok(self.durable)
    }

    fn read(&self, log: &LogId, from: u64, bytes_max: usize) -> Result<Option<Chunk>, StorageError> {
        if self.poisoned {
            return Err(StorageError::Poisoned);
        }
        let Some(index) = self.logs.get(log) else { return Ok(None) };
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for position in from..index.tree.size() {
            let len = index.extents[position as usize].len as usize;
            if !entries.is_empty() && bytes + len > bytes_max.min(CHUNK_BYTES_MAX) {
                break;
            }
            entries.push(self.entry(index, position)?.1);
            bytes += len;
        }
        Ok(if entries.is_empty() { None } else { index.chunk(log, from, &entries) })
    }

    fn query(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        let limit = query.limit.min(QUERY_ROWS_MAX);
        let mut rows = Vec::new();
        for (log, index) in self.logs.iter().filter(|(_, index)| query.wants(&index.state.header)) {
            rows.extend(self.rows(*log, index, query, limit)?);
            if rows.len() > 2 * limit {
                keep_newest(&mut rows, limit);
            }
        }
        keep_newest(&mut rows, limit);
        Ok(rows)
    }

    fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, StorageError> {
        let mut page = ChangesPage { next: query.from.clone(), ..ChangesPage::default() };
        let mut bytes = 0;
        for (log, index) in self.logs.iter().filter(|(_, index)| query.wants(&index.state.header)) {
            let next = page.next.entry(*log).or_insert(0);
            while *next < index.tree.size() {
                // Entries of other kinds count too: they are read to be told apart.
                let len = index.extents[*next as usize].len as usize;
                if bytes > 0 && bytes + len > CHANGES_BYTES_MAX {
                    page.more = true;
                    return Ok(page);
                }
                bytes += len;
                let (entry, _) = self.entry(index, *next)?;
                if let (EntryKind::Change, Body::Kept { bytes: body, .. }) = (entry.kind, entry.body) {
                    page.entries.push(ChangeEntry { log: *log, position: *next, body });
                }
                *next += 1;
            }
        }
        Ok(page)
    }
}

fn keep_newest(rows: &mut Vec<Row>, limit: usize) {
    rows.sort_by_key(|row| std::cmp::Reverse(row.reading.time));
    rows.truncate(limit);
}

/// Whether the file starts as it should. `false`: it is empty, or something else.
fn read_file_header(medium: &impl Medium) -> Result<bool, StorageError> {
    if medium.len() < FILE_HEADER_BYTES {
        return Ok(false);
    }
    let mut header = [0; FILE_HEADER_BYTES as usize];
    medium.read_at(0, &mut header)?;
    match frame::format_of(&header) {
        Some(FORMAT) => Ok(true),
        Some(found) => Err(StorageError::Format { found, known: FORMAT }),
        None => Ok(false),
    }
}
