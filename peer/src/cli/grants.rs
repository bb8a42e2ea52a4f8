//! What was granted, as a tree.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use clap::Args as ClapArgs;
use msec_identity::{CollectionPath, GrantId, PeerId};
use serde_json::json;

use super::args::Where;
use super::grant::ask;
use super::show::say;
use super::values::show_time;
use super::words::{day, place, plain};
use crate::control::{AccessAnswer, AccessRequest};
use crate::sdk::{AccessTree, GrantView, HolderView, Limits, Name, Named, Standing};

#[derive(Debug, ClapArgs)]
pub(super) struct Grants {
    /// Only those of this holder, by its id or the first digits of it, and the links above and below
    #[arg(value_name = "HOLDER")]
    holder: Option<String>,
    /// Only those that say something about this collection
    #[arg(long = "in", value_name = "COLLECTION")]
    collection: Option<CollectionPath>,
    #[command(flatten)]
    place: Where,
}

/// All that is granted here.
fn tree(place: &Where) -> anyhow::Result<AccessTree> {
    let tree = ask(place, AccessRequest::Grants)?.into_iter().find_map(|answer| match answer {
        AccessAnswer::Tree(tree) => Some(*tree),
        _ => None,
    });
    tree.context("the peer did not say what was granted")
}

/// The grant of that id, or of these first digits of it where it is known here.
pub(super) fn grant_called(place: &Where, name: &str) -> anyhow::Result<GrantId> {
    match name.parse() {
        Ok(grant) => Ok(grant),
        Err(_) => called(name, tree(place)?.grants.iter().map(|it| it.grant)),
    }
}

/// The peer of that id, or of these first digits of it where it is known here.
pub(super) fn peer_called(place: &Where, name: &str) -> anyhow::Result<PeerId> {
    if let Ok(peer) = name.parse() {
        return Ok(peer);
    }
    let tree = tree(place)?;
    let holders = tree.grants.iter().filter_map(|it| match it.holder {
        HolderView::Peer(peer) => Some(peer),
        HolderView::Space { .. } => None,
    });
    called(name, holders.chain(tree.roots.iter().copied()))
}

fn called<T: Named>(name: &str, known: impl Iterator<Item = T>) -> anyhow::Result<T> {
    let one = Name::new(name).and_then(|name| name.one_of(known));
    one.context("what is not known here is called by all 64 digits of its id")
}

pub(super) fn grants(args: &Grants) -> anyhow::Result<()> {
    let mut tree = tree(&args.place)?;
    keep(&mut tree, args);
    if args.place.json {
        tree.grants.iter().for_each(|grant| say(json!(grant)));
        return Ok(());
    }
    if tree.grants.is_empty() {
        eprintln!("msec: nothing is granted here that this asks for");
    }
    draw(&tree).iter().map(|line| plain(line)).for_each(say);
    Ok(())
}

/// Leaves out what was not asked for.
fn keep(tree: &mut AccessTree, args: &Grants) {
    let by_id: BTreeMap<_, _> = tree.grants.iter().map(|grant| (grant.grant, grant)).collect();
    let is_asked = |grant: &GrantView| {
        let id = match &grant.holder {
            HolderView::Peer(peer) => peer.to_string(),
            HolderView::Space { id, .. } => id.to_string(),
        };
        let of_holder =
            args.holder.as_ref().is_none_or(|holder| id.starts_with(&holder.trim().to_lowercase()));
        let about = args.collection.as_ref().is_none_or(|collection| {
            grant
                .collection
                .parse()
                .is_ok_and(|it: CollectionPath| it.covers(collection) || collection.covers(&it))
        });
        of_holder && about
    };
    let mut kept: BTreeSet<GrantId> = BTreeSet::new();
    for grant in tree.grants.iter().filter(|grant| is_asked(grant)) {
        let mut at = Some(grant);
        while let Some(link) = at.filter(|link| kept.insert(link.grant)) {
            at = link.under.and_then(|under| by_id.get(&under).copied());
        }
    }
    if args.holder.is_some() {
        // What its holder passed on.
        let mut below: Vec<_> =
            tree.grants.iter().filter(|grant| is_asked(grant)).map(|it| it.grant).collect();
        while let Some(id) = below.pop() {
            let children =
                tree.grants.iter().filter(|grant| grant.under == Some(id)).map(|grant| grant.grant);
            below.extend(children.filter(|child| kept.insert(*child)));
        }
    }
    tree.grants.retain(|grant| kept.contains(&grant.grant));
}

/// The tree, line by line.
fn draw(tree: &AccessTree) -> Vec<String> {
    let mut lines = vec![head(tree)];
    let known: BTreeSet<_> = tree.grants.iter().map(|grant| grant.grant).collect();
    let mut children: BTreeMap<Option<GrantId>, Vec<&GrantView>> = BTreeMap::new();
    for grant in &tree.grants {
        children.entry(grant.under.filter(|under| known.contains(under))).or_default().push(grant);
    }
    for grants in children.values_mut() {
        // What counts first, then by whom it is for.
        grants.sort_by_key(|grant| (grant.standing != Standing::Counts, grant.holder.clone(), grant.grant));
    }
    let mut issuers: BTreeMap<_, Vec<&GrantView>> = BTreeMap::new();
    for grant in children.get(&None).into_iter().flatten() {
        issuers.entry(grant.issuer).or_default().push(grant);
    }
    // Those of today who granted nothing as well.
    for root in &tree.roots {
        issuers.entry(*root).or_default();
    }
    for (issuer, grants) in issuers {
        let role = match (tree.roots.contains(&issuer), issuer == tree.peer) {
            (true, true) => " root, this peer",
            (true, false) => " root",
            (false, _) => " no root",
        };
        lines.push(format!("◆ {}{role}", issuer.short()));
        branches(&grants, &children, tree, "", &mut lines);
    }
    lines
}

fn head(tree: &AccessTree) -> String {
    let roots = match (tree.threshold, tree.roots.len()) {
        (1, 1) => "one root".to_owned(),
        (threshold, roots) => format!("{threshold} of {roots} roots must agree"),
    };
    format!("{} ({}), {roots}", tree.name, tree.space.short())
}

fn branches(
    grants: &[&GrantView],
    children: &BTreeMap<Option<GrantId>, Vec<&GrantView>>,
    tree: &AccessTree,
    indent: &str,
    lines: &mut Vec<String>,
) {
    for (nth, grant) in grants.iter().enumerate() {
        let is_last = nth + 1 == grants.len();
        let (branch, trunk) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
        let below = children.get(&Some(grant.grant)).map_or(&[][..], Vec::as_slice);
        let knot = if below.is_empty() { "─" } else { "┬" };
        lines.push(format!("{indent}{branch}{knot} {}", line(grant, tree)));
        let indent = format!("{indent}{trunk}");
        let side = if below.is_empty() { "    " } else { "│   " };
        lines.extend(remarks(grant).into_iter().map(|remark| format!("{indent}{side}{remark}")));
        branches(below, children, tree, &indent, lines);
    }
}

/// A grant: a sign for how it stands, who, what, where, until when.
fn line(grant: &GrantView, tree: &AccessTree) -> String {
    let sign = if grant.standing == Standing::Counts { "●" } else { "○" };
    let me = if grant.holder == HolderView::Peer(tree.peer) { " (this peer)" } else { "" };
    let (rights, place) = (&grant.rights, place(&grant.collection));
    let until = day(grant.until_ms);
    let how = match grant.standing {
        Standing::Counts => String::new(),
        Standing::NotYet => format!(", from {} on", day(grant.from_ms)),
        Standing::Expired => ", expired".into(),
        Standing::Revoked => ", revoked".into(),
        Standing::Fallen => ", fell with a link above".into(),
        Standing::Unapproved => ", not approved yet".into(),
        Standing::Unfounded => ", goes back to no root".into(),
    };
    format!(
        "{sign} {}{me}  {rights} {place} until {until}{how}  [{}]",
        grant.holder.short(),
        grant.grant.short()
    )
}

/// What else is to be said of it.
fn remarks(grant: &GrantView) -> Vec<String> {
    let mut remarks = Vec::new();
    let limits = limits(&grant.limits);
    if !limits.is_empty() {
        remarks.push(limits);
    }
    match grant.depth {
        0 => {}
        1 => remarks.push("may let others in, who may not".into()),
        depth => remarks.push(format!("may let others in, {depth} links deep")),
    }
    if let Some(voices) = grant.voices {
        remarks.push(format!("{} of {} roots agree", voices.agree, voices.needed));
    }
    for it in &grant.revoked {
        let reason = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
        let binds = if it.binds { "" } else { ", which binds nothing yet" };
        remarks.push(format!(
            "revoked {} by {}{reason}{binds}  [{}]",
            show_time(it.at_ms).get(..16).unwrap_or_default(),
            it.by.short(),
            it.revocation.get(..10).unwrap_or_default()
        ));
    }
    remarks
}

/// Limits, as people say them.
fn limits(limits: &Limits) -> String {
    let degrees = |e7: i32| (f64::from(e7) / 1e7).to_string();
    let parts = [
        limits.rate_per_minute.map(|it| format!("{it} entries a minute")),
        limits.logs.map(|it| format!("{it} logs")),
        limits.bytes_per_day.map(|it| format!("{it} bytes a day")),
        limits.incarnations.map(|it| format!("{it} incarnations")),
        limits.within_e7.map(|it| format!("within {}", it.map(degrees).join(","))),
    ];
    let most = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let purpose = limits.purpose.as_ref().map(|it| format!("for: {it}"));
    let most = (!most.is_empty()).then(|| format!("at most {most}"));
    most.into_iter().chain(purpose).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use msec_identity::{PeerId, SpaceId};

    use super::*;
    use crate::sdk::RevokedView;

    fn view(grant: u8, under: Option<u8>, holder: u8, standing: Standing) -> GrantView {
        GrantView {
            grant: GrantId([grant; 32]),
            under: under.map(|under| GrantId([under; 32])),
            issuer: PeerId([1; 32]),
            holder: HolderView::Peer(PeerId([holder; 32])),
            rights: "read".into(),
            collection: "parks".into(),
            from_ms: 0,
            until_ms: 1_767_225_600_000,
            depth: 0,
            limits: Limits::default(),
            standing,
            voices: None,
            revoked: Vec::new(),
        }
    }

    fn tree() -> AccessTree {
        let ended = RevokedView {
            revocation: "99".repeat(32),
            by: PeerId([1; 32]),
            at_ms: 1_767_225_600_000,
            reason: "lost".into(),
            binds: true,
        };
        let limits = Limits { rate_per_minute: Some(60), ..Limits::default() };
        AccessTree {
            name: "harbour".into(),
            space: SpaceId([9; 32]),
            roots: vec![PeerId([1; 32])],
            threshold: 1,
            peer: PeerId([2; 32]),
            now_ms: 0,
            grants: vec![
                GrantView { depth: 1, ..view(0xa, None, 2, Standing::Counts) },
                GrantView { limits, ..view(0xb, Some(0xa), 3, Standing::Counts) },
                GrantView { revoked: vec![ended], ..view(0xc, Some(0xa), 4, Standing::Revoked) },
                view(0xd, None, 5, Standing::Counts),
            ],
        }
    }

    #[test]
    fn a_tree_is_drawn_from_its_roots_down() {
        let expected = "\
harbour (0909090909), one root
◆ 0101010101 root
├─┬ ● 0202020202 (this peer)  read in parks until 2026-01-01  [0a0a0a0a0a]
│  │   may let others in, who may not
│  ├── ● 0303030303  read in parks until 2026-01-01  [0b0b0b0b0b]
│  │      at most 60 entries a minute
│  └── ○ 0404040404  read in parks until 2026-01-01, revoked  [0c0c0c0c0c]
│         revoked 2026-01-01T00:00 by 0101010101: lost  [9999999999]
└── ● 0505050505  read in parks until 2026-01-01  [0d0d0d0d0d]";
        assert_eq!(draw(&tree()).join("\n"), expected);
    }

    #[test]
    fn all_of_todays_roots_are_marked() {
        let tree =
            AccessTree { roots: [1, 6].map(|root| PeerId([root; 32])).to_vec(), threshold: 2, ..tree() };
        let drawn = draw(&tree).join("\n");
        assert!(drawn.contains("◆ 0101010101 root") && drawn.ends_with("\n◆ 0606060606 root"), "{drawn}");
    }

    #[test]
    fn what_is_not_asked_for_is_left_out_but_for_the_links_above_and_below() {
        let kept = |holder: Option<&str>, collection: Option<&str>| {
            let place = Where { data_dir: "x".into(), json: false };
            let collection = collection.map(|it| it.parse().expect("a path"));
            let args = Grants { holder: holder.map(Into::into), collection, place };
            let mut tree = tree();
            keep(&mut tree, &args);
            tree.grants.iter().map(|grant| grant.grant.0[0]).collect::<Vec<_>>()
        };
        assert_eq!(kept(Some("0303"), None), [0xa, 0xb]);
        assert_eq!(kept(Some("0202"), None), [0xa, 0xb, 0xc]);
        assert_eq!(kept(None, Some("parks/noise")), [0xa, 0xb, 0xc, 0xd]);
        assert!(kept(None, Some("harbour")).is_empty());
    }
}
