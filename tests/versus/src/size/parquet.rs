//! Parquet: a file a table, a column a stream, under zstd.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::city::Table;

/// Of 1 to 22; the default is 1.
const ZSTD_LEVEL: i32 = 9;

/// Writes a file a table.
pub(super) fn keep(directory: &Path, tables: &[Table]) -> anyhow::Result<usize> {
    let mut kept = 0;
    for table in tables {
        let path = directory.join(format!("{}.parquet", table.name));
        write(&path, table)?;
        let reader = SerializedFileReader::new(File::open(&path)?)?;
        for group in reader.metadata().row_groups() {
            for column in &group.columns()[1..] {
                let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
                kept += (column.num_values() as u64 - nulls.unwrap_or(0)) as usize;
            }
        }
    }
    Ok(kept)
}

fn write(path: &Path, table: &Table) -> anyhow::Result<()> {
    let rows = table.rows();
    let is_whole = |column: usize| {
        table.streams[column].readings.iter().all(|reading| f64::from(reading.value as i32) == reading.value)
    };
    let mut message = "message readings { required int64 time_s;".to_owned();
    for column in 0..table.streams.len() {
        let kind = if is_whole(column) { "int32" } else { "double" };
        message.push_str(&format!(" optional {kind} c{column};"));
    }
    message.push('}');
    let time = ColumnPath::from("time_s");
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED);
    let schema = Arc::new(parse_message_type(&message)?);
    let mut file = SerializedFileWriter::new(File::create(path)?, schema, Arc::new(properties.build()))?;
    let mut group = file.next_row_group()?;
    let missing = || anyhow::anyhow!("the schema has a column for each stream");
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    let times: Vec<i64> = rows.keys().map(|time| time / 1_000).collect();
    writer.typed::<Int64Type>().write_batch(&times, None, None)?;
    writer.close()?;
    for column in 0..table.streams.len() {
        let values = || rows.values().map(|row| row[column]);
        let levels: Vec<i16> = values().map(|value| i16::from(value.is_some())).collect();
        let mut writer = group.next_column()?.ok_or_else(missing)?;
        if is_whole(column) {
            let values: Vec<i32> = values().flatten().map(|value| value as i32).collect();
            writer.typed::<Int32Type>().write_batch(&values, Some(&levels), None)?;
        } else {
            let values: Vec<f64> = values().flatten().collect();
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        writer.close()?;
    }
    group.close()?;
    file.close()?;
    Ok(())
}
