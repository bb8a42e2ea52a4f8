//! A new device for a lost one.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;

use super::args::Where;
use super::grant::{ask, lacks};
use super::grants::peer_called;
use super::out::Out;
use super::revoke::{agreed, in_words};
use super::show::say;
use super::words::{place, plain};
use crate::control::{AccessAnswer, AccessRequest};
use crate::sdk::{ReplaceTerms, ReplacementPlan};

#[derive(Debug, ClapArgs)]
pub(super) struct Replace {
    /// The lost peer: its id or the first digits of it, as `msec grants` shows them
    #[arg(value_name = "OLD")]
    old: String,
    /// Who takes its place: the id that `msec id` shows there, or the first digits of it where it is known here
    #[arg(value_name = "NEW")]
    new: String,
    /// The file with which the new one joins
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// For how many days [default: for as long as the old grants were given for]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) fn replace(args: &Replace) -> anyhow::Result<()> {
    let out = Out::open(&args.out)?;
    let new = peer_called(&args.place, &args.new)?;
    let (old, reason) = (args.old.clone(), args.reason.clone());
    let terms = ReplaceTerms { old, new, days: args.days, reason };
    let planned = ask(&args.place, AccessRequest::PlanReplacement(terms.clone()))?;
    let plan = planned.into_iter().find_map(|answer| match answer {
        AccessAnswer::ReplacementPlan(plan) => Some(*plan),
        _ => None,
    });
    let plan = plan.context("the peer did not say what would change")?;
    if !args.place.json {
        ends(&plan).iter().chain(&gets(&plan)).map(|line| plain(line)).for_each(say);
    }
    // Whoever pipes into it has decided, and where all is done there is nothing to decide.
    if plan.ends.is_some() && !args.yes && std::io::stdin().is_terminal() && !agreed("Replace")? {
        say("nothing was changed");
        return Ok(());
    }
    let replaced =
        ask(&args.place, AccessRequest::Replace(terms))?.into_iter().find_map(|answer| match answer {
            AccessAnswer::Replaced(replaced) => Some(*replaced),
            _ => None,
        });
    let replaced = replaced.context("the peer did not say what it changed")?;
    out.write(&replaced.invitation)?;
    if args.place.json {
        say(json!({
            "old": replaced.old, "revoked": replaced.revoked, "grants": replaced.grants, "streams": replaced.streams, "file": args.out,
        }));
        return Ok(());
    }
    let out = args.out.display();
    let (old, new) = (replaced.old.short(), new.short());
    say(match plan.ends {
        Some(_) => format!("{old} is replaced by {new}: {out}"),
        None => format!("{old} was replaced by {new} before; the invitation is written again: {out}"),
    });
    for revoked in &replaced.revoked {
        if let Some(voices) = revoked.voices {
            lacks(voices, &revoked.revocation);
            lacks(voices, &out.to_string());
        }
    }
    eprintln!(
        "Next: `msec join {out}` on the new device. What the lost one writes from now on is shown to nobody"
    );
    Ok(())
}

/// What the old device would lose.
fn ends(plan: &ReplacementPlan) -> Vec<String> {
    plan.ends.as_ref().map(in_words).unwrap_or_default()
}

/// What the new device would have.
fn gets(plan: &ReplacementPlan) -> Vec<String> {
    let gets = |grant: &crate::sdk::PlannedGrant| {
        format!(
            "{}: {} {} {}, for {} days",
            if grant.held { "has already" } else { "gets" },
            plan.new.short(),
            grant.rights,
            place(&grant.collection),
            grant.days
        )
    };
    let streams = match plan.streams {
        0 => None,
        1 => Some("goes on: one stream, in a log that names the old one".to_owned()),
        streams => Some(format!("goes on: {streams} streams, in logs that name the old ones")),
    };
    plan.grants.iter().map(gets).chain(streams).collect()
}
