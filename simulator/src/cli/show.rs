//! What a person sees, and what a program reads.

use std::io::{self, IsTerminal, Write};

use crate::city::{Progress, Report, Scenario};
use crate::metrics::Metrics;

/// A line on a terminal that says how far the run has come.
pub(super) struct ProgressLine {
    shown: bool,
}

impl ProgressLine {
    /// On standard error, if a person is likely to look at it.
    pub(super) fn on_terminal() -> Self {
        Self { shown: io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, progress: Progress) {
        if self.shown {
            let Progress { simulated, end, events, wall } = progress;
            let (simulated, end) = (simulated.as_secs(), end.as_secs());
            eprint!("\r\x1b[K{simulated} of {end} s simulated, {events} events, {:.1} s", wall.as_secs_f64());
        }
    }

    /// Makes room for what follows.
    pub(super) fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

/// A few lines on standard output.
pub(super) fn summary(scenario: &Scenario, report: &Report) -> io::Result<()> {
    let m = &report.metrics;
    let mut out = io::stdout().lock();
    let (publish, drain) = (scenario.publish.as_secs(), scenario.drain.as_secs());
    writeln!(
        out,
        "{} peers, seed {}: {publish} s of publishing, then {drain} s to agree",
        m.peers, scenario.seed
    )?;
    writeln!(out, "published  {} readings, acknowledged", m.published)?;
    writeln!(out, "delivered  {} (one for each reading and reader), {} missed", m.delivered, m.missed)?;
    if report.forfeited > 0 {
        writeln!(out, "forfeited  {} readings, with the only disk that held them", report.forfeited)?;
    }
    write!(out, "refused    {}", m.refused)?;
    let kinds: Vec<_> = report.refused.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
    writeln!(out, "{}", if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) })?;
    writeln!(out, "converged  {}", if m.converged { "yes" } else { "no" })?;
    writeln!(out, "sent       {} messages, {:.1} MB", m.messages, m.bytes as f64 / 1e6)?;
    let rate = m.events as f64 / m.cpu_s.max(0.001);
    writeln!(out, "cost       {} events in {:.2} s of CPU: {rate:.0} a second", m.events, m.cpu_s)?;
    writeln!(out, "digest     {}", m.digest)?;
    for violation in &report.violations {
        let at = violation.at.as_secs_f64();
        writeln!(out, "VIOLATION  {} at {at:.1} s: {}", violation.checker, violation.what)?;
    }
    let unsaid = m.violations - report.violations.len() as u64;
    if unsaid > 0 {
        writeln!(out, "VIOLATION  and {unsaid} more")?;
    }
    Ok(())
}

/// The result as one line of JSON.
pub(super) fn json(metrics: &Metrics) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, metrics)?;
    writeln!(out)
}
