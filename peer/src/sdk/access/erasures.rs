//! What was ordered to be erased, who has done so, and who has not said that it did.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{CollectionPath, ControlRecord, Erased, LogId, PeerId, Record, UnixMillis};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::explain::{Receipts, receipts};
use super::granting::VoicesView;
use super::hex;
use super::names::Name;
use crate::node::{Node, carries, holds};
use crate::sdk::Peer;

/// An order to erase, as one peer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureView {
    /// Its hash.
    pub erasure: String,
    /// Who signed it.
    pub by: PeerId,
    /// When, by that one's clock.
    pub at_ms: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether it counts for one of its logs that is held here; also where none is.
    pub counts: bool,
    /// Whether nothing is left here of what it names, as far as it counts.
    pub done_here: bool,
    /// What it names.
    pub streams: Vec<ErasedStream>,
    /// Who has confirmed that nothing is left with it, the first one first.
    pub confirmed: Vec<ErasedBy>,
    /// Who may hold it, to carry or to decide about it, and has not confirmed as far as is known here.
    pub missing: Vec<PeerId>,
    /// Who may only read it, and has not confirmed.
    pub missing_readers: Vec<PeerId>,
    /// Who could hold it by a grant that is over, revoked or expired, and has not confirmed: it may hold it still, and hear of nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_over: Vec<PeerId>,
    /// Who was let in after the time that the order names, and has not confirmed. Such peers confirm nothing; where the clock of who
    /// signed it was wrong, they may hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_since: Vec<PeerId>,
    /// Who wrote it and may do nothing else, so that it erases, and does not confirm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<PeerId>,
    /// How many roots stand behind it, where one is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// What an order names of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedStream {
    /// The log.
    pub log: LogId,
    /// In which collection, where the log is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Which stream of it, where the log is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Who writes it, where the log is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<PeerId>,
    /// How many entries are named.
    pub entries: u64,
}

/// A peer that has nothing left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedBy {
    /// Who.
    pub peer: PeerId,
    /// Since when, by its own clock.
    pub at_ms: i64,
    /// What it may: some of `read`, `relay` and `manage`.
    pub role: String,
}

impl Peer {
    /// The orders to erase that this peer knows of, the oldest first; or the one that is called so, by the first digits of its hash.
    pub async fn erasures(&self, name: Option<&str>) -> Result<Vec<ErasureView>, AccessFailed> {
        let name = name.map(Name::new).transpose()?;
        let mut said = BTreeMap::new();
        for record in self.control_records().await? {
            if let ControlRecord::Erasure(it) = record {
                said.insert(it.claims().hash(), it.claims().clone());
            }
        }
        let receipts = receipts(self.records_in(CollectionPath::receipts()).await?);
        self.look(move |node| {
            let all = node.authority().all_erasures();
            let called = name.map(|name| name.one_of(all.iter().map(|it| it.erasure))).transpose()?;
            let meant = all.iter().filter(|it| called.is_none_or(|called| it.erasure == called));
            Ok(meant.map(|it| view(node, it, said.get(&it.erasure), &receipts)).collect())
        })
        .await?
    }
}

fn view(node: &Node, it: &Erased, said: Option<&msec_identity::Erasure>, receipts: &Receipts) -> ErasureView {
    let authority = node.authority();
    let (mut streams, mut collections) = (Vec::new(), BTreeSet::new());
    let (mut held, mut counting, mut done_here) = (0, 0, true);
    for log in &it.logs {
        let header = node.header_of(log);
        let named = said.into_iter().flat_map(|said| said.what.as_slice()).filter(|of| of.log == *log);
        if let Some(header) = &header {
            held += 1;
            collections.insert(header.collection().clone());
            if authority.erases_in(&it.erasure, &header.author(), header.collection()) {
                counting += 1;
                done_here &= node.has_erased(log);
            }
        }
        streams.push(ErasedStream {
            log: *log,
            collection: header.as_ref().map(|header| header.collection().to_string()),
            stream: header.as_ref().map(|header| header.stream().to_owned()),
            author: header.as_ref().map(|header| header.author()),
            entries: named.map(|of| of.end - of.first).fold(0, u64::saturating_add),
        });
    }
    let mut confirmed: Vec<_> = receipts
        .get(&it.erasure)
        .into_iter()
        .flatten()
        .map(|(peer, receipt)| ErasedBy { peer: *peer, at_ms: receipt.at.0, role: receipt.role.to_string() })
        .collect();
    confirmed.sort_by_key(|by| (by.at_ms, by.peer));
    let holders = holders(node, &collections, it.at);
    let who = |is: Holding| holders.iter().filter(|(_, it)| it.is() == is).map(|(peer, _)| *peer).collect();
    let authors = streams.iter().filter_map(|it| it.author).filter(|it| !holders.contains_key(it)).collect();
    let lacks = |peers: BTreeSet<PeerId>| -> Vec<PeerId> {
        peers.into_iter().filter(|peer| confirmed.iter().all(|by| by.peer != *peer)).collect()
    };
    let voices = authority.voices(&it.erasure, &it.issuer).filter(|voices| voices.needed > 1);
    ErasureView {
        erasure: hex::text(&it.erasure),
        by: it.issuer,
        at_ms: it.at.0,
        reason: said.map(|said| said.reason.to_string()).unwrap_or_default(),
        counts: counting > 0 || held == 0,
        done_here,
        streams,
        missing: lacks(who(Holding::Carries)),
        missing_readers: lacks(who(Holding::Reads)),
        missing_over: lacks(who(Holding::Over)),
        missing_since: lacks(who(Holding::Since)),
        writers: lacks(authors),
        confirmed,
        voices: voices.map(VoicesView::from),
    }
}

/// By what right somebody may hold what is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// To carry or to decide about it.
    Carries,
    /// To read it.
    Reads,
    /// One that is over.
    Over,
    /// One that began after the order was signed, as that says.
    Since,
}

/// What all grants of one holder come to that ever let it have something of some collections.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    carries: bool,
    counts: bool,
    /// Whether one began before the order was signed.
    before: bool,
}

impl Held {
    pub(super) fn is(self) -> Holding {
        match self {
            Self { counts: false, .. } => Holding::Over,
            Self { before: false, .. } => Holding::Since,
            Self { carries: true, .. } => Holding::Carries,
            Self { .. } => Holding::Reads,
        }
    }
}

/// Who may hold something of these collections, or of any where none is known, by grants that began before now: whatever has become of
/// them.
pub(super) fn holders(
    node: &Node,
    collections: &BTreeSet<CollectionPath>,
    at: UnixMillis,
) -> BTreeMap<PeerId, Held> {
    let (authority, now) = (node.authority(), Some(node.wall_now()).filter(|now| now.is_plausible()));
    let mut holders = BTreeMap::<PeerId, Held>::new();
    for grant in authority.all_grants() {
        let (Some(peer), id) = (grant.holder.peer(), grant.id()) else { continue };
        let covers = collections.is_empty() || collections.iter().any(|it| grant.resource.covers(it));
        let has_begun = now.is_none_or(|now| grant.not_before <= now);
        if !covers || !has_begun || !holds(grant.rights) || !authority.stood_once(&id) {
            continue;
        }
        let it = holders.entry(peer).or_default();
        it.before |= grant.not_before <= at;
        if authority.stands(&id) && !authority.is_revoked(&id) && grant.is_valid(now) {
            it.counts = true;
            it.carries |= carries(grant.rights);
        }
    }
    holders
}
