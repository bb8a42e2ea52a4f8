//! What can be said on the command line.

use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::scenario::Override;

const EXAMPLES: &str = "Examples:
  msec-sim list                                       # the scenarios that come with it
  msec-sim run town                                   # a small one, in seconds
  msec-sim run santander --set city.peers=300 --record run.json
  msec-sim report run.json -o run.html                # a page to look at
  msec-sim run my-city.toml --seed 7 --json           # one of your own";

/// Simulates cities of peers in virtual time, running the node that ships.
#[derive(Debug, Parser)]
#[command(name = "msec-sim", version, after_help = EXAMPLES)]
pub(super) struct Args {
    /// Say on standard error what nodes and the program log
    #[arg(long, global = true, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub(super) log: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one scenario with one seed, and say what became of it
    #[command(after_help = super::run::EXAMPLES)]
    Run(super::run::RunArgs),
    /// List the scenarios that come with the program, or print one
    #[command(after_help = super::list::EXAMPLES)]
    List(super::list::ListArgs),
    /// Run a grid of parameters and seeds on all cores, and print a table
    #[command(after_help = super::sweep::EXAMPLES)]
    Sweep(super::sweep::SweepArgs),
    /// Set two result sets side by side; fails if the second is worse beyond the noise
    #[command(after_help = super::compare::EXAMPLES)]
    Compare(super::compare::CompareArgs),
    /// Run random small scenarios with random faults until one fails or the time is over
    #[command(after_help = super::swarm::EXAMPLES)]
    Swarm(super::swarm::SwarmArgs),
    /// Run a scenario again, and print what one peer saw
    #[command(after_help = super::replay::EXAMPLES)]
    Replay(super::replay::ReplayArgs),
    /// Run bare gossip machines, a hundred thousand if you like
    #[command(after_help = super::gossip::EXAMPLES)]
    Gossip(super::gossip::GossipArgs),
    /// Make a page, and tables, of a recording
    #[command(after_help = super::report::EXAMPLES)]
    Report(super::report::ReportArgs),
}

/// Which scenario, and how it is changed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Which {
    /// A TOML file, or the name of a scenario that comes with the program (see `msec-sim list`)
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: String,
    /// Replace one value, as in --set city.peers=200 or --set population.buses.share=0.2
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) overrides: Vec<Override>,
}

/// A time in seconds, such as `90` or `0.5`.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e9).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give it seconds, such as 90 or 0.5".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_a_manual_page_that_names_its_flags() {
        let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manual");
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            let page = std::fs::read_to_string(manual.join(format!("msec-sim-{name}.md"))).expect(name);
            assert!(
                page.starts_with(&format!("# msec-sim {name}\n")) && page.lines().count() <= 60,
                "{name}"
            );
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    page.contains(&format!("--{flag}")) || flag == "help",
                    "{name} says nothing of --{flag}"
                );
            }
        }
    }
}
