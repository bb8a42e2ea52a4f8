//! The wire format, written down a second time: what other implementations would have to send.

use msec_gossip::{Key, Topic, Version};
use serde::{Deserialize, Serialize};

/// One message. A frame has a byte of version, then one message or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wire {
    Push {
        tree: [u8; 4],
        key: Key,
        size: u64,
        payload: Vec<u8>,
    },
    Reconcile(Step),
    List {
        range: Vec<u8>,
        items: Vec<WireItem>,
    },
    Have {
        ask: bool,
        items: Vec<WireItem>,
    },
    Want {
        id: u64,
        #[serde(with = "short")]
        key: Key,
        from: u64,
        kib_max: u32,
    },
    Chunk {
        id: u64,
        payload: Vec<u8>,
    },
    Unserved {
        id: u64,
    },
    Tree(WireTree),
    Ihave {
        ids: Vec<[u8; 8]>,
    },
    Fetch {
        ids: Vec<[u8; 8]>,
    },
    Feed {
        on: bool,
    },
    /// The items are pairs, as those of changes.
    Offer {
        salt: [u8; 8],
        items: Vec<(u64, u64)>,
    },
    Held {
        salt: [u8; 8],
        fingerprint: [u8; 8],
        lacking: Vec<u16>,
    },
}

/// A step of reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    Root {
        asks: bool,
        salt: [u8; 8],
        fingerprint: [u8; 8],
        count: u32,
        epoch: [u8; 4],
        head: u64,
        resume: Option<([u8; 4], u64)>,
    },
    Agreed {
        head: u64,
    },
    /// The items are pairs: how far a name lies after the one before, and a size.
    Changes {
        since: u64,
        upto: u64,
        more: bool,
        items: Vec<(u64, u64)>,
    },
    Summary {
        salt: [u8; 8],
        exact: bool,
        splits: Vec<(Vec<u8>, [[u8; 8]; 16])>,
    },
    Listing {
        ranges: Vec<Vec<u8>>,
        items: Vec<(u64, u64)>,
    },
    Codes {
        salt: [u8; 8],
        count: u32,
        head: Option<u64>,
        ranges: Vec<Vec<u8>>,
        first: u32,
        cells: Vec<u8>,
    },
    More {
        salt: [u8; 8],
        first: u32,
        upto: u32,
    },
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

/// A key in full, or its name, which stands here as a key whose other digits are zero.
mod short {
    use msec_gossip::Key;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
        let is_name = key.0[6..].iter().all(|byte| *byte == 0);
        serializer.serialize_bytes(if is_name { &key.0[..6] } else { &key.0 })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
        assert!(matches!(bytes.len(), 6 | 32));
        let mut key = [0; 32];
        key[..bytes.len()].copy_from_slice(bytes);
        Ok(Key(key))
    }
}

/// What stands in for a key that is only named.
pub(crate) fn stand_in(key: &Key) -> Key {
    let mut stand_in = [0; 32];
    stand_in[..6].copy_from_slice(&key.0[..6]);
    Key(stand_in)
}

/// The name of a key, as a number.
pub(crate) fn name(key: &Key) -> u64 {
    key.0[..6].iter().fold(0, |name, byte| name << 8 | u64::from(*byte))
}

/// Named items, as they travel.
pub(crate) fn named(items: &[WireItem]) -> Vec<(u64, u64)> {
    let mut names: Vec<(u64, u64)> = items.iter().map(|item| (name(&item.key), item.version.size)).collect();
    names.sort_unstable();
    names.dedup_by_key(|(name, _)| *name);
    let mut next = 0;
    for (name, _) in &mut names {
        let distance = name.wrapping_sub(next);
        next = *name + 1;
        *name = distance;
    }
    names
}

/// Names that travelled so, as numbers, and their sizes.
pub(crate) fn unnamed(items: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut next = 0;
    let name = |(distance, size): &(u64, u64)| {
        next += distance + 1;
        (next - 1, *size)
    };
    items.iter().map(name).collect()
}

/// The fingerprint of ordered items: those of a range, whose keys begin with as many digits as `digits` says.
pub(crate) fn fingerprint(salt: [u8; 8], items: &[WireItem], digits: usize) -> [u8; 8] {
    let mut key = *b"msec/gossip/fingerprint/2       ";
    key[24..].copy_from_slice(&salt);
    blake3::keyed_hash(&key, &hash(items, digits)).as_bytes()[..8].try_into().unwrap()
}

fn hash(items: &[WireItem], digits: usize) -> [u8; 32] {
    if items.is_empty() {
        return [0; 32];
    }
    if items.len() > 32 {
        let mut hasher = blake3::Hasher::new_keyed(b"msec/gossip/fingerprint/2 inner ");
        for digit in 0..16 {
            let of = |item: &&WireItem| (item.key.0[digits / 2] >> (4 * (1 - digits % 2)) & 15) == digit;
            let part: Vec<WireItem> = items.iter().filter(of).cloned().collect();
            hasher.update(&hash(&part, digits + 1));
        }
        return *hasher.finalize().as_bytes();
    }
    let mut hasher = blake3::Hasher::new_keyed(b"msec/gossip/fingerprint/2 leaf  ");
    for WireItem { key, version, .. } in items {
        hasher.update(&key.0).update(&version.size.to_le_bytes()).update(&version.digest);
    }
    *hasher.finalize().as_bytes()
}

/// That these items, which are in order, are held of what was offered with that salt.
pub(crate) fn held(salt: [u8; 8], items: &[WireItem]) -> Wire {
    let mut key = *b"msec/gossip/offer/1             ";
    key[24..].copy_from_slice(&salt);
    let mut hasher = blake3::Hasher::new_keyed(&key);
    for WireItem { key, version, .. } in items {
        hasher.update(&key.0).update(&version.size.to_le_bytes()).update(&version.digest);
    }
    let fingerprint = hasher.finalize().as_bytes()[..8].try_into().unwrap();
    Wire::Held { salt, fingerprint, lacking: vec![] }
}

/// The short id of a push.
pub(crate) fn id(key: &Key, size: u64) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key("msec/gossip/push/1");
    hasher.update(&key.0).update(&size.to_le_bytes());
    hasher.finalize().as_bytes()[..8].try_into().unwrap()
}

/// The root of whoever holds these ordered items, in its first life, after `head` changes.
pub(crate) fn root(items: &[WireItem], head: u64, resume: Option<([u8; 4], u64)>) -> Wire {
    let salt = [5; 8];
    Wire::Reconcile(Step::Root {
        asks: true,
        salt,
        fingerprint: fingerprint(salt, items, 0),
        count: items.len() as u32,
        epoch: [1; 4],
        head,
        resume,
    })
}

/// A root of a peer that holds something else, and whom we never met.
pub(crate) fn other_root() -> Wire {
    let (salt, fingerprint) = ([5; 8], [6; 8]);
    Wire::Reconcile(Step::Root {
        asks: true,
        salt,
        fingerprint,
        count: 70,
        epoch: [1; 4],
        head: 70,
        resume: None,
    })
}

/// A summary of all that says that every part differs.
pub(crate) fn other_summary(exact: bool) -> Wire {
    Wire::Reconcile(Step::Summary { salt: [5; 8], exact, splits: vec![(ALL.to_vec(), [[6; 8]; 16])] })
}
