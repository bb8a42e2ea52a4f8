//! What another record changed.

use std::collections::BTreeSet;

use super::bounds::{CHANGED_ERASED_MAX, CHANGED_GRANTS_MAX};
use crate::access::Holder;
use crate::id::{GrantId, LogId};

/// Whose links and logs are to be looked at again, after [`super::Authority::learn`] or [`super::Authority::enter`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Change {
    /// The grants whose standing or cuts changed, with their holders, in order.
    pub grants: BTreeSet<(Holder, GrantId)>,
    /// The logs that an erasure names which is new, or for which others stand than before, in order.
    pub erased: BTreeSet<LogId>,
    /// All of them: other roots speak for a space, or more than [`CHANGED_GRANTS_MAX`] grants changed, or [`CHANGED_ERASED_MAX`] logs.
    pub everything: bool,
    /// What was said of classes of data.
    pub classes: bool,
    /// Epochs or sealing keys came. Which collections are sealed also depends on grants.
    pub sealed: bool,
}

impl Change {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.erased.is_empty() && !self.everything && !self.classes && !self.sealed
    }

    /// All that either of two changes is about.
    pub fn join(&mut self, other: Self) {
        self.classes |= other.classes;
        self.sealed |= other.sealed;
        if other.everything {
            self.all();
        }
        other.erased.into_iter().for_each(|log| self.add_erased(log));
        other.grants.into_iter().for_each(|(holder, grant)| self.add(holder, grant));
    }

    pub(super) fn add(&mut self, holder: Holder, grant: GrantId) {
        if self.everything {
            return;
        }
        self.grants.insert((holder, grant));
        if self.grants.len() > CHANGED_GRANTS_MAX {
            self.all();
        }
    }

    pub(super) fn add_erased(&mut self, log: LogId) {
        if self.everything {
            return;
        }
        self.erased.insert(log);
        if self.erased.len() > CHANGED_ERASED_MAX {
            self.all();
        }
    }

    pub(super) fn all(&mut self) {
        self.everything = true;
        self.erased.clear();
        self.grants.clear();
    }
}
