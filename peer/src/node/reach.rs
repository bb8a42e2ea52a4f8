//! Which addresses that others tell are dialled.
//!
//! A record is signed by the peer that says it lives there, and nobody can check where it lives but by dialling. So a member
//! of the space who means harm can make others send a few packets somewhere. What this file keeps small is where:
//!
//! - A private, loopback or otherwise local address means another host in every network. It is dialled only where this
//!   machine has an address in the same one, and loopback only by a peer that listens nowhere else: nobody makes a peer
//!   knock at the services of its own machine, or of a network that it merely hears of.
//! - Ports below [`PORT_MIN`] are other services'.
//! - After a dial to a host has failed, no other peer's record makes it be dialled again for [`HOST_PAUSE`].
//!
//! How much is the business of `dial`, which counts such dials.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use msec_identity::PeerId;

/// The lowest port at which a peer is believed to live that was not configured and not found on an own link.
const PORT_MIN: u16 = 1024;

/// How long a host at which nobody answered is not dialled for another peer.
const HOST_PAUSE: Duration = Duration::from_secs(60);

/// Hosts that did not answer and are remembered. Beyond it, the one whose pause ends first is forgotten.
const HOSTS_MAX: usize = 256;

/// A network that this machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// This machine's address in it.
    pub ip: IpAddr,
    /// How many bits of that name the network.
    pub prefix: u8,
}

impl Network {
    /// Whether an address lies in it.
    pub fn holds(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= self.prefix.into()
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= self.prefix.into()
            }
            _ => false,
        }
    }
}

/// Whether a peer that is on these networks dials an address because a record names it.
pub(super) fn may_be_dialled(address: SocketAddr, networks: &[Network]) -> bool {
    let near = || networks.iter().any(|network| network.holds(address.ip()));
    address.port() >= PORT_MIN && is_unicast(address.ip()) && (is_global(address.ip()) || near())
}

fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        // "This network" (RFC 791), and what was reserved for later (RFC 1112).
        IpAddr::V4(ip) => !matches!(ip.octets()[0], 0 | 224..),
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// Whether the address means the same host everywhere.
fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // Shared by the customers of a provider (RFC 6598).
            let shared = ip.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared)
        }
        // 2000::/3 is what is routed (RFC 4291).
        IpAddr::V6(ip) => ip.segments()[0] >> 13 == 1,
    }
}

/// Hosts at which nobody answered lately, and for whom they were dialled.
#[derive(Debug, Default)]
pub(super) struct SilentHosts(BTreeMap<IpAddr, (PeerId, Duration)>);

impl SilentHosts {
    /// Nobody answered there for `peer`.
    pub(super) fn failed(&mut self, ip: IpAddr, peer: PeerId, now: Duration) {
        // Whoever dials loopback bothers nobody but this machine's own.
        if ip.is_loopback() || self.0.get(&ip).is_some_and(|(other, until)| *other != peer && *until > now) {
            return;
        }
        if self.0.len() >= HOSTS_MAX && !self.0.contains_key(&ip) {
            let soonest = self.0.iter().min_by_key(|(_, (_, until))| *until).map(|(ip, _)| *ip);
            soonest.and_then(|ip| self.0.remove(&ip));
        }
        self.0.insert(ip, (peer, now + HOST_PAUSE));
    }

    /// Somebody of the space is there.
    pub(super) fn answered(&mut self, ip: IpAddr) {
        self.0.remove(&ip);
    }

    /// Whether the host may be dialled for `peer`.
    pub(super) fn admits(&self, ip: IpAddr, peer: PeerId, now: Duration) -> bool {
        self.0.get(&ip).is_none_or(|(other, until)| *other == peer || *until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str, prefix: u8) -> Network {
        Network { ip: text.parse().expect("an address"), prefix }
    }

    #[test]
    fn what_is_local_is_dialled_only_from_the_same_network() {
        let lan = [network("192.168.7.5", 24), network("fd00::5", 64)];
        let may =
            |text: &str, networks: &[Network]| may_be_dialled(text.parse().expect("an address"), networks);
        for (address, from_lan, from_nowhere) in [
            ("203.0.113.9:4000", true, true),
            ("[2001:db8::1]:4000", true, true),
            ("192.168.7.9:4000", true, false),
            ("192.168.8.9:4000", false, false),
            ("10.0.0.1:4000", false, false),
            ("172.16.0.1:4000", false, false),
            ("169.254.1.1:4000", false, false),
            ("100.64.0.1:4000", false, false),
            ("100.128.0.1:4000", true, true),
            ("127.0.0.1:4000", false, false),
            ("[::1]:4000", false, false),
            ("[fd00::9]:4000", true, false),
            ("[fd00:1::9]:4000", false, false),
            ("[fe80::1]:4000", false, false),
            ("[64:ff9b::7f00:1]:4000", false, false),
            ("[100::1]:4000", false, false),
            ("0.1.2.3:4000", false, false),
            ("240.0.0.1:4000", false, false),
            ("255.255.255.255:4000", false, false),
            ("203.0.113.9:53", false, false),
        ] {
            assert_eq!((may(address, &lan), may(address, &[])), (from_lan, from_nowhere), "{address}");
        }
        assert!(may("127.0.0.1:4000", &[network("127.0.0.1", 8)]));
    }

    #[test]
    fn a_host_that_is_silent_is_left_alone_whoever_signs_that_he_lives_there() {
        let (mut hosts, ip) = (SilentHosts::default(), IpAddr::from([203, 0, 113, 9]));
        let (one, other) = (PeerId([1; 32]), PeerId([2; 32]));
        hosts.failed(ip, one, Duration::ZERO);
        assert!(hosts.admits(ip, one, Duration::ZERO), "its own pauses are the overlay's business");
        assert!(!hosts.admits(ip, other, HOST_PAUSE / 2));
        assert!(hosts.admits(ip, other, HOST_PAUSE));
        hosts.failed(ip, one, HOST_PAUSE);
        hosts.answered(ip);
        assert!(hosts.admits(ip, other, HOST_PAUSE));
        hosts.failed(IpAddr::from([127, 0, 0, 1]), one, HOST_PAUSE);
        assert!(hosts.admits(IpAddr::from([127, 0, 0, 1]), other, HOST_PAUSE));
    }

    #[test]
    fn silent_hosts_are_bounded() {
        let mut hosts = SilentHosts::default();
        for n in 0..2 * HOSTS_MAX as u32 {
            hosts.failed(IpAddr::from(n.to_be_bytes()), PeerId([1; 32]), Duration::from_millis(n.into()));
        }
        assert_eq!(hosts.0.len(), HOSTS_MAX);
        assert_eq!(hosts.0.keys().next(), Some(&IpAddr::from((HOSTS_MAX as u32).to_be_bytes())));
    }
}
