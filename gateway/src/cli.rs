//! The command line `msec-gateway`, as a function, so that tests can own a thin binary around it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::demo;

/// The gateway of the M-Sec mesh: a smart city without a cloud.
#[derive(Debug, Parser)]
#[command(name = "msec-gateway", version, subcommand_required = true, arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a small city on this machine: 3 gateways, 21 sensors and a citizen, with a month of real pedestrian counts
    #[command(
        after_help = "Examples:\n  msec-gateway demo\n  msec-gateway demo --seconds 20 --listen 127.0.0.1:9000\n  \
                            msec-gateway demo --speed 3600 --data-dir city --json\n\n\
                            It ends with status 0 if nothing was lost and exactly what it planted was refused."
    )]
    Demo(DemoArgs),
}

#[derive(Debug, ClapArgs)]
struct DemoArgs {
    /// How many seconds the sensors publish
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// City seconds that pass in one second; by default the whole month passes in the given seconds
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
    /// Where the 25 peers live, and are found again next time [default: a temporary directory that is removed]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the page is served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Print the summary as a JSON object on the last line
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("write a number above 0, such as 3600 for an hour in a second".into()),
    }
}

/// Runs `msec-gateway` with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Args = match msec_peer::cli::parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    msec_peer::cli::log_to_stderr();
    let Command::Demo(args) = args.command;
    let DemoArgs { seconds, speed, data_dir, listen, json } = args;
    match demo::run(demo::Options { seconds, speed, data_dir, listen, json }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("msec-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_speed_is_a_positive_number() {
        assert_eq!(speed("3600"), Ok(3600.0));
        for text in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
