//! Who could read, told to people and to programs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use msec_identity::PeerId;
use serde_json::json;

use super::args::Where;
use super::grant::ask;
use super::show::{say, within};
use super::values::{TimeArg, show_time};
use super::words::{day, place, plain};
use crate::control::{AccessAnswer, AccessRequest};
use crate::net::wall_clock;
use crate::sdk::{EndView, Explanation, LinkView, Question, ReaderView, SignedExplanation};

/// The longest explanation that is read from a file.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, ClapArgs)]
pub(super) struct Explain {
    /// A collection, or a stream in one
    #[arg(value_name = "COLLECTION[/STREAM]", required_unless_present = "check")]
    what: Option<String>,
    /// When: 90m, 24h, 7d ago, a date (UTC), or a time as in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<TimeArg>,
    /// Write the answer to a file, signed by this peer
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Check a file that another peer wrote so, and show what it says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["what", "at", "receipt"])]
    check: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

pub(super) fn explain(args: &Explain) -> anyhow::Result<()> {
    if let Some(file) = &args.check {
        let cannot = || format!("cannot read {}", file.display());
        if fs::metadata(file).with_context(cannot)?.len() > FILE_BYTES_MAX {
            bail!("{} is no explanation: it is too long", file.display());
        }
        let text = fs::read_to_string(file).with_context(cannot)?;
        let Some(signed) = SignedExplanation::from_file(&text) else {
            bail!(
                "{} was changed since it was signed, or is no explanation: ask for it again, as `msec explain --receipt` wrote it",
                file.display()
            );
        };
        if !args.place.json {
            say(format!("signed by {}", signed.explanation.by));
        }
        show(args, &signed.explanation);
        return Ok(());
    }
    let now = wall_clock();
    let what = args.what.clone().context("say which collection: `msec explain COLLECTION`")?;
    let question = Question { what, at: args.at.map_or(now, |at| at.from(now)) };
    let signed = args.receipt.is_some();
    for answer in ask(&args.place, AccessRequest::Explain { question, signed })? {
        match (answer, &args.receipt) {
            (AccessAnswer::Explained(explanation), _) => show(args, &explanation),
            (AccessAnswer::Signed(text), Some(file)) => {
                fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
                if !args.place.json {
                    say(format!("signed: {}", file.display()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn show(args: &Explain, explanation: &Explanation) {
    match args.place.json {
        true => say(json!(explanation)),
        false => in_words(explanation).iter().map(|line| plain(line)).for_each(say),
    }
}

fn moment(millis: i64) -> String {
    let text = show_time(millis);
    text.get(..19).map_or(text.clone(), |text| format!("{text}Z"))
}

fn in_words(it: &Explanation) -> Vec<String> {
    let what = match (&it.stream, it.collection.as_str()) {
        (Some(stream), collection) => format!("{collection}/{stream}"),
        (None, "") => "everything".into(),
        (None, collection) => collection.into(),
    };
    let mut lines = vec![format!(
        "{what} in {} ({}) at {}, as {} knows at {}",
        it.name,
        it.space.short(),
        moment(it.at_ms),
        it.by.short(),
        moment(it.said_ms)
    )];
    if !it.writers.is_empty() {
        lines.push(format!("written by {}, who can read it whatever else", names(&it.writers)));
    }
    if it.readers.is_empty() {
        lines.push("nobody else could read it".into());
    }
    it.readers.iter().for_each(|reader| lines.extend(reader_in_words(reader)));
    lines
}

fn names(peers: &[PeerId]) -> String {
    peers.iter().map(PeerId::short).collect::<Vec<_>>().join(", ")
}

fn reader_in_words(reader: &ReaderView) -> Vec<String> {
    let could = if reader.right == "read" { "could read it" } else { "carried it, and could look at it" };
    let mut lines = vec![format!(
        "● {} {could}, from {} until {}",
        reader.holder.short(),
        moment(reader.from_ms),
        moment(reader.until_ms)
    )];
    lines.extend(reader.chain.iter().enumerate().map(|(nth, link)| link_in_words(nth, link)));
    if let Some(ended) = &reader.ended {
        lines.extend(end_in_words(ended));
    }
    lines
}

fn link_in_words(nth: usize, link: &LinkView) -> String {
    let approved = match &link.approved_by[..] {
        [] => String::new(),
        by => format!(", with {}", names(by)),
    };
    let begin = if nth == 0 { "since" } else { "and" };
    format!(
        "  {begin} {}{approved} let {} {} {} until {}  [{}]",
        link.issuer.short(),
        link.holder.short(),
        link.rights,
        place(&link.collection),
        day(link.until_ms),
        link.grant.short()
    )
}

fn end_in_words(ended: &EndView) -> Vec<String> {
    let who = ended.by.map_or_else(|| "a change of roots".into(), |by| by.short());
    let when = ended.at_ms.map_or_else(String::new, |at| format!(" at {}", moment(at)));
    let reason = if ended.reason.is_empty() { String::new() } else { format!(": {}", ended.reason) };
    let mut lines = vec![format!("  ended by {who}{when}{reason}  [{}]", ended.grant.short())];
    for it in &ended.confirmed {
        let served = match it.served {
            0 => "gave it nothing in between".to_owned(),
            bytes => format!("gave it up to {bytes} bytes in between"),
        };
        lines.push(format!(
            "    {} ({}) knows since {}, {served}",
            it.peer.short(),
            it.role,
            moment(it.at_ms)
        ));
    }
    if !ended.unconfirmed.is_empty() {
        lines.push(format!("    not heard from: {}", names(&ended.unconfirmed)));
    }
    lines.push(match ended.window_ms {
        Some(ms) => format!(
            "    exposed for {}, up to {} bytes read after it ended, as far as is known",
            within(ms.unsigned_abs()),
            ended.served_after
        ),
        None if !ended.confirmed.is_empty() => format!(
            "    a clock was wrong: how long it was exposed is not known; up to {} bytes read after it ended, as far as is known",
            ended.served_after
        ),
        None => "    nobody has confirmed yet that it knows: how long it was exposed is not known".into(),
    });
    lines
}

#[cfg(test)]
mod tests {
    use msec_identity::{GrantId, SpaceId};

    use super::*;
    use crate::sdk::{Confirmed, HolderView};

    fn explanation(reason: &str) -> Explanation {
        let (root, phone) = (PeerId([1; 32]), PeerId([2; 32]));
        let link = LinkView {
            grant: GrantId([5; 32]),
            issuer: root,
            holder: HolderView::Peer(phone),
            rights: "read".into(),
            collection: "parks".into(),
            until_ms: 1_798_761_600_000,
            approved_by: vec![PeerId([3; 32])],
        };
        let confirmed =
            Confirmed { peer: root, at_ms: 1_767_225_601_500, role: "relay,manage".into(), served: 2_210 };
        let ended = EndView {
            grant: GrantId([5; 32]),
            revocation: Some("99".repeat(32)),
            by: Some(root),
            at_ms: Some(1_767_225_600_000),
            reason: reason.into(),
            confirmed: vec![confirmed],
            unconfirmed: vec![PeerId([4; 32])],
            window_ms: Some(1_500),
            served_after: 2_210,
        };
        let reader = ReaderView {
            holder: phone,
            right: "read".into(),
            chain: vec![link],
            from_ms: 1_764_547_200_000,
            until_ms: 1_798_761_600_000,
            ended: Some(ended),
        };
        Explanation {
            space: SpaceId([9; 32]),
            name: "harbour".into(),
            collection: "parks/noise".into(),
            stream: None,
            writers: Vec::new(),
            at_ms: 1_767_225_500_000,
            by: root,
            said_ms: 1_767_312_000_000,
            readers: vec![reader],
        }
    }

    #[test]
    fn who_could_read_is_told_in_words() {
        let expected = "\
parks/noise in harbour (0909090909) at 2025-12-31T23:58:20Z, as 0101010101 knows at 2026-01-02T00:00:00Z
● 0202020202 could read it, from 2025-12-01T00:00:00Z until 2027-01-01T00:00:00Z
  since 0101010101, with 0303030303 let 0202020202 read in parks until 2027-01-01  [0505050505]
  ended by 0101010101 at 2026-01-01T00:00:00Z: lost  [0505050505]
    0101010101 (relay,manage) knows since 2026-01-01T00:00:01Z, gave it up to 2210 bytes in between
    not heard from: 0404040404
    exposed for 2 s, up to 2210 bytes read after it ended, as far as is known";
        assert_eq!(in_words(&explanation("lost")).join("\n"), expected);
    }

    /// Found in review: a file may come from anybody, and its reason is shown on a terminal.
    #[test]
    fn words_of_others_move_no_cursor() {
        let lines = in_words(&explanation("lost\u{1b}[2J\u{202e}"));
        assert!(lines.iter().any(|line| line.contains('\u{1b}')));
        assert!(lines.iter().all(|line| !plain(line).contains(['\u{1b}', '\u{202e}'])));
    }
}
