//! Wraps of one epoch, as its managers enter them in their control logs.

use minicbor::{Decode, Decoder, Encode, decode};

use super::wrap::Wrap;
use crate::id::{EpochId, PeerId, SpaceId};
use crate::record::Record;

/// The most wraps in one record: it fits [`crate::RECORD_BYTES_MAX`]. Whoever wraps for more writes several records.
pub const WRAPS_MAX: usize = 80;

/// "These wraps I made", signed by somebody who manages the collection. What a wrap holds is compared with its epoch's record
/// when it is opened, whoever made it; who has been wrapped for is known by the word of whoever signs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Wraps {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The epoch. Wraps of another one count for nothing.
    #[n(2)]
    pub epoch: EpochId,
    /// The wraps.
    #[n(3)]
    pub wraps: WrapList,
}

impl Record for Wraps {
    const DOMAIN: &'static str = "msec/wraps/1";
}

impl Wraps {
    /// Those that are of the epoch that the record names.
    pub fn of_epoch(&self) -> impl Iterator<Item = &Wrap> {
        self.wraps.0.iter().filter(|wrap| wrap.epoch() == self.epoch)
    }
}

/// Up to [`WRAPS_MAX`] wraps, each as long as wraps are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode)]
#[cbor(transparent)]
pub struct WrapList(#[n(0)] Vec<Wrap>);

impl WrapList {
    /// These; `None`: they are too many for one record.
    pub fn new(wraps: Vec<Wrap>) -> Option<Self> {
        (wraps.len() <= WRAPS_MAX).then_some(Self(wraps))
    }
}

impl<'b, C> Decode<'b, C> for WrapList {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        let count = d.array()?.ok_or_else(|| decode::Error::message("wraps of no stated number"))?;
        if count > WRAPS_MAX as u64 {
            return Err(decode::Error::message("more wraps than a record holds"));
        }
        let wraps = (0..count).map(|_| {
            let wrap: Wrap = d.decode_with(c)?;
            if wrap.is_of_known_length() { Ok(wrap) } else { Err(decode::Error::message("no wrap")) }
        });
        wraps.collect::<Result<_, _>>().map(Self)
    }
}
