//! Bytes that can be appended to: the small part of storage that differs between a disk, memory and a disk that fails.

use std::io;

/// A file, as far as a [`super::Store`] needs one.
pub trait Medium {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end. On an error some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Fills `bytes` from `offset` on, or fails.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Cuts to `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Copies what lies from `from` on to where a person can look at it, in place of what was set aside before. The copy is
    /// capped; failing to make it is no reason not to start.
    fn set_aside(&mut self, from: u64);
}

/// A medium in memory. It knows what was synced, so that a simulated crash can drop the rest.
#[derive(Debug, Clone, Default)]
pub struct MemoryMedium {
    bytes: Vec<u8>,
    synced: usize,
    aside: Vec<u8>,
}

impl MemoryMedium {
    /// What a power cut leaves: all that was synced, and the first `kept` bytes of what was not.
    pub fn crash(&mut self, kept: usize) {
        self.bytes.truncate(self.synced.saturating_add(kept));
        self.synced = self.bytes.len();
    }

    /// How many bytes are not synced.
    pub fn unsynced(&self) -> usize {
        self.bytes.len() - self.synced
    }

    /// Flips a bit, as a bad disk would. Beyond the end: nothing.
    pub fn flip(&mut self, at: usize, bit: u8) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// Puts other bytes in place of what lies from `at` on, as a page that went bad. Beyond the end: nothing.
    pub fn overwrite(&mut self, at: usize, with: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..) {
            place.iter_mut().zip(with).for_each(|(byte, with)| *byte = *with);
        }
    }

    /// What was set aside last.
    pub fn aside(&self) -> &[u8] {
        &self.aside
    }
}

impl Medium for MemoryMedium {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.synced = self.bytes.len();
        Ok(())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(self.bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        self.synced = self.synced.min(self.bytes.len());
        Ok(())
    }

    fn set_aside(&mut self, from: u64) {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        self.aside = self.bytes.get(from..).unwrap_or_default().to_vec();
    }
}
