//! A new device for a lost one: what the old one had ends, and the new one has it from then on.

use std::collections::BTreeMap;

use msec_identity::{
    CollectionPath, ControlRecord, ControlStream, Grant, GrantId, Holder, PeerId, REPLACED_STREAMS_MAX,
    ReplacedStream, ReplacedStreams, Replacement, Verified,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::Issued;
use super::hex;
use super::revoking::{RevocationPlan, RevokedGrant};
use super::terms::{GrantHolder, GrantTerms, Limits, RevokeTerms};
use super::tree::HolderView;
use crate::node::Node;
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
    /// What ends.
    pub ends: RevocationPlan,
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
}

/// A lost device whose place another one has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The lost one.
    pub old: HolderView,
    /// What it had, which is over.
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
    plan: RevocationPlan,
    grants: Vec<GrantTerms>,
    stream: ControlStream,
    replacements: Vec<Verified<Replacement>>,
}

impl Draft {
    fn streams(&self) -> usize {
        self.replacements.iter().map(|it| it.streams.as_slice().len()).sum()
    }
}

impl Peer {
    /// What [`Peer::replace`] would do with these terms. Nothing is changed.
    pub async fn plan_replacement(&self, terms: ReplaceTerms) -> Result<ReplacementPlan, AccessFailed> {
        let new = Holder::Peer(terms.new);
        let draft = self.draft_replacement(terms).await?;
        let new = self.look(move |node| HolderView::of(node.authority(), &new)).await?;
        let streams = draft.streams();
        let planned = |terms: GrantTerms| PlannedGrant {
            rights: terms.rights,
            collection: terms.collection,
            days: terms.days,
        };
        let grants = draft.grants.into_iter().map(planned).collect();
        Ok(ReplacementPlan { ends: draft.plan, new, grants, streams })
    }

    /// Gives a new device the rights and limits of a lost one, and ends those of the lost one: what this peer holds of its logs stays, and
    /// nothing beyond. When this returns, that is on disk. The new grants come first, so that a crash in between leaves nobody without.
    pub async fn replace(&self, terms: ReplaceTerms) -> Result<Replaced, AccessFailed> {
        let draft = self.draft_replacement(terms).await?;
        let mut issued: Vec<Issued> = Vec::new();
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
        let records = beside.chain(draft.replacements.iter().cloned().map(ControlRecord::from));
        let records: Vec<_> = records.collect();
        let invitation = Membership::new(&manifest, grants.into_values()).with_records(records);
        let streams = draft.streams();
        let revoked = self.revoke(draft.ends).await?;
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
        let plan = self.plan_revocation(ends.clone()).await?;
        let draft = self.look(move |node| draw_up(node, &terms, ends, plan)).await??;
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
    plan: RevocationPlan,
) -> Result<Draft, AccessFailed> {
    let authority = node.authority();
    let ended: Vec<_> = plan.grants.iter().filter_map(|it| authority.grant(&it.grant)).collect();
    let not_a_peer = || AccessFailed::NotAPeer { name: terms.old.clone() };
    let old = ended.first().and_then(|grant| grant.holder.peer()).ok_or_else(not_a_peer)?;
    if !hex::text(&old.0).starts_with(&terms.old.trim().to_lowercase()) {
        return Err(not_a_peer());
    }
    if old == terms.new {
        return Err(AccessFailed::Itself);
    }
    // What has run out is not given again.
    let counts = |grant: &&&Verified<Grant>| {
        let id = grant.id();
        grant.is_valid(Some(node.wall_now())) && authority.stands(&id) && !authority.is_revoked(&id)
    };
    let grants: Vec<_> = ended.iter().filter(counts).map(|grant| same(node, grant, terms)).collect();
    if grants.is_empty() {
        return Err(AccessFailed::NothingToReplace);
    }
    let mut streams: BTreeMap<(CollectionPath, String), _> = BTreeMap::new();
    let logs = ended.iter().flat_map(|grant| node.logs_under(&grant.id()));
    for log in logs.filter(|log| log.author == old && log.size > 0 && !log.collection.is_reserved()) {
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
    let replacements = named.chunks(REPLACED_STREAMS_MAX).take(REPLACEMENTS_MAX).map(record).collect();
    let stream = ended.first().and_then(|grant| super::revoking::stream_over(node, &grant.id()));
    let stream = stream.ok_or_else(not_a_peer)?;
    Ok(Draft { old, ends, plan, grants, stream, replacements })
}

/// The terms by which the new device gets what the old one had.
fn same(node: &Node, grant: &Grant, terms: &ReplaceTerms) -> GrantTerms {
    let given_for = grant.not_after.0.saturating_sub(grant.not_before.0);
    let days = u32::try_from(given_for / DAY_MS).unwrap_or(u32::MAX).max(1);
    let above = grant.parent.and_then(|parent| node.authority().grant(&parent));
    let is_mine = |above: &&Verified<Grant>| node.authority().speaks_for(&above.holder, &node.peer());
    GrantTerms {
        holder: GrantHolder::Peer(terms.new),
        rights: grant.rights.to_string(),
        collection: grant.resource.to_string(),
        days: terms.days.unwrap_or(days),
        lasts_s: None,
        depth: grant.depth,
        under: above.filter(is_mine).map(|above| above.id()),
        limits: Limits::of(grant.caveats.as_ref()),
    }
}
