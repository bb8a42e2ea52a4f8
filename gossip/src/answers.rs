//! How one neighbour answers our wants: how soon to expect an answer, how many it may owe us, and how large each may be.
//!
//! Follows RFC 6298 for the timeout (smoothed latency, its variation, doubling, and Karn's rule that an answer which may
//! be that to an earlier question tells nothing), with one change: an answer takes time for its bytes too, and for those
//! that come before it. So the latency is what is left of the time to answer once the bytes are taken off at the rate at
//! which this neighbour's bytes come, and the timeout puts back the bytes that are expected. The number of wants grows as
//! in slow start, by one with each answer in time, and halves when one is late, once a round. Rate and least time are
//! kept as in BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016): what was slow
//! because little was asked for lowers the rate only slowly.
//!
//! Transitions, for one want that was sent:
//!
//! ```text
//! Owed -- answer, Unserved, List of the key      --> settled
//!      -- timeout                                --> Late: another neighbour is asked, this one keeps its slot
//! Late -- answer                                 --> settled
//!      -- LOST_TIMEOUTS timeouts, not doubled, or what was asked later is answered --> lost: it may be asked again
//! ```
//!
//! A neighbour that owes an answer is not asked for the same again: on a slow link the bytes are on their way, and would
//! come twice. What a neighbour had to drop it says ([`crate::message::Message::Unserved`]).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Config;
use crate::item::Key;
use crate::message::WantId;
use crate::neighbour::doubled;

/// Timeouts after which a late answer is given up. Chosen: the first chunk, over a link of 200 bytes a second, still
/// counts.
const LOST_TIMEOUTS: u32 = 8;

/// Wants that a neighbour may owe at first. Chosen: as TCP's first window of four small segments (RFC 3390).
const SLOTS_FIRST: usize = 4;

/// An answer of exactly as many bytes as were asked for.
const FULL: u64 = 1024;

/// What an answer takes besides its payload: of a frame, and of what carries that.
const MESSAGE_BYTES: u64 = 64;

/// What wants count bytes in.
pub(crate) const KIB: usize = 1 << 10;

/// No answer is taken to be faster than this: the driver's clock is no finer.
const INSTANT: Duration = Duration::from_millis(1);

/// What one neighbour owes, and how it answered so far.
#[derive(Debug)]
pub(crate) struct Answers {
    /// At most `slots`, and `Config::wants_in_flight_max`.
    owed: BTreeMap<Key, Owed>,
    /// What the next want is called.
    next: WantId,
    slots: usize,
    /// When `slots` last halved: what was asked before that is no reason to halve it again.
    halved: Duration,
    /// Bytes a second at which answers come; 0 is not known.
    rate: u64,
    /// Smoothed latency and its variation, without the time that bytes take.
    latency: Option<(Duration, Duration)>,
    /// The least time that an answer took.
    least: Option<Duration>,
    /// How many bytes come for each [`FULL`] that are asked for. Lowered only slowly, as the rate is.
    filled: u64,
    /// Bytes of all answers.
    received: u64,
    /// Timeouts since the last answer.
    doublings: u32,
}

#[derive(Clone, Copy, Debug)]
struct Owed {
    id: WantId,
    bytes_max: usize,
    asked: Duration,
    /// When it is late, and once it is, when it is lost.
    due: Duration,
    lost: Duration,
    late: bool,
    /// It was asked for the same before, without an answer.
    again: bool,
    /// Bytes of all answers when it was asked.
    received: u64,
}

/// What has become of an answer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// It may still come.
    Late,
    /// It is no longer waited for.
    Lost,
}

impl Answers {
    /// Of a neighbour whose first want is called `next`.
    pub(crate) fn new(next: WantId, config: &Config) -> Self {
        Self {
            owed: BTreeMap::new(),
            next,
            slots: SLOTS_FIRST.min(config.wants_in_flight_max),
            halved: Duration::ZERO,
            rate: 0,
            latency: None,
            least: None,
            filled: FULL,
            received: 0,
            doublings: 0,
        }
    }

    /// What no want was called yet.
    pub(crate) fn next(&self) -> WantId {
        self.next
    }

    /// How many it owes.
    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }

    /// Whether it owes an answer about `key`.
    pub(crate) fn owes(&self, key: &Key) -> bool {
        self.owed.contains_key(key)
    }

    /// Whether that answer is late.
    pub(crate) fn is_late(&self, key: &Key) -> bool {
        self.owed.get(key).is_some_and(|owed| owed.late)
    }

    /// Whether it may be asked for more. Control entries are few and small, and wait for no data. If all that it owes is
    /// late, one more want may find out whether that was lost.
    pub(crate) fn has_room(&self, is_data: bool, config: &Config) -> bool {
        let slots = if is_data { self.slots } else { config.wants_in_flight_max };
        if self.owed.values().all(|owed| owed.late) {
            return self.owed.len() < config.wants_in_flight_max;
        }
        if !is_data || self.rate == 0 {
            return self.owed.len() < slots;
        }
        let window = self.rate_in(self.span(config));
        self.owed.len() < slots && self.expected(self.bytes_max(config)) <= window
    }

    /// Bytes that it was asked for and is not late with.
    pub(crate) fn owed_bytes(&self) -> usize {
        self.owed.values().filter(|owed| !owed.late).map(|owed| owed.bytes_max).sum()
    }

    /// It is asked about `key`, `again` under the same id if it did not answer that question before: either answer will do.
    /// Returns what the want is called, and how many bytes to ask for, in whole KiB.
    pub(crate) fn ask(
        &mut self,
        now: Duration,
        key: Key,
        again: Option<WantId>,
        config: &Config,
    ) -> (WantId, usize) {
        let bytes_max = self.bytes_max(config).next_multiple_of(KIB);
        let id = again.unwrap_or(self.next);
        self.next.0 = self.next.0.max(id.0.saturating_add(1));
        let again = again.is_some();
        let once = self.timeout(bytes_max, config);
        let timeout = doubled(once, self.doublings).min(config.want_timeout_max.max(once));
        let due = now.saturating_add(timeout);
        let lost = due.max(now.saturating_add(self.patience(once, config)));
        let owed = Owed { id, bytes_max, asked: now, due, lost, late: false, again, received: self.received };
        self.owed.insert(key, owed);
        (id, bytes_max)
    }

    /// An answer of so many bytes came. Returns what was asked for; `None` if nothing of that id is owed.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        id: WantId,
        bytes: usize,
        config: &Config,
    ) -> Option<Key> {
        let (key, owed) = self.settle(id)?;
        let bytes = (bytes as u64).saturating_add(MESSAGE_BYTES);
        self.received = self.received.saturating_add(bytes);
        self.doublings = 0;
        let took = now.saturating_sub(owed.asked).max(INSTANT);
        if !owed.again {
            self.least = Some(self.least.map_or(took, |least| least.min(took)));
        }
        if took <= self.span(config).saturating_mul(2) {
            self.slots = (self.slots + 1).min(config.wants_in_flight_max);
        } else {
            self.halve(now, owed.asked);
        }
        if !owed.again {
            let filled = bytes.saturating_mul(FULL) / (owed.bytes_max as u64).max(1);
            self.filled = held_up(self.filled, filled);
            self.measure(took, self.received - owed.received);
        }
        // Answers come in the order of the questions, nearly: what was asked before this, and is late, was lost.
        for earlier in self.owed.values_mut().filter(|it| it.late && it.asked < owed.asked) {
            earlier.due = now;
        }
        Some(key)
    }

    /// It says that it will not answer. Returns what was asked for; `None` if nothing of that id is owed.
    pub(crate) fn unserved(&mut self, now: Duration, id: WantId) -> Option<Key> {
        let (key, owed) = self.settle(id)?;
        self.halve(now, owed.asked);
        Some(key)
    }

    /// It says that it holds no more of `key`. `false` if it does not owe an answer about that.
    pub(crate) fn listed(&mut self, key: &Key) -> bool {
        self.owed.remove(key).is_some()
    }

    fn settle(&mut self, id: WantId) -> Option<(Key, Owed)> {
        let key = self.owed.iter().find(|(_, owed)| owed.id == id).map(|(key, _)| *key)?;
        self.owed.remove_entry(&key)
    }

    /// When the next answer is overdue.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.owed.values().map(|owed| owed.due).min()
    }

    /// What is overdue at `now`, in the order of the keys.
    pub(crate) fn overdue(&mut self, now: Duration) -> Vec<(Key, Overdue)> {
        let due = self.owed.iter_mut().filter(|(_, owed)| owed.due <= now);
        let mut overdue = Vec::new();
        let mut first_late = None;
        for (key, owed) in due {
            overdue.push((*key, if owed.late { Overdue::Lost } else { Overdue::Late }));
            if !owed.late {
                owed.late = true;
                owed.due = owed.lost;
                first_late = first_late.max(Some(owed.asked));
            }
        }
        if let Some(asked) = first_late {
            self.doublings = self.doublings.saturating_add(1);
            self.halve(now, asked);
        }
        for (key, _) in overdue.iter().filter(|(_, what)| *what == Overdue::Lost) {
            self.owed.remove(key);
        }
        overdue
    }

    fn halve(&mut self, now: Duration, asked: Duration) {
        if asked >= self.halved {
            self.slots = (self.slots / 2).max(1);
            self.halved = now;
        }
    }

    /// An answer took so long, and so many bytes of answers came in that time, its own among them.
    fn measure(&mut self, took: Duration, passed: u64) {
        let rate = u128::from(passed) * 1_000_000 / took.as_micros().max(1);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX).max(1);
        self.rate = held_up(self.rate, rate);
        let sample = took.saturating_sub(time_of(passed, self.rate));
        self.latency = Some(match self.latency {
            None => (sample, sample / 2),
            Some((smoothed, variation)) => {
                let apart = smoothed.abs_diff(sample);
                (smoothed - smoothed / 8 + sample / 8, variation - variation / 4 + apart / 4)
            }
        });
    }

    /// The time in which all that it owes should come: twice what the fastest answer took, and what is allowed for waiting.
    fn span(&self, config: &Config) -> Duration {
        self.least.unwrap_or_default().saturating_mul(2).saturating_add(config.want_target)
    }

    /// As many bytes as come in half of that time: so two of them keep the link busy.
    pub(crate) fn bytes_max(&self, config: &Config) -> usize {
        let bytes = self.rate_in(self.span(config) / 2);
        usize::try_from(bytes).unwrap_or(usize::MAX).clamp(config.chunk_bytes_min, config.chunk_bytes_max)
    }

    /// Bytes that come in that time.
    fn rate_in(&self, time: Duration) -> u64 {
        u64::try_from(u128::from(self.rate) * time.as_micros() / 1_000_000).unwrap_or(u64::MAX)
    }

    /// How long an answer may take before it is lost. One that is a single entry may be much larger than was asked for.
    fn patience(&self, once: Duration, config: &Config) -> Duration {
        let largest =
            if self.rate == 0 { Duration::ZERO } else { time_of(config.chunk_bytes_max as u64, self.rate) };
        let patience = once.saturating_mul(LOST_TIMEOUTS).max(once.saturating_add(largest));
        patience.min(config.want_timeout_max)
    }

    /// Bytes that are expected of all that it owes, and of one more want.
    fn expected(&self, bytes_max: usize) -> u64 {
        let asked = self.owed.values().fold(bytes_max as u64, |sum, owed| sum + owed.bytes_max as u64);
        asked.saturating_mul(self.filled) / FULL
    }

    /// How long to wait for an answer, doublings not counted.
    fn timeout(&self, bytes_max: usize, config: &Config) -> Duration {
        match self.latency {
            None => config.want_timeout,
            Some((smoothed, variation)) => {
                let bytes = self.expected(bytes_max);
                let of_bytes = time_of(bytes.max(bytes_max as u64), self.rate).saturating_mul(2);
                let timeout = smoothed.saturating_add(variation * 4).saturating_add(of_bytes);
                timeout.clamp(config.want_timeout_min, config.want_timeout_max)
            }
        }
    }
}

/// The larger of the two, or a little less than before.
fn held_up(before: u64, now: u64) -> u64 {
    if now >= before { now } else { before - (before - now) / 8 }
}

/// How long so many bytes take at `rate`, which is known.
fn time_of(bytes: u64, rate: u64) -> Duration {
    let micros = u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
