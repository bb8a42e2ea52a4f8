//! Catch-up of a fresh peer: ours, samod, and the copy of a SQLite file.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::{Map, Value, json};

use msec_versus::catchup::{Job, Outcome, Role, Who};
use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::{city, disk, program};

/// What is run, and what it is called.
const CONTENDERS: [(&str, Who, usize, &str); 5] = [
    ("ours_60", Who::Ours, 60, "two peers over QUIC, entries of 60 readings; verified, and synced to disk"),
    ("ours_1", Who::Ours, 1, "the same, entries of one reading"),
    ("samod_60", Who::Samod, 60, "samod 0.16 over TCP, in clear, changes of 60 readings; stored, not synced"),
    ("samod_1", Who::Samod, 1, "the same, changes of one reading"),
    ("sqlite", Who::Sqlite, 1, "the floor: a file copied over TCP, synced, and PRAGMA integrity_check"),
];
/// A run that does not end is tried again with so many times fewer readings.
const FEWER: usize = 10;

/// Compares how a fresh peer fetches and verifies real readings from one that has them, over loopback.
#[derive(Debug, Parser)]
#[command(after_help = "Example: catchup --readings 1000000 --json")]
struct Args {
    /// How many readings.
    #[arg(long, default_value_t = 1_000_000)]
    readings: usize,
    /// A directory with `auckland-pedestrians` and `norway-air`. Default: the year that lies in this repository, again and again.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Whom to run, by the names of the table. Default: all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Each is run so many times.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// A run that takes longer is tried again with a tenth of the readings.
    #[arg(long, default_value_t = 600.0)]
    limit_s: f64,
    /// Where the files lie while it runs.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    inner: Inner,
}

/// What this program tells itself when it starts itself.
#[derive(Debug, clap::Args)]
struct Inner {
    /// It runs in a network namespace of its own.
    #[arg(long, hide = true)]
    inside: bool,
    #[arg(long, hide = true, requires = "who")]
    role: Option<Role>,
    #[arg(long, hide = true)]
    who: Option<Who>,
    #[arg(long, hide = true, default_value_t = 1)]
    per_entry: usize,
    #[arg(long, hide = true, default_value = "")]
    address: String,
}

fn main() -> ExitCode {
    program::run("catchup", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.data.clone().unwrap_or_else(city::committed);
    let inner = &args.inner;
    if let (Some(role), Some(who)) = (inner.role, inner.who) {
        let job = Job { who, per_entry: inner.per_entry, readings: args.readings };
        return job.play(role, &args.dir, &data, &inner.address);
    }
    let known = |name: &String| CONTENDERS.iter().any(|(it, ..)| it == name);
    if let Some(name) = args.only.iter().find(|name| !known(name)) {
        let names: Vec<&str> = CONTENDERS.iter().map(|(name, ..)| *name).collect();
        anyhow::bail!("--only {name} is not there: give some of {}", names.join(","));
    }
    ensure!(args.readings >= 1_000, "--readings is {}: give at least 1000", args.readings);
    ensure!(args.runs > 0, "--runs is 0: give at least 1");
    if !inner.inside && can_be_alone() {
        let status = Command::new("unshare")
            .args(["--net", "--map-root-user", "--"])
            .arg(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .arg("--inside")
            .status()?;
        ensure!(status.success(), "the run in a network namespace of its own failed: its words stand above");
        return Ok(());
    }
    if inner.inside {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
        ensure!(up.success(), "loopback of the network namespace does not come up");
    }
    let kind = disk::file_system(&args.dir).with_context(|| format!("--dir {}", args.dir.display()))?;
    println!("{} readings from one process to another over loopback; files on {kind}", args.readings);
    if inner.inside {
        println!("in a network namespace of its own: all bytes on loopback are theirs");
    } else {
        println!("loopback is shared with everybody on this machine: bytes on the wire are too many");
    }
    for (name, _, _, about) in CONTENDERS {
        println!("  {name:10} {about}");
    }
    let figures = compare(args, &data)?;
    println!("{}", figures.table());
    if args.json {
        println!("{}", to_json(args, &figures, inner.inside));
    }
    Ok(())
}

/// Whether a process may have a network namespace of its own here.
fn can_be_alone() -> bool {
    let all = "ip link set lo up";
    let tried = Command::new("unshare").args(["--net", "--map-root-user", "--", "sh", "-c", all]).output();
    tried.is_ok_and(|output| output.status.success())
}

fn compare(args: &Args, data: &std::path::Path) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    for (name, who, per_entry, _) in CONTENDERS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let mut job = Job { who, per_entry, readings: args.readings };
        for run in 1..=args.runs {
            let outcome = loop {
                if let Some(outcome) = job.run(&args.dir, data, args.limit_s).context(name)? {
                    break outcome;
                }
                println!(
                    "{name}: {} readings took longer than {} s: a tenth of them",
                    job.readings, args.limit_s
                );
                job.readings /= FEWER;
                ensure!(job.readings > 0, "{name} does not end with a single reading");
            };
            eprintln!("{name}: {:.2} s", outcome.client.seconds);
            figures.0.push(line(name, run, &job, outcome));
        }
    }
    Ok(figures)
}

fn line(protocol: &'static str, run: u64, job: &Job, outcome: Outcome) -> Line {
    let readings = job.readings as f64;
    let (client, server) = (outcome.client, outcome.server);
    Line {
        scenario: "catchup".to_owned(),
        protocol,
        seed: run,
        figures: vec![
            ("readings", readings),
            ("seconds", client.seconds),
            ("linking_s", client.linking_s),
            ("readings_per_s", readings / client.seconds),
            ("readings_per_cpu_s", readings / (client.cpu_s + server.cpu_s)),
            ("client_readings_per_cpu_s", readings / client.cpu_s),
            ("client_cpu_s", client.cpu_s),
            ("server_cpu_s", server.cpu_s),
            ("client_peak_mb", client.peak_bytes as f64 / 1e6),
            ("server_peak_mb", server.peak_bytes as f64 / 1e6),
            ("wire_bytes_per_reading", outcome.wire_bytes as f64 / readings),
        ],
    }
}

/// Everything by `who_figure`, and the ratios.
fn to_json(args: &Args, figures: &Figures, alone: bool) -> Value {
    let ratio = |other: &str, name: &str| {
        let of = |who| figures.mean("catchup", who, name);
        of("ours_60").zip(of(other)).map_or(Value::Null, |(ours, other)| rounded(ours / other))
    };
    let mut all = Map::new();
    all.insert("readings".to_owned(), json!(args.readings));
    all.insert("wire_is_exact".to_owned(), json!(alone));
    for other in ["samod_60", "samod_1", "sqlite"] {
        all.insert(format!("catchup_vs_{other}"), ratio(other, "readings_per_s"));
        all.insert(format!("catchup_vs_{other}_by_cpu"), ratio(other, "readings_per_cpu_s"));
    }
    for (who, ..) in CONTENDERS {
        let Some(line) = figures.0.iter().find(|line| line.protocol == who) else { continue };
        for (name, _) in &line.figures {
            let mean = figures.mean("catchup", who, name).map_or(Value::Null, rounded);
            all.insert(format!("{who}_{name}"), mean);
        }
    }
    Value::Object(all)
}
