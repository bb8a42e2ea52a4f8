//! What a peer wants to hold: a set of path prefixes.

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use crate::bounded;
use crate::error::{InterestError, TopicError};
use crate::item::Topic;

/// The most prefixes that [`Interest::of`] and the decoder accept; more are refused.
pub const INTEREST_PREFIXES_MAX: usize = 64;

/// A set of path prefixes. `parks/` covers `parks/` and `parks/noise/`, and not `parkside/`; the empty prefix covers
/// everything.
///
/// No prefix in it lies within another, so that equal interests are equal values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest(Vec<Prefix>);

/// `None` is the empty prefix. It sorts first, as a prefix of all others should.
type Prefix = Option<Topic>;

impl Interest {
    /// Everything.
    pub fn all() -> Self {
        Self(vec![None])
    }

    /// Nothing: the interest of a leaf that only uploads.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// What lies under any of `prefixes`, each spelled as a [`Topic`] is; `""` is everything.
    pub fn of<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Result<Self, InterestError> {
        let mut parsed = Vec::new();
        for text in prefixes {
            if parsed.len() == INTEREST_PREFIXES_MAX {
                return Err(InterestError::TooMany { max: INTEREST_PREFIXES_MAX });
            }
            parsed.push(if text.is_empty() { None } else { Some(Topic::new(text)?) });
        }
        Ok(Self::minimal(parsed))
    }

    /// Whether `topic` lies under one of the prefixes.
    pub fn covers(&self, topic: &Topic) -> bool {
        self.0.iter().any(|prefix| starts_with(topic.as_str(), prefix))
    }

    /// Whether it covers all that `other` does.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|inner| self.0.iter().any(|outer| starts_with(text(inner), outer)))
    }

    /// What both cover. Each of its prefixes is one of `self`'s or `other`'s, so it has at most as many as both have.
    pub fn intersect(&self, other: &Self) -> Self {
        let inside = |inner: &Self, outer: &Self| -> Vec<Prefix> {
            let held = |prefix: &&Prefix| outer.0.iter().any(|outer| starts_with(text(prefix), outer));
            inner.0.iter().filter(held).cloned().collect()
        };
        let mut both = inside(self, other);
        both.extend(inside(other, self));
        Self::minimal(both)
    }

    /// Whether it covers nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The prefixes, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(text)
    }

    /// Drops what lies within another prefix. Once sorted, all that lies within a prefix directly follows it.
    fn minimal(mut prefixes: Vec<Prefix>) -> Self {
        prefixes.sort();
        let mut kept: Vec<Prefix> = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            if !kept.last().is_some_and(|last| starts_with(text(&prefix), last)) {
                kept.push(prefix);
            }
        }
        Self(kept)
    }
}

impl Serialize for Interest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.prefixes())
    }
}

impl<'de> Deserialize<'de> for Interest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// One prefix, in its one spelling.
        #[derive(PartialEq)]
        struct Canonical(Prefix);
        impl<'de> Deserialize<'de> for Canonical {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = Canonical;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a prefix")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<Canonical, E> {
                        match Topic::from_canonical(text) {
                            Ok(topic) => Ok(Canonical(Some(topic))),
                            Err(TopicError::Empty) if text.is_empty() => Ok(Canonical(None)),
                            Err(error) => Err(E::custom(error)),
                        }
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
        let prefixes: Vec<Canonical> = bounded::seq::<_, _, INTEREST_PREFIXES_MAX>(deserializer)?;
        let given: Vec<Prefix> = prefixes.into_iter().map(|prefix| prefix.0).collect();
        let interest = Self::minimal(given.clone());
        if interest.0 == given { Ok(interest) } else { Err(de::Error::custom(InterestError::NotCanonical)) }
    }
}

fn text(prefix: &Prefix) -> &str {
    prefix.as_ref().map_or("", Topic::as_str)
}

/// Prefixes end with a slash, so that comparing bytes compares whole segments.
fn starts_with(path: &str, prefix: &Prefix) -> bool {
    path.starts_with(text(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interest(prefixes: &[&str]) -> Interest {
        Interest::of(prefixes.iter().copied()).unwrap()
    }

    fn topic(path: &str) -> Topic {
        Topic::new(path).unwrap()
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
    }

    #[test]
    fn is_bounded() {
        let names: Vec<String> = (0..=INTEREST_PREFIXES_MAX).map(|n| format!("p{n}")).collect();
        let of = |count: usize| Interest::of(names.iter().take(count).map(String::as_str));
        assert!(of(INTEREST_PREFIXES_MAX).is_ok());
        assert_eq!(of(INTEREST_PREFIXES_MAX + 1), Err(InterestError::TooMany { max: 64 }));
    }

    #[test]
    fn travels_in_one_spelling() {
        let some = interest(&["b", "a/x"]);
        let bytes = postcard::to_allocvec(&some).unwrap();
        assert_eq!(postcard::from_bytes::<Interest>(&bytes).unwrap(), some);
        for bad in [vec!["b/", "a/"], vec!["a/", "a/b/"], vec!["a"], vec!["/"]] {
            let bytes = postcard::to_allocvec(&bad).unwrap();
            assert!(postcard::from_bytes::<Interest>(&bytes).is_err(), "{bad:?}");
        }
    }

    fn any_interest() -> impl Strategy<Value = Interest> {
        let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 0..4);
        prop::collection::vec(path, 0..5).prop_map(|paths| {
            Interest::of(paths.iter().map(|p| p.join("/")).collect::<Vec<_>>().iter().map(|s| &**s)).unwrap()
        })
    }

    proptest! {
        #[test]
        fn an_intersection_covers_what_both_cover(
            a in any_interest(), b in any_interest(),
            path in prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 1..5),
        ) {
            let topic = topic(&path.join("/"));
            let both = a.intersect(&b);
            prop_assert_eq!(both.covers(&topic), a.covers(&topic) && b.covers(&topic));
            prop_assert_eq!(a.contains(&b), both == b);
            prop_assert_eq!(both, b.intersect(&a));
            prop_assert_eq!(a.intersect(&a), a);
        }
    }
}
