//! `msec-sim run`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::args::Which;
use super::progress::ProgressLine;
use super::{FOUND, show};
use crate::recording::WireComparison;
use crate::run::{City, Options};
use crate::wire::Wire;

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim run town
  msec-sim run simulator/scenarios/santander.toml --seed 7
  msec-sim run santander --set city.peers=300 --set publish_s=600 --json
  msec-sim run backbone --record run.json && msec-sim report run.json -o run.html
  msec-sim run town --wire quic               # every link a real QUIC connection
  msec-sim run town --wire both               # and by how much the model differs from it";

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    which: Which,
    /// Whence all randomness comes: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What links are: the model, QUIC connections over simulated datagrams, or first the one and then the other
    #[arg(long, value_name = "WIRE", default_value = "model", value_parser = ["model", "quic", "both"])]
    wire: String,
    /// Check every signature anew at every peer, as real peers do; the digest stays the same
    #[arg(long)]
    no_memory: bool,
    /// Let no checker look: to measure what looking costs
    #[arg(long)]
    no_checkers: bool,
    /// Write all that a page about the run shows to this file (see `msec-sim report`)
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the scenario with what was set, and do not run it
    #[arg(long)]
    print: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = args.which.load()?;
    if args.print {
        print!("{}", scenario.to_toml()?);
        return Ok(ExitCode::SUCCESS);
    }
    let wire = if args.wire == "quic" { Wire::Quic } else { Wire::Modelled };
    let options = Options { seed: args.seed, wire, memory: !args.no_memory, checkers: !args.no_checkers };
    let line = ProgressLine::on_terminal();
    let mut report = City::new(scenario.clone(), options)?.run(|progress| line.show(progress))?;
    line.clear();
    show::summary(&scenario, args.seed, &report).context("cannot write the summary")?;
    let mut good = report.metrics.is_good();
    if args.wire == "both" {
        let options = Options { wire: Wire::Quic, ..options };
        let quic = City::new(scenario, options)?.run(|progress| line.show(progress))?;
        line.clear();
        let comparison = WireComparison::of(&report.metrics, &quic.metrics);
        show::wires(&comparison).context("cannot write the comparison")?;
        good &= quic.metrics.is_good() && comparison.both_converged;
        report.recording.wires = Some(comparison);
    }
    if let Some(path) = &args.record {
        report.recording.write(path)?;
        println!("recorded   {}: see it with msec-sim report {}", path.display(), path.display());
    }
    if args.json {
        show::json(&report.metrics).context("cannot write the result")?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}
