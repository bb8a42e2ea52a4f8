//! Where a scenario comes from: a file, or the program itself.

use std::path::Path;

use anyhow::Context;

use super::args::Which;
use super::usage;
use crate::scenario::{Override, SCENARIO_BYTES_MAX, Scenario, ScenarioError, built_in, built_ins};

impl Which {
    /// The text as it was written.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        text(&self.scenario)
    }

    /// The text with what was set, not checked.
    pub(super) fn changed(&self) -> anyhow::Result<String> {
        let text = self.text()?;
        Scenario::changed(&text, &self.overrides).with_context(|| self.scenario.clone())
    }

    /// The scenario, with what was set.
    pub(super) fn load(&self) -> anyhow::Result<Scenario> {
        parse(&self.scenario, &self.text()?, &self.overrides)
    }
}

/// A scenario, with its name in what is said about it.
pub(super) fn parse(name: &str, text: &str, overrides: &[Override]) -> anyhow::Result<Scenario> {
    Scenario::parse_with(text, overrides).with_context(|| name.to_owned())
}

fn text(name: &str) -> anyhow::Result<String> {
    if let Some(built_in) = built_in(name) {
        return Ok(built_in.text.to_owned());
    }
    let path = Path::new(name);
    if !path.exists() && path.extension().is_none() {
        let names: Vec<_> = built_ins().iter().map(|it| it.name).collect();
        return Err(usage(format!(
            "there is no file {name:?}, and no scenario of that name comes with msec-sim: there are {}",
            names.join(", ")
        )));
    }
    let unreadable = |error: std::io::Error| usage(format!("cannot read {name}: {error}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > SCENARIO_BYTES_MAX as u64 {
        return Err(ScenarioError::TooLong).with_context(|| name.to_owned());
    }
    std::fs::read_to_string(path).map_err(unreadable)
}
