//! What apps are not shown, since no issuer was heard from for too long.

#![allow(clippy::disallowed_methods, reason = "a driver: it says how old what the node said is")]

use std::fmt;
use std::time::Duration;

use msec_identity::{Class, CollectionPath};

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
