//! A street a line: `highway`, name, then the course in millionths of a degree, tab-separated; the first position is
//! longitude and latitude, each further one how far it lies from the one before. A tenth of the size of GeoJSON, and git
//! shows what changed.

use std::fmt::Write as _;

use super::error::MapError;
use super::geojson::{self, Course, POSITIONS_MAX, is_on_earth};

/// Units of a degree: about a tenth of a metre.
const UNITS: f64 = 1e6;

/// The streets of a GeoJSON FeatureCollection as an extract.
pub fn compact(geojson: &[u8]) -> Result<String, MapError> {
    let mut text = String::new();
    for course in geojson::read(geojson)? {
        write(&course, &mut text);
    }
    Ok(text)
}

fn write(course: &Course, text: &mut String) {
    let plain = |field: &str| field.replace(char::is_control, " ");
    text.push_str(&format!("{}\t{}\t", plain(&course.highway), plain(&course.name)));
    let mut last = (0, 0);
    for (n, (longitude, latitude)) in course.positions.iter().enumerate() {
        let at = ((longitude * UNITS).round() as i64, (latitude * UNITS).round() as i64);
        let space = if n == 0 { "" } else { " " };
        // Writing into a string does not fail.
        let _ = write!(text, "{space}{} {}", at.0 - last.0, at.1 - last.1);
        last = at;
    }
    text.push('\n');
}

/// Reads an extract back.
pub(crate) fn read(text: &str) -> Result<Vec<Course>, MapError> {
    let (mut courses, mut positions) = (Vec::new(), 0);
    for (n, line) in text.lines().enumerate() {
        let course = course_of(line).ok_or(MapError::Compact { line: n + 1 })?;
        positions += course.positions.len();
        if positions > POSITIONS_MAX {
            return Err(MapError::TooMany { max: POSITIONS_MAX });
        }
        courses.push(course);
    }
    Ok(courses)
}

fn course_of(line: &str) -> Option<Course> {
    let mut fields = line.split('\t');
    let (highway, name, course) = (fields.next()?, fields.next()?, fields.next()?);
    let (mut at, mut positions) = ((0i64, 0i64), Vec::new());
    let mut numbers = course.split(' ').map(str::parse::<i64>);
    while let Some(east) = numbers.next() {
        let north = numbers.next()?;
        at = (at.0.checked_add(east.ok()?)?, at.1.checked_add(north.ok()?)?);
        let (longitude, latitude) = (at.0 as f64 / UNITS, at.1 as f64 / UNITS);
        if !is_on_earth(longitude, latitude) {
            return None;
        }
        positions.push((longitude, latitude));
    }
    let whole = fields.next().is_none();
    whole.then(|| Course { highway: highway.to_owned(), name: name.to_owned(), positions })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_extract_is_what_the_file_was() {
        let file = br#"{"type":"FeatureCollection","features":[
            {"properties":{"highway":"path","name":"A\tb\n"},"geometry":{"type":"LineString","coordinates":[[24.9,-60.1],[24.900001,-60.0999985]]}}]}"#;
        let text = compact(file).expect("an extract");
        assert_eq!(text, "path\tA b \t24900000 -60100000 1 1\n");
        let streets = read(&text).expect("streets");
        assert_eq!(streets[0].positions, [(24.9, -60.1), (24.900001, -60.099999)]);
    }

    #[test]
    fn what_is_no_extract_is_refused_with_its_line() {
        for bad in ["", "a\tb", "a\tb\t1", "a\tb\t1 x", "a\tb\t1 2\tc", "a\tb\t999999999 0", "a\tb\t"] {
            let text = format!("path\t\t1 2 3 4\n{bad}\n");
            assert!(matches!(read(&text), Err(MapError::Compact { line: 2 })), "{bad:?}");
        }
        let far = format!("a\tb\t{} 0 {} 0", i64::MAX, i64::MAX);
        assert!(read(&far).is_err());
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "[-a\t\n 0-9]{0,100}") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_is_read(course in prop::collection::vec((-180_000_000i64..=180_000_000, -90_000_000i64..=90_000_000), 1..9)) {
            let positions = course.iter().map(|(x, y)| (*x as f64 / UNITS, *y as f64 / UNITS)).collect();
            let course = Course { highway: "path".into(), name: "n".into(), positions };
            let mut text = String::new();
            write(&course, &mut text);
            prop_assert_eq!(read(&text).expect("a street"), [course]);
        }
    }
}
