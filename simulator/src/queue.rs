//! What is to happen, in the order of time; at one time, in the order in which it was put there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A queue of what is to happen. It is bounded by what it holds: see `world` for who puts what there.
///
/// The heap orders small entries; what they stand for stays in its place until it happens.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry>>,
    places: Vec<Option<T>>,
    free: Vec<usize>,
    next: u64,
}

/// The order of the fields is that in which things happen; no two have the same turn.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Duration,
    turn: u64,
    place: usize,
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, at: Duration, what: T) {
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place] = Some(what);
                place
            }
            None => {
                self.places.push(Some(what));
                self.places.len() - 1
            }
        };
        self.heap.push(Reverse(Entry { at, turn: self.next, place }));
        self.next += 1;
    }

    /// The next that happens up to and at `until`.
    pub(crate) fn pop(&mut self, until: Duration) -> Option<(Duration, T)> {
        if self.heap.peek().is_none_or(|Reverse(entry)| entry.at > until) {
            return None;
        }
        let Reverse(Entry { at, place, .. }) = self.heap.pop()?;
        self.free.push(place);
        Some((at, self.places[place].take().expect("what is in the heap is in its place")))
    }

    /// When the next one happens.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), places: Vec::new(), free: Vec::new(), next: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_and_then_by_turn() {
        let mut queue = Queue::default();
        let second = Duration::from_secs(1);
        for (at, what) in [(2, 'd'), (1, 'a'), (1, 'b'), (3, 'e'), (1, 'c')] {
            queue.push(second * at, what);
        }
        let order: String = std::iter::from_fn(|| queue.pop(second * 2)).map(|(_, what)| what).collect();
        assert_eq!(order, "abcd");
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_place_is_used_again() {
        let mut queue = Queue::default();
        for n in 0..100u64 {
            queue.push(Duration::from_secs(n), n);
            queue.push(Duration::from_secs(n), n + 1_000);
            assert_eq!(queue.pop(Duration::MAX).map(|(_, what)| what), Some(n));
            assert_eq!(queue.pop(Duration::MAX).map(|(_, what)| what), Some(n + 1_000));
        }
        assert_eq!((queue.len(), queue.places.len()), (0, 2));
    }
}
