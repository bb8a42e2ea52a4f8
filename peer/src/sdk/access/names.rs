//! Names by which people call grants, peers and records: an id, or its first digits.

use std::collections::BTreeSet;

use msec_identity::{GrantId, Holder, PeerId};

use super::error::AccessFailed;
use super::hex;

/// The fewest digits by which something is called.
pub(crate) const DIGITS_MIN: usize = 6;
/// How many are told where a name may be any of several.
const TOLD_MAX: usize = 8;

/// What is called by the digits of its id.
pub(crate) trait Named: Ord {
    fn id(&self) -> &[u8; 32];

    /// How it is told from others that the name may mean.
    fn told(&self) -> String {
        hex::text(&self.id()[..5])
    }
}

impl Named for [u8; 32] {
    fn id(&self) -> &[u8; 32] {
        self
    }
}

impl Named for GrantId {
    fn id(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Named for PeerId {
    fn id(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A grant, or whoever holds some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Grant(GrantId),
    Holder(Holder),
}

impl Named for Target {
    fn id(&self) -> &[u8; 32] {
        match self {
            Self::Grant(grant) => &grant.0,
            Self::Holder(Holder::Peer(peer)) => &peer.0,
            Self::Holder(Holder::Space(space)) => &space.0,
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Grant(grant) => format!("grant {}", grant.short()),
            Self::Holder(holder) => format!("holder {}", holder.short()),
        }
    }
}

/// What somebody wrote to call something by its id, or by the first digits of it.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    written: String,
    digits: String,
}

impl Name {
    /// Refused: it is too short to tell one from another.
    pub(crate) fn new(written: &str) -> Result<Self, AccessFailed> {
        let digits = written.trim().to_lowercase();
        let written = written.to_owned();
        match digits.len() {
            0..DIGITS_MIN => Err(AccessFailed::TooFewDigits { name: written }),
            _ => Ok(Self { written, digits }),
        }
    }

    /// Whether it may mean that.
    pub(crate) fn fits(&self, it: &impl Named) -> bool {
        hex::text(it.id()).starts_with(&self.digits)
    }

    /// The one of these that it means.
    pub(crate) fn one_of<T: Named>(self, known: impl IntoIterator<Item = T>) -> Result<T, AccessFailed> {
        let mut found: BTreeSet<T> = known.into_iter().filter(|it| self.fits(it)).collect();
        match (found.len(), found.pop_first()) {
            (_, None) => Err(AccessFailed::Unknown { name: self.written }),
            (1, Some(one)) => Ok(one),
            (_, Some(first)) => {
                let all = std::iter::once(first).chain(found);
                let found = all.take(TOLD_MAX).map(|it| it.told()).collect::<Vec<_>>().join(", ");
                Err(AccessFailed::Ambiguous { name: self.written, found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_by_its_first_digits_is_found_or_it_is_said_why_not() {
        let [one, other] = [[0xab; 32], [0xac; 32]].map(PeerId);
        let called = |name: &str| Name::new(name)?.one_of([one, other, one]);
        for name in ["ababab", " ABABAB ", &one.to_string()] {
            assert_eq!(called(name).expect("known"), one, "{name}");
        }
        for name in ["123456", "harbour", &"ab".repeat(33)] {
            assert!(matches!(called(name), Err(AccessFailed::Unknown { .. })), "{name}");
        }
        for name in ["ababa", "", " ababa "] {
            assert!(matches!(called(name), Err(AccessFailed::TooFewDigits { .. })), "{name}");
        }
    }

    #[test]
    fn what_a_name_may_mean_is_told_up_to_a_bound() {
        let alike = |last: u8| {
            let mut id = [0xab; 32];
            id[31] = last;
            id
        };
        let targets = [Target::Holder(PeerId(alike(1)).into()), Target::Grant(GrantId(alike(2)))];
        let name = Name::new("ababab").expect("long enough");
        let error = name.clone().one_of(targets).expect_err("two").to_string();
        assert!(error.contains("grant ababababab, holder ababababab: write more digits"), "{error}");
        let error = name.one_of((0..20).map(alike)).expect_err("twenty").to_string();
        assert_eq!(error.matches("ababababab").count(), TOLD_MAX, "{error}");
    }
}
