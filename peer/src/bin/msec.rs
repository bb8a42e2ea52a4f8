//! The command line of a peer.

use std::process::ExitCode;

fn main() -> ExitCode {
    msec_peer::cli::main(std::env::args_os())
}
