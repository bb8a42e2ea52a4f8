//! `msec-sim swarm`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::FOUND;
use super::args::seconds;
use super::progress::ProgressLine;
use crate::scenario::Scenario;
use crate::stopwatch::Stopwatch;
use crate::swarm::{Failure, draw, shrink, try_out};

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim swarm                          # for a minute
  msec-sim swarm --seconds 600 --seed 1000 -o failures
  msec-sim swarm --count 20               # the first twenty";

#[derive(Debug, clap::Args)]
pub(super) struct SwarmArgs {
    /// So long, on the clock on the wall
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds)]
    seconds: Duration,
    /// At most so many scenarios
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    count: u64,
    /// The first scenario's seed; the next one's is one more
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many at a time; default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Write a failing scenario as it was drawn
    #[arg(long)]
    no_shrink: bool,
    /// Where a failing scenario is written
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn run(args: SwarmArgs) -> anyhow::Result<ExitCode> {
    let threads =
        args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    let clock = Stopwatch::start();
    let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let failed: Mutex<Option<(u64, Scenario, Failure)>> = Mutex::new(None);
    let line = ProgressLine::on_terminal();
    // A panic is a finding: it is caught, and told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) && clock.wall() < args.seconds {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= args.count {
                        return;
                    }
                    let seed = args.seed.saturating_add(nth);
                    let scenario = draw(seed);
                    if let Err(failure) = try_out(&scenario, seed) {
                        stop.store(true, Ordering::Relaxed);
                        let mut failed = failed.lock().expect("nobody panics while it holds this");
                        // The smallest seed, if two threads find something.
                        if failed.as_ref().is_none_or(|(other, ..)| seed < *other) {
                            *failed = Some((seed, scenario, failure));
                        }
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    line.say(&format!(
                        "{done} scenarios, {:.0} s, nothing found",
                        clock.wall().as_secs_f64()
                    ));
                }
            });
        }
    });
    line.clear();
    let (done, took) = (done.into_inner(), clock.wall().as_secs_f64());
    let Some((seed, scenario, failure)) = failed.into_inner().expect("all threads have ended") else {
        println!("{done} scenarios in {took:.0} s, from seed {} on: nothing found", args.seed);
        return Ok(ExitCode::SUCCESS);
    };
    println!("seed {seed} fails: {failure}");
    let path = write(&args, seed, scenario, &failure, &line)?;
    println!("see it again:   msec-sim run {} --seed {seed}", path.display());
    Ok(ExitCode::from(FOUND))
}

/// Shrinks a scenario that fails, unless it is to stay as it is, and writes what is left.
fn write(
    args: &SwarmArgs,
    seed: u64,
    scenario: Scenario,
    failure: &Failure,
    line: &ProgressLine,
) -> anyhow::Result<PathBuf> {
    let dir = &args.out;
    if args.no_shrink {
        return save(dir, seed, &scenario);
    }
    let mut tried = 0;
    let (left, tries) = shrink(scenario, |candidate| {
        tried += 1;
        line.say(&format!("taking away what it does not need: {tried} tried"));
        try_out(candidate, seed).is_err_and(|other| other.is_like(failure))
    });
    line.clear();
    let path = save(dir, seed, &left)?;
    println!(
        "what is left after {tries} tries: {} peers, {} faults, {} s: {}",
        left.city.peers,
        left.faults.len(),
        left.end().as_secs(),
        path.display()
    );
    Ok(path)
}

fn save(dir: &Path, seed: u64, scenario: &Scenario) -> anyhow::Result<PathBuf> {
    let path = dir.join(format!("swarm-{seed}.toml"));
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    std::fs::write(&path, scenario.to_toml()?).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
