//! A made-up recording for tests, and to look at the page without a run. Nothing in it was simulated: its figures are drawn
//! so that they look like those of a city for an hour.

use std::time::Duration;

use super::*;
use crate::histogram::Histogram;
use crate::metrics::Metrics;
use crate::seed::{Dice, Seed};

const WIDTH_M: f64 = 2_600.0;
const HEIGHT_M: f64 = 1_700.0;
const HOUR_S: f64 = 3_600.0;
const CLASSES: [&str; 6] = ["fibre", "dsl", "lte", "wifi", "mesh", "lora"];
/// Name, kind, place, and how far it reaches.
const DISTRICTS: [(&str, &str, [f32; 2], f32); 5] = [
    ("Centro", "centre", [1_250.0, 760.0], 420.0),
    ("Puerto", "harbour", [1_900.0, 320.0], 330.0),
    ("Las Llamas", "park", [820.0, 1_380.0], 340.0),
    ("Ensanche", "residential", [560.0, 620.0], 380.0),
    ("Cocheras", "depot", [2_240.0, 1_260.0], 260.0),
];
/// Population, role, class of its link, share of the city, seconds until it has half of what it reads.
const POPULATIONS: [(&str, &str, usize, f64, f64); 6] = [
    ("gateways", "gateway", 0, 0.05, 0.06),
    ("parking", "sensor", 4, 0.52, 0.0),
    ("noise", "sensor", 5, 0.22, 0.0),
    ("park irrigation", "sensor", 4, 0.10, 0.0),
    ("buses", "sensor", 3, 0.04, 2.4),
    ("phones", "citizen", 2, 0.07, 0.31),
];

/// A city of so many peers, 60 at least.
pub(crate) fn city(peers: usize, seed: u64) -> Recording {
    let dice = &mut Seed(seed).dice("fixture", 0);
    let map = map(dice);
    let peers = people(peers, dice);
    let links = links(&peers, dice);
    let spread = (0..6).map(|n| spread(&peers, n, dice)).collect();
    let faults = faults();
    let series = series(peers.len() as f64, &faults, dice);
    let latency: Vec<_> = POPULATIONS.iter().filter(|it| it.4 > 0.0).map(|it| latency(it, dice)).collect();
    let last = series.last().expect("an hour has rows").clone();
    let delivered = latency.iter().map(|it| it.histogram.count()).sum();
    let counts = [(0.004, 0.0, 0.02), (0.011, 0.0, 0.07), (0.021, 0.0, 0.11), (0.034, 0.0, 0.23)];
    let radio = [(0.052, 0.061, 0.44), (0.087, 0.34, 0.93)];
    let classes = counts.iter().chain(&radio).zip(CLASSES).enumerate().map(|(n, (it, name))| ClassRecord {
        name: name.into(),
        messages: last.bytes_by_class[n] / 212,
        bytes: last.bytes_by_class[n],
        lost: (last.bytes_by_class[n] as f64 / 212.0 * it.0) as u64,
        shed: if n == 5 { 1_204 } else { 0 },
        airtime_s: last.airtime_s_by_class[n],
        queue_max_ms: 4.0 * 5.2_f64.powi(n as i32),
        busiest_share: it.2,
    });
    Recording {
        version: VERSION,
        scenario: "santander (made up)".into(),
        description:
            "A fixture, not a run: an hour of a harbour town, with a power cut and a split at rush hour."
                .into(),
        seed,
        toml: TOML.into(),
        metrics: metrics(peers.len(), &last, delivered),
        map,
        links,
        spread,
        latency,
        classes: classes.collect(),
        series,
        faults,
        revocations: revocations(),
        verdicts: verdicts(),
        wires: Some(WireComparison {
            latency_p50_ratio: 1.06,
            latency_p99_ratio: 1.21,
            bytes_ratio: 1.34,
            both_converged: true,
        }),
        left_out: Vec::new(),
        peers,
    }
}

const TOML: &str = r#"name = "santander"

[city]
map = "santander"
peers = 1000

[[population]]
name = "parking"
role = "sensor"
share = 0.52
link = "mesh"
every_s = 60

[[fault]]
at_s = 1200
kind = "partition"
lasts_s = 300
"#;

fn metrics(peers: usize, last: &SeriesRow, delivered: u64) -> Metrics {
    Metrics {
        peers,
        simulated_s: HOUR_S,
        wall_s: last.wall_s,
        cpu_s: last.wall_s * 0.985,
        events: last.events,
        digest: "5f0c1e9b7a44d2c3865be0a917f3d6a2c94be17708d5523fa61c90e4b87d12aa".into(),
        published: last.published,
        delivered,
        missed: 0,
        refused: 3,
        converged: true,
        violations: 0,
        bytes: last.bytes,
        messages: last.bytes / 212,
        p50_ms: 61.4,
        p99_ms: 412.0,
        last_ms: 9_210.0,
        ..Metrics::default()
    }
}

fn unit(dice: &mut Dice) -> f64 {
    dice.below(1 << 40) as f64 / (1_u64 << 40) as f64
}

/// Roughly normal, from -3 to 3.
fn bell(dice: &mut Dice) -> f64 {
    (0..6).map(|_| unit(dice) - 0.5).sum::<f64>() * 1.41
}

fn map(dice: &mut Dice) -> MapRecord {
    let bent = |x: f64, y: f64| {
        let (x, y) = (x + 60.0 * (y / 420.0).sin(), y + 45.0 * (x / 510.0).cos());
        [x.clamp(0.0, WIDTH_M) as f32, y.clamp(0.0, HEIGHT_M) as f32]
    };
    let mut streets = Vec::new();
    for n in 0..22 {
        let x = 60.0 + f64::from(n) * 118.0 + 20.0 * bell(dice);
        let (from, to) = (dice.index(6) as i32, 34 - dice.index(6) as i32);
        streets.push((from..to).map(|y| bent(x, f64::from(y) * 50.0)).collect());
    }
    for n in 0..15 {
        let y = 60.0 + f64::from(n) * 112.0 + 16.0 * bell(dice);
        let (from, to) = (dice.index(8) as i32, 52 - dice.index(8) as i32);
        streets.push((from..to).map(|x| bent(f64::from(x) * 50.0, y)).collect());
    }
    let districts = DISTRICTS.iter().map(|(name, kind, centre, _)| DistrictRecord {
        name: (*name).into(),
        kind: (*kind).into(),
        centre: *centre,
    });
    MapRecord {
        name: "A harbour town".into(),
        width_m: WIDTH_M,
        height_m: HEIGHT_M,
        attribution: Some("Made up for tests".into()),
        streets,
        water: vec![vec![
            [1_500.0, 0.0],
            [1_560.0, 130.0],
            [1_840.0, 210.0],
            [2_120.0, 150.0],
            [2_600.0, 260.0],
            [2_600.0, 0.0],
        ]],
        parks: vec![vec![[560.0, 1_260.0], [1_020.0, 1_290.0], [1_080.0, 1_500.0], [640.0, 1_530.0]]],
        districts: districts.collect(),
    }
}

fn people(count: usize, dice: &mut Dice) -> Vec<PeerRecord> {
    let mut peers = Vec::new();
    for (population, role, _, share, _) in POPULATIONS {
        for n in 0..((count as f64 * share) as usize).max(2) {
            let district = dice.index(DISTRICTS.len());
            let (_, _, centre, reach) = DISTRICTS[district];
            let at = [0, 1].map(|axis| {
                let place = f64::from(centre[axis]) + f64::from(reach) * 0.55 * bell(dice);
                let max = if axis == 0 { WIDTH_M } else { HEIGHT_M };
                // Half of them stand along a street.
                let street = (place / 115.0).round() * 115.0;
                let place = if axis == n % 2 { street } else { place };
                place.clamp(10.0, max - 10.0) as f32
            });
            let track = if population == "buses" { ride(at, dice) } else { Vec::new() };
            let hostile = population == "phones" && n < 2;
            peers.push(PeerRecord {
                population: population.into(),
                role: role.into(),
                at,
                district: district as u16,
                hostile,
                track,
            });
        }
    }
    peers
}

/// There and back along two streets, all day long.
fn ride(at: [f32; 2], dice: &mut Dice) -> Vec<(f32, [f32; 2])> {
    let (reach, phase) = (300.0 + 500.0 * unit(dice), std::f64::consts::TAU * unit(dice));
    let points = (0..=240).map(|n| {
        let time = f64::from(n) * 15.0;
        let (dx, dy) = (reach * (time / 260.0 + phase).sin(), 0.4 * reach * (time / 340.0 + phase).cos());
        let x = (f64::from(at[0]) + dx).clamp(0.0, WIDTH_M);
        let y = (f64::from(at[1]) + dy).clamp(0.0, HEIGHT_M);
        (time as f32, [x as f32, y as f32])
    });
    points.collect()
}

fn nearest(peers: &[PeerRecord], at: [f32; 2], rank: usize) -> u32 {
    let mut gateways: Vec<_> = (0..peers.len()).filter(|n| peers[*n].role == "gateway").collect();
    let far = |n: &usize| (0..2).map(|axis| (peers[*n].at[axis] - at[axis]).powi(2)).sum::<f32>();
    gateways.sort_by(|one, other| far(one).total_cmp(&far(other)));
    gateways[rank.min(gateways.len() - 1)] as u32
}

fn links(peers: &[PeerRecord], dice: &mut Dice) -> Vec<LinkRecord> {
    let mut links = Vec::new();
    for (n, peer) in peers.iter().enumerate() {
        let class = POPULATIONS.iter().find(|it| it.0 == peer.population).expect("it is one of them").2;
        let mut link = |to: u32, class: usize, up_s: f64, down_s: Option<f64>| {
            links.push(LinkRecord { a: n as u32, b: to, class: CLASSES[class].into(), up_s, down_s });
        };
        let up = 4.0 * unit(dice);
        match peer.population.as_str() {
            "gateways" => (1..4).for_each(|rank| link(nearest(peers, peer.at, rank), 0, up, None)),
            "buses" => {
                for chunk in peer.track.chunks(12) {
                    let (from, to) = (f64::from(chunk[0].0), f64::from(chunk[chunk.len() - 1].0));
                    link(
                        nearest(peers, chunk[0].1, 0),
                        class,
                        from,
                        Some(to).filter(|to| *to < HOUR_S - 60.0),
                    );
                }
            }
            _ => {
                let hit = peer.district == 1 && dice.chance(0.9);
                link(nearest(peers, peer.at, 0), class, up, hit.then_some(2_100.0));
                if hit {
                    link(nearest(peers, peer.at, 0), class, 2_280.0 + 20.0 * unit(dice), None);
                }
            }
        }
    }
    links
}

fn spread(peers: &[PeerRecord], n: usize, dice: &mut Dice) -> SpreadRecord {
    let published_s = 300.0 + 540.0 * n as f64;
    let author = peers.len() / 10 + dice.index(peers.len() / 2);
    let from = peers[author].at;
    let mut arrivals = Vec::new();
    for (index, peer) in peers.iter().enumerate().filter(|(index, _)| *index != author) {
        let far = (0..2).map(|axis| (peer.at[axis] - from[axis]).powi(2)).sum::<f32>().sqrt();
        let half = POPULATIONS.iter().find(|it| it.0 == peer.population).map_or(0.0, |it| it.4.max(0.4));
        let cut = n == 2 && from[0] < 1_300.0 && peer.at[0] >= 1_300.0;
        let late = if cut { 130.0 + 9.0 * unit(dice) } else { 0.0 };
        let after = late + f64::from(far) / 1_900.0 + half * (0.55 * bell(dice)).exp();
        if !(n == 5 && dice.chance(0.03)) {
            arrivals.push((index as u32, after as f32));
        }
    }
    SpreadRecord {
        author: author as u32,
        stream: [
            "parking/bay-17",
            "noise/mic-4",
            "control/revocation",
            "parking/bay-902",
            "noise/mic-88",
            "parks/soil-3",
        ][n]
            .into(),
        published_s,
        readers: peers.len() as u32 - 1,
        arrivals,
    }
}

fn latency(population: &(&str, &str, usize, f64, f64), dice: &mut Dice) -> LatencyRecord {
    let (readers, _, _, share, half_s) = *population;
    let mut histogram = Histogram::default();
    for _ in 0..4_000 {
        let tail = if dice.chance(0.015) { 40.0 * unit(dice) } else { 0.0 };
        let time = half_s * (0.7 * bell(dice)).exp() + tail;
        histogram.add_many(Duration::from_secs_f64(time), 5 + (share * 200.0) as u64);
    }
    LatencyRecord { readers: readers.into(), histogram }
}

fn faults() -> Vec<FaultRecord> {
    let fault = |what: &str, from_s, until_s, agreed_after_s| FaultRecord {
        what: what.into(),
        from_s,
        until_s,
        agreed_after_s,
    };
    vec![
        fault("the city is split along the railway", 1_200.0, 1_500.0, Some(23.4)),
        fault("power cut in Puerto", 2_100.0, 2_280.0, Some(38.9)),
        fault("gateway 12 crashes and loses its disk", 2_760.0, 2_765.0, Some(11.2)),
        fault("50 phones join in a minute", 3_120.0, 3_180.0, None),
    ]
}

fn revocations() -> Vec<RevocationRecord> {
    let revoked = |what: &str, issued_s, slow: f32, exposed_bytes| RevocationRecord {
        what: what.into(),
        issued_s,
        reachable: 50,
        known_after_s: (0..50).map(|n| 0.04 + slow * (n as f32 / 50.0).powi(4)).collect(),
        returned_after_s: vec![0.31, 1.2],
        exposed_bytes,
        exposed_for_s: f64::from(slow) / 3.0,
    };
    vec![
        revoked("peer 7 (parking), by peer 0 (gateways), cut at what its issuer held", 600.0, 3.6, 4_210),
        revoked("peer 55 (phones), by peer 0 (gateways), nothing of it counts", 900.0, 0.9, 310),
    ]
}

fn series(peers: f64, faults: &[FaultRecord], dice: &mut Dice) -> Vec<SeriesRow> {
    let mut rows: Vec<SeriesRow> = Vec::new();
    let mut lag = 0.0;
    for n in 0..=240 {
        let t_s = f64::from(n) * 15.0;
        let struck = |k: usize| t_s > faults[k].from_s && t_s <= faults[k].until_s;
        let (split, dark, storm) = (struck(0), struck(1), struck(3));
        lag = lag * 0.35 + peers * (0.06 + 0.03 * unit(dice));
        lag += if split {
            peers * 2.8
        } else if dark {
            peers * 0.6
        } else {
            0.0
        };
        let mut row = rows.last().cloned().unwrap_or_else(|| SeriesRow {
            bytes_by_class: vec![0; CLASSES.len()],
            airtime_s_by_class: vec![0.0; CLASSES.len()],
            ..SeriesRow::default()
        });
        let busy = 1.0 + 0.5 * (t_s / 900.0).sin() + if storm { 0.8 } else { 0.0 };
        for (class, share) in [4.4, 0.5, 1.3, 1.9, 2.3, 0.24].into_iter().enumerate() {
            let lost = if split && class == 0 { 0.45 } else { 1.0 };
            let bytes = peers * 15.0 * 14.0 * share * busy * lost * (0.9 + 0.2 * unit(dice));
            row.bytes_by_class[class] += bytes as u64;
            let airtime = [0.0, 0.0, 0.0, 2.1e-6, 3.6e-5, 8.7e-4][class];
            row.airtime_s_by_class[class] += bytes * airtime;
        }
        row.t_s = t_s;
        row.wall_s = t_s * peers / 44_000.0;
        row.events += (peers * 15.0 * 2.2 * busy) as u64;
        row.peers_up = (peers
            * if dark {
                0.81
            } else if t_s > 3_180.0 {
                1.0
            } else {
                0.97
            }) as u32;
        row.links = (peers
            * (1.25 + 0.02 * bell(dice))
            * if split {
                0.78
            } else if dark {
                0.83
            } else {
                1.0
            }) as u32;
        row.published += (peers * 0.22 * 15.0 / 60.0 * 4.0) as u64;
        row.delivered = row.published * 57 - (lag as u64).min(row.published * 50);
        row.lag = if n == 240 { 0 } else { lag as u64 };
        row.bytes = row.bytes_by_class.iter().sum();
        rows.push(row);
    }
    rows
}

fn verdicts() -> Vec<VerdictRecord> {
    let verdict = |checker: &str, safety, looked| VerdictRecord {
        checker: checker.into(),
        safety,
        looked,
        violations: 0,
        first: Vec::new(),
    };
    vec![
        verdict("authentic", true, 11_400_212),
        verdict("acknowledged", true, 3_420_000),
        verdict("same_state", true, 118_021),
        verdict("bounds", true, 3_600_000),
        verdict("convergence", false, 4),
    ]
}
