//! How a segment begins, and how a run is framed in it.

use std::io;

use super::{Epoch, Medium};
use crate::log::RUN_BYTES_MAX;

/// What a segment starts with.
const MAGIC: &[u8; 7] = b"MSECLOG";
/// The version of the format, after the magic.
pub(super) const FORMAT: u8 = 2;
/// Magic, format, epoch, the number of the last run before it, and the check of all that.
pub(super) const FILE_HEADER_BYTES: u64 = 32;
/// Length, its check, and the payload's.
pub(super) const FRAME_HEADER_BYTES: usize = 16;
/// A run, and its mark before it. It is leaner here than on the wire.
const PAYLOAD_BYTES_MAX: usize = RUN_BYTES_MAX + 1;

/// Bytes of a segment that are read at once where it is read through: hundreds of short runs.
const BLOCK_BYTES: usize = 256 * 1024;

/// The first byte of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A run that came from a neighbour.
    Received,
    /// A run that was signed here.
    Written,
    /// The store was cut back here, and durable entries may be missing. Nothing follows.
    Cut,
    /// Runs lay here that were let go. Their number follows.
    Gone,
}

impl From<Mark> for u8 {
    fn from(mark: Mark) -> Self {
        mark as Self
    }
}

impl Mark {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Received, Self::Written, Self::Cut, Self::Gone].into_iter().find(|mark| *mark as u8 == byte)
    }
}

/// What the first bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) format: u8,
    pub(super) epoch: Epoch,
    /// The number of the last run before this segment; 0 if there is none.
    pub(super) before: u64,
}

impl FileHeader {
    pub(super) fn to_bytes(self) -> [u8; FILE_HEADER_BYTES as usize] {
        let mut header = [0; FILE_HEADER_BYTES as usize];
        header[..7].copy_from_slice(MAGIC);
        header[7] = self.format;
        header[8..16].copy_from_slice(&self.epoch.0);
        header[16..24].copy_from_slice(&self.before.to_le_bytes());
        let check = check::<8>(&header[..24]);
        header[24..].copy_from_slice(&check);
        header
    }

    /// `None` if these are the first bytes of something else, or are damaged.
    pub(super) fn read(bytes: &[u8; FILE_HEADER_BYTES as usize]) -> Option<Self> {
        let epoch = Epoch(*bytes[8..].first_chunk()?);
        let before = u64::from_le_bytes(*bytes[16..].first_chunk()?);
        let header = Self { format: bytes[7], epoch, before };
        (*bytes == header.to_bytes()).then_some(header)
    }
}

/// The first bytes of the BLAKE3 hash of `bytes`.
pub(super) fn check<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

/// Appends one frame to `out`, which starts with `mark`; `rest` appends what follows it.
pub(super) fn write<T>(out: &mut Vec<u8>, mark: impl Into<u8>, rest: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    out.push(mark.into());
    let result = rest(out);
    let (header, payload) = out[start..].split_at_mut(FRAME_HEADER_BYTES);
    let length = (payload.len() as u32).to_le_bytes();
    header[..4].copy_from_slice(&length);
    header[4..8].copy_from_slice(&check::<4>(&length));
    header[8..].copy_from_slice(&check::<8>(payload));
    result
}

/// What lies at an offset.
pub(super) enum Found {
    /// A frame with this payload, and its check.
    Payload(Vec<u8>, [u8; 8]),
    /// The end of the segment.
    End,
    /// The start of a frame that ends beyond the segment.
    Torn,
    /// Something that was never written there. If its length is right, that is where the next frame begins.
    Corrupt(Option<u64>),
}

/// Reads the frame at `offset` of a segment of `len` bytes.
pub(super) fn read(medium: &dyn Medium, name: &str, len: u64, offset: u64) -> io::Result<Found> {
    Frames { block: 0, ..Frames::of(medium, name.to_owned(), len) }.read(offset)
}

/// Reads frames that lie one after the other, many of them at a time.
pub(super) struct Frames<'a> {
    medium: &'a dyn Medium,
    name: String,
    /// How long the file is.
    len: u64,
    /// So many bytes are read at once, at least.
    block: usize,
    /// What was read last, from that place of the file on.
    buffer: Vec<u8>,
    at: u64,
}

impl<'a> Frames<'a> {
    /// Those of a file of `len` bytes.
    pub(super) fn of(medium: &'a dyn Medium, name: String, len: u64) -> Self {
        Self { medium, name, len, block: BLOCK_BYTES, buffer: Vec::new(), at: 0 }
    }

    /// The next `count` bytes from `offset` on, which the file has.
    fn bytes(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let held = self.at..self.at + self.buffer.len() as u64;
        if offset < held.start || offset + count as u64 > held.end {
            let wanted = (self.len - offset).min(self.block.max(count) as u64);
            self.buffer.resize(wanted as usize, 0);
            self.at = offset;
            if let Err(error) = self.medium.read_at(&self.name, offset, &mut self.buffer) {
                self.buffer.clear();
                return Err(error);
            }
        }
        let start = (offset - self.at) as usize;
        Ok(&self.buffer[start..start + count])
    }

    /// The frame at `offset`.
    pub(super) fn read(&mut self, offset: u64) -> io::Result<Found> {
        let left = self.len.saturating_sub(offset);
        if left == 0 {
            return Ok(Found::End);
        }
        if left < FRAME_HEADER_BYTES as u64 {
            return Ok(Found::Torn);
        }
        let header = self.bytes(offset, FRAME_HEADER_BYTES)?;
        let (length, checks) = header.split_first_chunk::<4>().expect("sixteen bytes");
        let (length_check, payload_check) = checks.split_first_chunk::<4>().expect("twelve bytes");
        let payload_check: [u8; 8] = payload_check.try_into().expect("eight bytes");
        let len = u32::from_le_bytes(*length) as usize;
        // A length of its own check: were it damaged, a frame amid the segment could pass for one that a crash tore, and
        // what was acknowledged after it would be forgotten without a word.
        if check::<4>(length) != *length_check || len == 0 || len > PAYLOAD_BYTES_MAX {
            return Ok(Found::Corrupt(None));
        }
        if left < (FRAME_HEADER_BYTES + len) as u64 {
            return Ok(Found::Torn);
        }
        let payload = self.bytes(offset + FRAME_HEADER_BYTES as u64, len)?;
        let next = offset + (FRAME_HEADER_BYTES + len) as u64;
        Ok(if check(payload) == payload_check {
            Found::Payload(payload.to_vec(), payload_check)
        } else {
            Found::Corrupt(Some(next))
        })
    }
}
