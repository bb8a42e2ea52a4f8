//! What is to happen, in the order of time; at one time, in the order in which it was put there.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A queue of what is to happen. It is bounded by what it holds: see `world` for who puts what there.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Duration,
    order: u64,
    what: T,
}

impl<T> Queue<T> {
    pub(crate) fn push(&mut self, at: Duration, what: T) {
        self.heap.push(Entry { at, order: self.next, what });
        self.next += 1;
    }

    /// The next that happens up to and at `until`.
    pub(crate) fn pop(&mut self, until: Duration) -> Option<(Duration, T)> {
        if self.heap.peek().is_none_or(|entry| entry.at > until) {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next: 0 }
    }
}

/// The heap gives the greatest first: the earliest is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

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
}
