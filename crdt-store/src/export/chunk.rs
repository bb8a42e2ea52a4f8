//! How a file begins, and how chunks are framed in it.

use std::io::{self, Read};

use msec_identity::SpaceId;

use super::FORMAT;
use crate::log::RUN_BYTES_MAX;

/// What a file starts with.
const FILE_MAGIC: &[u8; 8] = b"MSECCOPY";
/// Magic, format, space, and the check of all that.
pub(super) const FILE_HEAD_BYTES: usize = 49;

/// What a chunk starts with.
const CHUNK_MAGIC: &[u8; 7] = b"MSECRUN";
/// Magic, kind and length: what the first check is of.
const CHECKED_BYTES: usize = 12;
/// All that, its check, and the payload's.
pub(super) const CHUNK_HEAD_BYTES: usize = 28;

/// So much is read at a time, or a whole chunk where that is longer.
const READ_BYTES: usize = 64 * 1024;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A run.
    Run,
    /// How many runs there were.
    End,
    /// What stands for the beginning of a log.
    Prefix,
    /// That a log was forked.
    Evidence,
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHead {
    pub(super) format: u8,
    pub(super) space: SpaceId,
}

impl FileHead {
    pub(super) fn of(space: SpaceId) -> Self {
        Self { format: FORMAT, space }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut head = FILE_MAGIC.to_vec();
        head.push(self.format);
        head.extend_from_slice(self.space.as_bytes());
        let check = check(&head);
        head.extend_from_slice(&check);
        head
    }

    /// `None` if these are the first bytes of something else, or are damaged.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = Self { format: *bytes.get(8)?, space: SpaceId(*bytes.get(9..)?.first_chunk()?) };
        (bytes == head.to_bytes()).then_some(head)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ChunkHead {
    kind: u8,
    length: u32,
    payload: [u8; 8],
}

impl ChunkHead {
    fn to_bytes(self) -> Vec<u8> {
        let mut head = CHUNK_MAGIC.to_vec();
        head.push(self.kind);
        head.extend_from_slice(&self.length.to_le_bytes());
        let check = check(&head);
        head.extend_from_slice(&check);
        head.extend_from_slice(&self.payload);
        head
    }

    /// `None` if no chunk begins like this.
    fn read(bytes: &[u8]) -> Option<Self> {
        let kind = *bytes.get(CHUNK_MAGIC.len())?;
        let length = u32::from_le_bytes(*bytes.get(CHUNK_MAGIC.len() + 1..)?.first_chunk()?);
        let payload = *bytes.get(CHECKED_BYTES + 8..)?.first_chunk()?;
        let head = Self { kind, length, payload };
        (length as usize <= RUN_BYTES_MAX && bytes == head.to_bytes()).then_some(head)
    }
}

fn check(bytes: &[u8]) -> [u8; 8] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

/// A chunk.
pub(super) fn chunk(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let head = ChunkHead { kind: kind as u8, length: payload.len() as u32, payload: check(payload) };
    let mut chunk = head.to_bytes();
    chunk.extend_from_slice(payload);
    chunk
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The bytes of a run, as they were written. Nobody has verified them.
    Run(Vec<u8>),
    /// The bytes of a prefix. Nobody has verified them either.
    Prefix(Vec<u8>),
    /// The bytes of evidence. Nor these.
    Evidence(Vec<u8>),
    /// The end, after so many runs.
    End(u64),
    /// Bytes that are no chunk: so many.
    Damaged(u64),
}

/// Reads a file, chunk by chunk.
pub(super) struct Chunks<'a> {
    from: &'a mut dyn Read,
    /// What was read, and from `at` on was not taken yet.
    buffer: Vec<u8>,
    at: usize,
    /// Whether there is nothing more to read.
    ended: bool,
    taken: u64,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(from: &'a mut dyn Read) -> Self {
        Self { from, buffer: Vec::new(), at: 0, ended: false, taken: 0 }
    }

    /// How many bytes were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The head of the file, which is taken if it is one.
    pub(super) fn head(&mut self) -> io::Result<Option<FileHead>> {
        let head = FileHead::read(self.ahead(FILE_HEAD_BYTES)?);
        if head.is_some() {
            self.take(FILE_HEAD_BYTES);
        }
        Ok(head)
    }

    /// What comes next; `None` where the file ends.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        let ahead = self.ahead(CHUNK_HEAD_BYTES)?;
        if ahead.is_empty() {
            return Ok(None);
        }
        let Some(head) = ChunkHead::read(ahead) else { return self.search().map(Some) };
        let len = CHUNK_HEAD_BYTES + head.length as usize;
        let Some(payload) = self.ahead(len)?.get(CHUNK_HEAD_BYTES..len) else {
            // It ends beyond the file. What lies in it may be the chunks of a file that was copied over another one.
            return self.search().map(Some);
        };
        let found = match head.kind {
            _ if check(payload) != head.payload => None,
            kind if kind == Kind::Run as u8 => Some(Found::Run(payload.to_vec())),
            kind if kind == Kind::Prefix as u8 => Some(Found::Prefix(payload.to_vec())),
            kind if kind == Kind::Evidence as u8 => Some(Found::Evidence(payload.to_vec())),
            kind if kind == Kind::End as u8 => {
                payload.try_into().ok().map(|runs| Found::End(u64::from_le_bytes(runs)))
            }
            _ => None,
        };
        // Its length has a check of its own. Searching what it covers would read that again and again, if somebody made it so.
        self.take(len);
        Ok(Some(found.unwrap_or(Found::Damaged(len as u64))))
    }

    /// Passes over bytes that are no chunk, up to where one may begin.
    fn search(&mut self) -> io::Result<Found> {
        let before = self.taken;
        self.take(1);
        loop {
            let ahead = self.ahead(READ_BYTES)?;
            let begins = ahead.windows(CHUNK_MAGIC.len()).position(|window| window == CHUNK_MAGIC);
            let is_last = ahead.len() < READ_BYTES;
            let passed = match begins {
                Some(at) => at,
                None if is_last => ahead.len(),
                // A chunk may begin in the last bytes.
                None => ahead.len() - (CHUNK_MAGIC.len() - 1),
            };
            self.take(passed);
            if begins.is_some() || is_last {
                return Ok(Found::Damaged(self.taken - before));
            }
        }
    }

    /// The next `n` bytes, or as many as there are.
    fn ahead(&mut self, n: usize) -> io::Result<&[u8]> {
        if !self.ended && self.buffer.len() - self.at < n {
            self.buffer.drain(..self.at);
            self.at = 0;
            let missing = n.max(READ_BYTES) - self.buffer.len();
            let read = Read::take(&mut *self.from, missing as u64).read_to_end(&mut self.buffer)?;
            self.ended = read < missing;
        }
        let end = self.buffer.len().min(self.at + n);
        Ok(&self.buffer[self.at..end])
    }

    fn take(&mut self, n: usize) {
        self.at += n;
        self.taken += n as u64;
    }
}
