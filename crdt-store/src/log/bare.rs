//! Entries without their bodies: which are taken, and which are brought whole although they are to be erased.
//!
//! The commitment of an entry stays when its body is erased, so that a run verifies with bodies and without. Whoever carries it
//! could leave them out. So an entry is taken without its body only where an erasure names it that the reader knows, and that counted
//! once ([`Authority::may_lack`]); and where one counts ([`Authority::erased`]), it is kept without, whatever is brought.

use std::cell::LazyCell;
use std::ops::Range;

use msec_identity::{Authority, CollectionPath};

use super::{Body, Entry, EntryKind, LogHeader};

/// What is to be erased of a log, as its reader knows it.
pub(super) struct Bare<'a> {
    /// In their order, and apart.
    erased: Vec<Range<u64>>,
    /// What may come without bodies. The same.
    may_lack: Vec<Range<u64>>,
    /// Claims may lack their bodies where anything was erased in the collection: they go with what they were made of, and nothing that is
    /// left says what that was. They are made again by whoever holds the entries.
    claims: (&'a Authority, &'a CollectionPath),
}

impl<'a> Bare<'a> {
    pub(super) fn of(header: &'a LogHeader, authority: &'a Authority) -> Self {
        let (log, author, collection) = (header.id(), header.author(), header.collection());
        let erased = authority.erased(&log, &author, collection);
        let may_lack = authority.may_lack(&log, &author, collection);
        Self { erased, may_lack, claims: (authority, collection) }
    }

    /// The position of the first of these entries, which begin at `from`, that lacks a body and should have one.
    pub(super) fn first_lacking(&self, from: u64, entries: &[Entry]) -> Option<u64> {
        let is_claim = |entry: &Entry| matches!(entry.kind, EntryKind::Claim | EntryKind::Countersignature);
        let claims = LazyCell::new(|| self.claims.0.may_lack_claims(self.claims.1));
        let lacks = |(entry, position): &(&Entry, u64)| {
            matches!(entry.body, Body::Erased { .. })
                && !covers(&self.may_lack, *position)
                && !(is_claim(entry) && *claims)
        };
        entries.iter().zip(from..).find(lacks).map(|(_, position)| position)
    }

    /// Takes their bodies from those of these entries that are to be erased.
    pub(super) fn strip(&self, from: u64, entries: &mut [Entry]) {
        if self.erased.is_empty() {
            return;
        }
        for (entry, position) in entries.iter_mut().zip(from..) {
            if position > 0 && matches!(entry.body, Body::Kept { .. }) && covers(&self.erased, position) {
                entry.erase();
            }
        }
    }
}

fn covers(ranges: &[Range<u64>], position: u64) -> bool {
    let after = ranges.partition_point(|range| range.end <= position);
    ranges.get(after).is_some_and(|range| range.start <= position)
}
