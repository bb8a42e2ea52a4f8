//! What apps are not shown, since no issuer was heard from for too long.

#![allow(clippy::disallowed_methods, reason = "a driver: it says how old what the node said is")]

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use msec_identity::{Class, CollectionPath};

use crate::node::{LeaseView, Node, Withheld};

/// A collection that is not shown, since this peer is not fresh enough for its class of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionWithheld {
    /// Which, with all that lies below it.
    pub collection: CollectionPath,
    /// Of which class it is.
    pub class: Class,
    /// How long ago an issuer was heard from. `None`: not since this peer was started.
    pub age: Option<Duration>,
    /// How long that may be.
    pub max_age: Duration,
}

impl fmt::Display for CollectionWithheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.collection.as_str() {
            "" => "everything".to_owned(),
            collection => format!("`{collection}`"),
        };
        write!(f, "{place} is withheld: it holds {} data, and ", self.class)?;
        let max = self.max_age.as_secs();
        match self.age {
            Some(age) => write!(
                f,
                "whoever issues grants was last heard from {} s ago, of at most {max} s",
                age.as_secs()
            )?,
            None => f.write_str("whoever issues grants was not heard from since this peer was started")?,
        }
        f.write_str(". It is stored, and shown once one answers: let this peer run, and look with `msec peers` whether it has a way there")
    }
}

impl std::error::Error for CollectionWithheld {}

/// What the node withholds, as the driver knows it. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Withholding(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    withheld: Withheld,
    leases: Vec<LeaseView>,
    /// When that was so.
    at: Option<Instant>,
}

impl Withholding {
    /// Looks at the node, if something is withheld that was not, or the other way round.
    pub(crate) fn look(&self, node: &Node) {
        let mut told = self.told();
        if told.withheld != *node.withheld() {
            *told =
                Told { withheld: node.withheld().clone(), leases: node.leases(), at: Some(Instant::now()) };
        }
    }

    /// All that is withheld now.
    pub(crate) fn all(&self) -> Vec<CollectionWithheld> {
        let told = self.told();
        let since = told.at.map_or(Duration::ZERO, |at| at.elapsed());
        let of = |view: &LeaseView| {
            let (class, max_age) = (view.class, view.lease.max_age);
            let age = view.age.map(|age| age.saturating_add(since));
            let one = |collection: &CollectionPath| CollectionWithheld {
                collection: collection.clone(),
                class,
                age,
                max_age,
            };
            view.withheld.iter().map(one).collect::<Vec<_>>()
        };
        told.leases.iter().rev().flat_map(of).collect()
    }

    /// What is left out of what is said of a collection and those below it; or why nothing is said of it.
    pub(crate) fn left_out(
        &self,
        collection: &CollectionPath,
    ) -> Result<Vec<CollectionPath>, CollectionWithheld> {
        let withheld = {
            let told = self.told();
            if told.withheld.is_empty() {
                return Ok(Vec::new());
            }
            told.withheld.clone()
        };
        let all = self.all();
        if withheld.covers(collection) {
            let around = all.iter().find(|it| it.collection.covers(collection)).or(all.first());
            if let Some(around) = around {
                return Err(around.clone());
            }
        }
        Ok(withheld.collections().into_iter().filter(|it| collection.covers(it)).collect())
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // It is replaced whole: nobody leaves half of it behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_names_the_class_the_age_and_what_to_do() {
        let mut it = CollectionWithheld {
            collection: "parks/doors".parse().expect("a path"),
            class: Class::Actuation,
            age: Some(Duration::from_secs(75)),
            max_age: Duration::from_secs(60),
        };
        let text = it.to_string();
        assert!(text.contains("`parks/doors` is withheld: it holds actuation data"), "{text}");
        assert!(text.contains("75 s ago, of at most 60 s") && text.contains("`msec peers`"), "{text}");
        (it.age, it.collection) = (None, CollectionPath::everything());
        assert!(
            it.to_string().starts_with("everything is withheld")
                && it.to_string().contains("since this peer was started")
        );
    }
}
