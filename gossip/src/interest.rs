//! What a peer wants to hold: collections, places, and how far back.
//!
//! An interest is all three at once: path prefixes, and an area, and an hour. A [`Topic`] says what they are compared with:
//! its path; the place of the stream, if it has one; and the hour in which something was last said there, if that is
//! known. Reconciliation compares what two peers hold of what both want, so that both have to agree about what that is:
//!
//! - **Places.** What has no place is everywhere: documents, control entries, streams whose sensor moves or didn't say where
//!   it is. So nobody misses what lies nowhere. A place is one spot and never an area: were it one, then two peers could
//!   both want something of which nothing lies where both look, and the intersection of their interests would not have it.
//!   The node takes the place from the first entry of a log, which never changes, so all honest peers agree. An author that
//!   signs two first entries with two places makes a conflict of it as it is.
//! - **Since.** An hour is the same for all who hold the same version, and for those who don't, it is one more thing in
//!   which the versions differ. Whoever is behind may hold what is too old to be wanted, while the other's is not: then the
//!   one compares nothing and the other something, they differ, and the news is told as always. The two compare equal only
//!   if they hold the same versions of all that matters. What begins to matter does so by a change, which has a number
//!   of its own, so that cursors stay true. What has no hour is of all times: so no document is without its first changes,
//!   and no clock that was never set hides a sensor.
//!
//! What it costs: each distinct interest that a peer shares with a neighbour needs a hash tree, and only some are kept (see
//! `frontier`); a further one costs a walk over what is held. That is why hours are whole, and why what a leaf tells is
//! coarse ([`Interest::told`]): neighbours that live in one cell want the same.
//!
//! An interest decides which keys are held, not how much of each: what was said last year in a log that is written today
//! comes with it.

use msec_identity::UnixMillis;

use crate::area::Area;
use crate::error::{InterestError, TopicError};
use crate::hour::Hour;
use crate::item::Topic;
use crate::place::{LEVEL_MAX, Rectangle, Spot};

/// The most prefixes that [`Interest::of`] and [`Interest::from_parts`] accept; more are refused.
pub const INTEREST_PREFIXES_MAX: usize = 64;

/// A set of path prefixes, an area, and since when. `parks/` covers `parks/` and `parks/noise/`, and not `parkside/`; the
/// empty prefix covers everything.
///
/// No prefix in it lies within another, nor does a cell of its area, so that equal interests are equal values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest {
    prefixes: Vec<Prefix>,
    area: Area,
    since: Option<Hour>,
    /// What may be held at all, to the spot; `None`: everywhere.
    fence: Option<Rectangle>,
    /// What it does not cover all the same. Each lies under one of the prefixes, and none within another.
    except: Vec<Topic>,
}

/// `None` is the empty prefix. It sorts first, as a prefix of all others should.
type Prefix = Option<Topic>;

impl Interest {
    /// Everything.
    pub fn all() -> Self {
        Self::anywhere(vec![None])
    }

    /// Nothing: the interest of a leaf that only uploads.
    pub fn none() -> Self {
        Self::anywhere(Vec::new())
    }

    /// What lies under any of `prefixes`, each spelled as a [`Topic`] is; `""` is everything.
    pub fn of<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Result<Self, InterestError> {
        parse(&mut prefixes.into_iter(), Topic::new, false).map(Self::anywhere)
    }

    /// Of that, what is within `radius_m` of a place, in degrees north and east, and what has no place. Cells that are a
    /// fraction of the radius cover the circle, and some of what is around it. Called again, or after
    /// [`Interest::within`]: there too.
    pub fn near(self, latitude: f64, longitude: f64, radius_m: f64) -> Result<Self, InterestError> {
        // What is further away than half around the Earth is not there.
        let is_radius = (0.0..=21e6).contains(&radius_m);
        let place = (e7(latitude), e7(longitude));
        let around = is_radius.then(|| Rectangle::around(place, radius_m.ceil() as u32)).flatten();
        Ok(self.there_too(&around.ok_or(InterestError::Area)?))
    }

    /// Of that, what is between two corners, each in degrees north and east, and what has no place. A western corner that
    /// is further east than the eastern one: around the back of the Earth. Called again, or after [`Interest::near`]: there
    /// too.
    pub fn within(self, south_west: (f64, f64), north_east: (f64, f64)) -> Result<Self, InterestError> {
        let corner = |(latitude, longitude)| (e7(latitude), e7(longitude));
        let between = Rectangle::between(corner(south_west), corner(north_east));
        Ok(self.there_too(&between.ok_or(InterestError::Area)?))
    }

    /// Of that, what is in a spot of the box between two corners, each a latitude and a longitude in units of 1e-7 degrees, and what
    /// has no place: a right that ends there, and not what somebody wants, so that it is exact, and told to nobody. Called again: in
    /// both boxes. A box whose edges are the wrong way round, or off the Earth, has no spots.
    #[must_use]
    pub fn fenced(mut self, (south, west): (i32, i32), (north, east): (i32, i32)) -> Self {
        let corner = |latitude: i32, longitude: i32| (i64::from(latitude), i64::from(longitude));
        let boxes = Rectangle::between(corner(south, west), corner(north, east)).unwrap_or_default();
        let fence = match boxes[..] {
            [fence] => fence,
            _ => Rectangle::NOWHERE,
        };
        self.fence = Some(self.fence.map_or(fence, |before| before.meet(&fence)));
        self.whole()
    }

    /// Of that, where something was said in the hour of that time or later, and what has no hour.
    #[must_use]
    pub fn since(mut self, time: UnixMillis) -> Self {
        self.since = Hour::of(time);
        self.whole()
    }

    /// What a leaf tells of it, and therefore wants: places no finer than [`crate::LEVEL_TOLD`], so that not every
    /// gateway is told where a phone is. Of each part of the area that hangs together it depends only on which of these
    /// cells its middle lies in, and how many it is long and wide. Of what was told already, more would be.
    #[must_use]
    pub fn told(&self) -> Self {
        Self { area: self.area.told(), ..self.clone() }
    }

    /// With what lies under one more path. Where it has no place and no hour, it is wanted wherever and whenever the others are.
    #[must_use]
    pub fn with(mut self, path: &Topic) -> Self {
        add(&mut self.prefixes, Some(path.clone()));
        self
    }

    /// Without what lies under these paths: what a neighbour is not given for now. Nobody is told of it, and two neighbours may
    /// have different ones: then they compare different things, and do so again until they have the same.
    #[must_use]
    pub fn without<'a>(mut self, paths: impl IntoIterator<Item = &'a Topic>) -> Self {
        self.except.extend(paths.into_iter().map(|path| path.clone().anywhere()));
        self.whole()
    }

    /// Whether `topic` lies under one of the prefixes, is in the area, and is not too old.
    pub fn covers(&self, topic: &Topic) -> bool {
        self.reaches(topic.as_str())
            && !self.excepts(topic.as_str())
            && topic.spot().is_none_or(|spot| self.area.holds(spot) && self.is_inside(spot))
            && topic.hour().is_none_or(|hour| self.since.is_none_or(|since| since <= hour))
    }

    /// Whether whoever is given this may hold what lies there, wherever else it looks and since when.
    pub(crate) fn may_hold(&self, topic: &Topic) -> bool {
        self.reaches(topic.as_str())
            && !self.excepts(topic.as_str())
            && topic.spot().is_none_or(|spot| self.is_inside(spot))
    }

    /// Whether it covers all that `other` does.
    pub fn contains(&self, other: &Self) -> bool {
        other.prefixes.iter().all(|inner| self.reaches(text(inner)))
            && (other.is_empty()
                || (self.area.contains(&other.area)
                    && self.since <= other.since
                    && self
                        .fence
                        .is_none_or(|outer| other.fence.is_some_and(|inner| outer.contains(&inner)))))
            && self.except.iter().all(|path| !other.has_some_of(path.as_str()))
    }

    /// What both cover. Each of its prefixes is one of `self`'s or `other`'s, so it has at most as many as both have.
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        for (inner, outer) in [(self, other), (other, self)] {
            let inside = inner.prefixes.iter().filter(|prefix| outer.reaches(text(prefix)));
            inside.for_each(|prefix| add(&mut both, prefix.clone()));
        }
        let (area, since) = (self.area.intersect(&other.area), self.since.max(other.since));
        let fence = match (self.fence, other.fence) {
            (Some(one), Some(other)) => Some(one.meet(&other)),
            (one, other) => one.or(other),
        };
        let except = self.except.iter().chain(&other.except).cloned().collect();
        Self { prefixes: both, area, since, fence, except }.whole()
    }

    /// Whether it covers nothing.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The prefixes, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.prefixes.iter().map(text)
    }

    /// The numbers of the cells of its area, in order. `None`: everywhere.
    pub fn cells(&self) -> Option<Vec<u64>> {
        (!self.area.is_everywhere()).then(|| self.area.numbers())
    }

    /// Since when. `None`: since ever.
    pub fn since_hour(&self) -> Option<Hour> {
        self.since
    }

    /// What [`Interest::prefixes`], [`Interest::cells`] and [`Interest::since_hour`] told, in the one spelling in which they
    /// do.
    pub fn from_parts<'a>(
        prefixes: impl IntoIterator<Item = &'a str>,
        cells: Option<&[u64]>,
        since: Option<Hour>,
    ) -> Result<Self, InterestError> {
        let prefixes = parse(&mut prefixes.into_iter(), Topic::from_canonical, true)?;
        let area = match cells {
            None => Some(Area::everywhere()),
            Some(cells) => Area::of_numbers(cells).filter(|area| !area.is_everywhere()),
        };
        let area = area.ok_or(InterestError::NotCanonical)?;
        let interest = Self { prefixes, area, since, fence: None, except: Vec::new() };
        // Nothing is nowhere in particular.
        let is_whole = !interest.is_empty() || (cells.is_none() && since.is_none());
        if is_whole { Ok(interest) } else { Err(InterestError::NotCanonical) }
    }

    /// Whether it covers what lies under `path`, if that is where and when it wants it.
    pub(crate) fn reaches(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| starts_with(path, prefix))
    }

    /// Whether it covers all that lies under `path`.
    pub(crate) fn holds_all_of(&self, path: &str) -> bool {
        self.reaches(path)
            && self.area.is_everywhere()
            && self.since.is_none()
            && self.fence.is_none()
            && !self.excepts(path)
            && !self.except.iter().any(|except| except.as_str().starts_with(path))
    }

    /// Whether something is left out of it: [`Interest::without`].
    pub(crate) fn has_exceptions(&self) -> bool {
        !self.except.is_empty()
    }

    /// Whether that is one of the exceptions, or lies in one.
    fn excepts(&self, path: &str) -> bool {
        // None lies within another, so that the last one before it is the only one that may be around it.
        let before = self.except.partition_point(|except| except.as_str() <= path);
        before.checked_sub(1).is_some_and(|at| path.starts_with(self.except[at].as_str()))
    }

    /// Whether it may cover something of what lies under `path`.
    fn has_some_of(&self, path: &str) -> bool {
        let is_near = |prefix| self.reaches(path) || text(prefix).starts_with(path);
        self.prefixes.iter().any(is_near) && !self.excepts(path)
    }

    fn is_inside(&self, spot: Spot) -> bool {
        self.fence.is_none_or(|fence| fence.holds(spot))
    }

    fn anywhere(prefixes: Vec<Prefix>) -> Self {
        Self { prefixes, area: Area::everywhere(), since: None, fence: None, except: Vec::new() }
    }

    /// There, and where it was before, if it was anywhere in particular.
    fn there_too(mut self, rectangles: &[Rectangle]) -> Self {
        let there = Area::of(rectangles, LEVEL_MAX);
        self.area = if self.area.is_everywhere() { there } else { self.area.unite(&there) };
        self.whole()
    }

    /// Nothing is nothing, wherever it is.
    fn whole(mut self) -> Self {
        if !self.except.is_empty() {
            let mut except = std::mem::take(&mut self.except);
            except.sort_unstable();
            // A path sorts before all that lie within it.
            except.dedup_by(|later, first| later.as_str().starts_with(first.as_str()));
            self.prefixes.retain(|prefix| !except.iter().any(|it| text(prefix).starts_with(it.as_str())));
            except.retain(|it| self.reaches(it.as_str()));
            self.except = except;
        }
        if self.is_empty() { Self::none() } else { self }
    }
}

/// At most [`INTEREST_PREFIXES_MAX`] prefixes; `in_order`: they have to be in order, and none within another.
fn parse<'a>(
    prefixes: &mut dyn Iterator<Item = &'a str>,
    topic: fn(&str) -> Result<Topic, TopicError>,
    in_order: bool,
) -> Result<Vec<Prefix>, InterestError> {
    let mut parsed = Vec::new();
    for (before, text) in prefixes.enumerate() {
        if before == INTEREST_PREFIXES_MAX {
            return Err(InterestError::TooMany { max: INTEREST_PREFIXES_MAX });
        }
        let prefix = if text.is_empty() { None } else { Some(topic(text)?) };
        let is_last = parsed.last() < Some(&prefix);
        add(&mut parsed, prefix);
        if in_order && !(is_last && parsed.len() == before + 1) {
            return Err(InterestError::NotCanonical);
        }
    }
    Ok(parsed)
}

/// In order, and without what lies within another prefix. They are few: a sort would be more code.
fn add(prefixes: &mut Vec<Prefix>, prefix: Prefix) {
    if !prefixes.iter().any(|outer| starts_with(text(&prefix), outer)) {
        prefixes.retain(|inner| !starts_with(text(inner), &prefix));
        prefixes.insert(prefixes.partition_point(|before| *before < prefix), prefix);
    }
}

/// In units of 1e-7 degrees. What is no number is nowhere on Earth.
fn e7(degrees: f64) -> i64 {
    if degrees.is_nan() { i64::MAX } else { (degrees * 1e7).round() as i64 }
}

fn text(prefix: &Prefix) -> &str {
    prefix.as_ref().map_or("", Topic::as_str)
}

/// Prefixes end with a slash, so that comparing bytes compares whole segments.
fn starts_with(path: &str, prefix: &Prefix) -> bool {
    path.starts_with(text(prefix))
}

#[cfg(test)]
mod tests;
