//! What is remembered of others from one life to the next: how far this peer has come with what they hold.
//!
//! It is kept when it has moved, and no more often than [`KEEP_EVERY`]: after a crash the next meeting costs what changed since
//! it was kept. The store does not give it back when durable runs may be missing for which it vouches.

use std::time::Duration;

use super::{Node, Output};

/// The pause between two notes. Chosen: a restart costs the names of half a minute's changes at most, and a flash card
/// writes a page or two as often.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// What was kept last.
#[derive(Debug, Default)]
pub(super) struct Notes {
    moves: u64,
    due: Duration,
}

impl Node {
    /// Keeps what has moved, if it is time.
    pub(super) fn keep_due(&mut self) {
        if self.notes.due <= self.now.mono
            && let Some(note) = self.unkept()
        {
            self.notes.due = self.now.mono + KEEP_EVERY;
            self.output(Output::Keep { note });
        }
    }

    /// The note that a driver keeps before it ends, if something has moved since the last one.
    pub fn unkept(&mut self) -> Option<Vec<u8>> {
        let moves = self.gossip.cursor_moves();
        (std::mem::replace(&mut self.notes.moves, moves) != moves).then(|| self.gossip.cursors())
    }

    /// Goes on with what the life before kept. Called when gossip knows all that is on disk.
    pub(super) fn resume(&mut self, epoch: [u8; 8], run: u64, note: Option<&[u8]>) {
        let [a, b, c, d, ..] = epoch;
        self.gossip.resume([a, b, c, d], run, note.unwrap_or_default());
        self.notes.moves = self.gossip.cursor_moves();
    }
}
