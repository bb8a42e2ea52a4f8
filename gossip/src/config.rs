//! The numbers, their units and why they are what they are.

use std::time::Duration;

use crate::error::ConfigError;
use crate::interest::Interest;
use crate::item::Item;
use crate::message::{ITEMS_MAX, OVERHEAD_BYTES_MAX};
use crate::quota::Rate;
use crate::reconcile::message::STEP_BYTES_MAX;
use crate::trees::wire::STEPS_MAX;

/// What [`crate::Gossip`] is tuned by. Start from [`Config::default`], and call [`Config::check`] where it comes from
/// outside.
///
/// "Chosen" in a field's doc means: no measurement yet, and the reasoning that stands in for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Time between two rounds of reconciliation with a neighbour that agrees with us. Default 10 s, +-25 % of jitter.
    /// Chosen: it bounds how long a lost push stays lost, at about 40 bytes a round.
    pub reconcile_interval: Duration,
    /// What that interval grows to, doubling, while both agree and nothing that both want is taken in here. Default 60 s.
    /// Chosen: whoever takes something in goes back to the interval, so only what was lost before that, and is at a
    /// neighbour which heard nothing since, waits so long.
    pub reconcile_interval_max: Duration,
    /// Time to the next round after one that found differences, or after a neighbour was shed. It doubles, up to the
    /// interval, while rounds bring nothing. Default 1 s. Chosen: a few round trips on a slow link.
    pub reconcile_hurry: Duration,
    /// How long a want waits for a push that may be on its way. Default 200 ms. Chosen: over the spread of arrival
    /// times between two paths across a city.
    pub want_delay: Duration,
    /// By how much a neighbour may be ahead, in [`crate::Version::size`], so that a push on its way can bring it: a want for more
    /// waits for none. Default 64. Chosen: over what a writer says at once.
    pub pushed_max: u64,
    /// How long a neighbour that has not answered yet may take for its first answer, and the node to judge one. Default
    /// 3 s, as TCP's timeout after it was wrong once (RFC 6298, section 5.7). A late answer still counts.
    pub want_timeout: Duration,
    /// What a neighbour's measured timeout is at least. Default 1 s (RFC 6298, section 2.4).
    pub want_timeout_min: Duration,
    /// What it is at most, doublings included, and after how long an answer that did not come is lost at the latest: then
    /// the same neighbour may be asked again, and an entry that takes longer than that to arrive comes twice. Default 30 s.
    /// Chosen: half of TCP's, since there are others to ask (RFC 6298, section 2.5).
    pub want_timeout_max: Duration,
    /// How much longer than twice the fastest answer all that a neighbour owes should take. Default 1 s. Chosen: what
    /// keeps a link busy is far less, and what is asked for and turns out to be moot is no more than this.
    pub want_target: Duration,
    /// Bytes of a chunk that a neighbour is asked for at first, and at least. Default 4 KiB. Chosen: 4 s at 1 kB/s. Whoever
    /// serves sends one entry at least, however large.
    pub chunk_bytes_min: usize,
    /// Bytes of a chunk that a neighbour is asked for at most. Default 256 KiB, as many as a store reads at once.
    pub chunk_bytes_max: usize,
    /// How long announcements are collected into one message. Default 50 ms. Chosen: short beside `want_delay`.
    pub announce_delay: Duration,
    /// Whether we are a leaf: we relay nothing, are in no tree, and have one neighbour feed us. Default false. The node says so, by its
    /// role.
    pub leaf: bool,
    /// Trees that messages may take; the lowest names stay if there are more. Default 256. Measured at 10,000 peers
    /// with five links: the last delivery takes 1.7 times a flood's with one tree, 1.35 with 64, 1.24 with 256.
    pub trees_max: usize,
    /// What a link costs before it was measured. Default 25 ms. Chosen: a city's usual round trip.
    pub cost_default: Duration,
    /// How long a push that was announced by its short id may take to come by itself. Default 100 ms. Measured with 250
    /// peers: none that comes by itself comes later, and with 1 % lost the last delivery takes 3.3 times a flood's, where
    /// it took 3.9 with 200 ms. Over the detour to the nearest root of a city, less the wait before the announcement.
    pub fetch_delay: Duration,
    /// How long a neighbour may take at most to answer a fetch, before another one is asked: three round trips and 100 ms
    /// at first, doubled each time up to this. Default 1 s. Chosen: a push of 16 KiB at 20 kB/s takes 0.8 s.
    pub fetch_timeout: Duration,
    /// Times a push is asked for. Then reconciliation has to bring it. Default 4.
    pub fetch_tries_max: usize,
    /// Pushes announced by one neighbour that have not come. Further announcements are dropped. Default 1,024: 0.1 MB.
    pub fetches_max: usize,
    /// Pushes whose short ids are remembered. When full, the oldest is forgotten: announced again, it is fetched again.
    /// Default 4,096: about 0.6 MB.
    pub recent_max: usize,
    /// Bytes of those pushes that are kept for neighbours who ask. When full, the oldest is only named. Default 1 MiB.
    pub recent_bytes_max: usize,
    /// How long a push is remembered at most, once others follow. Default 60 s. Chosen: far over the time that
    /// announcements and fetches take.
    pub recent_keep: Duration,
    /// First pause before a neighbour is asked again for a key that it answered badly or not at all. Doubles with each
    /// failure. Default 1 s, as `reconcile_hurry`.
    pub backoff_min: Duration,
    /// Where that pause stops growing. Default 10 min. Chosen: a repaired neighbour is believed again within a visit.
    pub backoff_max: Duration,
    /// Wants that one neighbour owes us an answer to, at most; few at first. The rest queue. Default 32. Chosen: fills 100 Mbit/s at 50 ms
    /// with chunks of 20 kB.
    pub wants_in_flight_max: usize,
    /// Times one neighbour is asked for one key without progress; then it is backed off as if it had been refused.
    /// Default 8. Chosen: with half of all messages lost, one want in ten still gives up.
    pub want_tries_max: u32,
    /// Serves that the node owes us for one neighbour. Further wants are dropped; they are retried. Default 32, as
    /// `wants_in_flight_max`.
    pub serves_in_flight_max: usize,
    /// Items in one list or announcement, and how small a range must be to be listed and not split. Default 64.
    /// Chosen: about 6 KiB.
    pub list_max: usize,
    /// Items offered outside the common interest in one round with one neighbour; a random window if there are more.
    /// Default 1,024. Chosen: as many as 16 lists.
    pub offers_max: usize,
    /// Neighbours. A further one is quietly refused (counted in [`crate::Stats::neighbours_refused`]): its messages are
    /// dropped as a stranger's are. Default 128. Chosen: the overlay needs about ten.
    pub neighbours_max: usize,
    /// Keys that one neighbour announced and we don't hold. Further ones are dropped, and come again with a later
    /// round. Default 4,096: about 0.4 MB.
    pub hearsay_max: usize,
    /// Keys for which one neighbour is backed off. When full, the one that ends soonest is forgotten. Default 1,024.
    pub backoffs_max: usize,
    /// Conflicts remembered for one neighbour, so that each is reported once. When full, further ones are not reported.
    /// Default 256.
    pub conflicts_max: usize,
    /// Peers of which it is kept how far we have come with what they hold, so that meeting them again costs what changed.
    /// When full, the one that was met longest ago is forgotten, and is a stranger again. Default 1,024: about 0.1 MB.
    pub cursors_max: usize,
    /// How many times one neighbour may, in one `reconcile_interval`, make us walk all that we hold (and 1,024 items
    /// more). Past it, such questions are dropped (counted in [`crate::Stats::throttled`]). Default 16: two full
    /// rounds on 100,000 keys.
    pub walks_max: u64,
    /// What one neighbour may push in a time. Beyond it its pushes are dropped (counted in [`crate::Stats::over_quota`]),
    /// and reconciliation brings what was in them. Default 4 MiB/s, 16 MiB at once. Chosen: as many heads as a core checks,
    /// and far more than a city says.
    pub push_quota: Rate,
    /// What one neighbour may announce in a time, at 100 bytes an item. Beyond it announcements are dropped,
    /// and come again with a later round. Default 1 MiB/s, 8 MiB at once: 10,000 keys a second.
    pub announce_quota: Rate,
    /// What one neighbour may make us serve in a time. Beyond it its wants are refused for now. Default 32 MiB/s, 128 MiB at
    /// once. Chosen: over what a disk of a gateway reads, and not for ever.
    pub serve_quota: Rate,
    /// What one author may make everybody push in a time. Beyond it its payloads are announced (counted in
    /// [`crate::Stats::held_back`]), so that one mad sensor does not take the radio of all. Default 64 kB/s, 1 MB at once.
    /// Chosen: 250 readings a second, each under a signature of its own.
    pub author_quota: Rate,
    /// Authors whose quota is counted. When full, the one that was quiet for longest is forgotten. Default 1,024: 0.2 MB.
    pub authors_max: usize,
    /// Payloads up to this many bytes are pushed, larger ones announced. Default 16 KiB. Chosen: as many bytes as two
    /// full lists.
    pub eager_bytes_max: usize,
    /// Bytes up to which small messages to one neighbour share a frame; a longer one goes alone. 0: each goes alone. Default
    /// 8 KiB. Chosen: a full list still shares, and a frame that is shed loses little.
    pub frame_bytes_max: usize,
    /// Longest frame, in and out. Default 512 KiB: twice a chunk.
    pub message_bytes_max: usize,
    /// Topics of control entries: what concerns them travels at [`crate::Priority::Control`] and is wanted first. It
    /// changes nobody's interest: the node adds these topics to every neighbour's. Default none.
    pub control: Interest,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reconcile_interval: Duration::from_secs(10),
            reconcile_interval_max: Duration::from_secs(60),
            reconcile_hurry: Duration::from_secs(1),
            want_delay: Duration::from_millis(200),
            pushed_max: 64,
            want_timeout: Duration::from_secs(3),
            want_timeout_min: Duration::from_secs(1),
            want_timeout_max: Duration::from_secs(30),
            want_target: Duration::from_secs(1),
            chunk_bytes_min: 4 << 10,
            chunk_bytes_max: 256 << 10,
            announce_delay: Duration::from_millis(50),
            leaf: false,
            trees_max: 256,
            cost_default: Duration::from_millis(25),
            fetch_delay: Duration::from_millis(100),
            fetch_timeout: Duration::from_secs(1),
            fetch_tries_max: 4,
            fetches_max: 1_024,
            recent_max: 4_096,
            recent_bytes_max: 1 << 20,
            recent_keep: Duration::from_secs(60),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(600),
            wants_in_flight_max: 32,
            want_tries_max: 8,
            serves_in_flight_max: 32,
            list_max: 64,
            offers_max: 1_024,
            neighbours_max: 128,
            hearsay_max: 4_096,
            backoffs_max: 1_024,
            conflicts_max: 256,
            cursors_max: 1_024,
            walks_max: 16,
            push_quota: Rate { bytes_per_s: 4 << 20, burst_bytes: 16 << 20 },
            announce_quota: Rate { bytes_per_s: 1 << 20, burst_bytes: 8 << 20 },
            serve_quota: Rate { bytes_per_s: 32 << 20, burst_bytes: 128 << 20 },
            author_quota: Rate { bytes_per_s: 64_000, burst_bytes: 1_000_000 },
            authors_max: 1_024,
            eager_bytes_max: 16 << 10,
            frame_bytes_max: 8 << 10,
            message_bytes_max: 512 << 10,
            control: Interest::none(),
        }
    }
}

impl Config {
    /// Whether these numbers work together.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_positive()?;
        ConfigError::of_orders([
            ("reconcile_hurry", "reconcile_interval", self.reconcile_hurry > self.reconcile_interval),
            (
                "reconcile_interval",
                "reconcile_interval_max",
                self.reconcile_interval > self.reconcile_interval_max,
            ),
            ("backoff_min", "backoff_max", self.backoff_min > self.backoff_max),
            ("want_timeout_min", "want_timeout_max", self.want_timeout_min > self.want_timeout_max),
            ("want_timeout", "want_timeout_max", self.want_timeout > self.want_timeout_max),
            ("chunk_bytes_min", "chunk_bytes_max", self.chunk_bytes_min > self.chunk_bytes_max),
            ("list_max", "offers_max", self.list_max > self.offers_max),
            ("frame_bytes_max", "message_bytes_max", self.frame_bytes_max > self.message_bytes_max),
        ])?;
        if self.list_max > ITEMS_MAX {
            return Err(ConfigError::ListMax { given: self.list_max, max: ITEMS_MAX });
        }
        if self.trees_max > STEPS_MAX {
            return Err(ConfigError::TreesMax { given: self.trees_max, max: STEPS_MAX });
        }
        let largest = (self.list_max * Item::BYTES_MAX).max(self.eager_bytes_max).max(STEP_BYTES_MAX);
        let needed = largest.saturating_add(OVERHEAD_BYTES_MAX);
        if self.message_bytes_max < needed {
            return Err(ConfigError::MessageBytesMax { given: self.message_bytes_max, needed });
        }
        Ok(())
    }

    fn check_positive(&self) -> Result<(), ConfigError> {
        ConfigError::of_zeros([
            ("reconcile_interval", self.reconcile_interval.is_zero()),
            ("reconcile_hurry", self.reconcile_hurry.is_zero()),
            ("want_delay", self.want_delay.is_zero()),
            ("want_timeout", self.want_timeout.is_zero()),
            ("want_timeout_min", self.want_timeout_min.is_zero()),
            ("want_target", self.want_target.is_zero()),
            ("chunk_bytes_min", self.chunk_bytes_min == 0),
            ("announce_delay", self.announce_delay.is_zero()),
            ("trees_max", self.trees_max == 0),
            ("fetch_delay", self.fetch_delay.is_zero()),
            ("fetch_timeout", self.fetch_timeout.is_zero()),
            ("fetch_tries_max", self.fetch_tries_max == 0),
            ("fetches_max", self.fetches_max == 0),
            ("recent_max", self.recent_max == 0),
            ("backoff_min", self.backoff_min.is_zero()),
            ("wants_in_flight_max", self.wants_in_flight_max == 0),
            ("want_tries_max", self.want_tries_max == 0),
            ("serves_in_flight_max", self.serves_in_flight_max == 0),
            ("list_max", self.list_max == 0),
            ("neighbours_max", self.neighbours_max == 0),
            ("hearsay_max", self.hearsay_max == 0),
            ("backoffs_max", self.backoffs_max == 0),
            ("conflicts_max", self.conflicts_max == 0),
            ("cursors_max", self.cursors_max == 0),
            ("walks_max", self.walks_max == 0),
            ("push_quota", self.push_quota.is_zero()),
            ("announce_quota", self.announce_quota.is_zero()),
            ("serve_quota", self.serve_quota.is_zero()),
            ("author_quota", self.author_quota.is_zero()),
            ("authors_max", self.authors_max == 0),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_works() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(with(|c| c.list_max = 0), "`list_max` is zero: give it a positive value");
        assert_eq!(with(|c| c.want_delay = Duration::ZERO), "`want_delay` is zero: give it a positive value");
        assert_eq!(
            with(|c| c.reconcile_hurry = Duration::from_secs(99)),
            "`reconcile_hurry` must not be over `reconcile_interval`"
        );
        assert_eq!(with(|c| c.list_max = 999), "`list_max` is 999, over the wire format's limit of 256");
        assert_eq!(with(|c| c.trees_max = 999), "`trees_max` is 999, over the wire format's limit of 512");
        assert!(with(|c| c.message_bytes_max = 9_000).starts_with("`message_bytes_max` is 9000"));
    }
}
