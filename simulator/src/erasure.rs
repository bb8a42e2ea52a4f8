//! Bodies that are to be gone: who orders that, and the truth about it that checkers hold the disks against.
//!
//! An order is an entry that the issuer's own node publishes in a control log; nothing else tells anybody.

use msec_identity::{LogId, Stretch};
use msec_peer::node::Receipt;
use serde::{Deserialize, Serialize};

use crate::fault::Who;
use crate::peer::PeerIndex;

/// Half of what some peers wrote is erased: `{ at_s = 20, who = { population = "sensors", count = 1 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// When, in seconds.
    pub at_s: f64,
    /// Whose.
    pub who: Who,
    /// Who orders it: one peer on which the root's key lies, or that manages. Default: who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureOrder {
    /// Who signs it.
    pub by: PeerIndex,
    /// Whose logs it is about.
    pub author: PeerIndex,
    /// What it names, once it is signed.
    pub stretches: Vec<Stretch>,
    /// Where it stands, once it is acknowledged.
    pub place: Option<Receipt>,
}

/// All that was ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureOrders(pub(crate) Vec<ErasureOrder>);

impl ErasureOrders {
    /// Whether nothing was.
    pub fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// The orders.
    pub fn iter(&self) -> impl Iterator<Item = &ErasureOrder> {
        self.0.iter()
    }

    /// Whether an order that was signed names that entry: nobody has to show it any more.
    pub fn names(&self, log: &LogId, position: u64) -> bool {
        let is_in = |it: &Stretch| it.log == *log && (it.first..it.end).contains(&position);
        self.0.iter().any(|order| order.stretches.iter().any(is_in))
    }
}
