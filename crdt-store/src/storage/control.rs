//! Control entries: what the node has to know before anything else, so that it is given all of them when the store is opened.

use super::ControlEntry;
use super::shared::Shared;
use crate::error::StorageError;
use crate::log::EntryKind;

/// All that are held. How many there are is bounded by who takes them in.
pub(super) fn entries(shared: &Shared) -> Result<Vec<ControlEntry>, StorageError> {
    let view = shared.view();
    let mut found = Vec::new();
    for log in shared.wanted(|header| header.collection().is_control()) {
        let mut at = log.begin();
        while at < log.size() {
            let stretch = view.stretch(&log, at)?;
            for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if position >= at
                    && entry.kind == EntryKind::Control
                    && let Some(record) = entry.body.bytes()
                {
                    found.push(ControlEntry { log: log.id(), position, record: record.to_vec() });
                }
            }
            at = stretch.end;
        }
    }
    Ok(found)
}
