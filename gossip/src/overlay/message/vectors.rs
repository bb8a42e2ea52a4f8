//! The messages of `gossip/vectors/overlay.txt`.

use super::*;
use crate::vectors;

const VECTORS: &str = include_str!("../../../vectors/overlay.txt");

fn record(byte: u8) -> Record {
    Record([byte; 3].into())
}

fn told() -> ToldList {
    ToldList(vec![Told { age_s: 300, record: record(0xd1) }, Told { age_s: 0, record: record(0xd2) }])
}

fn hello(role: Role, wish: Wish) -> Message {
    let record = (role == Role::Relay).then(|| record(0xaa));
    Message::Hello { role, wish, kept: role == Role::Relay, record }
}

/// What each vector says.
fn said() -> Vec<(&'static str, Message)> {
    let instead = || Some(record(0xbb));
    let leave = |reason, instead| Message::Leave { reason, instead };
    vec![
        ("hello, to join", hello(Role::Leaf, Wish::Join)),
        ("hello, to have a neighbour", hello(Role::Relay, Wish::Neighbour { missing: 2 })),
        ("hello, to exchange", hello(Role::Relay, Wish::Exchange { cost_us: 20_000, instead: instead() })),
        ("hello, for a far link", hello(Role::Relay, Wish::Far { instead: None })),
        ("hello, to merge", hello(Role::Relay, Wish::Merge { instead: instead() })),
        (
            "welcome",
            Message::Welcome {
                role: Role::Relay,
                far: true,
                record: Some(record(0xaa)),
                instead: instead(),
                told: told(),
            },
        ),
        ("full", Message::Full { told: told() }),
        ("leave, no room", leave(Leave::Full, None)),
        ("leave, exchanged", leave(Leave::Exchanged, instead())),
        ("leave, surplus", leave(Leave::Surplus, None)),
        ("leave, silent", leave(Leave::Silent, None)),
        ("ping", Message::Ping { nonce: 300 }),
        ("pong", Message::Pong { nonce: 300 }),
        ("newcomer", Message::Newcomer { steps: 6, record: record(0xaa) }),
        ("shuffle", Message::Shuffle { walk: 1 << 63, steps: 6 }),
        ("shuffle reply", Message::ShuffleReply { walk: 9, told: told() }),
        ("record", Message::Record { record: record(0xaa) }),
    ]
}

#[test]
fn the_bytes_are_these() {
    let refusal = |name: &str| match name {
        "gossip's version and channel" => DecodeError::Version { given: 2, ours: FIRST_BYTE },
        _ => DecodeError::Malformed,
    };
    vectors::go_through(VECTORS, said(), refusal, |name, bytes, expected| {
        if let Ok(message) = &expected {
            assert_eq!(message.encode(), bytes, "[{name}]");
        }
        assert_eq!(decode(bytes), expected, "[{name}]");
    });
}

#[test]
fn each_kind_has_a_vector_and_nothing_else_is_one() {
    let vectors = vectors::taken(VECTORS);
    let has = |beginning: &[u8]| vectors.iter().any(|bytes| bytes.starts_with(beginning));
    let is_message = |beginning: &[u8]| {
        // A record of one byte, where there is one, and nothing after it.
        let fill = |len: usize| [beginning, &[1; 20][..len]].concat();
        (0..20).any(|len| postcard::take_from_bytes::<Message>(&fill(len)).is_ok())
    };
    for kind in 0..0x80 {
        assert_eq!(has(&[FIRST_BYTE, kind]), kind <= 9, "kind {kind}");
        assert_eq!(is_message(&[kind]), kind <= 9, "kind {kind}");
        let wish = has(&[FIRST_BYTE, 0, 0, kind]) || has(&[FIRST_BYTE, 0, 1, kind]);
        assert_eq!(wish, kind <= 4, "wish {kind}");
        assert_eq!(is_message(&[0, 0, kind]), kind <= 4, "wish {kind}");
        assert_eq!(has(&[FIRST_BYTE, 3, kind]), kind <= 3, "reason {kind}");
        assert_eq!(is_message(&[3, kind]), kind <= 3, "reason {kind}");
    }
}
