//! Districts: a city parted into areas that have a name and a kind.
//!
//! A district is all that lies nearest to its centre. Each kind of zone gets districts in proportion to its streets and to what
//! is going on in it, half and half, and their centres are spread over it by k-means with a fixed start, so that one map has one set of districts.

use serde::{Deserialize, Serialize};

use super::point::Point;
use super::streets::Streets;
use super::zone::Zones;

/// The most districts of a map.
pub const DISTRICTS_MAX: usize = 512;

/// Rounds of k-means. Chosen: centres move by less than a block after ten.
const ROUNDS: usize = 12;

/// What an area is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistrictKind {
    /// Shops, offices, and most people.
    Centre,
    /// Where people live.
    Residential,
    /// Along the water.
    Harbour,
    /// Green.
    Park,
    /// Work yards and depots.
    Industrial,
}

impl DistrictKind {
    /// All kinds, in the order in which they get their first district.
    pub const ALL: [Self; 5] = [Self::Centre, Self::Residential, Self::Harbour, Self::Park, Self::Industrial];

    /// Its name, as in a collection's path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Residential => "residential",
            Self::Harbour => "harbour",
            Self::Park => "park",
            Self::Industrial => "industrial",
        }
    }

    /// How much there is on a metre of street, in tenths. Chosen: a centre has about three times as much as a quarter
    /// where people live; SmartSantander's map, too, is densest in the centre.
    pub(crate) fn density(self) -> u64 {
        match self {
            Self::Centre => 30,
            Self::Residential => 10,
            Self::Harbour => 8,
            Self::Park => 4,
            Self::Industrial => 5,
        }
    }
}

/// All that lies nearest to one centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct District {
    /// Usable as a component of a collection's path: `centre`, `harbour-2`.
    pub name: String,
    /// What most of it is used for.
    pub kind: DistrictKind,
    /// Its centre.
    pub centre: Point,
}

/// A piece of street: where, and how much there is.
struct Sample {
    at: Point,
    weight: f64,
}

/// A centre that came to lie between two zones of its kind looks for one of them within this part of the city.
const REACH_OF: f64 = 8.0;

/// That many districts for these streets, of a city of about that side.
pub(crate) fn spread(streets: &Streets, zones: &Zones, count: usize, size_m: f64) -> Vec<District> {
    let mut samples: Vec<(DistrictKind, Vec<Sample>)> =
        DistrictKind::ALL.iter().map(|kind| (*kind, Vec::new())).collect();
    for segment in streets.segments() {
        let at = segment.middle();
        let kind = zones.kind_of(segment);
        let weight = segment.length_m * kind.density() as f64;
        if let Some((_, samples)) = samples.iter_mut().find(|(other, _)| *other == kind) {
            samples.push(Sample { at, weight });
        }
    }
    samples.retain(|(_, samples)| !samples.is_empty());
    let weight = |(kind, samples): &(DistrictKind, Vec<Sample>)| {
        let content: f64 = samples.iter().map(|sample| sample.weight).sum();
        let length_m = content / kind.density() as f64;
        content + length_m * DistrictKind::Residential.density() as f64
    };
    let weights: Vec<f64> = samples.iter().map(weight).collect();
    let shares = allot(count, &weights);
    let reach_m = size_m / REACH_OF;
    let mut districts = Vec::new();
    for ((kind, samples), share) in samples.iter().zip(shares) {
        let mut centres = centres(samples, share);
        for centre in centres.iter_mut().filter(|centre| zones.kind_at(**centre) != *kind) {
            *centre = gathered(samples, *centre, reach_m);
        }
        centres.sort_by(|a, b| a.x_m.total_cmp(&b.x_m).then(a.y_m.total_cmp(&b.y_m)));
        let numbered = centres.len() > 1;
        districts.extend((1..).zip(centres).map(|(n, centre)| District {
            name: if numbered { format!("{}-{n}", kind.name()) } else { kind.name().to_owned() },
            kind: *kind,
            centre,
        }));
    }
    districts
}

/// One for each as long as there are enough, and the rest in proportion, each next one to whom has the least for its weight.
fn allot(count: usize, weights: &[f64]) -> Vec<usize> {
    let mut shares: Vec<usize> = (0..weights.len()).map(|n| usize::from(n < count)).collect();
    for _ in weights.len()..count {
        let need = |n: usize| weights[n] / (shares[n] + 1) as f64;
        let neediest = (0..weights.len()).rev().max_by(|a, b| need(*a).total_cmp(&need(*b)));
        if let Some(neediest) = neediest {
            shares[neediest] += 1;
        }
    }
    shares
}

/// Up to `count` centres: each next start is the sample farthest from those before, then k-means.
fn centres(samples: &[Sample], count: usize) -> Vec<Point> {
    let mut centres: Vec<Point> = Vec::new();
    let mut nearest2 = vec![f64::INFINITY; samples.len()];
    let mut next = mean(samples.iter());
    while centres.len() < count.min(samples.len()) {
        let Some(centre) = next else { break };
        centres.push(centre);
        for (sample, nearest2) in samples.iter().zip(&mut nearest2) {
            *nearest2 = nearest2.min(sample.at.distance2(centre));
        }
        let farthest = (0..samples.len()).rev().max_by(|a, b| nearest2[*a].total_cmp(&nearest2[*b]));
        next = farthest.map(|n| samples[n].at);
    }
    let rounds = if centres.is_empty() { 0 } else { ROUNDS };
    for _ in 0..rounds {
        let mut own: Vec<Vec<&Sample>> = centres.iter().map(|_| Vec::new()).collect();
        for sample in samples {
            own[nearest(&centres, sample.at)].push(sample);
        }
        for (centre, own) in centres.iter_mut().zip(own) {
            *centre = mean(own.into_iter()).unwrap_or(*centre);
        }
    }
    centres
}

/// From the sample nearest to a point on to the middle of those around it (mean shift).
fn gathered(samples: &[Sample], from: Point, reach_m: f64) -> Point {
    let places: Vec<Point> = samples.iter().map(|sample| sample.at).collect();
    let mut at = places.get(nearest(&places, from)).copied().unwrap_or(from);
    for _ in 0..ROUNDS {
        at = mean(samples.iter().filter(|sample| sample.at.distance_m(at) < reach_m)).unwrap_or(at);
    }
    at
}

fn mean<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<Point> {
    let (mut weight, mut x, mut y) = (0.0, 0.0, 0.0);
    for sample in samples {
        weight += sample.weight;
        x += sample.at.x_m * sample.weight;
        y += sample.at.y_m * sample.weight;
    }
    (weight > 0.0).then(|| Point::new(x / weight, y / weight))
}

/// Which of these points is nearest; the first of several. 0 if there are none.
pub(crate) fn nearest(points: &[Point], at: Point) -> usize {
    let mut best = (0, f64::INFINITY);
    for (n, point) in points.iter().enumerate() {
        let distance2 = point.distance2(at);
        if distance2 < best.1 {
            best = (n, distance2);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_gets_one_and_the_heavy_get_more() {
        assert_eq!(allot(1, &[1.0, 9.0]), [1, 0]);
        assert_eq!(allot(2, &[1.0, 9.0]), [1, 1]);
        assert_eq!(allot(8, &[1.0, 9.0]), [1, 7]);
        assert_eq!(allot(6, &[1.0, 1.0]), [3, 3]);
    }

    #[test]
    fn two_villages_are_two_districts() {
        let village = |x: f64| {
            (0..9)
                .map(move |n| Sample { at: Point::new(x + f64::from(n % 3), f64::from(n / 3)), weight: 1.0 })
        };
        let samples: Vec<Sample> = village(0.0).chain(village(1_000.0)).collect();
        let mut found = centres(&samples, 2);
        found.sort_by(|a, b| a.x_m.total_cmp(&b.x_m));
        assert_eq!(found, [Point::new(1.0, 1.0), Point::new(1_001.0, 1.0)]);
        assert!(centres(&samples, 99).len() <= samples.len());
        // One district for both lies between them, and then in one of them.
        let between = centres(&samples, 1)[0];
        assert_eq!(between, Point::new(501.0, 1.0));
        assert_eq!(gathered(&samples, between, 100.0), Point::new(1.0, 1.0));
    }
}
