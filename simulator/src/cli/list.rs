//! `msec-sim list`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use super::usage;

use crate::scenario::{Scenario, built_in, built_ins};

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim list
  msec-sim list santander > my-city.toml     # print one, to start your own from";

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print this scenario
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: ListArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if let Some(name) = &args.name {
        let it = built_in(name)
            .ok_or_else(|| usage(format!("there is no scenario {name:?}: see msec-sim list")))?;
        out.write_all(it.text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    for it in built_ins() {
        let scenario = Scenario::parse(it.text).with_context(|| it.name)?;
        writeln!(
            out,
            "{:<12}{:>6} peers {:>6} s  {}",
            it.name,
            scenario.city.peers,
            scenario.end().as_secs(),
            scenario.description
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
