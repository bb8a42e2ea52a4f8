//! What the store knows of a log in memory, and can rebuild from the file.

use minicbor::Encoder;
use msec_identity::{LogId, Unverified};

use super::Chunk;
use crate::log::{Head, LogState};
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
        let head = Unverified::<Head>::from(self.state.head.clone()).to_bytes();
        let mut e = Encoder::new(Vec::new());
        const INFALLIBLE: &str = "writing to a Vec cannot fail";
        e.array(5).and_then(|e| e.encode(log)).and_then(|e| e.u64(from)).expect(INFALLIBLE);
        e.array(entries.len() as u64).expect(INFALLIBLE);
        entries.iter().for_each(|entry| e.writer_mut().extend_from_slice(entry));
        e.array(rest.hashes().len() as u64).expect(INFALLIBLE);
        for hash in rest.hashes() {
            e.bytes(hash).expect(INFALLIBLE);
        }
        e.bytes(&head).expect(INFALLIBLE);
        Some(Chunk { from, end, bytes: e.into_writer() })
    }
}
