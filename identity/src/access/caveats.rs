//! Limits within which a right holds.

use minicbor::{Decode, Encode};

use super::text::ShortText;

/// The longest purpose, in bytes.
pub const PURPOSE_BYTES_MAX: usize = 64;

/// A box on the map (WGS 84), in units of 1e-7 degrees, with its edges. It does not reach over the 180th meridian: two
/// grants do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Area {
    /// The least latitude.
    #[n(0)]
    pub south_e7: i32,
    /// The least longitude.
    #[n(1)]
    pub west_e7: i32,
    /// The greatest latitude.
    #[n(2)]
    pub north_e7: i32,
    /// The greatest longitude.
    #[n(3)]
    pub east_e7: i32,
}

impl Area {
    /// Whether a place lies in it. No place lies in a box whose edges are the wrong way round.
    pub fn contains(&self, latitude_e7: i32, longitude_e7: i32) -> bool {
        (self.south_e7..=self.north_e7).contains(&latitude_e7)
            && (self.west_e7..=self.east_e7).contains(&longitude_e7)
    }

    fn is_within(&self, outer: &Self) -> bool {
        outer.contains(self.south_e7, self.west_e7) && outer.contains(self.north_e7, self.east_e7)
    }
}

/// The limits of a grant. One that is `None` does not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Caveats {
    /// The most entries in a minute.
    #[n(0)]
    pub rate_per_minute: Option<u32>,
    /// Where what is written or read was measured.
    #[n(1)]
    pub place: Option<Area>,
    /// What for. It is shown to people and to their lawyers; nobody is held to it.
    #[n(2)]
    pub purpose: Option<ShortText<PURPOSE_BYTES_MAX>>,
    /// The most logs.
    #[n(3)]
    pub logs_max: Option<u16>,
    /// The most bytes in a day.
    #[n(4)]
    pub bytes_per_day: Option<u64>,
    /// The most incarnations of one stream.
    #[n(5)]
    pub incarnations_max: Option<u16>,
}

impl Caveats {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether each of these limits is at least as narrow as the same one of `outer`. A purpose is passed on word for
    /// word: nobody can tell whether another one is narrower.
    pub fn are_within(&self, outer: &Self) -> bool {
        at_most(&self.rate_per_minute, &outer.rate_per_minute, |own, max| own <= max)
            && at_most(&self.place, &outer.place, Area::is_within)
            && at_most(&self.purpose, &outer.purpose, |own, max| own == max)
            && at_most(&self.logs_max, &outer.logs_max, |own, max| own <= max)
            && at_most(&self.bytes_per_day, &outer.bytes_per_day, |own, max| own <= max)
            && at_most(&self.incarnations_max, &outer.incarnations_max, |own, max| own <= max)
    }
}

fn at_most<T>(own: &Option<T>, outer: &Option<T>, is_within: impl Fn(&T, &T) -> bool) -> bool {
    match (own, outer) {
        (_, None) => true,
        (Some(own), Some(outer)) => is_within(own, outer),
        (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_lies_in_itself_and_in_no_smaller_one() {
        let outer = Area { south_e7: -10, west_e7: -10, north_e7: 10, east_e7: 10 };
        let inner = Area { south_e7: 0, ..outer };
        assert!(outer.is_within(&outer) && inner.is_within(&outer) && !outer.is_within(&inner));
        let inverted = Area { south_e7: 5, north_e7: -5, ..outer };
        assert!(!inverted.contains(0, 0));
    }

    #[test]
    fn a_limit_that_is_left_out_is_wider_than_any() {
        let limited = Caveats { logs_max: Some(3), ..Caveats::default() };
        assert!(limited.are_within(&Caveats::default()));
        assert!(!Caveats::default().are_within(&limited));
        assert!(Caveats::default().is_empty() && !limited.is_empty());
    }
}
