//! The command line `msec-sim`, to be started and killed by tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    msec_simulator::cli::run(std::env::args_os())
}
