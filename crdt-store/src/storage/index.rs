//! What the store knows of a log in memory, and can rebuild from the file.

use msec_identity::LogId;

use super::Chunk;
use crate::log::{LogState, write_run};
use crate::merkle::{Tree, TreeHash};

/// Where an entry lies in the medium.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// One log: 76 bytes an entry, and its state.
#[derive(Debug)]
pub(super) struct LogIndex {
    pub(super) state: LogState,
    pub(super) tree: Tree,
    pub(super) extents: Vec<Extent>,
    /// Whether all of it was written here, and nothing can be missing.
    pub(super) continuable: bool,
}

impl LogIndex {
    pub(super) fn new(state: LogState) -> Self {
        Self { state, tree: Tree::default(), extents: Vec::new(), continuable: true }
    }

    /// Adds a run that lies at `extents`.
    pub(super) fn add(
        &mut self,
        state: LogState,
        leaves: &[TreeHash],
        extents: impl Iterator<Item = Extent>,
    ) {
        leaves.iter().for_each(|leaf| self.tree.push(*leaf));
        self.extents.extend(extents);
        self.state = state;
        debug_assert_eq!(self.tree.size(), self.extents.len() as u64, "a place for every leaf");
    }

    /// Encodes the entries `from..` (their bytes as they lie on disk) as a run under the log's head.
    pub(super) fn chunk(&self, log: &LogId, from: u64, entries: &[Vec<u8>]) -> Option<Chunk> {
        let end = from + entries.len() as u64;
        let mut rest = self.tree.range(end, self.tree.size())?;
        if !rest.join(&self.state.rest) {
            return None;
        }
        let head = self.state.head.to_bytes();
        let mut bytes = Vec::new();
        write_run(&mut bytes, log, from, entries, rest.hashes(), &head, |e, entry| {
            e.writer_mut().extend_from_slice(entry);
        });
        Some(Chunk { from, end, bytes })
    }
}
