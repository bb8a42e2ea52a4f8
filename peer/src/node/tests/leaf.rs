//! Leaves: what they leave to relays.

use super::prefixes::Town;
use super::*;

#[test]
fn a_leaf_hands_nothing_on_and_is_fed_by_one_of_its_relays() {
    let relay = |seed| rig(seed, &[Right::Relay, Right::Read], Config::default());
    let phone = rig(5, &[Right::Read], Config { role: Role::Leaf, ..Config::default() });
    let mut town = Town::with([sensor(), relay(3), relay(4), phone]);
    let [writer, one, other, phone] = [0, 1, 2, 3];
    for (a, b) in [(writer, one), (one, other), (phone, one), (phone, other)] {
        town.link(a, b);
    }
    town.run(5);
    for value in 1..=5 {
        town.rigs[writer].publish(value, value as f64);
        town.run(1);
    }
    assert_eq!(town.stored(phone).len(), 5);
    let of = |peer: usize| town.rigs[peer].node.gossip_stats();
    assert_eq!((of(phone).pushed, of(phone).duplicates), (0, 0));
    assert!(
        of(one).pushed + of(other).pushed <= 11,
        "each entry once to the other relay, and once to the phone"
    );
}
