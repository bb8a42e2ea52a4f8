//! All deadlines of the machine, in one small table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_identity::PeerId;

use crate::item::Key;

/// What a deadline is for. Each has at most one deadline, so the table is bounded by neighbours and wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The batches of announcements go out.
    Announce,
    /// Trees have something to tell, to check or to decide.
    Trees,
    /// Something that was announced by its short id has not come.
    Fetch,
    /// The next round with this neighbour starts.
    Reconcile(PeerId),
    /// What this neighbour wants and we don't is offered again.
    Offer(PeerId),
    /// The want for this key has waited long enough: for a push, or for the node's word.
    Want(Key),
    /// An answer that this neighbour owes is overdue.
    Owed(PeerId),
}

/// Deadlines of one machine, whose timers are `T`.
#[derive(Debug)]
pub(crate) struct Timers<T = Timer> {
    due: BTreeSet<(Duration, T)>,
    deadlines: BTreeMap<T, Duration>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), deadlines: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Replaces the timer's deadline, if it has one.
    pub(crate) fn set(&mut self, timer: T, deadline: Duration) {
        if let Some(before) = self.deadlines.insert(timer, deadline) {
            self.due.remove(&(before, timer));
        }
        self.due.insert((deadline, timer));
    }

    /// As [`Timers::set`], but never later than it stands.
    pub(crate) fn set_no_later(&mut self, timer: T, deadline: Duration) {
        if self.deadlines.get(&timer).is_none_or(|standing| *standing > deadline) {
            self.set(timer, deadline);
        }
    }

    pub(crate) fn cancel(&mut self, timer: T) {
        if let Some(deadline) = self.deadlines.remove(&timer) {
            self.due.remove(&(deadline, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: T) -> bool {
        self.deadlines.contains_key(&timer)
    }

    pub(crate) fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    /// Takes one that is due at `now`, earliest first.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<T> {
        self.due.first().filter(|(deadline, _)| *deadline <= now)?;
        let (_, timer) = self.due.pop_first()?;
        self.deadlines.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn fires_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Announce, s(3));
        timers.set(Timer::Want(Key([1; 32])), s(1));
        assert_eq!(timers.next(), Some(s(1)));
        assert_eq!(timers.pop(s(0)), None);
        assert_eq!(timers.pop(s(9)), Some(Timer::Want(Key([1; 32]))));
        assert_eq!(timers.pop(s(9)), Some(Timer::Announce));
        assert_eq!((timers.pop(s(9)), timers.next()), (None, None));
    }

    #[test]
    fn a_timer_has_one_deadline() {
        let mut timers = Timers::default();
        timers.set(Timer::Announce, s(3));
        timers.set(Timer::Announce, s(5));
        assert_eq!(timers.next(), Some(s(5)));
        timers.set_no_later(Timer::Announce, s(9));
        assert_eq!(timers.next(), Some(s(5)));
        timers.set_no_later(Timer::Announce, s(2));
        assert_eq!(timers.next(), Some(s(2)));
        timers.cancel(Timer::Announce);
        assert_eq!(timers.next(), None);
    }
}
