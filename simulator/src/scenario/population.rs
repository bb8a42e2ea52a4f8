//! Peers of one kind: how many, where they live, what they are linked by, and what they publish.

use std::time::Duration;

use msec_crdt_store::{READINGS_PER_ENTRY_MAX, STREAM_BYTES_MAX};
use serde::{Deserialize, Serialize};

use super::{Wrong, units};
use crate::hostile::Behaviour;
use crate::link::LinkClass;
use crate::map::{RouteKind, Site};
use crate::revocation::Issuer;

/// The most gateways that a peer dials.
pub const DIALS_MAX: usize = 16;

/// The most interfaces of a peer.
const INTERFACES_MAX: usize = 8;

/// Peers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    /// What they are called: the beginning of their streams' names.
    #[serde(deserialize_with = "units::name")]
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Which part of the city's peers they are, 0 to 1. Shares need not add up to one: they are weights.
    #[serde(default, deserialize_with = "units::share", skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How many they are, in a city of any size; instead of `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Where they live. Default: along streets.
    #[serde(default)]
    pub site: SiteSpec,
    /// Their link classes: radios, and what they reach the rest of the city by. Empty: one plain link of 20 ms to
    /// everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// What they want to hold, beside what they write. Default: what their role makes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest: Option<InterestSpec>,
    /// Which gateways they dial. Default: for gateways, the ring of their district and one of the next; for offices, one of
    /// each district; for others, two of the four nearest of their district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dials: Option<DialSpec>,
    /// Whether they relay what others say. Default: gateways do, the others are leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// Whether they notice, as by mDNS, who else is in the range of their radios. Default: no.
    #[serde(default)]
    pub discovers: bool,
    /// How they move. Default: not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<MoveSpec>,
    /// When they come, if not at the beginning: a storm of joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<JoinSpec>,
    /// What they publish. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishes: Option<PublishSpec>,
    /// How long their disks take for a commit, in milliseconds. Default: 5 ms, an SD card on a good day.
    #[serde(default = "commit_ms")]
    pub commit_ms: f64,
    /// Whose word they give: that of the space's root, whose key lies on the one peer, or that of an everyday issuer. Default:
    /// nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issues: Option<Issuer>,
    /// The population of everyday issuers of which the first grants them what they have. Default: the root does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<String>,
    /// Whether that issuer enters their grants in its control log: those outlive its own. Default: yes.
    #[serde(default = "yes")]
    pub entered: bool,
    /// How they try to harm others. Default: they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<Behaviour>,
}

/// Where peers live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteSpec {
    /// At lamp posts.
    #[default]
    Street,
    /// In houses.
    Block,
    /// In parks.
    Park,
    /// By the quays.
    Harbour,
    /// At lamp posts in the centre.
    Centre,
    /// In the yards of depots.
    Depot,
    /// At the map's places with a name, one each.
    Fixed,
}

impl SiteSpec {
    /// Where the `nth` of them lives.
    pub(crate) fn site(self, nth: usize) -> Site {
        match self {
            Self::Street => Site::Street,
            Self::Block => Site::Block,
            Self::Park => Site::Park,
            Self::Harbour => Site::Harbour,
            Self::Centre => Site::Centre,
            Self::Depot => Site::Depot(nth),
            Self::Fixed => Site::Fixed(nth),
        }
    }
}

/// What peers may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Hold and relay what they are interested in, and write.
    Gateway,
    /// Write, and hold nothing else.
    Sensor,
    /// Read.
    Phone,
    /// Read everything, and relay nothing.
    Office,
}

impl Role {
    /// As in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Sensor => "sensor",
            Self::Phone => "phone",
            Self::Office => "office",
        }
    }
}

/// What peers want to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "this is no interest: give it \"all\", \"none\", \"district\", or a list of collections"
)]
pub enum InterestSpec {
    /// One of the usual ones.
    Scope(Scope),
    /// These collections, and those below them.
    Collections(Vec<String>),
}

/// How much of the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything.
    All,
    /// Nothing.
    None,
    /// What is measured in the district where they live.
    District,
}

/// Whom peers dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialSpec {
    /// So many gateways.
    pub gateways: usize,
    /// Of which.
    #[serde(default)]
    pub of: DialScope,
}

/// Of which gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialScope {
    /// Any of the nearest few of the district.
    #[default]
    District,
    /// The nearest of the city.
    City,
    /// Any of the city, drawn at random.
    Random,
    /// One of every district.
    Every,
}

/// How peers move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveSpec {
    /// On which kind of route, over and over.
    pub route: RouteSpec,
    /// How fast, in kilometres an hour.
    pub speed_kmh: f64,
    /// Who comes to the beginning of its route after so many seconds stays there. Default: nobody stays.
    #[serde(
        default,
        with = "units::maybe_seconds",
        rename = "home_after_s",
        skip_serializing_if = "Option::is_none"
    )]
    pub home_after: Option<Duration>,
}

/// On which kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteSpec {
    /// A bus line.
    Bus,
    /// From a depot through the streets of a neighbourhood, and back.
    Round,
    /// A walk from home and back.
    Walk,
}

impl RouteSpec {
    /// Streets of a collection round. Chosen: a few kilometres.
    const ROUND_STREETS: usize = 25;
    /// How far a walk goes before it turns home. Chosen: a quarter of an hour.
    const WALK_M: f64 = 1_000.0;

    /// The route of the `nth` of them.
    pub(crate) fn kind(self, nth: usize) -> RouteKind {
        match self {
            Self::Bus => RouteKind::Bus,
            Self::Round => RouteKind::Round { depot: nth, streets: Self::ROUND_STREETS },
            Self::Walk => RouteKind::Walk { length_m: Self::WALK_M },
        }
    }
}

/// When peers come that are not there from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinSpec {
    /// When the first comes, in seconds.
    #[serde(rename = "from_s", with = "units::seconds")]
    pub from: Duration,
    /// In how many seconds after that all have come, evenly.
    #[serde(rename = "within_s", with = "units::seconds")]
    pub within: Duration,
}

/// What peers publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishSpec {
    /// In which collection of their district.
    #[serde(deserialize_with = "units::name")]
    pub collection: String,
    /// The unit, in UCUM. Default: "1".
    #[serde(default = "one")]
    pub unit: String,
    /// Time between two entries, in seconds.
    #[serde(rename = "every_s", with = "units::seconds")]
    pub every: Duration,
    /// Readings in an entry, spread evenly over the time since the last one. Default: 1.
    #[serde(default = "one_reading")]
    pub readings: usize,
    /// What is read.
    #[serde(default)]
    pub values: Values,
}

/// What sensors read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// A walk in tenths between 30 and 90.
    #[default]
    Walk,
    /// The hourly counts of people who passed the real sensors of Auckland, one place a peer: an entry with the count of
    /// the hour that `every_s` stands for.
    Auckland,
}

fn yes() -> bool {
    true
}

fn commit_ms() -> f64 {
    5.0
}

fn one() -> String {
    "1".into()
}

fn one_reading() -> usize {
    1
}

/// How many peers each population has in a city of that size: what is counted first, and the rest by weight, largest
/// remainders first. Whoever has a share has one peer at least.
pub(super) fn sizes(populations: &[PopulationSpec], peers: usize) -> Vec<usize> {
    let counted: usize = populations.iter().filter_map(|p| p.count).sum();
    let rest = peers.saturating_sub(counted);
    let weight: f64 = populations.iter().filter(|p| p.count.is_none()).filter_map(|p| p.share).sum();
    let exact = |p: &PopulationSpec| match (p.count, p.share) {
        (Some(count), _) => count as f64,
        (None, Some(share)) if weight > 0.0 => rest as f64 * share / weight,
        (None, _) => 0.0,
    };
    let mut sizes: Vec<usize> = populations
        .iter()
        .map(|p| (exact(p) as usize).max(usize::from(p.count.is_none() && p.share.is_some_and(|s| s > 0.0))))
        .collect();
    let mut by_remainder: Vec<usize> = (0..populations.len())
        .filter(|n| populations[*n].count.is_none() && exact(&populations[*n]) > 0.0)
        .collect();
    by_remainder.sort_by(|a, b| {
        let remainder = |n: &usize| exact(&populations[*n]).fract();
        remainder(b).total_cmp(&remainder(a)).then(a.cmp(b))
    });
    let missing = peers.saturating_sub(sizes.iter().sum());
    for n in by_remainder.iter().cycle().take(if by_remainder.is_empty() { 0 } else { missing }) {
        sizes[*n] += 1;
    }
    // Whoever was given the one peer that it must have, has it from the largest.
    while sizes.iter().sum::<usize>() > peers
        && let Some(largest) = by_remainder.iter().max_by_key(|n| sizes[**n]).filter(|n| sizes[**n] > 1)
    {
        sizes[*largest] -= 1;
    }
    sizes
}

pub(super) fn check(
    populations: &[PopulationSpec],
    peers: usize,
    classes: &[LinkClass],
) -> Result<(), Wrong> {
    for (n, it) in populations.iter().enumerate() {
        let at = |key: &str| format!("population.{n}.{key}");
        if populations[..n].iter().any(|other| other.name == it.name) {
            return Err(Wrong::at(
                at("name"),
                format!("two populations are called {:?}: rename one", it.name),
            ));
        }
        if it.share.is_some() == it.count.is_some() {
            return Err(Wrong::at(at("name"), "give it either a share or a count"));
        }
        if it.count.is_some_and(|count| count > peers) {
            let reason = format!("the city has {peers} peers: give it so many at most");
            return Err(Wrong::at(at("count"), reason));
        }
        if let Some(Behaviour::Fork { of, .. }) = &it.hostile
            && of.0 >= peers
        {
            let reason = format!(
                "there is no peer {of} to copy: they are numbered from 0 to {}",
                peers.saturating_sub(1)
            );
            return Err(Wrong::at(at("hostile"), reason));
        }
        if it.interfaces.len() > INTERFACES_MAX {
            return Err(Wrong::at(
                at("interfaces"),
                format!("a peer has at most {INTERFACES_MAX} interfaces"),
            ));
        }
        if let Some(unknown) = it.interfaces.iter().find(|name| !classes.iter().any(|c| c.name == **name)) {
            let known: Vec<_> = classes.iter().map(|class| class.name.as_str()).collect();
            let reason = format!("there is no link class {unknown:?}: there are {}", known.join(", "));
            return Err(Wrong::at(at("interfaces"), reason));
        }
        if let Some(InterestSpec::Collections(collections)) = &it.interest {
            msec_peer::gossip::Interest::of(collections.iter().map(String::as_str))
                .map_err(|error| Wrong::at(at("interest"), error.to_string()))?;
        }
        if it.dials.is_some_and(|dials| dials.gateways > DIALS_MAX) {
            return Err(Wrong::at(at("dials"), format!("a peer dials at most {DIALS_MAX} gateways")));
        }
        if it.moves.is_some_and(|moves| !(moves.speed_kmh > 0.0 && moves.speed_kmh <= 1_000.0)) {
            return Err(Wrong::at(at("moves"), "speed_kmh is more than 0 and at most 1000"));
        }
        if !(0.0..=60_000.0).contains(&it.commit_ms) {
            return Err(Wrong::at(at("commit_ms"), "a commit takes 0 to 60000 ms"));
        }
        if let Some(publishes) = &it.publishes {
            publishes.check(it.role).map_err(|reason| Wrong::at(at("publishes"), reason))?;
        }
    }
    let sizes = sizes(populations, peers);
    check_issuers(populations, &sizes)?;
    if sizes.iter().sum::<usize>() != peers {
        let least: usize = sizes.iter().sum();
        let reason = if least > peers {
            format!("its populations have {least} peers at least: give it as many")
        } else {
            format!(
                "its populations have {least} peers together, all counted: leave city.peers out, or say {least}"
            )
        };
        return Err(Wrong::at("city.peers", reason));
    }
    let gateways = populations
        .iter()
        .zip(&sizes)
        .any(|(p, size)| p.role == Role::Gateway && p.hostile.is_none() && *size > 0);
    let dials = |p: &PopulationSpec| p.dials.is_none_or(|dials| dials.gateways > 0);
    if !gateways && populations.iter().any(|p| p.role != Role::Gateway && dials(p)) {
        return Err(Wrong::at(
            "population.0.role",
            "somebody dials gateways, and there are none: add a population of them",
        ));
    }
    Ok(())
}

/// Refuses roots that are more than one, and grants from nobody.
fn check_issuers(populations: &[PopulationSpec], sizes: &[usize]) -> Result<(), Wrong> {
    let roots = populations.iter().zip(sizes).filter(|(it, _)| it.issues == Some(Issuer::Root));
    if roots.map(|(_, size)| size).sum::<usize>() > 1 {
        return Err(Wrong::at("population.0.issues", "the root's key lies on one peer: give it `count = 1`"));
    }
    for (n, it) in populations.iter().enumerate() {
        let issuer = it.granted_by.as_ref().map(|name| populations.iter().find(|other| other.name == *name));
        if issuer.is_some_and(|it| it.is_none_or(|it| it.issues != Some(Issuer::Manager))) {
            let reason = "name a population that has `issues = \"manager\"`";
            return Err(Wrong::at(format!("population.{n}.granted_by"), reason));
        }
        if it.issues.is_some() && it.granted_by.is_some() {
            return Err(Wrong::at(
                format!("population.{n}.granted_by"),
                "issuers have their grants from the root: leave it out",
            ));
        }
    }
    Ok(())
}

impl PopulationSpec {
    /// Whether they relay.
    pub(crate) fn relays(&self) -> bool {
        self.relay.unwrap_or(self.role == Role::Gateway)
    }

    /// When the `nth` of `size` comes.
    pub(crate) fn joins_at(&self, nth: usize, size: usize) -> Duration {
        self.joins.map_or(Duration::ZERO, |joins| {
            joins.from + joins.within.mul_f64(nth as f64 / size.max(1) as f64)
        })
    }
}

impl PublishSpec {
    fn check(&self, role: Role) -> Result<(), String> {
        if self.every < Duration::from_millis(1) {
            return Err("every_s is at least 0.001".into());
        }
        if self.unit.len() > STREAM_BYTES_MAX || self.unit.chars().any(char::is_control) {
            return Err(format!("a unit has at most {STREAM_BYTES_MAX} bytes, and no control characters"));
        }
        if self.readings == 0 || self.readings > READINGS_PER_ENTRY_MAX {
            return Err(format!("an entry has 1 to {READINGS_PER_ENTRY_MAX} readings"));
        }
        if matches!(role, Role::Phone | Role::Office) {
            return Err(format!("a {} may not write: make it a sensor or a gateway", role.as_str()));
        }
        Ok(())
    }
}
