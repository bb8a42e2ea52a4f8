//! How things are shown: lines for people, JSON for programs.

use std::fmt::Display;
use std::io::Write;

use msec_crdt_store::{Fork, Head};
use msec_identity::{Class, Unverified};
use serde_json::{Value, json};

use super::values::show_time;
use crate::control::RowLine;
use crate::node::Freshness;
use crate::sdk::LeaseStatus;

/// Prints a line at once: whoever reads it may be waiting.
pub(super) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading any more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// One reading as a line: a JSON object, or columns with tabs between them.
pub(super) fn row(row: &RowLine, as_json: bool) -> String {
    if as_json {
        return json!(row).to_string();
    }
    let RowLine { time_ms, value, unit, collection, stream, author, .. } = row;
    let value = value.map_or_else(|| "not finite".into(), |value| value.to_string());
    let mut line =
        format!("{}\t{collection}/{stream}\t{value} {unit}\t{}", show_time(*time_ms), author.short());
    let place = row.place.map(|(latitude, longitude)| format!("{latitude},{longitude}"));
    let quality = (!row.quality.is_good()).then(|| row.quality.name().to_owned());
    let clock = match (row.synchronised, row.clock_within_ms) {
        (false, _) => Some("clock not set".to_owned()),
        (true, bound) => bound.map(|ms| format!("clock within {}", within(ms))),
    };
    let contested = row.contested.then(|| "contested".to_owned());
    for remark in [place, quality, clock, contested].into_iter().flatten() {
        line = line + "\t" + &remark;
    }
    line
}

/// How far a clock may be off, as people say it.
pub(super) fn within(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ => span(ms.div_ceil(1_000)),
    }
}

/// What shows that a log was forked, as people say it.
pub(super) fn forked(fork: &Fork) -> String {
    let [shorter, longer] = fork.heads().map(|head| head.size);
    format!(
        "{}/{} is contested from entry {} on: {} signed two histories of it, of {shorter} and {longer} entries. Its key was copied, or \
         it lies: revoke its grant",
        fork.header().collection(),
        fork.header().stream(),
        fork.in_common(),
        fork.author()
    )
}

/// The same for programs.
pub(super) fn fork_json(fork: &Fork) -> Value {
    json!({
        "log": fork.log(), "author": fork.author(), "collection": fork.header().collection().as_str(),
        "stream": fork.header().stream(), "sizes": fork.heads().map(|head| head.size), "in_common": fork.in_common(),
    })
}

/// A head that may be half of the evidence of a fork, for programs.
pub(super) fn head_json(head: &Unverified<Head>) -> Value {
    let record: String = head.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "log": head.claims().log, "size": head.claims().size, "record": record })
}

/// That a class of data is withheld or shown from now on, as people say it.
pub(super) fn lease(class: Class, freshness: Freshness) -> String {
    match freshness {
        Freshness::Closed => format!(
            "what holds {class} data is withheld: whoever issues grants was not heard from for too long. It is stored, and shown once one \
             answers: look with `msec peers` whether this peer has a way there"
        ),
        Freshness::Open => format!(
            "whoever issues grants was not heard from for too long: somebody may still be shown {class} data whose rights are over"
        ),
        Freshness::Fresh | Freshness::Unknown => format!("an issuer was heard from: {class} data is shown"),
    }
}

/// How fresh a peer is for a class of data, as people say it.
pub(super) fn freshness(it: &LeaseStatus) -> String {
    let heard = match (it.age_s, &it.issuer) {
        (Some(age_s), Some(issuer)) => format!("{} was heard from {} ago", issuer.short(), span(age_s)),
        _ => "no issuer was heard from since it was started".into(),
    };
    let most = span(it.max_age_s);
    let names: Vec<_> =
        it.withheld.iter().map(|name| if name.is_empty() { "everything" } else { name.as_str() }).collect();
    match it.state.as_str() {
        "fresh" if it.age_s.is_none() => "nothing of it is wanted".into(),
        "fresh" => format!("fresh: {heard}, of at most {most}"),
        "open" => format!("stale: {heard}, of at most {most}; it is shown all the same"),
        _ if names.is_empty() => format!("not known yet: {heard}"),
        _ => format!(
            "withheld: {}; {heard}, of at most {most}; `msec peers` shows whom it could ask",
            names.join(", ")
        ),
    }
}

/// Rows of columns, each as wide as its widest cell.
pub(super) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// How long something took, as people say it.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What storing has cost the disk.
pub(super) fn written(bytes: u64, readings: u64) -> String {
    match bytes.checked_div(readings) {
        Some(each) => format!("{bytes} bytes for {readings} readings, {each} for each"),
        None => format!("{bytes} bytes, and no readings yet"),
    }
}
