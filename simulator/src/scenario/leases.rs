//! Which classes of data there are in a city, and how fresh peers have to be for them.

use msec_identity::Class;
use msec_peer::node::{ClassLease, Leases};
use serde::{Deserialize, Serialize};

use super::{PopulationSpec, Wrong, units};
use crate::revocation::Issuer;

/// The most collections that a scenario classifies.
const CLASSIFY_MAX: usize = 64;

/// What the root says of collections, and what every peer keeps to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaseSpec {
    /// What the root says: `{ collection = "doors", class = "actuation" }`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classify: Vec<ClassifySpec>,
    /// How fresh peers have to be, as `msec run --lease` has it: `"actuation=60s"`. Default: as of [`Leases`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<String>,
}

/// What the root says of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifySpec {
    /// As in `publishes`: that of each district.
    pub collection: String,
    /// `public`, `personal` or `actuation`.
    pub class: String,
    /// When, in seconds. Default: at the beginning.
    #[serde(default)]
    pub at_s: f64,
}

impl LeaseSpec {
    /// What every peer keeps to. What cannot be read is passed over: [`Self::check`] refuses it.
    pub(crate) fn leases(&self) -> Leases {
        let mut leases = Leases::default();
        self.policy.iter().filter_map(|text| text.parse::<ClassLease>().ok()).for_each(|it| leases.set(it));
        leases
    }

    pub(super) fn check(&self, populations: &[PopulationSpec]) -> Result<(), Wrong> {
        if self.classify.len() > CLASSIFY_MAX {
            return Err(Wrong::at(
                "leases.classify",
                format!("at most {CLASSIFY_MAX} collections are classified"),
            ));
        }
        for (n, text) in self.policy.iter().enumerate() {
            let lease = text.parse::<ClassLease>();
            lease.map_err(|error| Wrong::at(format!("leases.policy.{n}"), error.to_string()))?;
        }
        let is_rooted = populations.iter().any(|it| it.issues == Some(Issuer::Root));
        for (n, it) in self.classify.iter().enumerate() {
            let path = |field: &str| format!("leases.classify.{n}.{field}");
            if !is_rooted {
                let reason = "nobody can say so: give a population `issues = \"root\"`";
                return Err(Wrong::at(format!("leases.classify.{n}"), reason));
            }
            it.class.parse::<Class>().map_err(|error| Wrong::at(path("class"), error.to_string()))?;
            if !(0.0..=units::SECONDS_MAX).contains(&it.at_s) {
                return Err(Wrong::at(path("at_s"), "give it seconds from 0 on"));
            }
            let written = |population: &PopulationSpec| {
                population.publishes.as_ref().is_some_and(|publishes| publishes.collection == it.collection)
            };
            if !populations.iter().any(written) {
                return Err(Wrong::at(
                    path("collection"),
                    "nobody publishes in it: name one as in `publishes`",
                ));
            }
        }
        Ok(())
    }
}
