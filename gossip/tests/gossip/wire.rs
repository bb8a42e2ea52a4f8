//! The wire format, written down a second time: what other implementations would have to send.

use msec_gossip::{Key, Topic, Version};
use serde::{Deserialize, Serialize};

/// One message, after its byte of version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wire {
    Push { key: Key, size: u64, payload: Vec<u8> },
    Summary { ranges: Vec<(Vec<u8>, [u8; 32])> },
    List { range: Vec<u8>, items: Vec<WireItem> },
    Have { ask: bool, items: Vec<WireItem> },
    Want { key: Key, from: u64 },
    Chunk { key: Key, from: u64, payload: Vec<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireItem {
    pub(crate) key: Key,
    pub(crate) topic: Topic,
    pub(crate) version: Version,
}

/// The range of all keys: no digits, and so no bytes of prefix.
pub(crate) const ALL: [u8; 1] = [0];

/// The range of one key.
pub(crate) fn exactly(key: &Key) -> Vec<u8> {
    [&[64], &key.0[..]].concat()
}

impl Wire {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(1u8, self)).unwrap()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (version, message): (u8, Self) = postcard::from_bytes(bytes).unwrap();
        assert_eq!(version, 1);
        message
    }
}

/// A fingerprint of ordered items.
pub(crate) fn fingerprint(items: &[WireItem]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("msec/gossip/fingerprint/1");
    for WireItem { key, version, .. } in items {
        hasher.update(&key.0).update(&version.size.to_le_bytes()).update(&version.digest);
    }
    *hasher.finalize().as_bytes()
}
