//! Links over a wide area: iroh, beside the UDP socket of `endpoint`.
//!
//! | module | what it does |
//! |---|---|
//! | `address` | where a peer is, as text |
//! | `carrier` | what a link needs of iroh's connection |
//! | `endpoint` | iroh's endpoints: one that is dialled, one that dials |
//!
//! iroh is set up to call nobody: without a relay, a port mapper, a net report or a look-up. What it adds to a UDP socket is
//! that an address may have several ways to it, and that the other end is told by its key. That key is made for the process
//! and thrown away with it: who a peer is, is said by Noise inside, as on every link.
//!
//! The node does not know of any of this. It dials a [`Contacts`]'s stand-in, as it dials any contact.

mod address;
mod carrier;
mod endpoint;

use std::net::{Ipv6Addr, SocketAddr};

pub use address::{DIRECT_MAX, IrohAddress, ParseIrohAddressError};
pub(super) use endpoint::{Connector, Endpoints};

/// The first address of 100::/64, to which nothing can be sent (RFC 6666).
const NOWHERE: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0);

/// Where a peer listens for iroh, and whom it dials over it.
#[derive(Debug, Default)]
pub(crate) struct WideArea {
    /// Where, and the seed of the endpoint's key.
    pub(crate) listen: Option<(SocketAddr, [u8; 32])>,
    pub(crate) contacts: Contacts,
}

impl WideArea {
    /// What dials it dials, once the peer is open. `None`: it does not listen, or on a port that is not chosen yet.
    pub(crate) fn address(&self) -> Option<IrohAddress> {
        let (listen, key) = self.listen?;
        IrohAddress::new(::iroh::SecretKey::from_bytes(&key).public(), [listen]).ok()
    }
}

/// Contacts that are reached over iroh. The node knows each by a stand-in, which no socket could send to: no port is 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contacts(Vec<IrohAddress>);

impl Contacts {
    /// Adds one. Returns what the node is to dial.
    pub(crate) fn add(&mut self, address: IrohAddress) -> SocketAddr {
        self.0.push(address);
        stand_in(self.0.len() - 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom a stand-in stands for.
    fn of(&self, address: SocketAddr) -> Option<&IrohAddress> {
        let SocketAddr::V6(v6) = address else { return None };
        let n = v6.ip().to_bits().checked_sub(NOWHERE.to_bits())?;
        let n = usize::try_from(n).ok()?;
        self.0.get(n).filter(|_| address == stand_in(n))
    }
}

fn stand_in(n: usize) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::from_bits(NOWHERE.to_bits() + n as u128), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_told_from_all_that_can_be_dialled() {
        let address = |n: u8| {
            let endpoint = ::iroh::SecretKey::from_bytes(&[n; 32]).public();
            IrohAddress::new(endpoint, [SocketAddr::from(([192, 0, 2, n], 4000))]).expect("an address")
        };
        let mut contacts = Contacts::default();
        let stand_ins = [1, 2].map(|n| contacts.add(address(n)));
        assert_eq!(stand_ins.map(|it| contacts.of(it).cloned()), [Some(address(1)), Some(address(2))]);
        for other in ["192.0.2.1:4000", "[100::]:4000", "[100::2]:0", "[::]:0", "[ffff::1]:0"] {
            assert_eq!(contacts.of(other.parse().expect("an address")), None, "{other}");
        }
    }
}
