//! Bytes a reading on disk: ours, SQLite, Parquet, Automerge and gzip'd CSV on real data.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use serde_json::{Map, Value, json};

use msec_versus::city::{self, Table};
use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::program;
use msec_versus::size::CONTENDERS;

/// Compares what real readings take on disk: ours, SQLite, Parquet, Automerge, gzip'd CSV.
#[derive(Debug, Parser)]
#[command(after_help = "Example: size --data ../../../shared/data --json")]
struct Args {
    /// A directory with `auckland-pedestrians` and `norway-air`. Default: the year that lies in this repository.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the files lie while they are measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    program::run("size", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.data.clone().unwrap_or_else(city::committed);
    let sets = [("auckland", vec![city::auckland(&data)?]), ("norway", city::norway(&data)?)];
    for (name, tables) in &sets {
        let readings: usize = tables.iter().map(Table::len).sum();
        println!(
            "{name}: {readings} readings of {} streams",
            tables.iter().map(|t| t.streams.len()).sum::<usize>()
        );
    }
    for contender in &CONTENDERS {
        println!("  {:16} {}", contender.name, contender.about);
    }
    let mut figures = Figures::default();
    for (set, tables) in &sets {
        for contender in &CONTENDERS {
            let place =
                tempfile::tempdir_in(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
            let bytes = contender.measure(place.path(), tables).with_context(|| contender.name)?;
            let readings: usize = tables.iter().map(Table::len).sum();
            figures.0.push(Line {
                scenario: (*set).to_owned(),
                protocol: contender.name,
                seed: 1,
                figures: vec![("bytes", bytes as f64), ("bytes_per_reading", bytes as f64 / readings as f64)],
            });
        }
    }
    println!("{}", figures.table());
    if args.json {
        println!("{}", to_json(&figures));
    }
    Ok(())
}

/// Everything by `who_set_figure`, and what is asked of ours by name.
fn to_json(figures: &Figures) -> Value {
    let of = |set: &str, who: &str| figures.mean(set, who, "bytes_per_reading").map_or(Value::Null, rounded);
    let mut all = Map::new();
    all.insert("bytes_per_reading_bulk".to_owned(), of("auckland", "ours_bulk"));
    all.insert("bytes_per_reading_12".to_owned(), of("auckland", "ours_12"));
    all.insert("bytes_per_value_norway".to_owned(), of("norway", "ours_bulk"));
    for line in &figures.0 {
        for (name, value) in &line.figures {
            all.insert(format!("{}_{}_{name}", line.protocol, line.scenario), json!(rounded(*value)));
        }
    }
    Value::Object(all)
}
