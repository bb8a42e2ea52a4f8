//! Reads what was written by the letter of `parquet.thrift`, with a reader that shares nothing with the writer.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A value of Thrift.
#[derive(Debug, Clone)]
enum Value {
    Int(i64),
    Text(String),
    List(Vec<Value>),
    Struct(BTreeMap<i16, Value>),
}

impl Value {
    fn int(&self) -> i64 {
        let Self::Int(int) = self else { panic!("{self:?} is no number") };
        *int
    }

    fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("{self:?} is no text") };
        text
    }

    fn list(&self) -> &[Self] {
        let Self::List(list) = self else { panic!("{self:?} is no list") };
        list
    }

    fn at(&self, number: i16) -> &Self {
        let Self::Struct(fields) = self else { panic!("{self:?} is no struct") };
        fields.get(&number).unwrap_or_else(|| panic!("no field {number} in {fields:?}"))
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(len);
    *bytes = rest;
    taken
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn read_value(bytes: &mut &[u8], kind: u8) -> Value {
    match kind {
        5 | 6 => {
            let value = read_varint(bytes);
            Value::Int((value >> 1) as i64 ^ -((value & 1) as i64))
        }
        8 => {
            let len = read_varint(bytes) as usize;
            Value::Text(String::from_utf8(take(bytes, len).to_vec()).unwrap())
        }
        9 => {
            let head = take(bytes, 1)[0];
            let len = if head >> 4 == 15 { read_varint(bytes) } else { u64::from(head >> 4) };
            Value::List((0..len).map(|_| read_value(bytes, head & 15)).collect())
        }
        12 => {
            let mut fields = BTreeMap::new();
            let mut number = 0;
            loop {
                let head = take(bytes, 1)[0];
                if head == 0 {
                    return Value::Struct(fields);
                }
                assert!(head >> 4 > 0, "no long steps are written");
                number += i16::from(head >> 4);
                fields.insert(number, read_value(bytes, head & 15));
            }
        }
        _ => panic!("kind {kind} is not used"),
    }
}

fn read_column(file: &[u8], schema: &Value, chunk: &Value, rows: usize) -> Column {
    let meta = chunk.at(3);
    assert_eq!((meta.at(1).int(), meta.at(4).int()), (schema.at(1).int(), 0));
    assert_eq!(meta.at(3).list()[0].text(), schema.at(4).text());
    let mut page = &file[meta.at(9).int() as usize..][..meta.at(7).int() as usize];
    let header = read_value(&mut page, 12);
    assert_eq!((header.at(2).int(), header.at(5).at(1).int()), (page.len() as i64, rows as i64));
    let double = |page: &mut &[u8]| f64::from_le_bytes(take(page, 8).try_into().unwrap());
    let length = |page: &mut &[u8]| u32::from_le_bytes(take(page, 4).try_into().unwrap()) as usize;
    let values = match (schema.at(1).int(), schema.at(3).int()) {
        (0, 0) => Values::Flag((0..rows).map(|n| page[n / 8] >> (n % 8) & 1 == 1).collect()),
        (2, 0) => {
            let count = |page: &mut &[u8]| u64::from_le_bytes(take(page, 8).try_into().unwrap());
            Values::Count((0..rows).map(|_| count(&mut page)).collect())
        }
        (5, 0) => Values::Number((0..rows).map(|_| double(&mut page)).collect()),
        (5, 1) => {
            let len = length(&mut page);
            let mut runs = take(&mut page, len);
            let mut there = Vec::new();
            while !runs.is_empty() {
                let run = read_varint(&mut runs);
                assert_eq!(run & 1, 0, "packed bits are not written");
                there.extend(vec![take(&mut runs, 1)[0] == 1; run as usize >> 1]);
            }
            assert_eq!(there.len(), rows);
            Values::Maybe(there.into_iter().map(|there| there.then(|| double(&mut page))).collect())
        }
        (6, 0) => {
            assert_eq!(schema.at(6).int(), 0, "texts are marked as UTF-8");
            let text = |page: &mut &[u8]| {
                let len = length(page);
                String::from_utf8(take(page, len).to_vec()).unwrap()
            };
            Values::Text((0..rows).map(|_| text(&mut page)).collect())
        }
        other => panic!("no column is of type {other:?}"),
    };
    Column { name: schema.at(4).text().to_owned(), values }
}

fn read(file: &[u8]) -> Vec<Column> {
    let rest = file.strip_suffix(b"PAR1").unwrap();
    assert!(rest.starts_with(b"PAR1"));
    let (rest, len) = rest.split_at(rest.len() - 4);
    let len = u32::from_le_bytes(len.try_into().unwrap()) as usize;
    let mut footer = &rest[rest.len() - len..];
    let meta = read_value(&mut footer, 12);
    assert!(footer.is_empty());
    let schema = meta.at(2).list();
    assert_eq!(schema[0].at(5).int() as usize, schema.len() - 1);
    let rows = meta.at(3).int() as usize;
    let Some(group) = meta.at(4).list().first() else {
        assert_eq!(rows, 0);
        return Vec::new();
    };
    assert_eq!(group.at(3).int() as usize, rows);
    let chunks = group.at(1).list();
    schema[1..].iter().zip(chunks).map(|(schema, chunk)| read_column(file, schema, chunk, rows)).collect()
}

fn table(rows: &[(i64, f64, Option<f64>, String, bool)]) -> Table {
    let column = |name: &str, values| Column { name: name.into(), values };
    let columns = vec![
        column("count", Values::Count(rows.iter().map(|row| row.0 as u64).collect())),
        column("number", Values::Number(rows.iter().map(|row| row.1).collect())),
        column("maybe", Values::Maybe(rows.iter().map(|row| row.2).collect())),
        column("text", Values::Text(rows.iter().map(|row| row.3.clone()).collect())),
        column("flag", Values::Flag(rows.iter().map(|row| row.4).collect())),
    ];
    Table { name: "test", columns }
}

#[test]
fn a_table_without_rows_has_its_columns() {
    let file = table(&[]).to_parquet();
    assert_eq!(read(&file), []);
    assert!(file.windows(5).any(|window| window == b"maybe"));
}

#[test]
fn a_count_beyond_the_format_is_the_largest() {
    let columns = vec![Column { name: "n".into(), values: Values::Count(vec![u64::MAX]) }];
    let read = read(&Table { name: "test", columns }.to_parquet());
    assert_eq!(read[0].values, Values::Count(vec![i64::MAX as u64]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        rows in proptest::collection::vec(
            (0..i64::MAX, -1e300..1e300, proptest::option::of(-1e3..1e3), ".{0,12}", any::<bool>()), 1..60)
    ) {
        let table = table(&rows);
        prop_assert_eq!(read(&table.to_parquet()), table.columns);
    }
}
