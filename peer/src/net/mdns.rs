//! Finding neighbours on the own link by mDNS (RFC 6762) and DNS-SD (RFC 6763).
//!
//! A peer announces `_msec._udp` with the port of its socket. Neither its id nor its space is named: the announcement
//! carries a random nonce and `tag = BLAKE3("msec/mdns/1", nonce, space)`, cut to 16 bytes. Whoever is in the space
//! recomputes the tag; to everybody else two peers of one space, and one peer on two days, look unrelated.
//!
//! What is found is dialled like a contact, and proves itself in the handshake like anybody. Only addresses on a link
//! on which they were announced are dialled: nobody can make a peer call somewhere else.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use data_encoding::HEXLOWER;
use if_addrs::IfAddr;
use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};
use msec_identity::SpaceId;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::driver::Inbound;
use super::random_seed;

/// The service type that peers announce.
const SERVICE: &str = "_msec._udp.local.";
/// The key of the nonce in the announcement.
const NONCE: &str = "n";
/// The key of the tag.
const TAG: &str = "t";
const NONCE_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
const TAG_DOMAIN: &str = "msec/mdns/1";
/// Addresses of one announcement that are dialled. Further ones are ignored: no peer has that many on one link.
const ADDRESSES_MAX: usize = 8;
/// Announcements of the space that are kept. A further one takes the place of the one that was heard first.
const SERVICES_MAX: usize = 256;
/// How often the driver is told again of somebody who is still announced.
const REMIND_EVERY: Duration = Duration::from_secs(30);
/// The pause before looking again when too much was announced at once.
const BROWSE_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long the peer whose announcement sorts last waits for the other to dial.
const POLITENESS: Duration = Duration::from_secs(1);

/// Announces this peer and listens for others, for as long as it lives.
pub(super) struct Mdns {
    daemon: ServiceDaemon,
}

impl Mdns {
    /// Announces the socket at `local` on the links that it listens on, and reports peers of `space` to `found`.
    pub(super) fn start(
        space: SpaceId,
        local: SocketAddr,
        found: mpsc::Sender<Inbound>,
    ) -> Result<Self, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        let seed = random_seed();
        let (nonce, name) = seed.split_first_chunk::<NONCE_BYTES>().expect("eight of thirty-two bytes");
        let name = HEXLOWER.encode(&name[..NONCE_BYTES]);
        let links = links_of(local);
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(links.clone())?;
        let txt = [(NONCE, HEXLOWER.encode(nonce)), (TAG, HEXLOWER.encode(&tag(&space, nonce)))];
        let host = format!("{name}.local.");
        let mut service = if local.ip().is_unspecified() {
            ServiceInfo::new(SERVICE, &name, &host, "", local.port(), &txt[..])?.enable_addr_auto()
        } else {
            ServiceInfo::new(SERVICE, &name, &host, local.ip(), local.port(), &txt[..])?
        };
        service.set_interfaces(links);
        // A name of 64 random bits is nobody else's: peers need not wait for a second until that is proven.
        service.set_requires_probe(false);
        let own = service.get_fullname().to_owned();
        let events = daemon.browse(SERVICE)?;
        daemon.register(service)?;
        let neighbourhood = Neighbourhood { own, space, local, services: BTreeMap::new() };
        tokio::spawn(neighbourhood.watch(daemon.clone(), events, found));
        Ok(Self { daemon })
    }
}

impl Mdns {
    /// Reports peers of `space` to `found`, and announces nobody.
    pub(super) fn look_for(
        space: SpaceId,
        local: SocketAddr,
        found: mpsc::Sender<Inbound>,
    ) -> Result<Self, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(links_of(local))?;
        let events = daemon.browse(SERVICE)?;
        // No name sorts before the empty one: whoever is found is dialled at once.
        let neighbourhood = Neighbourhood { own: String::new(), space, local, services: BTreeMap::new() };
        tokio::spawn(neighbourhood.watch(daemon.clone(), events, found));
        Ok(Self { daemon })
    }
}

impl Drop for Mdns {
    fn drop(&mut self) {
        // Says goodbye on the link. A daemon that is gone has nothing to say.
        let _ = self.daemon.shutdown();
    }
}

/// The peers of the space that are announced now.
struct Neighbourhood {
    /// The name of this peer's own announcement.
    own: String,
    space: SpaceId,
    local: SocketAddr,
    services: BTreeMap<String, Service>,
}

struct Service {
    addresses: Vec<SocketAddr>,
    heard: Instant,
    /// When the driver is told of it.
    due: Instant,
}

impl Neighbourhood {
    /// Tells the driver of whoever is found, and again for as long as it is announced: a peer that was given up because a
    /// cable was out is dialled again.
    async fn watch(
        mut self,
        daemon: ServiceDaemon,
        mut events: Receiver<ServiceEvent>,
        found: mpsc::Sender<Inbound>,
    ) {
        loop {
            let due = self.services.values().map(|service| service.due).min();
            tokio::select! {
                event = events.recv_async() => match event {
                    Ok(event) => self.heard(event),
                    // More was announced at once than anybody took; or the daemon is gone, and this with it.
                    Err(_) => {
                        sleep(BROWSE_AGAIN_AFTER).await;
                        match daemon.browse(SERVICE) {
                            Ok(again) => events = again,
                            Err(_) => return,
                        }
                        tracing::warn!("too much was announced by mDNS: looking again");
                    }
                },
                () = wait_until(due) => {
                    for address in self.due() {
                        if found.send(Inbound::Discovered { address }).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn heard(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) if is_of(&service, &self.space) => {
                let name = service.get_fullname().to_owned();
                if name == self.own {
                    return;
                }
                if self.services.len() >= SERVICES_MAX && !self.services.contains_key(&name) {
                    // Whoever was heard of last gets a place: nobody can take them all and keep them.
                    let first = self.services.iter().min_by_key(|(_, service)| service.heard);
                    if let Some(first) = first.map(|(name, _)| name.clone()) {
                        self.services.remove(&first);
                    }
                }
                let addresses = addresses(&service, self.local);
                tracing::debug!(?addresses, "found by mDNS");
                // One of the two dials, and the other only if that has failed.
                let wait = if self.own < name { Duration::ZERO } else { POLITENESS };
                let heard = Instant::now();
                self.services.insert(name, Service { addresses, heard, due: heard + wait });
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                self.services.remove(&name);
            }
            _ => {}
        }
    }

    /// The addresses that the driver is to be told of now.
    fn due(&mut self) -> Vec<SocketAddr> {
        let now = Instant::now();
        let due = self.services.values_mut().filter(|service| service.due <= now);
        due.flat_map(|service| {
            service.due = now + REMIND_EVERY;
            service.addresses.clone()
        })
        .collect()
    }
}

/// The links on which a socket at `local` is heard.
fn links_of(local: SocketAddr) -> Vec<IfKind> {
    match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![IfKind::IPv4],
        IpAddr::V6(ip) if ip.is_unspecified() => vec![IfKind::All],
        ip => vec![IfKind::Addr(ip)],
    }
}

fn tag(space: &SpaceId, nonce: &[u8]) -> [u8; TAG_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key(TAG_DOMAIN);
    hasher.update(nonce).update(space.as_bytes());
    *hasher.finalize().as_bytes().first_chunk().expect("sixteen of thirty-two bytes")
}

/// Whether whoever announces this is, or knows somebody who is, in the space.
fn is_of(service: &ResolvedService, space: &SpaceId) -> bool {
    let bytes = |key| HEXLOWER.decode(service.get_property_val_str(key)?.as_bytes()).ok();
    match (bytes(NONCE), bytes(TAG)) {
        (Some(nonce), Some(theirs)) => nonce.len() == NONCE_BYTES && theirs == tag(space, &nonce),
        _ => false,
    }
}

/// Where to dial: the addresses that lie on a link on which they were announced, and that the socket at `local` reaches.
fn addresses(service: &ResolvedService, local: SocketAddr) -> Vec<SocketAddr> {
    let networks = networks();
    let port = service.get_port();
    let mut addresses: Vec<_> = service
        .get_addresses()
        .iter()
        .filter_map(|announced| {
            let (ip, heard_on) = heard(announced);
            let index = on_link(ip, &heard_on, &networks)?;
            Some(match ip {
                IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, port, 0, index).into(),
                ip => SocketAddr::new(ip, port),
            })
        })
        // A socket of IPv4 dials no IPv6, and one of loopback nothing else.
        .filter(|address| address.is_ipv4() || local.is_ipv6())
        .filter(|address| address.ip().is_loopback() || !local.ip().is_loopback())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

/// An address that was announced, and the interfaces on which that was heard.
fn heard(announced: &ScopedIp) -> (IpAddr, Vec<u32>) {
    let interfaces = match announced {
        ScopedIp::V4(v4) => v4.interface_ids().iter().map(|id| id.index).collect(),
        ScopedIp::V6(v6) => vec![v6.scope_id().index],
        _ => Vec::new(),
    };
    (announced.to_ip_addr(), interfaces)
}

/// A network that this machine is on: an interface, its address there, and how many bits of that name the network.
struct Network {
    index: u32,
    ip: IpAddr,
    prefix: u8,
}

fn networks() -> Vec<Network> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let network = |it: if_addrs::Interface| {
        let prefix = match &it.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        };
        Some(Network { index: it.index?, ip: it.ip(), prefix })
    };
    interfaces.filter_map(network).collect()
}

/// The interface, among those on which it was heard of, in whose network the address lies.
fn on_link(ip: IpAddr, heard_on: &[u32], networks: &[Network]) -> Option<u32> {
    let near = |own: &&Network| {
        heard_on.contains(&own.index)
            && match (own.ip, ip) {
                (IpAddr::V4(own_ip), IpAddr::V4(ip)) => {
                    (own_ip.to_bits() ^ ip.to_bits()).leading_zeros() >= own.prefix.into()
                }
                (IpAddr::V6(own_ip), IpAddr::V6(ip)) => {
                    (own_ip.to_bits() ^ ip.to_bits()).leading_zeros() >= own.prefix.into()
                }
                _ => false,
            }
    };
    networks.iter().find(near).map(|network| network.index)
}

/// Never, if there is no time.
async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_on_the_link_where_it_was_announced_is_dialled() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let network = |index, text, prefix| Network { index, ip: ip(text), prefix };
        let networks = [network(1, "127.0.0.1", 8), network(2, "192.0.2.7", 24), network(2, "fe80::7", 64)];
        let (lo, lan) = (1, 2);
        assert_eq!(on_link(ip("192.0.2.9"), &[lan], &networks), Some(lan));
        assert_eq!(on_link(ip("fe80::9"), &[lan], &networks), Some(lan));
        assert_eq!(on_link(ip("198.51.100.1"), &[lan], &networks), None, "somewhere else");
        assert_eq!(on_link(ip("127.0.0.1"), &[lan], &networks), None, "a stranger points at this machine");
        assert_eq!(on_link(ip("127.0.0.1"), &[lo], &networks), Some(lo));
        assert_eq!(on_link(ip("192.0.2.9"), &[], &networks), None, "nobody knows where it was heard");
    }

    #[test]
    fn a_tag_tells_members_and_nobody_else() {
        let (space, other) = (SpaceId([1; 32]), SpaceId([2; 32]));
        assert_eq!(tag(&space, &[7; 8]), tag(&space, &[7; 8]));
        assert_ne!(tag(&space, &[7; 8]), tag(&other, &[7; 8]));
        assert_ne!(tag(&space, &[7; 8]), tag(&space, &[8; 8]), "one space, two announcements");
    }
}
