//! Messages that are under way while trees move: they are carried here as gossip does it.

use std::collections::BTreeMap;

use super::*;

/// A message of `tree` that `from` begins now, and a second. Whoever gets it passes it on to those who are next to it in
/// the tree at that moment.
fn reached(net: &mut Net, tree: TreeId, from: usize) -> Vec<usize> {
    let mut got = BTreeMap::from([(from, usize::MAX)]);
    let mut under_way = Vec::new();
    let mut new = vec![from];
    for _ in 0..1_000 {
        for node in new.drain(..) {
            let others = (0..net.nodes.len()).filter(|other| *other != got[&node]);
            for other in others.filter(|other| net.nodes[node].joins(tree, &peer(*other))) {
                let cost = net.links[&(node.min(other), node.max(other))];
                under_way.push((net.now + ms(cost), node, other));
            }
        }
        net.run_for(ms(1));
        under_way.retain(|(at, from, to)| {
            let comes = *at <= net.now;
            if comes && !got.contains_key(to) {
                got.insert(*to, *from);
                new.push(*to);
            }
            !comes
        });
    }
    got.into_keys().collect()
}

fn leave(net: &mut Net, a: usize, b: usize) {
    for (at, other) in [(a, b), (b, a)] {
        net.nodes[at].leaving(net.now, &peer(other));
        net.post(at);
    }
}

/// The root, its child, and the other neighbour of that which isn't feasible; the nearest one is a descendant of the child.
fn trap() -> (Net, [usize; 3]) {
    let mut names: Vec<usize> = (0..6).collect();
    names.sort_by_key(|node| TreeId::of(&peer(*node)).0);
    let links = [(0, 1, 10), (0, 2, 40), (2, 3, 10), (1, 3, 60), (1, 4, 10), (4, 5, 10), (1, 5, 50)];
    let links = links.map(|(a, b, cost)| (names[a], names[b], cost));
    (Net::new(6, &links).settled(), [names[0], names[1], names[3]])
}

#[test]
fn a_link_that_is_left_in_peace_leaves_no_hole_and_one_that_breaks_does() {
    for (peace, whole) in [(true, true), (false, false)] {
        let (mut net, [root, child, other]) = trap();
        let tree = net.nodes[root].me;
        assert_eq!(net.parent(child, tree), Some(root));
        let mut missed = 0;
        if peace {
            leave(&mut net, root, child);
            for _ in 0..4 {
                missed += 6 - reached(&mut net, tree, root).len();
            }
            assert_eq!(net.parent(child, tree), Some(other), "by then there is another way");
        }
        net.unlink(root, child);
        for _ in 0..4 {
            missed += 6 - reached(&mut net, tree, root).len();
        }
        assert_eq!(missed == 0, whole, "{missed} missed");
        net.check_settled();
    }
}

/// The former parent is near and hears at once that it is none any more; the new one is far, and may have passed on a
/// message just before it heard that it is.
#[test]
fn a_message_that_comes_by_while_the_parent_changes_misses_nobody() {
    for offset in (0..800).step_by(10) {
        let mut net = Net::new(4, &[(0, 1, 50), (1, 3, 5), (0, 2, 5), (2, 3, 60)]).settled();
        let tree = net.nodes[0].me;
        assert_eq!(net.parent(3, tree), Some(1));
        net.cost(0, 1, 80);
        net.run_for(ms(offset));
        assert_eq!(reached(&mut net, tree, 0), [0, 1, 2, 3], "{offset} ms after");
        assert_eq!(net.parent(3, tree), Some(2));
    }
}
