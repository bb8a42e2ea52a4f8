//! An append-only file in segments, and an index in redb that can be rebuilt.
//!
//! ```text
//! segment = frame*                        a file; the last one grows, the others are full
//! frame   = length:u32 check:u64 payload  little endian; the check is BLAKE3's
//! payload = log:u64 from:u64 head entry*  the entries of one log in one commit
//! ```
//!
//! When a segment is full, the index learns in one transaction where each log's frames lie in it, and the heads. A start reads
//! the heads from the index and the last segment from the file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{CACHE_BYTES, Design, ENTRY_BYTES, Entry, HEAD_BYTES, head_of, value_of};

/// How long a segment grows.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Length and check.
const FRAME_HEADER: usize = 12;
/// Log, position, and the head: what of it is signed.
const SIGNED_BYTES: usize = 160;
const PAYLOAD_HEADER: usize = 16 + SIGNED_BYTES;

/// By segment and log: where its frames lie, each with its offset, first position, and how many entries it has.
const PLACES: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("places");
/// The size, the latest value, the head.
const HEADS: TableDefinition<'_, u64, (u64, u64, &[u8; HEAD_BYTES])> = TableDefinition::new("heads");

/// Where entries lie in a segment.
#[derive(Clone, Copy, Debug)]
struct Frame {
    offset: u64,
    from: u64,
    count: u64,
}

#[derive(Debug)]
struct Head {
    size: u64,
    latest: u64,
    bytes: Box<[u8; HEAD_BYTES]>,
}

/// The files, the index, and what is in memory: the heads, and where entries lie in the last segment.
#[derive(Debug)]
pub struct Segments {
    directory: PathBuf,
    segment_bytes: u64,
    segments: Vec<File>,
    length: u64,
    index: Database,
    heads: BTreeMap<u64, Head>,
    tail: BTreeMap<u64, Vec<Frame>>,
}

impl Segments {
    /// Opens or creates the store in that directory.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        Self::open_with(directory, SEGMENT_BYTES)
    }

    /// The same, with segments of another length.
    pub fn open_with(directory: &Path, segment_bytes: u64) -> anyhow::Result<Self> {
        let index = Builder::new().set_cache_size(CACHE_BYTES).create(directory.join("index.redb"))?;
        let mut store = Self {
            directory: directory.to_owned(),
            segment_bytes,
            segments: Vec::new(),
            length: 0,
            index,
            heads: BTreeMap::new(),
            tail: BTreeMap::new(),
        };
        while store.path(store.segments.len()).exists() {
            let path = store.path(store.segments.len());
            store.segments.push(OpenOptions::new().read(true).write(true).open(path)?);
        }
        let indexed = store.load()?;
        if store.segments.len() <= indexed {
            store.begin_segment()?;
        }
        for number in indexed..store.segments.len() {
            store.replay(number)?;
            if number + 1 < store.segments.len() {
                store.index_segment(number)?;
            }
        }
        Ok(store)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("{number:05}.segment"))
    }

    fn begin_segment(&mut self) -> anyhow::Result<()> {
        let path = self.path(self.segments.len());
        self.segments.push(OpenOptions::new().read(true).write(true).create_new(true).open(path)?);
        File::open(&self.directory)?.sync_all()?;
        self.length = 0;
        Ok(())
    }

    /// Reads the heads. Returns how many segments the index covers.
    fn load(&mut self) -> anyhow::Result<usize> {
        let begun = self.index.begin_write()?;
        let mut indexed = 0;
        {
            let places = begun.open_table(PLACES)?;
            if let Some((last, _)) = places.last()? {
                indexed = last.value().0 as usize + 1;
            }
            for row in begun.open_table(HEADS)?.iter()? {
                let (log, head) = row?;
                let (size, latest, bytes) = head.value();
                self.heads.insert(log.value(), Head { size, latest, bytes: Box::new(*bytes) });
            }
        }
        if indexed == 0 {
            begun.commit()?
        } else {
            begun.abort()?
        }
        Ok(indexed)
    }

    /// Reads a segment that the index does not cover.
    fn replay(&mut self, number: usize) -> anyhow::Result<()> {
        let file = &self.segments[number];
        let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
        file.read_exact_at(&mut bytes, 0)?;
        let mut at = 0;
        while let Some((header, rest)) = bytes[at..].split_first_chunk::<FRAME_HEADER>() {
            let length = u32::from_le_bytes(*header.first_chunk().expect("four of twelve bytes")) as usize;
            let Some(payload) = rest.get(..length) else { break };
            ensure!(header[4..] == blake3::hash(payload).as_bytes()[..8], "a frame of {} is damaged", number);
            let (log, from) = (number_at(payload, 0), number_at(payload, 8));
            let entries = payload[PAYLOAD_HEADER..].chunks_exact(ENTRY_BYTES);
            let (count, last) = (entries.len() as u64, entries.last().context("a frame has entries")?);
            self.tail.entry(log).or_default().push(Frame { offset: at as u64, from, count });
            let bytes = Box::new(head_of(log, from + count));
            self.heads.insert(log, Head { size: from + count, latest: value_of(last), bytes });
            at += FRAME_HEADER + length;
        }
        self.length = at as u64;
        Ok(())
    }

    /// Writes down where everything lies in the last segment, which is full.
    fn index_segment(&mut self, number: usize) -> anyhow::Result<()> {
        let mut transaction = self.index.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let (mut places, mut heads) = (transaction.open_table(PLACES)?, transaction.open_table(HEADS)?);
            for (log, frames) in std::mem::take(&mut self.tail) {
                let mut packed = Vec::new();
                for frame in frames {
                    for value in [frame.offset, frame.from, frame.count] {
                        write_number(&mut packed, value);
                    }
                }
                places.insert((u32::try_from(number)?, log), packed.as_slice())?;
                let head = &self.heads[&log];
                heads.insert(log, (head.size, head.latest, &*head.bytes))?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Adds the entries of a frame that lie in the range.
    fn read(
        &self,
        number: usize,
        frame: Frame,
        log: u64,
        range: &std::ops::Range<u64>,
        out: &mut Vec<Entry>,
    ) -> anyhow::Result<()> {
        let (from, end) = (range.start.max(frame.from), range.end.min(frame.from + frame.count));
        if from >= end {
            return Ok(());
        }
        let start =
            frame.offset + (FRAME_HEADER + PAYLOAD_HEADER) as u64 + (from - frame.from) * ENTRY_BYTES as u64;
        let mut bytes = vec![0; (end - from) as usize * ENTRY_BYTES];
        self.segments[number].read_exact_at(&mut bytes, start)?;
        for (position, entry) in (from..).zip(bytes.chunks_exact(ENTRY_BYTES)) {
            out.push(Entry { log, position, bytes: entry.try_into()? });
        }
        Ok(())
    }
}

impl Design for Segments {
    fn commit(&mut self, entries: &[Entry]) -> anyhow::Result<()> {
        let mut by_log: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            by_log.entry(entry.log).or_default().push(entry);
        }
        let mut bytes = Vec::new();
        for (log, entries) in by_log {
            let (first, last) = (entries[0], entries[entries.len() - 1]);
            let head = head_of(log, last.position + 1);
            let start = bytes.len();
            bytes.extend([0; FRAME_HEADER]);
            bytes.extend(log.to_le_bytes());
            bytes.extend(first.position.to_le_bytes());
            bytes.extend(&head[..SIGNED_BYTES]);
            entries.iter().for_each(|entry| bytes.extend(entry.bytes));
            let payload = start + FRAME_HEADER;
            let check = *blake3::hash(&bytes[payload..]).as_bytes();
            let length = u32::try_from(bytes.len() - payload)?.to_le_bytes();
            bytes[start..start + 4].copy_from_slice(&length);
            bytes[start + 4..payload].copy_from_slice(&check[..8]);
            let frame = Frame {
                offset: self.length + start as u64,
                from: first.position,
                count: entries.len() as u64,
            };
            self.tail.entry(log).or_default().push(frame);
            let head = Head { size: last.position + 1, latest: last.value(), bytes: Box::new(head) };
            self.heads.insert(log, head);
        }
        let file = self.segments.last().context("there is a segment")?;
        file.write_all_at(&bytes, self.length)?;
        file.sync_data()?;
        self.length += bytes.len() as u64;
        if self.length >= self.segment_bytes {
            self.index_segment(self.segments.len() - 1)?;
            self.begin_segment()?;
        }
        Ok(())
    }

    fn latest(&self) -> anyhow::Result<Vec<(u64, u64)>> {
        Ok(self.heads.iter().map(|(log, head)| (*log, head.latest)).collect())
    }

    fn range(&self, log: u64, from: u64, count: u64) -> anyhow::Result<Vec<Entry>> {
        let wanted = from..from + count;
        let mut out = Vec::new();
        let places = self.index.begin_read()?.open_table(PLACES)?;
        for number in 0..self.segments.len() {
            let Some(packed) = places.get((u32::try_from(number)?, log))? else { continue };
            let mut packed = packed.value();
            while !packed.is_empty() {
                let [offset, from, count] = [(); 3].map(|()| read_number(&mut packed));
                self.read(number, Frame { offset, from, count }, log, &wanted, &mut out)?;
            }
        }
        for frame in self.tail.get(&log).into_iter().flatten() {
            self.read(self.segments.len() - 1, *frame, log, &wanted, &mut out)?;
        }
        Ok(out)
    }
}

fn number_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Seven bits a byte, the lowest first.
fn write_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_number(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
