//! The settings of a node.

use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::Interest;
use msec_identity::PeerId;

/// Somebody to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Where.
    pub address: SocketAddr,
    /// Who must be there. `None`: whoever the space admits.
    pub peer: Option<PeerId>,
}

/// The settings of a node. `Default` suits a peer that wants everything.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whom to dial and to keep a link with, at most [`Config::CONTACTS_MAX`]. Default: nobody.
    pub contacts: Vec<Contact>,
    /// How many peers that were found on the own link to dial, beside the contacts. Further ones are passed over, and get
    /// their turn when one of these is given up. Default: 64.
    pub discovered_max: usize,
    /// The collections to hold, beside the logs that this peer writes. Default: all.
    pub interest: Interest,
    /// How long the first own entry of a commit waits for company. Default: not at all. A commit waits until the one before
    /// it is durable, and what comes meanwhile goes into the next: under load commits fill up by themselves, and a single
    /// entry is acknowledged after one sync. More than zero spares a flash card at the price of that latency.
    pub commit_window: Duration,
    /// How long the first verified run of another peer waits for company. Default: 50 ms. It may wait, since nobody waits
    /// for its acknowledgement: a crash loses nothing that a neighbour does not have. It goes along with own entries that
    /// are committed before that.
    pub store_window: Duration,
    /// How long a stranger has to complete the handshake. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How many strangers may be at it. More are turned away. Default: 64.
    pub handshakes_max: usize,
    /// How many links to admit. Further peers are refused as [`msec_identity::handshake::Refusal::Full`]. Default: 128.
    pub links_max: usize,
    /// The pause before a contact is dialled again, doubled at each failure up to `redial_max`. Default: 250 ms.
    pub redial_min: Duration,
    /// The longest such pause. Default: 15 s.
    pub redial_max: Duration,
    /// The pause before a failed commit is tried again, doubled at each failure up to a minute. Default: 1 s.
    pub commit_retry: Duration,
    /// Bytes of verified runs of others that may wait for the disk, and as many of own entries. Beyond it, runs of others are
    /// dropped (they are fetched again later), or publishing is refused. Default: 8 MiB.
    pub waiting_bytes_max: usize,
    /// How many logs to hold. Further ones are dropped. Default: 100,000, about 100 MB of memory.
    pub logs_max: usize,
    /// How often a link's grants are looked at again. Default: 30 s.
    pub review_interval: Duration,
    /// How long a Noise key is endorsed for; it is replaced at half of that. Default: 30 days.
    pub noise_key_validity: Duration,
    /// The settings of gossip.
    pub gossip: msec_gossip::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            contacts: Vec::new(),
            discovered_max: 64,
            interest: Interest::all(),
            commit_window: Duration::ZERO,
            store_window: Duration::from_millis(50),
            handshake_timeout: Duration::from_secs(10),
            handshakes_max: 64,
            links_max: 128,
            redial_min: Duration::from_millis(250),
            redial_max: Duration::from_secs(15),
            commit_retry: Duration::from_secs(1),
            waiting_bytes_max: 8 * 1024 * 1024,
            logs_max: 100_000,
            review_interval: Duration::from_secs(30),
            noise_key_validity: Duration::from_secs(30 * 24 * 3600),
            gossip: msec_gossip::Config::default(),
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Too many contacts.
    #[error("{found} contacts are too many: at most {} are kept linked", Config::CONTACTS_MAX)]
    Contacts {
        /// How many.
        found: usize,
    },
    /// A setting must be more than zero.
    #[error("`{name}` must be more than zero")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// A setting must not be more than another.
    #[error("`{smaller}` must not be more than `{larger}`")]
    Order {
        /// The one that is too large.
        smaller: &'static str,
        /// The other.
        larger: &'static str,
    },
    /// A time is longer than any clock here is asked to count.
    #[error("`{name}` must not be more than a year")]
    TooLong {
        /// Which.
        name: &'static str,
    },
    /// The settings of gossip are refused.
    #[error(transparent)]
    Gossip(#[from] msec_gossip::ConfigError),
}

impl Config {
    /// The longest time that a setting names.
    pub const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

    /// The most contacts.
    pub const CONTACTS_MAX: usize = 256;

    /// Refuses what cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.contacts.len() > Self::CONTACTS_MAX {
            return Err(ConfigError::Contacts { found: self.contacts.len() });
        }
        let positive = [
            ("handshake_timeout", !self.handshake_timeout.is_zero()),
            ("handshakes_max", self.handshakes_max > 0),
            ("links_max", self.links_max > 0),
            ("redial_min", !self.redial_min.is_zero()),
            ("redial_max", !self.redial_max.is_zero()),
            ("commit_retry", !self.commit_retry.is_zero()),
            ("waiting_bytes_max", self.waiting_bytes_max > 0),
            ("logs_max", self.logs_max > 0),
            ("review_interval", !self.review_interval.is_zero()),
            ("noise_key_validity", !self.noise_key_validity.is_zero()),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return Err(ConfigError::Zero { name });
        }
        if self.redial_min > self.redial_max {
            return Err(ConfigError::Order { smaller: "redial_min", larger: "redial_max" });
        }
        let durations = [
            ("commit_window", self.commit_window),
            ("store_window", self.store_window),
            ("handshake_timeout", self.handshake_timeout),
            ("redial_max", self.redial_max),
            ("commit_retry", self.commit_retry),
            ("review_interval", self.review_interval),
            ("noise_key_validity", self.noise_key_validity),
            ("gossip.reconcile_interval", self.gossip.reconcile_interval),
            ("gossip.reconcile_interval_max", self.gossip.reconcile_interval_max),
            ("gossip.want_delay", self.gossip.want_delay),
            ("gossip.want_timeout", self.gossip.want_timeout),
            ("gossip.announce_delay", self.gossip.announce_delay),
            ("gossip.backoff_max", self.gossip.backoff_max),
        ];
        if let Some((name, _)) = durations.into_iter().find(|(_, duration)| *duration > Self::DURATION_MAX) {
            return Err(ConfigError::TooLong { name });
        }
        Ok(self.gossip.check()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_clock_is_refused() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().expect_err("refused").to_string()
        };
        assert!(refused(|c| c.redial_min = Duration::from_secs(60)).contains("`redial_max`"));
        assert!(refused(|c| c.handshake_timeout = Duration::MAX).contains("a year"));
        assert!(
            refused(|c| c.gossip.reconcile_interval = Duration::MAX).contains("gossip.reconcile_interval")
        );
        assert!(refused(|c| c.links_max = 0).contains("more than zero"));
        assert!(Config::default().check().is_ok());
    }
}
