//! Whether peers of one world remember each other's checks of signatures.

use std::sync::Arc;

use msec_identity::{Authority, SignatureChecks, SignatureMemory, Verifier};

use super::World;

impl World {
    /// Lets each peer that starts from now on compute all its checks of signatures, as on a machine of its own, or
    /// remember what others found. That changes what a run costs and nothing that happens in it. As made, a world
    /// remembers.
    pub fn remember_signatures(&mut self, remember: bool) {
        self.signatures = remember.then(Arc::default);
    }

    /// How many checks of signatures were remembered and computed. None are counted where nothing is remembered.
    pub fn signature_checks(&self) -> SignatureChecks {
        self.signatures.as_deref().map(SignatureMemory::checks).unwrap_or_default()
    }

    /// What a peer that starts knows of who may do what.
    pub(super) fn authority(&self) -> Authority {
        let verifier = self.signatures.clone().map_or_else(Verifier::strict, Verifier::remembering);
        Authority::new(self.space.manifest().clone()).with_verifier(verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::built_in;
    use crate::{City, Options, Scenario};

    /// A small city that publishes for five seconds.
    fn run(memory: bool) -> World {
        let set = ["city.peers=20", "publish_s=5"].map(|set| set.parse().expect("a value"));
        let town = built_in("town").expect("it is built in").text;
        let scenario = Scenario::parse_with(town, &set).expect("a scenario");
        let mut city = City::new(scenario, Options { memory, ..Options::seed(3) }).expect("a city");
        city.run_until(std::time::Duration::from_secs(10)).expect("it runs");
        city.world
    }

    #[test]
    fn what_is_remembered_changes_nothing_that_happens() {
        let (with, without) = (run(true), run(false));
        assert_eq!(with.digest(), without.digest());
        assert_eq!(without.signature_checks(), SignatureChecks::default());
        let checks = with.signature_checks();
        assert!(checks.remembered > checks.computed && checks.computed > 0, "{checks:?}");
    }
}
