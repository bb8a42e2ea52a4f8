//! What the node withholds, as the loop that owns it tells those who answer apps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use msec_identity::CollectionPath;

use super::clock::Moment;
use crate::node::{LeaseView, Node, Withheld};
use crate::sdk::CollectionWithheld;

/// What the node withholds, as the driver knows it. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Withholding(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    withheld: Withheld,
    leases: Vec<LeaseView>,
    /// When that was so.
    at: Option<Moment>,
}

impl Withholding {
    /// Looks at the node, if something is withheld that was not, or the other way round.
    pub(crate) fn look(&self, node: &Node) {
        let mut told = self.told();
        if told.withheld != *node.withheld() {
            *told =
                Told { withheld: node.withheld().clone(), leases: node.leases(), at: Some(Moment::now()) };
        }
    }

    /// All that is withheld now.
    pub(crate) fn all(&self) -> Vec<CollectionWithheld> {
        let told = self.told();
        let since = told.at.map_or(Duration::ZERO, Moment::elapsed);
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
