//! A box on the map.

use crate::log::Place;

/// The places between two parallels and two meridians, their edges with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    south_west: Place,
    north_east: Place,
}

impl Area {
    /// From the corner in the south-west to that in the north-east; `None` if the first is the more northern one. An area
    /// whose eastern edge lies west of its western one goes on across the date line.
    pub fn new(south_west: Place, north_east: Place) -> Option<Self> {
        (south_west.latitude_e7 <= north_east.latitude_e7).then_some(Self { south_west, north_east })
    }

    /// Whether a place lies there.
    pub fn covers(self, place: Place) -> bool {
        let (west, east) = (self.south_west.longitude_e7, self.north_east.longitude_e7);
        let longitude = place.longitude_e7;
        let between = match west <= east {
            true => (west..=east).contains(&longitude),
            false => longitude >= west || longitude <= east,
        };
        (self.south_west.latitude_e7..=self.north_east.latitude_e7).contains(&place.latitude_e7) && between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: f64, longitude: f64) -> Place {
        Place::from_degrees(latitude, longitude).expect("on Earth")
    }

    #[test]
    fn edges_belong_to_an_area_and_what_lies_beyond_them_does_not() {
        let port = Area::new(place(43.42, -3.85), place(43.47, -3.76)).expect("an area");
        for (latitude, longitude, is_in) in [
            (43.46, -3.79, true),
            (43.42, -3.85, true),
            (43.47, -3.76, true),
            (43.4200001, -3.8500001, false),
            (43.4199999, -3.8, false),
            (43.4700001, -3.8, false),
            (43.46, -3.7599999, false),
            (-43.46, 3.79, false),
        ] {
            assert_eq!(port.covers(place(latitude, longitude)), is_in, "{latitude},{longitude}");
        }
        assert_eq!(Area::new(place(43.47, -3.85), place(43.42, -3.76)), None, "upside down");
        let point = Area::new(place(43.46, -3.79), place(43.46, -3.79)).expect("an area");
        assert!(point.covers(place(43.46, -3.79)) && !point.covers(place(43.46, -3.7899999)));
    }

    #[test]
    fn an_area_may_lie_across_the_date_line() {
        let fiji = Area::new(place(-20.0, 177.0), place(-15.0, -178.0)).expect("an area");
        for (longitude, is_in) in
            [(177.0, true), (180.0, true), (-180.0, true), (-178.0, true), (176.9, false), (-177.9, false)]
        {
            assert_eq!(fiji.covers(place(-17.0, longitude)), is_in, "{longitude}");
        }
    }
}
