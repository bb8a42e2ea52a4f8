//! No byte from a peer, and no answer of a confused node, makes the machine panic, spin or send what it shouldn't.

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
use msec_identity::PeerId;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::rig::{items, topic};
use crate::wire::{Step, Wire, WireExtent, WireItem, WireTree, exactly, held, id, named};

const PEERS: u8 = 3;

fn any_peer() -> impl Strategy<Value = PeerId> {
    // One of them is never up.
    (0..=PEERS).prop_map(|n| PeerId([n; 32]))
}

/// Few keys, some of which are held, and some that share long prefixes.
fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        (0u64..8).prop_map(crate::rig::key),
        any::<u8>().prop_map(|last| {
            let mut key = [0x77; 32];
            key[31] = last;
            Key(key)
        }),
        any::<[u8; 32]>().prop_map(Key),
    ]
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..6, Just(u64::MAX), any::<u64>()]
}

fn any_topic() -> impl Strategy<Value = Topic> {
    prop::sample::select(vec!["parks", "parks/noise", "air", "control"]).prop_map(topic)
}

fn any_version() -> impl Strategy<Value = Version> {
    (any_size(), 0u8..4).prop_map(|(size, digest)| Version { size, digest: [digest; 32] })
}

fn any_items() -> impl Strategy<Value = Vec<WireItem>> {
    prop::collection::btree_map(any_key(), (any_topic(), any_version()), 0..8).prop_map(|items| {
        items.into_iter().map(|(key, (topic, version))| WireItem { key, topic, version }).collect()
    })
}

fn any_range() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(vec![0]),
        1 => any_key().prop_map(|key| exactly(&key)),
        1 => any::<u8>().prop_map(|byte| vec![2, byte]),
        1 => any::<u8>().prop_map(|byte| vec![1, byte & 0xf0]),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// Few, so that neighbours tell of the same ones.
fn any_tree() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..6, 1 => any::<u32>()]
}

fn any_extent() -> impl Strategy<Value = WireExtent> {
    prop::sample::select(vec![WireExtent::Changes, WireExtent::Whole, WireExtent::First])
}

/// A distance of some milliseconds or none, and whether we are the parent.
fn any_way() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0u16..300, 1 => 0xfffe_u16.., 1 => any::<u16>()]
}

/// Those of keys that are held, among others.
fn any_ids() -> impl Strategy<Value = Vec<[u8; 8]>> {
    let known = (0u64..8, 1u64..4).prop_map(|(n, size)| id(&crate::rig::key(n), size));
    prop::collection::vec(prop_oneof![2 => known, 1 => any::<[u8; 8]>()], 0..9)
}

fn any_salt() -> impl Strategy<Value = [u8; 8]> {
    (0u8..2).prop_map(|n| [n; 8])
}

fn any_named() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop_oneof![
        any_items().prop_map(|items| named(&items)),
        prop::collection::vec((any::<u64>(), any_size()), 0..4),
    ]
}

fn any_ranges() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![3 => Just(vec![vec![0]]), 1 => prop::collection::vec(any_range(), 0..3)]
}

/// In a box: it is large, and so are those that it is a part of.
fn any_step() -> BoxedStrategy<Step> {
    let resume = prop::option::of((any::<[u8; 4]>(), any_size()));
    let parts = any::<[u8; 8]>().prop_map(|fingerprint| [fingerprint; 16]);
    let cells = prop::collection::vec(any::<u8>(), 0..13 * 6).prop_map(|mut cells| {
        cells.truncate(cells.len() / 13 * 13);
        cells
    });
    prop_oneof![
        (any_salt(), any::<[u8; 8]>(), any::<u32>(), any::<[u8; 4]>(), any_size(), resume).prop_map(
            |(salt, fingerprint, count, epoch, head, resume)| {
                let epoch = [epoch[0] & 1; 4];
                Step::Root { asks: fingerprint[0] > 9, salt, fingerprint, count, epoch, head, resume }
            }
        ),
        any_size().prop_map(|head| Step::Agreed { head }),
        (any_size(), any_size(), any::<bool>(), any_named())
            .prop_map(|(since, upto, more, items)| Step::Changes { since, upto, more, items }),
        (any_salt(), any::<bool>(), prop::collection::vec((any_range(), parts), 0..3))
            .prop_map(|(salt, exact, splits)| Step::Summary { salt, exact, splits }),
        (any_ranges(), any_named()).prop_map(|(ranges, items)| Step::Listing { ranges, items }),
        (any_salt(), any::<u32>(), any_ranges(), prop::option::of(any_size()), 0u32..8, cells).prop_map(
            |(salt, count, ranges, head, first, cells)| {
                let ranges = if first > 0 { vec![] } else { ranges };
                Step::Codes { salt, count, head, ranges, first, cells }
            }
        ),
        (any_salt(), any::<u32>(), any::<u32>()).prop_map(|(salt, first, upto)| Step::More {
            salt,
            first,
            upto
        }),
    ]
    .boxed()
}

fn any_wire() -> BoxedStrategy<Wire> {
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        (any_tree(), any_key(), any_size(), bytes.clone()).prop_map(|(tree, key, size, payload)| {
            Wire::Push { tree: tree.to_be_bytes(), key, size, payload }
        }),
        any_step().prop_map(Wire::Reconcile),
        any_step().prop_map(Wire::Reconcile),
        any_step().prop_map(Wire::Reconcile),
        (any_range(), any_items()).prop_map(|(range, items)| Wire::List { range, items }),
        (any::<bool>(), any_items()).prop_map(|(ask, items)| Wire::Have { ask, items }),
        (any_size(), any_key(), any_size(), any::<u32>()).prop_map(|(id, key, from, kib_max)| Wire::Want {
            id,
            key,
            from,
            kib_max
        }),
        any_size().prop_map(|id| Wire::Unserved { id }),
        (any_size(), bytes).prop_map(|(id, payload)| Wire::Chunk { id, payload }),
        (any_extent(), prop::collection::vec((1u32..6, any_way()), 0..12))
            .prop_map(|(extent, steps)| Wire::Tree(WireTree::Vector { extent, steps })),
        any::<[u8; 8]>().prop_map(|sum| Wire::Tree(WireTree::Check { sum })),
        Just(Wire::Tree(WireTree::Retell)),
        any_ids().prop_map(|ids| Wire::Ihave { ids }),
        any_ids().prop_map(|ids| Wire::Fetch { ids }),
        any::<bool>().prop_map(|on| Wire::Feed { on }),
        (any_salt(), any_named()).prop_map(|(salt, items)| Wire::Offer { salt, items }),
        (any_salt(), any_items()).prop_map(|(salt, items)| held(salt, &items)),
        (any_salt(), prop::collection::btree_set(any::<u16>(), 0..4)).prop_map(|(salt, lacking)| {
            Wire::Held { salt, fingerprint: [7; 8], lacking: lacking.into_iter().collect() }
        }),
    ]
    .boxed()
}

fn any_interest() -> impl Strategy<Value = Interest> {
    prop::sample::select(vec![vec![""], vec![], vec!["parks"], vec!["air", "control"]])
        .prop_map(|prefixes| Interest::of(prefixes).unwrap())
}

fn any_message() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any_wire(), 1..4).prop_map(|messages| Wire::frame(&messages)),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => (any_wire(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(wire, at, with)| {
            let mut bytes = wire.encode();
            let at = at.index(bytes.len());
            bytes[at] = with;
            bytes
        }),
    ]
    .boxed()
}

fn any_input() -> impl Strategy<Value = Input> {
    let some_peer = prop::option::of(any_peer());
    prop_oneof![
        20 => (any_peer(), any_message()).prop_map(|(from, bytes)| Input::Received { from, bytes }),
        3 => (any_peer(), any_interest(), any::<bool>()).prop_map(|(peer, interest, leaf)| Input::NeighbourUp { peer, interest, leaf }),
        1 => any_peer().prop_map(|peer| Input::NeighbourDown { peer }),
        1 => (any_peer(), any::<u32>())
            .prop_map(|(peer, micros)| Input::Cost { peer, cost: Duration::from_micros(micros.into()) }),
        4 => (any_key(), any_topic(), any_version(), some_peer, any::<bool>()).prop_map(
            |(key, topic, version, from, live)| {
                let payload = live.then(|| b"payload".to_vec());
                Input::Accepted { key, topic, version, from, origin: None, payload }
            }
        ),
        2 => (any_key(), any_version()).prop_map(|(key, version)| Input::Durable { key, version, number: None }),
        2 => (any_key(), prop::option::of(any_topic()), any_peer(), any_size())
            .prop_map(|(key, topic, from, have)| Input::Gap { key, topic, from, have }),
        2 => (any_key(), any_peer(), any_size()).prop_map(|(key, from, have)| Input::Trace { key, from, have }),
        2 => (any_key(), any_peer()).prop_map(|(key, from)| Input::Refused { key, from }),
        1 => (any_key(), any_peer()).prop_map(|(key, from)| Input::PutOff { key, from }),
        2 => (any_peer(), any_key(), any_size(), prop::option::of(Just(vec![1])))
            .prop_map(|(to, key, from, chunk)| Input::Served { to, key, from, chunk }),
        1 => (any_peer(), any_message()).prop_map(|(peer, frame)| Input::Shed { peer, frame }),
        1 => (0usize..64 << 10).prop_map(|bytes| Input::Room { bytes }),
        3 => Just(Input::Timeout),
    ]
}

/// What may come out, whatever went in.
fn check(gossip: &Gossip, config: &Config, output: &Output) {
    let to = match output {
        Output::Send { to, bytes, .. } => {
            assert!(bytes.len() <= config.message_bytes_max);
            for message in Wire::decode(bytes) {
                match message {
                    Wire::Have { items, .. } => assert!((1..=config.list_max).contains(&items.len())),
                    Wire::List { items, .. } => assert!(items.len() <= config.list_max),
                    Wire::Ihave { ids } | Wire::Fetch { ids } => assert!((1..=256).contains(&ids.len())),
                    Wire::Tree(WireTree::Vector { steps, .. }) => assert!(steps.len() <= 512),
                    Wire::Reconcile(_) => {}
                    Wire::Push { .. } | Wire::Want { .. } | Wire::Chunk { .. } | Wire::Unserved { .. } => {}
                    Wire::Offer { items, .. } => assert!((1..=config.offers_max).contains(&items.len())),
                    Wire::Tree(_) | Wire::Feed { .. } | Wire::Held { .. } => {}
                }
            }
            to
        }
        Output::Serve { to, .. } => to,
        Output::Deliver { from, .. } | Output::Conflict { from, .. } | Output::Violation { from, .. } => from,
    };
    assert!(gossip.neighbours().any(|peer| peer == *to), "nothing concerns a stranger");
}

/// A want's id never stands for two keys with one neighbour, whatever links come and go.
fn check_ids(asked: &mut BTreeMap<(PeerId, u64), [u8; 6]>, output: &Output) {
    let Output::Send { to, bytes, .. } = output else { return };
    for message in Wire::decode(bytes) {
        if let Wire::Want { id, key, .. } = message {
            let name = *key.0.first_chunk().unwrap();
            assert_eq!(*asked.entry((*to, id)).or_insert(name), name, "id {id}");
        }
    }
}

/// However full the tables were made, they stay in their bounds.
fn bounded(gossip: &Gossip, config: &Config) {
    for (what, is, may) in gossip.table_sizes().bounds(config) {
        assert!(is <= may, "{is} {what}, at most {may} are allowed");
    }
}

fn small() -> Config {
    Config {
        list_max: 3,
        offers_max: 4,
        hearsay_max: 6,
        wants_in_flight_max: 2,
        serves_in_flight_max: 2,
        trees_max: 3,
        fetches_max: 3,
        recent_max: 4,
        recent_bytes_max: 40,
        backoffs_max: 3,
        conflicts_max: 2,
        neighbours_max: 3,
        cursors_max: 2,
        control: Interest::of(["control"]).unwrap(),
        ..Config::default()
    }
}

/// A machine that holds five keys, and has neighbours.
fn machine(config: &Config, interest: &Interest) -> Gossip {
    let mut gossip = Gossip::new(config.clone(), PeerId([0xff; 32]), interest.clone(), [1; 32]);
    for WireItem { key, topic, version } in items(5, "parks", 3) {
        let accepted = Input::Accepted { key, topic, version, from: None, origin: None, payload: None };
        gossip.handle(Duration::ZERO, accepted);
        gossip.handle(Duration::ZERO, Input::Durable { key, version, number: None });
    }
    for peer in 0..PEERS {
        let (peer, interest) = (PeerId([peer; 32]), Interest::all());
        gossip.handle(Duration::ZERO, Input::NeighbourUp { peer, interest, leaf: false });
    }
    while gossip.poll_output().is_some() {}
    gossip
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic_spin_or_misbehave(
        interest in any_interest(),
        leaf in any::<bool>(),
        inputs in prop::collection::vec((0u64..4_000, any_input()), 1..120),
    ) {
        let config = Config { leaf, ..small() };
        let mut gossip = machine(&config, &interest);
        // Were the order of a map in what comes out, then the second one would say something else.
        let mut other = machine(&config, &interest);
        let mut now = Duration::ZERO;
        let mut asked = BTreeMap::new();
        for (pause, input) in inputs {
            now += Duration::from_millis(pause);
            other.handle(now, input.clone());
            gossip.handle(now, input);
            let mut outputs = 0;
            while let Some(output) = gossip.poll_output() {
                check(&gossip, &config, &output);
                check_ids(&mut asked, &output);
                prop_assert_eq!(other.poll_output(), Some(output));
                outputs += 1;
            }
            prop_assert!(outputs < 1_000 && other.poll_output().is_none());
            bounded(&gossip, &config);
            prop_assert!(gossip.poll_timeout().is_none_or(|deadline| deadline > now), "a timer that doesn't rest");
        }
    }

    #[test]
    fn arbitrary_bytes_are_violations_or_messages(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut gossip = Gossip::new(small(), PeerId([0xff; 32]), Interest::all(), [1; 32]);
        let from = PeerId([1; 32]);
        gossip.handle(Duration::ZERO, Input::NeighbourUp { peer: from, interest: Interest::all(), leaf: false });
        while gossip.poll_output().is_some() {}
        gossip.handle(Duration::ZERO, Input::Received { from, bytes: bytes.clone() });
        let violations = std::iter::from_fn(|| gossip.poll_output())
            .filter(|output| matches!(output, Output::Violation { .. })).count() as u64;
        prop_assert_eq!(violations, gossip.stats().decode_errors);
        prop_assert!(violations == 1 || bytes[0] == 2);
    }
}
