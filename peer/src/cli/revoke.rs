//! Ending grants, and letting logs count that were left out.

use std::io::{BufRead, IsTerminal, Write};
use std::str::FromStr;

use anyhow::Context;
use clap::Args as ClapArgs;
use msec_identity::LogId;
use serde_json::json;

use super::args::Where;
use super::grant::{ask, lacks};
use super::show::say;
use super::words::{entries, logs, place, plain};
use crate::control::{AccessAnswer, AccessRequest};
use crate::sdk::{CutTerms, HolderView, RestoreTerms, RevocationPlan, RevokeTerms};

/// How many holders are named before the rest is counted.
const NAMED_MAX: usize = 8;

#[derive(Debug, ClapArgs)]
pub(super) struct Revoke {
    /// A grant, or a peer whose grants all end: its id or the first digits of it, as `msec grants` shows them
    #[arg(value_name = "GRANT|PEER")]
    target: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Up to where its logs count: now (what this peer holds of them), none, or LOG=SIZE; may be given several times
    #[arg(long, value_name = "now|none|LOG=SIZE", default_value = "now")]
    cut: Vec<CutArg>,
    /// End all that was granted below it too
    #[arg(long)]
    all: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Restore {
    /// The revocation: its id or the first digits of it, as `msec grants` shows them
    #[arg(value_name = "REVOCATION")]
    revocation: String,
    /// Up to where a log counts; may be given several times [default: all that are held here, as far as they are]
    #[arg(long, value_name = "LOG=SIZE")]
    log: Vec<LogArg>,
    #[command(flatten)]
    place: Where,
}

/// `LOG=SIZE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LogArg(LogId, u64);

impl FromStr for LogArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (log, size) = text.split_once('=')?;
            Some(Self(log.parse().ok()?, size.trim().parse().ok()?))
        };
        parse().ok_or_else(|| {
            format!("`{text}` is not a log and a size: write LOG=SIZE, with the log's 64 digits")
        })
    }
}

/// What `--cut` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CutArg {
    Now,
    None,
    Log(LogArg),
}

impl FromStr for CutArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "now" => Ok(Self::Now),
            "none" => Ok(Self::None),
            text => text.parse().map(Self::Log).map_err(|error| format!("{error}; or now, or none")),
        }
    }
}

fn cut(args: &[CutArg]) -> CutTerms {
    if args.contains(&CutArg::None) {
        return CutTerms::None;
    }
    let logs = args.iter().filter_map(|it| match it {
        CutArg::Log(LogArg(log, size)) => Some((*log, *size)),
        _ => None,
    });
    let logs: Vec<_> = logs.collect();
    if logs.is_empty() { CutTerms::Now } else { CutTerms::At(logs) }
}

pub(super) fn revoke(args: &Revoke) -> anyhow::Result<()> {
    let (target, reason) = (args.target.clone(), args.reason.clone());
    let terms = RevokeTerms { target, reason, cut: cut(&args.cut), all: args.all };
    let plan =
        ask(&args.place, AccessRequest::Plan(terms.clone()))?.into_iter().find_map(|answer| match answer {
            AccessAnswer::Plan(plan) => Some(*plan),
            _ => None,
        });
    let plan = plan.context("the peer did not say what would be lost")?;
    if !args.place.json {
        in_words(&plan).iter().map(|line| plain(line)).for_each(say);
    }
    // Whoever pipes into it has decided.
    if !args.yes && std::io::stdin().is_terminal() && !agreed("Revoke")? {
        say("nothing was revoked");
        return Ok(());
    }
    for answer in ask(&args.place, AccessRequest::Revoke(terms))? {
        let AccessAnswer::Revoked(revoked) = answer else { continue };
        if args.place.json {
            say(json!(revoked));
            continue;
        }
        let restorations = match revoked.restorations.len() {
            0 => String::new(),
            1 => ", the last ones in a restoration".into(),
            more => format!(", the last ones in {more} restorations"),
        };
        say(format!(
            "revoked: {} of {}, {} named, with those of the mesh's own{restorations}  [{}]",
            revoked.grant.short(),
            revoked.holder.short(),
            logs(revoked.logs),
            revoked.revocation.get(..10).unwrap_or_default()
        ));
        if let Some(voices) = revoked.voices {
            for record in std::iter::once(&revoked.revocation).chain(&revoked.restorations) {
                lacks(voices, record);
            }
        }
    }
    Ok(())
}

/// Whether a person at the terminal says yes.
pub(super) fn agreed(what: &str) -> anyhow::Result<bool> {
    eprint!("{what}? [y/N] ");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// What would be lost.
pub(super) fn in_words(plan: &RevocationPlan) -> Vec<String> {
    let mut lines: Vec<_> = plan
        .grants
        .iter()
        .map(|it| {
            format!(
                "ends: {} {} {}  [{}]",
                it.holder.short(),
                it.rights,
                place(&it.collection),
                it.grant.short()
            )
        })
        .collect();
    let held = |logs: usize, count: u64| match (logs, count) {
        (0, _) => "no data that this peer holds".to_owned(),
        (1, count) => format!("{} of one log", entries(count)),
        (logs, count) => format!("{} of {logs} logs", entries(count)),
    };
    lines.push(format!("stays: {}", held(plan.kept_logs, plan.kept_entries)));
    lines
        .push(format!("lost: {}; and what others hold beyond that", held(plan.lost_logs, plan.lost_entries)));
    if !plan.go_on.is_empty() {
        lines.push(format!("goes on: {}", names(&plan.go_on)));
    }
    if !plan.fall.is_empty() {
        lines.push(format!("falls with it: {}", names(&plan.fall)));
    }
    if let Some(voices) = plan.voices {
        lines.push(format!("it binds once {} roots agree", voices.needed));
    }
    lines
}

fn names(holders: &[HolderView]) -> String {
    let named = holders.iter().take(NAMED_MAX).map(HolderView::short).collect::<Vec<_>>().join(", ");
    match holders.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

pub(super) fn restore(args: &Restore) -> anyhow::Result<()> {
    let named = args.log.iter().map(|LogArg(log, size)| (*log, *size)).collect();
    let terms = RestoreTerms { revocation: args.revocation.clone(), logs: named };
    for answer in ask(&args.place, AccessRequest::Restore(terms))? {
        let AccessAnswer::Restored(restored) = answer else { continue };
        if args.place.json {
            say(json!(restored));
            continue;
        }
        say(format!("restored: {} of {}", entries(restored.entries), logs(restored.logs)));
        if let Some(voices) = restored.voices {
            restored.restorations.iter().for_each(|record| lacks(voices, record));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_read_or_say_what_is_wrong() {
        let log = "ab".repeat(32);
        let arg = |text: &str| text.parse::<CutArg>();
        let named = arg(&format!("{log}=12")).expect("a cut");
        assert_eq!(named, CutArg::Log(LogArg(LogId([0xab; 32]), 12)));
        assert_eq!(cut(&[CutArg::Now]), CutTerms::Now);
        assert_eq!(cut(&[CutArg::Now, named]), CutTerms::At(vec![(LogId([0xab; 32]), 12)]));
        assert_eq!(cut(&[named, CutArg::None]), CutTerms::None);
        for text in ["", "all", "ab=12", &format!("{log}=-1"), &format!("{log}=")] {
            assert!(arg(text).expect_err(text).contains("LOG=SIZE"));
        }
    }
}
