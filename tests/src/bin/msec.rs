//! The command line `msec`, to be started and killed by tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    msec_peer::cli::main(std::env::args_os())
}
