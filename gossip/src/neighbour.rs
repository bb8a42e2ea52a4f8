//! What we know, think and owe of one neighbour. All of it is forgotten when the link goes down.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::answers::Answers;
use crate::config::Config;
use crate::interest::Interest;
use crate::item::{Key, Version};
use crate::message::WantId;
use crate::name::{self, Name};
use crate::offer::Offers;
use crate::quota::Quotas;
use crate::range::Range;
use crate::reconcile::{Pace, Session};
use crate::serve::Serving;

/// The order in which queued wants are sent: control first, then oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WantOrder {
    pub(crate) is_data: bool,
    pub(crate) made: u64,
}

#[derive(Debug)]
pub(crate) struct Neighbour {
    /// It relays nothing.
    pub(crate) is_leaf: bool,
    /// A leaf is pushed to: it asked for that, or has not said anything yet.
    pub(crate) is_fed: bool,
    /// What the link costs, as it was last measured.
    pub(crate) cost: Duration,
    /// Pushes that it was the first to announce and that have not come: at most `Config::fetches_max`.
    pub(crate) fetches: usize,
    /// What it wants.
    pub(crate) interest: Interest,
    /// What both of us want: what reconciliation compares.
    pub(crate) common: Interest,
    /// For keys that we hold: bounded by what we hold.
    known: BTreeMap<Key, Known>,
    /// For keys that we don't hold: bounded by `Config::hearsay_max`.
    hearsay: BTreeMap<Key, Hearsay>,
    /// Bounded by `Config::backoffs_max`.
    backoffs: BTreeMap<Key, Backoff>,
    /// Bounded by `Config::conflicts_max`.
    conflicts: BTreeSet<(Key, [u8; 32], u64)>,
    /// What the node reads for it: bounded by `Config::serves_in_flight_max`.
    pub(crate) serving: BTreeMap<Key, Serving>,
    /// What it owes us: at most `Config::wants_in_flight_max`.
    pub(crate) answers: Answers,
    /// Wants that wait for one of those to end. Entries may be stale; they name live wants, so those bound it.
    pub(crate) wants_queued: BTreeSet<(WantOrder, Key)>,
    /// How often it was late, had nothing to give, gave what was refused, or went over a quota, since it last gave something
    /// good. Suspicion is no proof: who has many is asked last, and that is all.
    pub(crate) demerits: u32,
    pub(crate) quotas: Quotas,
    pub(crate) pace: Pace,
    pub(crate) session: Session,
    pub(crate) offers: Offers,
}

/// How far it holds a key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It said so, or delivered it.
    told: u64,
    /// We pushed it there, which a loss can make untrue.
    thought: u64,
}

#[derive(Clone, Copy, Debug)]
struct Hearsay {
    told: u64,
    /// In the common interest, so that a list which lacks it takes it back.
    common: bool,
}

#[derive(Clone, Copy, Debug)]
struct Backoff {
    until: Duration,
    failures: u32,
    /// It said itself that it will not answer now.
    for_now: bool,
}

/// Who says more often than this that it will not answer now is not waited for. Chosen: it takes some ten seconds, and a
/// neighbour that was asked for too much at once has answered by then.
const UNSERVED_MAX: u32 = 4;

impl Backoff {
    fn may_come(&self) -> bool {
        self.for_now && self.failures <= UNSERVED_MAX
    }
}

impl Neighbour {
    /// One whose wants are numbered from `first` on.
    pub(crate) fn new(
        now: Duration,
        interest: Interest,
        mine: &Interest,
        first: WantId,
        config: &Config,
    ) -> Self {
        Self {
            is_leaf: false,
            is_fed: true,
            cost: config.cost_default,
            fetches: 0,
            common: mine.intersect(&interest),
            interest,
            known: BTreeMap::new(),
            hearsay: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            conflicts: BTreeSet::new(),
            serving: BTreeMap::new(),
            answers: Answers::new(first, config),
            wants_queued: BTreeSet::new(),
            demerits: 0,
            quotas: Quotas::full(now, config),
            pace: Pace::new(now),
            session: Session::default(),
            offers: Offers::default(),
        }
    }

    /// How much is known, hearsay, backed off, in conflict.
    pub(crate) fn table_sizes(&self) -> [usize; 4] {
        [self.known.len(), self.hearsay.len(), self.backoffs.len(), self.conflicts.len()]
    }

    /// The size that it said it holds: it can be asked for that.
    pub(crate) fn told(&self, key: &Key) -> u64 {
        let hearsay = || self.hearsay.get(key).map_or(0, |hearsay| hearsay.told);
        self.known.get(key).map_or_else(hearsay, |known| known.told)
    }

    /// The size that it probably holds: it need not be sent that.
    pub(crate) fn holds(&self, key: &Key) -> u64 {
        self.known.get(key).map_or_else(|| self.told(key), |known| known.told.max(known.thought))
    }

    /// It holds at least `size` of a key that we hold too.
    pub(crate) fn tell_at_least(&mut self, key: Key, size: u64) {
        let known = self.known.entry(key).or_default();
        known.told = known.told.max(size);
    }

    /// It holds exactly `size` of a key that we hold too.
    pub(crate) fn tell_exactly(&mut self, key: Key, size: u64) {
        self.known.insert(key, Known { told: size, thought: 0 });
    }

    /// We pushed it `size` of a key that we hold.
    pub(crate) fn think(&mut self, key: Key, size: u64) {
        self.known.entry(key).or_default().thought = size;
    }

    /// It holds at least `size` (or `exactly` that) of a key that we don't hold. False if the table is full.
    pub(crate) fn hear(&mut self, key: Key, size: u64, exactly: bool, common: bool, max: usize) -> bool {
        if self.hearsay.len() >= max && !self.hearsay.contains_key(&key) {
            return false;
        }
        let hearsay = self.hearsay.entry(key).or_insert(Hearsay { told: 0, common });
        hearsay.told = if exactly { size } else { hearsay.told.max(size) };
        hearsay.common |= common;
        true
    }

    /// We hold `key` now: what was hearsay, of it or of its name, is knowledge.
    pub(crate) fn promote(&mut self, key: Key) {
        for heard_as in [key, Name::of(&key).stand_in()] {
            if let Some(hearsay) = self.hearsay.remove(&heard_as) {
                self.tell_at_least(key, hearsay.told);
            }
        }
    }

    /// The key of that name that it said it holds, if it has said which.
    pub(crate) fn heard_of(&self, name: Name) -> Option<Key> {
        self.hearsay.range(name.range().bounds()).map(|(key, _)| *key).find(|key| !name::is_stand_in(key))
    }

    /// Whether it will not give us what has that name: what it gave was refused, or it says no again and again.
    pub(crate) fn withholds(&self, name: Name, now: Duration) -> bool {
        self.backs_off(name, now, |backoff| !backoff.may_come())
    }

    /// Whether it said no to what has that name, and is to be asked again soon.
    pub(crate) fn puts_off(&self, name: Name, now: Duration) -> bool {
        self.backs_off(name, now, Backoff::may_come)
    }

    fn backs_off(&self, name: Name, now: Duration, which: impl Fn(&Backoff) -> bool) -> bool {
        let mut backoffs = self.backoffs.range(name.range().bounds()).map(|(_, backoff)| backoff);
        backoffs.any(|backoff| now < backoff.until && which(backoff))
    }

    /// Its list of `range` is complete: what we heard of and it didn't list, it doesn't hold.
    pub(crate) fn unhear(&mut self, range: &Range, lists: &impl Fn(&Key) -> bool) {
        let gone = self.hearsay.range(range.bounds());
        let gone = gone.filter(|(key, hearsay)| (hearsay.common || range.is_exact()) && !lists(key));
        let gone: Vec<Key> = gone.map(|(key, _)| *key).collect();
        for key in gone {
            self.hearsay.remove(&key);
        }
    }

    /// Messages to it were dropped: what we pushed may never have come.
    pub(crate) fn doubt(&mut self) {
        for known in self.known.values_mut() {
            known.thought = 0;
        }
    }

    /// What it gave us for `key` was bad, or nothing: it is not asked again for a while, and not believed to hold it.
    pub(crate) fn back_off(&mut self, key: Key, now: Duration, config: &Config) {
        self.back_off_up_to(key, now, config.backoff_max, false, config);
    }

    /// It said itself that it will not, or cannot now: that is soon over, or it says so again.
    pub(crate) fn back_off_briefly(&mut self, key: Key, now: Duration, config: &Config) {
        self.back_off_up_to(key, now, config.reconcile_interval, true, config);
    }

    fn back_off_up_to(
        &mut self,
        key: Key,
        now: Duration,
        pause_max: Duration,
        for_now: bool,
        config: &Config,
    ) {
        self.blame();
        self.known.remove(&key);
        self.hearsay.remove(&key);
        let failures = self.backoffs.get(&key).map_or(0, |backoff| backoff.failures);
        if self.backoffs.len() >= config.backoffs_max && !self.backoffs.contains_key(&key) {
            let soonest = self.backoffs.iter().min_by_key(|(_, backoff)| backoff.until).map(|(key, _)| *key);
            self.backoffs.remove(&soonest.unwrap_or(key));
        }
        let pause = doubled(config.backoff_min, failures).min(pause_max);
        let until = now.saturating_add(pause);
        self.backoffs.insert(key, Backoff { until, failures: failures.saturating_add(1), for_now });
    }

    /// It did what an honest neighbour may do, and a better one would not.
    pub(crate) fn blame(&mut self) {
        self.demerits = self.demerits.saturating_add(1);
    }

    /// It gave us something good for `key`.
    pub(crate) fn forgive(&mut self, key: &Key) {
        self.backoffs.remove(key);
        self.demerits = 0;
        self.pace.fruitless = 0;
    }

    pub(crate) fn is_backed_off(&self, key: &Key, now: Duration) -> bool {
        self.backoffs.get(key).is_some_and(|backoff| now < backoff.until)
    }

    /// True the first time that it shows this conflict.
    pub(crate) fn note_conflict(&mut self, key: Key, theirs: Version, max: usize) -> bool {
        self.conflicts.len() < max && self.conflicts.insert((key, theirs.digest, theirs.size))
    }
}

/// `base`, doubled `times` times, without overflow.
pub(crate) fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(2u32.saturating_pow(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour() -> Neighbour {
        let all = Interest::all();
        Neighbour::new(Duration::ZERO, all.clone(), &all, WantId(0), &Config::default())
    }

    #[test]
    fn what_it_said_outlives_what_we_thought() {
        let (mut it, key) = (neighbour(), Key([1; 32]));
        it.tell_at_least(key, 3);
        it.think(key, 9);
        assert_eq!((it.told(&key), it.holds(&key)), (3, 9));
        it.doubt();
        assert_eq!((it.told(&key), it.holds(&key)), (3, 3));
        it.think(key, 9);
        it.tell_exactly(key, 2);
        assert_eq!((it.told(&key), it.holds(&key)), (2, 2));
    }

    #[test]
    fn hearsay_is_bounded_and_becomes_knowledge() {
        let (mut it, key) = (neighbour(), Key([1; 32]));
        assert!(it.hear(key, 3, false, true, 1));
        assert!(!it.hear(Key([2; 32]), 3, false, true, 1));
        assert!(it.hear(key, 2, false, true, 1));
        assert_eq!(it.told(&key), 3);
        it.promote(key);
        assert_eq!((it.told(&key), it.hearsay.len()), (3, 0));
    }

    #[test]
    fn a_list_takes_back_hearsay_of_the_common_interest() {
        let (mut it, common, other) = (neighbour(), Key([1; 32]), Key([2; 32]));
        it.hear(common, 3, false, true, 9);
        it.hear(other, 3, false, false, 9);
        it.unhear(&Range::ALL, &|_| false);
        assert_eq!((it.told(&common), it.told(&other)), (0, 3));
        it.unhear(&Range::exactly(&other), &|_| false);
        assert_eq!(it.told(&other), 0);
    }

    #[test]
    fn backing_off_doubles_up_to_a_cap_and_is_bounded() {
        let config = Config { backoffs_max: 2, backoff_max: Duration::from_secs(3), ..Config::default() };
        let (mut it, key) = (neighbour(), Key([1; 32]));
        let mut pause = || {
            it.back_off(key, Duration::ZERO, &config);
            it.backoffs[&key].until.as_secs()
        };
        assert_eq!([pause(), pause(), pause(), pause()], [1, 2, 3, 3]);
        it.back_off(Key([2; 32]), Duration::ZERO, &config);
        it.back_off(Key([3; 32]), Duration::ZERO, &config);
        assert_eq!(it.backoffs.keys().map(|key| key.0[0]).collect::<Vec<_>>(), [1, 3]);
        assert!(
            it.is_backed_off(&key, Duration::from_secs(2)) && !it.is_backed_off(&key, Duration::from_secs(3))
        );
        it.forgive(&key);
        assert!(!it.is_backed_off(&key, Duration::ZERO));
    }

    #[test]
    fn a_conflict_is_new_once_and_the_table_is_bounded() {
        let mut it = neighbour();
        let theirs = |digest| Version { size: 1, digest: [digest; 32] };
        assert!(it.note_conflict(Key([1; 32]), theirs(1), 2));
        assert!(!it.note_conflict(Key([1; 32]), theirs(1), 2));
        assert!(it.note_conflict(Key([1; 32]), theirs(2), 2));
        assert!(!it.note_conflict(Key([1; 32]), theirs(3), 2));
    }
}
