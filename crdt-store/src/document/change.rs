//! One change, as Automerge writes it, and nothing that it would not write.
//!
//! Automerge trusts what it applies: a change that names an object which is not there, or a counter near the end of its
//! range, makes it panic, and one of twenty bytes can name a billion operations. So it is never given foreign bytes. They are
//! read here with a bound on everything, the change is made again from what was read, and only if that gives the same
//! bytes is it the change. There is one encoding of each change, and none that two readers read differently.
//!
//! ```text
//! body    = 85 6f 4a 83 checksum:4 01 length data                 (1 is an uncompressed change; others are refused)
//! data    = deps actor seq start_op time message other_actors columns
//! ```
//!
//! Numbers are LEB128; see <https://automerge.org/automerge-binary-format-spec/>. Of Automerge's operations this version
//! folds those on maps: to make a map, to put a value, to delete. A change with another is refused whole.

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ChangeHash, ExpandedChange, ObjType, ScalarValue};
use msec_identity::LogId;

use super::columns::{Columns, Reader, deltas, runs};
use super::error::ChangeError;
use crate::log::BODY_BYTES_MAX;

/// The most operations in one change. A change with more is refused; edit in smaller steps.
pub const CHANGE_OPS_MAX: usize = 4_096;
/// The most operations that one change overwrites. A change with more is refused; own edits of more are several changes, as
/// `draft` has it.
pub(super) const CHANGE_PREDS_MAX: usize = 2 * CHANGE_OPS_MAX;
/// The most changes that one change builds on: one a log. A change with more is refused.
pub(super) const CHANGE_DEPS_MAX: usize = super::DOCUMENT_LOGS_MAX;
/// The longest key of a map, in bytes. A change with a longer one is refused.
pub const KEY_BYTES_MAX: usize = 256;
/// The longest message of a change, in bytes. A change with a longer one is refused.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// The latest time of a change, in seconds: in the year 36,812. A change beyond it is refused.
const TIME_MAX: i64 = 1 << 40;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const UNCOMPRESSED: u8 = 1;

/// A column's number and its type.
mod column {
    pub(super) const OBJECT_ACTOR: u64 = 0x01;
    pub(super) const OBJECT_COUNTER: u64 = 0x02;
    pub(super) const KEY: u64 = 0x15;
    pub(super) const ACTION: u64 = 0x42;
    pub(super) const VALUE_META: u64 = 0x56;
    pub(super) const VALUE: u64 = 0x57;
    pub(super) const PRED_COUNT: u64 = 0x70;
    pub(super) const PRED_ACTOR: u64 = 0x71;
    pub(super) const PRED_COUNTER: u64 = 0x73;
}

/// A change that reads as Automerge writes it. Whether it fits a document is still to be checked.
#[derive(Debug, Clone)]
pub(super) struct ParsedChange {
    pub(super) change: Change,
    pub(super) operations: Vec<Op>,
}

impl ParsedChange {
    /// Reads the body of a change entry of `log`.
    pub(super) fn from_body(log: &LogId, body: &[u8]) -> Result<Self, ChangeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(ChangeError::OverBound { what: "the length of a change", max: BODY_BYTES_MAX });
        }
        let expanded = expand(body)?;
        if expanded.actor_id.to_bytes() != log.0 {
            return Err(ChangeError::ForeignActor);
        }
        let operations = expanded.operations.clone();
        let change = Change::from(expanded);
        if change.raw_bytes() != body {
            return Err(ChangeError::NotCanonical);
        }
        Ok(Self { change, operations })
    }
}

/// The actor that writes in a log.
pub(super) fn actor_of(log: &LogId) -> ActorId {
    ActorId::from(&log.0)
}

fn expand(body: &[u8]) -> Result<ExpandedChange, ChangeError> {
    let mut reader = Reader::new(body);
    let (magic, _checksum, [kind]): ([u8; 4], [u8; 4], [u8; 1]) =
        (reader.array()?, reader.array()?, reader.array()?);
    if magic != MAGIC {
        return Err(ChangeError::Malformed);
    }
    if kind != UNCOMPRESSED {
        return Err(ChangeError::Compressed);
    }
    // Its length is checked with everything else, when the change is written again.
    let _ = reader.unsigned()?;
    let count = bounded(reader.unsigned()?, CHANGE_DEPS_MAX, "the number of dependencies")?;
    let deps = (0..count).map(|_| reader.array().map(ChangeHash)).collect::<Result<Vec<_>, _>>()?;
    let mut actors = vec![read_actor(&mut reader)?];
    let seq = reader.unsigned()?;
    let start_op = u32::try_from(reader.unsigned()?).map_err(|_| ChangeError::Malformed)?;
    let time = reader.signed()?;
    if !(0..=TIME_MAX).contains(&time) {
        return Err(ChangeError::Malformed);
    }
    let message = Some(reader.text(MESSAGE_BYTES_MAX)?).filter(|text| !text.is_empty()).map(str::to_owned);
    let others = bounded(reader.unsigned()?, super::DOCUMENT_LOGS_MAX, "the number of actors")?;
    for _ in 0..others {
        actors.push(read_actor(&mut reader)?);
    }
    let columns = Columns::read(&mut reader)?;
    if !reader.is_empty() {
        return Err(ChangeError::NotCanonical);
    }
    Ok(ExpandedChange {
        operations: operations(&columns, &actors)?,
        actor_id: actors.swap_remove(0),
        hash: None,
        seq,
        start_op: u64::from(start_op).try_into().map_err(|_| ChangeError::Malformed)?,
        time,
        message,
        deps,
        extra_bytes: Vec::new(),
        author: None,
    })
}

fn read_actor(reader: &mut Reader<'_>) -> Result<ActorId, ChangeError> {
    let length = reader.unsigned()?;
    if length != size_of::<LogId>() as u64 {
        return Err(ChangeError::ForeignActor);
    }
    Ok(ActorId::from(reader.take(length)?))
}

fn bounded(count: u64, max: usize, what: &'static str) -> Result<usize, ChangeError> {
    usize::try_from(count).ok().filter(|count| *count <= max).ok_or(ChangeError::OverBound { what, max })
}

fn operations(columns: &Columns<'_>, actors: &[ActorId]) -> Result<Vec<Op>, ChangeError> {
    let numbers = |column, max| runs(columns.get(column), max, Reader::unsigned);
    let actions = numbers(column::ACTION, CHANGE_OPS_MAX)?;
    let count = actions.len();
    if count == 0 {
        return Err(ChangeError::Empty);
    }
    let mut object_actors = numbers(column::OBJECT_ACTOR, count)?.into_iter();
    let mut object_counters = numbers(column::OBJECT_COUNTER, count)?.into_iter();
    let mut keys = runs(columns.get(column::KEY), count, |reader| reader.text(KEY_BYTES_MAX))?.into_iter();
    let mut values = numbers(column::VALUE_META, count)?.into_iter();
    let mut value_bytes = Reader::new(columns.get(column::VALUE));
    let mut pred_counts = numbers(column::PRED_COUNT, count)?.into_iter();
    let mut pred_actors = numbers(column::PRED_ACTOR, CHANGE_PREDS_MAX)?.into_iter();
    let mut pred_counters = deltas(columns.get(column::PRED_COUNTER), CHANGE_PREDS_MAX)?.into_iter();
    let mut operations = Vec::with_capacity(count);
    for action in actions {
        let object = match (object_actors.next().flatten(), object_counters.next().flatten()) {
            (None, None) => ObjectId::Root,
            (Some(actor), Some(counter)) => ObjectId::Id(op_id(actors, actor, counter)?),
            _ => return Err(ChangeError::Malformed),
        };
        let key = keys.next().flatten().ok_or(ChangeError::NotAMap)?;
        let value = read_value(values.next().flatten().ok_or(ChangeError::Malformed)?, &mut value_bytes)?;
        let overwritten = pred_counts.next().flatten().ok_or(ChangeError::Malformed)?;
        let overwritten = bounded(overwritten, pred_actors.len(), "what a change overwrites")?;
        let mut preds = Vec::with_capacity(overwritten);
        for _ in 0..overwritten {
            let (Some(Some(actor)), Some(counter)) = (pred_actors.next(), pred_counters.next()) else {
                return Err(ChangeError::Malformed);
            };
            let counter = u64::try_from(counter).map_err(|_| ChangeError::Malformed)?;
            preds.push(op_id(actors, actor, counter)?);
        }
        // Each once, in the order of Automerge.
        if !preds.is_sorted_by(|a, b| a < b) {
            return Err(ChangeError::NotCanonical);
        }
        let action = match (action, value) {
            (Some(0), ScalarValue::Null) => OpType::Make(ObjType::Map),
            (Some(1), value) => OpType::Put(value),
            (Some(3), ScalarValue::Null) => OpType::Delete,
            _ => return Err(ChangeError::NotAMap),
        };
        let (obj, key) = (object, Key::Map(key.into()));
        operations.push(Op { action, obj, key, pred: preds.into(), insert: false });
    }
    Ok(operations)
}

fn op_id(actors: &[ActorId], actor: u64, counter: u64) -> Result<OpId, ChangeError> {
    let actor = usize::try_from(actor).ok().and_then(|actor| actors.get(actor));
    // Automerge keeps counters in 32 bits.
    let in_range = (1..=u64::from(u32::MAX)).contains(&counter);
    actor.filter(|_| in_range).map(|actor| OpId(counter, actor.clone())).ok_or(ChangeError::Malformed)
}

fn read_value(meta: u64, bytes: &mut Reader<'_>) -> Result<ScalarValue, ChangeError> {
    let bytes = bytes.take(meta >> 4)?;
    let mut reader = Reader::new(bytes);
    let value = match meta & 0b1111 {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(false),
        2 => ScalarValue::Boolean(true),
        3 => ScalarValue::Uint(reader.unsigned()?),
        4 => ScalarValue::Int(reader.signed()?),
        5 => ScalarValue::F64(f64::from_le_bytes(reader.array()?)),
        6 => ScalarValue::Str(std::str::from_utf8(bytes).map_err(|_| ChangeError::Malformed)?.into()),
        7 => ScalarValue::Bytes(bytes.to_vec()),
        9 => ScalarValue::Timestamp(reader.signed()?),
        // Counters, and what a later version knows.
        _ => return Err(ChangeError::NotAMap),
    };
    Ok(value)
}

#[cfg(test)]
mod tests;
