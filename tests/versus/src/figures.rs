//! What was measured, by name: for tables, for JSON, and for comparing.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

/// One run of one protocol.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was done.
    pub scenario: String,
    /// To whom.
    pub protocol: &'static str,
    /// From what seed.
    pub seed: u64,
    /// What came out, in the order of the table's columns.
    pub figures: Vec<(&'static str, f64)>,
}

/// All runs.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<Line>);

impl Figures {
    /// The mean over all seeds, if it was measured.
    pub fn mean(&self, scenario: &str, protocol: &str, name: &str) -> Option<f64> {
        let values: Vec<f64> = self.all(scenario, protocol, name).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The least over all seeds, if it was measured.
    pub fn least(&self, scenario: &str, protocol: &str, name: &str) -> Option<f64> {
        self.all(scenario, protocol, name).min_by(f64::total_cmp)
    }

    fn all<'a>(
        &'a self,
        scenario: &'a str,
        protocol: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = f64> + 'a {
        let lines = self.0.iter().filter(move |line| line.scenario == scenario && line.protocol == protocol);
        lines.flat_map(|line| &line.figures).filter(move |(it, _)| *it == name).map(|(_, value)| *value)
    }

    /// A table for each scenario: a row for each seed, and one for their mean.
    pub fn table(&self) -> String {
        let mut out = String::new();
        for scenario in self.scenarios() {
            let lines: Vec<&Line> = self.0.iter().filter(|line| line.scenario == scenario).collect();
            let mut rows: Vec<Vec<String>> = Vec::new();
            let mut protocols: Vec<&str> = lines.iter().map(|line| line.protocol).collect();
            protocols.dedup();
            for protocol in protocols {
                let of: Vec<&&Line> = lines.iter().filter(|line| line.protocol == protocol).collect();
                for line in &of {
                    let mut row = vec![protocol.to_owned(), line.seed.to_string()];
                    row.extend(line.figures.iter().map(|(_, value)| number(*value)));
                    rows.push(row);
                }
                if of.len() > 1 {
                    let mut row = vec![protocol.to_owned(), "mean".to_owned()];
                    let names = of[0].figures.iter().map(|(name, _)| *name);
                    let mean = |name| self.mean(&scenario, protocol, name).unwrap_or(f64::NAN);
                    row.extend(names.map(|name| number(mean(name))));
                    rows.push(row);
                }
            }
            let names = lines.first().into_iter().flat_map(|line| line.figures.iter().map(|(name, _)| *name));
            let header: Vec<String> =
                ["protocol", "seed"].into_iter().chain(names).map(str::to_owned).collect();
            let _ = writeln!(out, "\n{scenario}");
            rows.insert(0, header);
            align(&mut out, &rows);
        }
        out
    }

    /// Everything, by scenario and protocol.
    pub fn json(&self) -> Value {
        let mut all: BTreeMap<String, BTreeMap<&str, Vec<Value>>> = BTreeMap::new();
        for line in &self.0 {
            let mut figures = Map::from_iter([("seed".to_owned(), json!(line.seed))]);
            figures.extend(line.figures.iter().map(|(name, value)| ((*name).to_owned(), rounded(*value))));
            let scenario = all.entry(line.scenario.clone()).or_default();
            scenario.entry(line.protocol).or_default().push(Value::Object(figures));
        }
        json!(all)
    }

    fn scenarios(&self) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for line in &self.0 {
            if !seen.contains(&line.scenario) {
                seen.push(line.scenario.clone());
            }
        }
        seen
    }
}

/// A number in JSON, to four places. What was not reached (an infinite time) is null.
pub fn rounded(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}

fn number(value: f64) -> String {
    if !value.is_finite() {
        "-".to_owned()
    } else if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

fn align(out: &mut String, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(out, "  {cell:>width$}");
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_one_protocol() {
        let line = |protocol, seed, value| Line {
            scenario: "many".to_owned(),
            protocol,
            seed,
            figures: vec![("last", value)],
        };
        let figures = Figures(vec![line("a", 1, 2.0), line("a", 2, 4.0), line("b", 1, 9.0)]);
        assert_eq!(figures.mean("many", "a", "last"), Some(3.0));
        assert_eq!(figures.least("many", "a", "last"), Some(2.0));
        assert_eq!(figures.mean("one", "a", "last"), None);
        let table = figures.table();
        assert!(table.contains("mean") && table.contains("last"), "{table}");
        assert_eq!(figures.json()["many"]["b"][0]["last"], json!(9.0));
    }
}
