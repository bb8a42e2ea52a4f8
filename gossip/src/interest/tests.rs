//! An interest is a set: what it covers decides what equals, contains and intersects what.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::place::{LEVEL_TOLD, Spot};

const SANTANDER: (f64, f64) = (43.46, -3.80);

fn interest(prefixes: &[&str]) -> Interest {
    Interest::of(prefixes.iter().copied()).unwrap()
}

fn topic(path: &str) -> Topic {
    Topic::new(path).unwrap()
}

fn spot(latitude: f64, longitude: f64) -> Spot {
    Spot::at((latitude * 1e7) as i32, (longitude * 1e7) as i32).unwrap()
}

fn hour(number: u32) -> Hour {
    Hour::from_number(number).unwrap()
}

fn time(hours: i64) -> UnixMillis {
    UnixMillis(hours * 3_600_000 + 1)
}

/// What others are told, and what they make of it.
fn told(interest: &Interest) -> Result<Interest, InterestError> {
    Interest::from_parts(interest.prefixes(), interest.cells().as_deref(), interest.since_hour())
}

#[test]
fn covers_whole_segments_only() {
    let parks = interest(&["parks"]);
    assert!(parks.covers(&topic("parks")));
    assert!(parks.covers(&topic("parks/noise")));
    assert!(!parks.covers(&topic("parkside")));
    assert!(!parks.covers(&topic("air")));
}

#[test]
fn all_and_none() {
    assert!(Interest::all().covers(&topic("a")));
    assert!(!Interest::none().covers(&topic("a")));
    assert!(Interest::none().is_empty());
    assert_eq!(interest(&["", "a"]), Interest::all());
    let nowhere_near = Interest::none().near(0.0, 0.0, 1.0).unwrap().since(time(9));
    assert_eq!(nowhere_near, Interest::none());
}

#[test]
fn what_is_excepted_is_not_covered_whatever_the_prefixes_say() {
    let (noise, doors) = (topic("parks/noise"), topic("parks/doors"));
    let some = interest(&["parks", "air"]).without([&noise, &topic("parks/noise/7"), &topic("rain")]);
    assert!(
        some.covers(&topic("parks")) && some.covers(&topic("parks/noises")) && some.covers(&topic("air"))
    );
    assert!(
        !some.covers(&noise)
            && !some.covers(&topic("parks/noise/7"))
            && !some.covers(&topic("parks/noise/8"))
    );
    assert_eq!(some, interest(&["parks", "air"]).without([&noise]), "in one spelling");
    assert_eq!(interest(&["parks/noise", "air"]).without([&noise]), interest(&["air"]));
    assert!(interest(&["parks"]).without([&topic("parks")]).is_empty());
    assert_eq!(Interest::none().without([&noise]), Interest::none());
    assert!(Interest::all().contains(&some) && !some.contains(&interest(&["parks"])));
    assert!(
        some.contains(&interest(&["air"]))
            && some.contains(&some)
            && !some.contains(&interest(&["parks/noise/7"]))
    );
    assert!(!some.contains(&Interest::of(["parks"]).unwrap().without([&doors])));
    assert!(some.holds_all_of("air/") && !some.holds_all_of("parks/") && !some.holds_all_of("parks/noise/"));
    assert!(!Interest::all().without([&noise]).holds_all_of(""));
}

#[test]
fn what_has_no_place_is_everywhere_and_what_has_no_hour_of_all_times() {
    let (latitude, longitude) = SANTANDER;
    let near = interest(&["parks"]).near(latitude, longitude, 500.0).unwrap().since(time(100));
    let here = topic("parks").at(Some(spot(latitude, longitude)));
    let there = topic("parks").at(Some(spot(latitude + 0.05, longitude)));
    assert!(near.covers(&here) && near.covers(&topic("parks")) && !near.covers(&there));
    assert!(!near.covers(&topic("air")), "neither place nor time makes up for the path");
    let at = |number| near.covers(&here.clone().in_hour(Hour::from_number(number)));
    assert_eq!([at(99), at(100), at(101), at(0)], [false, true, true, true]);
    let both = near.near(latitude + 0.05, longitude, 10.0).unwrap();
    assert!(both.covers(&here) && both.covers(&there));
}

#[test]
fn an_area_goes_around_the_back_of_the_earth_and_over_its_poles() {
    let covers =
        |it: &Interest, latitude, longitude| it.covers(&topic("a").at(Some(spot(latitude, longitude))));
    let fiji = Interest::all().near(-17.0, 179.99, 5_000.0).unwrap();
    assert!(covers(&fiji, -17.0, 179.98) && covers(&fiji, -17.0, -179.99));
    assert!(!covers(&fiji, -17.0, 179.5) && !covers(&fiji, -17.0, -179.5));
    let pole = Interest::all().near(89.99, 0.0, 5_000.0).unwrap();
    assert!(covers(&pole, 89.999, 180.0) && covers(&pole, 90.0, -90.0) && !covers(&pole, 80.0, 0.0));
    let strip = Interest::all().within((-10.0, 170.0), (10.0, -170.0)).unwrap();
    assert!(covers(&strip, 0.0, 180.0) && covers(&strip, 0.0, -180.0) && !covers(&strip, 0.0, 0.0));
    let earth = Interest::all().within((-90.0, -180.0), (90.0, 180.0)).unwrap();
    assert_eq!(earth, Interest::all());
}

#[test]
fn what_is_no_area_is_refused() {
    let near = |latitude, longitude, radius| Interest::all().near(latitude, longitude, radius);
    for bad in [
        near(90.1, 0.0, 1.0),
        near(0.0, -180.1, 1.0),
        near(f64::NAN, 0.0, 1.0),
        near(f64::NEG_INFINITY, f64::INFINITY, 1.0),
        near(0.0, 0.0, -1.0),
        near(0.0, 0.0, f64::NAN),
        Interest::all().within((1.0, 0.0), (0.0, 1.0)),
        Interest::all().within((0.0, 0.0), (1.0, f64::INFINITY)),
    ] {
        assert_eq!(bad, Err(InterestError::Area));
    }
}

#[test]
fn is_bounded() {
    let names: Vec<String> = (0..=INTEREST_PREFIXES_MAX).map(|n| format!("p{n}")).collect();
    let of = |count: usize| Interest::of(names.iter().take(count).map(String::as_str));
    assert!(of(INTEREST_PREFIXES_MAX).is_ok());
    assert_eq!(of(INTEREST_PREFIXES_MAX + 1), Err(InterestError::TooMany { max: 64 }));
    // So many places widen its cells, and it still covers each of them.
    let place = |n: usize| (43.0 + 0.01 * n as f64, -3.0 - 0.013 * (n * n % 17) as f64);
    let many = (0..100).fold(Interest::all(), |many, n| many.near(place(n).0, place(n).1, 100.0).unwrap());
    assert!(many.cells().unwrap().len() <= crate::INTEREST_CELLS_MAX);
    for n in 0..100 {
        assert!(many.covers(&topic("a").at(Some(spot(place(n).0, place(n).1)))), "{n}");
    }
    assert!(!many.covers(&topic("a").at(Some(spot(0.0, 0.0)))));
}

#[test]
fn is_told_in_one_spelling() {
    let parts = |prefixes: &[&'static str], cells: Option<&[u64]>| {
        Interest::from_parts(prefixes.iter().copied(), cells, None)
    };
    let refused = |prefixes: &[&'static str], cells| parts(prefixes, cells).is_err();
    assert!(refused(&["b/", "a/"], None) && refused(&["a/", "a/b/"], None));
    assert!(refused(&["a"], None) && refused(&["/"], None) && refused(&["a/", "a/"], None));
    assert!(parts(&["a/"], Some(&[])).is_ok(), "what has no place");
    assert!(parts(&["a/"], Some(&[4, 5])).is_ok());
    for bad in
        [&[1][..], &[0], &[2], &[3], &[5, 4], &[4, 4], &[4, 17], &[4, 5, 6, 7], &[1 << 42], &[u64::MAX]]
    {
        assert!(refused(&["a/"], Some(bad)), "{bad:?}");
    }
    assert!(refused(&[], Some(&[4])), "nothing is nowhere");
    let many: Vec<u64> = (0..=crate::INTEREST_CELLS_MAX as u64).map(|n| (1 << 40) + 4 * n).collect();
    assert!(refused(&["a/"], Some(&many)) && !refused(&["a/"], Some(&many[1..])));
}

/// A quadrant of a quadrant, and so on: cells of few levels meet each other often.
fn any_area() -> impl Strategy<Value = Option<Vec<u64>>> {
    let cell = prop_oneof![
        (0u32..4, any::<u64>())
            .prop_map(|(level, bits)| (bits & ((1 << (2 * level)) - 1)) | 1 << (2 * level)),
        (38u32..41, 0u64..64).prop_map(|(bits, n)| (1 << (2 * (bits / 2))) | n),
    ];
    prop::option::of(prop::collection::vec(cell, 0..12))
}

fn any_interest() -> impl Strategy<Value = Interest> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 0..4);
    let since = prop::option::of((1u32..4).prop_map(hour));
    (prop::collection::vec(path, 0..5), any_area(), since).prop_map(|(paths, cells, since)| {
        let paths: Vec<String> = paths.iter().map(|path| path.join("/")).collect();
        let all = Interest { since, ..interest(&paths.iter().map(|path| &**path).collect::<Vec<_>>()) };
        let area = cells.map_or_else(Area::everywhere, |cells| {
            // Made of one cell after the other, in whatever order.
            let nowhere = Area::of_numbers(&[]).unwrap();
            cells.iter().fold(nowhere, |area, cell| area.unite(&Area::of_numbers(&[*cell]).unwrap()))
        });
        Interest { area, ..all }.whole()
    })
}

fn any_topic() -> impl Strategy<Value = Topic> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 1..5);
    let spot = prop_oneof![any::<u64>().prop_map(|bits| bits & ((1 << 40) - 1)), 0u64..64,];
    let spot = prop::option::of(spot.prop_map(|n| Spot::from_number(1 << 40 | n).unwrap()));
    (path, spot, 0u32..5)
        .prop_map(|(path, spot, hour)| topic(&path.join("/")).at(spot).in_hour(Hour::from_number(hour)))
}

/// Some of them end at a fence.
fn any_right() -> impl Strategy<Value = Interest> {
    let side = || prop::sample::select(vec![-900_000_000, -400_000_000, 0, 350_000_000, 900_000_000]);
    let fence = prop::option::of(((side(), side()), (side(), side())));
    (any_interest(), fence).prop_map(|(it, fence)| match fence {
        Some((south_west, north_east)) => it.fenced(south_west, north_east),
        None => it,
    })
}

#[test]
fn a_fence_is_exact_to_the_spot_and_no_matter_of_cells() {
    let (south_west, north_east) = ((434_000_000, -39_000_000), (435_000_000, -37_000_000));
    let there = Interest::of(["a"]).unwrap().fenced(south_west, north_east);
    let at = |latitude, longitude| topic("a").at(Spot::at(latitude, longitude));
    assert!(there.covers(&at(434_600_000, -38_000_000)) && there.covers(&at(434_000_000, -39_000_000)));
    // A spot is 19 m high and 38 m wide.
    assert!(!there.covers(&at(433_996_000, -38_000_000)) && !there.covers(&at(434_600_000, -36_992_000)));
    assert!(there.covers(&topic("a")), "what has no place is not kept out");
    assert_eq!(there.cells(), None, "nobody is told");
    let nothing = there.clone().fenced(north_east, south_west);
    assert!(!nothing.covers(&at(434_600_000, -38_000_000)) && there.contains(&nothing));
}

proptest! {
    #[test]
    fn an_intersection_covers_what_both_cover(
        a in any_right(), b in any_right(), c in any_right(), topic in any_topic(),
    ) {
        let both = a.intersect(&b);
        prop_assert_eq!(both.covers(&topic), a.covers(&topic) && b.covers(&topic));
        prop_assert_eq!(a.contains(&b), both == b);
        prop_assert_eq!(&both, &b.intersect(&a));
        prop_assert_eq!(&a.intersect(&a), &a);
        prop_assert_eq!(both.intersect(&c), a.intersect(&b.intersect(&c)));
        prop_assert!(a.contains(&both) && a.contains(&a));
        prop_assert!(a.contains(&c) || !(a.contains(&b) && b.contains(&c)));
        prop_assert!(a == b || !(a.contains(&b) && b.contains(&a)));
    }

    #[test]
    fn what_covers_the_path_reaches_it(it in any_right(), topic in any_topic()) {
        let path = topic.as_str();
        prop_assert!(it.reaches(path) || !it.covers(&topic));
        prop_assert!(it.covers(&topic) || !it.holds_all_of(path));
    }

    #[test]
    fn an_interest_travels(it in any_interest()) {
        prop_assert_eq!(told(&it), Ok(it));
    }

    /// What is taken is told again in the same words.
    #[test]
    fn whatever_is_told_has_one_spelling(
        prefixes in prop::collection::vec(prop::sample::select(vec!["", "a/", "a/b/", "b/", "b"]), 0..4),
        cells in any_area(), since in 0u32..3,
    ) {
        let since = Hour::from_number(since);
        if let Ok(it) = Interest::from_parts(prefixes.iter().copied(), cells.as_deref(), since) {
            prop_assert_eq!(it.prefixes().collect::<Vec<_>>(), prefixes);
            prop_assert_eq!((it.cells(), it.since_hour()), (cells, since));
        }
    }

    #[test]
    fn whoever_is_within_the_radius_is_covered(
        latitude in -90.0f64..90.0, longitude in -180.0f64..180.0, radius in 0.0f64..300_000.0,
        bearing in 0.0f64..7.0, part in 0.0f64..1.0,
    ) {
        let (there_latitude, there_longitude) = moved((latitude, longitude), bearing, radius * part);
        let there = topic("a").at(Some(spot(there_latitude, there_longitude)));
        let near = Interest::all().near(latitude, longitude, radius).unwrap();
        prop_assert!(near.covers(&there));
        prop_assert!(near.cells().is_none_or(|cells| cells.len() <= crate::INTEREST_CELLS_MAX));
        // What a leaf tells covers it too.
        prop_assert!(near.told().contains(&near));
    }
}

/// Wherever in its cell a phone is, the same is told, but for what a fine cell sticks out of the circle.
#[test]
fn what_a_leaf_tells_is_that_of_its_cell() {
    // Cells of the level that is told are so high, and so wide.
    let (height, width) = (180.0 / 16_384.0, 360.0 / 16_384.0);
    let (south, west) = ((43.46f64 / height).floor() * height, (-3.80f64 / width).floor() * width);
    let (mut told, mut own) = (BTreeSet::new(), BTreeSet::new());
    for (north, east) in
        (4..37).flat_map(|north| (4..37).map(move |east| (f64::from(north), f64::from(east))))
    {
        let near =
            Interest::all().near(south + north / 40.0 * height, west + east / 40.0 * width, 500.0).unwrap();
        told.insert(near.told().cells().unwrap());
        own.insert(near.cells().unwrap());
    }
    assert!(own.len() > 4 && told.len() == 1, "{} of {}: {told:?}", told.len(), own.len());
    let told = told.pop_first().unwrap();
    let level = |cell: &u64| (cell.ilog2() / 2) as u8;
    assert!(told.iter().all(|cell| level(cell) <= LEVEL_TOLD));
    let cells: u32 = told.iter().map(|cell| 4u32.pow((LEVEL_TOLD - level(cell)).into())).sum();
    assert_eq!(cells, 9, "its own and those around it: {told:?}");
}

/// As far as that along the ground, on a sphere.
fn moved((latitude, longitude): (f64, f64), bearing: f64, metres: f64) -> (f64, f64) {
    let (latitude, longitude, angle) = (latitude.to_radians(), longitude.to_radians(), metres / 6_371_008.8);
    let there = latitude.sin() * angle.cos() + latitude.cos() * angle.sin() * bearing.cos();
    let east = (bearing.sin() * angle.sin() * latitude.cos()).atan2(angle.cos() - latitude.sin() * there);
    let longitude = (longitude + east).to_degrees();
    (there.asin().to_degrees(), (longitude + 540.0).rem_euclid(360.0) - 180.0)
}

proptest! {
    #[test]
    fn what_two_cover_is_what_neither_excepts(
        wants in prop::collection::vec(0usize..8, 0..3), others in prop::collection::vec(0usize..8, 0..3),
        not in prop::collection::vec(0usize..8, 0..4), nor in prop::collection::vec(0usize..8, 0..4),
    ) {
        const PATHS: [&str; 8] = ["a", "a/b", "a/b/c", "a/bc", "a-", "b", "b/a", "c"];
        let paths = |picked: &[usize]| picked.iter().map(|at| topic(PATHS[*at])).collect::<Vec<_>>();
        let of = |wanted: &[usize]| Interest::of(wanted.iter().map(|at| PATHS[*at])).unwrap();
        let (one, other) = (of(&wants).without(&paths(&not)), of(&others).without(&paths(&nor)));
        let both = one.intersect(&other);
        prop_assert_eq!(&both, &other.intersect(&one));
        prop_assert!(one.contains(&both) && other.contains(&both));
        for topic in PATHS.map(topic) {
            let lies = |picked: &[usize]| paths(picked).iter().any(|it| topic.as_str().starts_with(it.as_str()));
            prop_assert_eq!(one.covers(&topic), lies(&wants) && !lies(&not));
            prop_assert_eq!(both.covers(&topic), one.covers(&topic) && other.covers(&topic));
        }
    }
}
