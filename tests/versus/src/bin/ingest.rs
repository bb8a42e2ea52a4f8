//! Durable appends: ours, SQLite, fjall and redb on the same disk.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use serde_json::{Map, Value, json};

use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::ingest::{
    ALL, BODY_BYTES, CONTENDERS, Contender, Length, Load, Mode, Outcome, WINDOW, WRITERS, run,
};
use msec_versus::{disk, program};

/// Compares durable appends of 200-byte readings from 50 writers: ours, SQLite, fjall, redb, and a bare file.
#[derive(Debug, Parser)]
#[command(after_help = "Example: ingest --dir /var/tmp --json")]
struct Args {
    /// From how many logs the entries of a window come; a run of everything for each.
    #[arg(long, value_delimiter = ',', default_value = "10,50")]
    logs: Vec<usize>,
    /// The most readings of a run.
    #[arg(long, default_value_t = 20_000)]
    readings: usize,
    /// The most seconds of a run.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Readings a second where they come at a rate.
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// Whom to run, by the names of the table. Default: all.
    #[arg(long, value_delimiter = ',')]
    who: Vec<String>,
    /// Where the files lie while it runs: on the disk to be measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    program::run("ingest", measure)
}

fn measure(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.logs.iter().all(|logs| (1..=WRITERS).contains(logs)),
        "--logs must be 1 to {WRITERS}: there are {WRITERS} writers"
    );
    anyhow::ensure!(args.readings >= WRITERS, "--readings is {}: give at least {WRITERS}", args.readings);
    anyhow::ensure!(args.rate > 0.0 && args.seconds > 0.0, "--rate and --seconds must be more than zero");
    let known = |name: &String| CONTENDERS.iter().any(|contender| contender.name == name);
    if let Some(name) = args.who.iter().find(|name| !known(name)) {
        let names: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
        anyhow::bail!("--who {name} is not there: give some of {}", names.join(","));
    }
    let kind = disk::file_system(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
    let place = tempfile::tempdir_in(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
    let (p50, p99) = disk::sync_latency_ms(place.path())?;
    println!("{BODY_BYTES}-byte readings from {WRITERS} writers, windows of {WINDOW}; files on {kind}");
    println!("fdatasync after an append of 265 bytes: p50 {p50:.3} ms, p99 {p99:.3} ms");
    for contender in &CONTENDERS {
        println!("  {:20} {}", contender.name, contender.about);
    }
    let mut figures = Figures::default();
    for logs in &args.logs {
        for load in ALL {
            for contender in
                CONTENDERS.iter().filter(|c| args.who.is_empty() || args.who.iter().any(|it| it == c.name))
            {
                if let Some(line) = one(args, contender, *logs, load)? {
                    figures.0.push(line);
                }
            }
        }
    }
    println!("{}", figures.table());
    if args.json {
        println!("{}", to_json(args, &figures, &kind, (p50, p99)));
    }
    Ok(())
}

/// One run. `None` where the load means nothing to the store.
fn one(args: &Args, contender: &Contender, logs: usize, name: &str) -> anyhow::Result<Option<Line>> {
    if !contender.loads.contains(&name) {
        return Ok(None);
    }
    let load = match name {
        "burst" => Load::Burst,
        "prompt" => Load::Steady { rate: args.rate, mode: Mode::Prompt },
        _ => Load::Steady { rate: args.rate, mode: Mode::Thrifty },
    };
    let place = tempfile::tempdir_in(&args.dir)?;
    let store = contender.create(place.path(), logs)?;
    let length = Length { readings: args.readings, seconds: args.seconds };
    let outcome = run(store, logs, load, length, place.path()).with_context(|| contender.name)?;
    eprintln!(
        "{name}, {logs} logs, {}: {} readings in {:.1} s",
        contender.name, outcome.readings, outcome.seconds
    );
    Ok(Some(line(contender.name, logs, name, outcome)))
}

fn line(protocol: &'static str, logs: usize, load: &str, outcome: Outcome) -> Line {
    Line {
        scenario: format!("{load}_{logs}"),
        protocol,
        seed: 1,
        figures: vec![
            ("readings", outcome.readings as f64),
            ("readings_per_s", outcome.readings as f64 / outcome.seconds),
            ("p50_ms", outcome.p50_ms),
            ("p99_ms", outcome.p99_ms),
            ("written_per_reading", outcome.written_per_reading),
            ("cpu_us", outcome.cpu_us),
        ],
    }
}

/// Everything by `who_load_logs_figure`, and what is asked of ours by name.
fn to_json(args: &Args, figures: &Figures, file_system: &str, (p50, p99): (f64, f64)) -> Value {
    let mut all = Map::new();
    all.insert("file_system".to_owned(), json!(file_system));
    all.insert("fdatasync_p50_ms".to_owned(), rounded(p50));
    all.insert("fdatasync_p99_ms".to_owned(), rounded(p99));
    all.insert("body_bytes".to_owned(), json!(BODY_BYTES));
    all.insert("writers".to_owned(), json!(WRITERS));
    all.insert("rate_per_s".to_owned(), json!(args.rate));
    let written = |logs: usize| figures.mean(&format!("thrifty_{logs}"), "ours", "written_per_reading");
    all.insert("written_per_reading".to_owned(), written(10).map_or(Value::Null, rounded));
    all.insert("written_per_reading_50_logs".to_owned(), written(50).map_or(Value::Null, rounded));
    for line in &figures.0 {
        for (name, value) in &line.figures {
            all.insert(format!("{}_{}_{name}", line.protocol, line.scenario), rounded(*value));
        }
    }
    Value::Object(all)
}
