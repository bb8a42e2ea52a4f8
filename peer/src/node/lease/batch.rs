//! What neighbours asked, what was asked with it, and who is waiting for the answer.

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::{PeerId, Question, Questions, Way};

/// Questions of one neighbour that wait. A further one is passed over: it asks again.
pub(super) const WAITING_OF_ONE_MAX: usize = 4;
/// Questions of all neighbours that wait. A further one is passed over.
pub(super) const WAITING_MAX: usize = 512;
/// Questions that are put together. What is beyond waits for the next time.
pub(super) const TOGETHER_MAX: usize = 256;
/// How long an answer is waited for. Whoever asked asks again by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A neighbour's question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) by: PeerId,
    /// What that one calls it.
    pub(super) id: u32,
    question: Question,
    at: Duration,
}

/// Those that nobody was asked yet.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Asked>);

impl Waiting {
    pub(super) fn add(&mut self, at: Duration, by: PeerId, id: u32, question: Question) {
        let of_one = self.0.iter().filter(|asked| asked.by == by).count();
        if of_one < WAITING_OF_ONE_MAX && self.0.len() < WAITING_MAX {
            self.0.push_back(Asked { by, id, question, at });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is to be asked together now, the oldest first.
    pub(super) fn take(&mut self) -> Vec<Asked> {
        let count = self.0.len().min(TOGETHER_MAX);
        self.0.drain(..count).collect()
    }

    /// Nobody waits for these any more: of that neighbour, or asked too long ago.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.0.retain(|asked| asked.by != *peer);
    }

    pub(super) fn expire(&mut self, now: Duration) {
        self.0.retain(|asked| asked.at + PATIENCE > now);
    }

    /// When the oldest of them is given up.
    pub(super) fn due(&self) -> Option<Duration> {
        self.0.front().map(|asked| asked.at + PATIENCE)
    }
}

/// Questions that were put together.
#[derive(Debug)]
pub(super) struct Batch {
    asked: Vec<Asked>,
    /// Those, and behind them our own, if there is one.
    together: Questions,
}

impl Batch {
    /// `None`: there is nothing to ask.
    pub(super) fn of(asked: Vec<Asked>, own: Option<Question>) -> Option<Self> {
        let questions = asked.iter().map(|asked| asked.question).chain(own).collect();
        Some(Self { together: Questions::together(questions)?, asked })
    }

    /// What all of them come to.
    pub(super) fn root(&self) -> Question {
        self.together.root()
    }

    /// Who is to be told which way, if this one leads on from the root. Whose way would be too long is told nothing.
    pub(super) fn answers<'a>(&'a self, on: &'a Way) -> impl Iterator<Item = (Asked, Way)> + 'a {
        let way = |(nth, asked): (usize, &Asked)| Some((*asked, self.together.way(nth)?.then(on)?));
        self.asked.iter().enumerate().filter_map(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: usize) -> PeerId {
        PeerId([n as u8; 32])
    }

    fn question(n: usize) -> Question {
        Question::of(&[n as u8; 32])
    }

    #[test]
    fn what_waits_is_bounded_for_one_and_for_all() {
        let mut waiting = Waiting::default();
        for n in 0..9 {
            waiting.add(Duration::ZERO, peer(1), n, question(1));
        }
        assert_eq!(waiting.len(), WAITING_OF_ONE_MAX);
        for n in 0..WAITING_MAX {
            waiting.add(Duration::ZERO, peer(2 + n % 200), 0, question(n));
        }
        assert_eq!(waiting.len(), WAITING_MAX);
        assert_eq!((waiting.take().len(), waiting.len()), (TOGETHER_MAX, WAITING_MAX - TOGETHER_MAX));
    }

    #[test]
    fn nobody_waits_for_ever_nor_after_it_is_gone() {
        let mut waiting = Waiting::default();
        waiting.add(Duration::ZERO, peer(1), 0, question(1));
        waiting.add(Duration::from_secs(5), peer(2), 0, question(2));
        waiting.add(Duration::from_secs(5), peer(3), 0, question(3));
        assert_eq!(waiting.due(), Some(PATIENCE));
        waiting.expire(PATIENCE);
        waiting.forget(&peer(3));
        assert_eq!(waiting.take().iter().map(|asked| asked.by).collect::<Vec<_>>(), [peer(2)]);
    }

    #[test]
    fn each_is_told_its_way_and_whose_would_be_too_long_nothing() {
        let mut waiting = Waiting::default();
        (0..3).for_each(|n| waiting.add(Duration::ZERO, peer(n), n as u32, question(n)));
        let batch = Batch::of(waiting.take(), Some(question(9))).expect("some");
        let on = Way::from_parts(vec![question(20)], 1).expect("a way");
        let end = on.leads_from(batch.root());
        let answers: Vec<_> = batch.answers(&on).collect();
        assert_eq!(answers.len(), 3);
        for (asked, way) in answers {
            assert_eq!(way.leads_from(question(asked.id as usize)), end);
        }
        let long = Way::from_parts(vec![question(20); 64], 0).expect("a way");
        assert_eq!(batch.answers(&long).count(), 0);
        assert!(Batch::of(Vec::new(), None).is_none());
    }
}
