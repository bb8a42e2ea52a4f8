//! Where a peer can be dialled, signed by the peer that lives there.
//!
//! The record goes from neighbour to neighbour as hearsay, so that members of a space who know few others find more. It
//! names no space: who hears of it is a member already, and a stranger who sees it learns nothing of the peer's spaces.
//! It is short-lived, since addresses are lent. The body is the CBOR array `[peer, addresses, issued, expires]`; an address
//! is its IP in 4 or 16 bytes, then its port in two, all in network order.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use minicbor::decode::Error as Malformed;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::error::AddressError;
use crate::id::PeerId;
use crate::record::Record;
use crate::time::UnixMillis;

/// The most addresses that a record names: two networks with IPv4 and IPv6 each.
pub const ADDRESSES_MAX: usize = 4;

/// No signed [`AddressRecord`] is longer. Whoever carries records refuses longer ones unread.
pub const ADDRESS_RECORD_BYTES_MAX: usize = 256;

/// A record that claims to last longer than this, in milliseconds, is refused: a peer that left is forgotten.
pub const ADDRESS_VALIDITY_MAX_MS: i64 = 7 * 24 * 3600 * 1000;

/// How far, in milliseconds, the issuer's clock may be ahead of the reader's.
const CLOCK_AHEAD_MAX_MS: i64 = 3600 * 1000;

/// "I can be dialled there, until then", signed by the peer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct AddressRecord {
    /// Who lives there, and signs.
    #[n(0)]
    pub peer: PeerId,
    /// Where.
    #[n(1)]
    pub addresses: Addresses,
    /// When it was signed: of two records of a peer the later one counts.
    #[n(2)]
    pub issued: UnixMillis,
    /// Until when, inclusive.
    #[n(3)]
    pub expires: UnixMillis,
}

impl Record for AddressRecord {
    const DOMAIN: &'static str = "msec/address/1";
}

impl AddressRecord {
    /// Whether `at` lies in its validity, and that is no longer than [`ADDRESS_VALIDITY_MAX_MS`]. A peer whose clock was
    /// never set passes `None`, and tries what it hears.
    pub fn is_valid(&self, at: Option<UnixMillis>) -> bool {
        let earliest = self.issued.saturating_add(-CLOCK_AHEAD_MAX_MS);
        let latest = self.issued.saturating_add(ADDRESS_VALIDITY_MAX_MS);
        let lasts = (self.issued..=latest).contains(&self.expires);
        lasts && at.is_none_or(|at| (earliest..=self.expires).contains(&at))
    }
}

/// One to [`ADDRESSES_MAX`] addresses, each once, best first. Whatever can be sent to is one: who may be dialled is for the
/// reader to judge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Addresses(Vec<SocketAddr>);

impl Addresses {
    /// These, in this order.
    pub fn new(addresses: Vec<SocketAddr>) -> Result<Self, AddressError> {
        let distinct = addresses.iter().collect::<BTreeSet<_>>().len();
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX || distinct != addresses.len() {
            return Err(AddressError::Count { addresses: addresses.len() });
        }
        match addresses.iter().find(|address| !names_a_host(address)) {
            Some(address) => Err(AddressError::NoHost { address: *address }),
            None => Ok(Self(addresses)),
        }
    }

    /// Whether an address may stand in a record: a port of one host, which means the same wherever it is read. So neither a
    /// wildcard nor a group, no link-local IPv6 address, which needs the name of an interface, and no IPv4 address in IPv6
    /// clothes, which would be a second way to write the same.
    pub fn admits(address: &SocketAddr) -> bool {
        names_a_host(address)
    }

    /// Best first.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.0.iter().copied()
    }
}

fn names_a_host(address: &SocketAddr) -> bool {
    let host = match address {
        SocketAddr::V4(v4) => !v4.ip().is_broadcast(),
        SocketAddr::V6(v6) => {
            let plain = v6.flowinfo() == 0 && v6.scope_id() == 0;
            plain && v6.ip().to_ipv4_mapped().is_none() && !v6.ip().is_unicast_link_local()
        }
    };
    host && address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()
}

impl<C> Encode<C> for Addresses {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(self.0.len() as u64)?;
        for address in &self.0 {
            let mut bytes = Vec::with_capacity(18);
            match address.ip() {
                IpAddr::V4(ip) => bytes.extend(ip.octets()),
                IpAddr::V6(ip) => bytes.extend(ip.octets()),
            }
            bytes.extend(address.port().to_be_bytes());
            e.bytes(&bytes)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Addresses {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Malformed> {
        let count = d.array()?.filter(|count| (1..=ADDRESSES_MAX as u64).contains(count));
        let count = count.ok_or_else(|| Malformed::message("one to four addresses are expected"))?;
        let addresses = (0..count).map(|_| address(d.bytes()?)).collect::<Result<_, _>>()?;
        Self::new(addresses).map_err(|error| Malformed::message(error.to_string()))
    }
}

fn address(bytes: &[u8]) -> Result<SocketAddr, Malformed> {
    let (ip, port) = bytes.split_last_chunk().ok_or_else(|| Malformed::message("an address ends early"))?;
    let ip = if let Ok(octets) = <[u8; 4]>::try_from(ip) {
        IpAddr::V4(Ipv4Addr::from(octets))
    } else if let Ok(octets) = <[u8; 16]>::try_from(ip) {
        IpAddr::V6(Ipv6Addr::from(octets))
    } else {
        return Err(Malformed::message("an IP address has 4 or 16 bytes"));
    };
    Ok(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::Identity;
    use crate::record::Unverified;

    const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn addresses(texts: &[&str]) -> Result<Addresses, AddressError> {
        Addresses::new(texts.iter().map(|text| text.parse().expect("an address")).collect())
    }

    fn record(texts: &[&str]) -> AddressRecord {
        AddressRecord {
            peer: Identity::from_seed([3; 32]).peer(),
            addresses: addresses(texts).expect("addresses"),
            issued: NOW,
            expires: NOW.saturating_add(DAY_MS),
        }
    }

    #[test]
    fn the_longest_record_is_within_its_bound_and_reads_back() {
        let texts = ["[2001:db8::1]:65535", "[2001:db8::2]:1", "[::1]:4000", "[fd00::1]:4000"];
        let author = Identity::from_seed([3; 32]);
        let bytes = author.sign(record(&texts)).to_bytes();
        assert!(bytes.len() <= ADDRESS_RECORD_BYTES_MAX, "{} bytes", bytes.len());
        let parsed = Unverified::<AddressRecord>::from_bytes(&bytes).expect("parses");
        let verified = parsed.verify(&author.peer()).expect("verifies");
        assert_eq!(*verified, record(&texts));
        assert_eq!(verified.addresses.iter().map(|it| it.to_string()).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn the_encoding_is_fixed() {
        let record = AddressRecord {
            peer: PeerId([7; 32]),
            addresses: addresses(&["192.0.2.1:4000", "[2001:db8::1]:4001"]).expect("addresses"),
            issued: UnixMillis(1),
            expires: UnixMillis(2),
        };
        let hex = data_encoding::HEXLOWER.encode(&minicbor::to_vec(&record).expect("a vector grows"));
        let peer = "07".repeat(32);
        assert_eq!(hex, format!("845820{peer}8246c00002010fa05220010db80000000000000000000000010fa10102"));
    }

    /// `vectors/address.txt`: hex up to the first two spaces, line by line; then what it is.
    #[test]
    fn a_signed_record_is_these_bytes() {
        let lines = include_str!("../vectors/address.txt").lines().filter(|line| !line.starts_with('#'));
        let hex: String = lines.filter_map(|line| line.split("  ").next()).collect();
        let bytes = data_encoding::HEXLOWER.decode(hex.replace(' ', "").as_bytes()).expect("hex");
        let author = Identity::from_seed([3; 32]);
        let signed = author.sign(record(&["192.0.2.1:4000", "[2001:db8::1]:4001"])).to_bytes();
        assert_eq!(data_encoding::HEXLOWER.encode(&signed), data_encoding::HEXLOWER.encode(&bytes));
        let parsed = Unverified::<AddressRecord>::from_bytes(&bytes).expect("parses");
        assert!(parsed.verify(&author.peer()).is_ok());
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for text in [
            "0.0.0.0:4000",
            "[::]:4000",
            "192.0.2.1:0",
            "224.0.0.251:5353",
            "[ff02::fb]:5353",
            "255.255.255.255:4000",
            "[fe80::1]:4000",
            "[::ffff:192.0.2.1]:4000",
        ] {
            assert!(matches!(addresses(&[text]), Err(AddressError::NoHost { .. })), "{text}");
        }
        assert!(addresses(&["127.0.0.1:4000", "10.0.0.1:1", "[::1]:4000"]).is_ok());
    }

    #[test]
    fn none_too_many_and_doubles_are_refused() {
        let many: Vec<_> = (1..=5).map(|n| format!("192.0.2.{n}:4000")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        for texts in [&many[..], &[], &["192.0.2.1:4000", "192.0.2.1:4000"]] {
            assert!(matches!(addresses(texts), Err(AddressError::Count { .. })), "{texts:?}");
        }
        assert!(addresses(&many[..ADDRESSES_MAX]).is_ok());
    }

    #[test]
    fn it_counts_from_about_its_issue_to_its_expiry_and_not_for_ever() {
        let it = record(&["192.0.2.1:4000"]);
        let at = |ms| Some(NOW.saturating_add(ms));
        assert!(it.is_valid(at(0)) && it.is_valid(at(DAY_MS)) && it.is_valid(None));
        assert!(it.is_valid(at(-CLOCK_AHEAD_MAX_MS)) && !it.is_valid(at(-CLOCK_AHEAD_MAX_MS - 1)));
        assert!(!it.is_valid(at(DAY_MS + 1)));
        let long = AddressRecord { expires: NOW.saturating_add(ADDRESS_VALIDITY_MAX_MS + 1), ..it.clone() };
        let backwards = AddressRecord { expires: NOW.saturating_add(-1), ..it };
        assert!(!long.is_valid(at(0)) && !long.is_valid(None) && !backwards.is_valid(None));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Unverified::<AddressRecord>::from_bytes(&bytes);
            let _ = minicbor::decode::<Addresses>(&bytes);
        }

        #[test]
        fn what_decodes_is_what_would_be_written(bytes in proptest::collection::vec(
            prop_oneof![Just(0x81u8), Just(0x82), Just(0x46), Just(0x52), any::<u8>()], 0..40,
        )) {
            let mut d = Decoder::new(&bytes);
            if let Ok(read) = d.decode::<Addresses>() {
                let again = minicbor::to_vec(&read).expect("a vector grows");
                prop_assert_eq!(minicbor::decode::<Addresses>(&again).expect("reads back"), read);
            }
        }
    }
}
