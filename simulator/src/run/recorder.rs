//! What is written down of a run on the way, for its page.

use std::collections::BTreeMap;
use std::time::Duration;

use super::movers::Movers;
use super::residents::{Resident, Residents};
use crate::checkers::{Agreement, Checkers, Kind, Verdict};
use crate::link::{ClassTraffic, LinkClass};
use crate::map::{Map, Point};
use crate::metrics::Metrics;
use crate::peer::PeerIndex;
use crate::recording::{
    ClassRecord, DistrictRecord, FaultRecord, LatencyRecord, LeftOut, LinkRecord, MapRecord, NO_DISTRICT,
    PeerRecord, Recording, RevocationRecord, SERIES_MAX, SeriesRow, SpreadRecord, TRACK_MAX, Thinned,
    VERSION, VerdictRecord,
};
use crate::revocation::{CutAt, Revoked};
use crate::scenario::Scenario;
use crate::world::World;

/// How often the place of what moves is written down.
const TRACK_EVERY: Duration = Duration::from_secs(10);

/// How far one followed message's place in its part of the time is from the one's before.
const APART: Duration = Duration::from_secs(7);

/// All of a run that is looked at in the end.
pub(super) struct Looked<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) world: &'a World,
    pub(super) classes: &'a [LinkClass],
    pub(super) map: &'a Map,
    pub(super) residents: &'a Residents,
    pub(super) checkers: &'a Checkers,
}

/// Where something was when.
type Track = Thinned<(f32, [f32; 2])>;

pub(super) struct Recorder {
    every: Duration,
    next: Duration,
    series: Thinned<SeriesRow>,
    next_track: Duration,
    /// Where what moves was, by peer.
    tracks: Vec<(PeerIndex, Track)>,
    /// When the next message is to be followed.
    follow: Vec<Duration>,
}

impl Recorder {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let spread = scenario.record.spread as u32;
        // In the middle of equal parts of the publishing, the last first; a few seconds apart from the middle, so that what is
        // published in step is not always the same stream's.
        let middle = |n: u32| scenario.publish * (2 * n + 1) / (2 * spread) + APART * n;
        let follow = (0..spread).rev().map(middle).collect();
        Self {
            every: scenario.record.series_every,
            next: Duration::ZERO,
            series: Thinned::new(SERIES_MAX),
            next_track: Duration::ZERO,
            tracks: Vec::new(),
            follow,
        }
    }

    /// When to look next.
    pub(super) fn due(&self) -> Option<Duration> {
        Some(self.follow.last().map_or(self.next, |follow| self.next.min(*follow)))
    }

    /// Writes down what it is time for.
    pub(super) fn look(&mut self, world: &mut World, movers: &Movers, wall: Duration) {
        let now = world.time();
        while self.follow.pop_if(|at| *at <= now).is_some() {
            world.deliveries_mut().follow_next();
        }
        if self.next <= now {
            self.next = now + self.every;
            self.series.push(row(world, wall));
        }
        if self.next_track <= now && movers.due().is_some() {
            self.next_track = now + TRACK_EVERY;
            let positions = movers.positions(now).enumerate();
            for (nth, (peer, at)) in positions {
                if self.tracks.len() <= nth {
                    self.tracks.push((peer, Thinned::new(TRACK_MAX)));
                }
                self.tracks[nth].1.push((now.as_secs_f32(), pair(at)));
            }
        }
    }

    /// All of it.
    pub(super) fn finish(self, city: Looked<'_>, metrics: Metrics) -> Recording {
        let Looked { scenario, world, classes, map, residents, checkers } = city;
        let mut series = self.series;
        series.push(row(world, Duration::from_secs_f64(metrics.wall_s)));
        let mut recording = Recording {
            version: VERSION,
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            seed: world.seed().0,
            toml: scenario.to_toml().unwrap_or_default(),
            metrics,
            map: map_record(map),
            peers: peers(scenario, residents, self.tracks),
            links: links(world, classes),
            spread: spread(world),
            latency: latency(scenario, world),
            series: series.into_rows(),
            classes: world.traffic_by_class().iter().map(class_record).collect(),
            faults: checkers.agreements().iter().map(|it| fault_record(it, world.time())).collect(),
            revocations: revocations(world, residents),
            verdicts: checkers.verdicts().iter().map(verdict_record).collect(),
            wires: None,
            left_out: Vec::new(),
        };
        let (_, dropped) = world.link_events();
        if dropped > 0 {
            let kept = recording.links.len() as u64;
            recording.left_out.push(LeftOut { what: "links".into(), kept, of: kept + dropped.div_ceil(2) });
        }
        recording.bound();
        recording
    }
}

fn peers(scenario: &Scenario, residents: &Residents, tracks: Vec<(PeerIndex, Track)>) -> Vec<PeerRecord> {
    let record = |(_, it): (PeerIndex, &Resident)| {
        let population = &scenario.populations[it.population];
        PeerRecord {
            population: population.name.clone(),
            role: population.role.as_str().into(),
            at: pair(it.at),
            district: u16::try_from(it.district).unwrap_or(NO_DISTRICT),
            hostile: population.hostile.is_some(),
            track: Vec::new(),
        }
    };
    let mut peers: Vec<PeerRecord> = residents.iter().map(record).collect();
    for (peer, track) in tracks {
        peers[peer.0].track = track.into_rows();
    }
    peers
}

fn latency(scenario: &Scenario, world: &World) -> Vec<LatencyRecord> {
    let by_population = scenario.populations.iter().zip(world.deliveries().latencies());
    let read = by_population.filter(|(_, histogram)| histogram.count() > 0);
    read.map(|(population, histogram)| LatencyRecord {
        readers: population.name.clone(),
        histogram: histogram.clone(),
    })
    .collect()
}

/// One that lasts is over when the run is.
fn fault_record(agreement: &Agreement, end: Duration) -> FaultRecord {
    FaultRecord {
        what: agreement.what.clone(),
        from_s: agreement.from.as_secs_f64(),
        until_s: agreement.ended.unwrap_or(end).as_secs_f64(),
        agreed_after_s: agreement.agreed_after.map(|after| after.as_secs_f64()),
    }
}

fn revocations(world: &World, residents: &Residents) -> Vec<RevocationRecord> {
    let name = |peer: PeerIndex| {
        let population = residents.get(peer).map_or("peers", |it| residents.population(it));
        format!("peer {peer} ({population})")
    };
    let issued = world.revocations().iter().filter_map(|revoked| Some((revoked, revoked.issued?)));
    let record = |(revoked, issued): (&Revoked, Duration)| {
        let cut = match revoked.cut {
            CutAt::Now => "cut at what its issuer held",
            CutAt::Stale => "cut at half of what its issuer held",
            CutAt::None => "nothing of it counts",
        };
        let (reached, seconds) =
            (revoked.reached(), |all: &[Duration]| all.iter().map(Duration::as_secs_f32).collect());
        RevocationRecord {
            what: format!("{}, by {}, {cut}", name(revoked.holder), name(revoked.by)),
            issued_s: issued.as_secs_f64(),
            reachable: reached.reachable as u32,
            known_after_s: seconds(&reached.after),
            returned_after_s: seconds(&reached.returned),
            exposed_bytes: revoked.exposed_bytes,
            exposed_for_s: revoked
                .exposed_until
                .map_or(0.0, |until| until.saturating_sub(issued).as_secs_f64()),
        }
    };
    issued.map(record).collect()
}

fn verdict_record(verdict: &Verdict) -> VerdictRecord {
    VerdictRecord {
        checker: verdict.checker.to_owned(),
        safety: verdict.kind == Kind::Safety,
        looked: verdict.looked,
        violations: verdict.violations,
        first: verdict.first.clone(),
    }
}

/// How things stand.
fn row(world: &World, wall: Duration) -> SeriesRow {
    let deliveries = world.deliveries();
    let classes = world.traffic_by_class();
    SeriesRow {
        t_s: world.time().as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        events: world.inputs(),
        peers_up: world.up_count() as u32,
        links: world.links().count() as u32,
        published: deliveries.published(),
        delivered: deliveries.delivered(),
        lag: deliveries.lag(),
        bytes: world.traffic().bytes,
        bytes_by_class: classes.iter().map(|class| class.wire_bytes).collect(),
        airtime_s_by_class: classes.iter().map(|class| class.airtime_s).collect(),
    }
}

fn class_record(class: &ClassTraffic) -> ClassRecord {
    let ClassTraffic {
        name, messages, wire_bytes, lost, shed, airtime_s, queue_max_ms, busiest_share, ..
    } = class;
    ClassRecord {
        name: name.clone(),
        messages: *messages,
        bytes: *wire_bytes,
        lost: *lost,
        shed: *shed,
        airtime_s: *airtime_s,
        queue_max_ms: *queue_max_ms,
        busiest_share: *busiest_share,
    }
}

/// Who was connected with whom, from the links that came and went.
fn links(world: &World, classes: &[LinkClass]) -> Vec<LinkRecord> {
    let (events, _) = world.link_events();
    let mut records: Vec<LinkRecord> = Vec::new();
    let mut open: BTreeMap<(PeerIndex, PeerIndex, Duration), usize> = BTreeMap::new();
    for event in events {
        let link = event.link;
        let key = (link.a, link.b, link.up_since);
        if event.is_up {
            let class = link.class.and_then(|class| classes.get(usize::from(class.0)));
            open.insert(key, records.len());
            records.push(LinkRecord {
                a: link.a.0 as u32,
                b: link.b.0 as u32,
                class: class.map_or_else(|| "plain".to_owned(), |class| class.name.clone()),
                up_s: link.up_since.as_secs_f64(),
                down_s: None,
            });
        } else if let Some(nth) = open.remove(&key) {
            records[nth].down_s = Some(event.at.as_secs_f64());
        }
    }
    records
}

fn map_record(map: &Map) -> MapRecord {
    let line = |line: &[Point]| line.iter().map(|at| pair(*at)).collect();
    MapRecord {
        name: map.name().to_owned(),
        width_m: map.width_m(),
        height_m: map.height_m(),
        attribution: map.attribution().map(str::to_owned),
        streets: map.streets().map(line).collect(),
        water: map.water().map(line).collect(),
        parks: map.parks().map(line).collect(),
        districts: map
            .districts()
            .iter()
            .map(|district| DistrictRecord {
                name: district.name.clone(),
                kind: district.kind.name().to_owned(),
                centre: pair(district.centre),
            })
            .collect(),
    }
}

fn spread(world: &World) -> Vec<SpreadRecord> {
    let record = |followed: &crate::deliveries::Followed| SpreadRecord {
        author: followed.author.0 as u32,
        stream: followed.stream.clone(),
        published_s: followed.published.as_secs_f64(),
        readers: followed.readers as u32,
        arrivals: followed
            .arrivals
            .iter()
            .map(|(peer, after)| (peer.0 as u32, after.as_secs_f32()))
            .collect(),
    };
    world.deliveries().followed().iter().map(record).collect()
}

fn pair(at: Point) -> [f32; 2] {
    [at.x_m as f32, at.y_m as f32]
}
