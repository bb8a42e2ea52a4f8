//! Where this machine is: the networks of its interfaces, and the addresses at which others can dial it.

use std::net::{IpAddr, SocketAddr};

use if_addrs::IfAddr;
use msec_identity::{ADDRESSES_MAX, Addresses};

use crate::node::Network;

/// The networks from which a socket at `local` is reached. A wildcard is on all of them but loopback: what lives there is
/// this machine's own business, and nobody else's to point at.
pub(super) fn networks(local: IpAddr) -> Vec<Network> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let all = interfaces.map(|interface| Network {
        ip: interface.ip(),
        prefix: match &interface.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        },
    });
    reached(local, all)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Network> {
        let network = |text: &str, prefix| Network { ip: text.parse().expect("an address"), prefix };
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
