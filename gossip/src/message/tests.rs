//! Every message travels, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;
use crate::frontier::Sum;
use crate::hour::Hour;
use crate::item::{TOPIC_BYTES_MAX, Topic, Version};
use crate::name::{NAMED_MAX, Name, Named};
use crate::place::Spot;
use crate::range::FANOUT;
use crate::reconcile::message::{
    CELLS_MAX, Cells, Codes, Epoch, Fingerprint, Listing, RANGES_MAX, Root, STEP_BYTES_MAX, Salt, Split,
    Summary,
};
use crate::riblt::CELL_BYTES;
use crate::trees::dist::Dist;
use crate::trees::wire::{Extent, Way, steps};

const BYTES_MAX: usize = 4 << 10;

/// Reads a frame of one message.
fn decode(bytes: &[u8], bytes_max: usize) -> Result<Message<'_>, DecodeError> {
    let mut messages = crate::frame::decode(bytes, bytes_max)?;
    assert_eq!(messages.len(), 1);
    Ok(messages.remove(0))
}

fn item(first: u8) -> Item {
    let mut key = Key([7; 32]);
    key.0[0] = first;
    Item { key, topic: Topic::new("a").unwrap(), version: Version { size: 1, digest: [0; 32] } }
}

fn summary(ranges: impl IntoIterator<Item = Range>) -> Message<'static> {
    let sum = Sum { hash: [1; 32], count: 1 };
    let parts = [Fingerprint::of(Salt([2; 8]), &sum); 16];
    let splits = ranges.into_iter().map(|of| Split { of, parts }).collect();
    Message::Reconcile(Step::Summary(Summary { salt: Salt([2; 8]), exact: false, splits }))
}

fn root() -> Message<'static> {
    Message::Reconcile(Step::Root(Root {
        asks: true,
        salt: Salt([2; 8]),
        fingerprint: Fingerprint::of(Salt([2; 8]), &Sum { hash: [1; 32], count: 1 }),
        count: 100_000,
        epoch: Epoch([3; 4]),
        head: 1_000_000,
        resume: Some((Epoch([3; 4]), 1_000_000)),
    }))
}

fn listing(ranges: &[Range], names: &[u8]) -> Message<'static> {
    let items = names.iter().map(|n| Named { name: Name::of(&item(*n).key), size: 1 }).collect();
    Message::Reconcile(Step::Listing(Listing { ranges: ranges.to_vec(), items }))
}

fn codes(ranges: &[Range], first: u32, bytes: usize) -> Message<'static> {
    let (salt, cells) = (Salt([2; 8]), Cells(vec![7; bytes]));
    let ranges = ranges.to_vec();
    Message::Reconcile(Step::Codes(Codes { salt, count: 1, head: Some(2), ranges, first, cells }))
}

fn exact_range() -> Range {
    Range::exactly(&item(1).key)
}

fn refused(message: &Message<'_>) -> DecodeError {
    decode(&message.encode(), usize::MAX).unwrap_err()
}

fn any_item() -> impl Strategy<Value = Item> {
    let spot = prop::option::of((any::<u64>()).prop_map(|n| Spot::from_number(n >> 24 | 1 << 40).unwrap()));
    let about = (spot, any::<u32>());
    (any::<[u8; 32]>(), "[a-c]{1,3}(/[a-c]{1,3}){0,2}", about, any::<u64>(), any::<[u8; 32]>()).prop_map(
        |(key, topic, (spot, hour), size, digest)| Item {
            key: Key(key),
            topic: Topic::new(&topic).unwrap().at(spot).in_hour(Hour::from_number(hour)),
            version: Version { size, digest },
        },
    )
}

fn any_message() -> impl Strategy<Value = Message<'static>> {
    let items = prop::collection::btree_map(any::<[u8; 32]>(), any_item(), 0..6).prop_map(|items| {
        items.into_iter().map(|(key, item)| Item { key: Key(key), ..item }).collect::<Vec<_>>()
    });
    let items = items.boxed();
    let ids = prop::collection::vec(any::<[u8; 8]>().prop_map(Id), 0..6).boxed();
    prop_oneof![
        (any::<u32>(), any::<[u8; 32]>(), any::<u64>()).prop_map(|(tree, key, size)| Message::Push {
            tree: TreeId(tree),
            key: Key(key),
            size,
            payload: Payload(b"payload")
        }),
        (0usize..=FANOUT).prop_map(|count| summary(Range::ALL.split().into_iter().take(count))),
        Just(root()),
        prop::collection::btree_set(any::<u8>(), 0..9)
            .prop_map(|names| listing(&[Range::ALL], &names.into_iter().collect::<Vec<_>>())),
        (0u32..3, 1usize..9).prop_map(|(first, cells)| codes(
            &[Range::ALL][..usize::from(first == 0)],
            first,
            cells * CELL_BYTES
        )),
        items.clone().prop_map(|items| Message::List { range: Range::ALL, items }),
        (any::<bool>(), items).prop_map(|(ask, items)| Message::Have { ask, items }),
        (any::<u64>(), any::<[u8; 32]>(), any::<u64>(), any::<u32>()).prop_map(|(id, key, from, kib_max)| {
            Message::Want { id: WantId(id), key: Key(key), from, kib_max }
        }),
        any::<u64>().prop_map(|id| Message::Unserved { id: WantId(id) }),
        any::<u64>().prop_map(|id| Message::Chunk { id: WantId(id), payload: Payload(b"") }),
        (any::<bool>(), prop::collection::btree_set(1u32.., 0..6)).prop_map(|(whole, trees)| {
            let extent = if whole { Extent::First } else { Extent::Changes };
            let ways: Vec<_> =
                trees.into_iter().map(|tree| (TreeId(tree), Way::new(Dist(7), whole))).collect();
            Message::Tree(TreeMessage::Vector { extent, steps: steps(&ways) })
        }),
        any::<[u8; 8]>().prop_map(|sum| Message::Tree(TreeMessage::Check { sum })),
        Just(Message::Tree(TreeMessage::Retell)),
        ids.clone().prop_map(|ids| Message::Ihave { ids }),
        ids.prop_map(|ids| Message::Fetch { ids }),
        any::<bool>().prop_map(|on| Message::Feed { on }),
        prop::collection::btree_map(0u8..40, any::<u64>(), 0..9).prop_map(|names| Message::Offer {
            salt: Salt([5; 8]),
            items: names.into_iter().map(|(n, size)| Named { name: Name::of(&item(n).key), size }).collect(),
        }),
        prop::collection::btree_set(any::<u16>(), 0..9).prop_map(|lacking| Message::Held {
            salt: Salt([5; 8]),
            fingerprint: Fingerprint::of_offer(Salt([5; 8]), std::iter::empty()),
            lacking: lacking.into_iter().collect(),
        }),
    ]
}

proptest! {
    #[test]
    fn every_message_travels(message in any_message()) {
        let bytes = message.encode();
        prop_assert_eq!(bytes[0], WIRE_VERSION);
        prop_assert_eq!(decode(&bytes, BYTES_MAX).unwrap(), message);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_mutated_message_never_panics(
        message in any_message(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] = with;
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_message_cut_short_is_refused(message in any_message(), cut in any::<prop::sample::Index>()) {
        let bytes = message.encode();
        let short = &bytes[..cut.index(bytes.len())];
        prop_assert!(decode(short, BYTES_MAX).is_err());
    }
}

#[test]
fn the_first_byte_is_the_version() {
    assert_eq!(decode(&[], 9), Err(DecodeError::Empty));
    assert_eq!(decode(&[1, 0], 9), Err(DecodeError::Version { given: 1, ours: 2 }));
    assert_eq!(decode(&[2; 10], 9), Err(DecodeError::TooLong { bytes: 10, max: 9 }));
}

#[test]
fn counts_are_bounded() {
    let items = |count: usize| {
        let mut items: Vec<Item> = Vec::new();
        for n in 0..count {
            let mut item = item(0);
            item.key.0[..8].copy_from_slice(&(n as u64).to_be_bytes());
            items.push(item);
        }
        items
    };
    let have = |count| Message::Have { ask: false, items: items(count) };
    assert!(decode(&have(ITEMS_MAX).encode(), usize::MAX).is_ok());
    assert_eq!(refused(&have(ITEMS_MAX + 1)), DecodeError::Malformed);
    assert_eq!(
        refused(&Message::List { range: Range::ALL, items: items(ITEMS_MAX + 1) }),
        DecodeError::Malformed
    );
    let parts = Range::ALL.split()[0].split().into_iter().chain([Range::ALL.split()[1]]);
    assert_eq!(refused(&summary(parts)), DecodeError::Malformed);
    assert_eq!(refused(&codes(&[Range::ALL], 0, CELL_BYTES * (CELLS_MAX + 1))), DecodeError::Malformed);
    for bytes in [0, 1, CELL_BYTES + 1] {
        assert_eq!(refused(&codes(&[Range::ALL], 0, bytes)), DecodeError::Malformed, "no whole cells");
    }
}

#[test]
fn a_length_that_only_claims_allocates_nothing() {
    // A list of everything with 2^32 - 1 items, and none of them there.
    assert_eq!(decode(&[2, 2, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], 99), Err(DecodeError::Malformed));
    // A push whose payload claims the same.
    let mut push = vec![2, 0];
    push.extend([0; 32]);
    push.extend([1, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(decode(&push, 99), Err(DecodeError::Malformed));
}

#[test]
fn order_is_checked() {
    let doubled = vec![item(1), item(1)];
    let backwards = vec![item(2), item(1)];
    for items in [doubled, backwards] {
        assert_eq!(refused(&Message::Have { ask: true, items: items.clone() }), DecodeError::Disordered);
        assert_eq!(refused(&Message::List { range: Range::ALL, items }), DecodeError::Disordered);
    }
    let outside = Message::List { range: Range::ALL.split()[1], items: vec![item(0x20)] };
    assert_eq!(refused(&outside), DecodeError::Disordered);
    let digits = Range::ALL.split();
    let overlap = [Range::ALL, digits[3]];
    let exact = [Range::exactly(&item(1).key)];
    let misplaced = listing(&[digits[1], digits[3]], &[0x21]);
    for message in [
        summary(overlap),
        summary(exact),
        listing(&overlap, &[]),
        misplaced,
        codes(&overlap, 0, CELL_BYTES),
        codes(&[Range::ALL], 1, CELL_BYTES),
        codes(&[], 0, CELL_BYTES),
    ] {
        assert_eq!(refused(&message), DecodeError::Disordered, "{message:?}");
    }
}

#[test]
fn sizes_are_as_promised() {
    assert_eq!(root().encode().len(), 38, "what an idle round costs: see Config::reconcile_interval");
    let cells = codes(&vec![exact_range(); RANGES_MAX], 0, CELL_BYTES * CELLS_MAX);
    assert!(cells.encode().len() < STEP_BYTES_MAX);
    let named = vec![Named { name: Name::of(&Key([0xff; 32])), size: u64::MAX }; NAMED_MAX];
    let named =
        Message::Reconcile(Step::Listing(Listing { ranges: vec![exact_range(); RANGES_MAX], items: named }));
    assert!(named.encode().len() < STEP_BYTES_MAX);
    let topic = Topic::new(&"x".repeat(TOPIC_BYTES_MAX - 1)).unwrap();
    let topic = topic.at(Spot::at(900_000_000, 1_800_000_000)).in_hour(Hour::from_number(u32::MAX));
    let largest = Item { topic, version: Version { size: u64::MAX, digest: [0; 32] }, ..item(0) };
    assert!(postcard::to_allocvec(&largest).unwrap().len() <= Item::BYTES_MAX);
    let empty = Message::Chunk { id: WantId(u64::MAX), payload: Payload(&[]) };
    assert!(empty.encode().len() + 10 < OVERHEAD_BYTES_MAX);
}
