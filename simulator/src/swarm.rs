//! Random small cities with random faults: the search for what nobody thought of.
//!
//! | module | what it holds |
//! |---|---|
//! | `draw` | [`draw`]: a scenario from a seed |
//! | `erasures` | what is erased in it |
//! | `rights` | whose rights end in it |
//! | `shrink` | [`shrink`]: taking away what a failure does not need |

mod draw;
mod erasures;
mod rights;
mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use draw::draw;
pub use shrink::{TRIES_MAX, shrink};

use crate::run::{City, Options};
use crate::scenario::{Scenario, ScenarioError};

/// How a scenario failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A checker found something, or something was missed.
    #[error("{what}")]
    Found {
        /// Which checker, if one did.
        checker: Option<&'static str>,
        /// In words.
        what: String,
    },
    /// Something panicked, which is a bug wherever it is.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// It is no scenario.
    #[error("it cannot be run: {0}")]
    Refused(#[from] ScenarioError),
}

impl Failure {
    /// Whether it is the same kind of failure: found by the same checker, or a panic too.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Found { checker: one, .. }, Self::Found { checker: other, .. }) => one == other,
            (Self::Panicked(_), Self::Panicked(_)) => true,
            _ => false,
        }
    }
}

/// Runs a scenario, and says how it failed if it did.
pub fn try_out(scenario: &Scenario, seed: u64) -> Result<(), Failure> {
    // Written and read again: what fails here is what can be written to a file.
    let scenario = Scenario::parse(&scenario.to_toml()?)?;
    let run = || City::new(scenario, Options::seed(seed)).and_then(|city| city.run(|_| {}));
    let report = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| Failure::Panicked(words(&*panic)))??;
    if report.metrics.is_good() {
        return Ok(());
    }
    let first = report.violations.first();
    let what = first.map_or_else(
        || format!("{} deliveries missed, converged: {}", report.metrics.missed, report.metrics.converged),
        |it| format!("{} at {:.1} s: {}", it.checker, it.at.as_secs_f64(), it.what),
    );
    Err(Failure::Found { checker: first.map(|it| it.checker), what })
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".into())
}
