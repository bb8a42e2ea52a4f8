//! Which design the store gets: segments with an index in redb, or everything in redb.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use serde_json::{Map, Value, json};

use msec_versus::clock::{Stopwatch, peak_memory_bytes, percentile};
use msec_versus::designs::{
    CACHE_BYTES, DAY_ENTRIES, Design, ENTRY_BYTES, Entry, HEAD_BYTES, SEGMENT_BYTES, Which, in_turn,
};
use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::seed::Dice;
use msec_versus::{disk, program};

/// Windows of 50 entries that are measured after loading.
const WINDOWS: u64 = 200;
/// The entries of a window.
const WINDOW: u64 = 50;
/// Streams that are asked for a day.
const DAYS: usize = 300;

/// Compares two designs of the store: an append-only file with an index in redb, and everything in redb.
#[derive(Debug, Parser)]
#[command(after_help = "Example: designs --entries 10000000 --json")]
struct Args {
    /// Entries in all, each of an hour of minutes.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// Of how many logs, which speak in turn.
    #[arg(long, default_value_t = 10_000)]
    logs: u64,
    /// Entries of a commit while loading: as they come from a city, from as many logs.
    #[arg(long, default_value_t = 5_000)]
    batch: u64,
    /// Which to run. Default: all.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Which>,
    /// Where the files lie while it runs.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
    /// What this program tells itself when it starts itself.
    #[arg(long, hide = true)]
    step: Option<Step>,
}

/// What is measured in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Everything is written, and the process ends as if it was killed.
    Load,
    /// It is opened after that, closed, and opened again.
    Open,
    /// It is opened without what can be rebuilt.
    Rebuild,
}

fn main() -> ExitCode {
    program::run("designs", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(
        args.logs > WINDOW && args.batch > 0,
        "--logs must be more than {WINDOW}, --batch more than zero"
    );
    ensure!(
        args.entries > 0 && args.entries.is_multiple_of(args.logs),
        "--entries is {}: give a multiple of --logs, {}",
        args.entries,
        args.logs
    );
    if let Some(step) = args.step {
        let which = *args.only.first().context("a step is for one design")?;
        println!("{}", serde_json::to_string(&play(args, which, step)?)?);
        // Nothing is dropped: to whoever opens it next, the process was killed.
        std::process::exit(0);
    }
    let kind = disk::file_system(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
    let (p50, p99) = disk::sync_latency_ms(tempfile::tempdir_in(&args.dir)?.path())?;
    println!(
        "{} entries of {ENTRY_BYTES} bytes in {} logs, heads of {HEAD_BYTES} bytes, files on {kind}",
        args.entries, args.logs
    );
    println!(
        "segments of {SEGMENT_BYTES} bytes, redb may cache {CACHE_BYTES}; loaded in commits of {}",
        args.batch
    );
    println!("fdatasync after an append of 265 bytes: p50 {p50:.3} ms, p99 {p99:.3} ms");
    let all = if args.only.is_empty() { Which::value_variants() } else { &args.only };
    let mut figures = Figures::default();
    for which in all {
        let home = tempfile::tempdir_in(&args.dir)?;
        let name = name_of(*which);
        let mut steps = vec![(Step::Load, "loading"), (Step::Open, "opening")];
        if *which == Which::Segments {
            steps.push((Step::Rebuild, "rebuilding"));
        }
        for (step, scenario) in steps {
            let measured =
                start(args, *which, step, home.path()).with_context(|| format!("{name}, {scenario}"))?;
            eprintln!("{name}, {scenario}: {measured:?}");
            let figures_of =
                |(key, value): (String, f64)| (FIGURES.into_iter().find(|name| *name == key), value);
            let of = measured
                .into_iter()
                .map(figures_of)
                .filter_map(|(name, value)| name.map(|name| (name, value)));
            figures.0.push(Line {
                scenario: scenario.to_owned(),
                protocol: name,
                seed: 1,
                figures: of.collect(),
            });
        }
    }
    println!("{}", figures.table());
    if args.json {
        println!("{}", to_json(args, &figures));
    }
    Ok(())
}

/// All that steps measure, in the order of the table's columns.
const FIGURES: [&str; 20] = [
    "entries_per_s",
    "written_per_entry",
    "written_per_entry_10_logs",
    "p50_10_logs_ms",
    "p99_10_logs_ms",
    "written_per_entry_50_logs",
    "p50_50_logs_ms",
    "p99_50_logs_ms",
    "open_killed_s",
    "open_closed_s",
    "open_s",
    "latest_cold_ms",
    "latest_ms",
    "day_cold_p50_ms",
    "day_cold_p99_ms",
    "day_p50_ms",
    "day_p99_ms",
    "disk_mb",
    "disk_per_entry",
    "peak_mb",
];

fn name_of(which: Which) -> &'static str {
    match which {
        Which::Segments => "segments",
        Which::Tables => "tables",
        Which::TablesQuick => "tables_quick",
    }
}

fn start(args: &Args, which: Which, step: Step, home: &Path) -> anyhow::Result<Vec<(String, f64)>> {
    let mut command = program::again(step)?;
    command.args(["--only", &program::word(which), "--entries", &args.entries.to_string()]);
    command.args(["--logs", &args.logs.to_string(), "--batch", &args.batch.to_string(), "--dir"]).arg(home);
    program::measured(&mut command)
}

fn play(args: &Args, which: Which, step: Step) -> anyhow::Result<Vec<(String, f64)>> {
    let mut out = match step {
        Step::Load => load(args, which)?,
        Step::Open => open(args, which)?,
        Step::Rebuild => {
            std::fs::remove_file(args.dir.join("index.redb"))?;
            disk::forget(&args.dir)?;
            let clock = Stopwatch::start();
            let store = which.open(&args.dir)?;
            let seconds = clock.seconds();
            ensure!(store.latest()?.len() as u64 == args.logs, "logs are missing");
            std::mem::forget(store);
            vec![("open_s", seconds)]
        }
    };
    out.push(("peak_mb", peak_memory_bytes()? as f64 / 1e6));
    Ok(out.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn load(args: &Args, which: Which) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let mut store = which.open(&args.dir)?;
    let (written, clock) = (disk::written_bytes()?, Stopwatch::start());
    let mut next = 0;
    while next < args.entries {
        let count = args.batch.min(args.entries - next);
        store.commit(&in_turn(args.logs, next, count))?;
        next += count;
    }
    let seconds = clock.seconds();
    let per_entry = (disk::written_bytes()? - written) as f64 / args.entries as f64;
    let mut out = vec![("entries_per_s", args.entries as f64 / seconds), ("written_per_entry", per_entry)];
    let mut sizes = BTreeMap::new();
    let names = [
        (10, "written_per_entry_10_logs", "p50_10_logs_ms", "p99_10_logs_ms"),
        (WINDOW, "written_per_entry_50_logs", "p50_50_logs_ms", "p99_50_logs_ms"),
    ];
    for (of, written_name, p50_name, p99_name) in names {
        let (written, mut waits) = (disk::written_bytes()?, Vec::new());
        for window in 0..WINDOWS {
            let entries: Vec<Entry> = (0..WINDOW)
                .map(|n| {
                    let log = (window * of + n % of) % args.logs;
                    let size = sizes.entry(log).or_insert(args.entries / args.logs);
                    *size += 1;
                    Entry::at(log, *size - 1)
                })
                .collect();
            let clock = Stopwatch::start();
            store.commit(&entries)?;
            waits.push(clock.ms());
        }
        let per_entry = (disk::written_bytes()? - written) as f64 / (WINDOWS * WINDOW) as f64;
        out.extend([
            (written_name, per_entry),
            (p50_name, percentile(&mut waits, 50)),
            (p99_name, percentile(&mut waits, 99)),
        ]);
    }
    std::mem::forget(store);
    Ok(out)
}

fn open(args: &Args, which: Which) -> anyhow::Result<Vec<(&'static str, f64)>> {
    disk::forget(&args.dir)?;
    let clock = Stopwatch::start();
    let store = which.open(&args.dir)?;
    let open_killed_s = clock.seconds();
    drop(store);
    disk::forget(&args.dir)?;
    let clock = Stopwatch::start();
    let store = which.open(&args.dir)?;
    let open_closed_s = clock.seconds();
    let latest = || -> anyhow::Result<f64> {
        let clock = Stopwatch::start();
        let latest = store.latest()?;
        ensure!(latest.len() as u64 == args.logs, "{} latest values of {}", latest.len(), args.logs);
        Ok(clock.ms())
    };
    let (latest_cold_ms, latest_ms) = (latest()?, latest()?);
    let (mut cold, mut warm) = (days(args, store.as_ref())?, days(args, store.as_ref())?);
    let bytes = disk::size_of(&args.dir)?;
    let entries = args.entries + 2 * WINDOWS * WINDOW;
    std::mem::forget(store);
    Ok(vec![
        ("open_killed_s", open_killed_s),
        ("open_closed_s", open_closed_s),
        ("latest_cold_ms", latest_cold_ms),
        ("latest_ms", latest_ms),
        ("day_cold_p50_ms", percentile(&mut cold, 50)),
        ("day_cold_p99_ms", percentile(&mut cold, 99)),
        ("day_p50_ms", percentile(&mut warm, 50)),
        ("day_p99_ms", percentile(&mut warm, 99)),
        ("disk_mb", bytes as f64 / 1e6),
        ("disk_per_entry", bytes as f64 / entries as f64),
    ])
}

/// How long days of some streams take, the same ones each time: in milliseconds.
fn days(args: &Args, store: &dyn Design) -> anyhow::Result<Vec<f64>> {
    let mut dice = Dice::new(&[0xda]);
    let mut waits = Vec::new();
    for _ in 0..DAYS {
        let log = dice.below(args.logs);
        let from = dice.below((args.entries / args.logs).saturating_sub(DAY_ENTRIES).max(1));
        let clock = Stopwatch::start();
        let entries = store.range(log, from, DAY_ENTRIES)?;
        waits.push(clock.ms());
        let held = entries.iter().zip(from..).all(|(entry, position)| *entry == Entry::at(log, position));
        ensure!(held && !entries.is_empty(), "a day of log {log} came back otherwise than it was written");
    }
    Ok(waits)
}

/// Everything by `design_figure`.
fn to_json(args: &Args, figures: &Figures) -> Value {
    let mut all = Map::new();
    all.insert("entries".to_owned(), json!(args.entries));
    all.insert("logs".to_owned(), json!(args.logs));
    for line in &figures.0 {
        for (name, value) in &line.figures {
            all.insert(format!("{}_{}_{name}", line.protocol, line.scenario), rounded(*value));
        }
    }
    Value::Object(all)
}
