//! Sealed collections, made and shown.

use anyhow::bail;
use clap::Args as ClapArgs;
use serde_json::json;

use super::args::Where;
use super::ask::each;
use super::show::{say, span};
use super::words::plain;
use crate::control::{Answer, Request, SealedLine, WaitsFor};
use crate::net::wall_clock;

#[derive(Debug, ClapArgs)]
pub(super) struct Seal {
    /// The collection, with those below it; nothing may lie there yet
    #[arg(value_name = "COLLECTION")]
    collection: String,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Epochs {
    /// A collection and those below it
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    collection: String,
    #[command(flatten)]
    place: Where,
}

pub(super) fn seal(args: &Seal) -> anyhow::Result<()> {
    let request = Request::Seal { collection: args.collection.clone() };
    let (mut lines, mut later) = (Vec::new(), None);
    each(&args.place, &request, |answer| match answer {
        Answer::Sealed(line) => lines.push(*line),
        Answer::TryAgain(why) => later = Some(why),
        _ => {}
    })?;
    if let Some(why) = later {
        bail!("not now: {why}");
    }
    for line in lines {
        if args.place.json {
            say(json!(line));
            continue;
        }
        say(format!("sealed: {}, epoch {} ({})", plain(&line.collection), line.number, line.epoch.short()));
        eprintln!(
            "msec: this peer wraps it for whoever may read or write there, as it meets them: keep it running; `msec epochs` shows for whom"
        );
    }
    Ok(())
}

pub(super) fn epochs(args: &Epochs) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    each(&args.place, &Request::Epochs { collection: args.collection.clone() }, |answer| {
        if let Answer::Sealed(line) = answer {
            lines.push(*line);
        }
    })?;
    if args.place.json {
        lines.iter().for_each(|line| say(json!(line)));
        return Ok(());
    }
    if lines.is_empty() {
        eprintln!("msec: nothing is sealed there, as far as this peer knows: `msec seal COLLECTION` begins");
    }
    lines.iter().for_each(show);
    Ok(())
}

fn show(line: &SealedLine) {
    let age_s = wall_clock().0.saturating_sub(line.since_ms).max(0) / 1000;
    say(format!(
        "{}  epoch {} ({}), {} old, by {}",
        plain(&line.collection),
        line.number,
        line.epoch.short(),
        span(age_s.unsigned_abs()),
        line.issuer.short()
    ));
    say(format!("  wrapped for {} readers, {} writers can write", line.readers, line.writers));
    let here = match (line.opened, line.epochs) {
        (0, _) => "this peer carries it, and reads nothing of it".to_owned(),
        (opened, epochs) if opened == epochs => "this peer reads all of it".to_owned(),
        (opened, epochs) => format!("this peer reads {opened} of {epochs} epochs"),
    };
    say(format!("  {here}: {} entries in {} logs", line.entries, line.logs));
    for it in &line.waiting {
        let why = match it.waits_for {
            WaitsFor::Key => "has not said its sealing key: let its peer run and find this one",
            WaitsFor::NewKey => {
                "has a sealing key that is no longer endorsed: let its peer run and find this one"
            }
            WaitsFor::Epoch => {
                "may read from later on than this epoch: it gets the next one, in a minute or two"
            }
            WaitsFor::Wrap => "waits for a manager's peer to wrap for it",
        };
        say(format!("  {} {why}", it.peer.short()));
    }
}

/// What is said under the answer to a query.
pub(super) fn unread(collection: &str, entries: u64) {
    eprintln!(
        "msec: {entries} sealed entries in {} are held here and cannot be read: nothing of them was wrapped for this peer",
        plain(collection)
    );
}
