//! Rateless codes: two sets that share most elements tell each other the rest at a cost that grows with the rest alone.
//!
//! Follows L. Yang, Y. Gilad, M. Alizadeh, "Practical Rateless Set Reconciliation" (SIGCOMM 2024, arXiv:2402.02668). An
//! element is in cell 0, and in cell i with a chance of 1/(1 + i/2): the gaps between its cells are drawn as in section
//! 4.2, from a hash of the element under a seed that is new for each exchange, so that nobody can prepare elements that
//! fall together. A cell is the XOR of its elements and of their checks, and their count. The cells of one set minus those
//! of the other are the cells of their difference, which is peeled: a cell with one element names it, and taking that out
//! of its other cells lets them name theirs. With d differences about 1.35 d cells are enough, more for small d.
//!
//! Arithmetic is on integers alone, so that all platforms draw the same cells. A check has 24 bits, and a count of one of
//! 256 is asked for too: a cell of many that passes for one comes once in billions, and the fingerprints that follow show
//! that something is left.

/// Bytes of an element.
pub(crate) const ELEMENT_BYTES: usize = 9;
/// Bytes of a cell on the wire: element, check and count.
pub(crate) const CELL_BYTES: usize = ELEMENT_BYTES + CHECK_BYTES + 1;
const CHECK_BYTES: usize = 3;
const ELEMENT_BITS: usize = 8 * ELEMENT_BYTES;
const CODED_BYTES: usize = ELEMENT_BYTES + CHECK_BYTES;

/// What is compared: 72 bits, in the low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Element(pub(crate) u128);

/// Where elements fall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed([u8; 32]);

/// The first cells of a set, or of a difference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    /// Elements with their checks above them.
    sums: Vec<u128>,
    /// Modulo 256.
    counts: Vec<u8>,
}

/// What one side has and the other lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) theirs: Vec<Element>,
    pub(crate) ours: Vec<Element>,
}

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        let mut key = *b"msec/gossip/riblt/1             ";
        key[24..].copy_from_slice(&seed.to_le_bytes());
        Self(key)
    }

    /// The element with its check, and where its gaps begin.
    fn code(&self, element: Element) -> (u128, Gaps) {
        let hash = blake3::keyed_hash(&self.0, &element.0.to_le_bytes()[..ELEMENT_BYTES]);
        let mut state = [0; 8];
        state.copy_from_slice(&hash.as_bytes()[..8]);
        let mut check = [0; 16];
        check[ELEMENT_BYTES..CODED_BYTES].copy_from_slice(&hash.as_bytes()[8..8 + CHECK_BYTES]);
        (element.0 | u128::from_le_bytes(check), Gaps { state: u64::from_le_bytes(state), next: 0 })
    }
}

/// The cells of one element, in order.
struct Gaps {
    state: u64,
    next: u64,
}

impl Gaps {
    /// The next cell below `end`.
    fn below(&mut self, end: usize) -> Option<usize> {
        if self.next >= end as u64 {
            return None;
        }
        let at = self.next;
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = self.state;
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^= random >> 31;
        // (1.5 + i) * (1/sqrt(u) - 1), rounded up, with u drawn from (0, 1].
        let root = random.isqrt() + 1;
        let gap = ((2 * at + 3) * ((1 << 32) - root)).div_ceil(2 * root).max(1);
        self.next = at.saturating_add(gap);
        Some(at as usize)
    }
}

impl Cells {
    pub(crate) fn new(len: usize) -> Self {
        Self { sums: vec![0; len], counts: vec![0; len] }
    }

    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    pub(crate) fn add(&mut self, seed: &Seed, element: Element) {
        self.change(seed, element, 1);
    }

    fn change(&mut self, seed: &Seed, element: Element, by: u8) {
        let (coded, mut gaps) = seed.code(element);
        while let Some(at) = gaps.below(self.len()) {
            self.sums[at] ^= coded;
            self.counts[at] = self.counts[at].wrapping_add(by);
        }
    }

    /// Some of them, as they travel.
    pub(crate) fn to_bytes(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(range.len() * CELL_BYTES);
        for (sum, count) in self.sums[range.clone()].iter().zip(&self.counts[range]) {
            bytes.extend_from_slice(&sum.to_le_bytes()[..CODED_BYTES]);
            bytes.push(*count);
        }
        bytes
    }

    /// Adds those that came; a rest that is no whole cell does not count.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        for cell in bytes.chunks_exact(CELL_BYTES) {
            let mut sum = [0; 16];
            sum[..CODED_BYTES].copy_from_slice(&cell[..CODED_BYTES]);
            self.sums.push(u128::from_le_bytes(sum));
            self.counts.push(cell[CODED_BYTES]);
        }
    }

    /// These minus the first of `ours`, of which there must be as many.
    pub(crate) fn minus(&self, ours: &Self) -> Self {
        Self {
            sums: self.sums.iter().zip(&ours.sums).map(|(theirs, ours)| theirs ^ ours).collect(),
            counts: self.counts.iter().zip(&ours.counts).map(|(a, b)| a.wrapping_sub(*b)).collect(),
        }
    }

    /// Peels a difference. `None`: more cells are needed. Work is bounded by the cells: no more than one element for each
    /// is taken out, whatever they hold.
    pub(crate) fn peel(mut self, seed: &Seed) -> Option<Difference> {
        let mut difference = Difference::default();
        let mut single: Vec<usize> = (0..self.len()).rev().collect();
        while let Some(at) = single.pop() {
            let (sum, count) = (self.sums[at], self.counts[at]);
            if count != 1 && count != u8::MAX {
                continue;
            }
            let element = Element(sum & ((1 << ELEMENT_BITS) - 1));
            let (coded, mut gaps) = seed.code(element);
            if coded != sum {
                continue;
            }
            if difference.theirs.len() + difference.ours.len() == self.len() {
                return None;
            }
            if count == 1 {
                difference.theirs.push(element)
            } else {
                difference.ours.push(element)
            }
            while let Some(at) = gaps.below(self.len()) {
                self.sums[at] ^= coded;
                self.counts[at] = self.counts[at].wrapping_sub(count);
                single.push(at);
            }
        }
        let is_empty = self.sums.iter().all(|sum| *sum == 0) && self.counts.iter().all(|count| *count == 0);
        is_empty.then(|| {
            difference.theirs.sort_unstable();
            difference.ours.sort_unstable();
            difference
        })
    }

    /// About how many elements a difference has, when theirs are `more` than ours (less, if negative).
    ///
    /// An element is in cell i with a chance of p = 2/(2 + i), and counts for one up or down. So a cell's count is about
    /// p * more, and its square's distance from that p(1 - p) for each element. Low cells, in which counts may have gone
    /// round, are left out.
    pub(crate) fn estimate(&self, more: i64) -> u64 {
        let (mut squares, mut weight) = (0u64, 0u64);
        for at in (self.len() / 4).max(1)..self.len() {
            let i = at as i64;
            let expected = (2 * more).div_euclid(2 + i);
            let off = i64::from(self.counts[at].wrapping_sub(expected as u8) as i8);
            squares += (off * off) as u64;
            weight += ((2 * at as u64) << 20) / ((2 + at as u64) * (2 + at as u64));
        }
        let estimate = (u128::from(squares) << 20) / u128::from(weight.max(1));
        u64::try_from(estimate).unwrap_or(u64::MAX).max(more.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(n: u64) -> Element {
        let hash = blake3::hash(&n.to_le_bytes());
        let mut bytes = [0; 16];
        bytes[..ELEMENT_BYTES].copy_from_slice(&hash.as_bytes()[..ELEMENT_BYTES]);
        Element(u128::from_le_bytes(bytes))
    }

    fn cells(seed: &Seed, elements: impl IntoIterator<Item = u64>, len: usize) -> Cells {
        let mut cells = Cells::new(len);
        elements.into_iter().for_each(|n| cells.add(seed, element(n)));
        cells
    }

    /// Cells of `theirs` and of `common`, minus those of `ours` and of `common`.
    fn difference(seed: u64, theirs: u64, ours: u64, common: u64, len: usize) -> Cells {
        let seed = Seed::new(seed);
        let (a, b) = (1 << 32, 1 << 33);
        let sent = cells(&seed, (0..common).chain(a..a + theirs), len);
        let mut came = Cells::default();
        came.extend(&sent.to_bytes(0..len / 2));
        came.extend(&sent.to_bytes(len / 2..len));
        came.minus(&cells(&seed, (0..common).chain(b..b + ours), len))
    }

    fn first(cells: &Cells, len: usize) -> Cells {
        Cells { sums: cells.sums[..len].to_vec(), counts: cells.counts[..len].to_vec() }
    }

    /// The fewest cells that peel, to within a fiftieth.
    fn needed(cells: &Cells, differences: usize, seed: u64) -> usize {
        let step = (differences / 50).max(1);
        let enough = |len: &usize| first(cells, *len).peel(&Seed::new(seed)).is_some();
        let least = if differences < 1_000 { differences } else { differences * 13 / 10 };
        (least..cells.len()).step_by(step).find(enough).expect("enough cells")
    }

    #[test]
    fn all_that_differs_comes_out_and_costs_what_the_paper_says() {
        for (differences, overhead_max) in [(1, 300), (10, 260), (100, 180), (1_000, 146), (10_000, 142)] {
            let mut total = 0;
            let seeds = if differences < 1_000 { 20 } else { 1 };
            for seed in 0..seeds {
                let (theirs, ours) = (differences - differences / 3, differences / 3);
                let cells = difference(seed, theirs, ours, 50, 2 * differences as usize + 20);
                let needed = needed(&cells, differences as usize, seed);
                total += needed as u64;
                let found = first(&cells, needed).peel(&Seed::new(seed)).unwrap();
                assert_eq!((found.theirs.len() as u64, found.ours.len() as u64), (theirs, ours));
                let mut expected: Vec<Element> = ((1 << 32)..(1 << 32) + theirs).map(element).collect();
                expected.sort();
                assert_eq!(found.theirs, expected);
            }
            let overhead = total * 100 / (seeds * differences);
            assert!(overhead <= overhead_max, "{overhead} % for {differences}");
        }
    }

    #[test]
    fn equal_sets_need_one_cell() {
        assert_eq!(difference(1, 0, 0, 100, 1).peel(&Seed::new(1)), Some(Difference::default()));
        assert_eq!(difference(1, 9, 0, 100, 3).peel(&Seed::new(1)), None);
    }

    #[test]
    fn a_few_cells_tell_about_how_many_differ() {
        for (theirs, ours) in [(5u64, 5), (50, 50), (500, 500), (1_000, 0), (0, 3_000), (4_000, 4_000)] {
            for seed in 0..5 {
                let estimate = difference(seed, theirs, ours, 0, 64).estimate(theirs as i64 - ours as i64);
                let real = theirs + ours;
                assert!((real / 2..=real * 2).contains(&estimate), "{estimate} for {real}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_no_code_ends(bytes in prop::collection::vec(any::<u8>(), 0..40 * CELL_BYTES), copies in 1usize..4) {
            let mut cells = Cells::default();
            (0..copies).for_each(|_| cells.extend(&bytes));
            let _ = cells.estimate(7);
            let _ = cells.peel(&Seed::new(7));
        }

        /// Whoever knows the seed can write cells that name elements which are in no other cell.
        #[test]
        fn cells_that_contradict_each_other_end(picks in prop::collection::vec((0u64..4, any::<bool>()), 1..60)) {
            let seed = Seed::new(7);
            let mut cells = Cells::default();
            for (n, up) in picks {
                cells.sums.push(seed.code(element(n)).0);
                cells.counts.push(if up { 1 } else { u8::MAX });
            }
            let len = cells.len();
            if let Some(found) = cells.peel(&seed) {
                prop_assert!(found.theirs.len() + found.ours.len() <= len);
            }
        }
    }
}
