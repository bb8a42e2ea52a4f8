//! `msec-sim compare`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{FOUND, usage};
use crate::compare::{Change, Difference, Rules, compare};
use crate::sweep::read_all;

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim sweep town --seeds 1..=10 -o before
  # change something, and build again
  msec-sim sweep town --seeds 1..=10 -o after
  msec-sim compare before after";

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// A directory of results, or one result
    before: PathBuf,
    /// Another one
    after: PathBuf,
    /// The part by which a median may grow, 0.02 for 2 %
    #[arg(long, value_name = "PART", default_value_t = Rules::default().tolerance, value_parser = part)]
    tolerance: f64,
    /// Judge the time on the processor too: only on a machine that does nothing else
    #[arg(long)]
    cpu: bool,
    /// Show also what is the same
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: CompareArgs) -> anyhow::Result<ExitCode> {
    let read = |path| read_all(path).map_err(|error| usage(format!("{:#}", anyhow::Error::from(error))));
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let (found, alone) = compare(&before, &after, Rules { tolerance: args.tolerance, cpu: args.cpu });
    let mut out = std::io::stdout().lock();
    if found.is_empty() {
        let reason = "the two sets have nothing in common: what is set in one has to be set in the other";
        return Err(usage(reason.into()));
    }
    let mut point = "";
    for it in found.iter().filter(|it| args.all || it.verdict != Change::Same) {
        if it.point != point {
            writeln!(out, "{}", it.point)?;
            point = &it.point;
        }
        writeln!(out, "  {}", line(it))?;
    }
    if alone > 0 {
        writeln!(out, "{alone} points stand in one set only, and were left out")?;
    }
    let count = |change| found.iter().filter(|it| it.verdict == change).count();
    let (worse, better) = (count(Change::Worse), count(Change::Better));
    writeln!(out, "{worse} worse, {better} better, {} the same", found.len() - worse - better)?;
    Ok(if worse > 0 { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

fn line(it: &Difference) -> String {
    let verdict = match it.verdict {
        Change::Worse => "WORSE",
        Change::Better => "better",
        Change::Same => "same",
    };
    let ratio = if it.before.median == 0.0 {
        String::new()
    } else {
        format!(" ({:.3} times)", it.after.median / it.before.median)
    };
    format!(
        "{:<14}{verdict:<7}{:.3} [{:.3} to {:.3}] -> {:.3} [{:.3} to {:.3}]{ratio}",
        it.measure,
        it.before.median,
        it.before.low,
        it.before.high,
        it.after.median,
        it.after.low,
        it.after.high
    )
}

/// A part of a whole, or more than that.
fn part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if part >= 0.0 && part.is_finite() => Ok(part),
        _ => Err("give it a part, such as 0.02 for 2 %".into()),
    }
}
