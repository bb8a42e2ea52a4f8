//! A file of blocks under redb, each with a check: damage is an error before redb sees it. redb trusts what it reads of a
//! file that was closed, and may panic on what somebody else left there.
//!
//! ```text
//! file  = start group*          start: "MSECIDX" format:u8, then the checks of block 0 as it is to be and as it was
//! group = checks block{512}     checks: the first 8 bytes of each block's BLAKE3 hash, zero where it was never written
//! ```
//!
//! Block 0 is redb's header, the one that is written in place. It is held back until a sync: first all others and both of
//! its checks are made durable, and then it is, so that a power cut leaves the header of before or the one of after. Other
//! blocks are only written while no header leads to them (redb's two-phase commit), and so are their checks.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::Medium;
use super::frame::check;

/// redb's pages are of this size, or of several times it.
const BLOCK_BYTES: usize = 4096;
/// Blocks whose checks fill one.
const GROUP_BLOCKS: u64 = (BLOCK_BYTES / CHECK_BYTES) as u64;
const CHECK_BYTES: usize = 8;

const MAGIC: &[u8; 8] = b"MSECIDX\x01";

/// A file whose blocks are checked.
#[derive(Debug)]
pub(super) struct Blocks {
    medium: Arc<dyn Medium>,
    name: String,
    state: Mutex<State>,
    /// Whether it was let go of: nothing is read or written any more.
    detached: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    /// In blocks.
    len: u64,
    /// The checks of groups, as they were read or written: 4 KiB for each 2 MiB of the file.
    groups: BTreeMap<u64, Vec<u8>>,
    /// The groups whose checks are not written.
    dirty: BTreeSet<u64>,
    /// Block 0, and whether it differs from what is on disk.
    header: Option<(Vec<u8>, bool)>,
    /// What block 0 may be.
    header_checks: [[u8; CHECK_BYTES]; 2],
}

/// Where a block lies in the file.
fn place(block: u64) -> u64 {
    (1 + block / GROUP_BLOCKS * (GROUP_BLOCKS + 1) + 1 + block % GROUP_BLOCKS) * BLOCK_BYTES as u64
}

/// Where the checks of a group lie.
fn place_of_checks(group: u64) -> u64 {
    (1 + group * (GROUP_BLOCKS + 1)) * BLOCK_BYTES as u64
}

/// How many whole blocks a file of so many bytes has.
fn blocks_in(bytes: u64) -> u64 {
    let blocks = (bytes / BLOCK_BYTES as u64).saturating_sub(1);
    blocks / (GROUP_BLOCKS + 1) * GROUP_BLOCKS + (blocks % (GROUP_BLOCKS + 1)).saturating_sub(1)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a block of the index is not what was written there")
}

impl Blocks {
    pub(super) fn open(medium: Arc<dyn Medium>, name: &str, detached: Arc<AtomicBool>) -> io::Result<Self> {
        let mut state = State { len: blocks_in(medium.len(name)?.unwrap_or(0)), ..State::default() };
        if state.len > 0 {
            let mut start = [0; MAGIC.len() + 2 * CHECK_BYTES];
            medium.read_at(name, 0, &mut start)?;
            let (magic, checks) = start.split_at(MAGIC.len());
            // Before the first sync there is none, and block 0 was never written.
            if magic != MAGIC && start != [0; MAGIC.len() + 2 * CHECK_BYTES] {
                return Err(damaged());
            }
            for (check, bytes) in state.header_checks.iter_mut().zip(checks.chunks(CHECK_BYTES)) {
                check.copy_from_slice(bytes);
            }
        }
        Ok(Self { medium, name: name.into(), state: Mutex::new(state), detached })
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        if self.detached.load(Ordering::Relaxed) {
            return Err(io::Error::other("the index was let go of"));
        }
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The checks of a group.
    fn checks<'a>(&self, state: &'a mut State, group: u64) -> io::Result<&'a mut Vec<u8>> {
        match state.groups.entry(group) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let mut checks = vec![0; BLOCK_BYTES];
                self.medium.read_at(&self.name, place_of_checks(group), &mut checks)?;
                Ok(unknown.insert(checks))
            }
        }
    }

    /// Fills `bytes`, one block, and checks it.
    fn read_block(&self, state: &mut State, block: u64, bytes: &mut [u8]) -> io::Result<()> {
        if block >= state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((header, _)) = state.header.as_ref().filter(|_| block == 0) {
            bytes.copy_from_slice(header);
            return Ok(());
        }
        let checks = match block {
            0 => state.header_checks,
            _ => {
                let at = (block % GROUP_BLOCKS) as usize * CHECK_BYTES;
                let checks = self.checks(state, block / GROUP_BLOCKS)?;
                [*checks[at..].first_chunk().expect("a group has a check for each block"); 2]
            }
        };
        self.medium.read_at(&self.name, place(block), bytes)?;
        let never_written = checks.contains(&[0; CHECK_BYTES]) && bytes.iter().all(|byte| *byte == 0);
        if never_written || checks.contains(&check(bytes)) { Ok(()) } else { Err(damaged()) }
    }

    fn write_block(&self, state: &mut State, block: u64, bytes: &[u8]) -> io::Result<()> {
        if block >= state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if block == 0 {
            state.header = Some((bytes.to_vec(), true));
            return Ok(());
        }
        let group = block / GROUP_BLOCKS;
        let at = (block % GROUP_BLOCKS) as usize * CHECK_BYTES;
        self.checks(state, group)?[at..at + CHECK_BYTES].copy_from_slice(&check::<CHECK_BYTES>(bytes));
        state.dirty.insert(group);
        self.medium.write_at(&self.name, place(block), bytes)
    }
}

/// The blocks that bytes from `offset` on lie in: each with the part of it, and the part of the bytes.
fn parts(
    offset: u64,
    len: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        (at < len).then(|| {
            let from = offset + at as u64;
            let (block, start) = (from / BLOCK_BYTES as u64, (from % BLOCK_BYTES as u64) as usize);
            let n = (BLOCK_BYTES - start).min(len - at);
            at += n;
            (block, start..start + n, at - n..at)
        })
    })
}

impl StorageBackend for Blocks {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.len * BLOCK_BYTES as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = &mut *self.state()?;
        for (block, part, of_out) in parts(offset, out.len()) {
            if part.len() == BLOCK_BYTES {
                self.read_block(state, block, &mut out[of_out])?;
            } else {
                let mut bytes = vec![0; BLOCK_BYTES];
                self.read_block(state, block, &mut bytes)?;
                out[of_out].copy_from_slice(&bytes[part]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let state = &mut *self.state()?;
        let blocks = len.div_ceil(BLOCK_BYTES as u64);
        let bytes = if blocks == 0 { 0 } else { place(blocks - 1) + BLOCK_BYTES as u64 };
        self.medium.set_len(&self.name, bytes)?;
        // What is cut off and added again was never written.
        for block in blocks..state.len {
            let group = block / GROUP_BLOCKS;
            if block.is_multiple_of(GROUP_BLOCKS) {
                state.groups.remove(&group);
                state.dirty.remove(&group);
            } else if block / GROUP_BLOCKS == blocks.saturating_sub(1) / GROUP_BLOCKS {
                let at = (block % GROUP_BLOCKS) as usize * CHECK_BYTES;
                self.checks(state, group)?[at..at + CHECK_BYTES].fill(0);
                state.dirty.insert(group);
            }
        }
        state.len = blocks;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = &mut *self.state()?;
        while let Some(group) = state.dirty.pop_first() {
            let checks = &state.groups[&group];
            self.medium.write_at(&self.name, place_of_checks(group), checks)?;
        }
        if let Some((header, is_new @ true)) = &mut state.header {
            state.header_checks = [check(header), state.header_checks[0]];
            let start = [MAGIC.as_slice(), &state.header_checks.concat()].concat();
            self.medium.write_at(&self.name, 0, &start)?;
            self.medium.sync(&self.name)?;
            self.medium.write_at(&self.name, place(0), header)?;
            *is_new = false;
        }
        self.medium.sync(&self.name)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let state = &mut *self.state()?;
        for (block, part, of_data) in parts(offset, data.len()) {
            if part.len() == BLOCK_BYTES {
                self.write_block(state, block, &data[of_data])?;
            } else {
                let mut bytes = vec![0; BLOCK_BYTES];
                self.read_block(state, block, &mut bytes)?;
                bytes[part].copy_from_slice(&data[of_data]);
                self.write_block(state, block, &bytes)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::MemoryDir;

    fn open(dir: &MemoryDir) -> io::Result<Blocks> {
        Blocks::open(Arc::new(dir.clone()), "index", Arc::default())
    }

    #[test]
    fn every_block_has_a_place_of_its_own() {
        let mut places: Vec<_> = (0..1_100).map(place).chain((0..3).map(place_of_checks)).collect();
        places.push(0);
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0] + BLOCK_BYTES as u64 == pair[1]));
        for block in 0..1_100 {
            assert_eq!(blocks_in(place(block) + BLOCK_BYTES as u64), block + 1);
        }
        assert_eq!((blocks_in(0), blocks_in(4_096), blocks_in(8_192)), (0, 0, 0));
    }

    proptest! {
        /// It is the file that it seems to be, over every close; and whatever bit flips, what is read is that, or an error.
        #[test]
        fn is_a_file_or_an_error(
            writes in proptest::collection::vec((0usize..40_000, 1usize..9_000, 1u8.., any::<bool>()), 1..12),
            lens in proptest::collection::vec(0usize..12, 12),
            flip in any::<(usize, u8)>(),
        ) {
            let dir = MemoryDir::default();
            let mut blocks = open(&dir).expect("opens");
            let mut expected: Vec<u8> = Vec::new();
            for ((at, len, byte, close), blocks_len) in writes.into_iter().zip(lens) {
                let new_len = (blocks_len * BLOCK_BYTES).max(at + len).next_multiple_of(BLOCK_BYTES);
                expected.resize(new_len, 0);
                blocks.set_len(new_len as u64).expect("resized");
                expected[at..at + len].fill(byte);
                blocks.write(at as u64, &vec![byte; len]).expect("written");
                if close {
                    blocks.sync_data().expect("synced");
                    blocks = open(&dir).expect("opens");
                }
                prop_assert_eq!(blocks.len().expect("a length"), expected.len() as u64);
                let mut read = vec![0; expected.len()];
                blocks.read(0, &mut read).expect("read");
                prop_assert!(read == expected);
            }
            blocks.sync_data().expect("synced");
            dir.flip("index", flip.0 % dir.lengths()["index"], flip.1);
            let Ok(blocks) = open(&dir) else { return Ok(()) };
            for block in 0..expected.len() / BLOCK_BYTES {
                let mut read = vec![0; BLOCK_BYTES];
                let done = blocks.read((block * BLOCK_BYTES) as u64, &mut read);
                prop_assert!(done.is_err() || read == expected[block * BLOCK_BYTES..][..BLOCK_BYTES]);
            }
        }
    }
}
