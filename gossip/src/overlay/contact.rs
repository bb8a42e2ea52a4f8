//! One contact: where it stands, and how it went the last time.

use std::time::Duration;

use msec_identity::PeerId;

use super::config::Config;
use super::dice::Dice;
use super::io::Source;
use super::message::Record;

/// After this, a dial that the driver did not answer counts as answered.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Configured or discovered: kept until [`super::Input::ContactGone`].
    Fixed,
    /// A neighbour lives there.
    Linked,
    /// HyParView's passive view: told to others.
    Passive,
    /// For when nothing else is left.
    Remembered,
}

#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) source: Source,
    pub(super) place: Place,
    pub(super) peer: Option<PeerId>,
    pub(super) record: Option<Record>,
    /// A leaf was met there.
    pub(super) leaf: bool,
    /// When it was last known to live, by us or by who told us.
    pub(super) lived_at: Duration,
    /// When it was last dialled, or lost.
    pub(super) tried_at: Duration,
    /// Not dialled before, but by probes.
    pub(super) not_before: Duration,
    /// Failures in a row.
    pub(super) failures: u8,
    /// It failed since it was last known to live: it may be in another part.
    pub(super) failed: bool,
    pub(super) denied: bool,
    /// It was reached once; whom we are to keep: it was a neighbour once.
    pub(super) met: bool,
    /// Times in a row that it had no room for us.
    pub(super) refusals: u8,
    /// Since when a dial is not answered.
    pub(super) dialling: Option<Duration>,
    /// What the link would cost, as measured once.
    pub(super) cost: Option<Duration>,
    /// Not asked to exchange before.
    pub(super) exchange_at: Duration,
}

impl Contact {
    /// New, and remembered until it is placed.
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            place: Place::Remembered,
            peer: None,
            record: None,
            leaf: false,
            lived_at: Duration::ZERO,
            tried_at: Duration::ZERO,
            not_before: Duration::ZERO,
            failures: 0,
            failed: false,
            denied: false,
            met: false,
            refusals: 0,
            dialling: None,
            cost: None,
            exchange_at: Duration::ZERO,
        }
    }

    /// It was known to live then: after our last try, that makes up for what failed.
    pub(super) fn lives(&mut self, at: Duration) {
        self.lived_at = self.lived_at.max(at);
        if self.failed && !self.denied && at > self.tried_at {
            (self.failed, self.failures) = (false, 0);
            self.not_before = Duration::ZERO;
        }
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.place == Place::Fixed
    }

    /// Whether it is worth a probe: it may live in another part.
    pub(super) fn is_strange(&self) -> bool {
        !self.denied && !self.leaf && (self.failed || (self.is_fixed() && !self.met))
    }

    pub(super) fn is_dialling(&self, now: Duration) -> bool {
        self.dialling.is_some_and(|since| now.saturating_sub(since) < ANSWER_MAX)
    }

    /// Before then it is not dialled: it pauses, or a dial is not answered yet.
    pub(super) fn rests_until(&self) -> Duration {
        let answered = self.dialling.map_or(Duration::ZERO, |since| since.saturating_add(ANSWER_MAX));
        self.not_before.max(answered)
    }

    /// Pauses after another failure, from `backoff_min`.
    pub(super) fn back_off(&mut self, now: Duration, config: &Config, dice: &mut Dice) {
        let max = if self.is_fixed() { config.fixed_backoff_max } else { config.backoff_max };
        self.pause(now, config.backoff_min, self.failures, max, dice);
        self.failures = self.failures.saturating_add(1);
    }

    /// Pauses for `first`, doubled as often as given, up to `max`.
    pub(super) fn pause(
        &mut self,
        now: Duration,
        first: Duration,
        times: u8,
        max: Duration,
        dice: &mut Dice,
    ) {
        let doubled = first.saturating_mul(1 << times.min(20));
        self.not_before = now.saturating_add(dice.about(doubled.min(max)));
    }
}
