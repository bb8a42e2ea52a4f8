//! Questions, and how one signature answers many.
//!
//! Follows Roughtime (draft-ietf-ntp-roughtime, sections 5.2 and 5.3): who asks draws a nonce, whoever answers signs the root of
//! a Merkle tree over all that it was asked, and says to each the way from there up to the root. Here each on the way does the
//! same: what it was asked by several becomes one question of its own. A question is a hash, whether of a nonce or of
//! other questions, and nobody who carries it can tell which.
//!
//! BLAKE3 in two contexts, so that no nonce is a pair:
//!
//! | value | made of |
//! |---|---|
//! | question of a nonce | `derive_key`, context `msec/freshness/nonce/1`, over the nonce |
//! | question of two | `derive_key`, context `msec/freshness/pair/1`, over both, the left one first |

use std::fmt;

use minicbor::{Decode, Encode};

/// The most steps of a [`Way`]. A longer one is not made, and is refused where it is read: sixteen hops among sixteen who
/// ask are so long.
pub const WAY_STEPS_MAX: usize = 64;

const NONCE: &str = "msec/freshness/nonce/1";
const PAIR: &str = "msec/freshness/pair/1";

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Question(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl Question {
    /// That of somebody who drew this. Who answers cannot have known it before.
    pub fn of(nonce: &[u8; 32]) -> Self {
        Self(blake3::derive_key(NONCE, nonce))
    }

    fn pair(left: &Self, right: &Self) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(PAIR);
        hasher.update(&left.0).update(&right.0);
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: Vec<_> = self.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "Question({})", first.concat())
    }
}

/// Several questions as one.
#[derive(Debug, Clone)]
pub struct Questions {
    /// Those that were put together, then ever fewer, up to the one.
    levels: Vec<Vec<Question>>,
}

impl Questions {
    /// All of these, in their order. `None`: there are none.
    pub fn together(questions: Vec<Question>) -> Option<Self> {
        let mut last = questions;
        let mut levels = Vec::new();
        while last.len() > 1 {
            let next = last.chunks(2).map(|two| match two {
                [left, right] => Question::pair(left, right),
                // Without company it goes up as it is.
                alone => alone[0],
            });
            let next = next.collect();
            levels.push(std::mem::replace(&mut last, next));
        }
        if last.is_empty() {
            return None;
        }
        levels.push(last);
        Some(Self { levels })
    }

    /// The one.
    pub fn root(&self) -> Question {
        self.levels[self.levels.len() - 1][0]
    }

    /// The way from the nth of them to the one. `None`: there are not so many.
    pub fn way(&self, nth: usize) -> Option<Way> {
        self.levels[0].get(nth)?;
        let (mut way, mut at) = (Way::default(), nth);
        for level in &self.levels[..self.levels.len() - 1] {
            if let Some(beside) = level.get(at ^ 1) {
                way.push(*beside, at % 2 == 1);
            }
            at /= 2;
        }
        Some(way)
    }
}

/// The way from a question to the one that it was put together into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Way {
    /// What stands beside it, step by step.
    beside: Vec<Question>,
    /// A bit for each step, the first one's the lowest: what stands beside it stands on the left.
    left: u64,
}

impl Way {
    /// What was said of a way. `None`: it is too long, or says something of steps that it does not have.
    pub fn from_parts(beside: Vec<Question>, left: u64) -> Option<Self> {
        let fits = beside.len() <= WAY_STEPS_MAX
            && (beside.len() == WAY_STEPS_MAX || left.checked_shr(beside.len() as u32) == Some(0));
        fits.then_some(Self { beside, left })
    }

    /// What stands beside it, step by step, and on which side: a bit for each, the first one's the lowest, set where that is the left one.
    pub fn parts(&self) -> (&[Question], u64) {
        (&self.beside, self.left)
    }

    /// Where it leads from there.
    pub fn leads_from(&self, question: Question) -> Question {
        let step = |at: Question, (nth, beside): (usize, &Question)| match self.left >> nth & 1 {
            1 => Question::pair(beside, &at),
            _ => Question::pair(&at, beside),
        };
        self.beside.iter().enumerate().fold(question, step)
    }

    /// It, and then another one. `None`: that would be too long.
    pub fn then(&self, further: &Self) -> Option<Self> {
        let mut way = self.clone();
        if way.beside.len() + further.beside.len() > WAY_STEPS_MAX {
            return None;
        }
        for (nth, beside) in further.beside.iter().enumerate() {
            way.push(*beside, further.left >> nth & 1 == 1);
        }
        Some(way)
    }

    fn push(&mut self, beside: Question, is_left: bool) {
        // At most 64 steps, by `then`; one tree has no more levels than a length has bits.
        self.left |= u64::from(is_left) << self.beside.len();
        self.beside.push(beside);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(count: usize) -> Vec<Question> {
        (0..count).map(|n| Question::of(&[n as u8; 32])).collect()
    }

    #[test]
    fn one_question_alone_is_itself_and_none_is_none() {
        let alone = Questions::together(drawn(1)).expect("one");
        assert_eq!((alone.root(), alone.way(0)), (Question::of(&[0; 32]), Some(Way::default())));
        assert_eq!(alone.way(1), None);
        assert!(Questions::together(Vec::new()).is_none());
    }

    /// `vectors/freshness.txt`: a line each.
    #[test]
    fn questions_and_beats_are_these_bytes() {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let issuer = crate::Identity::from_seed([3; 32]);
        let questions: Vec<_> = [1, 2, 3].map(|n| Question::of(&[n; 32])).into();
        let together = Questions::together(questions.clone()).expect("three");
        let cut = crate::Cut { log: crate::LogId([8; 32]), size: 5, root: [9; 32] };
        let beat = issuer.sign(crate::Beat {
            space: crate::SpaceId([7; 32]),
            issuer: issuer.peer(),
            of: together.root(),
            logs: crate::Cuts::new([cut]).expect("a log"),
            at: crate::UnixMillis(1_767_225_600_000),
        });
        let way = together.way(1).expect("the second");
        let (beside, left) = way.parts();
        let lines = [
            format!("question of the nonce 01 32 times: {}", hex(&questions[0].0)),
            format!("those of 01, 02 and 03 together: {}", hex(&together.root().0)),
            format!("beside the second, left {left}: {} {}", hex(&beside[0].0), hex(&beside[1].0)),
            format!("beat of these three, by the key of the seed 03 32 times: {}", hex(&beat.to_bytes())),
        ];
        let vectors = include_str!("../vectors/freshness.txt").lines();
        let vectors: Vec<_> = vectors.filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert_eq!(vectors, lines);
        let parsed = crate::Unverified::<crate::Beat>::from_bytes(&beat.to_bytes()).expect("parses");
        assert!(parsed.verify(&issuer.peer()).is_ok());
    }

    #[test]
    fn a_pair_is_no_nonce() {
        let (a, b) = (Question::of(&[1; 32]), Question::of(&[2; 32]));
        assert_ne!(Question::pair(&a, &b), Question::pair(&b, &a));
        assert_ne!(Question::pair(&a, &b), Question::of(&a.0));
    }

    #[test]
    fn a_way_has_a_bound_and_one_spelling() {
        let long = Way::from_parts(drawn(WAY_STEPS_MAX), u64::MAX).expect("as long as may be");
        assert_eq!(Way::from_parts(drawn(WAY_STEPS_MAX + 1), 0), None);
        assert_eq!(Way::from_parts(drawn(2), 0b100), None, "a side of a step that is not there");
        assert_eq!(Way::from_parts(Vec::new(), 1), None);
        assert_eq!(long.then(&Way::from_parts(drawn(1), 0).expect("a way")), None);
        assert_eq!(long.then(&Way::default()), Some(long));
    }

    proptest! {
        #[test]
        fn each_way_leads_to_the_one_and_no_other_question_takes_it(
            counts in prop::collection::vec(1usize..20, 1..5), pick in any::<prop::sample::Index>(),
        ) {
            // Each puts what it is asked together with questions of its own, and asks the next one.
            let (mut asked, mut way) = (Question::of(&[99; 32]), Way::default());
            for count in counts {
                let mut questions = drawn(count);
                let at = pick.index(count + 1);
                questions.insert(at, asked);
                let together = Questions::together(questions.clone()).expect("some");
                for (nth, question) in questions.iter().enumerate() {
                    let way = together.way(nth).expect("there");
                    prop_assert_eq!(way.leads_from(*question), together.root());
                    let (beside, left) = way.parts();
                    prop_assert_eq!(Way::from_parts(beside.to_vec(), left), Some(way.clone()));
                }
                way = way.then(&together.way(at).expect("there")).expect("short");
                asked = together.root();
            }
            prop_assert_eq!(way.leads_from(Question::of(&[99; 32])), asked);
            prop_assert_ne!(way.leads_from(Question::of(&[98; 32])), asked);
        }
    }
}
