//! Where something can stand.

use serde::{Deserialize, Serialize};

use super::Map;
use super::chance;
use super::district::DistrictKind;
use super::lots::Lot;
use super::point::{Point, along, encloses};
use super::streets::Segment;
use crate::seed::Dice;

/// Where something can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// A lamp post.
    Street,
    /// A house by the street.
    Block,
    /// In a park.
    Park,
    /// By the quays.
    Harbour,
    /// A lamp post in the centre.
    Centre,
    /// The yard of a depot: its number, round again past the last.
    Depot(usize),
    /// The place with that number, counted from 0 and round again past the last; the middle of the map if it has none.
    Fixed(usize),
}

/// From one lamp post to the next. Chosen: European streets have 25 to 40 m.
const LAMP_POSTS_M: f64 = 30.0;

/// From the edge of the street to the middle of a house. Chosen.
const SETBACK_M: (f64, f64) = (6.0, 22.0);

/// From a path into the park. Chosen.
const GREEN_M: (f64, f64) = (3.0, 60.0);

/// From the quay's road to what stands by it. Chosen.
const QUAY_M: (f64, f64) = (2.0, 20.0);

/// How far vehicles stand about in a yard. Chosen.
const YARD_M: f64 = 25.0;

/// How often a place is drawn again that lies in another district or in the water.
const TRIES: usize = 16;

impl Map {
    /// A place of that kind in that district, or anywhere. Where the district has none, on one of its streets.
    pub fn place(&self, site: &Site, district: Option<usize>, dice: &mut Dice) -> Point {
        let mut at = Point::default();
        for _ in 0..TRIES {
            at = self.try_place(*site, district, dice);
            let is_free = matches!(site, Site::Depot(_) | Site::Fixed(_));
            let in_district = district.is_none_or(|district| self.district_of(at) == district);
            if is_free || (in_district && !self.is_water(at)) {
                break;
            }
        }
        at
    }

    /// Whether there is water.
    pub fn is_water(&self, at: Point) -> bool {
        self.sketch.water.iter().any(|outline| encloses(outline, at))
    }

    fn try_place(&self, site: Site, district: Option<usize>, dice: &mut Dice) -> Point {
        let on = |kind, dice: &mut Dice| self.segment(kind, district, dice);
        match site {
            Site::Street => lamp_post(on(None, dice), dice),
            Site::Centre => lamp_post(on(Some(DistrictKind::Centre), dice), dice),
            Site::Block => beside(on(None, dice), SETBACK_M, dice),
            Site::Harbour => beside(on(Some(DistrictKind::Harbour), dice), QUAY_M, dice),
            Site::Park => {
                let path = on(Some(DistrictKind::Park), dice);
                let at = beside(path, GREEN_M, dice);
                if self.sketch.zones.kind_at(at) == DistrictKind::Park { at } else { lamp_post(path, dice) }
            }
            Site::Depot(n) => {
                let yard = n.checked_rem(self.depots.len()).map(|n| self.depots[n]);
                let within = |dice: &mut Dice| chance::between(-YARD_M, YARD_M, dice);
                yard.unwrap_or_else(|| self.middle()).moved(within(dice), within(dice))
            }
            Site::Fixed(n) => {
                let fixed = n.checked_rem(self.sketch.fixed.len()).map(|n| self.sketch.fixed[n].1);
                fixed.unwrap_or_else(|| self.middle())
            }
        }
    }

    /// A street in a zone of that kind, in that district; in the district at least; at least of that kind; or any.
    pub(crate) fn segment(
        &self,
        kind: Option<DistrictKind>,
        district: Option<usize>,
        dice: &mut Dice,
    ) -> &Segment {
        let mut wanted: Vec<Lot> = vec![(kind, district)];
        if district.is_some() {
            wanted.push((None, district));
        }
        wanted.extend([(kind, None), (None, None)]);
        &self.sketch.streets.segments()[self.lots.draw(&wanted, dice)]
    }
}

/// One of the lamp posts of a street, on one of its sides.
fn lamp_post(street: &Segment, dice: &mut Dice) -> Point {
    let posts = (street.length_m / LAMP_POSTS_M).floor().max(1.0);
    let nth = dice.below(posts as u64) as f64;
    off(street, (nth + 0.5) / posts, street.class.half_width_m(), dice)
}

/// Somewhere along a street, so far from its edge.
fn beside(street: &Segment, (near_m, far_m): (f64, f64), dice: &mut Dice) -> Point {
    let share = chance::share(dice);
    off(street, share, street.class.half_width_m() + chance::between(near_m, far_m, dice), dice)
}

fn off(street: &Segment, share: f64, away_m: f64, dice: &mut Dice) -> Point {
    let side = if dice.chance(0.5) { away_m } else { -away_m };
    let place = along(&street.line, share * street.length_m);
    place.map_or_else(Point::default, |(at, [a, b])| at.beside(a, b, side))
}
