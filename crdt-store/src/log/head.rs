//! The author's signature over what a log holds.

use minicbor::{Decode, Encode};
use msec_identity::{LogId, Record, UnixMillis};

use crate::merkle::TreeHash;

/// "My log has so many entries, and this is their root", signed by the log's author.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Head {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// How many entries it has.
    #[n(1)]
    pub size: u64,
    /// The root of the tree over them.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub root: TreeHash,
    /// When it was signed, by the author's clock.
    #[n(3)]
    pub time: UnixMillis,
}

impl Record for Head {
    const DOMAIN: &'static str = "msec/head/1";
}
