//! Identities, spaces, and who is let into them.

use std::path::Path;

use anyhow::{Context, bail};
use msec_identity::PeerId;
use serde_json::json;

use super::args::{Found, Where};
use super::out::Out;
use crate::sdk::{Membership, Owner};

pub(super) fn init(place: &Where) -> anyhow::Result<()> {
    let identity = place.dir().init()?;
    show_id(place, &identity.peer());
    Ok(())
}

pub(super) fn id(place: &Where) -> anyhow::Result<()> {
    let identity = place.dir().identity()?;
    show_id(place, &identity.peer());
    Ok(())
}

fn show_id(place: &Where, peer: &PeerId) {
    if place.json { println!("{}", json!({ "peer": peer })) } else { println!("{peer}") }
}

pub(super) fn found(args: &Found) -> anyhow::Result<()> {
    let dir = args.place.dir();
    let others = args.roots.iter().map(|root| root_of(root)).collect::<anyhow::Result<Vec<_>>>()?;
    if args.threshold > 1 && args.out.is_none() {
        bail!("name the other roots with --roots, and with --out the file with which they join");
    }
    let owner =
        Owner::found_among(&args.name, dir.identity_or_init()?, others.iter().copied(), args.threshold)?;
    // The peers of the roots may do everything, but for what several roots have to agree on.
    let rights = if args.threshold > 1 { "relay,read,write" } else { "relay,read,write,manage" };
    let all = std::iter::once(owner.peer()).chain(others);
    let grants = all.map(|peer| owner.grant(peer, "", rights, 3650));
    let membership = Membership::new(owner.manifest(), grants.collect::<Result<Vec<_>, _>>()?);
    let out = args.out.as_deref().map(Out::open).transpose()?;
    dir.join(&membership)?;
    if let Some(out) = out {
        out.write(&membership.to_bytes())?;
    }
    let space = owner.manifest().space();
    let (roots, threshold) = (owner.manifest().roots().len(), args.threshold);
    if args.place.json {
        println!(
            "{}",
            json!({ "space": space, "peer": owner.peer(), "roots": roots, "threshold": threshold })
        );
        return Ok(());
    }
    println!("{space}");
    match &args.out {
        Some(out) => {
            let out = out.display();
            println!(
                "This peer, {}, is one of {roots} roots, of which {threshold} must agree. The others run `msec join {out}`",
                owner.peer().short()
            );
            if threshold > 1 {
                println!(
                    "and {} of them `msec approve {out}`; then this peer runs `msec join {out}` too",
                    threshold - 1
                );
            }
        }
        None => println!("This peer, {}, owns it: let others in with `msec grant`", owner.peer().short()),
    }
    Ok(())
}

/// A root: its id, or a file with what `msec id` showed.
fn root_of(text: &str) -> anyhow::Result<PeerId> {
    if let Ok(peer) = text.parse() {
        return Ok(peer);
    }
    let shown = std::fs::read_to_string(Path::new(text));
    let shown =
        shown.with_context(|| format!("`{text}` is neither an id nor a file with what `msec id` shows"))?;
    shown.trim().parse().with_context(|| format!("{text} does not hold what `msec id` shows"))
}
