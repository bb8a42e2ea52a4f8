//! Where this machine is: the networks of its interfaces, and the addresses at which others can dial it.

use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "index")]
use std::time::Duration;

use if_addrs::IfAddr;
use msec_identity::{ADDRESSES_MAX, Addresses};

use crate::node::Network;

/// How old may be what is known of the links: a cable is pulled, or a lease ends. However many come, it is looked no more often.
#[cfg(feature = "index")]
const LINKS_LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The networks from which a socket at `local` is reached. A wildcard is on all of them but loopback: what lives there is
/// this machine's own business, and nobody else's to point at.
pub(super) fn networks(local: IpAddr) -> Vec<Network> {
    reached(local, all())
}

/// Of a machine that cannot say, none.
fn all() -> impl Iterator<Item = Network> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    interfaces.map(|interface| Network {
        ip: interface.ip(),
        prefix: match &interface.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        },
    })
}

fn reached(local: IpAddr, all: impl Iterator<Item = Network>) -> Vec<Network> {
    let is_reached = |network: &Network| match local {
        _ if local.is_loopback() != network.ip.is_loopback() => false,
        IpAddr::V4(_) if local.is_unspecified() => network.ip.is_ipv4(),
        IpAddr::V6(_) if local.is_unspecified() => true,
        _ => network.ip == local || local.is_loopback(),
    };
    let mut reached: Vec<_> = all.filter(is_reached).collect();
    reached.sort_unstable();
    reached.dedup();
    reached
}

/// Where others can dial a socket at `local`, best first: its own address, or for a wildcard those of the networks.
pub(super) fn addresses(local: SocketAddr, networks: &[Network]) -> Vec<SocketAddr> {
    if !local.ip().is_unspecified() {
        return Some(local).filter(Addresses::admits).into_iter().collect();
    }
    let each = networks.iter().map(|network| SocketAddr::new(network.ip, local.port()));
    let mut addresses: Vec<_> = each.filter(Addresses::admits).collect();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

/// The links that this machine is on, as they were a moment ago.
#[cfg(feature = "index")]
#[derive(Debug, Default)]
pub(super) struct OwnLinks {
    networks: Vec<Network>,
    /// When they were looked at.
    looked: Option<Duration>,
}

#[cfg(feature = "index")]
impl OwnLinks {
    /// Whether an address lies on one of them, at `now`, the monotonic time.
    pub(super) fn hold(&mut self, ip: IpAddr, now: Duration) -> bool {
        self.hold_among(ip, now, all)
    }

    fn hold_among<I: Iterator<Item = Network>>(
        &mut self,
        ip: IpAddr,
        now: Duration,
        look: impl FnOnce() -> I,
    ) -> bool {
        if self.looked.is_none_or(|at| now.saturating_sub(at) >= LINKS_LOOK_AGAIN_AFTER) {
            (self.networks, self.looked) = (look().collect(), Some(now));
        }
        is_near(ip, &self.networks)
    }
}

/// Whether an address is this machine's own, or on one of its links: no router lies between.
#[cfg(feature = "index")]
fn is_near(ip: IpAddr, networks: &[Network]) -> bool {
    // A socket for both shows IPv4 in IPv6.
    let ip = ip.to_canonical();
    // No router passes these on (RFC 3927, section 7; RFC 4291, section 2.5.6).
    let is_local = ip.is_loopback()
        || match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
    // A mask of nothing is a way to everywhere, and no link.
    is_local || networks.iter().any(|network| network.prefix > 0 && network.holds(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "index")]
    fn who_is_on_a_link_of_this_machine_is_near_and_nobody_else_is() {
        let networks: Vec<_> = all().into_iter().chain([network("10.9.0.2", 0)]).collect();
        for (address, expected) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("192.0.2.7", true),
            ("192.0.2.200", true),
            ("::ffff:192.0.2.200", true),
            ("2001:db8::1234", true),
            ("fe80::1234", true),
            ("169.254.3.4", true),
            ("192.0.3.1", false),
            ("::ffff:192.0.3.1", false),
            ("10.9.0.1", false),
            ("203.0.113.9", false),
            ("2001:db8:0:1::7", false),
        ] {
            let ip = address.parse().expect("an address");
            assert_eq!(is_near(ip, &networks), expected, "{address}");
        }
        assert!(!is_near("192.0.2.7".parse().expect("an address"), &[]), "it cannot say where it is");
    }

    #[test]
    #[cfg(feature = "index")]
    fn links_that_change_are_seen_a_second_later_and_looked_at_no_more_often() {
        let mut links = OwnLinks::default();
        let (ip, at) = ("198.51.100.9".parse().expect("an address"), Duration::from_millis);
        let mut looks = 0;
        let mut hold = |now: u64, on: &str| {
            links.hold_among(ip, at(now), || {
                looks += 1;
                std::iter::once(network(on, 24))
            })
        };
        assert!(!hold(0, "192.0.2.7"));
        assert!(!hold(999, "198.51.100.7"), "nobody looks");
        assert!(hold(1_000, "198.51.100.7"), "another lease");
        assert!(hold(1_999, "192.0.2.7"));
        assert!(!hold(2_000, "192.0.2.7"), "it ended");
        assert_eq!(looks, 3);
    }

    fn network(text: &str, prefix: u8) -> Network {
        Network { ip: text.parse().expect("an address"), prefix }
    }

    fn all() -> Vec<Network> {
        vec![
            network("::1", 128),
            network("fe80::7", 64),
            network("2001:db8::7", 64),
            network("192.0.2.7", 24),
            network("127.0.0.1", 8),
        ]
    }

    #[test]
    fn a_wildcard_is_everywhere_but_on_loopback_and_link_local_addresses_are_told_to_nobody() {
        for (local, on, told) in [
            ("0.0.0.0:4000", &["192.0.2.7"][..], &["192.0.2.7:4000"][..]),
            (
                "[::]:4000",
                &["192.0.2.7", "2001:db8::7", "fe80::7"],
                &["192.0.2.7:4000", "[2001:db8::7]:4000"],
            ),
            ("192.0.2.7:4000", &["192.0.2.7"], &["192.0.2.7:4000"]),
            ("127.0.0.1:4000", &["127.0.0.1", "::1"], &["127.0.0.1:4000"]),
            ("[fe80::7]:4000", &["fe80::7"], &[]),
        ] {
            let local: SocketAddr = local.parse().expect("an address");
            let networks = reached(local.ip(), all().into_iter());
            assert_eq!(networks.iter().map(|it| it.ip.to_string()).collect::<Vec<_>>(), on, "{local}");
            let addresses = addresses(local, &networks);
            assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), told, "{local}");
        }
    }
}
