//! Real streets: a map out of positions on Earth. Central Helsinki comes with the simulator; a user's own file is read the
//! same way.

use super::compact;
use super::district::DistrictKind;
use super::draft::Draft;
use super::earth::Corner;
use super::error::MapError;
use super::geojson::Course;
use super::point::Point;
use super::sketch::Sketch;
use super::streets::{StreetClass, Streets};
use super::zone::{Zone, Zones};

/// Positions nearer than this are one junction. Chosen: a lane is wider, and mappers join what meets more exactly.
const SNAP_M: f64 = 2.0;

/// How far streets may span. Chosen: on a plane of that size lengths are off by one percent at most up to 65 degrees of
/// latitude.
const SPAN_KM_MAX: f64 = 60.0;

/// A city out of the courses of its streets.
pub(crate) fn sketch(name: &str, courses: &[Course]) -> Result<Sketch, MapError> {
    let positions = || courses.iter().flat_map(|course| course.positions.iter().copied());
    if courses.iter().all(|course| course.positions.len() < 2) {
        return Err(MapError::NoStreets);
    }
    let low = |of: fn((f64, f64)) -> f64| positions().map(of).fold(f64::INFINITY, f64::min);
    let high = |of: fn((f64, f64)) -> f64| positions().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (south, north) = (low(|at| at.1), high(|at| at.1));
    let (west, east) = (low(|at| at.0), high(|at| at.0));
    let corner = Corner::spanning(south, north, west);
    let size = corner.point(north, east);
    let span_km = size.x_m.max(size.y_m) / 1_000.0;
    if span_km > SPAN_KM_MAX {
        return Err(MapError::TooWide { span_km, max_km: SPAN_KM_MAX });
    }
    let mut draft = Draft::new(SNAP_M);
    for course in courses {
        let line = course.positions.iter().map(|(longitude, latitude)| corner.point(*latitude, *longitude));
        draft.line(line, StreetClass::of_highway(&course.highway));
    }
    let streets = draft.finish(|at| at);
    if streets.segments().is_empty() {
        return Err(MapError::NoStreets);
    }
    Ok(Sketch {
        name: name.to_owned(),
        width_m: size.x_m,
        height_m: size.y_m,
        corner,
        attribution: None,
        zones: Zones::new([centre_of(&streets)]),
        streets,
        water: Vec::new(),
        fixed: Vec::new(),
        depots: 1,
    })
}

/// Where streets lie about, the middle is the centre: a third of the way out, a ninth of the city.
fn centre_of(streets: &Streets) -> Zone {
    let (mut length, mut x, mut y, mut spread) = (0.0, 0.0, 0.0, 0.0);
    for segment in streets.segments() {
        let (at, weight) = (segment.middle(), segment.length_m);
        length += weight;
        x += at.x_m * weight;
        y += at.y_m * weight;
    }
    let middle = Point::new(x / length, y / length);
    for segment in streets.segments() {
        spread += segment.middle().distance2(middle) * segment.length_m;
    }
    // On a disc evenly covered the mean square is half the square of its radius.
    let reach = (spread / length * 2.0).sqrt() / 3.0;
    let outline = (0..24).map(|n| {
        let (east, north) = super::angle::unit(f64::from(n) / 24.0);
        middle.moved(east * reach, north * reach)
    });
    Zone { kind: DistrictKind::Centre, outline: outline.collect() }
}

/// The extract; see the README beside it.
const HELSINKI: &str = include_str!("../../data/helsinki/streets.tsv");

/// What has to stand wherever these streets are shown.
const OPEN_STREET_MAP: &str = "(c) OpenStreetMap contributors, ODbL 1.0";

/// What lies where in central Helsinki: latitude and longitude of outlines, drawn by hand along its streets.
const HELSINKI_ZONES: [(DistrictKind, &[(f64, f64)]); 6] = [
    // The South Harbour with the market place.
    (
        DistrictKind::Harbour,
        &[(60.1642, 24.9498), (60.1680, 24.9498), (60.1686, 24.9535), (60.1642, 24.9535)],
    ),
    // Esplanadi.
    (DistrictKind::Park, &[(60.1669, 24.9439), (60.1676, 24.9437), (60.1677, 24.9497), (60.1670, 24.9498)]),
    // Kaisaniemi.
    (DistrictKind::Park, &[(60.1729, 24.9424), (60.1746, 24.9494), (60.1768, 24.9478), (60.1768, 24.9424)]),
    // The bay of Töölö.
    (DistrictKind::Park, &[(60.1737, 24.9350), (60.1737, 24.9402), (60.1792, 24.9402), (60.1792, 24.9350)]),
    // The old church's park.
    (DistrictKind::Park, &[(60.1650, 24.9378), (60.1650, 24.9402), (60.1663, 24.9402), (60.1663, 24.9378)]),
    (DistrictKind::Centre, &[(60.1660, 24.9370), (60.1660, 24.9498), (60.1726, 24.9525), (60.1726, 24.9370)]),
];

/// Central Helsinki.
pub(crate) fn helsinki() -> Result<Sketch, MapError> {
    let sketch = sketch("helsinki", &compact::read(HELSINKI)?)?;
    let zones = HELSINKI_ZONES.map(|(kind, outline)| Zone {
        kind,
        outline: outline.iter().map(|(north, east)| sketch.corner.point(*north, *east)).collect(),
    });
    Ok(Sketch { zones: Zones::new(zones), attribution: Some(OPEN_STREET_MAP), ..sketch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helsinki_is_there() {
        let helsinki = helsinki().expect("the extract is read");
        assert!((950.0..1_100.0).contains(&helsinki.width_m), "{}", helsinki.width_m);
        assert!((1_600.0..1_750.0).contains(&helsinki.height_m), "{}", helsinki.height_m);
        let km = helsinki.streets.length_m() / 1_000.0;
        assert!((60.0..110.0).contains(&km), "{km} km of streets");
        assert!(helsinki.attribution.is_some_and(|text| text.contains("OpenStreetMap")));
    }

    #[test]
    fn what_is_no_city_is_refused() {
        let course = |positions: &[(f64, f64)]| Course {
            highway: "primary".into(),
            name: String::new(),
            positions: positions.to_vec(),
        };
        assert!(matches!(sketch("x", &[]), Err(MapError::NoStreets)));
        assert!(matches!(sketch("x", &[course(&[(1.0, 2.0)])]), Err(MapError::NoStreets)));
        assert!(matches!(sketch("x", &[course(&[(1.0, 2.0), (1.0, 2.0)])]), Err(MapError::NoStreets)));
        let refusal = sketch("x", &[course(&[(1.0, 2.0), (3.0, 2.0)])]).expect_err("two degrees").to_string();
        assert!(refusal.contains("span 222 km"), "{refusal}");
        assert!(sketch("x", &[course(&[(1.0, 2.0), (1.01, 2.01)])]).is_ok());
    }
}
