//! A new device for a lost one: what the old one had ends, and the new one has it from then on.

use std::collections::BTreeMap;

use msec_identity::{
    CollectionPath, ControlRecord, ControlStream, Grant, GrantId, Holder, PeerId, REPLACED_STREAMS_MAX,
    Record, ReplacedStream, ReplacedStreams, Replacement, Verified,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::Issued;
use super::hex;
use super::names::Name;
use super::revoking::{RevocationPlan, RevokedGrant};
use super::terms::{GrantHolder, GrantTerms, Limits, RevokeTerms};
use super::tree::HolderView;
use crate::node::{LogUnder, Node};
use crate::sdk::{Membership, Peer};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// The most records that name the old device's streams; of further streams the new logs name no predecessor.
const REPLACEMENTS_MAX: usize = 8;

/// Who takes whose place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceTerms {
    /// The lost peer, by its id or the first digits of it, at least six.
    pub old: String,
    /// Who takes its place.
    pub new: PeerId,
    /// For how many days. `None`: for as long as the old grants were given for.
    #[serde(default)]
    pub days: Option<u32>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

/// What [`Peer::replace`] would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacementPlan {
    /// What ends; `None`: all of it has ended before, and the new one has the place.
    pub ends: Option<RevocationPlan>,
    /// Who takes the place.
    pub new: HolderView,
    /// What it gets.
    pub grants: Vec<PlannedGrant>,
    /// How many streams go on in logs that name the old ones.
    pub streams: usize,
}

/// A grant that would be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGrant {
    /// What it allows, with commas.
    pub rights: String,
    /// Where: a collection and those below it.
    pub collection: String,
    /// For how many days, or until the link above ends.
    pub days: u32,
    /// Whether the new device holds it already: a replacement broke off, and is finished.
    #[serde(default)]
    pub held: bool,
}

/// A lost device whose place another one has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The lost one.
    pub old: HolderView,
    /// What it had, which is over. Nothing: it was over before.
    pub revoked: Vec<RevokedGrant>,
    /// What the new one has.
    pub grants: Vec<GrantId>,
    /// How many streams go on in logs that name the old ones.
    pub streams: usize,
    /// What the new one joins with: [`Membership::to_bytes`].
    #[serde(with = "hex")]
    pub invitation: Vec<u8>,
}

/// What is to be done, understood.
struct Draft {
    old: PeerId,
    ends: RevokeTerms,
    plan: Option<RevocationPlan>,
    /// What the new one has of it already.
    held: Vec<(GrantTerms, GrantId)>,
    /// What it is to be given.
    grants: Vec<GrantTerms>,
    stream: ControlStream,
    /// What says so already.
    said: Vec<Verified<Replacement>>,
    /// What is to be said.
    replacements: Vec<Verified<Replacement>>,
}

impl Draft {
    fn streams(&self) -> usize {
        self.said.iter().chain(&self.replacements).map(|it| it.streams.as_slice().len()).sum()
    }
}

impl Peer {
    /// What [`Peer::replace`] would do with these terms. Nothing is changed.
    pub async fn plan_replacement(&self, terms: ReplaceTerms) -> Result<ReplacementPlan, AccessFailed> {
        let new = Holder::Peer(terms.new);
        let draft = self.draft_replacement(terms).await?;
        let new = self.look(move |node| HolderView::of(node.authority(), &new)).await?;
        let streams = draft.streams();
        let planned = |terms: GrantTerms, held: bool| PlannedGrant {
            rights: terms.rights,
            collection: terms.collection,
            days: terms.days,
            held,
        };
        let held = draft.held.into_iter().map(|(terms, _)| planned(terms, true));
        let grants = held.chain(draft.grants.into_iter().map(|terms| planned(terms, false))).collect();
        Ok(ReplacementPlan { ends: draft.plan, new, grants, streams })
    }

    /// Gives a new device the rights and limits of a lost one, and ends those of the lost one: what this peer holds of its logs stays, and
    /// nothing beyond. When this returns, that is on disk. The new grants come first, so that a crash in between leaves nobody without;
    /// asked again, it goes on where it broke off, and where all is done it only makes the invitation anew.
    pub async fn replace(&self, terms: ReplaceTerms) -> Result<Replaced, AccessFailed> {
        let draft = self.draft_replacement(terms).await?;
        let mut issued: Vec<Issued> = Vec::new();
        for (_, grant) in &draft.held {
            issued.push(self.issued_before(*grant).await?);
        }
        for terms in &draft.grants {
            issued.push(self.grant(terms.clone()).await?);
        }
        for replacement in &draft.replacements {
            self.enter(draft.stream, replacement.clone()).await?;
        }
        let invitations: Vec<Membership> = issued.iter().filter_map(Issued::membership).collect();
        let manifest = self.look(|node| node.authority().manifest().clone()).await?;
        // Each link once.
        let grants: BTreeMap<GrantId, _> = invitations
            .iter()
            .flat_map(Membership::grants)
            .map(|grant| (grant.id(), grant.clone()))
            .collect();
        let beside = invitations.iter().flat_map(|it| it.records().to_vec());
        let replacements = draft.said.iter().chain(&draft.replacements);
        let records = beside.chain(replacements.cloned().map(ControlRecord::from));
        let records: Vec<_> = records.collect();
        let invitation = Membership::new(&manifest, grants.into_values()).with_records(records);
        let streams = draft.streams();
        let revoked = match draft.plan {
            Some(_) => self.revoke(draft.ends).await?,
            None => Vec::new(),
        };
        let old = Holder::Peer(draft.old);
        let old = self.look(move |node| HolderView::of(node.authority(), &old)).await?;
        Ok(Replaced {
            old,
            revoked,
            grants: issued.iter().map(|it| it.grant).collect(),
            streams,
            invitation: invitation.to_bytes(),
        })
    }

    async fn draft_replacement(&self, terms: ReplaceTerms) -> Result<Draft, AccessFailed> {
        let ends = RevokeTerms::new(&terms.old, &terms.reason);
        // Whether all of it is done already is found where the new one's grants are.
        let plan = match self.plan_revocation(ends.clone()).await {
            Ok(plan) => Ok(plan),
            Err(over @ AccessFailed::AlreadyOver { .. }) => Err(over),
            Err(error) => return Err(error),
        };
        let records = self.control_records().await?;
        let draft = self.look(move |node| draw_up(node, &terms, ends, plan, &records)).await??;
        // Nothing is ended before all of it may be given.
        for terms in &draft.grants {
            self.may_grant(terms.clone()).await?;
        }
        Ok(draft)
    }
}

fn draw_up(
    node: &Node,
    terms: &ReplaceTerms,
    ends: RevokeTerms,
    plan: Result<RevocationPlan, AccessFailed>,
    records: &[ControlRecord],
) -> Result<Draft, AccessFailed> {
    let authority = node.authority();
    let named: Vec<_> = match &plan {
        Ok(plan) => plan.grants.iter().map(|it| it.grant).collect(),
        Err(_) => super::revoking::called(node, &terms.old)?.0,
    };
    let ended: Vec<_> = named.iter().filter_map(|id| authority.grant(id)).collect();
    let not_a_peer = || AccessFailed::NotAPeer { name: terms.old.clone() };
    let old = ended.first().and_then(|grant| grant.holder.peer()).ok_or_else(not_a_peer)?;
    if !Name::new(&terms.old)?.fits(&old) {
        return Err(not_a_peer());
    }
    if old == terms.new {
        return Err(AccessFailed::Itself);
    }
    let (mut held, mut grants) = (Vec::new(), Vec::new());
    let all = authority.all_grants();
    // What has run out is not given again.
    let had = all.iter().filter(|it| it.holder.peer() == Some(old) && it.is_valid(Some(node.wall_now())));
    for grant in had {
        let (id, again) = (grant.id(), same(node, grant, terms));
        match twin(node, grant, &again) {
            Some(twin) if held.iter().any(|(_, held)| *held == twin) => {}
            Some(twin) if named.contains(&id) || authority.is_revoked(&id) => held.push((again, twin)),
            // What ended before has no place that could be taken.
            None if named.contains(&id) && authority.stands(&id) && !authority.is_revoked(&id) => {
                grants.push(again);
            }
            _ => {}
        }
    }
    let plan = match plan {
        Ok(_) if held.is_empty() && grants.is_empty() => return Err(AccessFailed::NothingToReplace),
        Ok(plan) => Some(plan),
        Err(over) if held.is_empty() => return Err(over),
        Err(_) => None,
    };
    let said = records.iter().filter_map(|record| match record {
        ControlRecord::Replacement(it) => it.clone().verify(&node.peer()).ok(),
        _ => None,
    });
    let said = said.filter(|it| (it.old, it.new) == (old, terms.new));
    // Each once, wherever it was read.
    let said: Vec<_> = said.map(|it| (it.hash(), it)).collect::<BTreeMap<_, _>>().into_values().collect();
    let mut streams: BTreeMap<(CollectionPath, String), _> = BTreeMap::new();
    let is_said = |log: &LogUnder| {
        let mut streams = said.iter().flat_map(|it| it.streams.as_slice());
        streams.any(|it| it.collection == log.collection && it.stream.as_str() == log.stream)
    };
    let logs = ended.iter().filter(|_| plan.is_some()).flat_map(|grant| node.logs_under(&grant.id()));
    let counts = |log: &LogUnder| log.author == old && log.size > 0 && !log.collection.is_reserved();
    for log in logs.filter(|log| counts(log) && !is_said(log)) {
        // Of several logs of a stream the one that counts furthest.
        let last = streams.entry((log.collection.clone(), log.stream.clone())).or_insert_with(|| log.clone());
        if (log.size, log.log) > (last.size, last.log) {
            *last = log;
        }
    }
    let named = streams.into_values().filter_map(|log| {
        Some(ReplacedStream { collection: log.collection, stream: log.stream.parse().ok()?, log: log.log })
    });
    let named: Vec<_> = named.collect();
    let (space, issuer, new) = (authority.space(), node.peer(), terms.new);
    let record = |streams: &[ReplacedStream]| {
        let streams = ReplacedStreams::of(streams.iter().cloned());
        node.sign(Replacement { space, issuer, old, new, streams })
    };
    let room = REPLACEMENTS_MAX.saturating_sub(said.len());
    let replacements = named.chunks(REPLACED_STREAMS_MAX).take(room).map(record).collect();
    let stream = ended.iter().find_map(|grant| super::revoking::stream_over(node, &grant.id()));
    let stream = stream.ok_or_else(not_a_peer)?;
    Ok(Draft { old, ends, plan, held, grants, stream, said, replacements })
}

/// The grant by which the new device has already what it would get by these terms in place of that grant: this peer gave it when it was asked
/// before.
fn twin(node: &Node, grant: &Grant, again: &GrantTerms) -> Option<GrantId> {
    let authority = node.authority();
    let GrantHolder::Peer(new) = again.holder else { return None };
    let counts = |it: &Grant| {
        let id = it.id();
        let waits = || authority.voices(&id.0, &it.issuer).is_some_and(|voices| voices.missing() > 0);
        !authority.is_revoked(&id) && (authority.stands(&id) || it.parent.is_none() && waits())
    };
    let lasts = |it: &Grant| {
        let above = it.parent.and_then(|parent| authority.grant(&parent));
        days_of(it) == again.days || above.is_some_and(|above| above.not_after == it.not_after)
    };
    let twins = authority.all_grants().into_iter().filter(|it| {
        it.holder == new
            && it.issuer == node.peer()
            && it.parent == again.under.or(it.parent)
            && (it.rights, &it.resource, it.depth) == (grant.rights, &grant.resource, grant.depth)
            && it.caveats == grant.caveats
            && it.is_valid(Some(node.wall_now()))
            && counts(it)
            && lasts(it)
    });
    twins.max_by_key(|it| (it.not_after, it.id())).map(|it| it.id())
}

/// For how many days a grant was given.
fn days_of(grant: &Grant) -> u32 {
    let given_for = grant.not_after.0.saturating_sub(grant.not_before.0);
    u32::try_from(given_for / DAY_MS).unwrap_or(u32::MAX).max(1)
}

/// The terms by which the new device gets what the old one had.
fn same(node: &Node, grant: &Grant, terms: &ReplaceTerms) -> GrantTerms {
    let above = grant.parent.and_then(|parent| node.authority().grant(&parent));
    let is_mine = |above: &&Verified<Grant>| node.authority().speaks_for(&above.holder, &node.peer());
    GrantTerms {
        holder: GrantHolder::Peer(terms.new),
        rights: grant.rights.to_string(),
        collection: grant.resource.to_string(),
        days: terms.days.unwrap_or_else(|| days_of(grant)),
        lasts_s: None,
        depth: grant.depth,
        under: above.filter(is_mine).map(|above| above.id()),
        limits: Limits::of(grant.caveats.as_ref()),
    }
}
