//! A plain rateless code over whole names: one stream of coded symbols, from one side to the other.
//!
//! Follows L. Yang, Y. Gilad and M. Alizadeh, "Practical Rateless Set Reconciliation" (SIGCOMM 2024): a symbol is the sum
//! of the items that it covers, the sum of their checksums and their number; an item is in symbol 0 and then in ever
//! fewer (section 4.2, with the authors' own way to draw the next one). The number of items is sent as its distance from
//! what is expected (section 6). What is counted is exact: the receiver stops the stream at the first symbol that it can
//! do with.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::seed::mix_all;
use crate::sets::Id;

/// Sum and checksum.
const SYMBOL_BYTES: u64 = 32 + 8;

/// Symbols that are made at once.
const BLOCK: usize = 1_024;

/// What one reconciliation cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// Symbols until the receiver knew all.
    pub symbols: u64,
    /// What they take.
    pub bytes: u64,
    /// Differences that it found.
    pub found: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Symbol {
    sum: [u64; 4],
    check: u64,
    count: i64,
}

impl Symbol {
    fn add(&mut self, item: &Item, sign: i64) {
        self.sum.iter_mut().zip(item.words).for_each(|(sum, word)| *sum ^= word);
        self.check ^= item.check;
        self.count += sign;
    }

    fn minus(mut self, other: &Self) -> Self {
        self.sum.iter_mut().zip(other.sum).for_each(|(sum, word)| *sum ^= word);
        self.check ^= other.check;
        self.count -= other.count;
        self
    }

    /// The only item in it, and which side has it.
    fn alone(&self) -> Option<(Item, i64)> {
        let item = Item { words: self.sum, check: mix_all(&self.sum) };
        (self.count.abs() == 1 && item.check == self.check).then_some((item, self.count))
    }
}

#[derive(Clone, Copy, Debug)]
struct Item {
    words: [u64; 4],
    check: u64,
}

impl Item {
    fn new(id: &Id) -> Self {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(id.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Self { words, check: mix_all(&words) }
    }
}

/// The symbols that an item is in, one after the other.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    state: u64,
    at: u64,
}

impl Mapping {
    fn new(item: &Item) -> Self {
        Self { state: item.check, at: 0 }
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(0xda94_2042_e4dd_58b5);
        let jump = (self.at as f64 + 1.5) * (4_294_967_296.0 / (self.state as f64 + 1.0).sqrt() - 1.0);
        self.at = self.at.saturating_add(jump.ceil() as u64);
    }
}

/// Makes a side's symbols, block by block.
struct Encoder {
    items: Vec<(Item, Mapping)>,
    made: u64,
}

impl Encoder {
    fn new<'a>(ids: impl Iterator<Item = &'a Id>) -> Self {
        let items = ids.map(Item::new).map(|item| (item, Mapping::new(&item))).collect();
        Self { items, made: 0 }
    }

    fn block(&mut self) -> Vec<Symbol> {
        let mut block = vec![Symbol::default(); BLOCK];
        let (from, until) = (self.made, self.made + BLOCK as u64);
        for (item, mapping) in &mut self.items {
            while mapping.at < until {
                block[(mapping.at - from) as usize].add(item, 1);
                mapping.step();
            }
        }
        self.made = until;
        block
    }
}

/// Takes differences of symbols, and finds the items.
#[derive(Default)]
struct Decoder {
    symbols: Vec<Symbol>,
    /// What was found, with the next symbol that it will be in.
    found: Vec<(Item, i64, Mapping)>,
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Decoder {
    /// True once all is found.
    fn take(&mut self, mut symbol: Symbol) -> bool {
        let place = self.symbols.len() as u64;
        while let Some(Reverse((at, index))) = self.next.peek().copied()
            && at == place
        {
            self.next.pop();
            let (item, sign, mapping) = &mut self.found[index];
            symbol.add(item, -*sign);
            mapping.step();
            self.next.push(Reverse((mapping.at, index)));
        }
        self.symbols.push(symbol);
        self.peel(place as usize);
        self.symbols[0] == Symbol::default()
    }

    fn peel(&mut self, first: usize) {
        let mut ready = VecDeque::from([first]);
        while let Some(place) = ready.pop_front() {
            let Some((item, sign)) = self.symbols[place].alone() else { continue };
            let mut mapping = Mapping::new(&item);
            while let Some(symbol) = self.symbols.get_mut(mapping.at as usize) {
                symbol.add(&item, -sign);
                ready.push_back(mapping.at as usize);
                mapping.step();
            }
            self.next.push(Reverse((mapping.at, self.found.len())));
            self.found.push((item, sign, mapping));
        }
    }
}

/// Streams from one side to the other until that one knows all differences.
pub fn stream<'a>(sender: impl Iterator<Item = &'a Id>, receiver: impl Iterator<Item = &'a Id>) -> Streamed {
    let (mut theirs, mut ours) = (Encoder::new(sender), Encoder::new(receiver));
    let items = theirs.items.len() as i64;
    let mut decoder = Decoder::default();
    let mut bytes = varint_bytes(items);
    loop {
        for (sent, own) in theirs.block().iter().zip(ours.block()) {
            let place = decoder.symbols.len() as f64;
            let expected = (items as f64 / (1.0 + place / 2.0)).round() as i64;
            bytes += SYMBOL_BYTES + varint_bytes(sent.count - expected);
            if decoder.take(sent.minus(&own)) {
                let (symbols, found) = (decoder.symbols.len() as u64, decoder.found.len() as u64);
                return Streamed { symbols, bytes, found };
            }
        }
    }
}

/// What a number takes, as zigzag and then seven bits a byte.
fn varint_bytes(number: i64) -> u64 {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    u64::from((64 - zigzag.leading_zeros()).div_ceil(7).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::{Sets, Shape};

    #[test]
    fn finds_all_at_the_papers_price() {
        let sets = Sets::new(5_000, 400, Shape::Spread, 1);
        let ids = |is_first| sets.side(is_first).map(|(_, id)| id);
        let streamed = stream(ids(true), ids(false));
        assert_eq!(streamed.found, 400);
        // 1.35 to 1.72 symbols a difference (figure 4 of the paper).
        assert!((480..720).contains(&streamed.symbols), "{streamed:?}");
    }

    #[test]
    fn equal_sets_take_one_symbol() {
        let sets = Sets::new(100, 0, Shape::Spread, 1);
        let ids = |is_first| sets.side(is_first).map(|(_, id)| id);
        assert_eq!(stream(ids(true), ids(false)).symbols, 1);
    }

    #[test]
    fn numbers_take_what_they_need() {
        assert_eq!([0, -64, 63, 64, -65, 8_192].map(varint_bytes), [1, 1, 1, 2, 2, 3]);
    }
}
