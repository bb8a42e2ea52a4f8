use super::*;

const HOUR_MS: i64 = 3_600_000;
const PLACES: &str = "Address,Latitude,Longitude\nHere,-36.8,174.7\nThere,-36.9,174.8\n";

fn utc(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn at(date: &str, hour: i8, fold: Fold) -> Result<i64, HourError> {
    service_hour_to_utc(&TimeZone::get(ZONE).unwrap(), date.parse().unwrap(), hour, fold)
}

fn first(date: &str, hour: i8) -> i64 {
    at(date, hour, Fold::First).unwrap()
}

/// Counts of two places, from rows without a header.
fn counts(rows: &str) -> Result<City, DataError> {
    parse(format!("date,hour,Here,There\n{rows}").leak(), PLACES)
}

#[test]
fn a_service_day_goes_past_midnight() {
    assert_eq!(first("2024-01-10", 6), utc("2024-01-09T17:00:00Z"));
    assert_eq!(first("2024-01-10", 23), utc("2024-01-10T10:00:00Z"));
    assert_eq!(first("2024-01-10", 0), utc("2024-01-10T11:00:00Z"));
    assert_eq!(first("2024-01-10", 5) + HOUR_MS, first("2024-01-11", 6));
}

#[test]
fn a_service_day_goes_past_the_end_of_a_month() {
    assert_eq!(first("2024-02-29", 0), utc("2024-02-29T11:00:00Z"));
    assert_eq!(first("2024-06-30", 3), utc("2024-06-30T15:00:00Z"), "standard time");
}

#[test]
fn the_midnight_of_new_year_stands_under_31_december() {
    assert_eq!(first("2023-12-31", 0), utc("2023-12-31T11:00:00Z"));
}

#[test]
fn two_o_clock_happens_twice_when_summer_time_ends() {
    // The night to Sunday, 7 April 2024: 3:00 NZDT became 2:00 NZST. The rows carry Saturday's date.
    assert_eq!(first("2024-04-06", 1), utc("2024-04-06T12:00:00Z"));
    assert_eq!(first("2024-04-06", 2), utc("2024-04-06T13:00:00Z"));
    assert_eq!(at("2024-04-06", 2, Fold::Second), Ok(utc("2024-04-06T14:00:00Z")));
    assert_eq!(first("2024-04-06", 3), utc("2024-04-06T15:00:00Z"));
    assert_eq!(at("2024-04-06", 3, Fold::Second), Ok(first("2024-04-06", 3)), "a fold changes no other hour");
}

#[test]
fn two_o_clock_is_skipped_when_summer_time_begins() {
    // The night to Sunday, 24 September 2023: 2:00 NZST became 3:00 NZDT. The rows carry Saturday's date.
    let skipped = Err(HourError::Skipped { date: "2023-09-24".parse().unwrap(), hour: 2 });
    assert_eq!(first("2023-09-23", 1), utc("2023-09-23T13:00:00Z"));
    assert_eq!(at("2023-09-23", 2, Fold::First), skipped);
    assert_eq!(at("2023-09-23", 2, Fold::Second), skipped);
    assert_eq!(first("2023-09-23", 3), utc("2023-09-23T14:00:00Z"));
}

#[test]
fn refuses_hours_that_no_day_has() {
    assert_eq!(at("2024-01-10", 24, Fold::First), Err(HourError::NoSuchHour(24)));
    assert_eq!(at("2024-01-10", -1, Fold::First), Err(HourError::NoSuchHour(-1)));
    assert_eq!(at("9999-12-31", 0, Fold::First), Err(HourError::OutOfRange("9999-12-31".parse().unwrap())));
}

#[test]
fn the_month_is_complete() {
    let city = load().unwrap();
    assert_eq!(city.places.len(), 21);
    assert_eq!(city.hours.len(), 31 * 24);
    assert_eq!(city.hours[0].start_utc_ms, utc("2023-12-31T11:00:00Z"), "1 January 2024, 0:00");
    assert!(city.hours.is_sorted_by(|a, b| a.start_utc_ms + HOUR_MS == b.start_utc_ms), "hour by hour");
    assert!(city.hours.iter().all(|hour| hour.counts.len() == 21 && hour.counts.iter().all(Option::is_some)));
}

#[test]
fn the_midnight_of_new_year_is_the_peak_of_the_month() {
    let total = |hour: &Hour| hour.counts.iter().flatten().sum::<f64>();
    let city = load().unwrap();
    let peak = city.hours.iter().max_by(|a, b| total(a).total_cmp(&total(b))).unwrap();
    assert_eq!((peak.start_utc_ms, total(peak)), (utc("2023-12-31T11:00:00Z"), 20_293.0));
}

#[test]
fn places_are_in_the_order_of_the_columns() {
    let city = load().unwrap();
    assert_eq!(city.places[0].name, "1 Courthouse Lane");
    assert_eq!(city.places[0].position, Some(Position { latitude: -36.84817, longitude: 174.76705 }));
    assert_eq!(city.places[20].name, "Te Ara Tahuhu Walkway");
    assert_eq!(city.hours[0].counts[0], Some(129.0));
    assert_eq!(city.hours[0].counts[20], Some(390.0));
    let shares = |a: usize, b: usize| {
        let at = |i: usize| city.places[i].position;
        at(a) == at(b)
    };
    assert!(shares(4, 5) && shares(17, 18), "two pairs of sensors share a place");
}

#[test]
fn hours_are_sorted_whatever_the_order_of_the_rows() {
    let city = counts("2024-01-10,0:00-0:59,3.0,4.0\n2024-01-10,6:00-6:59,1.0,\n").unwrap();
    assert_eq!(city.hours[0].counts, [Some(1.0), None], "an empty cell is missing, not zero");
    assert_eq!(city.hours[1].counts, [Some(3.0), Some(4.0)]);
}

#[test]
fn the_same_row_twice_counts_once() {
    let city = counts("2024-01-10,6:00-6:59,1.0,\n2024-01-10,6:00-6:59,1.0,\n").unwrap();
    assert_eq!(city.hours.len(), 1);
}

#[test]
fn rows_that_contradict_each_other_are_refused() {
    // The source has this once: 2024-09-28 6:00 stands there twice, and the second is 6:00 on the 29th, an hour off after the skipped one.
    let error = counts("2024-09-28,6:00-6:59,6.0,60.0\n2024-09-28,6:00-6:59,5.0,31.0\n").unwrap_err();
    assert!(matches!(error, DataError::Contradiction { line: 3, earlier: 2, .. }), "{error}");
}

#[test]
fn an_hour_that_never_was_is_refused() {
    let error = counts("2023-09-23,2:00-2:59,22.0,115.0\n").unwrap_err();
    assert!(matches!(error, DataError::Hour { line: 2, source: HourError::Skipped { .. }, .. }), "{error}");
}

#[test]
fn errors_name_the_line_and_the_column() {
    let text = |rows: &str| counts(rows).unwrap_err().to_string();
    let good = "2024-01-10,6:00-6:59,1.0,2.0\n";
    assert_eq!(
        text(&format!("{good}2024-01-10,7:00-7:59,1.0,two\n")),
        "auckland-2024-01-counts.csv:3: `two` in column `There` is not a count"
    );
    assert!(text("2024-01-10,7:00-8:59,1.0,2.0\n").contains(":2: `7:00-8:59` in column `hour`"));
    assert!(text("2024-02-30,7:00-7:59,1.0,2.0\n").contains("column `date`"));
    assert!(text("2024-01-10,25:00-25:59,1.0,2.0\n").contains(":2: no such hour"));
    assert!(text("2024-01-10,7:00-7:59,1.0\n").contains(":2: 3 columns where the header has 4"));
    for bad in ["-1.0", "inf", "NaN", "\"1.0\""] {
        assert!(text(&format!("2024-01-10,7:00-7:59,1.0,{bad}\n")).contains("column `There`"), "{bad}");
    }
}

#[test]
fn a_column_needs_a_place_and_a_file_its_header() {
    let error = parse("date,hour,Nowhere\n", PLACES).unwrap_err();
    assert_eq!(error.to_string(), "auckland-locations.csv: no place for the column `Nowhere`");
    assert!(matches!(parse("", PLACES), Err(DataError::Header { .. })));
    assert!(matches!(parse("date,hour,Here\n", "Address\n"), Err(DataError::Header { .. })));
    let error = parse("date,hour,Here\n", "Address,Latitude,Longitude\nHere,-96.8,174.7\n").unwrap_err();
    assert!(error.to_string().contains(":2: `-96.8` in column `Latitude` is not a latitude"), "{error}");
}
