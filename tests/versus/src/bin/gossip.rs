//! Gossip: ours and iroh-gossip, driven by one queue of events.

use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use msec_versus::entry;
use msec_versus::figures::{Figures, rounded};
use msec_versus::iroh::Iroh;
use msec_versus::network::{Death, Geometry};
use msec_versus::ours::Ours;
use msec_versus::plan::{Part, Plan, Who, vanish_name};
use msec_versus::program;
use msec_versus::protocol::Protocol;
use msec_versus::queue::{MILLISECOND, SECOND};
use msec_versus::setup::{Join, Setup};

/// Readings in the entry whose cost is reported.
const ENTRY_READINGS: usize = 60;

/// Fewer nodes than views have room for say nothing.
const NODES_MIN: u32 = 50;

/// Compares this project's gossip with iroh-gossip: same nodes, links, seeds, joins and messages.
#[derive(Debug, Parser)]
#[command(after_help = "Example: gossip --nodes 1000 --seeds 1,2,3 --parts many,planar --json")]
struct Args {
    /// How many nodes.
    #[arg(long, default_value_t = 1_000)]
    nodes: u32,
    /// One run of everything for each of these.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// What to compare. Default: everything.
    #[arg(long, alias = "scenario", value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Of the part `vanish`: how many vanish, in per cent.
    #[arg(long, value_delimiter = ',', default_value = "30,50,80,90")]
    vanishing: Vec<u32>,
    /// Whom to run.
    #[arg(long, value_enum, default_value = "both")]
    who: Who,
    /// Through whom nodes join; the part `join` compares both.
    #[arg(long, value_enum, default_value = "random")]
    join: Join,
    /// Messages of each part; those after the first third count.
    #[arg(long, default_value_t = 90)]
    rounds: u32,
    /// Milliseconds between two messages.
    #[arg(long, default_value_t = 1_000)]
    interval_ms: u64,
    /// Virtual seconds between the last join and the first message.
    #[arg(long, default_value_t = 600)]
    warm_up_s: u64,
    /// Virtual seconds in which all join.
    #[arg(long, default_value_t = 100)]
    joining_s: u64,
    /// Runs at the same time.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Says on stderr what each minute of the warm-ups spends its time on.
    #[arg(long)]
    profile: bool,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    program::run("gossip", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(args.nodes >= NODES_MIN, "--nodes is {}: give at least {NODES_MIN}", args.nodes);
    anyhow::ensure!(
        args.rounds >= 3,
        "--rounds is {}: the first third does not count, give at least 3",
        args.rounds
    );
    anyhow::ensure!(args.interval_ms > 0, "--interval-ms is 0: give at least 1");
    anyhow::ensure!(
        args.vanishing.iter().all(|percent| *percent < 100),
        "--vanishing is {:?}: give numbers below 100, somebody has to be left",
        args.vanishing
    );
    anyhow::ensure!(!args.seeds.is_empty(), "--seeds is empty: give at least one number");
    let mut parts = args.parts.clone();
    if parts.is_empty() {
        parts.extend(<Part as clap::ValueEnum>::value_variants());
    }
    if parts.contains(&Part::Join) {
        parts.push(Part::Many);
    }
    parts.sort_unstable();
    parts.dedup();
    let setup = Setup {
        nodes: args.nodes,
        seed: 0,
        geometry: Geometry::Independent,
        join: args.join,
        joining: args.joining_s * SECOND,
        warm_up: args.warm_up_s * SECOND,
        rounds: args.rounds,
        interval: args.interval_ms * MILLISECOND,
        profiles: args.profile,
    };
    let entry_bytes = entry::bytes(ENTRY_READINGS)?;
    let plan = Plan {
        setup,
        seeds: args.seeds.clone(),
        parts,
        vanishing: args.vanishing.clone(),
        who: args.who,
        entry_bytes,
    };
    println!("{}: {}", Iroh::NAME, Iroh::configuration());
    println!("{}: {}", Ours::NAME, Ours::configuration());
    println!(
        "{} nodes, {} messages each part, one every {} ms; an entry of {ENTRY_READINGS} readings with its head has {entry_bytes} bytes",
        args.nodes, args.rounds, args.interval_ms,
    );
    let figures = plan.run(args.threads, |done| eprintln!("{done}"));
    println!("{}", figures.table());
    if args.json {
        println!("{}", json(args, &figures));
    }
    Ok(())
}

/// The keys that are asked for, then all that was measured. What was not run is null.
fn json(args: &Args, figures: &Figures) -> Value {
    let ours = |scenario: &str, name: &str| figures.mean(scenario, Ours::NAME, name);
    let theirs = |scenario: &str, name: &str| figures.mean(scenario, Iroh::NAME, name);
    let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
    let spread = |one: Option<f64>, random: Option<f64>| ratio(one, random).map(|ratio| ratio - 1.0);
    let recovered = |who: &str, percent: u32| {
        let least = |death| figures.least(&vanish_name(percent, death), who, "share_from_30_s");
        [Death::Failing, Death::Silent].into_iter().filter_map(least).min_by(f64::total_cmp)
    };
    let missed = |who: &str| {
        let scenarios = ["many", "one_sender", "entry", "loss_1", "loss_10", "planar", "join_one"];
        let all: Vec<f64> = scenarios.iter().filter_map(|it| figures.mean(it, who, "missed")).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>())
    };
    let value = |value: Option<f64>| value.map_or(Value::Null, rounded);
    json!({
        "nodes": args.nodes,
        "seeds": args.seeds,
        "interval_ms": args.interval_ms,
        "last_ratio": value(ratio(ours("many", "last_ms"), theirs("many", "last_ms"))),
        "last_ratio_planar": value(ratio(ours("planar", "last_ms"), theirs("planar", "last_ms"))),
        "flood_ratio": value(ratio(ours("many", "last_ms"), ours("many", "flood_ms"))),
        "rmr": value(ours("many", "rmr")),
        "bytes_per_delivery": value(ours("many", "bytes")),
        "join_spread": value(spread(ours("join_one", "last_ms"), ours("many", "last_ms"))),
        "recovered_80": value(recovered(Ours::NAME, 80)),
        "recovered_90": value(recovered(Ours::NAME, 90)),
        "missed": value(missed(Ours::NAME)),
        "theirs": {
            "last_ms": value(theirs("many", "last_ms")),
            "rmr": value(theirs("many", "rmr")),
            "bytes_per_delivery": value(theirs("many", "bytes")),
            "join_spread": value(spread(theirs("join_one", "last_ms"), theirs("many", "last_ms"))),
            "recovered_80": value(recovered(Iroh::NAME, 80)),
            "recovered_90": value(recovered(Iroh::NAME, 90)),
            "missed": value(missed(Iroh::NAME)),
        },
        "raw": figures.json(),
    })
}
