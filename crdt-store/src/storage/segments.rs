//! The segments: files that are written to one after the other, the last one at its end, and never changed otherwise.

use std::io;
use std::sync::Arc;

use super::frame::{self, FILE_HEADER_BYTES, FORMAT, FileHeader, Mark};
use super::{Epoch, Medium};
use crate::error::StorageError;

/// Where what was cut is set aside, in place of what was set aside before.
pub(super) const ASIDE: &str = "aside.msec";

/// At most so many of the bytes that were cut are set aside.
const ASIDE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Segments are numbered up to here: there is always a next number. A file with a greater one is none of ours.
const NUMBER_MAX: u32 = u32::MAX / 2;

/// What a segment's name ends with.
const EXTENSION: &str = ".msec";

/// The name of a segment.
pub(super) fn name_of(number: u32) -> String {
    format!("{number:08}{EXTENSION}")
}

/// The number of the segment of that name.
fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(EXTENSION)?.parse().ok()?;
    ((1..=NUMBER_MAX).contains(&number) && name_of(number) == name).then_some(number)
}

/// The numbers of all segments that there are, in their order.
pub(super) fn list(medium: &dyn Medium) -> io::Result<Vec<u32>> {
    let found: Vec<u32> = medium.list()?.iter().filter_map(|name| number_of(name)).collect();
    // Each is looked for: there are few, and a sensor's program is spared another kind of sort.
    let mut ordered = Vec::with_capacity(found.len());
    let mut last = 0;
    while let Some(next) = found.iter().copied().filter(|number| *number > last).min() {
        ordered.push(next);
        last = next;
    }
    Ok(ordered)
}

/// All bytes of these segments.
pub(super) fn bytes_of(medium: &dyn Medium, numbers: &[u32]) -> io::Result<u64> {
    numbers.iter().try_fold(0, |bytes, number| Ok(bytes + medium.len(&name_of(*number))?.unwrap_or(0)))
}

/// How a segment starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// As it should, in that epoch, after the run of that number.
    Right(Epoch, u64),
    /// It is empty: everything of it was cut.
    Empty,
    /// It ends before its header does.
    Torn,
    /// As something else.
    Corrupt,
}

/// Looks at how a segment of `len` bytes starts. A segment of another format is an error.
pub(super) fn start_of(medium: &dyn Medium, number: u32, len: u64) -> Result<Start, StorageError> {
    if len == 0 {
        return Ok(Start::Empty);
    }
    if len < FILE_HEADER_BYTES {
        return Ok(Start::Torn);
    }
    let mut header = [0; FILE_HEADER_BYTES as usize];
    medium.read_at(&name_of(number), 0, &mut header)?;
    match FileHeader::read(&header) {
        Some(FileHeader { format: FORMAT, epoch, before }) => Ok(Start::Right(epoch, before)),
        Some(FileHeader { format: found, .. }) => Err(StorageError::Format { found, known: FORMAT }),
        None => Ok(Start::Corrupt),
    }
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    medium: Arc<dyn Medium>,
    pub(super) number: u32,
    pub(super) epoch: Epoch,
    name: String,
    pub(super) len: u64,
    /// How much of it is durable.
    pub(super) synced: u64,
    /// The check of the last frame.
    pub(super) last: [u8; 8],
}

impl Segment {
    /// Makes a new one, durably: nobody is told of what is written there before its name is there to stay. It follows
    /// the run of the number `before`.
    pub(super) fn create(
        medium: Arc<dyn Medium>,
        number: u32,
        epoch: Epoch,
        before: u64,
    ) -> io::Result<Self> {
        let mut it = Self::open(medium, number, epoch, 0, [0; 8]);
        it.append(&FileHeader { format: FORMAT, epoch, before }.to_bytes())?;
        it.last = [0; 8];
        it.sync()?;
        it.medium.sync_dir()?;
        Ok(it)
    }

    /// Goes on with one of which `len` bytes are durable, the last frame with this check among them.
    pub(super) fn open(medium: Arc<dyn Medium>, number: u32, epoch: Epoch, len: u64, last: [u8; 8]) -> Self {
        Self { medium, number, epoch, name: name_of(number), len, synced: len, last }
    }

    /// Adds frames. On an error, what was written of them is taken back.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.medium.write_at(&self.name, self.len, frames)?;
        self.len += frames.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.synced != self.len {
            self.medium.sync(&self.name)?;
            self.synced = self.len;
        }
        Ok(())
    }

    /// Cuts off what lies from `len` on, whether or not it came through `append`.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.medium.set_len(&self.name, len)?;
        (self.len, self.synced) = (len, self.synced.min(len));
        Ok(())
    }

    /// Cuts off what is not durable, and sees to it that it stays cut.
    pub(super) fn cut_unsynced(&mut self) -> io::Result<()> {
        self.cut(self.synced)?;
        self.medium.sync(&self.name)
    }
}

/// The check of a frame, in its header, which starts at `at` of `frames`.
pub(super) fn check_of(frames: &[u8], at: usize) -> [u8; 8] {
    frames.get(at + 8..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// Makes the segment `number` with nothing in it but the mark that the store was cut back, in an epoch that begins there.
pub(super) fn begin_with_cut(
    medium: &Arc<dyn Medium>,
    number: u32,
    epoch: Epoch,
    before: u64,
) -> io::Result<Segment> {
    let mut frames = FileHeader { format: FORMAT, epoch, before }.to_bytes().to_vec();
    frame::write(&mut frames, Mark::Cut, |_| ());
    let mut segment = Segment::open(medium.clone(), number, epoch, 0, [0; 8]);
    segment.append(&frames)?;
    segment.last = check_of(&frames, FILE_HEADER_BYTES as usize);
    segment.sync()?;
    medium.sync_dir()?;
    Ok(segment)
}

/// Copies the ends of segments to where a person can look at them: each from its second number on, to its third. Failing to
/// do so is no reason not to start.
pub(super) fn set_aside(medium: &dyn Medium, ends: &[(u32, u64, u64)]) {
    if let Err(error) = copy_aside(medium, ends) {
        tracing::warn!(%error, "what was cut from the store could not be set aside");
    }
}

fn copy_aside(medium: &dyn Medium, ends: &[(u32, u64, u64)]) -> io::Result<()> {
    medium.remove(ASIDE)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    for (number, from, end) in ends {
        let name = name_of(*number);
        let mut at = *from;
        let end = (*end).min(at.saturating_add(ASIDE_BYTES_MAX - written));
        while at < end {
            let n = buffer.len().min((end - at) as usize);
            medium.read_at(&name, at, &mut buffer[..n])?;
            medium.write_at(ASIDE, written, &buffer[..n])?;
            (at, written) = (at + n as u64, written + n as u64);
        }
    }
    if written > 0 { medium.sync(ASIDE) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_one_name() {
        assert_eq!(name_of(7), "00000007.msec");
        for number in [1, 99_999_999, 100_000_000, NUMBER_MAX] {
            assert_eq!(number_of(&name_of(number)), Some(number));
        }
        for name in ["7.msec", "aside.msec", "00000000.msec", "+0000007.msec", "00000007", "2147483648.msec"]
        {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
