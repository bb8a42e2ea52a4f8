//! The settings of a node.

use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::overlay::Role;
use msec_gossip::{Interest, overlay};
use msec_identity::{AddressError, Addresses, CollectionPath, PeerId};

use super::lease::{LEASE_MIN, Leases};
use super::reach::Network;

/// The default of [`Config::links_max`], and of the neighbours of gossip: each has a link.
const LINKS_MAX: usize = 256;

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
    /// Whom to dial and to keep a link with, at most [`Config::CONTACTS_MAX`]. The views of the overlay have room for all of
    /// them. Default: nobody.
    pub contacts: Vec<Contact>,
    /// How many peers that were found on the own link may be dialled, beside the contacts. Of further ones, each takes the
    /// place of one that does not answer, or is passed over. Default: 64.
    pub discovered_max: usize,
    /// How many peers may be dialled that neighbours tell of, beside the contacts and those that were found. Of further ones
    /// nothing is kept until the overlay, whose views are smaller, forgets some. 0: nobody is dialled because others tell of
    /// it. Default: 512.
    pub hearsay_max: usize,
    /// Whether it relays what others say. A leaf (a sensor, a phone) does not, and nobody is told where it lives. Default:
    /// it relays.
    pub role: Role,
    /// Where others can dial it, best first, at most [`msec_identity::ADDRESSES_MAX`]: it signs that, and neighbours pass it on. Default:
    /// nowhere, so that only those dial it who are told otherwise.
    pub advertise: Vec<SocketAddr>,
    /// The networks that it is on. A local address that others have signed is dialled only there. Default: none.
    pub networks: Vec<Network>,
    /// How long others may pass on where it lives; it is signed again at half of that. Default: 24 h.
    pub address_validity: Duration,
    /// What to hold, beside the logs that this peer writes. A leaf holds what [`Interest::told`] makes of it. Default: all.
    pub interest: Interest,
    /// Whether it confirms, in a log of its own, that it has learnt of the end of a grant, and counts what it gave to its holder before. Only who
    /// relays does, by a grant to relay or to manage, and only where it is built with `index`. Default: no; `PeerConfig` says yes.
    pub receipts: bool,
    /// How fresh it has to be to show and to give away what is of each class of data.
    pub leases: Leases,
    /// Collections whose entries wait for company before they go to the disk, with all that lies below them. Acknowledged
    /// means on disk there too: who publishes waits as long. It spares a flash card, where each sync costs whole pages.
    /// Default: none. Elsewhere an own entry waits for nothing but the commit before it, and what comes meanwhile goes into
    /// the next: under load commits fill up by themselves.
    pub thrifty: Vec<CollectionPath>,
    /// How long the first entry of a thrifty collection waits. Default: 1 s.
    pub thrifty_window: Duration,
    /// How many entries wait at most while all of them are thrifty. Default: 50.
    pub thrifty_entries: usize,
    /// How long the first verified run of another peer waits for company elsewhere. Default: 50 ms. It may wait, since nobody
    /// waits for its acknowledgement: a crash loses nothing that a neighbour does not have. It goes along with own entries
    /// that are committed before that.
    pub store_window: Duration,
    /// How old an epoch of a sealed collection becomes before this peer, if it made it, begins another. Default: 7 days.
    pub epoch_max_age: Duration,
    /// How long another manager of a sealed collection may leave undone what is to be done before this peer, if it manages and reads
    /// that collection too, does it. Default: 10 minutes.
    pub seal_takeover: Duration,
    /// How long a stranger has to complete the handshake. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How many strangers may be at it. More are turned away. Default: 64.
    pub handshakes_max: usize,
    /// How many links to admit, neighbours and those who are only asking. Further peers are refused as
    /// [`msec_identity::handshake::Refusal::Full`]. Which of the admitted stay is the overlay's business. Default: 256.
    pub links_max: usize,
    /// The pause before a failed commit is tried again, doubled at each failure up to a minute. Default: 1 s.
    pub commit_retry: Duration,
    /// Bytes of verified runs of others that may wait for the disk, and as many of own entries. No more is asked for than there is
    /// room; what comes all the same is dropped, and fetched again later. Beyond it, publishing is refused. Default: 8 MiB.
    pub waiting_bytes_max: usize,
    /// How many logs to hold of what apps write. Further ones are dropped. Beside them it holds half as many of what everybody may say of
    /// itself, and [`super::CONTROL_LOGS_MAX`] of roots and managers. Default: 100,000, about 100 MB of memory.
    pub logs_max: usize,
    /// How often a link's grants are looked at again. Default: 30 s.
    pub review_interval: Duration,
    /// How long a Noise key is endorsed for; it is replaced at half of that. Default: 30 days.
    pub noise_key_validity: Duration,
    /// The settings of the overlay. Its views grow with the contacts.
    pub overlay: overlay::Config,
    /// The settings of gossip. It takes as many neighbours as there are links.
    pub gossip: msec_gossip::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            contacts: Vec::new(),
            discovered_max: 64,
            hearsay_max: 512,
            role: Role::Relay,
            advertise: Vec::new(),
            networks: Vec::new(),
            address_validity: Duration::from_secs(24 * 3600),
            interest: Interest::all(),
            receipts: false,
            leases: Leases::default(),
            thrifty: Vec::new(),
            thrifty_window: Duration::from_secs(1),
            thrifty_entries: 50,
            store_window: Duration::from_millis(50),
            epoch_max_age: Duration::from_secs(7 * 24 * 3600),
            seal_takeover: Duration::from_secs(600),
            handshake_timeout: Duration::from_secs(10),
            handshakes_max: 64,
            links_max: LINKS_MAX,
            commit_retry: Duration::from_secs(1),
            waiting_bytes_max: 8 * 1024 * 1024,
            logs_max: 100_000,
            review_interval: Duration::from_secs(30),
            noise_key_validity: Duration::from_secs(30 * 24 * 3600),
            overlay: overlay::Config::default(),
            gossip: msec_gossip::Config { neighbours_max: LINKS_MAX, ..msec_gossip::Config::default() },
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
    /// A lease is over before an answer can have come.
    #[error("`{name}` must be at least {} s: an answer takes some seconds, and is asked for three times in that", LEASE_MIN.as_secs())]
    Lease {
        /// Which.
        name: &'static str,
    },
    /// Nobody can be sent to what is advertised.
    #[error("`advertise` cannot be told to others")]
    Advertise(#[from] AddressError),
    /// A time is longer than any clock here is asked to count.
    #[error("`{name}` must not be more than a year")]
    TooLong {
        /// Which.
        name: &'static str,
    },
    /// The settings of gossip, or of the overlay, are refused.
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
            ("epoch_max_age", !self.epoch_max_age.is_zero()),
            ("handshake_timeout", !self.handshake_timeout.is_zero()),
            ("handshakes_max", self.handshakes_max > 0),
            ("links_max", self.links_max > 0),
            ("address_validity", !self.address_validity.is_zero()),
            ("commit_retry", !self.commit_retry.is_zero()),
            ("thrifty_entries", self.thrifty_entries > 0),
            ("waiting_bytes_max", self.waiting_bytes_max > 0),
            ("logs_max", self.logs_max > 0),
            ("review_interval", !self.review_interval.is_zero()),
            ("noise_key_validity", !self.noise_key_validity.is_zero()),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return Err(ConfigError::Zero { name });
        }
        let leases = self.leases.ages();
        if let Some((name, _)) = leases.into_iter().find(|(_, age)| *age < LEASE_MIN) {
            return Err(ConfigError::Lease { name });
        }
        if !self.advertise.is_empty() {
            Addresses::new(self.advertise.clone())?;
        }
        let durations = [
            ("thrifty_window", self.thrifty_window),
            ("store_window", self.store_window),
            ("epoch_max_age", self.epoch_max_age),
            ("seal_takeover", self.seal_takeover),
            ("handshake_timeout", self.handshake_timeout),
            ("address_validity", self.address_validity),
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
        let mut durations = durations.into_iter().chain(leases);
        if let Some((name, _)) = durations.find(|(_, duration)| *duration > Self::DURATION_MAX) {
            return Err(ConfigError::TooLong { name });
        }
        self.overlay.check()?;
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
        assert!(refused(|c| c.overlay.dials_max = 0).contains("`dials_max`"));
        assert!(refused(|c| c.handshake_timeout = Duration::MAX).contains("a year"));
        assert!(
            refused(|c| c.gossip.reconcile_interval = Duration::MAX).contains("gossip.reconcile_interval")
        );
        assert!(refused(|c| c.leases.actuation.max_age = Duration::from_secs(9)).contains("at least 15 s"));
        assert!(refused(|c| c.leases.public.max_age = Duration::MAX).contains("leases.public.max_age"));
        assert!(refused(|c| c.links_max = 0).contains("more than zero"));
        assert!(refused(|c| c.advertise = vec![([0, 0, 0, 0], 1).into()]).contains("`advertise`"));
        assert!(Config::default().check().is_ok());
    }
}
