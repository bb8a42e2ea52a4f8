//! A key split among several: so many of them bring it back, fewer learn nothing.

use std::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::field::interpolate;
use super::phrase::{close, open};
use crate::error::{ShareError, WordsError};
use crate::id::PeerId;
use crate::keys::Identity;
use crate::words;

/// The most shares of a key.
pub const SHARES_MAX: u8 = 15;

const KIND: u8 = 2;
const CONTEXT: &str = "msec/share/1";
const GROUP: &str = "msec/share/1 group";
const CHECK_BYTES: usize = 2;
const BYTES: usize = 1 + 1 + 4 + 32 + CHECK_BYTES;
/// Where the secret lies.
const SECRET_AT: u8 = 255;

/// One share. Zeroised when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    threshold: u8,
    index: u8,
    group: [u8; 4],
    value: Zeroizing<[u8; 32]>,
}

impl Share {
    /// How many bring the key back.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Which it is, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whether it is one of that peer's.
    pub fn is_of(&self, peer: &PeerId) -> bool {
        self.group == group(peer)
    }

    /// The share, as 40 words.
    pub fn to_words(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.extend([KIND, self.threshold << 4 | self.index]);
        bytes.extend(self.group);
        bytes.extend_from_slice(self.value.as_slice());
        close(&mut bytes, CONTEXT, CHECK_BYTES);
        words::words(&bytes)
    }

    /// Whether these words begin as those of a share do, and not as those of a whole key.
    pub fn begins(text: &str) -> bool {
        let first = text.split(|it: char| !it.is_alphabetic()).find(|it| !it.is_empty());
        first.is_some_and(|first| words::bytes(first, 1).is_ok_and(|byte| byte[..] == [KIND]))
    }

    /// What was written down by `to_words`.
    pub fn from_words(text: &str) -> Result<Self, WordsError> {
        let bytes = open(text, (KIND, "a share"), BYTES, (CONTEXT, CHECK_BYTES))?;
        let (&[_, numbers, a, b, c, d], value) = bytes.split_first_chunk().expect("38 bytes are left");
        let (threshold, index) = (numbers >> 4, numbers & 0x0f);
        // Nobody makes another, so that the check is no accident: whoever wrote it down is to blame.
        if threshold < 2 || index == 0 {
            return Err(WordsError::Check);
        }
        let mut share = Self { threshold, index, group: [a, b, c, d], value: Zeroizing::new([0; 32]) };
        share.value.copy_from_slice(value);
        Ok(share)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Share");
        shown.field("threshold", &self.threshold).field("index", &self.index).field("group", &self.group);
        shown.finish_non_exhaustive()
    }
}

/// Splits the identity's seed into `shares`, of which `threshold` bring it back.
pub fn split(
    identity: &Identity,
    threshold: u8,
    shares: u8,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Share>, ShareError> {
    if threshold < 2 || shares > SHARES_MAX || threshold > shares {
        return Err(ShareError::Numbers { threshold, shares });
    }
    let seed = identity.seed();
    let group = group(&identity.peer());
    let share = |index| Share { threshold, index, group, value: Zeroizing::new([0; 32]) };
    // With the secret, all but one of the threshold's are drawn: through so many points there is one polynomial.
    let mut made: Vec<Share> = (1..threshold).map(share).collect();
    for share in &mut made {
        rng.fill_bytes(share.value.as_mut_slice());
    }
    let mut others: Vec<Share> = (threshold..=shares).map(share).collect();
    let mut points = points(&made);
    points.push((SECRET_AT, seed.as_slice()));
    for share in &mut others {
        share.value.copy_from_slice(&interpolate(&points, share.index));
    }
    made.extend(others);
    Ok(made)
}

/// The identity that was split. Of more shares than it takes, the first count.
pub fn combine(shares: &[Share]) -> Result<Identity, ShareError> {
    let first = shares.first().ok_or(ShareError::TooFew { threshold: 2, shares: 0 })?;
    if shares.iter().any(|it| (it.group, it.threshold) != (first.group, first.threshold)) {
        return Err(ShareError::Mixed);
    }
    for (at, share) in shares.iter().enumerate() {
        if shares[..at].iter().any(|it| it.index == share.index) {
            return Err(ShareError::Twice { index: share.index });
        }
    }
    let needed = shares.get(..first.threshold.into());
    let needed = needed.ok_or(ShareError::TooFew { threshold: first.threshold, shares: shares.len() })?;
    let found = interpolate(&points(needed), SECRET_AT);
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(&found);
    let identity = Identity::from_seed(*seed);
    if group(&identity.peer()) == first.group { Ok(identity) } else { Err(ShareError::Unfit) }
}

fn points(shares: &[Share]) -> Vec<(u8, &[u8])> {
    shares.iter().map(|it| (it.index, it.value.as_slice())).collect()
}

fn group(peer: &PeerId) -> [u8; 4] {
    let [a, b, c, d, ..] = blake3::derive_key(GROUP, &peer.0);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn identity() -> Identity {
        Identity::from_seed([9; 32])
    }

    fn shares(seed: u8, threshold: u8, count: u8) -> Vec<Share> {
        split(&identity(), threshold, count, &mut ChaCha20Rng::from_seed([seed; 32])).expect("splits")
    }

    #[test]
    fn any_two_of_three_bring_it_back_by_way_of_paper() {
        let written: Vec<_> = shares(1, 2, 3).iter().map(Share::to_words).collect();
        assert_eq!(written[0].split(' ').count(), 40);
        let read: Vec<_> = written.iter().map(|it| Share::from_words(it).expect("a share")).collect();
        assert!(read.iter().all(|it| it.is_of(&identity().peer())));
        for pair in [[0, 1], [1, 0], [0, 2], [2, 0], [1, 2]] {
            let pair = pair.map(|at: usize| read[at].clone());
            assert_eq!(combine(&pair).expect("a key").peer(), identity().peer());
        }
        assert_eq!(combine(&read).expect("a key").peer(), identity().peer());
    }

    #[test]
    fn too_few_one_twice_and_those_of_others_are_refused_by_name() {
        let made = shares(1, 3, 5);
        let error = |shares: &[&Share]| {
            combine(&shares.iter().map(|it| (*it).clone()).collect::<Vec<_>>()).expect_err("refused")
        };
        assert_eq!(error(&[]), ShareError::TooFew { threshold: 2, shares: 0 });
        assert_eq!(error(&[&made[0], &made[1]]), ShareError::TooFew { threshold: 3, shares: 2 });
        assert_eq!(error(&[&made[0], &made[1], &made[0]]), ShareError::Twice { index: 1 });
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let others = split(&Identity::from_seed([8; 32]), 3, 5, &mut rng).expect("splits");
        assert_eq!(error(&[&made[0], &made[1], &others[2]]), ShareError::Mixed);
        assert_eq!(error(&[&made[0], &made[1], &shares(1, 2, 5)[2]]), ShareError::Mixed);
        // Of another splitting of the same key.
        assert_eq!(error(&[&made[0], &made[1], &shares(2, 3, 5)[2]]), ShareError::Unfit);
    }

    #[test]
    fn other_numbers_are_refused() {
        for (threshold, count) in [(0, 3), (1, 3), (4, 3), (2, SHARES_MAX + 1), (2, 1)] {
            let split = split(&identity(), threshold, count, &mut ChaCha20Rng::from_seed([1; 32]));
            assert_eq!(split.expect_err("refused"), ShareError::Numbers { threshold, shares: count });
        }
        assert_eq!(shares(1, SHARES_MAX, SHARES_MAX).len(), SHARES_MAX.into());
    }

    #[test]
    fn debug_shows_no_secret() {
        let share = Share { value: Zeroizing::new([0x5a; 32]), ..shares(1, 2, 3)[0].clone() };
        let shown = format!("{share:?}");
        assert!(!shown.contains("5a5a") && !shown.contains("90, 90"), "{shown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whichever_come_back_and_in_whatever_order(
            seed: [u8; 32], draw: u8, threshold in 2u8..6, more in 0u8..4, order in Just((0..15).collect::<Vec<usize>>()).prop_shuffle(),
        ) {
            let identity = Identity::from_seed(seed);
            let mut rng = ChaCha20Rng::from_seed([draw; 32]);
            let made = split(&identity, threshold, threshold + more, &mut rng).expect("splits");
            let some: Vec<_> = order.iter().filter_map(|at| made.get(*at)).take(threshold.into()).cloned().collect();
            prop_assert_eq!(combine(&some).expect("a key").peer(), identity.peer());
        }

        /// For each seed there is a polynomial through a share alone: here is the other share that would bring it back.
        #[test]
        fn one_share_of_two_fits_every_seed(seed: [u8; 32], draw: u8) {
            let made = shares(draw, 2, 2);
            let other = interpolate(&[(SECRET_AT, &seed[..]), (1, made[0].value.as_slice())], 2);
            let found = interpolate(&[(1, made[0].value.as_slice()), (2, &other[..])], SECRET_AT);
            prop_assert_eq!(found.as_slice(), &seed[..]);
        }

        #[test]
        fn arbitrary_words_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..45), right: bool) {
            let mut bytes = bytes;
            if right && bytes.len() > 3 {
                bytes[0] = KIND;
                bytes.resize(BYTES - CHECK_BYTES, 7);
                close(&mut bytes, CONTEXT, CHECK_BYTES);
            }
            if let Ok(share) = Share::from_words(&words::words(&bytes)) {
                prop_assert_eq!(Share::from_words(&share.to_words()), Ok(share));
            }
        }
    }
}
