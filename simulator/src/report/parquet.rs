//! Tables as Parquet: <https://parquet.apache.org/docs/file-format/>. One row group, one page for each column, values in the
//! plain encoding, nothing compressed: what every reader of Parquet reads.
//!
//! It is written here because the `parquet` crate, even without Arrow, brings `getrandom` and takes 90 s of CPU to build:
//! more than the simulator with all that it simulates.
//!
//! ```text
//! "PAR1"
//! for each column:  page header (Thrift), [where values may be missing: length, runs of "is there"], values
//! footer (Thrift): the schema, and where each column begins
//! length of the footer, 4 bytes, the lowest first
//! "PAR1"
//! ```

mod thrift;

#[cfg(test)]
mod tests;

use super::table::{Column, Table, Values};
use thrift::{Kind, Writer, varint};

const MAGIC: &[u8; 4] = b"PAR1";

/// `Encoding` in `parquet.thrift`.
const PLAIN: i32 = 0;
/// `Encoding` in `parquet.thrift`: runs, for whether a value is there.
const RLE: i32 = 3;
/// `CompressionCodec` in `parquet.thrift`.
const UNCOMPRESSED: i32 = 0;
/// `PageType` in `parquet.thrift`.
const DATA_PAGE: i32 = 0;
/// `ConvertedType` in `parquet.thrift`.
const UTF8: i32 = 0;

/// A column in the file.
struct Chunk {
    offset: usize,
    /// With the header.
    len: usize,
}

impl Table {
    /// The file. A count beyond `i64` is written as the largest one.
    pub fn to_parquet(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        let rows = self.rows();
        // A group without rows is none.
        let groups = usize::from(rows > 0);
        let mut chunks = Vec::new();
        for column in self.columns.iter().take(self.columns.len() * groups) {
            let offset = file.len();
            let page = page(&column.values);
            file.extend(page_header(page.len(), rows));
            file.extend(page);
            chunks.push(Chunk { offset, len: file.len() - offset });
        }
        let footer = self.footer(rows, groups, &chunks);
        file.extend_from_slice(&footer);
        file.extend_from_slice(&(footer.len() as u32).to_le_bytes());
        file.extend_from_slice(MAGIC);
        file
    }

    /// `FileMetaData`.
    fn footer(&self, rows: usize, groups: usize, chunks: &[Chunk]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.structure(|w| {
            w.i32(1, 1);
            w.list(2, Kind::Struct, self.columns.len() + 1);
            w.structure(|w| {
                w.text(4, self.name);
                w.i32(5, self.columns.len() as i32);
            });
            self.columns.iter().for_each(|column| schema(w, column));
            w.i64(3, rows as i64);
            w.list(4, Kind::Struct, groups);
            if groups > 0 {
                w.structure(|w| self.row_group(w, rows, chunks));
            }
            w.text(6, "msec-sim");
        });
        writer.into_bytes()
    }

    /// `RowGroup`.
    fn row_group(&self, w: &mut Writer, rows: usize, chunks: &[Chunk]) {
        w.list(1, Kind::Struct, chunks.len());
        for (column, chunk) in self.columns.iter().zip(chunks) {
            w.structure(|w| {
                w.i64(2, chunk.offset as i64);
                w.field_structure(3, |w| column_meta(w, column, rows, chunk));
            });
        }
        w.i64(2, chunks.iter().map(|chunk| chunk.len as i64).sum());
        w.i64(3, rows as i64);
    }
}

/// `SchemaElement`.
fn schema(w: &mut Writer, column: &Column) {
    w.structure(|w| {
        w.i32(1, physical(&column.values));
        w.i32(3, i32::from(may_be_missing(&column.values)));
        w.text(4, &column.name);
        if matches!(column.values, Values::Text(_)) {
            w.i32(6, UTF8);
        }
    });
}

/// `ColumnMetaData`.
fn column_meta(w: &mut Writer, column: &Column, rows: usize, chunk: &Chunk) {
    w.i32(1, physical(&column.values));
    w.list(2, Kind::I32, 2);
    w.element(i64::from(PLAIN));
    w.element(i64::from(RLE));
    w.list(3, Kind::Binary, 1);
    w.text_element(&column.name);
    w.i32(4, UNCOMPRESSED);
    w.i64(5, rows as i64);
    w.i64(6, chunk.len as i64);
    w.i64(7, chunk.len as i64);
    w.i64(9, chunk.offset as i64);
}

/// `PageHeader`.
fn page_header(len: usize, rows: usize) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.structure(|w| {
        w.i32(1, DATA_PAGE);
        w.i32(2, len as i32);
        w.i32(3, len as i32);
        w.field_structure(5, |w| {
            w.i32(1, rows as i32);
            w.i32(2, PLAIN);
            w.i32(3, RLE);
            w.i32(4, RLE);
        });
    });
    writer.into_bytes()
}

/// `Type` in `parquet.thrift`.
fn physical(values: &Values) -> i32 {
    match values {
        Values::Flag(_) => 0,
        Values::Count(_) => 2,
        Values::Number(_) | Values::Maybe(_) => 5,
        Values::Text(_) => 6,
    }
}

fn may_be_missing(values: &Values) -> bool {
    matches!(values, Values::Maybe(_))
}

fn page(values: &Values) -> Vec<u8> {
    let mut page = Vec::new();
    match values {
        Values::Count(values) => {
            let signed = values.iter().map(|value| i64::try_from(*value).unwrap_or(i64::MAX));
            signed.for_each(|value| page.extend_from_slice(&value.to_le_bytes()));
        }
        Values::Number(values) => {
            values.iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes()))
        }
        Values::Maybe(values) => {
            let runs = runs(values);
            page.extend_from_slice(&(runs.len() as u32).to_le_bytes());
            page.extend(runs);
            values.iter().flatten().for_each(|value| page.extend_from_slice(&value.to_le_bytes()));
        }
        Values::Text(values) => {
            for value in values {
                page.extend_from_slice(&(value.len() as u32).to_le_bytes());
                page.extend_from_slice(value.as_bytes());
            }
        }
        Values::Flag(values) => page.extend(values.chunks(8).map(|flags| {
            flags.iter().enumerate().fold(0, |byte, (bit, flag)| byte | u8::from(*flag) << bit)
        })),
    }
    page
}

/// Whether values are there, in runs: twice the length, then a byte that is 1 or 0.
fn runs(values: &[Option<f64>]) -> Vec<u8> {
    let mut runs = Vec::new();
    for run in values.chunk_by(|one, next| one.is_some() == next.is_some()) {
        varint(&mut runs, (run.len() as u64) << 1);
        runs.push(u8::from(run[0].is_some()));
    }
    runs
}
