//! Letting somebody in, and agreeing to what another root said.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use msec_identity::{Approval, ControlRecord, Manifest, PeerId};
use serde_json::json;

use super::args::Where;
use super::ask::each;
use super::grants::grant_called;
use super::keep::bytes;
use super::out::Out;
use super::show::say;
use super::values::WithinArg;
use super::words::{day, may};
use crate::control::{AccessAnswer, AccessRequest, Answer, Request, Within};
use crate::sdk::{DIGITS_MIN, GrantHolder, GrantTerms, Issued, Limits, Membership, VoicesView};

const DAY_MS: i64 = 24 * 3600 * 1000;

#[derive(Debug, ClapArgs)]
pub(super) struct Grant {
    /// Who may: the id that `msec id` shows there
    #[arg(value_name = "ID", required_unless_present = "space")]
    holder: Option<PeerId>,
    /// Another space instead, by its manifest or an invitation to it: one link between two cities
    #[arg(long, value_name = "FILE", conflicts_with = "holder")]
    space: Option<PathBuf>,
    /// What: some of relay, read, write, manage. Who relays reads too what is not sealed (`msec seal`)
    #[arg(long, value_name = "RIGHTS")]
    may: String,
    /// Where: a collection and those below it; the whole space if left out
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    collection: String,
    /// For how many days
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// How many links may follow: whoever holds it may pass it on, narrower. With manage only
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=7))]
    depth: u8,
    /// The grant to issue it under, by its id or the first digits of it [default: as a root, or the grant with manage that covers it and lasts longest]
    #[arg(long, value_name = "GRANT")]
    under: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// The file to write the grant to
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
struct LimitArgs {
    /// At most so many entries a minute
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// At most so many logs
    #[arg(long, value_name = "N")]
    logs: Option<u16>,
    /// At most so many bytes a day, such as 8MB
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    bytes_per_day: Option<u64>,
    /// At most so many incarnations of one stream
    #[arg(long, value_name = "N")]
    incarnations: Option<u16>,
    /// Only what is measured in a box on the map, in degrees
    #[arg(long, value_name = "SOUTH,WEST,NORTH,EAST", allow_hyphen_values = true)]
    within: Option<WithinArg>,
    /// What for, in words to which nobody is held
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Approve {
    /// An invitation, or the id of a grant, a revocation, a restoration or a succession, or the first digits of it
    #[arg(value_name = "FILE|RECORD")]
    what: String,
    /// Where to write the invitation with the approvals [default: over itself]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

/// Asks the peer, running or not, and returns what it says.
pub(super) fn ask(place: &Where, request: AccessRequest) -> anyhow::Result<Vec<AccessAnswer>> {
    let mut answers = Vec::new();
    each(place, &Request::Access(request), |answer| {
        if let Answer::Access(answer) = answer {
            answers.push(answer);
        }
    })?;
    Ok(answers)
}

pub(super) fn grant(args: &Grant) -> anyhow::Result<()> {
    let holder = match (&args.space, args.holder) {
        (Some(file), _) => GrantHolder::Space(manifest(file)?.to_bytes()),
        (None, Some(peer)) => GrantHolder::Peer(peer),
        (None, None) => bail!("say whom it is for: an ID, or --space FILE"),
    };
    let Grant { may: rights, collection, days, depth, limits, .. } = args;
    let under = args.under.as_deref().map(|under| grant_called(&args.place, under)).transpose()?;
    let terms = GrantTerms {
        holder,
        rights: rights.clone(),
        collection: collection.clone(),
        days: *days,
        lasts_s: None,
        depth: *depth,
        under,
        limits: limits.limits(),
    };
    let out = Out::open(&args.out)?;
    let answers = ask(&args.place, AccessRequest::Grant(terms))?;
    let issued = answers.into_iter().find_map(|answer| match answer {
        AccessAnswer::Issued(issued) => Some(*issued),
        _ => None,
    });
    let issued = issued.context("the peer did not say what it granted")?;
    out.write(&issued.invitation)?;
    if args.place.json {
        let Issued { grant, under, until_ms, entered, voices, .. } = &issued;
        say(json!({
            "grant": grant, "file": args.out, "under": under, "until_ms": until_ms, "entered": entered, "voices": voices,
        }));
        return Ok(());
    }
    say(granted(args, &issued));
    if args.space.is_some() && args.depth == 0 {
        eprintln!(
            "msec: only the roots of that space may use it, and nobody there can pass it on: for that, grant `manage` too, and --depth 1 or more"
        );
    }
    if !issued.entered {
        eprintln!(
            "msec: it stands in no control log, since a space holds the link above: it falls when that is revoked"
        );
    }
    if let Some(voices) = issued.voices {
        lacks(voices, &args.out.display().to_string());
    }
    Ok(())
}

/// What was granted, in a line.
fn granted(args: &Grant, issued: &Issued) -> String {
    let place = if issued.collection.is_empty() { "the whole space" } else { &issued.collection };
    let asked = crate::net::wall_clock().saturating_add(i64::from(args.days) * DAY_MS);
    let until = match asked.0 - issued.until_ms > DAY_MS / 24 {
        true => format!("until {}, as long as the link above", day(issued.until_ms)),
        false => format!("for {} days", args.days),
    };
    let depth = match issued.depth {
        0 => String::new(),
        1 => ", and let others in once".into(),
        depth => format!(", and let others in, {depth} links deep"),
    };
    let file = args.out.display();
    format!("{} may {} in {place} {until}{depth}: {file}", issued.holder.short(), issued.rights)
}

/// Says how many roots are missing, and what to do.
pub(super) fn lacks(voices: VoicesView, what: &str) {
    if voices.missing() > 0 {
        eprintln!(
            "msec: {} of the space's roots must agree, and {} does: it does not count yet. Run `msec approve {what}` where another \
             root lives",
            voices.needed, voices.agree
        );
    }
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        let e7 = |degrees: f64| (degrees * 1e7).round() as i32;
        let area =
            |WithinArg(Within { south, west, north, east }): WithinArg| [south, west, north, east].map(e7);
        Limits {
            rate_per_minute: self.rate,
            within_e7: self.within.map(area),
            purpose: self.purpose.clone(),
            logs: self.logs,
            bytes_per_day: self.bytes_per_day,
            incarnations: self.incarnations,
        }
    }
}

/// The manifest in a file: alone, as in `space.manifest`, or in an invitation.
fn manifest(file: &Path) -> anyhow::Result<Manifest> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let manifest = Manifest::from_bytes(&bytes).ok();
    let manifest = manifest.or_else(|| Some(Membership::from_bytes(&bytes)?.manifest().clone()));
    manifest.with_context(|| {
        format!(
            "{} is no manifest: name `space.manifest` of a peer of the other space, or an invitation to it",
            file.display()
        )
    })
}

pub(super) fn approve(args: &Approve) -> anyhow::Result<()> {
    let file = Path::new(&args.what);
    if !file.exists() {
        let is_id = args.what.len() >= DIGITS_MIN && args.what.bytes().all(|it| it.is_ascii_hexdigit());
        if !is_id {
            bail!(
                "{} is neither a file nor an id: name an invitation, or at least {DIGITS_MIN} digits of what `msec grants` shows",
                args.what
            );
        }
        let answers = ask(&args.place, AccessRequest::Approve { record: args.what.clone() });
        let answers = answers.with_context(|| format!("there is no file {}", args.what))?;
        let voices = answers.into_iter().find_map(|answer| match answer {
            AccessAnswer::Approved { voices } => Some(voices),
            _ => None,
        });
        return said(args, voices.flatten(), &args.what);
    }
    let invitation = Membership::from_file(file)?;
    let dir = args.place.dir();
    let root = dir.identity()?;
    let authority = invitation.authority();
    if !authority.roots().contains(&root.peer()) {
        bail!(
            "{} is no root of {}: it has nothing to agree to",
            root.peer().short(),
            invitation.manifest().name()
        );
    }
    let to_approve: Vec<_> = invitation
        .grants()
        .iter()
        .filter(|grant| grant.parent.is_none() && grant.issuer != root.peer())
        .filter(|grant| !authority.approvers(&grant.id().0).contains(&root.peer()))
        .collect();
    let space = authority.space();
    let approval = |of: [u8; 32]| root.sign(Approval { space, approver: root.peer(), of });
    let approvals: Vec<_> = to_approve.iter().map(|grant| approval(grant.id().0)).collect();
    let approved = invitation.clone().with_records(approvals.into_iter().map(ControlRecord::from));
    if !args.place.json {
        for grant in &to_approve {
            say(format!("{} may {}", grant.holder.short(), may(grant)));
        }
    }
    let out = args.out.as_deref().unwrap_or(file);
    let to = Out::open(out)?;
    dir.join(&approved)?;
    to.write(&approved.to_bytes())?;
    // It is entered too, so that it outlives this peer's time as a root.
    for grant in &to_approve {
        let entered = ask(&args.place, AccessRequest::Approve { record: grant.id().to_string() });
        if let Err(error) = entered {
            eprintln!("msec: the approval is in the file, and not in this peer's log yet: {error:#}");
        }
    }
    let authority = approved.authority();
    let voices = approved.grants().iter().filter(|grant| grant.parent.is_none());
    let voices = voices.filter_map(|grant| authority.voices(&grant.id().0, &grant.issuer));
    let least = voices.min_by_key(|voices| voices.agree).map(VoicesView::from);
    said(args, least, &out.display().to_string())
}

fn said(args: &Approve, voices: Option<VoicesView>, what: &str) -> anyhow::Result<()> {
    if args.place.json {
        say(json!({ "approved": args.what, "voices": voices }));
        return Ok(());
    }
    say(match voices {
        Some(voices) => format!("approved: {} of {} roots agree", voices.agree, voices.needed),
        None => "approved".into(),
    });
    if let Some(voices) = voices {
        lacks(voices, what);
    }
    Ok(())
}
