//! The command line `msec-gateway`, to be started and killed by tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    msec_gateway::cli::main(std::env::args_os())
}
