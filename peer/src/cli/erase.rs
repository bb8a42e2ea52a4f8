//! Erasing what streams hold, everywhere, and seeing who has done so.

use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args as ClapArgs;
use msec_identity::{LogId, PeerId};
use serde_json::json;

use super::args::Where;
use super::grant::{ask, lacks};
use super::show::say;
use super::values::{TimeArg, show_time};
use super::words::{self, entries, many, plain};
use crate::control::{AccessAnswer, AccessRequest};
use crate::net::wall_clock;
use crate::sdk::{ErasurePlan, ErasureTerms, ErasureView, Ordered};

/// How many streams are named before the rest is counted.
const NAMED_MAX: usize = 8;
/// How often it is looked who has confirmed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, ClapArgs)]
pub(super) struct Erase {
    /// This stream; may be given several times
    #[arg(long, value_name = "COLLECTION/STREAM")]
    stream: Vec<String>,
    /// What this peer wrote: its id or the first digits of it
    #[arg(long, value_name = "PEER")]
    by: Option<String>,
    /// What was written under this grant, or under the grants of this peer: the id or the first digits of it
    #[arg(long, value_name = "GRANT|PEER")]
    under: Option<String>,
    /// Entries with readings of then or later: 90m, 24h, 7d ago, a date (UTC), or a time as in RFC 3339
    #[arg(long, value_name = "TIME", alias = "since")]
    from: Option<TimeArg>,
    /// Entries with readings before then
    #[arg(long, value_name = "TIME", alias = "until")]
    to: Option<TimeArg>,
    /// Erase entries that hold readings outside of these times too: an entry goes whole
    #[arg(long)]
    whole_entries: bool,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only say what would be erased
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// How many seconds to wait for others to confirm
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3600))]
    wait: u64,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Erasures {
    /// Only this order: its id or the first digits of it
    #[arg(value_name = "ERASURE")]
    erasure: Option<String>,
    #[command(flatten)]
    place: Where,
}

pub(super) fn erase(args: &Erase) -> anyhow::Result<()> {
    let now = wall_clock();
    let terms = ErasureTerms {
        streams: args.stream.clone(),
        by: args.by.clone(),
        under: args.under.clone(),
        from: args.from.map(|at| at.from(now)),
        to: args.to.map(|at| at.from(now)),
        whole_entries: args.whole_entries,
        reason: args.reason.clone(),
    };
    let planned = ask(&args.place, AccessRequest::PlanErasure(terms.clone()))?;
    let plan = planned.into_iter().find_map(|answer| match answer {
        AccessAnswer::ErasurePlan(plan) => Some(*plan),
        _ => None,
    });
    let plan = plan.context("the peer did not say what would be erased")?;
    match (args.place.json, args.dry_run) {
        (true, true) => say(json!(plan)),
        (true, false) => {}
        (false, _) => in_words(&plan, args.whole_entries).iter().map(|line| plain(line)).for_each(say),
    }
    if args.dry_run {
        return Ok(());
    }
    if let Some(orders) = erased_before(args, &plan)? {
        if !args.place.json {
            say("it is erased already: nothing was ordered");
        }
        orders.iter().for_each(|view| show(view, args.place.json));
        return Ok(());
    }
    let is_refused = plan.outside > 0 && !args.whole_entries;
    // Whoever pipes into it has decided. What the peer refuses nobody needs to agree to.
    if !is_refused && !args.yes && std::io::stdin().is_terminal() && !agreed()? {
        say("nothing was erased");
        return Ok(());
    }
    let mut ordered = Vec::new();
    for answer in ask(&args.place, AccessRequest::Erase(terms))? {
        if let AccessAnswer::Ordered(order) = answer {
            ordered.push(order);
        }
    }
    if !args.place.json {
        for Ordered { erasure, logs, voices, .. } in &ordered {
            say(format!("ordered: {}  [{}]", words::logs(*logs), erasure.get(..10).unwrap_or_default()));
            if let Some(voices) = voices {
                lacks(*voices, erasure);
            }
        }
    }
    let views = wait_for(args, &ordered)?;
    views.iter().for_each(|view| show(view, args.place.json));
    Ok(())
}

/// The orders by which all of it was erased before, if there is nothing left that another one would take.
fn erased_before(args: &Erase, plan: &ErasurePlan) -> anyhow::Result<Option<Vec<ErasureView>>> {
    if plan.entries > 0 || plan.unknown > 0 {
        return Ok(None);
    }
    let names = |view: &ErasureView, log: &LogId| view.streams.iter().any(|it| it.log == *log);
    let mut orders = known(&args.place, None)?;
    orders.retain(|view| view.counts && view.done_here && plan.streams.iter().any(|it| names(view, &it.log)));
    let all = plan.streams.iter().all(|it| orders.iter().any(|view| names(view, &it.log)));
    Ok((all && !orders.is_empty()).then_some(orders))
}

/// Looks who has confirmed, until all have, or for as long as was asked for.
#[allow(clippy::disallowed_methods, reason = "a command waits for others, in real time")]
fn wait_for(args: &Erase, ordered: &[Ordered]) -> anyhow::Result<Vec<ErasureView>> {
    let until = Instant::now() + Duration::from_secs(args.wait);
    loop {
        let mut views = Vec::new();
        for order in ordered {
            views.extend(known(&args.place, Some(order.erasure.clone()))?);
        }
        let is_done =
            |it: &ErasureView| it.done_here && it.missing.is_empty() && it.missing_readers.is_empty();
        if views.iter().all(is_done) || Instant::now() >= until {
            return Ok(views);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn known(place: &Where, erasure: Option<String>) -> anyhow::Result<Vec<ErasureView>> {
    let answers = ask(place, AccessRequest::Erasures { erasure })?.into_iter();
    let views = answers.filter_map(|answer| match answer {
        AccessAnswer::Erasure(view) => Some(*view),
        _ => None,
    });
    Ok(views.collect())
}

pub(super) fn erasures(args: &Erasures) -> anyhow::Result<()> {
    let views = known(&args.place, args.erasure.clone())?;
    if views.is_empty() && !args.place.json {
        say("nothing was ordered to be erased, as far as this peer knows");
    }
    views.iter().for_each(|view| show(view, args.place.json));
    Ok(())
}

fn agreed() -> anyhow::Result<bool> {
    eprint!("Erase, everywhere and for good? [y/N] ");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn readings(count: u64) -> String {
    many(count, "reading", "readings")
}

/// What would be erased.
fn in_words(plan: &ErasurePlan, whole_entries: bool) -> Vec<String> {
    let mut lines: Vec<_> = plan
        .streams
        .iter()
        .take(NAMED_MAX)
        .map(|it| {
            format!(
                "erases: {}/{} by {}: {}, {}, {} bytes",
                it.collection,
                it.stream,
                it.author.short(),
                entries(it.entries),
                readings(it.readings),
                it.bytes
            )
        })
        .collect();
    if let Some(more) = plan.streams.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        lines.push(format!("and of {more} more streams"));
    }
    lines.push(format!(
        "in all: {}, {}, {} bytes, and what was not let go of these entries elsewhere",
        entries(plan.entries),
        readings(plan.readings),
        plan.bytes
    ));
    if plan.outside > 0 {
        let then = if whole_entries { "go with them" } else { "would go with them: add --whole-entries" };
        lines.push(format!(
            "{} outside of these times lie in the same entries, and {then}",
            readings(plan.outside)
        ));
    }
    if plan.unknown > 0 {
        lines.push(format!(
            "{} entries were let go here: where times are given they are not among them",
            plan.unknown
        ));
    }
    if let Some(voices) = plan.voices {
        lines.push(format!("it counts once {} roots agree", voices.needed));
    }
    lines
}

fn show(view: &ErasureView, as_json: bool) {
    match as_json {
        true => say(json!(view)),
        false => order_in_words(view).iter().map(|line| plain(line)).for_each(say),
    }
}

/// An order, and who has carried it out.
fn order_in_words(view: &ErasureView) -> Vec<String> {
    let reason = if view.reason.is_empty() { String::new() } else { format!(": {}", view.reason) };
    let short = view.erasure.get(..10).unwrap_or_default();
    let mut lines =
        vec![format!("● ordered by {} at {}{reason}  [{short}]", view.by.short(), moment(view.at_ms))];
    for it in view.streams.iter().take(NAMED_MAX) {
        let name = match (&it.collection, &it.stream) {
            (Some(collection), Some(stream)) => format!("{collection}/{stream}"),
            _ => format!("log {}, which is not held here", it.log.short()),
        };
        let by = it.author.map_or_else(String::new, |author| format!(" by {}", author.short()));
        lines.push(format!("  {} of {name}{by}", entries(it.entries)));
    }
    if let Some(more) = view.streams.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        lines.push(format!("  and of {more} more logs"));
    }
    lines.push(match (view.counts, view.done_here) {
        (false, _) => "  it counts for nothing: its issuer may not erase that, or too few roots agree".into(),
        (true, true) => "  nothing of it is left here".into(),
        (true, false) => "  it is not erased here yet".into(),
    });
    for it in &view.confirmed {
        lines.push(format!(
            "  {} ({}) has nothing left since {}",
            it.peer.short(),
            it.role,
            moment(it.at_ms)
        ));
    }
    let names = |peers: &[PeerId]| peers.iter().map(PeerId::short).collect::<Vec<_>>().join(", ");
    if !view.missing.is_empty() {
        lines.push(format!("  not heard from: {}", names(&view.missing)));
    }
    if !view.missing_readers.is_empty() {
        lines.push(format!("  not heard from, who may only read: {}", names(&view.missing_readers)));
    }
    if !view.missing_over.is_empty() {
        lines.push(format!("  not heard from, its grant is over: {}", names(&view.missing_over)));
    }
    if !view.missing_since.is_empty() {
        lines.push(format!("  let in since, and may not confirm: {}", names(&view.missing_since)));
    }
    if !view.writers.is_empty() {
        lines.push(format!("  wrote it: erases, and does not confirm: {}", names(&view.writers)));
    }
    lines
}

fn moment(millis: i64) -> String {
    let text = show_time(millis);
    text.get(..19).map_or(text.clone(), |text| format!("{text}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::{ErasedBy, ErasedStream, PlannedStream};

    #[test]
    fn what_would_go_is_told_in_words() {
        let stream = PlannedStream {
            collection: "parks/noise".into(),
            stream: "mic-1".into(),
            author: PeerId([2; 32]),
            log: LogId([3; 32]),
            entries: 4,
            readings: 9,
            outside: 2,
            bytes: 120,
        };
        let plan = ErasurePlan {
            streams: vec![stream; 9],
            entries: 36,
            readings: 81,
            outside: 18,
            bytes: 1080,
            ..ErasurePlan::default()
        };
        let lines = in_words(&plan, false);
        assert_eq!(lines[0], "erases: parks/noise/mic-1 by 0202020202: 4 entries, 9 readings, 120 bytes");
        assert_eq!(lines[8], "and of 1 more streams");
        assert!(lines[10].contains("18 readings") && lines[10].ends_with("--whole-entries"));
        assert!(in_words(&plan, true)[10].ends_with("go with them"));
    }

    #[test]
    fn who_has_erased_and_who_was_not_heard_from_is_told_in_words() {
        let view = ErasureView {
            erasure: "5ab91c44d0".repeat(6),
            by: PeerId([1; 32]),
            at_ms: 1_767_225_600_000,
            reason: "asked for\u{1b}[2J".into(),
            counts: true,
            done_here: true,
            streams: vec![
                ErasedStream {
                    log: LogId([3; 32]),
                    collection: Some("parks".into()),
                    stream: Some("mic-1".into()),
                    author: Some(PeerId([2; 32])),
                    entries: 4,
                },
                ErasedStream {
                    log: LogId([4; 32]),
                    collection: None,
                    stream: None,
                    author: None,
                    entries: 1,
                },
            ],
            confirmed: vec![ErasedBy {
                peer: PeerId([1; 32]),
                at_ms: 1_767_225_601_500,
                role: "relay".into(),
            }],
            missing: vec![PeerId([5; 32])],
            missing_readers: vec![PeerId([6; 32])],
            missing_over: vec![PeerId([7; 32])],
            missing_since: vec![PeerId([8; 32])],
            writers: vec![PeerId([2; 32])],
            voices: None,
        };
        let lines: Vec<_> = order_in_words(&view).iter().map(|line| plain(line)).collect();
        let expected = "  4 entries of parks/mic-1 by 0202020202
  1 entry of log 0404040404, which is not held here
  nothing of it is left here
  0101010101 (relay) has nothing left since 2026-01-01T00:00:01Z
  not heard from: 0505050505
  not heard from, who may only read: 0606060606
  not heard from, its grant is over: 0707070707
  let in since, and may not confirm: 0808080808
  wrote it: erases, and does not confirm: 0202020202";
        assert_eq!(lines[1..].join("\n"), expected);
        assert!(
            lines[0].contains("asked for") && !lines[0].contains('\u{1b}'),
            "words of others move no cursor"
        );
        let view = ErasureView { counts: false, ..view };
        assert!(order_in_words(&view).iter().any(|line| line.contains("counts for nothing")));
    }
}
