//! What was granted: what of it counts, what does not, and who says so.

use std::collections::BTreeMap;

use msec_identity::{
    Authority, ControlRecord, Grant, GrantId, Holder, PeerId, Record, Revoked, SpaceId, UnixMillis, Verified,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::VoicesView;
use super::hex;
use super::terms::Limits;
use crate::node::Node;
use crate::sdk::Peer;

/// The space, its roots, and all grants that this peer has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTree {
    /// What people call the space.
    pub name: String,
    /// The space.
    pub space: SpaceId,
    /// Its roots of today.
    pub roots: Vec<PeerId>,
    /// How many of them must agree.
    pub threshold: u8,
    /// Who shows this.
    pub peer: PeerId,
    /// When, by its clock.
    pub now_ms: i64,
    /// The grants, in the order of their ids. [`GrantView::under`] makes a tree of them.
    pub grants: Vec<GrantView>,
}

/// Whoever holds a grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderView {
    /// A peer.
    Peer(PeerId),
    /// Another space, with what people call it where that is known.
    Space {
        /// Which.
        id: SpaceId,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

impl HolderView {
    pub(super) fn of(authority: &Authority, holder: &Holder) -> Self {
        match holder {
            Holder::Peer(peer) => Self::Peer(*peer),
            Holder::Space(id) => {
                Self::Space { id: *id, name: authority.linked(id).map(|it| it.name().to_owned()) }
            }
        }
    }

    /// The first ten digits, for people; or the name of a space.
    pub fn short(&self) -> String {
        match self {
            Self::Peer(peer) => peer.short(),
            Self::Space { id, name: None } => format!("the space {}", id.short()),
            Self::Space { id, name: Some(name) } => format!("the space {name} ({})", id.short()),
        }
    }
}

/// Whether a grant counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Counts,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// A link above it was revoked, and with that it fell.
    Fallen,
    /// Too few roots agree to it.
    Unapproved,
    /// It does not go back to a root.
    Unfounded,
}

/// A revocation of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedView {
    /// Its hash.
    pub revocation: String,
    /// Who signed it.
    pub by: PeerId,
    /// When, by that one's clock.
    pub at_ms: i64,
    /// Why, where its log is held.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether it binds.
    pub binds: bool,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// Its id.
    pub grant: GrantId,
    /// The link above it; `None`: a root issued it.
    pub under: Option<GrantId>,
    /// Who signed it.
    pub issuer: PeerId,
    /// Who holds it.
    pub holder: HolderView,
    /// What it allows, with commas.
    pub rights: String,
    /// Where: a collection and those below it.
    pub collection: String,
    /// From when.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// How many links may follow.
    pub depth: u8,
    /// Within which limits.
    pub limits: Limits,
    /// Whether it counts.
    pub standing: Standing,
    /// How many roots stand behind it, where one is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
    /// What was said against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedView>,
}

/// Why something was revoked, by the hash of the revocation.
pub(super) type Reasons = BTreeMap<[u8; 32], String>;

impl Peer {
    /// All grants that this peer has seen, and what became of them.
    pub async fn grants(&self) -> Result<AccessTree, AccessFailed> {
        let reasons = reasons(&self.control_records().await?);
        Ok(self.look(move |node| tree(node, &reasons)).await?)
    }
}

pub(super) fn reasons(records: &[ControlRecord]) -> Reasons {
    let reason = |record: &ControlRecord| match record {
        ControlRecord::Revocation(it) => Some((it.claims().hash(), it.claims().reason.to_string())),
        _ => None,
    };
    records.iter().filter_map(reason).collect()
}

fn tree(node: &Node, reasons: &Reasons) -> AccessTree {
    let (authority, now) = (node.authority(), node.wall_now());
    AccessTree {
        name: authority.manifest().name().into(),
        space: authority.space(),
        roots: authority.roots().to_vec(),
        threshold: authority.threshold(),
        peer: node.peer(),
        now_ms: now.0,
        grants: authority
            .all_grants()
            .into_iter()
            .map(|grant| view(authority, grant, now, reasons))
            .collect(),
    }
}

fn view(authority: &Authority, grant: &Verified<Grant>, now: UnixMillis, reasons: &Reasons) -> GrantView {
    let id = grant.id();
    let voices = authority.voices(&id.0, &grant.issuer).filter(|_| grant.parent.is_none());
    let said = |it: Revoked| RevokedView {
        revocation: hex::text(&it.revocation),
        by: it.issuer,
        at_ms: it.at.0,
        reason: reasons.get(&it.revocation).cloned().unwrap_or_default(),
        binds: it.binds,
    };
    GrantView {
        grant: id,
        under: grant.parent,
        issuer: grant.issuer,
        holder: HolderView::of(authority, &grant.holder),
        rights: grant.rights.to_string(),
        collection: grant.resource.to_string(),
        from_ms: grant.not_before.0,
        until_ms: grant.not_after.0,
        depth: grant.depth,
        limits: Limits::of(grant.caveats.as_ref()),
        standing: standing(authority, grant, now),
        voices: voices.map(VoicesView::from).filter(|voices| voices.needed > 1),
        revoked: authority.revocations_of(&id).into_iter().map(said).collect(),
    }
}

fn standing(authority: &Authority, grant: &Verified<Grant>, now: UnixMillis) -> Standing {
    let id = grant.id();
    let chain = authority.chain(&id);
    if authority.is_revoked(&id) {
        Standing::Revoked
    } else if !authority.stands(&id) {
        let first = chain.first().and_then(|id| authority.grant(id)).filter(|first| first.parent.is_none());
        match first.map(|first| authority.voices(&first.id().0, &first.issuer)) {
            Some(Some(voices)) if voices.missing() > 0 => Standing::Unapproved,
            Some(Some(_)) if chain.iter().any(|id| authority.is_revoked(id)) => Standing::Fallen,
            _ => Standing::Unfounded,
        }
    } else if grant.not_after < now {
        Standing::Expired
    } else if grant.not_before > now {
        Standing::NotYet
    } else {
        Standing::Counts
    }
}
