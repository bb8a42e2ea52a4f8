//! Up to where logs count, once the right by which they were written is over.

use minicbor::{Decode, Decoder, Encode, decode};

use crate::error::CutsError;
use crate::id::LogId;

/// The most logs that one record cuts: it fits [`crate::RECORD_BYTES_MAX`] with room for all else. Whoever has more to
/// name writes restorations.
pub const REVOCATION_CUTS_MAX: usize = 192;

/// Where a log is cut: its first `size` entries count, and they have this root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Cut {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// How many entries of it count.
    #[n(1)]
    pub size: u64,
    /// The root of its tree at that size.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub root: [u8; 32],
}

/// Cuts of different logs, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode)]
#[cbor(transparent)]
pub struct Cuts(#[n(0)] Vec<Cut>);

impl Cuts {
    /// These, in whatever order they come.
    pub fn new(cuts: impl IntoIterator<Item = Cut>) -> Result<Self, CutsError> {
        let mut cuts: Vec<_> = cuts.into_iter().take(REVOCATION_CUTS_MAX + 1).collect();
        cuts.sort_unstable();
        Self::check(cuts)
    }

    /// What is said of a log.
    pub fn of(&self, log: &LogId) -> Option<&Cut> {
        self.0.binary_search_by(|cut| cut.log.cmp(log)).ok().map(|at| &self.0[at])
    }

    /// All of them, in the order of the logs' ids.
    pub fn as_slice(&self) -> &[Cut] {
        &self.0
    }

    fn check(cuts: Vec<Cut>) -> Result<Self, CutsError> {
        if cuts.len() > REVOCATION_CUTS_MAX {
            return Err(CutsError::TooMany);
        }
        if cuts.windows(2).any(|two| two[0].log >= two[1].log) {
            return Err(CutsError::Order);
        }
        Ok(Self(cuts))
    }
}

impl<'b, C> Decode<'b, C> for Cuts {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::check(d.decode()?).map_err(decode::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(log: u8, size: u64) -> Cut {
        Cut { log: LogId([log; 32]), size, root: [0; 32] }
    }

    #[test]
    fn are_in_one_order_and_name_a_log_once() {
        let cuts = Cuts::new([cut(2, 5), cut(1, 3)]).expect("cuts");
        assert_eq!(cuts.as_slice(), [cut(1, 3), cut(2, 5)]);
        assert_eq!(cuts.of(&LogId([2; 32])), Some(&cut(2, 5)));
        assert_eq!(cuts.of(&LogId([3; 32])), None);
        assert!(matches!(Cuts::new([cut(1, 3), cut(1, 4)]), Err(CutsError::Order)));
        let many = (0..=u8::MAX).map(|log| cut(log, 1));
        assert!(matches!(Cuts::new(many), Err(CutsError::TooMany)));
    }
}
