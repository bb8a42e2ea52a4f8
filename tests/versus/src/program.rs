//! What the programs have in common: arguments, errors and exit codes.

use std::process::{Command, ExitCode, Stdio};

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use serde::de::DeserializeOwned;

/// Reads the arguments and runs. What clap prints for help is no failure; an error is printed with all its causes.
pub fn run<Args: Parser>(name: &str, run: impl FnOnce(&Args) -> anyhow::Result<()>) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What a choice is called on the command line.
pub fn word(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// This program again, as another process, for a step that is measured in one of its own.
pub fn again(step: impl ValueEnum) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--step", &word(step)]);
    Ok(command)
}

/// Runs a step to its end, and reads what it printed as JSON. Its words of another kind go where this program's go.
pub fn measured<T: DeserializeOwned>(step: &mut Command) -> anyhow::Result<T> {
    let output = step.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "its words stand above");
    Ok(serde_json::from_slice(&output.stdout)?)
}
