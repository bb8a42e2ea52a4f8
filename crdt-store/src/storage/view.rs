//! Reading what a log holds: where its entries lie, from memory and from the index, and the entries themselves.

use std::sync::Arc;

use minicbor::Decoder;

use super::frame::check;
use super::held::{HeldLog, NODE_LEVELS};
use super::index::AnyIndex;
use super::segments::name_of;
use super::stretch::Stretch;
use super::{CHUNK_BYTES_MAX, Chunk, Medium};
use crate::error::StorageError;
use crate::log::{Entry, write_run};
use crate::merkle::{CompactRange, TreeHash};

/// How many stretches are looked up at a time.
const STRETCHES_AT_ONCE: usize = 64;

/// Leaves of the smallest subtree whose hash is kept.
const GROUP: u64 = 1 << NODE_LEVELS;

/// The files, and the index over them if there is one.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) medium: Arc<dyn Medium>,
    pub(super) index: Option<AnyIndex>,
}

impl View {
    /// The stretch that holds `position`, and those before it, the last one first: some of them, at least one.
    pub(super) fn back(
        &self,
        log: &HeldLog,
        position: u64,
        max: usize,
    ) -> Result<Vec<Stretch>, StorageError> {
        if let Some(at) = log.in_tail(position) {
            let first = (at + 1).saturating_sub(max);
            return Ok(log.tail[first..=at].iter().rev().copied().collect());
        }
        let missing = || StorageError::Index("entries are missing in it".into());
        let index = self.index.as_ref().ok_or_else(missing)?;
        let found = index.back(log.number, position, max).map_err(StorageError::Index)?;
        let follow = found.windows(2).all(|pair| pair[1].end == pair[0].from);
        match found.first() {
            Some(first) if first.holds(position) && follow => Ok(found),
            _ => Err(missing()),
        }
    }

    pub(super) fn stretch(&self, log: &HeldLog, position: u64) -> Result<Stretch, StorageError> {
        Ok(self.back(log, position, 1)?[0])
    }

    /// The stretches of a log in which something is shown, the last one first.
    pub(super) fn stretches<'a>(&'a self, log: &'a HeldLog) -> Backwards<'a> {
        Backwards { view: self, log, left: Vec::new(), before: log.end() }
    }

    /// The bytes of a stretch, checked: a disk may change its mind after opening.
    pub(super) fn bytes(&self, stretch: &Stretch) -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; stretch.len as usize];
        let read = self.medium.read_at(&name_of(stretch.segment), stretch.offset.into(), &mut bytes);
        match read {
            Ok(()) if check(&bytes) == stretch.check => Ok(bytes),
            Err(error) if !is_missing(&error) => Err(error.into()),
            _ => Err(StorageError::Damaged),
        }
    }

    /// The entries of a stretch, from its first position on, each with the bytes that it takes.
    pub(super) fn entries(&self, stretch: &Stretch) -> Result<Vec<(Entry, usize)>, StorageError> {
        let bytes = self.bytes(stretch)?;
        let mut d = Decoder::new(&bytes);
        let entries = (stretch.from..stretch.end).map(|_| {
            let at = d.position();
            d.decode().map(|entry| (entry, d.position() - at))
        });
        entries.collect::<Result<_, _>>().map_err(|_| StorageError::Damaged)
    }

    /// One entry.
    pub(super) fn entry(&self, log: &HeldLog, position: u64) -> Result<Entry, StorageError> {
        let stretch = self.stretch(log, position)?;
        let at = (position - stretch.from) as usize;
        let entry = self.entries(&stretch)?.into_iter().nth(at);
        entry.map(|(entry, _)| entry).ok_or(StorageError::Damaged)
    }

    /// Entries from `from` on that are shown, as a run under the log's head: at most `bytes_max` of them, and at least one.
    pub(super) fn chunk(
        &self,
        log: &HeldLog,
        from: u64,
        bytes_max: usize,
    ) -> Result<Option<Chunk>, StorageError> {
        let bytes_max = bytes_max.min(CHUNK_BYTES_MAX);
        if from < log.begin() {
            return Ok(None);
        }
        let (mut entries, mut bytes, mut end) = (Vec::new(), 0, from);
        while end < log.end() && (entries.is_empty() || bytes < bytes_max) {
            let stretch = self.stretch(log, end)?;
            let read = self.bytes(&stretch)?;
            for (place, _) in places(&read, &stretch)?
                .into_iter()
                .zip(stretch.from..)
                .filter(|(_, at)| (end..log.end()).contains(at))
            {
                if !entries.is_empty() && bytes + place.len() > bytes_max {
                    return self.run(log, from, &entries);
                }
                bytes += place.len();
                entries.push(read[place].to_vec());
            }
            end = stretch.end;
        }
        if entries.is_empty() { Ok(None) } else { self.run(log, from, &entries) }
    }

    /// Encodes the entries from `from` on (their bytes as they lie on disk) as a run under the log's head.
    fn run(&self, log: &HeldLog, from: u64, entries: &[Vec<u8>]) -> Result<Option<Chunk>, StorageError> {
        let end = from + entries.len() as u64;
        let mut rest = self.range(log, end)?;
        if !rest.join(&log.facts.rest) {
            return Err(StorageError::Damaged);
        }
        let head = log.facts.head.to_bytes();
        let mut bytes = Vec::new();
        write_run(&mut bytes, &log.id(), from, entries, rest.hashes(), &head, |e, entry| {
            e.writer_mut().extend_from_slice(entry);
        });
        Ok(Some(Chunk { from, end, bytes }))
    }

    /// What stands for the leaves from `begin` on: up to fifteen are hashed, then there are nodes, and what is at the
    /// right edge is in the log's state.
    pub(super) fn range(&self, log: &HeldLog, begin: u64) -> Result<CompactRange, StorageError> {
        let size = log.size();
        let mut range = CompactRange::empty(begin);
        self.hash_up_to(log, &mut range, begin.next_multiple_of(GROUP).min(size))?;
        self.join_up_to(log, &mut range, size)?;
        let edge = log.facts.held.hashes();
        let count = CompactRange::hashes_of(range.end(), size);
        let edge = edge[edge.len().saturating_sub(count)..].to_vec();
        match CompactRange::from_hashes(range.end(), size, edge) {
            Some(edge) if range.join(&edge) => Ok(range),
            _ => Err(StorageError::Damaged),
        }
    }

    /// What stands for the leaves from the end of `range` on, up to `end`, joined to it: up to fifteen are hashed at either end.
    pub(super) fn extend(
        &self,
        log: &HeldLog,
        range: &mut CompactRange,
        end: u64,
    ) -> Result<(), StorageError> {
        self.hash_up_to(log, range, range.end().next_multiple_of(GROUP).min(end))?;
        self.join_up_to(log, range, end)?;
        self.hash_up_to(log, range, end)
    }

    /// What stands for the first `end` leaves; `None` if what shows it was let go.
    pub(super) fn prefix(&self, log: &HeldLog, end: u64) -> Result<Option<CompactRange>, StorageError> {
        let mut range = match &log.base {
            Some(base) if end < base.end() => return Ok(None),
            Some(base) => base.facts.held.clone(),
            None => CompactRange::empty(0),
        };
        self.extend(log, &mut range, end)?;
        Ok(Some(range))
    }

    /// Hashes the leaves from the end of `range` on, up to `end`.
    fn hash_up_to(&self, log: &HeldLog, range: &mut CompactRange, end: u64) -> Result<(), StorageError> {
        while range.end() < end {
            let stretch = self.stretch(log, range.end())?;
            for ((entry, _), at) in self.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if at == range.end() && at < end {
                    range.push(entry.leaf());
                }
            }
        }
        Ok(())
    }

    /// Joins the nodes from the end of `range` on, where one begins, as far as they do not reach beyond `end`.
    fn join_up_to(&self, log: &HeldLog, range: &mut CompactRange, end: u64) -> Result<(), StorageError> {
        while range.end() + GROUP <= end {
            let at = range.end();
            let mut level = NODE_LEVELS;
            while at.is_multiple_of(1 << (level + NODE_LEVELS)) && at + (1 << (level + NODE_LEVELS)) <= end {
                level += NODE_LEVELS;
            }
            let node = CompactRange::from_hashes(at, at + (1 << level), vec![self.node(log, level, at)?]);
            if !node.is_some_and(|node| range.join(&node)) {
                return Err(StorageError::Damaged);
            }
        }
        Ok(())
    }

    fn node(&self, log: &HeldLog, level: u32, start: u64) -> Result<TreeHash, StorageError> {
        if let Some(node) = log.node(level, start) {
            return Ok(*node);
        }
        let missing = || StorageError::Index("hashes are missing in it".into());
        let index = self.index.as_ref().ok_or_else(missing)?;
        index.node(log.number, level, start).map_err(StorageError::Index)?.ok_or_else(missing)
    }
}

/// Whether the file is not there, or ends too early.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof)
}

/// Where in the bytes of a stretch its entries lie.
fn places(bytes: &[u8], stretch: &Stretch) -> Result<Vec<std::ops::Range<usize>>, StorageError> {
    let mut d = Decoder::new(bytes);
    let places = (stretch.from..stretch.end).map(|_| {
        let at = d.position();
        d.skip().map(|()| at..d.position())
    });
    places.collect::<Result<_, _>>().map_err(|_| StorageError::Damaged)
}

/// The stretches of a log, the last one first.
pub(super) struct Backwards<'a> {
    view: &'a View,
    log: &'a HeldLog,
    /// What was looked up, the last one last.
    left: Vec<Stretch>,
    /// Those before this position are still to be looked up.
    before: u64,
}

impl Iterator for Backwards<'_> {
    type Item = Result<Stretch, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            let begin = self.log.begin();
            let last = self.before.checked_sub(1).filter(|last| *last >= begin)?;
            // A few first: most who ask want the newest.
            let max = if self.before == self.log.end() { 1 } else { STRETCHES_AT_ONCE };
            match self.view.back(self.log, last, max) {
                Ok(found) => self.left = found,
                Err(error) => {
                    self.before = 0;
                    return Some(Err(error));
                }
            }
            self.left.retain(|stretch| stretch.end > begin);
            self.left.reverse();
            self.before = self.left.first().map_or(0, |first| first.from);
        }
        self.left.pop().map(Ok)
    }
}
