//! CSV under gzip: a line for each second at which something was measured, a field for each stream.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::city::Table;

/// Writes a file a table.
pub(super) fn keep(directory: &Path, tables: &[Table]) -> anyhow::Result<usize> {
    let mut kept = 0;
    for table in tables {
        let mut text = "time".to_owned();
        for stream in &table.streams {
            write!(text, ",{}", stream.name)?;
        }
        text.push('\n');
        for (time, values) in table.rows() {
            write!(text, "{}", time / 1_000)?;
            for value in values {
                text.push(',');
                if let Some(value) = value {
                    write!(text, "{value}")?;
                }
            }
            text.push('\n');
        }
        let path = directory.join(format!("{}.csv.gz", table.name));
        let mut file = GzEncoder::new(File::create(&path)?, Compression::best());
        file.write_all(text.as_bytes())?;
        file.finish()?;
        let mut back = String::new();
        GzDecoder::new(File::open(&path)?).read_to_string(&mut back)?;
        let fields = |line: &str| line.split(',').skip(1).filter(|field| !field.is_empty()).count();
        kept += back.lines().skip(1).map(fields).sum::<usize>();
    }
    Ok(kept)
}
