//! Where a peer is that is reached over iroh, as text: `iroh:ENDPOINT/ADDR[,ADDR]`.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use ::iroh::{EndpointAddr, EndpointId, TransportAddr};

/// The most addresses of one endpoint. An address with more of them is refused.
pub const DIRECT_MAX: usize = 8;
/// What such an address starts with.
const SCHEME: &str = "iroh:";
/// The length of an endpoint's id in hexadecimal digits.
const ENDPOINT_DIGITS: usize = 64;

/// Where a peer is that is reached over iroh: the endpoint's id, which it shows to be its own, and its addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IrohAddress {
    endpoint: EndpointId,
    direct: BTreeSet<SocketAddr>,
}

/// A text that is not where a peer is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIrohAddressError {
    /// It has another form.
    #[error(
        "this is not an iroh address: write it as iroh:ENDPOINT/192.0.2.7:4001, as `msec run` prints it there"
    )]
    Form,
    /// The endpoint's id is none.
    #[error(
        "an iroh endpoint is named by {ENDPOINT_DIGITS} hexadecimal digits, which `msec run` prints there"
    )]
    Endpoint,
    /// An address cannot be dialled.
    #[error("`{found}` cannot be dialled: write it as 192.0.2.7:4001 or [2001:db8::7]:4001")]
    Direct {
        /// What stands there.
        found: String,
    },
    /// There are too many addresses.
    #[error("an iroh address has at most {DIRECT_MAX} addresses: leave out the others")]
    TooMany,
}

impl IrohAddress {
    /// The endpoint with that id, at these addresses.
    pub(super) fn new(
        endpoint: EndpointId,
        direct: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, ParseIrohAddressError> {
        let mut addresses = BTreeSet::new();
        for address in direct {
            let ip = address.ip();
            if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
                return Err(ParseIrohAddressError::Direct { found: address.to_string() });
            }
            addresses.insert(address);
            if addresses.len() > DIRECT_MAX {
                return Err(ParseIrohAddressError::TooMany);
            }
        }
        if addresses.is_empty() {
            return Err(ParseIrohAddressError::Form);
        }
        Ok(Self { endpoint, direct: addresses })
    }

    /// Its addresses, at least one and at most [`DIRECT_MAX`].
    pub fn direct(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.direct.iter().copied()
    }

    /// As iroh wants it.
    pub(super) fn to_iroh(&self) -> EndpointAddr {
        EndpointAddr::from_parts(self.endpoint, self.direct().map(TransportAddr::Ip))
    }
}

impl fmt::Display for IrohAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.endpoint)?;
        for (n, address) in self.direct.iter().enumerate() {
            write!(f, "{}{address}", if n == 0 { '/' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for IrohAddress {
    type Err = ParseIrohAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (endpoint, direct) = text
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once('/'))
            .ok_or(ParseIrohAddressError::Form)?;
        // iroh reads base32 as well. One endpoint is to have one name.
        if endpoint.len() != ENDPOINT_DIGITS {
            return Err(ParseIrohAddressError::Endpoint);
        }
        let endpoint = endpoint.parse().map_err(|_| ParseIrohAddressError::Endpoint)?;
        let mut addresses = Vec::new();
        // One more than may be there is enough to refuse them.
        for found in direct.split(',').take(DIRECT_MAX + 1) {
            addresses
                .push(found.parse().map_err(|_| ParseIrohAddressError::Direct { found: found.to_owned() })?);
        }
        if addresses.len() > DIRECT_MAX {
            return Err(ParseIrohAddressError::TooMany);
        }
        Self::new(endpoint, addresses)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint(seed: u8) -> EndpointId {
        ::iroh::SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn refused(text: &str) -> String {
        text.parse::<IrohAddress>().expect_err(text).to_string()
    }

    #[test]
    fn what_is_wrong_is_said() {
        let id = endpoint(1);
        assert!(format!("iroh:{id}/127.0.0.1:4001").parse::<IrohAddress>().is_ok());
        assert!(format!("iroh:{id}/127.0.0.1:4001,[::1]:4001").parse::<IrohAddress>().is_ok());
        for other in ["", "iroh:", "127.0.0.1:4001", &format!("{id}/127.0.0.1:1"), &format!("iroh:{id}")] {
            assert!(refused(other).contains("iroh:ENDPOINT/192.0.2.7:4001"), "{other}");
        }
        assert!(refused("iroh:abc/127.0.0.1:1").contains("64 hexadecimal"));
        // Sixty-four digits, and no point of the curve.
        assert!(refused(&format!("iroh:{}/127.0.0.1:1", "02".repeat(32))).contains("64 hexadecimal"));
        for address in
            ["127.0.0.1", "127.0.0.1:0", "0.0.0.0:4001", "[::]:1", "224.0.0.251:5353", "", "a.example:1"]
        {
            assert!(refused(&format!("iroh:{id}/{address}")).contains(&format!("`{address}`")), "{address}");
        }
        let many = (1..=9).map(|n| format!("192.0.2.{n}:1")).collect::<Vec<_>>().join(",");
        assert!(refused(&format!("iroh:{id}/{many}")).contains("at most 8"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = String::from_utf8_lossy(&bytes).parse::<IrohAddress>();
        }

        #[test]
        fn no_text_of_nearly_the_right_form_is_a_panic(
            text in "(iroh:)?[0-9a-f]{62,65}/?([0-9]{1,3}\\.[0-9]{1,3}\\.0\\.1:[0-9]{1,6},?|\\[[0-9a-f:]{0,9}%?[0-9]?\\]:[0-9]{1,5},?){0,10}"
        ) {
            if let Ok(address) = text.parse::<IrohAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }

        #[test]
        fn what_is_written_is_read(
            seed in any::<u8>(),
            direct in proptest::collection::vec((any::<std::net::IpAddr>(), 1_u16..), 1..=DIRECT_MAX),
        ) {
            let direct: Vec<_> = direct.into_iter().map(SocketAddr::from).collect();
            if let Ok(address) = IrohAddress::new(endpoint(seed), direct.clone()) {
                prop_assert_eq!(address.to_string().parse(), Ok(address.clone()));
                prop_assert!(direct.iter().all(|it| address.direct().any(|found| found == *it)));
                prop_assert_eq!(address.to_iroh().ip_addrs().count(), address.direct().count());
            }
        }
    }
}
