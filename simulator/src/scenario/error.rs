//! What is wrong with a scenario, and where.

use super::place::{line_at, line_of};
use super::{Override, SCENARIO_BYTES_MAX, Wrong};

/// A scenario that is refused.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is no TOML, a key is unknown, or a value cannot be.
    #[error("{}{reason}{}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), of_changed(*changed))]
    Refused {
        /// Where, counted from 1.
        line: Option<usize>,
        /// Why, and what to write instead.
        reason: String,
        /// Whether values were replaced before it was read, so that lines are those of `--print`.
        changed: bool,
    },
    /// Too long.
    #[error("a scenario is at most {SCENARIO_BYTES_MAX} bytes long")]
    TooLong,
    /// A value to be replaced is not there.
    #[error("--set {path}: {reason}")]
    Override {
        /// As it was given.
        path: String,
        /// Why, and what to write instead.
        reason: String,
    },
    /// It cannot be written as TOML.
    #[error("the scenario cannot be written as TOML")]
    Unwritable {
        /// Why.
        source: toml::ser::Error,
    },
    /// The map is refused.
    #[error("city.map")]
    Map(#[from] crate::map::MapError),
    /// The links are refused.
    #[error(transparent)]
    Link(#[from] crate::error::LinkError),
    /// A peer is refused.
    #[error(transparent)]
    Peer(#[from] crate::error::AddPeerError),
    /// Somebody wants what nobody writes.
    #[error(
        "population `{population}` is interested in `{wanted}`, where nobody writes: there are {written}"
    )]
    Interest {
        /// Who.
        population: String,
        /// In what.
        wanted: String,
        /// Some of the collections that are written.
        written: String,
    },
    /// What is to go wrong cannot: it names what is not there.
    #[error("a fault cannot be")]
    Plan(#[from] crate::fault::PlanError),
}

fn of_changed(changed: bool) -> &'static str {
    if changed { " (in the scenario as --set changed it: see it with --print)" } else { "" }
}

impl ScenarioError {
    pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| line_at(text, span.start));
        let reason = error.message().trim().replace('\n', ", ");
        Self::Refused { line, reason, changed: false }
    }

    pub(super) fn from_wrong(text: &str, wrong: Wrong) -> Self {
        let line = line_of(text, &wrong.path);
        Self::Refused { line, reason: format!("`{}`: {}", wrong.path, wrong.reason), changed: false }
    }

    pub(super) fn after_overrides(self, overrides: &[Override]) -> Self {
        match self {
            Self::Refused { line, reason, .. } => {
                // What was just set is likely what is wrong.
                let said = overrides.iter().any(|change| reason.contains(&format!("`{}`", change.path())));
                Self::Refused { line: line.filter(|_| !said), reason, changed: !said }
            }
            other => other,
        }
    }
}
