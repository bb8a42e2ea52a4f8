//! Which roots agree with what.

use super::index::{Index, slot};
use crate::access::Approval;
use crate::id::PeerId;

#[derive(Debug, Clone, Default)]
pub(super) struct Approvals {
    all: Vec<(PeerId, [u8; 32])>,
    /// By what they approve.
    index: Index,
}

impl Approvals {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Who approves a record, and where that stands in the table.
    pub(super) fn of(&self, record: &[u8; 32]) -> impl Iterator<Item = (u32, &PeerId)> {
        let candidates = self.index.candidates(record).map(|at| (at, &self.all[at as usize]));
        let of = *record;
        candidates.filter(move |(_, known)| known.1 == of).map(|(at, known)| (at, &known.0))
    }

    /// What is approved.
    pub(super) fn what(&self, at: u32) -> &[u8; 32] {
        &self.all[at as usize].1
    }

    pub(super) fn find(&self, approval: &Approval) -> Option<u32> {
        self.of(&approval.of).find(|(_, approver)| **approver == approval.approver).map(|(at, _)| at)
    }

    pub(super) fn insert(&mut self, approval: &Approval) -> u32 {
        let at = slot(self.all.len());
        self.all.push((approval.approver, approval.of));
        self.index.insert(&approval.of, at);
        at
    }
}
