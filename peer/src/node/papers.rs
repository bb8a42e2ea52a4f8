//! By what right this peer speaks, as it shows that to others; and what of that which others show is looked at.
//!
//! A grant is shown with all links above it, the first one first, and with the approvals of roots that are known. Whoever
//! reads them in that order knows at each what it hangs on.

use std::collections::BTreeSet;

use msec_crdt_store::HEADER_GRANTS_MAX;
use msec_identity::handshake::RECORDS_SHOWN_MAX;
use msec_identity::{
    Approval, CHAIN_LINKS_MAX, CollectionPath, ControlRecord, ControlStream, Grant, GrantId, Holder, Linked,
    LogId, Right, Unverified, Verified,
};

use super::receipts::holds;
use super::{Node, StreamName};

impl Node {
    /// The grants by which it may do something, valid now or not.
    pub fn grants(&self) -> impl Iterator<Item = &Verified<Grant>> {
        self.authority.grants_of(&self.identity.peer())
    }

    /// A grant with those above it, the first one first.
    pub fn chain_of<'a>(&'a self, grant: &'a Verified<Grant>) -> Vec<&'a Verified<Grant>> {
        let mut chain = vec![grant];
        let mut above = grant.parent;
        while let Some(parent) = above.and_then(|id| self.authority.grant(&id))
            && chain.len() < CHAIN_LINKS_MAX
        {
            chain.push(parent);
            above = parent.parent;
        }
        chain.reverse();
        chain
    }

    /// What the header of a log of its own shows: as many grants that let it write there `fits`, with those above them, as there is
    /// room for.
    pub(super) fn shown_in_header(
        &self,
        name: &StreamName,
        fits: impl Fn(&Grant) -> bool,
    ) -> Vec<Verified<Grant>> {
        let stream = if name.collection.is_control() {
            match name.stream.parse() {
                Ok(ControlStream::Root) | Err(_) => return Vec::new(),
                Ok(stream) => Some(stream),
            }
        } else {
            None
        };
        let gives = |grant: &&Verified<Grant>| match stream {
            Some(stream) => stream.under().is_none_or(|under| grant.id() == under),
            None if name.collection == CollectionPath::receipts() => holds(grant.rights),
            None => grant.rights.contains(Right::Write) && grant.resource.covers(&name.collection),
        };
        let (mut shown, mut seen) = (Vec::new(), BTreeSet::new());
        for grant in self.grants().filter(gives).filter(|grant| fits(grant)) {
            let more: Vec<_> =
                self.chain_of(grant).into_iter().filter(|link| !seen.contains(&link.id())).collect();
            if shown.len() + more.len() <= HEADER_GRANTS_MAX {
                seen.extend(more.iter().map(|link| link.id()));
                shown.extend(more.into_iter().cloned());
            }
        }
        shown
    }

    /// What it shows in a handshake: as many of its grants as the other side will read, of those that are valid now those that
    /// will be for longest.
    pub(super) fn records_shown(&self) -> Vec<ControlRecord> {
        let now = self.wall();
        let mut grants: Vec<_> = self.grants().filter(|grant| grant.is_valid(now)).collect();
        grants.sort_by_key(|grant| (std::cmp::Reverse(grant.not_after), grant.id()));
        let (mut shown, mut seen) = (Vec::new(), BTreeSet::new());
        for grant in grants {
            let mut more = Vec::new();
            for link in self.chain_of(grant) {
                if seen.contains(&link.id()) {
                    continue;
                }
                more.extend(self.linked_to(link).cloned().map(ControlRecord::from));
                more.push(ControlRecord::from(link.clone()));
                more.extend(self.approvals_of(&link.id()).cloned().map(ControlRecord::from));
            }
            if shown.len() + more.len() <= RECORDS_SHOWN_MAX {
                seen.extend(more.iter().filter_map(grant_of).map(Grant::id));
                shown.extend(more);
            }
        }
        shown
    }

    /// Who the roots of the space are that holds a grant.
    fn linked_to(&self, grant: &Grant) -> impl Iterator<Item = &Unverified<Linked>> {
        let holder = grant.holder;
        let linked = self.papers.iter().filter_map(|record| match record {
            ControlRecord::Linked(linked) => Some(linked),
            _ => None,
        });
        linked.filter(move |linked| is_of(linked, &holder))
    }

    /// The log of the device whose place this peer takes, for a stream that it begins: what its invitation says.
    pub(super) fn replaced_log(&self, name: &StreamName) -> Option<LogId> {
        let me = self.peer();
        let mut replacements = self.papers.iter().filter_map(|record| match record {
            ControlRecord::Replacement(it) if it.claims().new == me && record.is_signed() => {
                Some(it.claims())
            }
            _ => None,
        });
        replacements.find_map(|it| it.streams.log_of(&name.collection, &name.stream))
    }

    fn approvals_of(&self, grant: &GrantId) -> impl Iterator<Item = &Unverified<Approval>> {
        let of = grant.0;
        let approvals = self.papers.iter().filter_map(|record| match record {
            ControlRecord::Approval(approval) => Some(approval),
            _ => None,
        });
        approvals.filter(move |approval| approval.claims().of == of)
    }
}

/// Whether it says who the roots of that holder are.
fn is_of(linked: &Unverified<Linked>, holder: &Holder) -> bool {
    let space = linked.claims().manifest().map(|manifest| manifest.space());
    matches!(holder, Holder::Space(holder) if space.is_ok_and(|space| space == *holder))
}

fn grant_of(record: &ControlRecord) -> Option<&Grant> {
    match record {
        ControlRecord::Grant(grant) => Some(grant.claims()),
        _ => None,
    }
}
