//! What the page's script draws: the recording by columns, in few digits, with each name once.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::recording::{
    FaultRecord, LatencyRecord, LinkRecord, MapRecord, PeerRecord, Recording, RevocationRecord, SeriesRow,
    SpreadRecord,
};

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    end: f64,
    map: Map<'a>,
    populations: Vec<&'a str>,
    roles: Vec<&'a str>,
    peers: Peers,
    classes: Vec<&'a str>,
    links: Links,
    spread: Vec<Spread<'a>>,
    latency: Vec<Latency<'a>>,
    series: Series,
    faults: Vec<Fault<'a>>,
    revocations: Vec<Revocation<'a>>,
}

/// Metres, whole ones for streets.
#[derive(Debug, Serialize)]
struct Map<'a> {
    width: f64,
    height: f64,
    /// x, y, x, y along each, here and in the outlines.
    streets: Vec<Vec<i32>>,
    water: Vec<Vec<i32>>,
    parks: Vec<Vec<i32>>,
    districts: Vec<(&'a str, &'a str, i32, i32)>,
}

#[derive(Debug, Serialize)]
struct Peers {
    population: Vec<usize>,
    /// By population.
    role: Vec<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
    district: Vec<i32>,
    hostile: Vec<usize>,
    /// The peer, and then time, x, y, time, x, y.
    tracks: Vec<(usize, Vec<f64>)>,
}

#[derive(Debug, Serialize)]
struct Links {
    a: Vec<u32>,
    b: Vec<u32>,
    class: Vec<usize>,
    up: Vec<f64>,
    /// -1: it stood at the end.
    down: Vec<f64>,
}

/// By the time of arrival.
#[derive(Debug, Serialize)]
struct Spread<'a> {
    author: u32,
    stream: &'a str,
    at: f64,
    readers: u32,
    who: Vec<u32>,
    after: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Latency<'a> {
    name: &'a str,
    /// Milliseconds, and how many took no longer.
    points: Vec<(f64, u64)>,
}

#[derive(Debug, Serialize)]
struct Series {
    t: Vec<f64>,
    up: Vec<u32>,
    links: Vec<u32>,
    lag: Vec<u64>,
    delivered: Vec<u64>,
    /// By class.
    bytes: Vec<Vec<u64>>,
    /// By class.
    airtime: Vec<Vec<f64>>,
}

#[derive(Debug, Serialize)]
struct Fault<'a> {
    what: &'a str,
    from: f64,
    until: f64,
    agreed: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Revocation<'a> {
    what: &'a str,
    reachable: u32,
    /// Seconds since it was issued, in order.
    after: Vec<f64>,
    bytes: u64,
    /// When the last of them were read.
    exposed: f64,
}

/// Gives each name a number, in the order in which they come.
#[derive(Debug, Default)]
struct Names<'a> {
    names: Vec<&'a str>,
    index: BTreeMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn of(&mut self, name: &'a str) -> usize {
        *self.index.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }
}

pub(super) fn of(recording: &Recording) -> Data<'_> {
    let (mut populations, mut roles, mut classes) = (Names::default(), Names::default(), Names::default());
    recording.classes.iter().for_each(|class| {
        classes.of(&class.name);
    });
    let peers = peers(&recording.peers, &mut populations, &mut roles);
    let links = links(&recording.links, &mut classes);
    let last = recording.series.last().map_or(0.0, |row| row.t_s);
    Data {
        end: rounded(recording.metrics.simulated_s.max(last), 100.0),
        map: map(&recording.map),
        populations: populations.names,
        roles: roles.names,
        peers,
        classes: classes.names,
        links,
        spread: recording.spread.iter().map(spread).collect(),
        latency: recording.latency.iter().map(latency).collect(),
        series: series(&recording.series, recording.classes.len()),
        faults: recording.faults.iter().map(fault).collect(),
        revocations: recording.revocations.iter().map(revocation).collect(),
    }
}

/// To so many parts of one.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

fn metres(number: f32) -> f64 {
    rounded(f64::from(number), 10.0)
}

fn map(map: &MapRecord) -> Map<'_> {
    let along = |line: &Vec<[f32; 2]>| line.iter().flatten().map(|metres| metres.round() as i32).collect();
    let all = |lines: &[Vec<[f32; 2]>]| lines.iter().map(along).collect();
    let districts = map.districts.iter().map(|it| {
        let [x, y] = it.centre.map(|metres| metres.round() as i32);
        (it.name.as_str(), it.kind.as_str(), x, y)
    });
    Map {
        width: rounded(map.width_m, 1.0),
        height: rounded(map.height_m, 1.0),
        streets: all(&map.streets),
        water: all(&map.water),
        parks: all(&map.parks),
        districts: districts.collect(),
    }
}

fn peers<'a>(records: &'a [PeerRecord], populations: &mut Names<'a>, roles: &mut Names<'a>) -> Peers {
    let mut role = Vec::new();
    let population = records.iter().map(|peer| {
        let population = populations.of(&peer.population);
        if population == role.len() {
            role.push(roles.of(&peer.role));
        }
        population
    });
    let population = population.collect();
    let track = |peer: &PeerRecord| {
        let points = peer.track.iter();
        points.flat_map(|(time, [x, y])| [rounded(f64::from(*time), 10.0), metres(*x), metres(*y)]).collect()
    };
    let numbered = || records.iter().enumerate();
    Peers {
        population,
        role,
        x: records.iter().map(|peer| metres(peer.at[0])).collect(),
        y: records.iter().map(|peer| metres(peer.at[1])).collect(),
        district: records.iter().map(|peer| i32::from(peer.district as i16)).collect(),
        hostile: numbered().filter(|(_, peer)| peer.hostile).map(|(n, _)| n).collect(),
        tracks: numbered().filter(|(_, peer)| !peer.track.is_empty()).map(|(n, it)| (n, track(it))).collect(),
    }
}

fn links<'a>(records: &'a [LinkRecord], classes: &mut Names<'a>) -> Links {
    Links {
        a: records.iter().map(|link| link.a).collect(),
        b: records.iter().map(|link| link.b).collect(),
        class: records.iter().map(|link| classes.of(&link.class)).collect(),
        up: records.iter().map(|link| rounded(link.up_s, 100.0)).collect(),
        down: records.iter().map(|link| link.down_s.map_or(-1.0, |it| rounded(it, 100.0))).collect(),
    }
}

fn spread(message: &SpreadRecord) -> Spread<'_> {
    let mut arrivals = message.arrivals.clone();
    arrivals.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    Spread {
        author: message.author,
        stream: &message.stream,
        at: rounded(message.published_s, 100.0),
        readers: message.readers.max(arrivals.len() as u32),
        who: arrivals.iter().map(|(peer, _)| *peer).collect(),
        after: arrivals.iter().map(|(_, after)| rounded(f64::from(*after), 1_000.0)).collect(),
    }
}

fn latency(latency: &LatencyRecord) -> Latency<'_> {
    let mut sum = 0_u64;
    let points = latency.histogram.buckets().map(|bucket| {
        sum = sum.saturating_add(bucket.count);
        (bucket.to.as_micros() as f64 / 1_000.0, sum)
    });
    Latency { name: &latency.readers, points: points.collect() }
}

fn series(rows: &[SeriesRow], classes: usize) -> Series {
    let by_class = |of: fn(&SeriesRow, usize) -> f64| -> Vec<Vec<f64>> {
        (0..classes).map(|class| rows.iter().map(|row| rounded(of(row, class), 1_000.0)).collect()).collect()
    };
    Series {
        t: rows.iter().map(|row| rounded(row.t_s, 100.0)).collect(),
        up: rows.iter().map(|row| row.peers_up).collect(),
        links: rows.iter().map(|row| row.links).collect(),
        lag: rows.iter().map(|row| row.lag).collect(),
        delivered: rows.iter().map(|row| row.delivered).collect(),
        bytes: (0..classes).map(|class| rows.iter().map(|row| row.bytes_by_class[class]).collect()).collect(),
        airtime: by_class(|row, class| row.airtime_s_by_class[class]),
    }
}

fn revocation(revoked: &RevocationRecord) -> Revocation<'_> {
    Revocation {
        what: &revoked.what,
        reachable: revoked.reachable.max(revoked.known_after_s.len() as u32),
        after: revoked.known_after_s.iter().map(|after| rounded(f64::from(*after), 1_000.0)).collect(),
        bytes: revoked.exposed_bytes,
        exposed: rounded(revoked.exposed_for_s, 1_000.0),
    }
}

fn fault(fault: &FaultRecord) -> Fault<'_> {
    Fault {
        what: &fault.what,
        from: rounded(fault.from_s, 100.0),
        until: rounded(fault.until_s, 100.0),
        agreed: fault.agreed_after_s.map(|it| rounded(it, 100.0)),
    }
}
