//! A line on a terminal that says how far a run has come.

use std::io::{self, IsTerminal};

use crate::run::Progress;

pub(super) struct ProgressLine {
    shown: bool,
}

impl ProgressLine {
    /// On standard error, if a person is likely to look at it.
    pub(super) fn on_terminal() -> Self {
        Self { shown: io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, progress: Progress) {
        let Progress { simulated, end, events, wall, up, lag } = progress;
        let rate = events as f64 / wall.as_secs_f64().max(0.001);
        self.say(&format!(
            "{} of {} s simulated in {:.1} s, {rate:.0} events/s, {up} peers up, {lag} deliveries under way",
            simulated.as_secs(),
            end.as_secs(),
            wall.as_secs_f64(),
        ));
    }

    /// Replaces the line.
    pub(super) fn say(&self, text: &str) {
        if self.shown {
            eprint!("\r\x1b[K{text}");
        }
    }

    /// Makes room for what follows.
    pub(super) fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
