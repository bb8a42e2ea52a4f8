//! What the programs have in common: arguments, errors and exit codes.

use std::process::ExitCode;

use clap::Parser;

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
