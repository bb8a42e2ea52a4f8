//! What is asked for.

use msec_identity::{Area, Caveats, GrantId, LogId, Manifest, PeerId, TextError, UnixMillis};
use serde::{Deserialize, Serialize};

use super::hex;

/// Whom a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantHolder {
    /// A peer.
    Peer(PeerId),
    /// Another space, by its manifest ([`Manifest::to_bytes`]): one link between two cities.
    Space(#[serde(with = "hex")] Vec<u8>),
}

/// What a holder is to be let do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantTerms {
    /// Who may.
    pub holder: GrantHolder,
    /// What: some of `relay,read,write,manage`.
    pub rights: String,
    /// Where: a collection and those below it; everywhere if it is empty.
    #[serde(default)]
    pub collection: String,
    /// For how many days, and no longer than the link above lasts.
    pub days: u32,
    /// For how many seconds instead, for what is shorter than a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_s: Option<u32>,
    /// How many links may follow. More than none only with `manage`.
    #[serde(default)]
    pub depth: u8,
    /// The grant to issue it under. `None`: as a root, or under the grant with `manage` that covers it and lasts longest.
    #[serde(default)]
    pub under: Option<GrantId>,
    /// Within which limits. What is left out is as in the link above.
    #[serde(default)]
    pub limits: Limits,
}

impl GrantTerms {
    /// For a peer, on a collection and those below it, for so many days, without limits and without links that follow.
    pub fn new(holder: PeerId, rights: &str, collection: &str, days: u32) -> Self {
        Self {
            holder: GrantHolder::Peer(holder),
            rights: rights.into(),
            collection: collection.into(),
            days,
            lasts_s: None,
            depth: 0,
            under: None,
            limits: Limits::default(),
        }
    }

    /// For another space.
    #[must_use]
    pub fn to_space(mut self, manifest: &Manifest) -> Self {
        self.holder = GrantHolder::Space(manifest.to_bytes());
        self
    }

    /// Lets so many links follow.
    #[must_use]
    pub fn depth(mut self, depth: u8) -> Self {
        self.depth = depth;
        self
    }

    /// Within these limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// The limits of a grant; what is `None` does not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most entries in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<u32>,
    /// A box on the map: south, west, north, east, in units of 1e-7 degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_e7: Option<[i32; 4]>,
    /// What for, in words to which nobody is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The most logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<u16>,
    /// The most bytes in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_day: Option<u64>,
    /// The most incarnations of one stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnations: Option<u16>,
}

impl Limits {
    /// Those of a grant.
    pub fn of(caveats: Option<&Caveats>) -> Self {
        let Some(it) = caveats else { return Self::default() };
        Self {
            rate_per_minute: it.rate_per_minute,
            within_e7: it.place.map(|area| [area.south_e7, area.west_e7, area.north_e7, area.east_e7]),
            purpose: it.purpose.as_ref().map(ToString::to_string),
            logs: it.logs_max,
            bytes_per_day: it.bytes_per_day,
            incarnations: it.incarnations_max,
        }
    }

    /// These, and those of the link above where nothing else is said; `None` where nothing is limited.
    pub(super) fn under(&self, above: Option<&Caveats>) -> Result<Option<Caveats>, TextError> {
        let above = above.cloned().unwrap_or_default();
        let place = self.within_e7.map(|[south_e7, west_e7, north_e7, east_e7]| Area {
            south_e7,
            west_e7,
            north_e7,
            east_e7,
        });
        let caveats = Caveats {
            rate_per_minute: self.rate_per_minute.or(above.rate_per_minute),
            place: place.or(above.place),
            purpose: self.purpose.as_ref().map(|text| text.parse()).transpose()?.or(above.purpose),
            logs_max: self.logs.or(above.logs_max),
            bytes_per_day: self.bytes_per_day.or(above.bytes_per_day),
            incarnations_max: self.incarnations.or(above.incarnations_max),
        };
        Ok(if caveats.is_empty() { None } else { Some(caveats) })
    }
}

/// Up to where logs under a revoked grant count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutTerms {
    /// As far as this peer has them on disk now, its holder's control logs too, so that what it granted goes on.
    #[default]
    Now,
    /// Nothing of them counts, and what was granted under it falls.
    None,
    /// These at so many entries, the others as with `Now`.
    At(Vec<(LogId, u64)>),
}

/// What is to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeTerms {
    /// A grant or a peer, whose grants all end, by its id or the first digits of it, at least six.
    pub target: String,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
    /// Up to where logs count.
    #[serde(default)]
    pub cut: CutTerms,
    /// Whether all that was granted below ends too.
    #[serde(default)]
    pub all: bool,
}

impl RevokeTerms {
    /// Ends a grant, or all grants of a peer. What is held of their logs stays.
    pub fn new(target: impl ToString, reason: &str) -> Self {
        Self { target: target.to_string(), reason: reason.into(), cut: CutTerms::Now, all: false }
    }
}

/// Logs that a revocation did not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTerms {
    /// The revocation, by its hash or the first digits of it, at least six.
    pub revocation: String,
    /// Up to where which logs count. Empty: all that are held and count for nothing, as far as they are held.
    #[serde(default)]
    pub logs: Vec<(LogId, u64)>,
}

/// What is to be erased everywhere: the logs that are held here and fit all that is said, at least one of streams, author and grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureTerms {
    /// These streams, each as `collection/stream`. Empty: all.
    #[serde(default)]
    pub streams: Vec<String>,
    /// What that peer wrote, by its id or the first digits of it, at least six.
    #[serde(default)]
    pub by: Option<String>,
    /// What was written under that grant, by its id or the first digits of it, at least six: a person's pseudonymous streams, for
    /// instance; or under the grants of that peer.
    #[serde(default)]
    pub under: Option<String>,
    /// Entries with a reading of then or later. `None`: from the beginning on.
    #[serde(default)]
    pub from: Option<UnixMillis>,
    /// Entries with a reading before then. `None`: up to the last that is held.
    #[serde(default)]
    pub to: Option<UnixMillis>,
    /// Whether readings outside of these times may go that lie in the same entries.
    #[serde(default)]
    pub whole_entries: bool,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

impl ErasureTerms {
    /// All that is held of a stream.
    pub fn of_stream(stream: impl ToString) -> Self {
        Self { streams: vec![stream.to_string()], ..Self::default() }
    }

    /// Whether a reading of that time is meant.
    pub(super) fn covers(&self, time: UnixMillis) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// Who could read what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// A collection, or a stream in one.
    pub what: String,
    /// When.
    pub at: UnixMillis,
}
