//! What is known of each operation that was applied, so that no change reaches Automerge which names what is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use automerge::ChangeHash;
use automerge::legacy::{Key, ObjectId, OpId, OpType};
use msec_identity::LogId;

use super::change::ParsedChange;
use super::error::ChangeError;

/// An operation: its counter, and the log that it stands in.
pub(super) type OpKey = (u32, LogId);

/// All changes and operations that were applied: about 150 bytes an operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// All but deletions: nothing can name those.
    pub(super) operations: BTreeMap<OpKey, Slot>,
    /// The highest counter in each change, and in those that it builds on.
    pub(super) changes: BTreeMap<ChangeHash, u32>,
    /// The highest counter of each log.
    pub(super) tops: BTreeMap<LogId, u32>,
    pub(super) counted: usize,
}

/// Where an operation wrote.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// The map; `None` is the root.
    pub(super) map: Option<OpKey>,
    pub(super) key: Arc<str>,
    /// Whether it made a map.
    pub(super) makes_map: bool,
}

/// How a log stands when its next change is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tip {
    pub(super) log: LogId,
    /// How many of its changes were applied.
    pub(super) seq: u64,
    /// The last of them.
    pub(super) last: Option<ChangeHash>,
    /// How many operations they had.
    pub(super) operations: usize,
}

/// What a change waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitsFor {
    /// A change that it builds on, by its hash.
    Change([u8; 32]),
    /// The operation of this log with this counter.
    Operation {
        /// The log.
        log: LogId,
        /// The counter.
        counter: u32,
    },
}

/// What a change that fits adds to the index.
pub(super) struct Additions {
    hash: ChangeHash,
    operations: Vec<(OpKey, Slot)>,
    /// How many operations the change has: deletions are not kept.
    counted: usize,
    log: LogId,
    max_op: u32,
}

/// All that must be there before a change can be judged: what it builds on, and of each other log the last operation that it
/// names.
pub(super) fn needs_of(parsed: &ParsedChange) -> Result<Vec<WaitsFor>, ChangeError> {
    let mut needs: Vec<_> = parsed.change.deps().iter().map(|hash| WaitsFor::Change(hash.0)).collect();
    let mut counters = BTreeMap::new();
    for op in &parsed.operations {
        let object = match &op.obj {
            ObjectId::Root => None,
            ObjectId::Id(id) => Some(id),
        };
        for id in object.into_iter().chain(op.pred.iter()).filter(|id| id.1 != *parsed.change.actor_id()) {
            let (counter, log) = key_of(id)?;
            let last = counters.entry(log).or_insert(counter);
            *last = counter.max(*last);
        }
    }
    needs.extend(counters.into_iter().map(|(log, counter)| WaitsFor::Operation { log, counter }));
    Ok(needs)
}

impl Index {
    /// How many operations were applied.
    pub(super) fn counted(&self) -> usize {
        self.counted
    }

    /// The highest counter of a log.
    pub(super) fn top(&self, log: &LogId) -> u32 {
        self.tops.get(log).copied().unwrap_or(0)
    }

    /// Whether this change was applied.
    pub(super) fn has(&self, hash: &[u8; 32]) -> bool {
        self.changes.contains_key(&ChangeHash(*hash))
    }

    /// Whether this is there, or can no longer come: the counters of a log only rise.
    pub(super) fn meets(&self, need: &WaitsFor) -> bool {
        match need {
            WaitsFor::Change(hash) => self.has(hash),
            WaitsFor::Operation { log, counter } => self.tops.get(log).is_some_and(|top| top >= counter),
        }
    }

    /// Judges the next change of a log, all of whose needs are met. The answer depends on what the change names and on what
    /// stands before it in its log, never on what else was applied: whoever holds the same entries comes to the same
    /// answer, in whatever order they came.
    pub(super) fn judge(&self, tip: Tip, parsed: &ParsedChange) -> Result<Additions, ChangeError> {
        let change = &parsed.change;
        let mut max_op = 0;
        for hash in change.deps() {
            max_op = max_op.max(*self.changes.get(hash).ok_or(ChangeError::DoesNotContinue)?);
        }
        let continues = tip.last.is_none_or(|last| change.deps().contains(&last));
        let start = u32::try_from(change.start_op().get()).map_err(|_| ChangeError::Malformed)?;
        if change.seq() != tip.seq + 1 || !continues || start != max_op.saturating_add(1) {
            return Err(ChangeError::DoesNotContinue);
        }
        let counted = parsed.operations.len();
        if tip.operations + counted > super::LOG_OPS_MAX {
            return Err(ChangeError::LogFull);
        }
        let mut added = BTreeMap::new();
        let mut last_key: Option<Arc<str>> = None;
        for (op, counter) in parsed.operations.iter().zip(start..) {
            let Key::Map(text) = &op.key else { return Err(ChangeError::NotAMap) };
            let key = last_key.filter(|last| **last == **text).unwrap_or_else(|| text.as_str().into());
            last_key = Some(key.clone());
            let find = |id: &OpId| -> Result<(OpKey, &Slot), ChangeError> {
                let id = key_of(id)?;
                // An operation that comes later in time cannot be meant.
                let slot = added.get(&id).or_else(|| self.operations.get(&id)).filter(|_| id.0 < counter);
                slot.map(|slot| (id, slot)).ok_or(ChangeError::DoesNotContinue)
            };
            let map = match &op.obj {
                ObjectId::Root => None,
                ObjectId::Id(id) => match find(id)? {
                    (id, slot) if slot.makes_map => Some(id),
                    _ => return Err(ChangeError::NotAMap),
                },
            };
            for pred in op.pred.iter() {
                let (_, slot) = find(pred)?;
                if slot.map != map || slot.key != key {
                    return Err(ChangeError::OverwritesElsewhere);
                }
            }
            let makes_map = matches!(op.action, OpType::Make(_));
            if matches!(op.action, OpType::Delete) {
                if op.pred.is_empty() {
                    return Err(ChangeError::OverwritesElsewhere);
                }
            } else {
                added.insert((counter, tip.log), Slot { map, key, makes_map });
            }
        }
        let max_op = start + (counted as u32 - 1);
        let operations = added.into_iter().collect();
        Ok(Additions { hash: change.hash(), operations, counted, log: tip.log, max_op })
    }

    /// Adds a change that fits.
    pub(super) fn add(&mut self, additions: Additions) {
        self.operations.extend(additions.operations);
        self.changes.insert(additions.hash, additions.max_op);
        self.tops.insert(additions.log, additions.max_op);
        self.counted += additions.counted;
    }
}

fn key_of(id: &OpId) -> Result<OpKey, ChangeError> {
    let counter = u32::try_from(id.0).map_err(|_| ChangeError::Malformed)?;
    let log = id.1.to_bytes().try_into().map_err(|_| ChangeError::ForeignActor)?;
    Ok((counter, LogId(log)))
}
