//! The wire format, written down a second time: what other implementations would have to send.

use msec_gossip::{Key, Topic, Version};
use serde::{Deserialize, Serialize};

/// One message. A frame has a byte of version, then one message or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wire {
    Push { tree: [u8; 4], key: Key, size: u64, payload: Vec<u8> },
    Summary { ranges: Vec<(Vec<u8>, [u8; 32])> },
    List { range: Vec<u8>, items: Vec<WireItem> },
    Have { ask: bool, items: Vec<WireItem> },
    Want { key: Key, from: u64, bytes_max: u64 },
    Chunk { key: Key, from: u64, payload: Vec<u8> },
    Unserved { key: Key, from: u64 },
    Tree(WireTree),
    Ihave { ids: Vec<[u8; 8]> },
    Fetch { ids: Vec<[u8; 8]> },
    Feed { on: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireItem {
    pub(crate) key: Key,
    pub(crate) topic: Topic,
    pub(crate) version: Version,
}

/// What is said about trees: (skip, way) for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WireTree {
    Vector { extent: WireExtent, steps: Vec<(u32, u16)> },
    Check { sum: [u8; 8] },
    Retell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WireExtent {
    Changes,
    Whole,
    First,
}

/// The range of all keys: no digits, and so no bytes of prefix.
pub(crate) const ALL: [u8; 1] = [0];

/// The range of one key.
pub(crate) fn exactly(key: &Key) -> Vec<u8> {
    [&[64], &key.0[..]].concat()
}

impl Wire {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(2u8, self)).unwrap()
    }

    /// A frame of these messages.
    pub(crate) fn frame(messages: &[Self]) -> Vec<u8> {
        let mut frame = vec![2];
        messages.iter().for_each(|message| frame.extend_from_slice(&message.encode()[1..]));
        frame
    }

    pub(crate) fn decode(bytes: &[u8]) -> Vec<Self> {
        let (version, mut rest) = bytes.split_first().unwrap();
        assert!(*version == 2 && !rest.is_empty());
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let (message, after) = postcard::take_from_bytes(rest).unwrap();
            messages.push(message);
            rest = after;
        }
        messages
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

/// The short id of a push.
pub(crate) fn id(key: &Key, size: u64) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key("msec/gossip/push/1");
    hasher.update(&key.0).update(&size.to_le_bytes());
    hasher.finalize().as_bytes()[..8].try_into().unwrap()
}
