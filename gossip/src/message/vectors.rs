//! The messages of `gossip/vectors/gossip.txt`.

use super::*;
use crate::hour::Hour;
use crate::item::{Topic, Version};
use crate::name::{Name, Named};
use crate::place::Spot;
use crate::reconcile::message::{
    Agreed, Cells, Changes, Codes, Epoch, Fingerprint, Listing, More, Root, Salt, Split, Summary,
};
use crate::trees::dist::Dist;
use crate::trees::wire::{Extent, Way, steps};
use crate::vectors;

const VECTORS: &str = include_str!("../../vectors/gossip.txt");
const KEY: Key = Key([0x11; 32]);
const SALT: Salt = Salt([0x55; 8]);
const EPOCH: Epoch = Epoch([1, 2, 3, 4]);

fn item(first: u8) -> Item {
    let version = Version { size: 300, digest: [0xdd; 32] };
    Item { key: Key([first; 32]), topic: Topic::new("parks/noise").unwrap(), version }
}

fn placed(first: u8) -> Item {
    let item = item(first);
    let topic = item.topic.at(Spot::at(434_600_000, -38_000_000)).in_hour(Hour::from_number(490_000));
    Item { topic, ..item }
}

fn named(first: u8, size: u64) -> Named {
    Named { name: Name::of(&Key([first; 32])), size }
}

fn fingerprint(byte: u8) -> Fingerprint {
    postcard::from_bytes(&[byte; 8]).unwrap()
}

fn vector(extent: Extent, ways: &[(u32, u16, bool)]) -> Message<'static> {
    let way = |(tree, dist, parent): &(u32, u16, bool)| (TreeId(*tree), Way::new(Dist(*dist), *parent));
    let ways: Vec<_> = ways.iter().map(way).collect();
    Message::Tree(TreeMessage::Vector { extent, steps: steps(&ways) })
}

/// Each step of a round, by its vector's name.
fn rounds() -> Vec<(&'static str, Step)> {
    let root = Root {
        asks: true,
        salt: SALT,
        fingerprint: fingerprint(0xff),
        count: 300,
        epoch: EPOCH,
        head: 1_000,
        resume: Some((Epoch([5, 6, 7, 8]), 999)),
    };
    let stranger = Root { asks: false, resume: None, ..root.clone() };
    let part = |digit: usize| Range::ALL.split()[digit];
    let splits = vec![Split { of: part(2), parts: std::array::from_fn(|n| fingerprint(n as u8)) }];
    let codes = Codes {
        salt: SALT,
        count: 300,
        head: Some(1_000),
        ranges: vec![part(1), part(2).split()[3]],
        first: 0,
        cells: Cells((0..26).collect()),
    };
    let further =
        Codes { head: None, ranges: Vec::new(), first: 24, cells: Cells(vec![7; 13]), ..codes.clone() };
    let items = vec![named(0x11, 300), named(0x12, 5)];
    vec![
        ("root", Step::Root(root)),
        ("root of a stranger", Step::Root(stranger)),
        ("agreed", Step::Agreed(Agreed { head: 1_000 })),
        ("changes", Step::Changes(Changes { since: 999, upto: 1_000, more: true, items: items.clone() })),
        ("summary", Step::Summary(Summary { salt: SALT, exact: false, splits })),
        ("listing", Step::Listing(Listing { ranges: vec![part(1)], items })),
        ("codes", Step::Codes(codes)),
        ("further codes", Step::Codes(further)),
        ("more", Step::More(More { salt: SALT, first: 24, upto: 150 })),
    ]
}

/// What each vector says.
fn said() -> Vec<(&'static str, Vec<Message<'static>>)> {
    let name = Name::of(&KEY).stand_in();
    let ids = || vec![Id([1; 8]), Id([2; 8])];
    let feed = |on| Message::Feed { on };
    let one = vec![
        ("push", Message::Push { tree: TreeId(0x0102_0304), key: KEY, size: 5, payload: Payload(b"abc") }),
        ("list", Message::List { range: Range::ALL.split()[1], items: vec![item(0x11), item(0x12)] }),
        ("list of a key that is not held", Message::List { range: Range::exactly(&KEY), items: Vec::new() }),
        ("have", Message::Have { ask: true, items: vec![item(0x11)] }),
        ("have of a place and a time", Message::Have { ask: false, items: vec![placed(0x11)] }),
        ("want", Message::Want { id: WantId(300), key: KEY, from: 7, kib_max: 256 }),
        ("want by name", Message::Want { id: WantId(3), key: name, from: 0, kib_max: 4 }),
        ("chunk", Message::Chunk { id: WantId(300), payload: Payload(b"abc") }),
        ("unserved", Message::Unserved { id: WantId(3) }),
        ("first vector", vector(Extent::First, &[(0x80, 0, false), (0x0102_0304, 40, true)])),
        ("whole vector", vector(Extent::Whole, &[(0x80, 64, false)])),
        ("change", vector(Extent::Changes, &[(0x80, 0x7fff, true)])),
        ("check", Message::Tree(TreeMessage::Check { sum: [0xcc; 8] })),
        ("retell", Message::Tree(TreeMessage::Retell)),
        ("ihave", Message::Ihave { ids: ids() }),
        ("fetch", Message::Fetch { ids: ids() }),
        ("feed", feed(true)),
        ("offer", Message::Offer { salt: SALT, items: vec![named(0x11, 300), named(0x12, 5)] }),
        ("held", Message::Held { salt: SALT, fingerprint: fingerprint(0xff), lacking: vec![0, 300] }),
    ];
    let rounds = rounds().into_iter().map(|(name, step)| (name, vec![Message::Reconcile(step)]));
    let one = one.into_iter().map(|(name, message)| (name, vec![message]));
    let both = ("two messages", vec![feed(false), Message::Fetch { ids: vec![Id([1; 8])] }]);
    one.chain(rounds).chain([both]).collect()
}

/// Why each vector that is refused is.
fn refusal(name: &str) -> DecodeError {
    match name {
        "no message" => DecodeError::Empty,
        "another version" => DecodeError::Version { given: 3, ours: 2 },
        "another channel" => DecodeError::Version { given: 0x42, ours: 2 },
        "an unknown kind" | "cut short" | "no bool" | "part of a cell" => DecodeError::Malformed,
        "a digit past the end of a range" | "a topic without its last slash" => DecodeError::Malformed,
        "a spot that is a cell of another level" => DecodeError::Malformed,
        "items out of order" | "an item outside the range" | "a tree twice" => DecodeError::Disordered,
        "further codes with ranges" | "a place twice" => DecodeError::Disordered,
        other => panic!("why is it refused: {other}?"),
    }
}

#[test]
fn the_bytes_are_these() {
    vectors::go_through(VECTORS, said(), refusal, |name, bytes, expected| {
        if let Ok(messages) = &expected {
            let mut made = vec![WIRE_VERSION];
            messages.iter().for_each(|message| made.extend_from_slice(&message.encode()[1..]));
            assert_eq!(made, bytes, "[{name}]");
        }
        assert_eq!(crate::frame::decode(bytes, usize::MAX), expected, "[{name}]");
    });
}

#[test]
fn each_kind_has_a_vector_and_nothing_else_is_one() {
    let vectors = vectors::taken(VECTORS);
    let has = |beginning: &[u8]| vectors.iter().any(|bytes| bytes.starts_with(beginning));
    let is_message = |beginning: &[u8]| Message::decode(&[beginning, &[0; 200]].concat()).is_ok();
    for kind in 0..0x80 {
        assert_eq!(has(&[WIRE_VERSION, kind]), kind <= 12, "kind {kind}");
        assert!(kind <= 12 || !is_message(&[kind]), "kind {kind} has no vector");
        assert_eq!(has(&[WIRE_VERSION, 1, kind]), kind <= 6, "step {kind}");
        assert!(kind <= 6 || !is_message(&[1, kind]), "step {kind} has no vector");
        assert_eq!(has(&[WIRE_VERSION, 7, kind]), kind <= 2, "tree message {kind}");
        assert!(kind <= 2 || !is_message(&[7, kind]), "tree message {kind} has no vector");
    }
}
