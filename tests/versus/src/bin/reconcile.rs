//! Reconciliation: ours, negentropy and a plain RIBLT on the same sets.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde_json::{Map, Value, json};

use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::pair::{Cost, Pair};
use msec_versus::seed::Dice;
use msec_versus::sets::{Sets, Shape};
use msec_versus::{program, ranges, riblt};

/// Compares how two peers find out where they differ: ours, negentropy and a plain RIBLT.
#[derive(Debug, Parser)]
#[command(after_help = "Example: reconcile --items 100000 --diff 1000 --spread --json")]
struct Args {
    /// Items on both sides together.
    #[arg(long, default_value_t = 100_000)]
    items: usize,
    /// Items that only one side has: half of them on each.
    #[arg(long, default_value_t = 1_000)]
    diff: usize,
    /// Differences anywhere: the default.
    #[arg(long, conflicts_with = "clustered")]
    spread: bool,
    /// Differences in one run, in the order of the names.
    #[arg(long)]
    clustered: bool,
    /// One run for each of these.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    program::run("reconcile", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(args.diff >= 2, "--diff is {}: give at least 2, one on each side", args.diff);
    anyhow::ensure!(
        args.diff <= args.items,
        "--diff is {} and --items {}: no more can differ than there are",
        args.diff,
        args.items
    );
    anyhow::ensure!(!args.seeds.is_empty(), "--seeds is empty: give at least one number");
    let shape = if args.clustered { Shape::Clustered } else { Shape::Spread };
    println!(
        "{} items, {} of them on one side only, {}: bytes both ways a difference, names of 32 bytes, items excluded",
        args.items,
        args.diff,
        if args.clustered { "in one run" } else { "spread" },
    );
    let mut lines = Vec::new();
    for seed in &args.seeds {
        lines.extend(measure(args, shape, *seed)?);
    }
    let figures = Figures(lines);
    println!("{}", figures.table());
    if args.json {
        println!("{}", json(args, &figures));
    }
    Ok(())
}

fn measure(args: &Args, shape: Shape, seed: u64) -> anyhow::Result<Vec<Line>> {
    let sets = Sets::new(args.items, args.diff, shape, seed);
    let each = |bytes: u64| bytes as f64 / args.diff as f64;
    let mut lines = Vec::new();
    let mut note = |protocol, figures: Vec<(&'static str, f64)>| {
        lines.push(Line { scenario: "reconcile".to_owned(), protocol, seed, figures });
    };

    let clock = Stopwatch::start();
    let ranges = ranges::reconcile(&sets)?;
    anyhow::ensure!(ranges.found == args.diff as u64, "negentropy found {} of {}", ranges.found, args.diff);
    note("negentropy", row(each(ranges.bytes), each(ranges.bytes), 0.0, ranges.round_trips, clock));

    let clock = Stopwatch::start();
    let ids = |is_first| sets.side(is_first).map(|(_, id)| id);
    let streamed = riblt::stream(ids(true), ids(false));
    anyhow::ensure!(streamed.found == args.diff as u64, "RIBLT found {} of {}", streamed.found, args.diff);
    note("riblt", row(each(streamed.bytes), each(streamed.bytes), 0.0, 1, clock));

    let clock = Stopwatch::start();
    let mut pair = Pair::new(&sets, seed);
    eprintln!("seed {seed}: two peers hold {} items, after {:.1} s", args.items, clock.seconds());
    let ours = |cost: Cost, clock| {
        row(each(cost.bytes), each(cost.bytes_with_heads), each(cost.bytes_after), cost.round_trips, clock)
    };
    let clock = Stopwatch::start();
    let stranger = pair.meet();
    anyhow::ensure!(stranger.is_equal, "strangers did not become equal: {stranger:?}");
    note("ours_stranger", ours(stranger, clock));

    let clock = Stopwatch::start();
    pair.publish(args.diff, shape, &mut Dice::new(&[seed, 0x3e7]));
    let met = pair.meet();
    anyhow::ensure!(met.is_equal, "peers that had met did not become equal: {met:?}");
    note("ours_met", ours(met, clock));

    let clock = Stopwatch::start();
    let idle = pair.greet();
    note("ours_idle", ours(idle, clock));
    Ok(lines)
}

fn row(
    bytes: f64,
    with_heads: f64,
    after: f64,
    round_trips: u64,
    clock: Stopwatch,
) -> Vec<(&'static str, f64)> {
    vec![
        ("bytes", bytes),
        ("bytes_with_heads", with_heads),
        ("bytes_after", after),
        ("round_trips", round_trips as f64),
        ("seconds", clock.seconds()),
    ]
}

fn json(args: &Args, figures: &Figures) -> Value {
    let mean =
        |protocol: &str, name: &str| figures.mean("reconcile", protocol, name).map_or(Value::Null, rounded);
    let mut all = Map::new();
    all.insert("items".to_owned(), json!(args.items));
    all.insert("diff".to_owned(), json!(args.diff));
    all.insert("clustered".to_owned(), json!(args.clustered));
    for protocol in ["ours_stranger", "ours_met", "negentropy", "riblt"] {
        all.insert(protocol.to_owned(), mean(protocol, "bytes"));
    }
    for protocol in ["ours_stranger", "ours_met"] {
        all.insert(format!("{protocol}_with_heads"), mean(protocol, "bytes_with_heads"));
    }
    for (key, protocol) in [("rounds_stranger", "ours_stranger"), ("rounds_met", "ours_met")] {
        all.insert(key.to_owned(), mean(protocol, "round_trips"));
    }
    let idle = figures.mean("reconcile", "ours_idle", "bytes").map(|each| (each * args.diff as f64).round());
    all.insert("idle_bytes".to_owned(), idle.map_or(Value::Null, rounded));
    all.insert("raw".to_owned(), figures.json());
    Value::Object(all)
}

/// How long things took: this is a driver, and may look at a clock.
#[derive(Clone, Copy, Debug)]
struct Stopwatch(Instant);

#[expect(clippy::disallowed_methods, reason = "how long it took is told to a person, and decides nothing")]
impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
