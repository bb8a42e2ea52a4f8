//! The command line `msec-sim`, as a function, so that tests can own a thin binary around it.
//!
//! Each command is a file: its flags, its examples, and what it does.

mod args;
mod compare;
mod gossip;
mod list;
mod log;
mod progress;
mod replay;
mod report;
mod run;
mod show;
mod source;
mod swarm;
mod sweep;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Something was missed or is wrong: a checker found it, or a comparison.
const FOUND: u8 = 1;
/// What was asked for makes no sense.
const USAGE: u8 = 2;

/// Arguments that name what is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

fn usage(text: String) -> anyhow::Error {
    Usage(text).into()
}

/// Runs `msec-sim` with these arguments, the program's name first. The exit status is 1 if something was missed or is
/// wrong, and 2 if the arguments or the scenario are.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version come this way too; where there is no terminal left to tell, nothing is told.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    log::start(args.log.as_deref());
    let done = match args.command {
        Command::Run(args) => run::run(args),
        Command::List(args) => list::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Swarm(args) => swarm::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Gossip(args) => gossip::run(args),
        Command::Report(args) => report::run(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("msec-sim: {error:#}");
            let usage = error.is::<crate::scenario::ScenarioError>() || error.is::<Usage>();
            ExitCode::from(if usage { USAGE } else { FOUND })
        }
    }
}
