//! A document as of some entries, in bytes, so that it opens without reading those again.
//!
//! ```text
//! snapshot  = format:u8 refused count log* count change* count key* count operation* engine
//! log       = id:32 next seq operations flags last where to read on; what was applied; 1 if there is a last change, whose hash
//!                                                 follows, and 2 more if changes were erased
//! change    = hash:32 max_op
//! key       = length bytes                        each once
//! operation = counter log key map                 the counter less the one before; which log and key; twice that for a key,
//!                                                 and 1 more for an operation that makes a map; 0 for the root, or 1 more
//!                                                 than which log, and a counter
//! engine    = what Automerge saves
//! ```
//!
//! Numbers are LEB128. What waits for others is not in it, and is read again. It comes from the own disk, where a check covers it:
//! all that is read is bounded, but Automerge trusts its own part. One that somebody else made is never read.

use std::collections::BTreeMap;
use std::sync::Arc;

use automerge::{Automerge, ChangeHash, ReadDoc};
use msec_identity::LogId;

use super::change::{KEY_BYTES_MAX, actor_of};
use super::columns::Reader;
use super::error::ChangeError;
use super::fold::{Document, LogFold};
use super::index::{Index, OpKey, Slot};
use super::{DOCUMENT_LOGS_MAX, DOCUMENT_OPS_MAX};

const FORMAT: u8 = 1;

impl Document {
    /// The document in bytes, as far as it was applied; `None` if it cannot be shown.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        self.check().ok()?;
        let mut out = vec![FORMAT];
        unsigned(&mut out, self.refused);
        unsigned(&mut out, self.logs.len() as u64);
        for (id, log) in &self.logs {
            out.extend_from_slice(&id.0);
            [log.unapplied(), log.seq, log.operations as u64]
                .iter()
                .for_each(|number| unsigned(&mut out, *number));
            unsigned(&mut out, u64::from(log.last.is_some()) + 2 * u64::from(log.lost));
            out.extend(log.last.iter().flat_map(|hash| hash.0));
        }
        self.write_index(&mut out);
        out.extend_from_slice(&self.engine.save());
        Some(out)
    }

    fn write_index(&self, out: &mut Vec<u8>) {
        let Index { operations, changes, .. } = &self.index;
        unsigned(out, changes.len() as u64);
        for (hash, max_op) in changes {
            out.extend_from_slice(&hash.0);
            unsigned(out, (*max_op).into());
        }
        let mut keys: BTreeMap<&str, u64> = operations.values().map(|slot| (&*slot.key, 0)).collect();
        unsigned(out, keys.len() as u64);
        for ((key, number), n) in keys.iter_mut().zip(0..) {
            unsigned(out, key.len() as u64);
            out.extend_from_slice(key.as_bytes());
            *number = n;
        }
        let logs: BTreeMap<&LogId, u64> = self.logs.keys().zip(0..).collect();
        unsigned(out, operations.len() as u64);
        let mut last = 0;
        for ((counter, log), slot) in operations {
            unsigned(out, (counter - last).into());
            last = *counter;
            unsigned(out, logs[log]);
            unsigned(out, 2 * keys[&*slot.key] + u64::from(slot.makes_map));
            match &slot.map {
                None => unsigned(out, 0),
                Some((counter, log)) => {
                    unsigned(out, 1 + logs[log]);
                    unsigned(out, (*counter).into());
                }
            }
        }
    }

    /// In each log, the position from which on entries are not in [`Self::snapshot`].
    pub fn snapshot_covers(&self) -> BTreeMap<LogId, u64> {
        self.logs.iter().map(|(id, log)| (*id, log.unapplied())).collect()
    }

    /// The document that [`Self::snapshot`] wrote; `None` if another version did, or something else.
    pub fn from_snapshot(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let [format] = reader.array().ok()?;
        if format != FORMAT {
            return None;
        }
        let refused = reader.unsigned().ok()?;
        let logs = read_logs(&mut reader).ok()?;
        let index = read_index(&mut reader, &logs).ok()?;
        if reader.is_empty() {
            // Automerge would take no bytes for an empty document.
            return None;
        }
        let engine = Automerge::load(reader.rest()).ok()?.with_actor(actor_of(&LogId([0; 32])));
        let is_same = engine.stats().num_changes == index.changes.len() as u64
            && engine.get_heads().iter().all(|head| index.changes.contains_key(head));
        is_same.then(|| Self::opened(engine, index, logs, refused))
    }
}

fn read_logs(reader: &mut Reader<'_>) -> Result<BTreeMap<LogId, LogFold>, ChangeError> {
    let count = bounded(reader.unsigned()?, DOCUMENT_LOGS_MAX)?;
    let mut logs = BTreeMap::new();
    for _ in 0..count {
        let id = LogId(reader.array()?);
        let (next, seq) = (reader.unsigned()?, reader.unsigned()?);
        let operations = bounded(reader.unsigned()?, DOCUMENT_OPS_MAX)?;
        let (has_last, lost) = match reader.unsigned()? {
            flags @ 0..4 => (flags % 2 == 1, flags >= 2),
            _ => return Err(ChangeError::Malformed),
        };
        let last = if has_last { Some(ChangeHash(reader.array()?)) } else { None };
        logs.insert(id, LogFold::applied(next, seq, last, operations, lost));
    }
    Ok(logs)
}

fn read_index(reader: &mut Reader<'_>, logs: &BTreeMap<LogId, LogFold>) -> Result<Index, ChangeError> {
    let mut changes = Vec::new();
    for _ in 0..bounded(reader.unsigned()?, DOCUMENT_OPS_MAX)? {
        changes.push((ChangeHash(reader.array()?), counter(reader.unsigned()?)?));
    }
    let changes: BTreeMap<_, _> = changes.into_iter().collect();
    let mut keys: Vec<Arc<str>> = Vec::new();
    for _ in 0..bounded(reader.unsigned()?, DOCUMENT_OPS_MAX)? {
        keys.push(reader.text(KEY_BYTES_MAX)?.into());
    }
    let ids: Vec<_> = logs.keys().copied().collect();
    let id_at = |n: u64| ids.get(n as usize).copied().ok_or(ChangeError::Malformed);
    let (mut operations, mut last): (Vec<(OpKey, Slot)>, _) = (Vec::new(), 0);
    for _ in 0..bounded(reader.unsigned()?, DOCUMENT_OPS_MAX)? {
        last = counter(reader.unsigned()?.saturating_add(last))?.into();
        let log = id_at(reader.unsigned()?)?;
        let key = reader.unsigned()?;
        let map = match reader.unsigned()?.checked_sub(1) {
            None => None,
            Some(log) => Some((counter(reader.unsigned()?)?, id_at(log)?)),
        };
        let (makes_map, key) = (key % 2 == 1, keys.get((key / 2) as usize).cloned());
        let slot = Slot { map, key: key.ok_or(ChangeError::Malformed)?, makes_map };
        operations.push(((last as u32, log), slot));
    }
    let (mut tops, mut counted) = (BTreeMap::new(), 0);
    for (id, log) in logs {
        counted += log.operations;
        if let Some(last) = &log.last {
            tops.insert(*id, *changes.get(last).ok_or(ChangeError::Malformed)?);
        }
    }
    let counted = bounded(counted as u64, DOCUMENT_OPS_MAX)?;
    Ok(Index { operations: operations.into_iter().collect(), changes, tops, counted })
}

fn bounded(number: u64, max: usize) -> Result<usize, ChangeError> {
    usize::try_from(number).ok().filter(|number| *number <= max).ok_or(ChangeError::Malformed)
}

fn counter(number: u64) -> Result<u32, ChangeError> {
    u32::try_from(number).map_err(|_| ChangeError::Malformed)
}

fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests;
