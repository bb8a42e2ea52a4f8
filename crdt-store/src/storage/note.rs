//! A note that the node leaves itself beside the runs. It counts only while all that was durable when it was left still is.
//!
//! ```text
//! note  = "MSECNOTE" epoch:8 number:u64 turn:u64 length:u32 c:8 bytes   little endian; c = first 8 bytes of
//!                                                                       BLAKE3(what stands before it, bytes)
//! ```
//!
//! `number` is that of the last run that was durable. There are two files, which are written in turns: whatever becomes of
//! one that is being written, the one before it is there. It can be thrown away.

use std::io;
use std::sync::Arc;

use super::{Epoch, Medium, NOTE_BYTES_MAX};

const FILES: [&str; 2] = ["note.0", "note.1"];
const MAGIC: &[u8; 8] = b"MSECNOTE";
/// What stands before the check.
const HEADER_BYTES: usize = 36;
const CHECK_BYTES: usize = 8;

/// The notes of a store.
#[derive(Debug)]
pub(super) struct Notes {
    medium: Arc<dyn Medium>,
    /// That of the last note.
    turn: u64,
}

impl Notes {
    /// Looks for the last note that can be read. It is there if it is of this epoch, and no newer than the run `number`.
    pub(super) fn open(medium: Arc<dyn Medium>, epoch: Epoch, number: u64) -> (Self, Option<Vec<u8>>) {
        let found = FILES.map(|name| read(medium.as_ref(), name).ok().flatten());
        let turn = found.iter().flatten().map(|found| found.turn).max().unwrap_or(0);
        let is_true = |found: &Found| found.epoch == epoch && found.number <= number;
        let last = found.into_iter().flatten().filter(is_true).max_by_key(|found| found.turn);
        (Self { medium, turn }, last.map(|found| found.bytes))
    }

    /// Leaves a note, durably.
    pub(super) fn write(&mut self, epoch: Epoch, number: u64, bytes: &[u8]) -> io::Result<()> {
        let turn = self.turn.wrapping_add(1);
        let name = FILES[(turn % 2) as usize];
        let mut note = header(epoch, number, turn, bytes.len() as u32);
        let check = check(&note, bytes);
        note.extend_from_slice(&check);
        note.extend_from_slice(bytes);
        let is_new = self.medium.len(name)?.is_none();
        self.medium.write_at(name, 0, &note)?;
        self.medium.sync(name)?;
        if is_new {
            self.medium.sync_dir()?;
        }
        self.turn = turn;
        Ok(())
    }
}

struct Found {
    epoch: Epoch,
    number: u64,
    turn: u64,
    bytes: Vec<u8>,
}

fn header(epoch: Epoch, number: u64, turn: u64, length: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES + CHECK_BYTES);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&epoch.0);
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&turn.to_le_bytes());
    header.extend_from_slice(&length.to_le_bytes());
    header
}

fn check(header: &[u8], bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header).update(bytes);
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

/// The note in that file; `None` if there is none that can be read.
fn read(medium: &dyn Medium, name: &str) -> io::Result<Option<Found>> {
    let Some(len) = medium.len(name)? else { return Ok(None) };
    let most = (HEADER_BYTES + CHECK_BYTES + NOTE_BYTES_MAX) as u64;
    let mut note = vec![0; len.min(most) as usize];
    medium.read_at(name, 0, &mut note)?;
    Ok(parse(&note))
}

fn parse(note: &[u8]) -> Option<Found> {
    let (header, rest) = note.split_at_checked(HEADER_BYTES)?;
    let (found, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
    let number_at = |at: usize| Some(u64::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let length = u32::from_le_bytes(*header.get(32..)?.first_chunk()?);
    // A longer one may have been there before.
    let bytes = rest.get(..length as usize)?;
    if !header.starts_with(MAGIC) || check(header, bytes) != *found {
        return None;
    }
    let epoch = Epoch(*header.get(8..)?.first_chunk()?);
    Some(Found { epoch, number: number_at(16)?, turn: number_at(24)?, bytes: bytes.to_vec() })
}
