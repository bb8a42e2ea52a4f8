//! What a person sees, and what a program reads.

use std::io::{self, Write};
use std::path::Path;

use crate::metrics::Metrics;
use crate::recording::WireComparison;
use crate::run::Report;
use crate::scenario::Scenario;

/// Violations that are shown word for word.
const VIOLATIONS_SHOWN: usize = 10;

/// All that is said of a run: in lines for a person, and in the last one for a program.
pub(super) fn all(
    scenario: &Scenario,
    seed: u64,
    report: &Report,
    comparison: Option<&WireComparison>,
    record: Option<&Path>,
    as_json: bool,
) -> io::Result<()> {
    summary(scenario, seed, report)?;
    comparison.map_or(Ok(()), wires)?;
    if let Some(path) = record.map(Path::display) {
        writeln!(io::stdout(), "recorded   {path}: see it with msec-sim report {path}")?;
    }
    if as_json { json(&report.metrics) } else { Ok(()) }
}

/// A few lines on standard output.
fn summary(scenario: &Scenario, seed: u64, report: &Report) -> io::Result<()> {
    let m = &report.metrics;
    let mut out = io::stdout().lock();
    let (publish, drain) = (scenario.publish.as_secs(), scenario.drain.as_secs());
    writeln!(
        out,
        "{}: {} peers, seed {seed}: {publish} s of publishing, then {drain} s to agree",
        scenario.name, m.peers
    )?;
    writeln!(out, "published  {} readings, acknowledged", m.published)?;
    writeln!(out, "delivered  {} (one for each reading and reader), {} missed", m.delivered, m.missed)?;
    writeln!(out, "latency    p50 {:.0} ms, p99 {:.0} ms, last {:.0} ms", m.p50_ms, m.p99_ms, m.last_ms)?;
    if report.forfeited > 0 {
        writeln!(out, "forfeited  {} readings, with the only disk that held them", report.forfeited)?;
    }
    write!(out, "refused    {}", m.refused)?;
    let kinds: Vec<_> = report.refused.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
    writeln!(out, "{}", if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) })?;
    for fault in &report.recording.faults {
        let agreed = match fault.agreed_after_s {
            Some(after_s) => format!("agreed {after_s:.0} s after it"),
            None if fault.until_s >= m.simulated_s => "it lasts".into(),
            None => "not seen to agree after it".into(),
        };
        writeln!(
            out,
            "fault      {} from {:.0} to {:.0} s: {agreed}",
            fault.what, fault.from_s, fault.until_s
        )?;
    }
    revoked(&mut out, report)?;
    writeln!(out, "converged  {}", if m.converged { "yes" } else { "no" })?;
    writeln!(
        out,
        "sent       {} messages, {:.1} MB; on the lines of each end:",
        m.messages,
        m.bytes as f64 / 1e6
    )?;
    for class in report.recording.classes.iter().filter(|class| class.messages > 0) {
        write!(
            out,
            "  {:<10}{} messages, {:.1} MB, {} lost, {} shed",
            class.name,
            class.messages,
            class.bytes as f64 / 1e6,
            class.lost,
            class.shed
        )?;
        let airtime = if class.airtime_s > 0.0 {
            format!(", {:.1} s of airtime", class.airtime_s)
        } else {
            String::new()
        };
        writeln!(out, "{airtime}")?;
    }
    writeln!(
        out,
        "checks     {} signatures, {} of them remembered",
        m.checks_made + m.checks_remembered,
        m.checks_remembered
    )?;
    writeln!(
        out,
        "cost       {} events in {:.2} s of CPU: {:.0} a second, {:.0} peer seconds a second",
        m.events,
        m.cpu_s,
        m.events_per_cpu_s(),
        m.peer_seconds_per_cpu_s()
    )?;
    writeln!(out, "digest     {}", m.digest)?;
    for violation in report.violations.iter().take(VIOLATIONS_SHOWN) {
        let at = violation.at.as_secs_f64();
        writeln!(out, "VIOLATION  {} at {at:.1} s: {}", violation.checker, violation.what)?;
    }
    let unsaid = m.violations.saturating_sub(VIOLATIONS_SHOWN as u64);
    if unsaid > 0 {
        writeln!(out, "VIOLATION  and {unsaid} more: --record FILE keeps more of them")?;
    }
    Ok(())
}

/// Whose rights were ended, and how fast that was known.
fn revoked(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for it in &report.recording.revocations {
        let rank = ((f64::from(it.reachable) * 0.99).ceil() as usize).max(1);
        let within = |rank: usize| match it.known_after_s.get(rank - 1) {
            Some(after_s) => format!("{after_s:.2} s"),
            None => "never".into(),
        };
        writeln!(
            out,
            "revoked    {}: 99 in 100 of {} knew after {}, all after {}; {} bytes read meanwhile, the last after {:.2} s",
            it.what,
            it.reachable,
            within(rank),
            within((it.reachable as usize).max(1)),
            it.exposed_bytes,
            it.exposed_for_s
        )?;
        if let Some(last_s) = it.returned_after_s.last() {
            let count = it.returned_after_s.len();
            writeln!(out, "           {count} came later, and knew within {last_s:.2} s")?;
        }
    }
    Ok(())
}

/// How the two wires differ.
fn wires(it: &WireComparison) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "over quic  p50 {:.2} and p99 {:.2} times the model's, {:.2} times the bytes; {}",
        it.latency_p50_ratio,
        it.latency_p99_ratio,
        it.bytes_ratio,
        if it.both_converged { "both converged" } else { "they did not both converge" }
    )
}

/// The result as one line of JSON.
fn json(metrics: &Metrics) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, metrics)?;
    writeln!(out)
}
