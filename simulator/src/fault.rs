//! What goes wrong.
//!
//! | file | what it holds |
//! |---|---|
//! | `strike` | [`Strike`]: one thing that is done to one peer or path at one moment |
//! | `who` | [`Who`] and [`Census`]: whom a scenario means |
//! | `planned` | [`Fault`] and [`Planned`]: what a scenario says goes wrong, from when until when |
//! | `schedule` | [`Schedule`]: all strikes of a run, in the order of time |

mod planned;
mod schedule;
mod strike;
mod who;

use std::time::Duration;

use serde::Serialize;

pub use planned::{Fault, Planned};
pub use schedule::{PlanError, Schedule};
pub use strike::{Strike, StrikeError};
pub use who::{Census, Who};

/// A planned fault that has struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Struck {
    /// What, in words.
    pub what: String,
    /// When it began.
    pub from: Duration,
    /// When all of it was mended; `None`: it lasts.
    pub until: Option<Duration>,
}
