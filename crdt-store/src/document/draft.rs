//! What an edit becomes: one change, or several where it overwrites more than one change may name.
//!
//! An honest edit overwrites a few values. But nobody can keep a writer from bringing thousands under one key, 4,096 in a change
//! of a hundred bytes, and what could not be named could never be taken away again. So an edit that would name too much takes
//! the oldest of it away first, and is made again.

use automerge::legacy::{ObjectId, Op, OpType};
use automerge::{Change, ExpandedChange};

use super::change::{CHANGE_OPS_MAX, CHANGE_PREDS_MAX};
use crate::log::BODY_BYTES_MAX;

/// The most values that a change made here overwrites: half of what others accept, so that even the longest names of as many
/// have room in an entry. An edit that overwrites more is made in several changes.
pub const DRAFT_PREDS_MAX: usize = CHANGE_PREDS_MAX / 2;

/// The body of a change entry, to be published in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The change.
    pub body: Vec<u8>,
    /// Whether the edit is to be made again once this was folded: it overwrites too much for one change, and this one only
    /// takes away the oldest of that.
    pub more: bool,
}

/// If `whole` is more than one change may be: the change to make before, which deletes the oldest of what it overwrites.
pub(super) fn part_of(whole: &Change) -> Option<Change> {
    let expanded = whole.decode();
    let named: usize = expanded.operations.iter().map(|op| op.pred.len()).sum();
    let fits = expanded.operations.len() <= CHANGE_OPS_MAX
        && named <= DRAFT_PREDS_MAX
        && whole.raw_bytes().len() <= BODY_BYTES_MAX;
    if fits {
        return None;
    }
    let start = expanded.start_op.get();
    let (mut room, mut operations) = (DRAFT_PREDS_MAX, Vec::new());
    for op in &expanded.operations {
        let deletion = deletion(op, start, room);
        room -= deletion.as_ref().map_or(0, |it| it.pred.len());
        operations.extend(deletion);
        if room == 0 || operations.len() == CHANGE_OPS_MAX {
            break;
        }
    }
    // Without any, the edit itself is too large, and is refused for that.
    (!operations.is_empty()).then(|| Change::from(ExpandedChange { operations, hash: None, ..expanded }))
}

/// Deletes at most `room` of what `op` overwrites and was there before operation `start`, the oldest first. Of what gets a new
/// value the last one stays until then, so that nobody sees it without.
fn deletion(op: &Op, start: u64, room: usize) -> Option<Op> {
    if matches!(&op.obj, ObjectId::Id(id) if id.0 >= start) {
        return None;
    }
    let stays = usize::from(!matches!(op.action, OpType::Delete));
    let before: Vec<_> = op.pred.iter().filter(|id| id.0 < start).cloned().collect();
    let count = before.len().saturating_sub(stays).min(room);
    let pred = before.get(..count).filter(|pred| !pred.is_empty())?.to_vec();
    Some(Op { action: OpType::Delete, pred: pred.into(), ..op.clone() })
}

#[cfg(test)]
mod tests;
