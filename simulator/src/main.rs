//! `msec-sim`: see [`msec_simulator::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    msec_simulator::cli::run(std::env::args_os())
}
