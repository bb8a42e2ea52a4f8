//! Coming into a space: with a code, or with invitations from files.

use std::path::Path;

use anyhow::{Context, bail};
use msec_identity::pairing::{Code, SpaceTag};
use msec_identity::{Grant, Manifest, PeerId};
use serde_json::json;

use super::args::{Join, Where};
use super::ask::runtime;
use super::show::say;
use super::words;
use crate::sdk::{DataDir, Fault, Granted, Membership, Welcomed, join_with_code};

/// What a text of this length or longer begins with is told from the name of a file.
const SCHEME: &str = "MSEC:";

pub(super) fn join(args: &Join) -> anyhow::Result<()> {
    let dir = args.place.dir();
    let [first, rest @ ..] = &args.invitations[..] else { bail!("no invitation was named") };
    let code = code(first)?;
    if let Some(other) = &args.key_of {
        take_key(args, other, code.as_ref())?;
    }
    let welcomed = match code {
        Some(code) if rest.is_empty() => Some(with_code(&dir, &code, args)?),
        Some(_) => bail!("a code is for one space: give it alone"),
        None => None,
    };
    let me = match &welcomed {
        Some(_) => dir.identity_or_init()?.peer(),
        None => dir.identity()?.peer(),
    };
    let mut joined: Option<Manifest> = None;
    if let Some(Welcomed { membership, .. }) = &welcomed {
        take_in(&dir, me, None, membership)?;
        joined = Some(membership.manifest().clone());
    }
    for path in args.invitations.iter().filter(|_| welcomed.is_none()) {
        let path = Path::new(path);
        #[cfg(not(feature = "index"))]
        no_picture(path)?;
        let invitation = Membership::from_file(path)?;
        take_in(&dir, me, Some(path), &invitation)?;
        joined = Some(invitation.manifest().clone());
    }
    let manifest = joined.context("no invitation was named")?;
    show(&dir, me, &manifest, welcomed.as_ref(), args.place.json)
}

/// A code, if that is one and no file is called so; or the code in a picture.
fn code(text: &str) -> anyhow::Result<Option<Code>> {
    #[cfg(feature = "index")]
    if let Some(code) = super::picture::code_in(Path::new(text))? {
        return Ok(Some(code));
    }
    let begins = text.trim_start().get(..SCHEME.len()).is_some_and(|it| it.eq_ignore_ascii_case(SCHEME));
    if !begins || Path::new(text).exists() {
        return Ok(None);
    }
    Ok(Some(Code::parse(text)?))
}

/// Refuses a picture in words: this program was built without what reads one.
#[cfg(not(feature = "index"))]
fn no_picture(path: &Path) -> anyhow::Result<()> {
    let is = |kind: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(kind));
    if is("png") || is("svg") || is("jpg") || is("jpeg") {
        bail!(
            "{} is a picture: scan it, and give the text that it holds, which begins with {SCHEME}",
            path.display()
        );
    }
    Ok(())
}

fn with_code(dir: &DataDir, code: &Code, args: &Join) -> anyhow::Result<Welcomed> {
    let space = space_of(code);
    if space_in(dir)?.is_some_and(|held| held != space) {
        bail!(
            "this peer is in another space already: use a data directory of its own for each space, with `--key-of {}` to be the same peer there",
            dir.path().display()
        );
    }
    let identity = dir.identity_or_init()?;
    let name = args.name.clone().unwrap_or_else(host_name);
    let as_json = args.place.json;
    if !as_json {
        eprintln!(
            "looking for the inviter; this peer is {} and calls itself \"{name}\"",
            identity.peer().short()
        );
    }
    let asks = matches!(code, Code::Invite(_));
    let compare = |words: msec_identity::pairing::SafetyWords,
                   inviter: &msec_identity::pairing::Counterpart| {
        if as_json {
            say(json!({ "words": words.words(), "inviter": inviter.peer }));
        } else if asks {
            say(format!("Both screens show:\n\n    {}\n", words.words().join("  ")));
            eprintln!("Tell {} whether they are the same, and wait for its owner.", inviter.peer.short());
        }
    };
    Ok(runtime()?.block_on(join_with_code(&identity, code, &name, compare))?)
}

fn space_of(code: &Code) -> SpaceTag {
    match code {
        Code::Invite(invite) => invite.door().space,
        Code::Open(open) => open.space.into(),
    }
}

/// The space that a directory belongs to.
fn space_in(dir: &DataDir) -> anyhow::Result<Option<SpaceTag>> {
    Ok(dir.membership()?.map(|held| held.manifest().space().into()))
}

/// Takes over the key of another directory, unless that one is in the same space: two peers of one key in one space would fork their logs.
fn take_key(args: &Join, other: &Path, code: Option<&Code>) -> anyhow::Result<()> {
    let spaces = match code {
        Some(code) => vec![space_of(code)],
        None => {
            let files = args.invitations.iter().map(Membership::from_file);
            files.map(|it| Ok(it?.manifest().space().into())).collect::<anyhow::Result<_>>()?
        }
    };
    let from = Where { data_dir: other.to_owned(), json: args.place.json }.dir();
    from.inhabited()?;
    if space_in(&from)?.is_some_and(|held| spaces.contains(&held)) {
        bail!(
            "{} is in that space already: take it in there. One key never runs twice in one space",
            other.display()
        );
    }
    Ok(args.place.dir().take_key(&from)?)
}

/// What the machine is called, if that is a name.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    match msec_identity::pairing::PairingPapers::named(name) {
        Ok(_) => name.to_owned(),
        Err(_) => String::new(),
    }
}

/// Keeps an invitation, if all of it that is for this peer can be read and counts.
fn take_in(dir: &DataDir, me: PeerId, file: Option<&Path>, invitation: &Membership) -> anyhow::Result<()> {
    let what = file.map_or_else(|| "what the inviter gave".to_owned(), |file| file.display().to_string());
    let what = what.as_str();
    let held = dir.membership()?;
    let whole = match held.filter(|held| held.manifest() == invitation.manifest()) {
        Some(held) => {
            Membership::new(invitation.manifest(), held.grants().iter().chain(invitation.grants()).cloned())
                .with_records(held.records().iter().chain(invitation.records()).cloned())
        }
        None => invitation.clone(),
    };
    let mine: Vec<_> = invitation.grants_for(&me).cloned().collect();
    check(what, me, invitation, &mine.iter().map(|grant| &**grant).collect::<Vec<_>>())?;
    for grant in &mine {
        match whole.check(grant) {
            Ok(()) => {}
            // It may come to count yet.
            Err(Fault::Approvals { missing }) if file.is_none() => eprintln!(
                "msec: {what} does not count yet: {missing} more of the space's roots must agree to it: have `msec approve {}` run where \
                 another root lives",
                grant.id().short()
            ),
            Err(fault @ Fault::Approvals { .. }) => {
                eprintln!("msec: {what} does not count yet: {fault}");
            }
            Err(fault) => bail!("{what} is refused: {fault}"),
        }
    }
    dir.join(invitation).with_context(|| format!("cannot take in {what}"))
}

fn show(
    dir: &DataDir,
    me: PeerId,
    manifest: &Manifest,
    welcomed: Option<&Welcomed>,
    as_json: bool,
) -> anyhow::Result<()> {
    let all = dir.membership()?.context("the space that was joined just now")?;
    let mine: Vec<_> = all.grants_for(&me).collect();
    if as_json {
        let grants: Vec<_> = mine.iter().map(|grant| Granted::by(grant)).collect();
        let mut object = json!({ "space": manifest.space(), "name": manifest.name(), "grants": grants });
        if let Some(Welcomed { inviter, address, .. }) = welcomed {
            object["inviter"] = json!(inviter);
            object["address"] = json!(address);
        }
        println!("{object}");
        return Ok(());
    }
    let may = match &mine[..] {
        [] => "nothing: ask the space's owner for a grant".to_owned(),
        grants => grants.iter().map(|grant| words::may(grant)).collect::<Vec<_>>().join("; "),
    };
    println!("{} is in {} now: may {may}", me.short(), manifest.name());
    if let Some(Welcomed { address, .. }) = welcomed {
        let dir = dir.path().display();
        eprintln!("Next: `msec run --data-dir {dir}` on one network with it, or with `--contact {address}`");
    }
    Ok(())
}

/// Refuses an invitation that is for others, or that nobody can read.
fn check(what: &str, me: PeerId, invitation: &Membership, mine: &[&Grant]) -> anyhow::Result<()> {
    let stranger = invitation.grants().last().filter(|_| mine.is_empty());
    if let Some(grant) = stranger.filter(|_| !invitation.manifest().roots().contains(&me)) {
        bail!("{what} is for {}, and this peer is {me}: ask for an invitation for this id", grant.holder);
    }
    words::check(invitation, mine).with_context(|| format!("{what} is refused"))
}
