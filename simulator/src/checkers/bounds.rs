//! What is bounded stays within its bound.

use msec_identity::handshake::MESSAGE_BYTES_MAX;

use super::Checker;
use crate::link::QUEUE_BYTES_MAX;
use crate::world::World;

/// The longest message after the handshake; as the driver reads them.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The checker. What it sees is what a driver sees: links, logs, commits and reads under way, the length of messages, and
/// whether a node asks to be woken for ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds;

const _: () = assert!(FRAME_BYTES_MAX <= QUEUE_BYTES_MAX, "every message that may be sent fits into a queue");

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let traffic = world.traffic();
        let mut found = Vec::new();
        for (what, is, bound) in [
            ("bytes of a handshake message", traffic.longest_handshake, MESSAGE_BYTES_MAX),
            ("bytes of a message", traffic.longest_message, FRAME_BYTES_MAX),
            ("nodes that would spin", usize::try_from(world.spins()).unwrap_or(usize::MAX), 0),
        ] {
            if is > bound {
                found.push(format!("{is} {what}, at most {bound} are allowed"));
            }
        }
        for peer in world.peers() {
            let (Some(node), Some(spec)) = (world.node(peer), world.spec(peer)) else { continue };
            let settings = &spec.settings;
            let (commits, reads) = world.disk_waiting(peer);
            let reads_max = settings.links_max * settings.gossip.serves_in_flight_max;
            for (what, is, bound) in [
                ("links", node.neighbours().count(), settings.links_max),
                ("logs", node.frontier().count(), settings.logs_max),
                ("commits at once", commits, 1),
                ("reads at once", reads, reads_max),
            ] {
                if is > bound {
                    found.push(format!("peer {peer} has {is} {what}, at most {bound} are allowed"));
                }
            }
        }
        found
    }

    fn at_end(&mut self, _: &World) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::testing::{GATEWAY, NOTHING, publish, small_world};

    #[test]
    fn a_gateway_with_more_than_it_may_hold_is_found() {
        let mut world = small_world();
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(Bounds.during(&world), NOTHING);

        // The node has two links and one log; now it is said to be allowed fewer.
        world.spec_mut(GATEWAY).settings.links_max = 1;
        world.spec_mut(GATEWAY).settings.logs_max = 0;
        let found = Bounds.during(&world);
        let expected =
            ["peer 0 has 2 links, at most 1 are allowed", "peer 0 has 1 logs, at most 0 are allowed"];
        assert_eq!(found, expected);
    }
}
