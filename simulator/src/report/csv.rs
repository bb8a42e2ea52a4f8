//! Tables as CSV (RFC 4180): a head, commas, CR LF, quotes where they are needed. Numbers are written so that they are read
//! back bit for bit; what is not there is empty.

use super::table::{Table, Values};

impl Table {
    /// The file.
    pub fn to_csv(&self) -> String {
        let mut csv = String::new();
        let names = self.columns.iter().map(|column| column.name.as_str());
        line(&mut csv, names.map(quoted));
        for row in 0..self.rows() {
            line(&mut csv, self.columns.iter().map(|column| field(&column.values, row)));
        }
        csv
    }
}

fn line(csv: &mut String, fields: impl Iterator<Item = String>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            csv.push(',');
        }
        csv.push_str(&field);
    }
    csv.push_str("\r\n");
}

fn field(values: &Values, row: usize) -> String {
    match values {
        Values::Count(values) => values[row].to_string(),
        Values::Number(values) => values[row].to_string(),
        Values::Maybe(values) => values[row].map(|it| it.to_string()).unwrap_or_default(),
        Values::Text(values) => quoted(&values[row]),
        Values::Flag(values) => values[row].to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Column;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let column = |name: &str, values| Column { name: name.into(), values };
        let text = ["plain", "a, \"b\"", "two\nlines"].map(String::from).to_vec();
        let columns = vec![
            column("count", Values::Count(vec![0, 1, u64::MAX])),
            column("time_s", Values::Maybe(vec![Some(0.1), None, Some(1e-7)])),
            column("name", Values::Text(text)),
            column("good", Values::Flag(vec![true, false, true])),
        ];
        let csv = Table { name: "test", columns }.to_csv();
        let expected = "count,time_s,name,good\r\n\
            0,0.1,plain,true\r\n\
            1,,\"a, \"\"b\"\"\",false\r\n\
            18446744073709551615,0.0000001,\"two\nlines\",true\r\n";
        assert_eq!(csv, expected);
    }
}
