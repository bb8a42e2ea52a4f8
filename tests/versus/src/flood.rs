//! The ideal: everybody tells all neighbours at once. Nothing that uses the same links is faster.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::network::NodeId;
use crate::protocol::Protocol;
use crate::queue::Micros;
use crate::world::World;

/// When a flood from `sender` reaches its last node, over the links of this moment (Dijkstra, 1959), and how many it
/// reaches besides.
pub fn flood<P: Protocol>(world: &World<P>, sender: NodeId) -> (Micros, u64) {
    let mut reached = vec![Micros::MAX; world.len() as usize];
    reached[sender as usize] = 0;
    let mut next = BinaryHeap::from([Reverse((0, sender))]);
    while let Some(Reverse((time, node))) = next.pop() {
        if time > reached[node as usize] {
            continue;
        }
        for peer in world.machine(node).neighbours() {
            let there = time + world.network.latency(node, peer);
            if world.network.reaches(node, peer) && there < reached[peer as usize] {
                reached[peer as usize] = there;
                next.push(Reverse((there, peer)));
            }
        }
    }
    let times = || reached.iter().filter(|time| **time != Micros::MAX);
    (times().copied().max().unwrap_or(0), times().count() as u64 - 1)
}
