//! What happens when: events in the order of their time, and of their making where times are equal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Virtual time, in microseconds since the start of the run.
pub type Micros = u64;

/// One second.
pub const SECOND: Micros = 1_000_000;

/// One millisecond.
pub const MILLISECOND: Micros = 1_000;

/// The events to come. The heap holds times and places only, so that large events are moved once in and once out.
#[derive(Debug)]
pub struct Queue<E> {
    order: BinaryHeap<Reverse<(Micros, u64, u32)>>,
    events: Vec<Option<E>>,
    free: Vec<u32>,
    made: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { order: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), made: 0 }
    }
}

impl<E> Queue<E> {
    /// Something that will happen at `time`.
    pub fn push(&mut self, time: Micros, event: E) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            (self.events.len() - 1) as u32
        });
        self.events[place as usize] = Some(event);
        self.made += 1;
        self.order.push(Reverse((time, self.made, place)));
    }

    /// The next event, if it happens at `until` or before.
    pub fn pop(&mut self, until: Micros) -> Option<(Micros, E)> {
        let Reverse((time, _, _)) = self.order.peek()?;
        if *time > until {
            return None;
        }
        let Reverse((time, _, place)) = self.order.pop()?;
        let event = self.events[place as usize].take()?;
        self.free.push(place);
        Some((time, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = Queue::default();
        for (time, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b'), (9, 'e')] {
            queue.push(time, event);
        }
        let mut seen = String::new();
        while let Some((_, event)) = queue.pop(5) {
            seen.push(event);
        }
        assert_eq!(seen, "abcd");
        assert_eq!(queue.pop(9), Some((9, 'e')));
        queue.push(9, 'f');
        assert_eq!(queue.events.len(), 5);
    }
}
