//! How evidence of a fork is found: by following the other history, chunk by chunk, up to where the heads can be compared.
//!
//! A run that does not fit what is held convicts nobody: an entry may have been changed on the way. Whoever sent it is asked for
//! that log from its first entry on. Each chunk is laid onto those before it and compared with its head, as when a log is caught
//! up with, so that what is followed is a history that the author signed; only the hashes of it are kept. Where it reaches the
//! size of the head that is held, it tells the path.
//!
//! Transitions:
//!
//! ```text
//! begun   -- both heads are over as many entries          --> Fork
//!         -- theirs is over more                          --> Further(0)
//! Further -- a chunk that goes on, below the head's size  --> Further
//!         -- a chunk that reaches it, another root there  --> Fork
//!                                     the same root there --> NoFork, as far as the held head goes
//!         -- a chunk that was held already, or skips some --> Further, from where it is
//!         -- what stands for entries that were let go     --> Further, behind them; NoFork if that is beyond the held head
//!         -- a chunk that does not fit its head           --> an error, and the trace is over
//! ```
//!
//! It holds two heads and at most 192 hashes, whatever comes.

use std::sync::Arc;

use msec_identity::{Unverified, Verified, Verifier};

use super::{Fork, ForkEvidence};
use crate::error::RunError;
use crate::log::run::{Laid, Lay};
use crate::log::{Head, LogHeader, LogState, Run, VerifiedPrefix};
use crate::merkle::{CompactRange, TreeHash, consistency_between};

/// Another history of a log, as far as it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkTrace {
    header: Arc<LogHeader>,
    /// The head that is held.
    ours: Verified<Head>,
    /// What it covers.
    covered: CompactRange,
    /// The last head under which a chunk came.
    theirs: Verified<Head>,
    /// The other history's leaves so far.
    range: CompactRange,
}

/// What another history came to so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traced {
    /// Its entries are wanted from here on.
    Further(u64),
    /// It excludes the history that is held: the author signed both.
    Fork(Box<Fork>),
    /// As far as the two heads can be compared it is the same history.
    NoFork,
}

impl ForkTrace {
    /// Begins where a head came that may exclude the one that is held. `None`: it cannot be told from it, since it is over fewer
    /// entries, or it is the one that is held, or it is of another log, or its author did not sign it.
    pub fn begin(held: &LogState, theirs: &Unverified<Head>, verifier: &Verifier) -> Option<(Self, Traced)> {
        let claims = theirs.claims();
        let ours = held.head();
        if claims.log != held.log() || claims.size < ours.size || claims.root == ours.root {
            return None;
        }
        let theirs = theirs.clone().verify_by(verifier, &held.header().author()).ok()?;
        let (header, ours) = (held.header().clone(), ours.clone());
        let mut covered = held.held.clone();
        if !covered.join(&held.rest) {
            return None;
        }
        let it = Self { header, ours, covered, theirs, range: CompactRange::empty(0) };
        let traced = match it.theirs.size == it.ours.size {
            true => Traced::Fork(Box::new(it.fork(it.theirs.root, Vec::new()))),
            false => Traced::Further(0),
        };
        Some((it, traced))
    }

    /// From where on its entries are wanted.
    pub fn size(&self) -> u64 {
        self.range.end()
    }

    /// Follows a chunk.
    ///
    /// # Errors
    ///
    /// What is wrong with the chunk, or why it belongs to none of the heads: the trace is over.
    pub fn follow(&mut self, run: Run, verifier: &Verifier) -> Result<Traced, RunError> {
        let claims = run.head.claims();
        if run.log != self.ours.log || claims.log != self.ours.log {
            return Err(RunError::NotARun);
        }
        let size = claims.size;
        let ground = (!self.range.is_empty()).then_some((&self.header, &self.range));
        let laid = match Laid::onto(ground, &run.log, run.from, run.entries, run.rest, size)? {
            Lay::Laid(laid) => laid,
            Lay::Known | Lay::Gap { .. } => return Ok(Traced::Further(self.size())),
        };
        if laid.root != claims.root {
            return Err(RunError::DoesNotFit);
        }
        if !self.theirs.is(&run.head) {
            let author = self.header.author();
            self.theirs = run.head.verify_by(verifier, &author).map_err(RunError::Head)?;
        }
        Ok(self.compare(laid))
    }

    /// Goes on behind entries that were let go.
    pub fn skip(&mut self, prefix: &VerifiedPrefix) -> Traced {
        let state = prefix.state();
        let (from, to) = (self.size(), self.ours.size);
        if state.log() != self.ours.log || state.size() <= from || state.size() > to || state.head().size < to
        {
            return Traced::NoFork;
        }
        (self.theirs, self.range) = (state.head().clone(), state.held.clone());
        Traced::Further(self.size())
    }

    /// Compares what is laid on with the head that is held, or goes on from there.
    fn compare(&mut self, laid: Laid) -> Traced {
        let m = self.ours.size;
        if self.theirs.size < m {
            // Theirs is the shorter one by now: what is held would have to tell the path.
            return Traced::NoFork;
        }
        if laid.held.end() < m {
            self.range = laid.held;
            return Traced::Further(self.size());
        }
        let mut before = self.range.clone();
        let mut leaves = laid.leaves.into_iter();
        leaves.by_ref().take((m - before.end()) as usize).for_each(|leaf| before.push(leaf));
        let mut after = CompactRange::empty(m);
        leaves.for_each(|leaf| after.push(leaf));
        let beginning = before.root();
        let path = after.join(&laid.rest).then(|| consistency_between(&before, &after)).flatten();
        match path {
            Some(path) if beginning != self.ours.root => Traced::Fork(Box::new(self.fork(beginning, path))),
            _ => Traced::NoFork,
        }
    }

    fn fork(&self, beginning: TreeHash, path: Vec<TreeHash>) -> Fork {
        Fork(ForkEvidence {
            header: LogHeader::clone(&self.header),
            shorter: self.ours.clone().into(),
            longer: self.theirs.clone().into(),
            beginning,
            path,
            subtrees: self.covered.hashes().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
