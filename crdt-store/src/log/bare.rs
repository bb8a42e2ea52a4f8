//! Entries without their bodies: which are taken, and which are brought whole although they are to be erased.
//!
//! The commitment of an entry stays when its body is erased, so that a run verifies with bodies and without. Whoever carries it
//! could leave them out. So an entry is taken without its body only where an erasure names it that the reader knows, and that counted
//! once ([`Authority::may_lack`]); and where one counts ([`Authority::erased`]), it is kept without, whatever is brought.

use std::cell::LazyCell;
use std::ops::Range;

use msec_identity::Authority;

use super::{Body, Entry, EntryKind, LogHeader};
use crate::rollup::RollUpClaim;

/// What is to be erased of a log, as its reader knows it.
pub(super) struct Bare<'a> {
    header: &'a LogHeader,
    authority: &'a Authority,
    /// In their order, and apart.
    erased: Vec<Range<u64>>,
    /// What may come without bodies. The same.
    may_lack: Vec<Range<u64>>,
}

impl<'a> Bare<'a> {
    pub(super) fn of(header: &'a LogHeader, authority: &'a Authority) -> Self {
        let (log, author, collection) = (header.id(), header.author(), header.collection());
        let erased = authority.erased(&log, &author, collection);
        let may_lack = authority.may_lack(&log, &author, collection);
        Self { header, authority, erased, may_lack }
    }

    /// The position of the first of these entries, which begin at `from`, that lacks a body and should have one.
    pub(super) fn first_lacking(&self, from: u64, entries: &[Entry]) -> Option<u64> {
        let is_claim = |entry: &Entry| matches!(entry.kind, EntryKind::Claim | EntryKind::Countersignature);
        // They go with what they were made of, and nothing that is left says what that was. They are made again by whoever holds the
        // entries.
        let claims = LazyCell::new(|| self.authority.may_lack_claims(self.header.collection()));
        let lacks = |(entry, position): &(&Entry, u64)| {
            matches!(entry.body, Body::Erased { .. })
                && !covers(&self.may_lack, *position)
                && !(is_claim(entry) && *claims)
        };
        entries.iter().zip(from..).find(lacks).map(|(_, position)| position)
    }

    /// Takes their bodies from those of these entries that are to be erased, and from claims that count what is.
    pub(super) fn strip(&self, from: u64, entries: &mut [Entry]) {
        let claims = self.authority.has_erasures() && !self.header.collection().is_reserved();
        if self.erased.is_empty() && !claims {
            return;
        }
        for (entry, position) in entries.iter_mut().zip(from..) {
            let Body::Kept { bytes, .. } = &entry.body else { continue };
            let counts_erased = || entry.kind == EntryKind::Claim && self.counts_erased(bytes);
            if position > 0 && (covers(&self.erased, position) || claims && counts_erased()) {
                entry.erase();
            }
        }
    }

    /// Whether a claim counts entries that are to be gone by an order that counts in the log of the claim: of whose log it speaks may not
    /// be known here. One that leaves out as many was made later.
    fn counts_erased(&self, body: &[u8]) -> bool {
        let Ok(claim) = RollUpClaim::from_bytes(body) else { return false };
        let (author, collection) = (self.header.author(), self.header.collection());
        let gone = self.authority.erased(&claim.log(), &author, collection);
        let within = gone.iter().map(|it| it.end.min(claim.to()).saturating_sub(it.start.max(claim.from())));
        claim.left_out().erased < within.fold(0, u64::saturating_add)
    }
}

fn covers(ranges: &[Range<u64>], position: u64) -> bool {
    let after = ranges.partition_point(|range| range.end <= position);
    ranges.get(after).is_some_and(|range| range.start <= position)
}
