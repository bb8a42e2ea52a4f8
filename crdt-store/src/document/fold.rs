//! The fold itself: entries in, a document out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, Change, ChangeHash};
use msec_identity::{LogId, UnixMillis};

use super::change::{CHANGE_DEPS_MAX, ParsedChange, actor_of};
use super::draft::{Draft, part_of};
use super::error::{ChangeError, DocumentError, DraftError};
use super::index::{Additions, Index, Tip, WaitsFor, needs_of};
use super::{DOCUMENT_LOGS_MAX, DOCUMENT_OPS_MAX, HELD_BYTES_MAX};
use crate::changes::ChangeEntry;

/// A document, as far as its entries were given to it.
///
/// - [`Document::fold`] takes entries, of each log in its order, and otherwise in any;
/// - [`Document::positions`] says from where on entries are still to be given;
/// - [`Document::held`], [`Document::refused`], [`Document::heads`], [`Document::save`] and `things` look at it;
/// - drafts (`add_thing`, `set_thing`, `remove_thing`) make the body of a new entry, a [`Draft`]. It counts once it was
///   folded, as everybody else's.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) engine: Automerge,
    pub(super) index: Index,
    pub(super) logs: BTreeMap<LogId, LogFold>,
    /// Logs whose first held change waits for this, each once.
    waiting: BTreeMap<WaitsFor, Vec<LogId>>,
    held_bytes: usize,
    pub(super) refused: u64,
    too_large: bool,
    broken: bool,
}

/// One log, as far as it was given.
#[derive(Debug, Clone, Default)]
pub(super) struct LogFold {
    /// The position to go on from.
    pub(super) next: u64,
    pub(super) seq: u64,
    pub(super) last: Option<ChangeHash>,
    pub(super) operations: usize,
    /// Whether changes of it were erased.
    pub(super) lost: bool,
    /// What waits, in the log's order: a change builds on those before it.
    held: VecDeque<HeldChange>,
    /// What the first of them needs, once it was read; what is met already is left out.
    needs: Option<Vec<WaitsFor>>,
}

#[derive(Debug, Clone)]
struct HeldChange {
    position: u64,
    body: Vec<u8>,
}

/// What became of an entry that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It is the first that its log holds.
    First,
    /// It is held behind others, or was given before.
    Behind,
    /// There is no room.
    No,
}

/// What a fold did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many changes were applied.
    pub applied: usize,
    /// How many were refused.
    pub refused: usize,
    /// Whether entries were not taken, because too much waits. They are to be given again if anything was applied.
    pub left: bool,
}

/// Changes of a log that wait for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The log.
    pub log: LogId,
    /// The position of the first of them.
    pub position: u64,
    /// How many of this log are held.
    pub changes: usize,
    /// What the first of them waits for.
    pub waits_for: WaitsFor,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// A document that nobody has written to.
    pub fn new() -> Self {
        Self {
            engine: Automerge::new().with_actor(actor_of(&LogId([0; 32]))),
            index: Index::default(),
            logs: BTreeMap::new(),
            waiting: BTreeMap::new(),
            held_bytes: 0,
            refused: 0,
            too_large: false,
            broken: false,
        }
    }

    /// A document as far as it was applied before.
    pub(super) fn opened(
        engine: Automerge,
        index: Index,
        logs: BTreeMap<LogId, LogFold>,
        refused: u64,
    ) -> Self {
        Self { engine, index, logs, refused, ..Self::new() }
    }

    /// Takes entries, and applies those that fit in one batch. Those of one log come in its order, with none left out; what
    /// was given before is passed over. Between logs the order does not matter.
    pub fn fold(&mut self, entries: impl IntoIterator<Item = ChangeEntry>) -> Result<Folded, DocumentError> {
        self.check()?;
        let (refused, mut batch, mut left) = (self.refused, Vec::new(), BTreeSet::new());
        for entry in entries {
            if left.contains(&entry.log) || self.too_large {
                continue;
            }
            match self.take(entry.log, entry.position, entry.body) {
                // Behind another that waits: nothing can have changed for it.
                Taken::Behind => {}
                Taken::First => self.advance(entry.log, &mut batch),
                Taken::No => drop(left.insert(entry.log)),
            }
        }
        let applied = batch.len();
        if let Err(error) = self.engine.apply_changes(batch) {
            self.broken = true;
            return Err(DocumentError::Engine(Box::new(error)));
        }
        self.check()?;
        Ok(Folded { applied, refused: (self.refused - refused) as usize, left: !left.is_empty() })
    }

    /// Queues an entry behind those of its log.
    fn take(&mut self, log: LogId, position: u64, body: Vec<u8>) -> Taken {
        if self.logs.len() >= DOCUMENT_LOGS_MAX && !self.logs.contains_key(&log) {
            self.too_large = true;
            return Taken::No;
        }
        let fold = self.logs.entry(log).or_default();
        if position < fold.next {
            return Taken::Behind;
        }
        let taken = if fold.held.is_empty() { Taken::First } else { Taken::Behind };
        if taken == Taken::Behind && self.held_bytes + body.len() > HELD_BYTES_MAX {
            return Taken::No;
        }
        fold.next = position + 1;
        self.held_bytes += body.len();
        fold.held.push_back(HeldChange { position, body });
        taken
    }

    /// Changes of these logs were erased: what builds on them waits, and nothing is drafted for these logs.
    pub fn lose(&mut self, logs: impl IntoIterator<Item = LogId>) {
        for log in logs {
            if self.logs.len() >= DOCUMENT_LOGS_MAX && !self.logs.contains_key(&log) {
                self.too_large = true;
                return;
            }
            self.logs.entry(log).or_default().lost = true;
        }
    }

    /// Applies what fits of a log, and of those that waited for it.
    fn advance(&mut self, log: LogId, batch: &mut Vec<Change>) {
        let mut ready = vec![log];
        while let Some(log) = ready.pop() {
            while !self.too_large
                && let Some(judged) = self.judge_next(log)
            {
                match judged {
                    Ok((change, additions)) => {
                        self.index.add(additions);
                        let log_max = WaitsFor::Operation { log, counter: self.index.top(&log) };
                        let log_min = WaitsFor::Operation { log, counter: 0 };
                        let met: Vec<_> =
                            self.waiting.range(log_min..=log_max).map(|(need, _)| *need).collect();
                        for need in met.into_iter().chain([WaitsFor::Change(change.hash().0)]) {
                            ready.extend(self.waiting.remove(&need).unwrap_or_default());
                        }
                        batch.push(change);
                        self.too_large = self.index.counted() > DOCUMENT_OPS_MAX;
                    }
                    Err(error) => {
                        tracing::debug!(%log, %error, "a change is not applied");
                        self.refused += 1;
                    }
                }
            }
        }
    }

    /// Takes the first change that a log holds and judges it. `None`: there is none, or it waits.
    fn judge_next(&mut self, log: LogId) -> Option<Result<(Change, Additions), ChangeError>> {
        let fold = self.logs.get_mut(&log)?;
        let body = &fold.held.front()?.body;
        let mut parsed = None;
        let judged = (|| {
            if fold.needs.is_none() {
                let read = parsed.insert(ParsedChange::from_body(&log, body)?);
                fold.needs = Some(needs_of(read)?);
            }
            let needs = fold.needs.as_mut().expect("needs that were read");
            while needs.pop_if(|need| self.index.meets(need)).is_some() {}
            if let Some(need) = needs.last() {
                return Ok(Err(*need));
            }
            // What waited is read a second time: it would take many times its length meanwhile.
            let parsed = match parsed {
                Some(parsed) => parsed,
                None => ParsedChange::from_body(&log, body)?,
            };
            let tip = Tip { log, seq: fold.seq, last: fold.last, operations: fold.operations };
            let additions = self.index.judge(tip, &parsed)?;
            Ok(Ok((parsed, additions)))
        })();
        let judged = match judged {
            Ok(Err(need)) => {
                self.waiting.entry(need).or_default().push(log);
                return None;
            }
            Ok(Ok((parsed, additions))) => {
                fold.seq += 1;
                fold.last = Some(parsed.change.hash());
                fold.operations += parsed.operations.len();
                Ok((parsed.change, additions))
            }
            Err(error) => Err(error),
        };
        fold.needs = None;
        self.held_bytes -= fold.held.pop_front().map_or(0, |held| held.body.len());
        Some(judged)
    }

    /// From where on entries of each log are still to be given.
    pub fn positions(&self) -> BTreeMap<LogId, u64> {
        self.logs.iter().map(|(log, fold)| (*log, fold.next)).collect()
    }

    /// Changes that wait for others, by log.
    pub fn held(&self) -> Vec<Held> {
        let held = |(log, fold): (&LogId, &LogFold)| {
            let (first, waits_for) = (fold.held.front()?, *fold.needs.as_ref()?.last()?);
            Some(Held { log: *log, position: first.position, changes: fold.held.len(), waits_for })
        };
        self.logs.iter().filter_map(held).collect()
    }

    /// How many changes were refused: not as Automerge writes them, under a foreign actor, or such that do not fit.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The changes that no other builds on. Two documents with the same heads are the same.
    pub fn heads(&self) -> Vec<[u8; 32]> {
        let mut heads: Vec<_> = self.engine.get_heads().into_iter().map(|hash| hash.0).collect();
        heads.sort_unstable();
        heads
    }

    /// How many operations were applied.
    pub fn operations(&self) -> usize {
        self.index.counted()
    }

    /// Whether this change was applied.
    pub fn has(&self, hash: &[u8; 32]) -> bool {
        self.index.has(hash)
    }

    /// The whole document in Automerge's own format, for programs that read it.
    pub fn save(&self) -> Vec<u8> {
        self.engine.save()
    }

    /// An error if the document cannot be shown.
    pub(super) fn check(&self) -> Result<(), DocumentError> {
        if self.broken {
            return Err(DocumentError::Broken);
        }
        if self.too_large {
            return Err(DocumentError::TooLarge);
        }
        Ok(())
    }

    /// Makes the body of a change entry for `log`, on all that was folded. `None`: `edit` changed nothing. What `edit`
    /// overwrites may be more than one change names, since whoever may write can bring thousands of values under one key:
    /// then the draft only takes away the oldest of that.
    pub(super) fn draft<E: From<DraftError>>(
        &self,
        log: LogId,
        time: UnixMillis,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), E>,
    ) -> Result<Option<Draft>, E> {
        self.check().map_err(DraftError::from)?;
        let fold = self.logs.get(&log);
        if fold.is_some_and(|fold| !fold.held.is_empty()) {
            return Err(DraftError::OwnChangesHeld.into());
        }
        if fold.is_some_and(|fold| fold.lost) {
            return Err(DraftError::OwnChangesErased.into());
        }
        let mut copy = self.engine.clone().with_actor(actor_of(&log));
        let mut transaction = copy.transaction();
        edit(&mut transaction)?;
        if transaction.pending_ops() == 0 {
            transaction.rollback();
            return Ok(None);
        }
        // In seconds, as Automerge counts; a clock that was never set counts as 1970.
        let options = CommitOptions::default().with_time(time.0.max(0) / 1_000);
        transaction.commit_with(options);
        let change = copy.get_last_local_change().ok_or(DraftError::Engine)?;
        debug_assert!(change.deps().len() <= CHANGE_DEPS_MAX, "a head a log at most");
        let part = part_of(&change);
        let more = part.is_some();
        let body = part.as_ref().unwrap_or(&change).raw_bytes().to_vec();
        // By the rules for everybody else's.
        let parsed = ParsedChange::from_body(&log, &body).map_err(DraftError::Change)?;
        let tip = fold.map_or_else(|| LogFold::default().tip(log), |fold| fold.tip(log));
        self.index.judge(tip, &parsed).map_err(|error| match error {
            ChangeError::LogFull => DraftError::LogFull,
            error => DraftError::Change(error),
        })?;
        Ok(Some(Draft { body, more }))
    }
}

impl LogFold {
    /// A log of which nothing waits.
    pub(super) fn applied(
        next: u64,
        seq: u64,
        last: Option<ChangeHash>,
        operations: usize,
        lost: bool,
    ) -> Self {
        Self { next, seq, last, operations, lost, ..Self::default() }
    }

    /// The position from which on nothing was applied.
    pub(super) fn unapplied(&self) -> u64 {
        self.held.front().map_or(self.next, |held| held.position)
    }

    fn tip(&self, log: LogId) -> Tip {
        Tip { log, seq: self.seq, last: self.last, operations: self.operations }
    }
}

#[cfg(test)]
pub(super) mod tests;
