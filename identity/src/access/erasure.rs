//! Bodies that are to be gone, everywhere.

use minicbor::{Decode, Decoder, Encode, decode};

use super::revocation::REASON_BYTES_MAX;
use super::text::ShortText;
use crate::error::StretchesError;
use crate::id::{LogId, PeerId, SpaceId};
use crate::record::Record;
use crate::time::UnixMillis;

/// The most stretches that one record names: it fits [`crate::RECORD_BYTES_MAX`] with room for all else. Whoever has more to
/// erase signs several records.
pub const ERASURE_STRETCHES_MAX: usize = 256;

/// Entries of a log that lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Stretch {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// The position of the first entry. It is not 0: without its header nobody can verify a log.
    #[n(1)]
    pub first: u64,
    /// The position after the last entry.
    #[n(2)]
    pub end: u64,
}

/// Stretches in the order of their logs' ids and of their positions, that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode)]
#[cbor(transparent)]
pub struct Stretches(#[n(0)] Vec<Stretch>);

impl Stretches {
    /// These, in whatever order they come. Those that overlap or touch become one, and headers stay out of it.
    pub fn new(stretches: impl IntoIterator<Item = Stretch>) -> Result<Self, StretchesError> {
        let mut joined = Self::joined(stretches);
        let more = joined.split_off(joined.len().min(ERASURE_STRETCHES_MAX));
        if more.is_empty() { Self::check(joined) } else { Err(StretchesError::TooMany) }
    }

    /// As many of them as it takes to name all of these.
    pub fn several(stretches: impl IntoIterator<Item = Stretch>) -> Vec<Self> {
        Self::joined(stretches).chunks(ERASURE_STRETCHES_MAX).map(|some| Self(some.to_vec())).collect()
    }

    /// All of them, in their order.
    pub fn as_slice(&self) -> &[Stretch] {
        &self.0
    }

    /// The logs that are named, in order.
    pub fn logs(&self) -> impl Iterator<Item = LogId> + '_ {
        self.0.chunk_by(|one, next| one.log == next.log).map(|of_one| of_one[0].log)
    }

    fn joined(stretches: impl IntoIterator<Item = Stretch>) -> Vec<Stretch> {
        let body = |it: Stretch| Stretch { first: it.first.max(1), ..it };
        let mut all: Vec<_> = stretches.into_iter().map(body).filter(|it| it.first < it.end).collect();
        all.sort_unstable();
        let mut joined: Vec<Stretch> = Vec::with_capacity(all.len().min(ERASURE_STRETCHES_MAX));
        for next in all {
            match joined.last_mut().filter(|last| last.log == next.log && next.first <= last.end) {
                Some(last) => last.end = last.end.max(next.end),
                None => joined.push(next),
            }
        }
        joined
    }

    fn check(stretches: Vec<Stretch>) -> Result<Self, StretchesError> {
        if stretches.len() > ERASURE_STRETCHES_MAX {
            return Err(StretchesError::TooMany);
        }
        if stretches.is_empty() || stretches.iter().any(|it| it.first == 0 || it.first >= it.end) {
            return Err(StretchesError::Nothing);
        }
        let is_apart = |two: &[Stretch]| (two[0].log, two[0].end) < (two[1].log, two[1].first);
        if !stretches.windows(2).all(is_apart) {
            return Err(StretchesError::Order);
        }
        Ok(Self(stretches))
    }
}

impl<'b, C> Decode<'b, C> for Stretches {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::check(d.decode()?).map_err(decode::Error::custom)
    }
}

/// "Salt and body of these entries are to be gone", signed by whoever manages the collection that their logs are in, by roots, or by
/// the logs' own author. It counts for ever: what is gone does not come back because its issuer's right ended since.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Erasure {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// Which entries.
    #[n(2)]
    pub what: Stretches,
    /// When it was signed, by the issuer's clock: for people, it proves nothing.
    #[n(3)]
    pub at: UnixMillis,
    /// Why, for people.
    #[n(4)]
    pub reason: ShortText<REASON_BYTES_MAX>,
}

impl Record for Erasure {
    const DOMAIN: &'static str = "msec/erasure/1";
}

#[cfg(test)]
mod tests {
    use minicbor::decode;

    use super::*;

    fn stretch(log: u8, first: u64, end: u64) -> Stretch {
        Stretch { log: LogId([log; 32]), first, end }
    }

    #[test]
    fn stretches_that_touch_are_one_and_headers_stay() {
        let all = [stretch(2, 9, 12), stretch(1, 4, 6), stretch(1, 0, 2), stretch(1, 2, 4), stretch(2, 3, 5)];
        let stretches = Stretches::new(all).expect("stretches");
        assert_eq!(stretches.as_slice(), [stretch(1, 1, 6), stretch(2, 3, 5), stretch(2, 9, 12)]);
        assert_eq!(stretches.logs().collect::<Vec<_>>(), [LogId([1; 32]), LogId([2; 32])]);
        assert!(matches!(Stretches::new([stretch(1, 0, 1), stretch(2, 5, 5)]), Err(StretchesError::Nothing)));
    }

    #[test]
    fn what_needs_more_is_several_records() {
        let many = (0..=ERASURE_STRETCHES_MAX as u64).map(|n| stretch(1, 1 + 2 * n, 2 + 2 * n));
        assert!(matches!(Stretches::new(many.clone()), Err(StretchesError::TooMany)));
        let several = Stretches::several(many);
        let lens: Vec<_> = several.iter().map(|it| it.as_slice().len()).collect();
        assert_eq!(lens, [ERASURE_STRETCHES_MAX, 1]);
    }

    #[test]
    fn bytes_that_name_stretches_in_another_way_are_refused() {
        let read = |stretches: &[Stretch]| {
            let bytes = minicbor::to_vec(stretches).expect("written");
            decode::<Stretches>(&bytes).map(|it| it.as_slice().to_vec())
        };
        let good = [stretch(1, 1, 3), stretch(1, 4, 5), stretch(2, 1, 2)];
        assert_eq!(read(&good).expect("read"), good);
        for bad in [
            &[stretch(1, 1, 3), stretch(1, 3, 5)][..],
            &[stretch(2, 1, 3), stretch(1, 3, 5)],
            &[stretch(1, 0, 3)],
            &[stretch(1, 3, 3)],
            &[],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
