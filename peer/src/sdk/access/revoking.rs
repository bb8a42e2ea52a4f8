//! Ending grants: who may, where logs are cut, and what is lost by it.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{
    ControlRecord, ControlStream, Cut, Cuts, GrantId, Holder, LogId, PeerId, REVOCATION_CUTS_MAX, Record,
    Restoration, Revocation, Revoked, Verified, Voices,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::VoicesView;
use super::hex;
use super::names::{Name, Target};
use super::terms::{CutTerms, RestoreTerms, RevokeTerms};
use super::tree::HolderView;
use crate::node::{Fall, LogUnder, Node};
use crate::sdk::Peer;
use crate::sdk::error::PeerClosed;

/// What a revocation would do, as far as this peer can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationPlan {
    /// The grants that would end.
    pub grants: Vec<PlannedEnd>,
    /// Logs that are held here and would be cut, of which something goes on to count.
    pub kept_logs: usize,
    /// How many entries of them.
    pub kept_entries: u64,
    /// Logs that are held here, of which something would count no more.
    pub lost_logs: usize,
    /// How many entries of them.
    pub lost_entries: u64,
    /// Who else would have nothing left of what was granted below.
    pub fall: Vec<HolderView>,
    /// Who goes on by what was granted below.
    pub go_on: Vec<HolderView>,
    /// How many roots would stand behind it, where it is said in the name of the space and one is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// A grant that would end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedEnd {
    /// Which.
    pub grant: GrantId,
    /// Whose.
    pub holder: HolderView,
    /// What it allows.
    pub rights: String,
    /// Where.
    pub collection: String,
}

/// A grant that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedGrant {
    /// Which.
    pub grant: GrantId,
    /// Whose.
    pub holder: HolderView,
    /// The revocation's hash.
    pub revocation: String,
    /// How many logs it names, with the restorations that followed.
    pub logs: usize,
    /// The restorations that followed, by their hashes: a revocation names up to 192 logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restorations: Vec<String>,
    /// How many roots stand behind it, where one is not enough. It binds once as many do as must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// Logs that count again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The revocation that left them out.
    pub revocation: String,
    /// The restorations, by their hashes.
    pub restorations: Vec<String>,
    /// How many.
    pub logs: usize,
    /// How many of their entries.
    pub entries: u64,
    /// How many roots stand behind it, where one is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// What is signed for one grant.
struct Draft {
    stream: ControlStream,
    holder: Holder,
    revocation: Verified<Revocation>,
    restorations: Vec<Verified<Restoration>>,
}

impl Draft {
    fn records(&self) -> impl Iterator<Item = ControlRecord> + '_ {
        let restorations = self.restorations.iter().cloned().map(ControlRecord::from);
        std::iter::once(self.revocation.clone().into()).chain(restorations)
    }
}

impl Peer {
    /// What [`Peer::revoke`] would do with these terms. Nothing is changed.
    pub async fn plan_revocation(&self, terms: RevokeTerms) -> Result<RevocationPlan, AccessFailed> {
        let named = self.named(&terms).await?;
        self.look(move |node| {
            let drafts = draw_up(node, &terms, &named)?;
            Ok(plan(node, &drafts))
        })
        .await?
    }

    /// Ends a grant, or all that a peer holds of those that this one may end. When this returns, that is on disk; neighbours are told first
    /// of all.
    pub async fn revoke(&self, terms: RevokeTerms) -> Result<Vec<RevokedGrant>, AccessFailed> {
        let named = self.named(&terms).await?;
        let drafts = self.look(move |node| draw_up(node, &terms, &named)).await??;
        let mut revoked = Vec::new();
        for draft in drafts {
            self.enter(draft.stream, draft.revocation.clone()).await?;
            for restoration in &draft.restorations {
                self.enter(draft.stream, restoration.clone()).await?;
            }
            let named = |cuts: &Cuts| cuts.as_slice().len();
            let logs = named(&draft.revocation.cuts)
                + draft.restorations.iter().map(|it| named(&it.cuts)).sum::<usize>();
            let (hash, holder, stream) = (draft.revocation.hash(), draft.holder, draft.stream);
            let (holder, voices) = self
                .look(move |node| (HolderView::of(node.authority(), &holder), voices_of(node, &hash, stream)))
                .await?;
            // Nothing that was cut is shown once this returns.
            self.disk().fence().await.ok_or(PeerClosed)?;
            revoked.push(RevokedGrant {
                grant: draft.revocation.grant,
                holder,
                revocation: hex::text(&hash),
                logs,
                restorations: draft.restorations.iter().map(|it| hex::text(&it.hash())).collect(),
                voices,
            });
        }
        Ok(revoked)
    }

    /// Lets logs count up to some entry that a revocation did not name. When this returns, that is on disk.
    pub async fn restore(&self, terms: RestoreTerms) -> Result<Restored, AccessFailed> {
        let mut named = BTreeMap::new();
        for (log, size) in &terms.logs {
            named.insert(*log, Cut { log: *log, size: *size, root: self.root_at(*log, *size).await? });
        }
        let (revocation, stream, restorations) =
            self.look(move |node| draw_up_restoration(node, &terms.revocation, &named)).await??;
        let (mut logs, mut entries, mut last) = (0, 0, None);
        let hashes = restorations.iter().map(|it| hex::text(&it.hash())).collect();
        for restoration in restorations {
            logs += restoration.cuts.as_slice().len();
            entries += restoration.cuts.as_slice().iter().map(|cut| cut.size).sum::<u64>();
            last = Some(restoration.hash());
            self.enter(stream, restoration).await?;
        }
        let voices = match last {
            Some(hash) => self.look(move |node| voices_of(node, &hash, stream)).await?,
            None => None,
        };
        self.disk().fence().await.ok_or(PeerClosed)?;
        Ok(Restored { revocation: hex::text(&revocation), restorations: hashes, logs, entries, voices })
    }

    /// The cuts that are named one by one.
    async fn named(&self, terms: &RevokeTerms) -> Result<BTreeMap<LogId, Cut>, AccessFailed> {
        let mut named = BTreeMap::new();
        if let CutTerms::At(cuts) = &terms.cut {
            for (log, size) in cuts {
                named.insert(*log, Cut { log: *log, size: *size, root: self.root_at(*log, *size).await? });
            }
        }
        Ok(named)
    }
}

/// How many roots stand behind what was said in the root's stream, where one is not enough.
pub(super) fn voices_of(node: &Node, hash: &[u8; 32], stream: ControlStream) -> Option<VoicesView> {
    let voices = node.authority().voices(hash, &node.peer()).filter(|_| stream == ControlStream::Root);
    voices.filter(|voices| voices.needed > 1).map(VoicesView::from)
}

/// What is called so: a grant, or the grants of a peer.
pub(super) fn called(node: &Node, name: &str) -> Result<(Vec<GrantId>, bool), AccessFailed> {
    let all = node.authority().all_grants();
    let targets = all.iter().flat_map(|it| [Target::Grant(it.id()), Target::Holder(it.holder)]);
    match Name::new(name)?.one_of(targets)? {
        Target::Grant(grant) => Ok((vec![grant], false)),
        Target::Holder(holder) => {
            let counts = |id: &GrantId| node.authority().stands(id) && !node.authority().is_revoked(id);
            let of = all.iter().filter(|grant| grant.holder == holder).map(|grant| grant.id());
            let (counting, other): (Vec<_>, Vec<_>) = of.partition(counts);
            Ok((if counting.is_empty() { other } else { counting }, true))
        }
    }
}

/// Where this peer may say that a grant is over: as near to the root as it can.
pub(super) fn stream_over(node: &Node, grant: &GrantId) -> Option<ControlStream> {
    let chain = node.authority().chain(grant);
    let above = chain.split_last().map_or(&[][..], |(_, above)| above);
    let under = above.iter().map(|link| ControlStream::Under(*link));
    std::iter::once(ControlStream::Root).chain(under).find(|stream| node.may_issue_in(*stream))
}

/// Who may end a grant, in words.
fn who_is_above(node: &Node, grant: &GrantId) -> String {
    let authority = node.authority();
    let chain = authority.chain(grant);
    let issuers = chain.iter().filter_map(|id| authority.grant(id)).map(|grant| grant.issuer);
    let all: BTreeSet<PeerId> = issuers.collect();
    all.iter().map(|peer| peer.short()).collect::<Vec<_>>().join(" or ")
}

fn draw_up(
    node: &Node,
    terms: &RevokeTerms,
    named: &BTreeMap<LogId, Cut>,
) -> Result<Vec<Draft>, AccessFailed> {
    let (targets, is_holder) = called(node, &terms.target)?;
    let (mut drafts, mut why) = (Vec::new(), None);
    let mut seen = BTreeSet::new();
    for target in targets {
        let Some(stream) = stream_over(node, &target) else {
            why = Some(AccessFailed::NotAbove { above: who_is_above(node, &target) });
            continue;
        };
        if node.authority().is_revoked(&target) && terms.cut == CutTerms::Now && !terms.all {
            why = Some(AccessFailed::AlreadyOver { grant: target });
            continue;
        }
        let all = if terms.all { branch(node, target) } else { vec![target] };
        // From the leaves up: nothing below falls in between.
        for grant in all.into_iter().rev() {
            let is_over = grant != target && node.authority().is_revoked(&grant);
            if seen.insert(grant) && !is_over {
                drafts.push(one(node, terms, named, (grant, stream))?);
            }
        }
    }
    let held: BTreeSet<_> =
        drafts.iter().flat_map(|draft| node.logs_under(&draft.revocation.grant)).map(|it| it.log).collect();
    if let Some(cut) = named.values().find(|cut| !held.contains(&cut.log)) {
        return Err(why.unwrap_or(AccessFailed::NotHeld { log: cut.log, size: cut.size }));
    }
    // Of several grants of one peer those end that this one may end.
    match why {
        Some(why) if drafts.is_empty() || !is_holder => Err(why),
        _ => Ok(drafts),
    }
}

/// A grant and all below it, each after the one above.
fn branch(node: &Node, grant: GrantId) -> Vec<GrantId> {
    let (mut all, mut at) = (vec![grant], 0);
    while let Some(next) = all.get(at).copied() {
        all.extend(node.authority().below(&next));
        at += 1;
    }
    all
}

fn one(
    node: &Node,
    terms: &RevokeTerms,
    named: &BTreeMap<LogId, Cut>,
    (grant, stream): (GrantId, ControlStream),
) -> Result<Draft, AccessFailed> {
    let counts = |log: &LogUnder| Cut { log: log.log, size: log.size, root: log.root };
    let cuts: Vec<Cut> = match terms.cut {
        CutTerms::None => Vec::new(),
        _ => node
            .logs_under(&grant)
            .iter()
            .map(|log| named.get(&log.log).copied().unwrap_or_else(|| counts(log)))
            .filter(|cut| cut.size > 0)
            .collect(),
    };
    let (first, rest) = cuts.split_at(cuts.len().min(REVOCATION_CUTS_MAX));
    let (space, issuer, at) = (node.authority().space(), node.peer(), node.wall_now());
    let reason = terms.reason.parse()?;
    let revocation = Revocation { space, issuer, grant, cuts: Cuts::new(first.iter().copied())?, at, reason };
    let revocation = node.sign(revocation);
    let restorations = restorations(node, revocation.hash(), rest)?;
    let holder = node.authority().grant(&grant).ok_or(AccessFailed::NotYours { grant })?.holder;
    Ok(Draft { stream, holder, revocation, restorations })
}

/// As many as it takes to name all of these.
fn restorations(
    node: &Node,
    revocation: [u8; 32],
    cuts: &[Cut],
) -> Result<Vec<Verified<Restoration>>, AccessFailed> {
    let (space, issuer, at) = (node.authority().space(), node.peer(), node.wall_now());
    let restoration = |cuts: &[Cut]| {
        let cuts = Cuts::new(cuts.iter().copied())?;
        Ok(node.sign(Restoration { space, issuer, revocation, cuts, at }))
    };
    cuts.chunks(REVOCATION_CUTS_MAX).map(restoration).collect()
}

fn plan(node: &Node, drafts: &[Draft]) -> RevocationPlan {
    let authority = node.authority();
    let Fall { lost_logs, lost_entries, kept_logs, kept_entries, holders } =
        node.what_falls(drafts.iter().flat_map(|draft| draft.records().collect::<Vec<_>>()));
    let ended: BTreeSet<_> = drafts.iter().map(|draft| draft.holder).collect();
    let below: BTreeSet<Holder> = drafts
        .iter()
        .flat_map(|draft| branch(node, draft.revocation.grant).into_iter().skip(1))
        .filter(|id| authority.stands(id) && !authority.is_revoked(id))
        .filter_map(|id| authority.grant(&id))
        .map(|grant| grant.holder)
        .collect();
    let view = |holder: &Holder| HolderView::of(authority, holder);
    let planned = |draft: &Draft| {
        let grant = authority.grant(&draft.revocation.grant);
        PlannedEnd {
            grant: draft.revocation.grant,
            holder: view(&draft.holder),
            rights: grant.map(|grant| grant.rights.to_string()).unwrap_or_default(),
            collection: grant.map(|grant| grant.resource.to_string()).unwrap_or_default(),
        }
    };
    let in_its_name = drafts.iter().any(|draft| draft.stream == ControlStream::Root);
    let voices = Voices { agree: 1, needed: usize::from(authority.threshold()) };
    RevocationPlan {
        grants: drafts.iter().map(planned).collect(),
        kept_logs,
        kept_entries,
        lost_logs,
        lost_entries,
        fall: holders.difference(&ended).map(view).collect(),
        go_on: below.difference(&holders).filter(|it| !ended.contains(*it)).map(view).collect(),
        voices: (in_its_name && voices.needed > 1).then(|| voices.into()),
    }
}

type RestorationDraft = ([u8; 32], ControlStream, Vec<Verified<Restoration>>);

fn draw_up_restoration(
    node: &Node,
    name: &str,
    named: &BTreeMap<LogId, Cut>,
) -> Result<RestorationDraft, AccessFailed> {
    let revoked = revocation_called(node, name)?;
    let above = || AccessFailed::NotAbove { above: who_is_above(node, &revoked.grant) };
    let stream = stream_over(node, &revoked.grant).ok_or_else(above)?;
    let authority = node.authority();
    let held = node.logs_under(&revoked.grant);
    if let Some(cut) = named.values().find(|cut| held.iter().all(|log| log.log != cut.log)) {
        return Err(AccessFailed::NotHeld { log: cut.log, size: cut.size });
    }
    let left_out = |log: &&LogUnder| authority.cut(&revoked.grant, &log.log).is_some_and(|cut| cut.size == 0);
    let cuts: Vec<Cut> = if named.is_empty() {
        let as_held = |log: &LogUnder| Cut { log: log.log, size: log.held, root: log.held_root };
        held.iter().filter(left_out).map(as_held).filter(|cut| cut.size > 0).collect()
    } else {
        named.values().copied().collect()
    };
    if cuts.is_empty() {
        return Err(AccessFailed::NothingToRestore);
    }
    Ok((revoked.revocation, stream, restorations(node, revoked.revocation, &cuts)?))
}

fn revocation_called(node: &Node, name: &str) -> Result<Revoked, AccessFailed> {
    let authority = node.authority();
    let all = authority.all_grants().into_iter().flat_map(|grant| authority.revocations_of(&grant.id()));
    let called = Name::new(name)?.one_of(all.map(|it| it.revocation))?;
    authority.revocation(&called).ok_or_else(|| AccessFailed::Unknown { name: name.to_owned() })
}
