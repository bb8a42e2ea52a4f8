//! The parts of the page that are made here: tables and texts, which need no script.

use super::html::{Cell, Html, number, words};
use super::numbers::{bytes, count, counted, percent, share, time};
use crate::recording::{ClassRecord, Recording, RevocationRecord, SpreadRecord, VerdictRecord};

/// Who made the map, and how large it is.
pub(super) fn map<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    let map = &recording.map;
    let (width, height) = (map.width_m / 1_000.0, map.height_m / 1_000.0);
    html.text(&format!("{}, {width:.1} by {height:.1} km", map.name));
    if let Some(attribution) = &map.attribution {
        html.text(". Map: ").text(attribution);
    }
    html
}

/// The messages that were followed.
pub(super) fn spread<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.spread.is_empty() {
        return html.raw("<p class=\"soft\">No message was followed in this run.</p>");
    }
    let head = [
        words("Message"),
        number("Published at"),
        number("Readers"),
        number("Reached"),
        number("Half after"),
        number("99 in 100 after"),
        number("The last after"),
    ];
    html.table(&head, recording.spread.iter().map(|message| spread_row(recording, message)))
}

fn spread_row(recording: &Recording, message: &SpreadRecord) -> Vec<Cell> {
    let mut after: Vec<f32> = message.arrivals.iter().map(|(_, after)| *after).collect();
    after.sort_by(f32::total_cmp);
    let readers = u64::from(message.readers).max(after.len() as u64);
    // The time after which that share of all readers had it, if so many ever had.
    let within = |share: f64| {
        let rank = ((readers as f64 * share).ceil() as usize).max(1);
        let found = after.get(rank - 1).map(|it| Cell::from(time(f64::from(*it))));
        found.unwrap_or_else(|| Cell::Unsaid("not reached".into()))
    };
    let author = &recording.peers[message.author as usize];
    vec![
        format!("{} by peer {} ({})", message.stream, message.author, author.population).into(),
        time(message.published_s).into(),
        count(readers).into(),
        Cell::Bar(percent(after.len() as u64, readers), after.len() as f64 / readers.max(1) as f64),
        within(0.5),
        within(0.99),
        after.last().map_or_else(|| Cell::Unsaid("never".into()), |it| time(f64::from(*it)).into()),
    ]
}

/// How long it took, by who reads.
pub(super) fn latency<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.latency.is_empty() {
        return html.raw("<p class=\"soft\">No time of arrival was recorded.</p>");
    }
    let head = [
        words("Readers"),
        number("Deliveries"),
        number("Half within"),
        number("9 in 10 within"),
        number("99 in 100 within"),
        number("999 in 1,000 within"),
        number("The last after"),
    ];
    let rows = recording.latency.iter().map(|latency| {
        let within = |share| latency.histogram.quantile(share);
        let shares = [within(0.5), within(0.9), within(0.99), within(0.999), latency.histogram.max()];
        let shares = shares.into_iter().map(|it| it.map_or("–".into(), |it| time(it.as_secs_f64()).into()));
        [latency.readers.as_str().into(), count(latency.histogram.count()).into()]
            .into_iter()
            .chain(shares)
            .collect()
    });
    html.table(&head, rows)
}

/// What went wrong, and how the city came out of it.
pub(super) fn faults<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.faults.is_empty() {
        return html.raw("<p class=\"soft\">Nothing went wrong in this run. Give the scenario a <code>[[fault]]</code> to see what then happens.</p>");
    }
    let head =
        [words("Fault"), number("From"), number("Until"), number("Lasted"), number("All agreed again after")];
    let slowest = recording.faults.iter().filter_map(|it| it.agreed_after_s).fold(0.0, f64::max);
    let rows = recording.faults.iter().enumerate().map(|(n, fault)| {
        let after = match fault.agreed_after_s {
            Some(after) => Cell::Bar(time(after), if slowest > 0.0 { after / slowest } else { 0.0 }),
            None => Cell::Bad("not before the next look".into()),
        };
        let lasted = fault.until_s - fault.from_s;
        let lasted = if lasted > 0.0 { time(lasted).into() } else { Cell::Unsaid("struck once".into()) };
        vec![
            format!("{}. {}", n + 1, fault.what).into(),
            time(fault.from_s).into(),
            time(fault.until_s).into(),
            lasted,
            after,
        ]
    });
    html.table(&head, rows)
}

/// Whose rights were ended, how fast that was known, and what was read meanwhile. Nothing, where nobody's were.
pub(super) fn revocations<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.revocations.is_empty() {
        return html;
    }
    html.raw(
        "<section aria-labelledby=\"revoked-title\"><div class=\"title\"><h2 id=\"revoked-title\">Who knew of a revocation, and when</h2>\
         <p class=\"hint\">Peers that were linked with its issuer, over whomever, when it was issued. A dot on the time axis: the last bytes that were \
         read by the holder, or beyond the cut by who did not know.</p></div>\
         <div class=\"scripted chart\" id=\"revoked\"></div>",
    );
    let head = [
        words("Whose rights ended"),
        number("Issued at"),
        number("Could be reached"),
        number("Half knew after"),
        number("99 in 100 after"),
        number("All after"),
        number("Came later, and knew within"),
        number("Read meanwhile"),
        number("Exposed for"),
    ];
    html.table(&head, recording.revocations.iter().map(revocation_row)).raw("</section>")
}

fn revocation_row(revoked: &RevocationRecord) -> Vec<Cell> {
    let reachable = u64::from(revoked.reachable).max(revoked.known_after_s.len() as u64);
    let within = |share: f64| {
        let rank = ((reachable as f64 * share).ceil() as usize).max(1);
        let found = revoked.known_after_s.get(rank - 1).map(|it| Cell::from(time(f64::from(*it))));
        found.unwrap_or_else(|| Cell::Bad("never".into()))
    };
    let returned = match revoked.returned_after_s.last() {
        Some(last) => {
            let peers = counted(revoked.returned_after_s.len() as u64, "peer", "peers");
            format!("{peers}, {}", time(f64::from(*last))).into()
        }
        None => Cell::Unsaid("nobody".into()),
    };
    vec![
        revoked.what.as_str().into(),
        time(revoked.issued_s).into(),
        count(reachable).into(),
        within(0.5),
        within(0.99),
        within(1.0),
        returned,
        bytes(revoked.exposed_bytes as f64).into(),
        time(revoked.exposed_for_s).into(),
    ]
}

/// What each class of links carried.
pub(super) fn classes<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.classes.is_empty() {
        return html.raw("<p class=\"soft\">No class of links was recorded.</p>");
    }
    let head = [
        words("Link class"),
        number("Messages"),
        number("Bytes on the wire"),
        number("Lost packets"),
        number("No room"),
        number("Airtime"),
        number("Longest wait"),
        number("Busiest interface"),
    ];
    let sum: u64 = recording.classes.iter().fold(0, |sum: u64, it| sum.saturating_add(it.bytes));
    html.table(&head, recording.classes.iter().map(|class| class_row(class, sum)))
}

/// An interface that is busier than that has no room for a bad day.
const FULL: f64 = 0.9;

fn class_row(class: &ClassRecord, sum: u64) -> Vec<Cell> {
    let busiest = share(class.busiest_share);
    vec![
        class.name.as_str().into(),
        count(class.messages).into(),
        Cell::Bar(bytes(class.bytes as f64), class.bytes as f64 / sum.max(1) as f64),
        count(class.lost).into(),
        if class.shed > 0 { Cell::Bad(count(class.shed)) } else { "0".into() },
        if class.airtime_s > 0.0 { time(class.airtime_s).into() } else { Cell::Unsaid("no radio".into()) },
        time(class.queue_max_ms / 1_000.0).into(),
        if class.busiest_share >= FULL {
            Cell::Bad(busiest)
        } else {
            Cell::Bar(busiest, class.busiest_share)
        },
    ]
}

/// What the checkers found.
pub(super) fn verdicts<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.verdicts.is_empty() {
        return html.raw("<p class=\"soft\">No checker looked at this run.</p>");
    }
    let head = [
        words("Checker"),
        words("Rule"),
        words("Must hold"),
        number("Looks"),
        number("Violations"),
        words("The first of them"),
    ];
    html.table(&head, recording.verdicts.iter().map(verdict_row))
}

fn verdict_row(verdict: &VerdictRecord) -> Vec<Cell> {
    let unsaid = verdict.violations.saturating_sub(verdict.first.len() as u64);
    let mut first = verdict.first.clone();
    if unsaid > 0 {
        first.push(format!("and {} more", count(unsaid)));
    }
    vec![
        verdict.checker.replace('_', " ").into(),
        Cell::Mark(verdict.violations == 0),
        if verdict.safety { "at every step" } else { "once faults are over" }.into(),
        // A checker that never looked has shown nothing.
        if verdict.looked == 0 { Cell::Bad("0".into()) } else { count(verdict.looked).into() },
        if verdict.violations > 0 { Cell::Bad(count(verdict.violations)) } else { "0".into() },
        if first.is_empty() { Cell::Unsaid("none".into()) } else { Cell::Lines(first) },
    ]
}

/// The same run over QUIC.
pub(super) fn wires<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    let Some(wires) = &recording.wires else { return html };
    html.raw(
        "<section class=\"narrow\" aria-labelledby=\"wires-title\"><h2 id=\"wires-title\">The model against real QUIC</h2>",
    );
    html.raw("<p class=\"hint\">The same scenario and seed over <code>quinn-proto</code> connections.</p>");
    let against = |ratio: f64| match ratio {
        _ if ratio > 1.0 => format!("{} more than the model", share(ratio - 1.0)),
        _ if ratio < 1.0 => format!("{} less than the model", share(1.0 - ratio)),
        _ => "the same as the model".into(),
    };
    let rows = [
        ("Time for half of all deliveries", wires.latency_p50_ratio),
        ("Time for 99 in 100", wires.latency_p99_ratio),
        ("Bytes sent", wires.bytes_ratio),
    ];
    let mut rows: Vec<_> = rows.map(|(what, ratio)| vec![what.into(), against(ratio).into()]).into();
    let both = if wires.both_converged { "yes".into() } else { Cell::Bad("no".into()) };
    rows.push(vec!["Both came to agree".into(), both]);
    html.table(&[words("Figure"), number("QUIC took")], rows).raw("</section>")
}

/// How to have the same again.
pub(super) fn again<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    let name = file_name(&recording.scenario);
    html.raw("<p>Save the scenario below as <code>")
        .text(&name)
        .raw("</code>. The same seed gives the same digest, bit for bit:</p>");
    let record = name.replace(".toml", ".json");
    html.raw("<pre class=\"command\">msec-sim run ").text(&name);
    html.text(&format!(" --seed {} --record {record}", recording.seed));
    html.raw("</pre><p class=\"digest\">Digest <code>").text(&recording.metrics.digest).raw("</code></p>");
    html.raw("<pre class=\"toml\">").text(&recording.toml).raw("</pre>")
}

/// A name that every shell and every file system takes as it is.
fn file_name(scenario: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = scenario.chars().take(FILE_NAME_MAX).map(plain).collect();
    let words: Vec<_> = name.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "scenario.toml".into() } else { format!("{}.toml", words.join("-")) }
}

/// The longest name of a file that is proposed, in characters.
const FILE_NAME_MAX: usize = 60;

/// What was more than a recording holds.
pub(super) fn left_out<'a>(html: &'a mut Html, recording: &Recording) -> &'a mut Html {
    if recording.left_out.is_empty() {
        return html;
    }
    html.raw("<p class=\"note\">More than a recording holds: ");
    let told = recording.left_out.iter();
    let told: Vec<_> = told.map(|it| format!("{} of {} {}", count(it.kept), count(it.of), it.what)).collect();
    html.text(&told.join(", ")).text(" are shown. What is counted above is counted in full.").raw("</p>")
}
