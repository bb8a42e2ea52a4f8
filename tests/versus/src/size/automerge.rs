//! Automerge: a document a stream, as it saves itself.

use std::fs;
use std::path::Path;

use ::automerge::{Automerge, ROOT, ReadDoc};

use crate::city::Table;
use crate::document;

/// Writes documents of changes of so many readings.
pub(super) fn keep(directory: &Path, tables: &[Table], per_change: usize) -> anyhow::Result<usize> {
    let mut kept = 0;
    for (n, stream) in tables.iter().flat_map(|table| &table.streams).enumerate() {
        let path = directory.join(format!("{n}.automerge"));
        fs::write(&path, document::of(stream, per_change)?.save())?;
        kept += Automerge::load(&fs::read(&path)?)?.length(ROOT);
    }
    Ok(kept)
}
