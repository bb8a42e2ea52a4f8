//! Quotas: what a neighbour may make us do, and what an author may make all of us carry, in a time.
//!
//! Token buckets (RFC 2697's committed rate and burst), in bytes; each message costs [`MESSAGE_BYTES`] more than it has, so
//! that many small ones are not free. Whoever has any credit may overdraw it, so that nothing is ever too large; the rate
//! holds in the long run. Reaching a quota is no proof of anything: what is over it is not done, is counted, and comes by
//! another way, later.
//!
//! | over its quota | what happens |
//! |---|---|
//! | pushes of a neighbour | dropped; reconciliation brings what they had |
//! | announcements of a neighbour | dropped; they come again with a later round |
//! | wants of a neighbour | answered with `Unserved`; it asks somebody else, or again |
//! | payloads of an author | announced and not pushed: they go where they are wanted, as chunks |
//!
//! Summaries and lists have a quota of their own, since what they cost is walking: `Config::walks_max`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::Config;
use crate::item::{Item, Origin};
use crate::message::Message;
use crate::name::Named;
use crate::recent::Id;
use crate::trees::wire::{Step, TreeMessage};

/// What a message costs beside its bytes. Chosen: about a head, whose signature is to be checked.
const MESSAGE_BYTES: u64 = 256;

/// Credit is counted in millionths of a byte, so that a microsecond at one byte a second is a whole number of them.
const PARTS: i128 = 1_000_000;

/// So many bytes a second, and at most so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Bytes a second in the long run.
    pub bytes_per_s: u64,
    /// Bytes at once, after a rest.
    pub burst_bytes: u64,
}

impl Rate {
    pub(crate) fn is_zero(&self) -> bool {
        self.bytes_per_s == 0 || self.burst_bytes == 0
    }
}

/// Credit that fills up with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Below zero: overdrawn.
    credit: i128,
    filled: Duration,
}

impl Bucket {
    pub(crate) fn full(now: Duration, rate: Rate) -> Self {
        Self { credit: i128::from(rate.burst_bytes) * PARTS, filled: now }
    }

    /// Whether there is any credit.
    pub(crate) fn has_credit(&mut self, now: Duration, rate: Rate) -> bool {
        let passed = now.saturating_sub(self.filled).as_micros().min(u64::MAX.into()) as i128;
        self.filled = self.filled.max(now);
        let full = i128::from(rate.burst_bytes) * PARTS;
        self.credit = (self.credit + passed * i128::from(rate.bytes_per_s)).min(full);
        self.credit > 0
    }

    /// Takes the cost of a message of so many bytes, if there is any credit.
    pub(crate) fn take(&mut self, now: Duration, bytes: usize, rate: Rate) -> bool {
        let may = self.has_credit(now, rate);
        if may {
            self.charge(now, bytes, rate);
        }
        may
    }

    /// Takes the cost of a message of so many bytes.
    pub(crate) fn charge(&mut self, now: Duration, bytes: usize, rate: Rate) {
        self.has_credit(now, rate);
        self.credit -= i128::from((bytes as u64).saturating_add(MESSAGE_BYTES)) * PARTS;
    }
}

/// The credit of one neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotas {
    pushes: Bucket,
    announcements: Bucket,
    serves: Bucket,
}

impl Quotas {
    /// Whether what the neighbour says is within its quotas, which are charged. What is served is charged by
    /// [`Quotas::served`].
    pub(crate) fn allow(&mut self, now: Duration, message: &Message<'_>, config: &Config) -> bool {
        match message {
            Message::Push { payload, .. } => self.pushes.take(now, payload.0.len(), config.push_quota),
            Message::Have { items, .. } => {
                self.announcements.take(now, items.len() * Item::BYTES_TYPICAL, config.announce_quota)
            }
            Message::Offer { items, .. } => {
                self.announcements.take(now, items.len() * size_of::<Named>(), config.announce_quota)
            }
            Message::Ihave { ids } => {
                self.announcements.take(now, ids.len() * size_of::<Id>(), config.announce_quota)
            }
            Message::Tree(TreeMessage::Vector { steps, .. }) => {
                self.announcements.take(now, steps.len() * size_of::<Step>(), config.announce_quota)
            }
            Message::Fetch { .. } => self.may_serve(now, config),
            Message::Tree(_)
            | Message::Feed { .. }
            | Message::Held { .. }
            | Message::Want { .. }
            | Message::Chunk { .. }
            | Message::Unserved { .. }
            | Message::Reconcile(_)
            | Message::List { .. } => true,
        }
    }

    /// Whether the neighbour may be served.
    pub(crate) fn may_serve(&mut self, now: Duration, config: &Config) -> bool {
        self.serves.has_credit(now, config.serve_quota)
    }

    /// The neighbour was served so many bytes.
    pub(crate) fn served(&mut self, now: Duration, bytes: usize, config: &Config) {
        self.serves.charge(now, bytes, config.serve_quota);
    }

    pub(crate) fn full(now: Duration, config: &Config) -> Self {
        Self {
            pushes: Bucket::full(now, config.push_quota),
            announcements: Bucket::full(now, config.announce_quota),
            serves: Bucket::full(now, config.serve_quota),
        }
    }
}

/// The credit of authors: at most `Config::authors_max`. When full, the one that was quiet for longest is forgotten, and
/// has all of its credit when it is heard again.
#[derive(Debug, Default)]
pub(crate) struct Authors {
    buckets: BTreeMap<Origin, (Bucket, u64)>,
    /// By when they were heard last.
    quiet: BTreeSet<(u64, Origin)>,
    heard: u64,
}

impl Authors {
    pub(crate) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether a payload of so many bytes may be pushed. Whose author is not known is always pushed.
    pub(crate) fn may_push(
        &mut self,
        now: Duration,
        origin: Option<Origin>,
        bytes: usize,
        config: &Config,
    ) -> bool {
        let Some(origin) = origin else { return true };
        let (mut bucket, before) =
            self.buckets.get(&origin).copied().unwrap_or_else(|| (Bucket::full(now, config.author_quota), 0));
        let may = bucket.take(now, bytes, config.author_quota);
        self.quiet.remove(&(before, origin));
        self.heard += 1;
        self.quiet.insert((self.heard, origin));
        self.buckets.insert(origin, (bucket, self.heard));
        if self.buckets.len() > config.authors_max
            && let Some((_, quietest)) = self.quiet.pop_first()
        {
            self.buckets.remove(&quietest);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { bytes_per_s: 1_000, burst_bytes: 10_000 };

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_then_the_rate_and_nothing_is_too_large() {
        let mut bucket = Bucket::full(s(0), RATE);
        let mut taken = |now, bytes| bucket.take(now, bytes, RATE);
        assert!(taken(s(0), 20_000), "overdrawn");
        assert!(!taken(s(10), 1));
        assert!(taken(s(11), 1));
        assert!(taken(s(11), 1_000) && !taken(s(11), 1));
        assert!(taken(Duration::MAX, 1));
    }

    #[test]
    fn authors_do_not_share_their_credit_and_the_table_is_bounded() {
        let config = Config { author_quota: RATE, authors_max: 2, ..Config::default() };
        let mut authors = Authors::default();
        let origin = |n| Some(Origin([n; 32]));
        assert!(authors.may_push(s(0), origin(1), 20_000, &config));
        assert!(!authors.may_push(s(0), origin(1), 1, &config));
        assert!(authors.may_push(s(0), origin(2), 1, &config));
        assert!(authors.may_push(s(0), None, 1 << 30, &config));
        assert!(!authors.may_push(s(0), origin(1), 1, &config));
        assert!(authors.may_push(s(0), origin(3), 1, &config));
        assert_eq!((authors.len(), authors.quiet.len()), (2, 2));
        assert!(!authors.may_push(s(0), origin(1), 1, &config), "the quieter one was forgotten");
    }

    proptest! {
        #[test]
        fn no_more_passes_than_burst_rate_and_one_overdraft(
            steps in prop::collection::vec((0u64..2_000, 0usize..5_000), 1..80),
        ) {
            let mut bucket = Bucket::full(Duration::ZERO, RATE);
            let (mut now, mut passed) = (0, 0);
            for (pause, bytes) in steps {
                now += pause;
                if bucket.take(Duration::from_millis(now), bytes, RATE) {
                    passed += bytes as u64 + MESSAGE_BYTES;
                }
                prop_assert!(passed <= RATE.burst_bytes + now * RATE.bytes_per_s / 1_000 + 5_000 + MESSAGE_BYTES);
            }
        }
    }
}
