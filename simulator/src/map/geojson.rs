//! Streets out of a GeoJSON FeatureCollection (RFC 7946), as map tools export them from OpenStreetMap.
//!
//! A street is a feature whose geometry is a LineString or a MultiLineString. Its class is read from the property `highway`, its name
//! from `name`; other features and properties are passed over. The file comes from anywhere: it is bounded, and every
//! position is checked.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use super::error::MapError;

/// The largest file. Chosen: a kilometre of Helsinki's streets takes 5 kB, so that these are 6,000 km.
pub const GEOJSON_BYTES_MAX: usize = 32 << 20;

/// The most positions in one. Chosen: a position takes about 20 bytes of the file.
pub(crate) const POSITIONS_MAX: usize = 1_000_000;

/// One street as it was imported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    pub(crate) highway: String,
    pub(crate) name: String,
    /// Longitude and latitude in degrees, on Earth.
    pub(crate) positions: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    #[serde(default)]
    properties: Value,
    geometry: Option<Geometry>,
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinates: Value,
}

/// Reads the streets of a collection.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Course>, MapError> {
    if bytes.len() > GEOJSON_BYTES_MAX {
        return Err(MapError::TooLarge { max: GEOJSON_BYTES_MAX });
    }
    let collection: Collection = serde_json::from_slice(bytes).map_err(MapError::NotGeoJson)?;
    if collection.kind != "FeatureCollection" {
        return Err(MapError::NotGeoJson(serde_json::Error::custom("its type is not `FeatureCollection`")));
    }
    let (mut courses, mut positions) = (Vec::new(), 0);
    for (n, feature) in collection.features.iter().enumerate() {
        let text =
            |name: &str| feature.properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(geometry) = &feature.geometry else { continue };
        let lines: &[Value] = match (geometry.kind.as_str(), &geometry.coordinates) {
            ("LineString", line) => std::slice::from_ref(line),
            ("MultiLineString", Value::Array(lines)) => lines,
            _ => continue,
        };
        for line in lines {
            let line = line_of(line).ok_or(MapError::Position { feature: n })?;
            positions += line.len();
            if positions > POSITIONS_MAX {
                return Err(MapError::TooMany { max: POSITIONS_MAX });
            }
            courses.push(Course { highway: text("highway"), name: text("name"), positions: line });
        }
    }
    Ok(courses)
}

fn line_of(line: &Value) -> Option<Vec<(f64, f64)>> {
    line.as_array()?.iter().map(position_of).collect()
}

/// A position has two numbers, and may have a height.
fn position_of(position: &Value) -> Option<(f64, f64)> {
    let numbers = position.as_array()?;
    let (longitude, latitude) = (numbers.first()?.as_f64()?, numbers.get(1)?.as_f64()?);
    is_on_earth(longitude, latitude).then_some((longitude, latitude))
}

pub(crate) fn is_on_earth(longitude: f64, latitude: f64) -> bool {
    (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collection(geometry: &str) -> Result<Vec<Course>, MapError> {
        read(
            format!(
                r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"highway":"primary","lanes":2}},"geometry":{geometry}}}]}}"#
            )
            .as_bytes(),
        )
    }

    #[test]
    fn lines_are_streets_and_the_rest_is_passed_over() {
        let one = collection(r#"{"type":"LineString","coordinates":[[24.9,60.1,7.5],[24.91,60.1]]}"#)
            .expect("a street");
        let course = Course {
            highway: "primary".into(),
            name: String::new(),
            positions: vec![(24.9, 60.1), (24.91, 60.1)],
        };
        assert_eq!(one, [course]);
        let many = r#"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8]]]}"#;
        assert_eq!(collection(many).expect("streets").len(), 2);
        assert_eq!(collection("null").expect("none"), []);
        assert_eq!(collection(r#"{"type":"Point","coordinates":[1,2]}"#).expect("none"), []);
        assert_eq!(collection(r#"{"type":"GeometryCollection","geometries":[]}"#).expect("none"), []);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refusal = |geometry: &str| collection(geometry).expect_err(geometry).to_string();
        for bad in ["[[24.9]]", "[[24.9,\"x\"]]", "[[24.9,91]]", "[3]", "7"] {
            let said = refusal(&format!(r#"{{"type":"LineString","coordinates":{bad}}}"#));
            assert!(said.starts_with("feature 0 (counted from 0) has a position"), "{said}");
        }
        assert!(matches!(read(b"{}"), Err(MapError::NotGeoJson(_))));
        assert!(matches!(read(br#"{"type":"Feature","features":[]}"#), Err(MapError::NotGeoJson(_))));
        assert!(matches!(read(&vec![b' '; GEOJSON_BYTES_MAX + 1]), Err(MapError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_coordinates_cause_a_panic(text in "[-\\[\\]0-9e., ]{0,80}") {
            let _ = collection(&format!(r#"{{"type":"LineString","coordinates":{text}}}"#));
        }
    }
}
