//! Where the inviter may be dialled: hints in a code, as few bytes as can be.
//!
//! ```text
//! hints = count, a byte; which are IPv6, a bit each, the first hint's the lowest, a byte; then each: IP in 4 or 16 bytes, port in two
//! ```

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

use crate::address::Addresses;
use crate::error::InviteError;

/// The most hints in a code.
pub const HINTS_MAX: usize = 8;

/// At most [`HINTS_MAX`] addresses, each once, best first. None is fine where both are on one link and find each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hints(Vec<SocketAddr>);

impl Hints {
    /// These, in this order. Each must name a port of one host, as in [`Addresses`].
    pub fn new(hints: Vec<SocketAddr>) -> Result<Self, InviteError> {
        let distinct = hints.iter().collect::<BTreeSet<_>>().len();
        if hints.len() > HINTS_MAX || distinct != hints.len() || !hints.iter().all(Addresses::admits) {
            return Err(InviteError::Hints);
        }
        Ok(Self(hints))
    }

    /// Best first.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let count = u8::try_from(self.0.len()).expect("there are at most eight");
        let v6 = self.0.iter().enumerate().map(|(at, hint)| u8::from(hint.is_ipv6()) << at);
        bytes.extend([count, v6.fold(0, |bits, bit| bits | bit)]);
        for hint in &self.0 {
            match hint.ip() {
                IpAddr::V4(ip) => bytes.extend(ip.octets()),
                IpAddr::V6(ip) => bytes.extend(ip.octets()),
            }
            bytes.extend(hint.port().to_be_bytes());
        }
    }

    /// Reads what `write` wrote, and nothing else.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, InviteError> {
        let (&[count, v6], mut rest) = bytes.split_first_chunk().ok_or(InviteError::Malformed)?;
        if usize::from(count) > HINTS_MAX || u32::from(v6) >> count != 0 {
            return Err(InviteError::Malformed);
        }
        let mut hints = Vec::new();
        for at in 0..count {
            let ip = if v6 >> at & 1 == 1 {
                IpAddr::from(Ipv6Addr::from(take(&mut rest)?))
            } else {
                IpAddr::from(Ipv4Addr::from(take::<4>(&mut rest)?))
            };
            hints.push(SocketAddr::new(ip, u16::from_be_bytes(take(&mut rest)?)));
        }
        if rest.is_empty() { Self::new(hints) } else { Err(InviteError::Malformed) }
    }
}

/// The next bytes, so many.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], InviteError> {
    let (next, rest) = bytes.split_first_chunk().ok_or(InviteError::Malformed)?;
    *bytes = rest;
    Ok(*next)
}

impl<C> Encode<C> for Hints {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        e.bytes(&bytes)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Hints {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::read(d.bytes()?).map_err(|error| decode::Error::message(error.to_string()))
    }
}
