//! Identities, spaces and grants.

use std::fs;

use anyhow::Context;
use serde_json::json;

use super::args::{Found, GrantArgs, Join, Where};
use crate::sdk::{DataDir, Membership, Owner, read_grant, read_manifest};

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
    if place.json { println!("{}", json!({ "peer": peer.to_string() })) } else { println!("{peer}") }
}

pub(super) fn found(args: &Found) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    let owner = Owner::found_with(&args.name, dir.identity()?)?;
    // The owner's own peer may do everything.
    let grant = owner.grant(owner.peer(), "", "relay,read,write,manage", 3650)?;
    dir.join(&Membership::new(owner.manifest(), [grant]))?;
    let (space, manifest) = (owner.manifest().space(), dir.path().join("space.manifest"));
    if args.place.json {
        println!("{}", json!({ "space": space.to_string(), "manifest": manifest }));
    } else {
        println!("{space}\nThe manifest, for everybody who joins: {}", manifest.display());
    }
    Ok(())
}

pub(super) fn grant(args: &GrantArgs) -> anyhow::Result<()> {
    let dir = DataDir::at(&args.place.data_dir);
    let membership =
        dir.membership()?.context("this peer belongs to no space: found one with `msec found NAME`")?;
    let owner = Owner::of(dir.identity()?, membership.manifest().clone())?;
    let grant = owner.grant(args.holder, &args.collection, &args.may, args.days)?;
    fs::write(&args.out, grant.to_bytes()).with_context(|| format!("cannot write {}", args.out.display()))?;
    if args.place.json {
        println!("{}", json!({ "grant": grant.id().to_string(), "file": args.out }));
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
    let manifest = read_manifest(&args.manifest)?;
    let grants = args.grant.iter().map(|path| read_grant(path)).collect::<Result<Vec<_>, _>>()?;
    for (grant, path) in grants.iter().zip(&args.grant) {
        let path = path.display();
        anyhow::ensure!(
            grant.holder == me,
            "{path} is for {}, and this peer is {me}: ask for a grant for this id",
            grant.holder
        );
        anyhow::ensure!(grant.space == manifest.space(), "{path} is for another space than the manifest");
    }
    dir.join(&Membership::new(&manifest, grants))?;
    if args.place.json {
        println!("{}", json!({ "space": manifest.space().to_string(), "name": manifest.name() }));
    } else {
        println!("{} is in {} now", me.short(), manifest.name());
    }
    Ok(())
}
