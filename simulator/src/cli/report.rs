//! `msec-sim report`: a recording as a page, and as raw tables.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::recording::Recording;
use crate::report::Table;

/// The flags of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// What `msec-sim run SCENARIO --record FILE` wrote
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Where the page goes [default: beside the recording, ending in .html]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the raw numbers as CSV, a file for each table
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Also write the raw numbers as Parquet, a file for each table
    #[arg(long, value_name = "DIR")]
    parquet: Option<PathBuf>,
}

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim run backbone --record run.json
  msec-sim report run.json                         # writes run.html beside it
  msec-sim report run.json -o page.html --csv tables --parquet tables";

/// Makes what was asked for.
pub(super) fn run(args: ReportArgs) -> anyhow::Result<ExitCode> {
    args.run().map(|()| ExitCode::SUCCESS)
}

impl ReportArgs {
    /// Writes what was asked for, and says on standard output what that is.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let shown = self.recording.display();
        let recording =
            Recording::read(&self.recording).with_context(|| format!("cannot report on {shown}"))?;
        let page = recording.to_html();
        let output = self.out.clone().unwrap_or_else(|| self.recording.with_extension("html"));
        fs::write(&output, &page).with_context(|| format!("cannot write {}", output.display()))?;
        say(&format!("{}: a page of {}, open it in a browser", output.display(), size(page.len())))?;
        let tables =
            if self.csv.is_some() || self.parquet.is_some() { recording.tables() } else { Vec::new() };
        if let Some(dir) = &self.csv {
            write_all(dir, "csv", &tables, |table| table.to_csv().into_bytes())?;
        }
        if let Some(dir) = &self.parquet {
            write_all(dir, "parquet", &tables, Table::to_parquet)?;
        }
        Ok(())
    }
}

/// One file for each table, in a directory that is made if it is not there.
fn write_all(dir: &Path, kind: &str, tables: &[Table], bytes: fn(&Table) -> Vec<u8>) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let (mut sum, mut rows) = (0, 0);
    for table in tables {
        let path = dir.join(table.name).with_extension(kind);
        let bytes = bytes(table);
        fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        sum += bytes.len();
        rows += table.rows();
    }
    let (dir, files) = (dir.display(), tables.len());
    Ok(say(&format!("{dir}: {files} tables as .{kind}, {rows} rows in {}", size(sum)))?)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture;

    #[test]
    fn a_recording_becomes_a_page_and_tables() {
        let dir = std::env::temp_dir().join(format!("msec-report-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let recording = dir.join("run.json");
        fixture::city(60, 1).write(&recording).unwrap();
        let args = ReportArgs {
            recording,
            out: None,
            csv: Some(dir.join("csv")),
            parquet: Some(dir.join("deep/parquet")),
        };
        args.run().unwrap();
        let page = fs::read_to_string(dir.join("run.html")).unwrap();
        let series = fs::read_to_string(dir.join("csv/series.csv")).unwrap();
        let links = fs::read(dir.join("deep/parquet/links.parquet")).unwrap();
        let files = fs::read_dir(dir.join("csv")).unwrap().count();
        fs::remove_dir_all(&dir).unwrap();
        assert!(page.starts_with("<!doctype html>"));
        assert!(series.starts_with("t_s,wall_s,events,") && series.lines().count() == 242, "{series}");
        assert!(links.starts_with(b"PAR1") && links.ends_with(b"PAR1"));
        assert_eq!(files, 12);
    }

    #[test]
    fn what_is_no_recording_is_named() {
        let args = ReportArgs { recording: "no/such.json".into(), out: None, csv: None, parquet: None };
        let error = format!("{:#}", args.run().unwrap_err());
        assert!(
            error.contains("cannot report on no/such.json") && error.contains("look at its path"),
            "{error}"
        );
    }
}
