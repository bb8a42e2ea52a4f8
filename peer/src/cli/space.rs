//! Identities, spaces and grants.

use std::fs;

use anyhow::Context;
use serde_json::json;

use super::args::{Found, GrantArgs, Join, Where};
use super::ask::may;
use crate::sdk::{DataDir, Granted, Membership, Owner};

pub(super) fn init(place: &Where) -> anyhow::Result<()> {
    let identity = DataDir::at(&place.data_dir).init()?;
    show_id(place, &identity.peer());
    Ok(())
}

pub(super) fn id(place: &Where) -> anyhow::Result<()> {
    let identity = DataDir::at(&place.data_dir).identity()?;
    show_id(place, &identity.peer());
    Ok(())
}

fn show_id(place: &Where, peer: &msec_identity::PeerId) {
    if place.json { println!("{}", json!({ "peer": peer })) } else { println!("{peer}") }
}

pub(super) fn found(args: &Found) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    let owner = Owner::found_with(&args.name, dir.identity_or_init()?)?;
    // The owner's own peer may do everything.
    let grant = owner.grant(owner.peer(), "", "relay,read,write,manage", 3650)?;
    dir.join(&Membership::new(owner.manifest(), [grant]))?;
    let space = owner.manifest().space();
    if args.place.json {
        println!("{}", json!({ "space": space, "peer": owner.peer() }));
    } else {
        println!("{space}\nThis peer, {}, owns it: let others in with `msec grant`", owner.peer().short());
    }
    Ok(())
}

pub(super) fn grant(args: &GrantArgs) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    let membership =
        dir.membership()?.context("this peer belongs to no space: found one with `msec found NAME`")?;
    let owner = Owner::of(dir.identity()?, membership.manifest().clone())?;
    let grant = owner.grant(args.holder, &args.collection, &args.may, args.days)?;
    let invitation = Membership::new(owner.manifest(), [grant.clone()]);
    fs::write(&args.out, invitation.to_bytes())
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    if args.place.json {
        println!("{}", json!({ "grant": grant.id(), "file": args.out }));
    } else {
        let place = if args.collection.is_empty() { "the whole space" } else { &args.collection };
        println!(
            "{} may {} in {place} for {} days: {}",
            args.holder.short(),
            grant.rights,
            args.days,
            args.out.display()
        );
    }
    Ok(())
}

pub(super) fn join(args: &Join) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    let me = dir.identity()?.peer();
    let mut joined = None;
    for path in &args.invitations {
        let invitation = Membership::from_file(path)?;
        let stranger = invitation.grants().iter().find(|grant| grant.holder != me);
        if let Some(grant) = stranger {
            anyhow::bail!(
                "{} is for {}, and this peer is {me}: ask for an invitation for this id",
                path.display(),
                grant.holder
            );
        }
        dir.join(&invitation).with_context(|| format!("cannot take in {}", path.display()))?;
        joined = Some(invitation);
    }
    let joined = joined.context("no invitation was named")?;
    let manifest = joined.manifest();
    let all = dir.membership()?.context("the space that was joined just now")?;
    let grants: Vec<_> = all.grants().iter().map(|grant| Granted::by(grant)).collect();
    if args.place.json {
        println!("{}", json!({ "space": manifest.space(), "name": manifest.name(), "grants": grants }));
    } else {
        println!("{} is in {} now: may {}", me.short(), manifest.name(), may(&grants));
    }
    Ok(())
}
