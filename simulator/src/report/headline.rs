//! What somebody who is about to deploy wants to know first: did everything arrive, how fast, at what cost, what was
//! broken.

use super::html::Html;
use super::numbers::{bytes, count, counted, percent, share, time};
use crate::histogram::Histogram;
use crate::recording::{FaultRecord, Recording};

/// Which run this is.
pub(super) fn run(recording: &Recording) -> String {
    let metrics = &recording.metrics;
    let rate = metrics.peers as f64 * metrics.simulated_s / metrics.cpu_s.max(0.001);
    format!(
        "{} peers · {} simulated in {} · {} peer seconds per CPU second · seed {}",
        count(metrics.peers as u64),
        time(metrics.simulated_s),
        time(metrics.wall_s),
        count(rate as u64),
        recording.seed,
    )
}

/// The verdict, in a sentence and in a few more words.
pub(super) fn headline<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    let (good, sentence) = sentence(recording);
    html.raw(if good { "<h1 class=\"good\">" } else { "<h1 class=\"bad\">" }).text(&sentence).raw("</h1>");
    html.raw("<p class=\"lede\">").text(&more(recording)).raw("</p>")
}

fn sentence(recording: &Recording) -> (bool, String) {
    let metrics = &recording.metrics;
    let missed = || format!("{} did not arrive", counted(metrics.missed, "delivery", "deliveries"));
    if metrics.violations > 0 {
        let broken: Vec<_> = recording.verdicts.iter().filter(|it| it.violations > 0).collect();
        let names: Vec<_> = broken.iter().map(|it| it.checker.replace('_', " ")).collect();
        // What comes too late is another matter than what must never be.
        let late = !broken.is_empty() && broken.iter().all(|it| !it.safety);
        let what =
            if late { "The city did not recover as it must" } else { "What must always hold was broken" };
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let missed = if metrics.missed > 0 { format!(", and {}", missed()) } else { String::new() };
        return (false, format!("{what}{names}{missed}."));
    }
    match (metrics.published, metrics.missed, metrics.converged) {
        (0, _, true) => (true, "Nothing was published, and all peers agree.".into()),
        (_, 0, true) => (true, "Everything arrived, and all peers agree.".into()),
        (_, 0, false) => (false, "Everything arrived, but not all peers agree in the end.".into()),
        (_, _, true) => (false, format!("{}, though all peers agree in the end.", missed())),
        (_, _, false) => (false, format!("{}, and not all peers agree in the end.", missed())),
    }
}

fn more(recording: &Recording) -> String {
    let metrics = &recording.metrics;
    let readings = counted(metrics.published, "reading was", "readings were");
    let mut text = format!(
        "{readings} published in {} of virtual time, and verified by those who read them: {}.",
        time(metrics.simulated_s),
        counted(metrics.delivered, "delivery", "deliveries"),
    );
    if let Some(slowest) = recording.faults.iter().filter_map(|it| it.agreed_after_s).max_by(f64::total_cmp) {
        text += &format!(" After a fault, the city agreed again within {}", time(slowest));
        let never = recording.faults.iter().filter(|it| it.agreed_after_s.is_none()).count() as u64;
        text += &match never {
            0 => ".".into(),
            1 => "; after one, it had not when it was looked at.".to_owned(),
            _ => format!("; after {never} of {}, it had not when it was looked at.", recording.faults.len()),
        };
    }
    text
}

struct Figure {
    label: &'static str,
    value: String,
    note: String,
    good: bool,
}

/// The verdict in numbers.
pub(super) fn figures<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    html.raw("<dl class=\"figures\">");
    for figure in
        [arrived(recording), speed(recording), cost(recording), broken(recording), checks(recording)]
    {
        html.raw(if figure.good { "<div>" } else { "<div class=\"bad\">" });
        html.raw("<dt>").text(figure.label).raw("</dt><dd><strong>").text(&figure.value);
        html.raw("</strong><span>").text(&figure.note).raw("</span></dd></div>");
    }
    html.raw("</dl>")
}

fn arrived(recording: &Recording) -> Figure {
    let metrics = &recording.metrics;
    let due = metrics.delivered.saturating_add(metrics.missed);
    let note = match metrics.missed {
        0 => format!("of {} deliveries, none missing", count(due)),
        missed => format!("{} of {} are missing", count(missed), count(due)),
    };
    Figure { label: "Arrived", value: percent(metrics.delivered, due), note, good: metrics.missed == 0 }
}

fn speed(recording: &Recording) -> Figure {
    let mut all = Histogram::default();
    recording.latency.iter().for_each(|it| all.merge(&it.histogram));
    let within = |share| all.quantile(share).map(|it| time(it.as_secs_f64()));
    let (value, note) = match (within(0.5), within(0.99), within(1.0)) {
        (Some(half), Some(most), Some(last)) => {
            (half, format!("for half of them; {most} for 99 in 100, {last} for the last"))
        }
        _ => ("–".into(), "no time of arrival was recorded".into()),
    };
    Figure { label: "How fast", value, note, good: true }
}

fn cost(recording: &Recording) -> Figure {
    let metrics = &recording.metrics;
    let peer_minutes = metrics.peers as f64 * metrics.simulated_s / 60.0;
    let (value, mut note) = if peer_minutes > 0.0 {
        let sent = bytes(metrics.bytes as f64 / peer_minutes);
        (sent, format!("sent by a peer in a minute; {} in all", bytes(metrics.bytes as f64)))
    } else {
        (bytes(metrics.bytes as f64), "sent".into())
    };
    let busiest =
        recording.classes.iter().max_by(|one, other| one.busiest_share.total_cmp(&other.busiest_share));
    if let Some(class) = busiest.filter(|class| class.busiest_share > 0.0) {
        let used = share(class.busiest_share);
        note += &format!("; the busiest interface, of {}, was in use {used} of the time", class.name);
    }
    Figure { label: "At what cost", value, note, good: true }
}

fn broken(recording: &Recording) -> Figure {
    let faults = &recording.faults;
    let after = |fault: &FaultRecord| fault.agreed_after_s.map(time);
    let (note, good) = match faults.last() {
        None => ("nothing went wrong in this run".into(), true),
        Some(last) => {
            let never = faults.iter().filter(|it| it.agreed_after_s.is_none()).count() as u64;
            match (never, after(last)) {
                (0, Some(after)) => (format!("agreed again after each; {after} after the last"), true),
                (never, _) => (
                    format!("no agreement before the next look after {never} of them"),
                    recording.metrics.converged,
                ),
            }
        }
    };
    Figure { label: "What was broken", value: counted(faults.len() as u64, "fault", "faults"), note, good }
}

fn checks(recording: &Recording) -> Figure {
    let held = recording.verdicts.iter().filter(|it| it.violations == 0).count();
    let looked: u64 = recording.verdicts.iter().fold(0, |sum: u64, it| sum.saturating_add(it.looked));
    let violations = recording.metrics.violations;
    let note = match violations {
        0 => format!("{} looks, and nothing wrong", count(looked)),
        _ => format!("{} in {} looks", counted(violations, "violation", "violations"), count(looked)),
    };
    let value = format!("{held} of {}", recording.verdicts.len());
    Figure { label: "Checks that held", value, note, good: violations == 0 }
}
