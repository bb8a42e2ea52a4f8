//! Who could read, by what right, until when, and what they were given after that had ended.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{
    Authority, CollectionPath, ControlRecord, Ended, Grant, GrantId, PeerId, Reader, Receipt, Right, SpaceId,
    UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::hex;
use super::terms::Question;
use super::tree::{HolderView, Reasons, reasons};
use crate::node::{Node, carries};
use crate::sdk::Peer;

/// Who could read something at some time, as far as one peer knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The space.
    pub space: SpaceId,
    /// What people call it.
    pub name: String,
    /// What was asked about.
    pub collection: String,
    /// The stream, if it was about one that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Who writes that, and can read it whatever else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<PeerId>,
    /// At what time.
    pub at_ms: i64,
    /// Who explains.
    pub by: PeerId,
    /// When, by its clock.
    pub said_ms: i64,
    /// Who could read, in the order of their ids.
    pub readers: Vec<ReaderView>,
}

/// Somebody who could read, by one grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderView {
    /// Who.
    pub holder: PeerId,
    /// By which right: `read`, or `relay`, by which it carries what it could look at.
    pub right: String,
    /// The links, from that of a root on.
    pub chain: Vec<LinkView>,
    /// From when on.
    pub from_ms: i64,
    /// Until when, had nobody ended it before.
    pub until_ms: i64,
    /// What ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndView>,
}

/// A link of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// The grant.
    pub grant: GrantId,
    /// Who signed it.
    pub issuer: PeerId,
    /// For whom.
    pub holder: HolderView,
    /// What it allows.
    pub rights: String,
    /// Where.
    pub collection: String,
    /// Until when.
    pub until_ms: i64,
    /// Who else agreed, of the roots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<PeerId>,
}

/// What ended a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndView {
    /// The grant that is over: the reader's own, or one above.
    pub grant: GrantId,
    /// The revocation, by its hash; `None` where it was a root that went, or there was no room to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<String>,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PeerId>,
    /// When, by that one's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who confirmed that it knows, the first one first.
    pub confirmed: Vec<Confirmed>,
    /// Who may give it to others, and has not confirmed as far as is known here.
    pub unconfirmed: Vec<PeerId>,
    /// From when it was said until the last of those who confirmed knew. `None` where nobody has, or one of them knew before, by its clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<i64>,
    /// Bytes of data, at most, that the holder was given in that time by those who confirmed.
    pub served_after: u64,
}

/// A peer that knows of an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Who.
    pub peer: PeerId,
    /// Since when, by its own clock.
    pub at_ms: i64,
    /// What it is there for: `relay`, `manage`, or both.
    pub role: String,
    /// Bytes of data, at most, that it gave to the holder in between.
    pub served: u64,
}

/// The first receipt of each, by revocation.
pub(super) type Receipts = BTreeMap<[u8; 32], BTreeMap<PeerId, Receipt>>;

impl Peer {
    /// Who could read a collection, or a stream of one, at some time; what ended that, who said so, and who knew of it since when.
    pub async fn explain(&self, question: Question) -> Result<Explanation, AccessFailed> {
        let what: CollectionPath = question.what.parse()?;
        let reasons = reasons(&self.control_records().await?);
        let receipts = receipts(self.records_in(CollectionPath::receipts()).await?);
        Ok(self.look(move |node| explain(node, &what, question.at, &reasons, &receipts)).await?)
    }
}

pub(super) fn receipts(records: Vec<ControlRecord>) -> Receipts {
    let mut receipts = Receipts::new();
    for record in records {
        let ControlRecord::Receipt(receipt) = record else { continue };
        let receipt = receipt.claims();
        let of = receipts.entry(receipt.of).or_default();
        let first = of.entry(receipt.issuer).or_insert_with(|| receipt.clone());
        if receipt.at < first.at {
            *first = receipt.clone();
        }
    }
    receipts
}

fn explain(
    node: &Node,
    what: &CollectionPath,
    at: UnixMillis,
    reasons: &Reasons,
    receipts: &Receipts,
) -> Explanation {
    let authority = node.authority();
    let (collection, stream, writers) = place(node, what);
    let readers = authority.readers(&collection, at).into_iter();
    Explanation {
        space: authority.space(),
        name: authority.manifest().name().into(),
        collection: collection.to_string(),
        stream,
        writers,
        at_ms: at.0,
        by: node.peer(),
        said_ms: node.wall_now().0,
        readers: readers.map(|reader| reader_view(authority, reader, at, reasons, receipts)).collect(),
    }
}

/// A stream, if one is held that is called so; else a collection.
fn place(node: &Node, what: &CollectionPath) -> (CollectionPath, Option<String>, Vec<PeerId>) {
    let stream = what.as_str().rsplit_once('/').and_then(|(collection, stream)| {
        let collection: CollectionPath = collection.parse().ok()?;
        let logs = node.logs_in(&collection).into_iter().filter(|(_, _, name, _)| name == stream);
        let writers: BTreeSet<PeerId> = logs.map(|(_, author, ..)| author).collect();
        (!writers.is_empty()).then(|| (collection, Some(stream.to_owned()), writers.into_iter().collect()))
    });
    stream.unwrap_or_else(|| (what.clone(), None, Vec::new()))
}

fn reader_view(
    authority: &Authority,
    reader: Reader,
    at: UnixMillis,
    reasons: &Reasons,
    receipts: &Receipts,
) -> ReaderView {
    let link = |id: &GrantId| {
        let grant = authority.grant(id)?;
        Some(LinkView {
            grant: *id,
            issuer: grant.issuer,
            holder: HolderView::of(authority, &grant.holder),
            rights: grant.rights.to_string(),
            collection: grant.resource.to_string(),
            until_ms: grant.not_after.0,
            approved_by: authority.approvers(&id.0),
        })
    };
    ReaderView {
        holder: reader.holder,
        right: if reader.right == Right::Read { "read" } else { "relay" }.into(),
        chain: reader.chain.iter().filter_map(link).collect(),
        from_ms: reader.from.0,
        until_ms: reader.until.0,
        ended: reader.ended.map(|ended| end_view(authority, &ended, at, reasons, receipts)),
    }
}

fn end_view(
    authority: &Authority,
    ended: &Ended,
    at: UnixMillis,
    reasons: &Reasons,
    receipts: &Receipts,
) -> EndView {
    let known = ended.revocation.as_ref().and_then(|hash| receipts.get(hash));
    let mut confirmed: Vec<_> = known
        .into_iter()
        .flatten()
        .map(|(peer, it)| Confirmed {
            peer: *peer,
            at_ms: it.at.0,
            role: it.role.to_string(),
            served: it.served,
        })
        .collect();
    confirmed.sort_by_key(|it| (it.at_ms, it.peer));
    let since = ended.at.unwrap_or(at);
    let may_carry = carriers(authority, since);
    let has_confirmed = |peer: &PeerId| confirmed.iter().any(|it| it.peer == *peer);
    // A clock that shows a time before it was said says nothing about how long it took.
    let is_known = |at: &UnixMillis| confirmed.iter().all(|it| it.at_ms >= at.0);
    let last = confirmed.last().map(|it| it.at_ms);
    EndView {
        grant: ended.grant,
        revocation: ended.revocation.map(|hash| hex::text(&hash)),
        by: ended.revocation.and_then(|hash| authority.revocation(&hash)).map(|it| it.issuer),
        at_ms: ended.at.map(|at| at.0),
        reason: ended.revocation.and_then(|hash| reasons.get(&hash).cloned()).unwrap_or_default(),
        unconfirmed: may_carry.into_iter().filter(|peer| !has_confirmed(peer)).collect(),
        window_ms: ended.at.filter(is_known).zip(last).map(|(at, last)| last.saturating_sub(at.0)),
        served_after: confirmed.iter().fold(0, |sum, it| sum.saturating_add(it.served)),
        confirmed,
    }
}

/// Who could give what it held to others at that time: by a grant that nobody had ended by then, whatever has become of it since.
fn carriers(authority: &Authority, at: UnixMillis) -> BTreeSet<PeerId> {
    let grants = authority.all_grants().into_iter();
    let carrying = grants.filter(|grant| carries(grant.rights) && grant.is_valid(Some(at)));
    let carrying =
        carrying.filter(|grant| authority.stood_once(&grant.id()) && !was_over(authority, grant, at));
    carrying.filter_map(|grant| grant.holder.peer()).collect()
}

/// Whether something says that a grant that counts no more was over by then.
fn was_over(authority: &Authority, grant: &Grant, at: UnixMillis) -> bool {
    let id = grant.id();
    let counts = authority.stands(&id) && !authority.is_revoked(&id);
    let mut ends = authority.chain(&id).into_iter().flat_map(|link| authority.revocations_of(&link));
    !counts && ends.any(|it| it.binds && it.at <= at)
}
