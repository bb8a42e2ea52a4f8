//! The numbers, their units and why they are what they are.

use std::time::Duration;

use crate::error::ConfigError;

/// What [`crate::Overlay`] is tuned by. Start from [`Config::default`], and call [`Config::check`] where it comes from
/// outside.
///
/// "Chosen" in a field's doc means: the reasoning stands in for a measurement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Relays that a relay is linked with. When full, who needs a link takes the place of another, and who merely wants
    /// one is refused. Default 5: HyParView, section 5.1, for 10,000 peers: log10(n) + 1.
    pub active_max: usize,
    /// Contacts by hearsay that are told on, and tried first. When full, a random one is only remembered from then on.
    /// Default 30: HyParView, section 5.1: 6 (log10(n) + 1).
    pub passive_max: usize,
    /// Leaves of a relay. Further ones are refused, and told of others. Default 128. Chosen: as many as `Gossip` takes.
    pub leaves_max: usize,
    /// Relays that a leaf is linked with. Default 2. Chosen: one may vanish.
    pub leaf_links: usize,
    /// Contacts by hearsay that are kept besides, for when nothing else is left. When full, the one that lived longest
    /// ago is forgotten. Default 256. Chosen: of any 256 peers, 25 survive a loss of 90 %.
    pub remembered_max: usize,
    /// Contacts that are configured or discovered. Further ones are not taken. Default 64.
    pub fixed_max: usize,
    /// Whether links to configured contacts are kept: they make room for nobody, and nobody takes their place for being
    /// cheaper. The other side keeps them in half of its places at most. Default no: contacts are where one starts. A node
    /// says yes, since whoever configures it names those who hold what it wants.
    pub keep_configured: bool,
    /// Links of the active view that are never exchanged for cost. Default 1: X-BOT, section 4, keeps one unbiased.
    pub far_links: usize,
    /// Links that are visits: neither side has agreed yet, or one has left. A further one takes the place of whoever dialled us
    /// and has said nothing for `visit_timeout`; where nobody has, it is closed at once. Default 64.
    pub visits_max: usize,
    /// How long a link may stay a visit between relays. Default 3 s. Chosen: a few round trips on a slow link. A leaf waits for
    /// `leaf_silent_max`, and so does whoever is dialled, perhaps by a leaf.
    pub visit_timeout: Duration,
    /// Age before which a link is neither exchanged nor taken for somebody else. It bounds the joins that a relay takes
    /// in: `active_max` in this time, and the rest is told of others. Default 5 s.
    pub settle: Duration,
    /// Dials under way at once, when there is no neighbour. Default 16. Chosen: of 16 peers, one survives a loss of 80 %
    /// in 97 of 100 cases.
    pub dials_max: usize,
    /// Time between two of them. Default 250 ms: QUIC's and happy eyeballs' (RFC 8305) pace.
    pub dial_pace: Duration,
    /// How long a dial is waited for. A later answer still counts. Default 3 s, as `visit_timeout`.
    pub dial_timeout: Duration,
    /// First pause before a contact that failed is dialled again. Doubles with each failure. Default 1 s.
    pub backoff_min: Duration,
    /// Where that pause stops growing, and where it is for who denied us. Default 10 min.
    pub backoff_max: Duration,
    /// Where it stops growing for contacts that are configured or discovered. Default 15 s. Chosen: a gateway that was
    /// started again is there within it, and people wait for that.
    pub fixed_backoff_max: Duration,
    /// Steps of the walk that spreads a newcomer's record. Default 6: HyParView, section 5.1 (ARWL).
    pub join_walk: u8,
    /// Walks for one newcomer. Default 3. HyParView starts one at each neighbour; here each brings two links.
    pub join_walks: usize,
    /// Steps of the walk that asks for records. Default 6, as `join_walk`.
    pub shuffle_walk: u8,
    /// First time between two such walks, +-25 %. It doubles up to `shuffle_max`. Default 15 s.
    pub shuffle_min: Duration,
    /// Where that time stops growing. Default 15 min. Chosen: with what others' answers tell on
    /// their way through us, the passive view is renewed within `hearsay_ttl`.
    pub shuffle_max: Duration,
    /// How long since a peer was last known to live until its record is told no more. Default 30 min.
    pub hearsay_ttl: Duration,
    /// How long it is remembered. Default 24 h: as long as an address record lasts.
    pub remembered_ttl: Duration,
    /// New records that one neighbour may tell us in a minute. Further ones are dropped. Default 24.
    pub hearsay_each_max: u32,
    /// Walks that one neighbour may send us in a minute. Further ones are dropped. Default 120.
    pub walks_each_max: u32,
    /// Time between two looks for a cheaper link, +-25 %. Default 20 s.
    pub optimise_min: Duration,
    /// It doubles up to this while they bring nothing. Default 10 min.
    pub optimise_max: Duration,
    /// First time until a far link is drawn anew, +-25 %. It grows fourfold up to `far_max`. Default 1 min. Chosen: who joined
    /// lately knows those who joined lately.
    pub far_min: Duration,
    /// Where that time stops growing. Default 4 h.
    pub far_max: Duration,
    /// How long nothing is heard from a relay until it is pinged. Default 5 s.
    pub quiet_max: Duration,
    /// How long nothing is heard from a relay until a leaf pings it. Default 60 s. Chosen: a radio that sleeps.
    pub leaf_quiet_max: Duration,
    /// How long a ping may go unanswered until the neighbour is down. Default 3 s.
    pub silent_max: Duration,
    /// The same for a leaf, and how long its link may stay a visit. Default 20 s. Chosen: its link may be thin, and the answer
    /// waits for the message before it. Less would throw away handshakes, which are most of what a link costs.
    pub leaf_silent_max: Duration,
    /// Time between two pings that measure, +-25 %. Default 60 s.
    pub measure_interval: Duration,
    /// Time between two probes for whoever may live in another part, +-25 %. Default 20 s. Chosen: two halves that are
    /// joined again have a link within it.
    pub merge_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            active_max: 5,
            passive_max: 30,
            leaves_max: 128,
            leaf_links: 2,
            remembered_max: 256,
            fixed_max: 64,
            keep_configured: false,
            far_links: 1,
            visits_max: 64,
            visit_timeout: Duration::from_secs(3),
            settle: Duration::from_secs(5),
            dials_max: 16,
            dial_pace: Duration::from_millis(250),
            dial_timeout: Duration::from_secs(3),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(600),
            fixed_backoff_max: Duration::from_secs(15),
            join_walk: 6,
            join_walks: 3,
            shuffle_walk: 6,
            shuffle_min: Duration::from_secs(15),
            shuffle_max: Duration::from_secs(900),
            hearsay_ttl: Duration::from_secs(1_800),
            remembered_ttl: Duration::from_secs(24 * 3_600),
            hearsay_each_max: 24,
            walks_each_max: 120,
            optimise_min: Duration::from_secs(20),
            optimise_max: Duration::from_secs(600),
            far_min: Duration::from_secs(60),
            far_max: Duration::from_secs(4 * 3_600),
            quiet_max: Duration::from_secs(5),
            leaf_quiet_max: Duration::from_secs(60),
            silent_max: Duration::from_secs(3),
            leaf_silent_max: Duration::from_secs(20),
            measure_interval: Duration::from_secs(60),
            merge_interval: Duration::from_secs(20),
        }
    }
}

impl Config {
    /// Bounds that a few inputs reach: for tests of the machine, and of what drives it.
    pub fn small() -> Self {
        Self {
            active_max: 3,
            passive_max: 3,
            leaves_max: 2,
            remembered_max: 3,
            fixed_max: 3,
            visits_max: 3,
            dials_max: 3,
            settle: Duration::from_secs(1),
            keep_configured: true,
            hearsay_each_max: 12,
            ..Self::default()
        }
    }

    /// Whether these numbers work together.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::of_zeros([
            ("active_max", self.active_max == 0),
            ("passive_max", self.passive_max == 0),
            ("leaf_links", self.leaf_links == 0),
            ("fixed_max", self.fixed_max == 0),
            ("visits_max", self.visits_max == 0),
            ("visit_timeout", self.visit_timeout.is_zero()),
            ("dials_max", self.dials_max == 0),
            ("dial_pace", self.dial_pace.is_zero()),
            ("dial_timeout", self.dial_timeout.is_zero()),
            ("backoff_min", self.backoff_min.is_zero()),
            ("shuffle_min", self.shuffle_min.is_zero()),
            ("hearsay_ttl", self.hearsay_ttl.is_zero()),
            ("optimise_min", self.optimise_min.is_zero()),
            ("far_min", self.far_min.is_zero()),
            ("quiet_max", self.quiet_max.is_zero()),
            ("leaf_quiet_max", self.leaf_quiet_max.is_zero()),
            ("silent_max", self.silent_max.is_zero()),
            ("leaf_silent_max", self.leaf_silent_max.is_zero()),
            ("measure_interval", self.measure_interval.is_zero()),
            ("merge_interval", self.merge_interval.is_zero()),
        ])?;
        ConfigError::of_orders([
            ("far_links", "active_max", self.far_links > self.active_max),
            ("leaf_links", "active_max", self.leaf_links > self.active_max),
            ("backoff_min", "backoff_max", self.backoff_min > self.backoff_max),
            ("backoff_min", "fixed_backoff_max", self.backoff_min > self.fixed_backoff_max),
            ("shuffle_min", "shuffle_max", self.shuffle_min > self.shuffle_max),
            ("hearsay_ttl", "remembered_ttl", self.hearsay_ttl > self.remembered_ttl),
            ("optimise_min", "optimise_max", self.optimise_min > self.optimise_max),
            ("far_min", "far_max", self.far_min > self.far_max),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_works() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(Config::small().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(with(|c| c.active_max = 0), "`active_max` is zero: give it a positive value");
        assert_eq!(with(|c| c.far_links = 6), "`far_links` must not be over `active_max`");
    }
}
