//! How a peer is, for people and programs to look at.

use std::fmt;
use std::net::SocketAddr;

use msec_identity::{Authority, Grant, PeerId, SpaceId, Voices};
use serde::{Deserialize, Serialize};

use crate::node::{Freshness, LeaseView};

/// How a peer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of its program.
    pub version: String,
    /// Who it is.
    pub peer: PeerId,
    /// What people call its space.
    pub space_name: String,
    /// The space.
    pub space: SpaceId,
    /// What it may do, as its grants say.
    pub grants: Vec<Granted>,
    /// Whether it is one of the space's roots, which grant by their threshold.
    #[serde(default)]
    pub root: bool,
    /// How many more roots have to agree until a grant of its own counts. 0: it has none that waits for that.
    #[serde(default)]
    pub approvals_missing: usize,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it looks for others on its own link.
    pub mdns: bool,
    /// Whether it is a leaf, which relays nothing.
    #[serde(default)]
    pub leaf: bool,
    /// For how long it has run.
    pub uptime_s: u64,
    /// How many peers it is linked with.
    pub neighbours: usize,
    /// Whether it is linked with nobody, and was told that it has no grant which counts: others may know of a revocation that it does not.
    #[serde(default)]
    pub refused: bool,
    /// How many logs it holds.
    pub logs: usize,
    /// How many entries are in them, without those that were let go.
    pub entries: u64,
    /// How many logs are known to be forked: their authors signed two histories.
    #[serde(default)]
    pub contested: usize,
    /// How many logs lack their beginning.
    #[serde(default)]
    pub let_go_logs: usize,
    /// How many entries of them were let go.
    #[serde(default)]
    pub let_go_entries: u64,
    /// What became of the rules of retention, if it has any.
    #[serde(default)]
    pub retention: Option<Kept>,
    /// Whom this peer gave something after its grant had been revoked, before it learnt of that; since it was started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served_after: Vec<Served>,
    /// How fresh it is for each class of data, the most protective last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseStatus>,
    /// Whether the disk takes what is written.
    pub storage_ok: bool,
    /// Bytes that the store has written to disk, from its first day on.
    #[serde(default)]
    pub written_bytes: u64,
    /// Readings that it has stored, from its first day on.
    #[serde(default)]
    pub stored_readings: u64,
    /// Whether the clock was set, as far as the peer can tell; if not, what is written is marked as unsynchronised.
    pub clock_set: bool,
    /// How far the clock may be off, in milliseconds, where the system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_within_ms: Option<u64>,
}

impl Status {
    /// [`Self::approvals_missing`] of that peer.
    pub(crate) fn missing(authority: &Authority, me: &PeerId) -> usize {
        let all = authority.all_grants().into_iter();
        let waits = all.filter(|it| it.parent.is_none() && authority.speaks_for(&it.holder, me));
        let missing = waits.filter_map(|it| authority.voices(&it.id().0, &it.issuer)).map(Voices::missing);
        missing.filter(|missing| *missing > 0).min().unwrap_or(0)
    }
}

/// What became of the rules of retention the last time, and since the peer opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// How many rules there are.
    pub rules: usize,
    /// When it was looked the last time; `None`: not yet.
    pub looked_ms: Option<i64>,
    /// Entries that were let go since the peer opened.
    pub let_go_entries: u64,
    /// Their bytes. Those that compaction has not given back yet are among them.
    pub let_go_bytes: u64,
    /// Logs of which something is old and stays, since too few neighbours hold it.
    pub unvouched_logs: u64,
    /// Logs of which something is old and stays, since no claims stand for it yet.
    pub unclaimed_logs: u64,
    /// Which rules' logs are over their cap all the same.
    pub over: Vec<Over>,
}

/// A rule whose logs are over its cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Of which collection, and those below it.
    pub collection: String,
    /// By how many bytes.
    pub bytes: u64,
}

/// What a holder was given after its grant had been revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Who.
    pub holder: PeerId,
    /// The revocation's hash.
    pub revocation: String,
    /// Bytes of data, at most, whatever collection they are of.
    pub bytes: u64,
}

/// How fresh a peer is for a class of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseStatus {
    /// `public`, `personal` or `actuation`.
    pub class: String,
    /// `fresh`; `open`: it is not, and shows all the same; `closed`: it is not, and withholds; `unknown`: it was started a moment ago.
    pub state: String,
    /// How long ago an issuer was heard from, where that is longest among the collections of that class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
    /// How long that may be.
    pub max_age_s: u64,
    /// Whether it withholds what is older.
    pub fails_closed: bool,
    /// Who was heard from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<PeerId>,
    /// The collections of that class which this peer wants; for public ones: none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Those that are withheld. The empty name stands for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

impl LeaseStatus {
    pub(crate) fn of(view: &LeaseView) -> Self {
        let state = match view.freshness {
            Freshness::Unknown => "unknown",
            Freshness::Fresh => "fresh",
            Freshness::Open => "open",
            Freshness::Closed => "closed",
        };
        let names = |paths: &[msec_identity::CollectionPath]| paths.iter().map(ToString::to_string).collect();
        Self {
            class: view.class.to_string(),
            state: state.into(),
            age_s: view.age.map(|age| age.as_secs()),
            max_age_s: view.lease.max_age.as_secs(),
            fails_closed: view.lease.closed,
            issuer: view.issuer,
            collections: names(&view.collections),
            withheld: names(&view.withheld),
        }
    }
}

/// What a grant lets its holder do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// What, with commas.
    pub rights: String,
    /// Where: a collection and those below it; everywhere if it is empty.
    pub collection: String,
    /// Until when.
    pub until_ms: i64,
}

impl Granted {
    /// What this grant lets its holder do.
    pub fn by(grant: &Grant) -> Self {
        Self {
            rights: grant.rights.to_string(),
            collection: grant.resource.to_string(),
            until_ms: grant.not_after.0,
        }
    }
}

/// A peer that this one is linked with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Who.
    pub peer: PeerId,
    /// Where it is.
    pub address: String,
    /// How the link came about.
    pub found: Found,
    /// Whether it is a leaf, which relays nothing.
    #[serde(default)]
    pub leaf: bool,
    /// For how long it has been linked.
    pub linked_s: u64,
    /// The round-trip time as the transport estimates it now, if it does.
    pub round_trip_ms: Option<f64>,
    /// What the link costs, by which peers choose among links: the round trip through both peers, and what the carrier
    /// adds. `None`: not measured yet.
    #[serde(default)]
    pub cost_ms: Option<f64>,
}

/// How a link came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// This peer dialled a contact of its settings.
    Contact,
    /// This peer found the other on the own link by mDNS, and dialled it.
    Mdns,
    /// Neighbours told of the other, in its own signed words, and this peer dialled it.
    Hearsay,
    /// The other dialled this peer.
    DialledUs,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "contact",
            Self::Mdns => "found by mDNS",
            Self::Hearsay => "heard of",
            Self::DialledUs => "dialled us",
        })
    }
}
