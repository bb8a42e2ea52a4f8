//! What waits to be sent on a link: bounded in bytes, filled without waiting, emptied in the order of priority.
//!
//! One for each link, whatever carries it: drivers and simulated wires fill it as the node says, and empty it as the link
//! takes it. A neighbour that reads slowly fills its own, and nobody waits for that: when it is full, what is least urgent
//! goes first, and last in it what came last. The node is told of each frame that went, and reconciles later. Where not
//! even control entries fit, the neighbour is let go.

use std::collections::VecDeque;

use msec_gossip::Priority;

use crate::wire::{LIVE_BYTES_MAX, QUEUE_BYTES_MAX};

/// Which of a link's streams a frame takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The first stream: control entries, then live messages, in order.
    Live,
    /// A stream for each chunk, which gives way to the first.
    Chunks,
}

impl Lane {
    /// Where a frame of that priority goes.
    pub fn of(priority: Priority) -> Self {
        match priority {
            Priority::Control | Priority::Live => Self::Live,
            Priority::CatchUp | Priority::Bulk => Self::Chunks,
        }
    }

    fn priorities(self) -> [Priority; 2] {
        match self {
            Self::Live => [Priority::Control, Priority::Live],
            Self::Chunks => [Priority::CatchUp, Priority::Bulk],
        }
    }
}

/// A frame for which there was no room. The node is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// How urgent it was.
    pub priority: Priority,
    /// The frame.
    pub frame: Vec<u8>,
}

/// Frames that wait, at most [`QUEUE_BYTES_MAX`] bytes of them.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Most urgent first.
    waiting: [Waiting; 4],
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Outbox {
    /// Adds a frame. Returns what was dropped to make room for it, which may be the frame itself.
    pub fn push(&mut self, priority: Priority, frame: Vec<u8>) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        let is_long = frame.len() > QUEUE_BYTES_MAX;
        let too_much_live =
            priority == Priority::Live && self.waiting(priority).bytes + frame.len() > LIVE_BYTES_MAX;
        let mut fits = !is_long && !too_much_live;
        while fits && self.bytes() + frame.len() > QUEUE_BYTES_MAX {
            let less_urgent = [Priority::Bulk, Priority::CatchUp, Priority::Live];
            let victims = less_urgent.into_iter().take_while(|other| *other > priority);
            let victim = victims.into_iter().find_map(|other| {
                let frame = self.waiting_mut(other).pop_back()?;
                Some(Dropped { priority: other, frame })
            });
            fits = victim.is_some();
            dropped.extend(victim);
        }
        if fits {
            self.waiting_mut(priority).push_back(frame);
        } else {
            dropped.push(Dropped { priority, frame });
        }
        dropped
    }

    /// The next frame for a stream of that kind.
    pub fn pop(&mut self, lane: Lane) -> Option<Vec<u8>> {
        lane.priorities().into_iter().find_map(|priority| self.waiting_mut(priority).pop_front())
    }

    /// Nothing of that kind is sent any more: what waits for it is forgotten.
    pub fn clear(&mut self, lane: Lane) {
        for priority in lane.priorities() {
            *self.waiting_mut(priority) = Waiting::default();
        }
    }

    /// Whether nothing waits for a stream of that kind.
    pub fn is_empty(&self, lane: Lane) -> bool {
        lane.priorities().into_iter().all(|priority| self.waiting(priority).frames.is_empty())
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.bytes).sum()
    }

    fn waiting(&self, priority: Priority) -> &Waiting {
        &self.waiting[place(priority)]
    }

    fn waiting_mut(&mut self, priority: Priority) -> &mut Waiting {
        &mut self.waiting[place(priority)]
    }
}

impl Waiting {
    fn push_back(&mut self, frame: Vec<u8>) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    fn pop_front(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    fn pop_back(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop_back()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

fn place(priority: Priority) -> usize {
    match priority {
        Priority::Control => 0,
        Priority::Live => 1,
        Priority::CatchUp => 2,
        Priority::Bulk => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Priority; 4] = [Priority::Control, Priority::Live, Priority::CatchUp, Priority::Bulk];

    fn priorities(dropped: &[Dropped]) -> Vec<Priority> {
        dropped.iter().map(|dropped| dropped.priority).collect()
    }

    #[test]
    fn urgent_first_and_each_stream_has_its_own() {
        let mut outbox = Outbox::default();
        for (n, priority) in (0..).zip(ALL.into_iter().rev()) {
            assert_eq!(outbox.push(priority, vec![n]), []);
        }
        assert_eq!(outbox.bytes(), 4);
        let mut pop = |lane| outbox.pop(lane).map(|frame| frame[0]);
        assert_eq!([pop(Lane::Live), pop(Lane::Live), pop(Lane::Live)], [Some(3), Some(2), None]);
        assert_eq!([pop(Lane::Chunks), pop(Lane::Chunks), pop(Lane::Chunks)], [Some(1), Some(0), None]);
    }

    #[test]
    fn what_is_least_urgent_goes_first_and_last_in_it_what_came_last() {
        let mut outbox = Outbox::default();
        let quarter = QUEUE_BYTES_MAX / 4;
        for (priority, mark) in [(Priority::Bulk, 1), (Priority::CatchUp, 2), (Priority::CatchUp, 3)] {
            assert_eq!(outbox.push(priority, vec![mark; quarter]), []);
        }
        assert_eq!(outbox.push(Priority::Live, vec![4; quarter]), []);
        assert_eq!(priorities(&outbox.push(Priority::Bulk, vec![5])), [Priority::Bulk], "itself");
        assert_eq!(priorities(&outbox.push(Priority::Control, vec![6])), [Priority::Bulk]);
        let dropped = outbox.push(Priority::Control, vec![7; quarter]);
        assert_eq!((priorities(&dropped), dropped[0].frame[0]), (vec![Priority::CatchUp], 3));
        assert_eq!(
            priorities(&outbox.push(Priority::Live, vec![8])),
            [Priority::Live],
            "only so much is live"
        );
        let dropped = outbox.push(Priority::Control, vec![9; 2 * quarter]);
        assert_eq!(priorities(&dropped), [Priority::CatchUp, Priority::Live]);
        assert_eq!(priorities(&outbox.push(Priority::Control, vec![0; quarter])), [Priority::Control]);
    }

    #[test]
    fn what_fits_nowhere_costs_nobody_its_place() {
        let mut outbox = Outbox::default();
        outbox.push(Priority::Bulk, vec![1]);
        assert_eq!(
            priorities(&outbox.push(Priority::Control, vec![0; QUEUE_BYTES_MAX + 1])),
            [Priority::Control]
        );
        assert_eq!(outbox.bytes(), 1);
        outbox.clear(Lane::Chunks);
        assert!(outbox.is_empty(Lane::Chunks) && outbox.bytes() == 0);
    }

    proptest! {
        #[test]
        fn every_frame_comes_out_once_and_the_bound_holds(
            steps in prop::collection::vec((0usize..4, 0usize..QUEUE_BYTES_MAX / 3, prop::bool::weighted(0.2)), 0..40),
        ) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut out) = (0, 0);
            for (which, length, pop) in steps {
                let dropped = outbox.push(ALL[which], vec![0; length]);
                prop_assert!(dropped.iter().all(|it| it.priority >= ALL[which]), "nothing gives way to less urgent");
                pushed += 1;
                out += dropped.len();
                if pop {
                    out += usize::from(outbox.pop(Lane::Live).or_else(|| outbox.pop(Lane::Chunks)).is_some());
                }
                prop_assert!(outbox.bytes() <= QUEUE_BYTES_MAX);
            }
            for lane in [Lane::Live, Lane::Chunks] {
                out += std::iter::from_fn(|| outbox.pop(lane)).count();
                prop_assert!(outbox.is_empty(lane));
            }
            prop_assert_eq!((pushed, outbox.bytes()), (out, 0));
        }
    }
}
