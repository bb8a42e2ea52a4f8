//! The command line `msec-sim`, as a function, so that tests can own a thin binary around it.

mod args;
mod report;
mod show;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::city::{City, Scenario};
use args::{Args, Command};

/// Runs `msec-sim` with these arguments, the program's name first. The exit status is 1 if something was missed or is
/// wrong, and 2 if the arguments are.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Args::try_parse_from(args) {
        Ok(Args { command: Command::Run(options) }) => options,
        Ok(Args { command: Command::Report(report) }) => {
            return match report.run() {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("msec-sim: {error:#}");
                    ExitCode::FAILURE
                }
            };
        }
        Err(error) => {
            // Help and version come this way too; where there is no terminal left to tell, nothing is told.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let scenario = options.scenario();
    if let Err(error) = scenario.check() {
        eprintln!("msec-sim: {error}");
        return ExitCode::from(2);
    }
    match simulate(scenario, options.json) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("msec-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(scenario: Scenario, json: bool) -> anyhow::Result<ExitCode> {
    let line = show::ProgressLine::on_terminal();
    let report = City::new(scenario.clone())?.run(|progress| line.show(progress));
    line.clear();
    show::summary(&scenario, &report).context("cannot write the summary")?;
    if json {
        show::json(&report.metrics).context("cannot write the result")?;
    }
    Ok(if report.metrics.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
