//! The sum of doubles, exactly.
//!
//! A double is a whole number of 2^-1074, and so is every sum of doubles. It is kept as that number, so that it is the same in
//! whatever order values come and parts are joined, on every machine, and is rounded once, when somebody asks: the idea of
//! U. W. Kulisch's long accumulator, in as many words as the values need. A fixed point in decimals would take less, but
//! many values are no decimals: what was computed, and singles that were widened.

use std::ops::Deref;

/// Bits that one term takes in [`ExactSum::terms`], but for the last one.
const TERM_BITS: u32 = 62;
/// What a term may be shifted by, at most: 2^64 times the largest double lies below it.
const SHIFT_MAX: u32 = 2_200;
const WORD: u32 = u64::BITS;
/// Bits behind the point of a double.
const FRACTION_BITS: u32 = 52;
/// The shift from which a double of 53 bits is infinite.
const SHIFT_INFINITE: u32 = 2_046;
/// Words that lie in place: as many as readings of one sensor need.
const WORDS_INLINE: usize = 3;

/// A whole number of 2^-1074, in two's complement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ExactSum {
    /// The zero words below the first of `words`.
    low: usize,
    /// The lowest first; that one is not zero, and the last one says more than the sign of what lies below it. None: zero.
    words: Words,
}

/// A number times a power of two, as a number and what it is shifted by, from 2^-1074.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) number: i64,
    pub(super) shift: u32,
}

impl Term {
    /// A finite double.
    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let (exponent, fraction) =
            ((bits >> FRACTION_BITS & 0x7ff) as u32, bits & ((1 << FRACTION_BITS) - 1));
        let magnitude = if exponent == 0 { fraction } else { fraction | 1 << FRACTION_BITS } as i64;
        let number = if value.is_sign_negative() { -magnitude } else { magnitude };
        Self { number, shift: exponent.saturating_sub(1) }
    }

    /// As a number of two words, and which is the lowest of them. That is not zero, if the number is not.
    fn words(self) -> (usize, i128) {
        let (low, number) = ((self.shift / WORD) as usize, i128::from(self.number) << (self.shift % WORD));
        if number as u64 == 0 { (low + 1, number >> WORD) } else { (low, number) }
    }
}

impl ExactSum {
    /// Adds a finite value.
    pub(super) fn add(&mut self, value: f64) {
        self.add_term(Term::of(value));
    }

    /// Adds finite values. Those of one sensor mostly lie in the same two words, and are added up before they are added.
    pub(super) fn add_all(&mut self, values: impl Iterator<Item = f64>) {
        let (mut low, mut sum) = (0, 0i128);
        for value in values {
            let (at, number) = Term::of(value).words();
            match sum.checked_add(number).filter(|_| at == low || number == 0) {
                Some(added) => sum = added,
                None => {
                    self.add_short(low, sum);
                    (low, sum) = (at, number);
                }
            }
        }
        self.add_short(low, sum);
    }

    /// Takes a finite value away, so many times.
    pub(super) fn subtract_times(&mut self, value: f64, times: u64) {
        let Term { number, shift } = Term::of(value);
        // 53 bits and 64: room for a sign. Shifted, it takes three words.
        let product = -i128::from(number) * i128::from(times);
        let low = product << (shift % WORD);
        let high = product >> (i128::BITS - 1 - shift % WORD) >> 1;
        self.add_words((shift / WORD) as usize, &[low as u64, (low >> WORD) as u64, high as u64]);
    }

    /// Adds another sum.
    pub(super) fn join(&mut self, other: &Self) {
        self.add_words(other.low, &other.words);
    }

    /// Adds a term. `shift` may be [`SHIFT_MAX`] and a little more; [`ExactSum::of_terms`] looks at what others say.
    fn add_term(&mut self, term: Term) {
        let (low, number) = term.words();
        self.add_short(low, number);
    }

    /// Adds a number whose lowest word is that one.
    fn add_short(&mut self, low: usize, number: i128) {
        if number == 0 {
            return;
        }
        let sum = self.words.short().filter(|_| self.low == low).and_then(|own| own.checked_add(number));
        match sum.filter(|sum| *sum as u64 != 0) {
            Some(sum) => self.words = Words::of_short(sum),
            None => self.add_words(low, &[number as u64, (number >> WORD) as u64]),
        }
    }

    fn add_words(&mut self, low: usize, words: &[u64]) {
        if words.is_empty() {
            return;
        }
        let begin = if self.words.is_empty() { low } else { low.min(self.low) };
        let (own, other) = ((self.low.saturating_sub(begin), &self.words[..]), (low - begin, words));
        // One more than both take, for the carry.
        let len = (own.0 + own.1.len()).max(other.0 + words.len()) + 1;
        let (mut few, mut many) = ([0; WORDS_INLINE + 1], Vec::new());
        let sum = match few.get_mut(..len) {
            Some(sum) => sum,
            None => {
                many.resize(len, 0);
                &mut many[..]
            }
        };
        add_up(sum, own, other);
        let (zeros, said) = trimmed(sum);
        self.low = if said.is_empty() { 0 } else { begin + zeros };
        self.words = Words::of(said);
    }

    fn sign(&self) -> u64 {
        sign(&self.words)
    }

    fn word(&self, at: usize) -> u64 {
        if at < self.low { 0 } else { self.words.get(at - self.low).copied().unwrap_or(self.sign()) }
    }

    /// The 64 bits from `at` on.
    fn bits_at(&self, at: u32) -> u64 {
        let (word, skip) = ((at / WORD) as usize, at % WORD);
        let low = self.word(word) >> skip;
        if skip == 0 { low } else { low | self.word(word + 1) << (WORD - skip) }
    }

    /// Below zero.
    pub(super) fn is_negative(&self) -> bool {
        self.sign() != 0
    }

    /// Zero.
    pub(super) fn is_zero(&self) -> bool {
        self.words.is_empty()
    }

    /// The bit at which the lowest one stands, and the bit above the highest that is no sign.
    fn span(&self) -> Option<(u32, u32)> {
        let (first, last) = (self.words.first()?, self.words.last()?);
        let begin = self.low as u32 * WORD + first.trailing_zeros();
        let end = (self.low + self.words.len()) as u32 * WORD - (last ^ self.sign()).leading_zeros();
        Some((begin, end))
    }

    /// The nearest double; of two, the even one. Infinite beyond the largest.
    pub(super) fn round(&self) -> f64 {
        if self.is_negative() {
            let mut positive = Self::default();
            positive.subtract(self);
            return -positive.round();
        }
        let Some((begin, end)) = self.span() else { return 0.0 };
        let shift = end.saturating_sub(FRACTION_BITS + 1);
        if shift >= SHIFT_INFINITE {
            return f64::INFINITY;
        }
        let number = self.bits_at(shift) & ((2 << FRACTION_BITS) - 1);
        let is_up = shift > 0 && {
            let is_half = self.bits_at(shift - 1) & 1 == 1;
            is_half && (begin < shift - 1 || number & 1 == 1)
        };
        // The bit before the point adds one to the exponent, and so does a carry out of all the others.
        f64::from_bits((u64::from(shift) << FRACTION_BITS) + number + u64::from(is_up))
    }

    fn subtract(&mut self, other: &Self) {
        let mut inverse: Vec<_> = other.words.iter().map(|word| !word).collect();
        // The lowest word is not zero, so that adding one carries nothing out of it. A sign of its own, for the least number.
        if let Some(first) = inverse.first_mut() {
            *first += 1;
        }
        inverse.push(!other.sign());
        if !other.is_zero() {
            self.add_words(other.low, &inverse);
        }
    }

    /// The sum as terms, the lowest first: the least number of them, each 62 bits above the one before.
    pub(super) fn terms(&self) -> Vec<Term> {
        let Some((mut shift, end)) = self.span() else { return Vec::new() };
        let mut terms = Vec::new();
        // A bit more, for the sign.
        while end + 1 > shift + WORD {
            let number = (self.bits_at(shift) & ((1 << TERM_BITS) - 1)) as i64;
            terms.push(Term { number, shift });
            shift += TERM_BITS;
        }
        terms.push(Term { number: self.bits_at(shift) as i64, shift });
        terms
    }

    /// Adds what [`ExactSum::terms`] gave, from its first shift on. `false` if it reaches further than sums do.
    #[must_use]
    pub(super) fn add_terms(&mut self, shift: u32, numbers: &[i64]) -> bool {
        for (number, shift) in numbers.iter().zip((shift..).step_by(TERM_BITS as usize)) {
            if shift > SHIFT_MAX {
                return false;
            }
            self.add_term(Term { number: *number, shift });
        }
        true
    }
}

/// All ones below zero.
fn sign_of(word: u64) -> u64 {
    (word as i64 >> (WORD - 1)) as u64
}

fn sign(words: &[u64]) -> u64 {
    words.last().map_or(0, |word| sign_of(*word))
}

/// Sets `sum` to the sum of two numbers, each of which begins at that word of it.
fn add_up(sum: &mut [u64], own: (usize, &[u64]), other: (usize, &[u64])) {
    let word = |(begin, words): (usize, &[u64]), at: usize| match at.checked_sub(begin) {
        Some(at) => words.get(at).copied().unwrap_or_else(|| sign(words)),
        None => 0,
    };
    let mut carry = false;
    for (at, sum) in sum.iter_mut().enumerate() {
        let (added, over) = word(own, at).overflowing_add(word(other, at));
        let (added, over_again) = added.overflowing_add(carry.into());
        (*sum, carry) = (added, over || over_again);
    }
}

/// Leaves out what says nothing. Returns how many zeros that are at the beginning.
fn trimmed(mut words: &[u64]) -> (usize, &[u64]) {
    while let [rest @ .., last] = words
        && *last == sign(rest)
    {
        words = rest;
    }
    let zeros = words.iter().take_while(|word| **word == 0).count();
    (zeros, &words[zeros..])
}

/// Words, a few of which take no memory of their own. There is one form for the same words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Words {
    /// Zeros follow the first so many.
    Few(u8, [u64; WORDS_INLINE]),
    Many(Vec<u64>),
}

impl Words {
    fn of(words: &[u64]) -> Self {
        let mut few = [0; WORDS_INLINE];
        match few.get_mut(..words.len()) {
            Some(few) => few.copy_from_slice(words),
            None => return Self::Many(words.to_vec()),
        }
        Self::Few(words.len() as u8, few)
    }

    /// Of a number of two words, the lowest of which is not zero.
    fn of_short(number: i128) -> Self {
        let (low, high) = (number as u64, (number >> WORD) as u64);
        if high == sign_of(low) { Self::Few(1, [low, 0, 0]) } else { Self::Few(2, [low, high, 0]) }
    }

    /// The number, if it has one word or two.
    fn short(&self) -> Option<i128> {
        match self {
            Self::Few(1, [low, ..]) => Some(i128::from(*low as i64)),
            Self::Few(2, [low, high, _]) => Some(i128::from(*high as i64) << WORD | i128::from(*low)),
            _ => None,
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Self::Few(0, [0; WORDS_INLINE])
    }
}

impl Deref for Words {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        match self {
            Self::Few(len, words) => &words[..usize::from(*len)],
            Self::Many(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    fn finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |value| value.is_finite()),
            (-5_000i32..5_000).prop_map(|value| f64::from(value) / 10.0),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(f64::from_bits(1)),
            Just(f64::MIN_POSITIVE),
            Just(-1.0),
        ]
    }

    proptest! {
        /// IEEE 754 rounds the exact sum of two, once.
        #[test]
        fn of_two_it_is_what_the_machine_says(a in finite(), b in finite(), near in -3i64..4) {
            let near = f64::from_bits(a.to_bits().wrapping_add_signed(near));
            for b in [b, near, -near].into_iter().filter(|b| b.is_finite()) {
                prop_assert_eq!(sum(&[a, b]).round(), a + b);
            }
        }

        #[test]
        fn of_whole_numbers_it_is_their_sum(numbers in prop::collection::vec((any::<i32>(), 0u32..80), 0..40)) {
            let values: Vec<_> = numbers.iter().map(|(n, shift)| f64::from(*n) * 2f64.powi(*shift as i32)).collect();
            let whole: i128 = numbers.iter().map(|(n, shift)| i128::from(*n) << shift).sum();
            prop_assert_eq!(sum(&values).round(), whole as f64);
        }

        #[test]
        fn order_and_parts_do_not_matter(values in prop::collection::vec(finite(), 0..30), cut in any::<prop::sample::Index>()) {
            let whole = sum(&values);
            let back: Vec<_> = values.iter().rev().copied().collect();
            prop_assert_eq!(&sum(&back), &whole);
            let (left, right) = values.split_at(cut.index(values.len() + 1));
            let mut joined = sum(right);
            joined.join(&sum(left));
            prop_assert_eq!(&joined, &whole);
            joined.subtract(&whole);
            prop_assert_eq!(&joined, &ExactSum::default());
        }

        #[test]
        fn many_times_is_again_and_again(value in finite(), times in any::<u64>()) {
            let mut taken = ExactSum::default();
            taken.subtract_times(value, times);
            let (mut added, mut doubled) = (ExactSum::default(), sum(&[value]));
            for bit in 0..WORD {
                if times >> bit & 1 == 1 { added.join(&doubled) }
                let once = doubled.clone();
                doubled.join(&once);
            }
            taken.join(&added);
            prop_assert!(taken.is_zero());
        }

        #[test]
        fn terms_are_the_sum(values in prop::collection::vec(finite(), 0..30)) {
            let whole = sum(&values);
            let terms = whole.terms();
            let numbers: Vec<_> = terms.iter().map(|term| term.number).collect();
            let mut again = ExactSum::default();
            prop_assert!(again.add_terms(terms.first().map_or(0, |term| term.shift), &numbers));
            prop_assert_eq!(again, whole);
            prop_assert!(terms.len() <= 36);
        }
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        assert_eq!(sum(&[1e300, 1.0, -1e300]).round(), 1.0);
        assert_eq!(sum(&[0.1; 10]).round(), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).round(), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).round(), f64::INFINITY);
        assert_eq!(sum(&[-f64::MAX, -f64::MAX]).round(), f64::NEG_INFINITY);
        assert_eq!(sum(&[-0.0]), ExactSum::default());
    }
}
