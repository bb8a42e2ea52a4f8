//! A store of a hundred million readings: how it opens, and what it answers how fast.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use msec_crdt_store::{Storage, Store};
use serde_json::{Map, Value, json};

use msec_versus::clock::{Stopwatch, cpu_seconds, peak_memory_bytes, percentile};
use msec_versus::district::{DAY_READINGS, District, open};
use msec_versus::figures::rounded;
use msec_versus::seed::Dice;
use msec_versus::{city, disk, program};

/// So many times all latest values are asked for, once they were read.
const LATEST_ROUNDS: usize = 20;
/// Streams that are asked for a day.
const DAYS: usize = 300;
/// What is shown of the work that takes long.
const TOLD: u64 = 20;

/// Fills a store as a district would in a year, and asks it.
#[derive(Debug, Parser)]
#[command(after_help = "Example: district --readings 100000000 --dir /var/tmp --json")]
struct Args {
    /// How many readings, at most.
    #[arg(long, default_value_t = 10_000_000)]
    readings: u64,
    /// Of how many streams, each of a writer of its own.
    #[arg(long, default_value_t = 10_000)]
    streams: u64,
    /// Readings in an entry.
    #[arg(long, default_value_t = 60)]
    per_entry: u64,
    /// Without what a peer keeps beside: hours and days, rolled up.
    #[arg(long)]
    no_roll_ups: bool,
    /// A directory with `auckland-pedestrians` and `norway-air`. Default: the year that lies in this repository.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    /// It is opened after that, and closed.
    OpenKilled,
    /// It is opened again, and asked.
    Ask,
}

/// By name, in the order in which they are shown.
type Measured = Vec<(&'static str, f64)>;

fn main() -> ExitCode {
    program::run("district", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.streams > 0 && args.per_entry > 0, "--streams and --per-entry must be more than zero");
    let entries = args.readings / args.streams / args.per_entry;
    ensure!(entries > 0, "--readings is {}: give at least an entry for each stream", args.readings);
    let data = args.data.clone().unwrap_or_else(city::committed);
    let district = District::new(&data, args.streams, entries, args.per_entry)?;
    if let Some(step) = args.step {
        let mut measured = play(args, &district, step)?;
        measured.push(("peak_mb", peak_memory_bytes()? as f64 / 1e6));
        let measured: Map<String, Value> =
            measured.into_iter().map(|(name, value)| (name.to_owned(), rounded(value))).collect();
        println!("{}", Value::Object(measured));
        // Nothing is dropped: to whoever opens it next, the process was killed.
        std::process::exit(0);
    }
    let kind = disk::file_system(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
    let home = tempfile::tempdir_in(&args.dir)?;
    let readings = district.per_stream() * args.streams;
    println!(
        "{readings} readings of {} streams in entries of {}, {} roll-ups, files on {kind}",
        args.streams,
        args.per_entry,
        if args.no_roll_ups { "without" } else { "with" }
    );
    let mut all = Map::new();
    all.insert("readings".to_owned(), json!(readings));
    all.insert("streams".to_owned(), json!(args.streams));
    for (step, name) in [(Step::Load, "load"), (Step::OpenKilled, "open_killed"), (Step::Ask, "ask")] {
        for (figure, value) in start(args, step, home.path()).with_context(|| name.to_owned())? {
            println!("  {:32} {value}", format!("{name}: {figure}"));
            all.insert(format!("{name}_{figure}"), value);
        }
    }
    if args.json {
        println!("{}", Value::Object(all));
    }
    Ok(())
}

fn start(args: &Args, step: Step, home: &Path) -> anyhow::Result<Map<String, Value>> {
    let mut command = program::again(step)?;
    command.args(["--readings", &args.readings.to_string(), "--streams", &args.streams.to_string()]);
    command.args(["--per-entry", &args.per_entry.to_string(), "--dir"]).arg(home);
    if let Some(data) = &args.data {
        command.arg("--data").arg(data);
    }
    if args.no_roll_ups {
        command.arg("--no-roll-ups");
    }
    program::measured(&mut command)
}

fn play(args: &Args, district: &District, step: Step) -> anyhow::Result<Measured> {
    let opened = || -> anyhow::Result<_> {
        disk::forget(&args.dir)?;
        let (clock, cpu) = (Stopwatch::start(), cpu_seconds());
        let store = open(&args.dir, !args.no_roll_ups)?;
        Ok((store, clock.seconds(), cpu_seconds() - cpu))
    };
    match step {
        Step::Load => load(args, district),
        Step::OpenKilled => {
            let (mut store, seconds, cpu_s) = opened()?;
            store.close();
            Ok(vec![("s", seconds), ("cpu_s", cpu_s)])
        }
        Step::Ask => {
            let (store, seconds, cpu_s) = opened()?;
            let mut measured = vec![("open_s", seconds), ("open_cpu_s", cpu_s)];
            measured.extend(ask(args, district, &store)?);
            std::mem::forget(store);
            Ok(measured)
        }
    }
}

fn load(args: &Args, district: &District) -> anyhow::Result<Measured> {
    let mut store = open(&args.dir, !args.no_roll_ups)?;
    let readings = (district.per_stream() * args.streams) as f64;
    let entries = district.per_stream() / args.per_entry;
    let (written, clock, cpu) = (disk::written_bytes()?, Stopwatch::start(), cpu_seconds());
    district.write(&mut store, |done| {
        if done % entries.div_ceil(TOLD) == 0 {
            eprintln!("{} % written after {:.0} s", done * 100 / entries, clock.seconds());
        }
    })?;
    let measured = vec![
        ("s", clock.seconds()),
        ("cpu_us_per_reading", (cpu_seconds() - cpu) * 1e6 / readings),
        ("written_per_reading", (disk::written_bytes()? - written) as f64 / readings),
        ("disk_per_reading", disk::size_of(&args.dir)? as f64 / readings),
    ];
    std::mem::forget(store);
    Ok(measured)
}

fn ask(args: &Args, district: &District, store: &Store) -> anyhow::Result<Measured> {
    let (mut first, mut latest) = (Waits::default(), Waits::default());
    district.latest(store, &mut |question| first.time(question))?;
    for _ in 0..LATEST_ROUNDS {
        district.latest(store, &mut |question| latest.time(question))?;
    }
    let days = || -> anyhow::Result<Waits> {
        let (mut dice, mut waits) = (Dice::new(&[0xda]), Waits::default());
        for _ in 0..DAYS {
            let stream = dice.below(args.streams);
            let from = dice.below(district.per_stream().saturating_sub(DAY_READINGS).max(1));
            district.day(store, (stream, from), &mut |question| waits.time(question))?;
        }
        Ok(waits)
    };
    let (mut cold, mut warm) = (days()?, days()?);
    Ok(vec![
        ("latest_cold_ms", percentile(&mut first.wall_ms, 50)),
        ("latest_p50_ms", percentile(&mut latest.wall_ms, 50)),
        ("latest_p99_ms", percentile(&mut latest.wall_ms, 99)),
        ("latest_cpu_p50_ms", percentile(&mut latest.cpu_ms, 50)),
        ("day_cold_p50_ms", percentile(&mut cold.wall_ms, 50)),
        ("day_cold_p99_ms", percentile(&mut cold.wall_ms, 99)),
        ("day_p50_ms", percentile(&mut warm.wall_ms, 50)),
        ("day_p99_ms", percentile(&mut warm.wall_ms, 99)),
        ("day_cpu_p50_ms", percentile(&mut warm.cpu_ms, 50)),
    ])
}

/// How long questions took, and what CPU.
#[derive(Debug, Default)]
struct Waits {
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Waits {
    fn time(&mut self, question: &mut dyn FnMut()) {
        let (clock, cpu) = (Stopwatch::start(), cpu_seconds());
        question();
        self.cpu_ms.push((cpu_seconds() - cpu) * 1e3);
        self.wall_ms.push(clock.ms());
    }
}
