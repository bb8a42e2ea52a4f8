use super::*;

const HOUR_MS: i64 = 3_600_000;

/// The total of the hour that begins then.
fn total(auckland: &Auckland, utc: &str) -> Option<u32> {
    let start: jiff::Timestamp = utc.parse().expect("a time");
    let start = UnixMillis(start.as_millisecond());
    let hour = auckland.hours.iter().find(|hour| hour.start == start)?;
    Some(hour.counts.iter().flatten().sum())
}

#[test]
fn both_fortnights_are_complete_hour_by_hour() {
    for (fortnight, hours) in [(Fortnight::Spring, 335), (Fortnight::Autumn, 337)] {
        let auckland = Auckland::counts(fortnight);
        assert_eq!((auckland.places.len(), auckland.hours.len()), (AUCKLAND_PLACES, hours));
        assert!(auckland.hours.windows(2).all(|pair| pair[1].start.0 - pair[0].start.0 == HOUR_MS));
        assert!(auckland.hours.iter().all(|hour| hour.counts.iter().all(Option::is_some)));
    }
}

#[test]
fn in_spring_an_hour_is_skipped_and_the_repeated_key_is_the_next_morning() {
    let spring = Auckland::counts(Fortnight::Spring);
    // Sunday, 29 September 2024: 1:00 NZST, then 3:00 NZDT, an hour later.
    assert_eq!(total(&spring, "2024-09-28T13:00:00Z"), Some(2_925));
    assert_eq!(total(&spring, "2024-09-28T14:00:00Z"), Some(2_718));
    // 6:00 NZDT on Saturday's page, under the key of Saturday's own 6:00 NZST, 24 rows before.
    assert_eq!(total(&spring, "2024-09-28T17:00:00Z"), Some(496));
    assert_eq!(total(&spring, "2024-09-27T18:00:00Z"), Some(725));
}

#[test]
fn in_autumn_an_hour_comes_twice_and_its_row_is_shared() {
    let autumn = Auckland::counts(Fortnight::Autumn);
    // Sunday, 7 April 2024: 1:00 NZDT, 2:00 NZDT, 2:00 NZST, 3:00 NZST. One row of 6,133 for the two in the middle.
    assert_eq!(total(&autumn, "2024-04-06T12:00:00Z"), Some(4_918));
    let shared =
        ["2024-04-06T13:00:00Z", "2024-04-06T14:00:00Z"].map(|utc| total(&autumn, utc).expect("an hour"));
    assert_eq!(shared.iter().sum::<u32>(), 6_133);
    assert!(shared[0] >= shared[1] && shared[0] - shared[1] <= AUCKLAND_PLACES as u32);
    assert_eq!(total(&autumn, "2024-04-06T15:00:00Z"), Some(1_285));
}

#[test]
fn a_service_day_ends_in_the_next_morning() {
    let rows = "date,hour,year,a\n2024-01-31,23:00-23:59,2024,7.0\n2024-01-31,0:00-0:59,2024,9.0\n";
    let hours = hours(rows, &["a"]).expect("two rows");
    // 31 January, 23:00 NZDT, and midnight after it: the last hour of the page comes later, not earlier.
    assert_eq!(hours[0].start, UnixMillis(1_706_695_200_000));
    assert_eq!(hours[1].start.0 - hours[0].start.0, HOUR_MS);
    assert_eq!((hours[0].counts[0], hours[1].counts[0]), (Some(7), Some(9)));
}

#[test]
fn a_row_of_a_skipped_hour_is_no_hour_and_an_empty_cell_no_count() {
    let rows = "date,hour,year,a\n2022-09-24,2:00-2:59,2022,0.0\n2022-09-24,3:00-3:59,2022,\n";
    let hours = hours(rows, &["a"]).expect("two rows");
    assert_eq!((hours.len(), hours[0].counts[0]), (1, None));
}

#[test]
fn what_is_no_row_is_refused_with_its_line() {
    let read = |row: &str| hours(&format!("date,hour,year,a\n{row}\n"), &["a"]);
    for bad in [
        "",
        "2024-02-30,6:00-6:59,2024,1",
        "2024-01-01,six,2024,1",
        "2024-01-01,99:00-99:59,2024,1",
        "2024-01-01,6:00-6:59,2024,x",
    ] {
        assert_eq!(read(bad), Err(NoCounts(2)), "{bad:?}");
    }
    assert_eq!(hours("date,hour,year,b\n", &["a"]), Err(NoCounts(1)));
    assert_eq!(hours("", &["a"]), Err(NoCounts(1)));
}
