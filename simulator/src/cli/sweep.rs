//! `msec-sim sweep`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;

use super::args::Which;
use super::progress::ProgressLine;
use super::source;
use super::{FOUND, usage};
use crate::compare::{self, MEASURES};
use crate::run::{City, Options};
use crate::stats::Median;
use crate::sweep::{Axis, Job, JobResult, Seeds, by_point, jobs, read};

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim sweep town --grid city.peers=25,50,100 --seeds 1..=10 -o results
  msec-sim sweep santander --grid link.lte.loss=0.01,0.05 --grid city.peers=300,1000 -o results
  msec-sim sweep town --grid city.peers=25,50 --seeds 1..=10 -o results --count   # how many jobs it is
  msec-sim sweep town --grid city.peers=25,50 --seeds 1..=10 -o results --job 7   # one of them, for a cluster

A job whose file is there already is not run again: a sweep that was interrupted goes on, and one
whose jobs ran elsewhere prints its table.";

#[derive(Debug, clap::Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    which: Which,
    /// Values that something is to have in turn; given more than once, every combination is run
    #[arg(long, value_name = "PATH=VALUE,VALUE")]
    grid: Vec<Axis>,
    /// Seeds: 5 (that one), or 1,2,3, or 1..=10
    #[arg(long, value_name = "SEEDS", default_value = "1..=5")]
    seeds: Seeds,
    /// The directory of the results, one file a job
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// How many jobs at a time; default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Run only this job, counted from 0, and print no table
    #[arg(long, value_name = "N")]
    job: Option<usize>,
    /// Print how many jobs it is, and run none
    #[arg(long, conflicts_with = "job")]
    count: bool,
}

pub(super) fn run(args: SweepArgs) -> anyhow::Result<ExitCode> {
    let all = jobs(&args.grid, &args.seeds).map_err(usage)?;
    if args.count {
        println!("{}", all.len());
        return Ok(ExitCode::SUCCESS);
    }
    let text = args.which.text()?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    // A grid with a value that cannot be is refused before anything runs.
    for job in &all {
        scenario(&args, &text, job)?;
    }
    if let Some(number) = args.job {
        let job = all.get(number).ok_or_else(|| usage(format!("there are jobs 0 to {}", all.len() - 1)))?;
        let result = run_job(&args, &text, job)?;
        return Ok(if result.metrics.is_good() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) });
    }
    let results = run_all(&args, &text, &all)?;
    table(&results)?;
    let good = results.iter().all(|result| result.metrics.is_good());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn scenario(args: &SweepArgs, text: &str, job: &Job) -> anyhow::Result<crate::scenario::Scenario> {
    let overrides = [args.which.overrides.as_slice(), &job.overrides].concat();
    source::parse(&args.which.scenario, text, &overrides)
}

/// Runs all that are not done, on all cores.
fn run_all(args: &SweepArgs, text: &str, all: &[Job]) -> anyhow::Result<Vec<JobResult>> {
    let threads = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<BTreeMap<usize, anyhow::Result<JobResult>>> = Mutex::default();
    let line = ProgressLine::on_terminal();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, all.len()) {
            scope.spawn(|| {
                while let Some(job) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = run_job(args, text, job);
                    let failed = result.is_err();
                    results
                        .lock()
                        .expect("no thread panics while it holds the results")
                        .insert(job.number, result);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    line.say(&format!("{done} of {} runs done", all.len()));
                    if failed {
                        next.store(all.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    line.clear();
    results.into_inner().expect("all threads have ended").into_values().collect()
}

/// The result of a job: from its file, or by running it.
fn run_job(args: &SweepArgs, text: &str, job: &Job) -> anyhow::Result<JobResult> {
    let path = job.path(&args.out);
    let settings: BTreeMap<String, String> = args
        .which
        .overrides
        .iter()
        .map(|set| (set.path().to_owned(), set.value().to_string()))
        .chain(job.settings())
        .collect();
    let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
    if path.exists() {
        let result = read(&path)?;
        if result.settings != settings || result.seed != job.seed || result.text != hash {
            return Err(usage(format!(
                "{} is of another sweep, or of the scenario before it was changed: give this one a directory of its own with -o",
                path.display()
            )));
        }
        return Ok(result);
    }
    let scenario = scenario(args, text, job)?;
    let name = scenario.name.clone();
    let report = City::new(scenario, Options::seed(job.seed))?.run(|_| {})?;
    let result = JobResult { scenario: name, text: hash, settings, seed: job.seed, metrics: report.metrics };
    // Written beside and renamed: a file that is there is whole.
    let partial = path.with_extension("partial");
    std::fs::write(&partial, serde_json::to_vec_pretty(&result)?)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(result)
}

/// Medians and their intervals, a block for each point of the grid.
fn table(results: &[JobResult]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (point, results) in by_point(results) {
        let good = results.iter().filter(|result| result.metrics.is_good()).count();
        writeln!(out, "{}: {} seeds, {good} of them good", compare::name(&point), results.len())?;
        for measure in MEASURES {
            if let Some(m) = Median::of(results.iter().map(|result| (measure.of)(&result.metrics))) {
                writeln!(out, "  {:<14}{:>14.3}   {:.3} to {:.3}", measure.name, m.median, m.low, m.high)?;
            }
        }
    }
    Ok(())
}
