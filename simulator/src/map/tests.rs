use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::Seed;

const NAMES: [&str; 7] = ["santander", "fujisawa", "helsinki", "auckland", "grid", "radial", "small_world"];

fn dice() -> Dice {
    Seed(7).dice("test", 0)
}

fn build(name: &str, districts: usize) -> Map {
    let spec: MapSpec = name.parse().expect("a map");
    Map::build(&spec, districts, &mut Seed(1).dice("map", 0)).expect("the defaults make a map")
}

/// All maps, drawn once for all tests.
fn maps() -> &'static [Map] {
    static MAPS: OnceLock<Vec<Map>> = OnceLock::new();
    MAPS.get_or_init(|| NAMES.iter().map(|name| build(name, 12)).collect())
}

fn map(name: &str) -> &'static Map {
    maps().iter().find(|map| map.name() == name).expect("a map")
}

/// How far a point lies from the nearest street.
fn to_street_m(map: &Map, at: Point) -> f64 {
    let to_piece = |a: Point, b: Point| {
        let length2 = a.distance2(b);
        let dot = (at.x_m - a.x_m) * (b.x_m - a.x_m) + (at.y_m - a.y_m) * (b.y_m - a.y_m);
        let share = if length2 > 0.0 { (dot / length2).clamp(0.0, 1.0) } else { 0.0 };
        a.towards(b, share).distance_m(at)
    };
    let pieces = map.streets().flat_map(|line| line.windows(2));
    pieces.map(|pair| to_piece(pair[0], pair[1])).fold(f64::INFINITY, f64::min)
}

#[test]
fn every_map_is_connected_and_has_the_districts_that_were_asked_for() {
    for map in maps() {
        let streets = map.street_graph();
        let mut seen = vec![false; streets.junctions().len()];
        let mut open = vec![0];
        while let Some(junction) = open.pop() {
            if !std::mem::replace(&mut seen[junction], true) {
                open.extend(streets.around(junction).iter().map(|n| streets.segments()[*n].other(junction)));
            }
        }
        assert!(seen.iter().all(|seen| *seen), "{}", map.name());
        let names: BTreeSet<&str> = map.districts().iter().map(|district| district.name.as_str()).collect();
        assert_eq!((map.districts().len(), names.len()), (12, 12), "{}", map.name());
        assert!(names.iter().all(|name| name.parse::<msec_identity::CollectionPath>().is_ok()), "{names:?}");
        for (n, district) in map.districts().iter().enumerate() {
            assert_eq!(map.district_of(district.centre), n);
        }
    }
}

#[test]
fn one_seed_is_one_map_and_another_is_another() {
    let coordinates = |name: &str, seed| {
        let spec: MapSpec = name.parse().expect("a map");
        let map = Map::build(&spec, 5, &mut Seed(seed).dice("map", 0)).expect("a map");
        map.streets().flatten().map(|at| (at.x_m.to_bits(), at.y_m.to_bits())).collect::<Vec<_>>()
    };
    for name in ["auckland", "radial", "small_world"] {
        assert_eq!(coordinates(name, 1), coordinates(name, 1));
        assert_ne!(coordinates(name, 1), coordinates(name, 2));
    }
}

/// A hash over all that the maps are made of. It is the same in debug and in release, which CI builds both: whoever draws a map
/// differently changes it on purpose, and writes down the new one.
#[test]
fn maps_are_the_same_bytes_in_every_build() {
    let mut hasher = blake3::Hasher::new();
    for map in maps() {
        for at in map.streets().flatten().chain(map.water().flatten()).chain(map.depots()) {
            hasher.update(&at.x_m.to_bits().to_le_bytes()).update(&at.y_m.to_bits().to_le_bytes());
        }
        let mut dice = dice();
        for kind in
            [RouteKind::Bus, RouteKind::Round { depot: 0, streets: 30 }, RouteKind::Walk { length_m: 900.0 }]
        {
            let route = map.route(kind, &mut dice);
            hasher.update(&route.length_m().to_bits().to_le_bytes());
        }
    }
    assert_eq!(&hasher.finalize().to_hex()[..16], "78cb0ca66a8e7301");
}

#[test]
fn santander_is_large_enough_for_its_sensors_and_shrinks_by_one_factor() {
    let full = map("santander");
    let lamp_posts = full.street_graph().length_m() / 30.0 * 2.0;
    assert!(lamp_posts > 12_000.0, "{lamp_posts}");
    let kinds: BTreeSet<DistrictKind> = full.districts().iter().map(|district| district.kind).collect();
    assert_eq!(kinds.len(), DistrictKind::ALL.len());
    let small = MapSpec::Santander(Santander { scale: 0.29 });
    let small = Map::build(&small, 6, &mut dice()).expect("a small city");
    let share = full.street_graph().length_m() / small.street_graph().length_m();
    assert!((7.0..16.0).contains(&share), "{share}");
}

#[test]
fn fujisawa_has_its_depots_and_both_banks_are_joined() {
    let map = map("fujisawa");
    assert_eq!(map.depots().len(), 4);
    assert!(map.depots().iter().all(|at| map.kind_at(*at) == DistrictKind::Industrial));
    let junctions = map.street_graph().junctions();
    assert!(junctions.iter().any(|at| at.x_m < 1_500.0) && junctions.iter().any(|at| at.x_m > 6_000.0));
}

#[test]
fn populations_lie_on_streets_and_blocks_and_in_parks() {
    for map in maps() {
        let mut dice = dice();
        for site in [Site::Street, Site::Centre, Site::Block, Site::Harbour] {
            let far =
                (0..40).map(|_| to_street_m(map, map.place(&site, None, &mut dice))).fold(0.0, f64::max);
            assert!(
                far < if matches!(site, Site::Block | Site::Harbour) { 29.0 } else { 7.0 },
                "{} {site:?} {far}",
                map.name()
            );
        }
        if map.parks().next().is_some() {
            let parks = (0..60)
                .filter(|_| map.kind_at(map.place(&Site::Park, None, &mut dice)) == DistrictKind::Park);
            assert!(parks.count() > 50, "{}", map.name());
        }
    }
}

#[test]
fn places_lie_in_their_district_and_not_in_the_water() {
    let map = map("santander");
    let mut dice = dice();
    for district in 0..map.districts().len() {
        for site in [Site::Street, Site::Block, Site::Park, Site::Harbour, Site::Centre] {
            let at = map.place(&site, Some(district), &mut dice);
            assert_eq!(map.district_of(at), district, "{site:?}");
            assert!(!map.is_water(at), "{site:?} {at:?}");
        }
    }
}

#[test]
fn a_centre_is_denser() {
    let map = map("santander");
    let mut dice = dice();
    let at: Vec<Point> = (0..2_000).map(|_| map.place(&Site::Street, None, &mut dice)).collect();
    let near = |middle: Point| at.iter().filter(|at| at.distance_m(middle) < 500.0).count();
    let most = |kind| {
        let of_kind = map.districts().iter().filter(move |district| district.kind == kind);
        of_kind.map(|district| near(district.centre)).max().unwrap_or(0)
    };
    let (centre, residential) = (most(DistrictKind::Centre), most(DistrictKind::Residential));
    assert!(centre > 2 * residential, "{centre} {residential}");
}

#[test]
fn fixed_places_and_depots() {
    let auckland = map("auckland");
    let mut dice = dice();
    assert_eq!(auckland.fixed().len(), AUCKLAND_PLACES);
    let place = auckland.place(&Site::Fixed(0), None, &mut dice);
    let (latitude, longitude) = auckland.wgs84(place).degrees();
    assert!((latitude + 36.843_015).abs() < 1e-6 && (longitude - 174.766_494).abs() < 1e-6);
    assert_eq!(place, auckland.place(&Site::Fixed(AUCKLAND_PLACES), None, &mut dice));
    assert!(auckland.fixed().iter().all(|(_, at)| to_street_m(auckland, *at) < 120.0));
    // Were they drawn, some depot would have no gateway, and its trucks would not get rid of anything.
    for (n, depot) in map("fujisawa").depots().iter().enumerate() {
        let yard = map("fujisawa").place(&Site::Depot(n), None, &mut dice);
        assert!(depot.distance_m(yard) < 40.0);
    }
    assert_eq!(map("grid").place(&Site::Fixed(3), None, &mut dice), map("grid").middle());
}

#[test]
fn routes_are_closed_and_stay_on_streets() {
    for map in maps() {
        let mut dice = dice();
        for kind in
            [RouteKind::Bus, RouteKind::Round { depot: 1, streets: 40 }, RouteKind::Walk { length_m: 800.0 }]
        {
            let route = map.route(kind, &mut dice);
            let length = route.length_m();
            assert!(length > 200.0, "{} {kind:?} {length}", map.name());
            assert_eq!(route.points().first(), route.points().last(), "{} {kind:?}", map.name());
            assert!(route.at(0.0).distance_m(route.at(length)) < 0.01);
            let step = |n: u32| f64::from(n) * length / 20.0;
            for n in 0..20 {
                let at = route.at(step(n));
                assert!(to_street_m(map, at) < 0.01, "{} {kind:?} {at:?}", map.name());
                assert!(at.distance_m(route.at(step(n) + 5.0)) < 5.01);
                assert!(at.distance_m(route.at(step(n) + length)) < 0.01);
            }
        }
    }
}

#[test]
fn a_bus_line_stops_and_a_round_goes_along_both_sides() {
    let map = map("santander");
    let mut dice = dice();
    let bus = map.route(RouteKind::Bus, &mut dice);
    assert!(bus.length_m() > 4_000.0, "{}", bus.length_m());
    let between = bus.length_m() / bus.stops_m().len() as f64;
    assert!((300.0..550.0).contains(&between), "{between}");
    // There and back: the stop after the far end is the stop before it.
    let (stops, half) = (bus.stops_m(), bus.stops_m().len() / 2);
    assert!(bus.at(stops[half - 1]).distance_m(bus.at(stops[half + 1])) < 1.0);

    let round = map.route(RouteKind::Round { depot: 0, streets: 25 }, &mut dice);
    let mut pieces = std::collections::BTreeMap::new();
    for pair in round.points().windows(2) {
        let ends = [pair[0], pair[1]].map(|at| (at.x_m.to_bits(), at.y_m.to_bits()));
        *pieces.entry((ends[0].min(ends[1]), ends[0].max(ends[1]))).or_insert(0) += 1;
    }
    assert!(pieces.values().filter(|times| **times >= 2).count() >= 25);
    assert_eq!(round.at(f64::NAN), round.at(0.0));
    assert_eq!(Route::default().at(3.0), Point::default());
}

#[test]
fn one_district_is_the_centre_and_none_or_too_many_are_refused() {
    let one = build("grid", 1);
    assert_eq!(one.districts()[0].name, "centre");
    let spec: MapSpec = "grid".parse().expect("a map");
    for districts in [0, DISTRICTS_MAX + 1] {
        let refusal = Map::build(&spec, districts, &mut dice()).expect_err("no such number").to_string();
        assert!(refusal.starts_with("a map has 1 to 512 districts"), "{refusal}");
    }
    let flat = MapSpec::Grid(Grid { block_m: f64::NAN, ..Grid::default() });
    let refusal = Map::build(&flat, 3, &mut dice()).expect_err("no number").to_string();
    assert_eq!(refusal, "`block_m` is NaN: give it a value from 20 to 1000");
}

#[test]
fn a_file_is_a_map() {
    let file = br#"{"type":"FeatureCollection","features":[
        {"properties":{"highway":"primary"},"geometry":{"type":"LineString","coordinates":[[24.90,60.10],[24.91,60.10],[24.92,60.10]]}},
        {"properties":{"highway":"residential"},"geometry":{"type":"LineString","coordinates":[[24.91,60.10],[24.91,60.11]]}}]}"#;
    let map = Map::import("mine", file, 2).expect("a map");
    assert_eq!((map.name(), map.street_graph().junctions().len()), ("mine", 4));
    let gone = MapSpec::File("no/such/file.geojson".into());
    let refusal = Map::build(&gone, 2, &mut dice()).expect_err("no file").to_string();
    assert!(refusal.starts_with("`no/such/file.geojson` cannot be read"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_parameters_in_range_make_a_city(
        blocks_x in 2usize..20, blocks_y in 2usize..20, rings in 2usize..14, spokes in 3usize..20,
        places in 10usize..300, half in 1usize..4, rewired in 0.0f64..=1.0, districts in 1usize..30, seed in any::<u64>(),
    ) {
        let specs = [
            MapSpec::Grid(Grid { blocks_x, blocks_y, gaps: 0.3, ..Grid::default() }),
            MapSpec::Radial(Radial { rings, spokes, ..Radial::default() }),
            MapSpec::SmallWorld(SmallWorld { places, neighbours: 2 * half, rewired, ..SmallWorld::default() }),
        ];
        for spec in specs {
            let mut dice = Seed(seed).dice("map", 0);
            let map = Map::build(&spec, districts, &mut dice).expect("a city");
            prop_assert!(!map.districts().is_empty() && map.districts().len() <= districts);
            for site in [Site::Street, Site::Block, Site::Park, Site::Harbour, Site::Depot(0), Site::Centre, Site::Fixed(0)] {
                let at = map.place(&site, Some(0), &mut dice);
                prop_assert!(at.x_m.is_finite() && at.y_m.is_finite());
            }
            map.route(RouteKind::Bus, &mut dice);
            map.route(RouteKind::Round { depot: 9, streets: 9 }, &mut dice);
            map.route(RouteKind::Walk { length_m: 300.0 }, &mut dice);
        }
    }

    #[test]
    fn any_lines_of_a_file_make_a_map_or_are_refused(
        lines in prop::collection::vec(prop::collection::vec((0u32..40, 0u32..40), 0..6), 0..12),
        corner in prop::sample::select(vec![(0.0, 0.0), (24.9, 60.1), (179.99, 89.99), (-180.0, -90.0)]),
        districts in 1usize..9,
    ) {
        let lines = lines.iter().map(|line| {
            let line = line.iter().map(|(x, y)| {
                [corner.0 + f64::from(*x) * 1e-4, corner.1 + f64::from(*y) * 1e-4]
            });
            let geometry = serde_json::json!({ "type": "LineString", "coordinates": line.collect::<Vec<_>>() });
            serde_json::json!({ "type": "Feature", "properties": null, "geometry": geometry })
        });
        let file = serde_json::json!({ "type": "FeatureCollection", "features": lines.collect::<Vec<_>>() });
        if let Ok(map) = Map::import("any", file.to_string().as_bytes(), districts) {
            let mut dice = dice();
            let at = map.place(&Site::Block, Some(0), &mut dice);
            prop_assert!(at.x_m.is_finite() && at.y_m.is_finite());
            for kind in [RouteKind::Bus, RouteKind::Walk { length_m: 99.0 }] {
                prop_assert!(map.route(kind, &mut dice).length_m().is_finite());
            }
        }
    }
}
