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
    if args.print {
        // Also what is refused then: its lines are those that the refusal names.
        print!("{}", args.which.changed()?);
    }
    let scenario = args.which.load()?;
    if args.print {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &args.record {
        // Before the run, and not after it: a path that cannot be is a pity then.
        std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let wire = if args.wire == "quic" { Wire::Quic } else { Wire::Modelled };
    let options = Options { seed: args.seed, wire, memory: !args.no_memory, checkers: !args.no_checkers };
    let line = ProgressLine::on_terminal();
    let mut report = City::new(scenario.clone(), options)?.run(|progress| line.show(progress))?;
    line.clear();
    let model = report.metrics.clone();
    let mut good = model.is_good();
    let mut comparison = None;
    if args.wire == "both" {
        let options = Options { wire: Wire::Quic, ..options };
        let quic = City::new(scenario.clone(), options)?.run(|progress| line.show(progress))?;
        line.clear();
        let compared = WireComparison::of(&model, &quic.metrics);
        good &= quic.metrics.is_good() && compared.both_converged;
        report.recording.wires = Some(compared.clone());
        comparison = Some(compared);
    }
    if let Some(path) = &args.record {
        report.recording.write(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let code = if good { ExitCode::SUCCESS } else { ExitCode::from(FOUND) };
    match show::all(&scenario, args.seed, &report, comparison.as_ref(), args.record.as_deref(), args.json) {
        // Whoever reads the first lines only has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(code),
        shown => shown.context("cannot write the summary").map(|()| code),
    }
}
